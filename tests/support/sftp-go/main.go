// sftp-go is github.com/pkg/sftp on standard input and output, for tests/interop/sftp.test.mjs: a
// second implementation, which answers reads and writes out of order.
//
//	sftp-go            its Server, on the file system
//	sftp-go -requests  its RequestServer, on files in memory: no posix-rename, no permissions
package main

import (
	"flag"
	"io"
	"log"
	"os"

	"github.com/pkg/sftp"
)

type stdio struct{}

func (stdio) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (stdio) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (stdio) Close() error                { return os.Stdout.Close() }

type server interface{ Serve() error }

func main() {
	requests := flag.Bool("requests", false, "files in memory")
	flag.Parse()
	var s server
	var err error
	if *requests {
		s = sftp.NewRequestServer(stdio{}, sftp.InMemHandler())
	} else {
		s, err = sftp.NewServer(stdio{})
	}
	if err == nil {
		err = s.Serve()
	}
	if err != nil && err != io.EOF {
		log.Fatal(err)
	}
}
