// What a Go programmer writes for the same job: net/http and klauspost's compress, with the
// encoders and decoders kept in pools. Prints "listening 127.0.0.1:PORT".
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

type encoder interface {
	io.WriteCloser
	Reset(io.Writer)
}

// Answers with the posted body, encoded.
func encodes(make func() encoder) http.HandlerFunc {
	pool := sync.Pool{New: func() any { return make() }}
	return func(answer http.ResponseWriter, request *http.Request) {
		encoder := pool.Get().(encoder)
		defer pool.Put(encoder)
		encoder.Reset(answer)
		if _, err := io.Copy(encoder, request.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		if encoder.Close() != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

type decoder interface {
	io.Reader
	Reset(io.Reader) error
}

// Answers with the posted body, decoded.
func decodes(make func() decoder) http.HandlerFunc {
	pool := sync.Pool{New: func() any { return make() }}
	return func(answer http.ResponseWriter, request *http.Request) {
		decoder := pool.Get().(decoder)
		defer pool.Put(decoder)
		if decoder.Reset(request.Body) != nil {
			panic(http.ErrAbortHandler)
		}
		if _, err := io.Copy(answer, decoder); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

func main() {
	http.HandleFunc("/gzip", encodes(func() encoder {
		made, _ := gzip.NewWriterLevel(nil, 1)
		return made
	}))
	http.HandleFunc("/zstd", encodes(func() encoder {
		made, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		return made
	}))
	http.HandleFunc("/gunzip", decodes(func() decoder { return new(gzip.Reader) }))
	http.HandleFunc("/unzstd", decodes(func() decoder {
		made, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
		return made
	}))
	listening, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("listening", listening.Addr())
	panic(http.Serve(listening, nil))
}
