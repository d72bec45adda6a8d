package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"sync"

	"golang.org/x/crypto/curve25519"
)

// vectors is one file of "name = hex" lines.
type vectors struct {
	text bytes.Buffer
}

func (v *vectors) comment(format string, args ...any) {
	fmt.Fprintf(&v.text, "# "+format+"\n", args...)
}

func (v *vectors) add(name string, value []byte) {
	fmt.Fprintf(&v.text, "%s = %x\n", name, value)
}

// privateKey is a clamped Curve25519 key made from its name.
func privateKey(name string) []byte {
	k := sha256.Sum256([]byte("test vector key: " + name))
	clamp(k[:])
	return k[:]
}

func publicKey(private []byte) []byte {
	public, err := curve25519.X25519(private, curve25519.Basepoint)
	check(err)
	return public
}

func clamp(k []byte) {
	k[0] &= 248
	k[31] = k[31]&127 | 64
}

// pattern is len bytes that differ from those of other seeds.
func pattern(seed byte, length int) []byte {
	b := make([]byte, length)
	for i := range b {
		b[i] = seed + byte(i*7)
	}
	return b
}

// recorder is a random source with fixed output that remembers what it gave out, so that the
// ephemeral keys of implementations that keep them to themselves can be exported.
type recorder struct {
	mu      sync.Mutex
	seed    string
	counter uint64
	reads   [][]byte
}

func newRecorder() *recorder { return &recorder{} }

func (r *recorder) install() { rand.Reader = r }

func (r *recorder) restart(seed string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seed, r.counter, r.reads = seed, 0, nil
}

func (r *recorder) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n := 0; n < len(b); {
		block := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(r.seed), r.counter))
		r.counter++
		n += copy(b[n:], block[:])
	}
	r.reads = append(r.reads, bytes.Clone(b))
	return len(b), nil
}

// privateOf is the private key that was drawn for a public key.
func (r *recorder) privateOf(public []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, read := range r.reads {
		if len(read) != 32 {
			continue
		}
		k := bytes.Clone(read)
		clamp(k)
		if bytes.Equal(publicKey(k), public) {
			return k
		}
	}
	panic("no such key was drawn")
}

// tap is a connection that keeps what was read from and written to it.
type tap struct {
	net.Conn
	mu            sync.Mutex
	read, written bytes.Buffer
}

func (t *tap) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.read.Write(b[:n])
	return n, err
}

func (t *tap) Write(b []byte) (int, error) {
	t.mu.Lock()
	t.written.Write(b)
	t.mu.Unlock()
	return t.Conn.Write(b)
}

func (t *tap) recorded() (read, written []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.read.Bytes()), bytes.Clone(t.written.Bytes())
}
