package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/tailscale/wireguard-go/conn"
	"github.com/tailscale/wireguard-go/conn/bindtest"
	"github.com/tailscale/wireguard-go/device"
	"github.com/tailscale/wireguard-go/tun/tuntest"
)

// wireguardVectors records what two devices of wireguard-go send each other.
func wireguardVectors(v *vectors, random *recorder) {
	v.comment("Two wireguard-go devices, without (prefix plain) and with (prefix psk) a pre-shared key.")
	v.comment("The initiator is 10.0.0.1, the responder 10.0.0.2. datagramN_from is 00 for the initiator;")
	v.comment("datagramN_inner is the IP packet inside a transport message (empty: keep-alive).")
	wireguardSession(v, random, "plain", nil)
	wireguardSession(v, random, "psk", pattern(0x77, 32))
	wireguardCookie(v)
}

type datagram struct {
	from byte
	data []byte
}

// wire collects the datagrams of both devices in the order they were sent.
type wire struct {
	mu        sync.Mutex
	datagrams []datagram
}

type tapBind struct {
	conn.Bind
	from byte
	wire *wire
}

func (t *tapBind) Send(bufs [][]byte, ep conn.Endpoint, offset int) error {
	t.wire.mu.Lock()
	for _, b := range bufs {
		t.wire.datagrams = append(t.wire.datagrams, datagram{t.from, bytes.Clone(b[offset:])})
	}
	t.wire.mu.Unlock()
	return t.Bind.Send(bufs, ep, offset)
}

func wireguardDevice(private, peer, psk []byte, allowed, endpoint string, bind conn.Bind) (*device.Device, *tuntest.ChannelTUN) {
	tun := tuntest.NewChannelTUN()
	dev := device.NewDevice(tun.TUN(), bind, device.NewLogger(device.LogLevelError, "gen "))
	config := []string{
		fmt.Sprintf("private_key=%x", private), "listen_port=0", "replace_peers=true",
		fmt.Sprintf("public_key=%x", peer), "protocol_version=1", "replace_allowed_ips=true",
		"allowed_ip=" + allowed, "endpoint=" + endpoint,
	}
	if psk != nil {
		config = append(config, fmt.Sprintf("preshared_key=%x", psk))
	}
	check(dev.IpcSet(strings.Join(config, "\n") + "\n"))
	check(dev.Up())
	return dev, tun
}

// udpPacket is an IPv4 packet with a UDP header and a payload of a length that needs padding.
func udpPacket(src, dst netip.Addr, length int) []byte {
	p := make([]byte, 28+length)
	p[0], p[8], p[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	copy(p[12:], src.AsSlice())
	copy(p[16:], dst.AsSlice())
	binary.BigEndian.PutUint16(p[20:], 1000)
	binary.BigEndian.PutUint16(p[22:], 2000)
	binary.BigEndian.PutUint16(p[24:], uint16(8+length))
	copy(p[28:], pattern(byte(length), length))
	return p
}

func deliver(from, to *tuntest.ChannelTUN, packet []byte) {
	from.Outbound <- packet
	select {
	case got := <-to.Inbound:
		if !bytes.Equal(got, packet) {
			panic("a packet changed on its way")
		}
	case <-time.After(10 * time.Second):
		panic("a packet did not arrive")
	}
}

func wireguardSession(v *vectors, random *recorder, prefix string, psk []byte) {
	w := &wire{}
	binds := bindtest.NewChannelBinds()
	initiator, responder := privateKey(prefix+" wireguard initiator"), privateKey(prefix+" wireguard responder")
	addrI, addrR := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	devI, tunI := wireguardDevice(initiator, publicKey(responder), psk, "10.0.0.2/32", "127.0.0.1:1", &tapBind{binds[0], 0, w})
	devR, tunR := wireguardDevice(responder, publicKey(initiator), psk, "10.0.0.1/32", "127.0.0.1:2", &tapBind{binds[1], 1, w})
	defer devI.Close()
	defer devR.Close()

	inner := map[byte][][]byte{}
	for _, length := range []int{4, 0, 1252, 37} {
		there, back := udpPacket(addrI, addrR, length), udpPacket(addrR, addrI, length+1)
		if length == 1252 {
			back = udpPacket(addrR, addrI, length)
		}
		deliver(tunI, tunR, there)
		deliver(tunR, tunI, back)
		inner[0], inner[1] = append(inner[0], there), append(inner[1], back)
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	v.add(prefix+"_preshared_key", psk)
	v.add(prefix+"_initiator_private", initiator)
	v.add(prefix+"_initiator_public", publicKey(initiator))
	v.add(prefix+"_responder_private", responder)
	v.add(prefix+"_responder_public", publicKey(responder))
	for n, d := range w.datagrams {
		name := fmt.Sprintf("%s_datagram%d", prefix, n)
		switch binary.LittleEndian.Uint32(d.data) {
		case device.MessageInitiationType:
			v.add(prefix+"_initiator_ephemeral_private", random.privateOf(d.data[8:40]))
		case device.MessageResponseType:
			v.add(prefix+"_responder_ephemeral_private", random.privateOf(d.data[12:44]))
		case device.MessageTransportType:
			var packet []byte
			if len(d.data) > device.MessageTransportHeaderSize+16 {
				packet, inner[d.from] = inner[d.from][0], inner[d.from][1:]
			}
			v.add(name+"_inner", packet)
		}
		v.add(name+"_from", []byte{d.from})
		v.add(name, d.data)
	}
	v.add(prefix+"_datagram_count", []byte{byte(len(w.datagrams))})
}

// wireguardCookie answers a handshake message with a cookie and uses the cookie for the next.
func wireguardCookie(v *vectors) {
	var responder device.NoisePublicKey
	copy(responder[:], publicKey(privateKey("plain wireguard responder")))
	var generator device.CookieGenerator
	var checker device.CookieChecker
	generator.Init(responder)
	checker.Init(responder)

	message := make([]byte, device.MessageInitiationSize)
	copy(message, pattern(0x31, len(message)-32))
	binary.LittleEndian.PutUint32(message, device.MessageInitiationType)
	source := []byte{192, 0, 2, 7, 0x12, 0x34}
	generator.AddMacs(message)
	reply, err := checker.CreateReply(message, binary.LittleEndian.Uint32(message[4:]), source)
	check(err)
	var wire bytes.Buffer
	check(binary.Write(&wire, binary.LittleEndian, reply))
	v.comment("A cookie: message (body is a pattern; mac1 valid, mac2 zero), reply to its sender's index, then the")
	v.comment("same body with mac2. The responder's public key is that of plain; source is what the cookie is bound to.")
	v.add("cookie_message", bytes.Clone(message))
	v.add("cookie_source", source)
	v.add("cookie_reply", wire.Bytes())
	if !generator.ConsumeReply(reply) {
		panic("the cookie was refused")
	}
	generator.AddMacs(message)
	if !checker.CheckMAC1(message) || !checker.CheckMAC2(message, source) {
		panic("the MACs are wrong")
	}
	v.add("cookie_message_with_mac2", message)
}
