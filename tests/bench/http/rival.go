// What a Go programmer writes for the same job: net/http and klauspost's compress, with the
// encoders, decoders and bodies kept in pools. net/http closes a request's body when the answer
// begins (until EnableFullDuplex of Go 1.21), so the whole body is read first.
// Prints "listening 127.0.0.1:PORT".
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Hands the whole body of a request to a handler.
func whole(handle func(http.ResponseWriter, *bytes.Buffer) error) http.HandlerFunc {
	return func(answer http.ResponseWriter, request *http.Request) {
		body := bodies.Get().(*bytes.Buffer)
		defer bodies.Put(body)
		body.Reset()
		body.Grow(int(request.ContentLength) + bytes.MinRead)
		_, err := body.ReadFrom(request.Body)
		if err == nil {
			err = handle(answer, body)
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

type encoder interface {
	io.WriteCloser
	Reset(io.Writer)
}

// Answers with the posted body, encoded.
func encodes(make func() encoder) http.HandlerFunc {
	pool := sync.Pool{New: func() any { return make() }}
	return whole(func(answer http.ResponseWriter, body *bytes.Buffer) error {
		encoder := pool.Get().(encoder)
		defer pool.Put(encoder)
		encoder.Reset(answer)
		if _, err := encoder.Write(body.Bytes()); err != nil {
			return err
		}
		return encoder.Close()
	})
}

type decoder interface {
	io.Reader
	Reset(io.Reader) error
}

// Answers with the posted body, decoded.
func decodes(make func() decoder) http.HandlerFunc {
	pool := sync.Pool{New: func() any { return make() }}
	return whole(func(answer http.ResponseWriter, body *bytes.Buffer) error {
		decoder := pool.Get().(decoder)
		defer pool.Put(decoder)
		if err := decoder.Reset(body); err != nil {
			return err
		}
		_, err := io.Copy(answer, decoder)
		return err
	})
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
