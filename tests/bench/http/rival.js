// What a Node programmer writes for the same job: http and zlib, in the fastest way for one core,
// which is the synchronous one. Prints "listening 127.0.0.1:PORT".
const http = require('http');
const zlib = require('zlib');

const encoders = {
  '/gzip': (body) => zlib.gzipSync(body, {level: 1}),
  '/br': (body) => zlib.brotliCompressSync(body, {
    params: {
      [zlib.constants.BROTLI_PARAM_QUALITY]: 4,
      [zlib.constants.BROTLI_PARAM_SIZE_HINT]: body.length,
    },
  }),
};

const server = http.createServer((request, answer) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    const body = encoders[request.url](pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
    answer.writeHead(200, {'Content-Length': body.length});
    answer.end(body);
  });
});
server.listen(0, '127.0.0.1', () => console.log(`listening 127.0.0.1:${server.address().port}`));
