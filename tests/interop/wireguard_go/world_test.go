package interop

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tailscale/wireguard-go/conn"
	"github.com/tailscale/wireguard-go/device"
	"github.com/tailscale/wireguard-go/tun/tuntest"
)

// path is what the network between the two ends does to each datagram.
type path struct {
	delay, jitter time.Duration
	lossPercent   int
}

// world is our device in a process of its own and wireguard-go in this one, joined by a simulated
// network. All of it runs in a synctest bubble: time is virtual and passes only while both wait.
type world struct {
	t        *testing.T
	path     path
	ours     ours
	goKey    *ecdh.PrivateKey
	goDevice *device.Device
	goTUN    *tuntest.ChannelTUN
	bind     *bind
	requests chan func()
	stop     chan struct{}
	stopped  chan struct{}
	received chan []byte

	start time.Time
	trace []string // the first datagrams, shown if the test fails

	initiation []byte // our last one
	cookies    int    // that wireguard-go sent
}

type ours struct {
	key           *ecdh.PrivateKey
	cmd           *exec.Cmd
	in            io.WriteCloser
	out           io.Reader
	deadline      uint64
	session       bool
	result        int32
	lastTimestamp uint64
	handshakes    uint64
}

func newKey() *ecdh.PrivateKey {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func newWorld(t *testing.T, p path) *world {
	program := os.Getenv("WG_STDIO")
	if program == "" {
		t.Fatal("WG_STDIO must name the program built from wg_stdio.c")
	}
	w := &world{
		t: t, path: p, goKey: newKey(), requests: make(chan func()), stop: make(chan struct{}),
		stopped: make(chan struct{}), received: make(chan []byte, 10000), start: time.Now(),
	}
	w.ours.key = newKey()
	w.ours.cmd = exec.Command(program)
	w.ours.cmd.Stderr = os.Stderr
	in, err := w.ours.cmd.StdinPipe()
	check(t, err)
	out, err := w.ours.cmd.StdoutPipe()
	check(t, err)
	w.ours.in, w.ours.out = in, out
	check(t, w.ours.cmd.Start())
	w.startOurs(0)
	w.startGo(true)
	go w.run()
	return w
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) close() {
	if w.t.Failed() {
		w.t.Log(strings.Join(w.trace, "\n"))
	}
	close(w.stop)
	<-w.stopped
	w.goDevice.Close()
	w.ours.in.Close()
	if err := w.ours.cmd.Wait(); err != nil {
		w.t.Errorf("our device: %v", err)
	}
}

// startOurs makes our device anew with the same key, as a restarted program would.
func (w *world) startOurs(lastTimestamp uint64) {
	payload := append(w.ours.key.Bytes(), w.goKey.PublicKey().Bytes()...)
	w.call('k', binary.LittleEndian.AppendUint64(payload, lastTimestamp))
}

// startGo makes the wireguard-go device; with known it has us as a peer from the start.
func (w *world) startGo(known bool) {
	w.goTUN = tuntest.NewChannelTUN()
	w.bind = &bind{rx: make(chan []byte, 100000), send: w.fromGo}
	w.goDevice = device.NewDevice(w.goTUN.TUN(), w.bind, device.NewLogger(device.LogLevelError, "go "))
	config := fmt.Sprintf("private_key=%x\nlisten_port=0\n", w.goKey.Bytes())
	check(w.t, w.goDevice.IpcSet(config))
	if known {
		check(w.t, w.goDevice.IpcSet(fmt.Sprintf(
			"public_key=%x\nallowed_ip=10.0.0.1/32\nallowed_ip=fd00::1/128\nendpoint=127.0.0.1:1\n",
			w.ours.key.PublicKey().Bytes())))
	}
	check(w.t, w.goDevice.Up())
}

// knowUs lets wireguard-go learn of us on demand, the way tailscaled does.
func (w *world) knowUs() {
	var us device.NoisePublicKey
	copy(us[:], w.ours.key.PublicKey().Bytes())
	w.goDevice.SetPeerLookupFunc(func(key device.NoisePublicKey) (*device.NewPeerConfig, bool) {
		if key != us {
			return nil, false
		}
		return &device.NewPeerConfig{
			AllowedIPs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("fd00::1/128")},
			Endpoint:   endpoint{},
		}, true
	})
}

// run owns our device: it makes the requests and the ticks.
func (w *world) run() {
	defer close(w.stopped)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-w.stop:
			return
		case request := <-w.requests:
			request()
		case <-timer.C:
			w.call('t', nil)
		}
		if w.ours.deadline == ^uint64(0) {
			timer.Stop()
		} else {
			timer.Reset(time.Until(time.UnixMilli(int64(w.ours.deadline))))
		}
	}
}

// call makes one request and carries its results away.
func (w *world) call(kind byte, payload []byte) {
	frame := []byte{kind}
	frame = binary.LittleEndian.AppendUint64(frame, uint64(time.Now().UnixMilli()))
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(payload)))
	if _, err := w.ours.in.Write(append(frame, payload...)); err != nil {
		panic(err)
	}
	for {
		var head [5]byte
		if _, err := io.ReadFull(w.ours.out, head[:]); err != nil {
			panic(err)
		}
		body := make([]byte, binary.LittleEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(w.ours.out, body); err != nil {
			panic(err)
		}
		switch head[0] {
		case 'd':
			w.note("we send           ", body)
			if body[0] == device.MessageInitiationType {
				w.initiation = body
			}
			w.after(func() { w.bind.rx <- body })
		case 'p':
			w.received <- body
		case 'e':
			w.ours.deadline = binary.LittleEndian.Uint64(body)
			w.ours.session = body[8] != 0
			w.ours.result = int32(binary.LittleEndian.Uint32(body[9:]))
			w.ours.lastTimestamp = binary.LittleEndian.Uint64(body[13:])
			w.ours.handshakes = binary.LittleEndian.Uint64(body[21:])
			return
		}
	}
}

// do makes a request from a test.
func (w *world) do(kind byte, payload ...byte) {
	done := make(chan struct{})
	select {
	case w.requests <- func() { w.call(kind, payload); close(done) }:
		<-done
	case <-w.stopped:
	}
}

var traceLock sync.Mutex

func (w *world) note(what string, datagram []byte) {
	traceLock.Lock()
	defer traceLock.Unlock()
	if len(w.trace) < 60 {
		w.trace = append(w.trace, fmt.Sprintf("%6d ms %s type %d, %4d bytes, %x", time.Since(w.start).Milliseconds(),
			what, datagram[0], len(datagram), datagram[4:16]))
	}
}

// after lets the network carry something, or lose it.
func (w *world) after(deliver func()) {
	if mathrand.IntN(100) < w.path.lossPercent {
		return
	}
	delay := w.path.delay
	if w.path.jitter > 0 {
		delay += mathrand.N(w.path.jitter)
	}
	time.AfterFunc(delay, deliver)
}

func (w *world) fromGo(datagram []byte) {
	w.note("wireguard-go sends", datagram)
	if datagram[0] == device.MessageCookieReplyType {
		w.cookies++
	}
	w.after(func() {
		select {
		case w.requests <- func() { w.call('d', datagram) }:
		case <-w.stopped:
		}
	})
}

// bind gives wireguard-go the network.
type bind struct {
	rx     chan []byte
	send   func([]byte)
	closed chan struct{}
}

type endpoint struct{}

func (endpoint) ClearSrc()           {}
func (endpoint) SrcToString() string { return "" }
func (endpoint) DstToString() string { return "127.0.0.1:1" }
func (endpoint) DstToBytes() []byte  { return []byte{1} }
func (endpoint) DstIP() netip.Addr   { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }
func (endpoint) SrcIP() netip.Addr   { return netip.Addr{} }

func (b *bind) Open(uint16) ([]conn.ReceiveFunc, uint16, error) {
	b.closed = make(chan struct{})
	return []conn.ReceiveFunc{b.receive}, 1, nil
}

func (b *bind) Close() error {
	if b.closed != nil {
		close(b.closed)
		b.closed = nil
	}
	return nil
}

func (b *bind) receive(bufs [][]byte, sizes []int, eps []conn.Endpoint) (int, error) {
	closed := b.closed
	if closed == nil {
		return 0, net.ErrClosed
	}
	n := 0
	take := func(datagram []byte) {
		sizes[n], eps[n] = copy(bufs[n], datagram), endpoint{}
		n++
	}
	select {
	case <-closed:
		return 0, net.ErrClosed
	case datagram := <-b.rx:
		take(datagram)
	}
	for n < len(bufs) {
		select {
		case datagram := <-b.rx:
			take(datagram)
		default:
			return n, nil
		}
	}
	return n, nil
}

func (b *bind) BatchSize() int                              { return 128 }
func (b *bind) SetMark(uint32) error                        { return nil }
func (b *bind) ParseEndpoint(string) (conn.Endpoint, error) { return endpoint{}, nil }
func (b *bind) Send(bufs [][]byte, _ conn.Endpoint, offset int) error {
	for _, buf := range bufs {
		b.send(bytes.Clone(buf[offset:]))
	}
	return nil
}

// packet is an IPv4 or IPv6 packet of that many bytes (at least 48) with a number in it.
func packet(fromUs bool, number uint32, length int, v6 bool) []byte {
	src, dst := byte(1), byte(2)
	if !fromUs {
		src, dst = dst, src
	}
	p := make([]byte, length)
	header := 20
	if v6 {
		header = 40
		p[0] = 0x60
		binary.BigEndian.PutUint16(p[4:], uint16(length-header))
		p[8], p[24] = 0xfd, 0xfd
		p[23], p[39] = src, dst
	} else {
		p[0] = 0x45
		binary.BigEndian.PutUint16(p[2:], uint16(length))
		p[12], p[15], p[16], p[19] = 10, src, 10, dst
	}
	binary.LittleEndian.PutUint32(p[header:], number)
	for i := header + 4; i < length; i++ {
		p[i] = byte(int(number) + i)
	}
	return p
}

// arrives waits for a packet at one end.
func (w *world) arrives(atGo bool, want []byte, within time.Duration) bool {
	source := w.received
	if atGo {
		source = w.goTUN.Inbound
	}
	timeout := time.After(within)
	for {
		select {
		case got := <-source:
			if bytes.Equal(got, want) {
				return true
			}
		case <-timeout:
			return false
		}
	}
}

// there and back: a packet of ours to wireguard-go, or one of its to us.
func (w *world) there(number uint32, length int, v6 bool, within time.Duration) bool {
	p := packet(true, number, length, v6)
	w.do('s', p...)
	return w.arrives(true, p, within)
}

func (w *world) back(number uint32, length int, v6 bool, within time.Duration) bool {
	p := packet(false, number, length, v6)
	w.goTUN.Outbound <- p
	return w.arrives(false, p, within)
}
