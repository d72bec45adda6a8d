package main

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"time"

	"go4.org/mem"
	"tailscale.com/derp"
	"tailscale.com/derp/derpserver"
	"tailscale.com/types/key"
	"tailscale.com/types/logger"
)

type derpEnd struct {
	private key.NodePrivate
	client  *derp.Client
	conn    *tap
}

func connectDerp(server *derpserver.Server, private []byte) *derpEnd {
	clientSide, serverSide := net.Pipe()
	brw := bufio.NewReadWriter(bufio.NewReader(serverSide), bufio.NewWriter(serverSide))
	go server.Accept(context.Background(), serverSide, brw, "192.0.2.1:1")
	end := &derpEnd{private: key.NodePrivateFromRaw32(mem.B(private)), conn: &tap{Conn: clientSide}}
	brw = bufio.NewReadWriter(bufio.NewReader(end.conn), bufio.NewWriter(end.conn))
	client, err := derp.NewClient(end.private, end.conn, brw, logger.Discard, derp.CanAckPings(true))
	check(err)
	end.client = client
	receive[derp.ServerInfoMessage](end)
	return end
}

// receive reads one message and insists on its type.
func receive[T derp.ReceivedMessage](end *derpEnd) T {
	end.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	m, err := end.client.Recv()
	check(err)
	return m.(T)
}

func (from *derpEnd) send(to *derpEnd, packet []byte) {
	check(from.client.Send(to.private.Public(), packet))
	if got := receive[derp.ReceivedPacket](to); !bytes.Equal(got.Data, packet) {
		panic("a packet changed on its way")
	}
}

// derpVectors records one session of two clients: login, packets, ping, and two kinds of absence.
func derpVectors(v *vectors, _ *recorder) {
	serverPrivate, aPrivate, bPrivate := privateKey("derp server"), privateKey("derp a"), privateKey("derp b")
	absent := key.NodePublicFromRaw32(mem.B(publicKey(privateKey("derp absent"))))
	server := derpserver.New(key.NodePrivateFromRaw32(mem.B(serverPrivate)), logger.Discard)
	defer server.Close()
	a, b := connectDerp(server, aPrivate), connectDerp(server, bPrivate)

	packets := [][]byte{pattern(1, 148), pattern(2, 92), pattern(3, 1), pattern(4, 1312)}
	large := pattern(5, 20000)
	check(a.client.NotePreferred(true))
	a.send(b, packets[0])
	b.send(a, packets[1])
	a.send(b, packets[2])
	b.send(a, packets[3])
	a.send(b, large)
	ping := [8]byte{1, 2, 3, 4, 5, 6, 7, 8}
	check(a.client.SendPing(ping))
	if pong := receive[derp.PongMessage](a); pong != derp.PongMessage(ping) {
		panic("the pong is not the ping")
	}
	disco := append([]byte("TS\xf0\x9f\x92\xac"), pattern(6, 100)...)
	check(a.client.Send(absent, disco))
	notHere := receive[derp.PeerGoneMessage](a)
	b.conn.Close()
	disconnected := receive[derp.PeerGoneMessage](a)

	fromServer, toServer := a.conn.recorded()
	v.comment("derp.Client a talks to a derpserver.Server, which also serves b: a's connection, both directions.")
	v.comment("In order: login; a notes the server as preferred; packet0 a>b, packet1 b>a, packet2 a>b, packet3 b>a,")
	v.comment("large_packet a>b; ping and pong; a sends disco_packet to absent: PeerGone; b goes: PeerGone.")
	v.comment("ClientInfo's box opens with (a, server); ServerInfo's with (server, a).")
	v.add("server_private", serverPrivate)
	v.add("server_public", publicKey(serverPrivate))
	v.add("a_private", aPrivate)
	v.add("a_public", publicKey(aPrivate))
	v.add("b_public", publicKey(bPrivate))
	v.add("absent_public", absent.AppendTo(nil))
	v.add("packet0", packets[0])
	v.add("packet1", packets[1])
	v.add("packet2", packets[2])
	v.add("packet3", packets[3])
	v.add("large_packet", large)
	v.add("ping", ping[:])
	v.add("disco_packet", disco)
	v.add("gone_not_here_key", notHere.Peer.AppendTo(nil))
	v.add("gone_not_here_reason", []byte{byte(notHere.Reason)})
	v.add("gone_disconnected_key", disconnected.Peer.AppendTo(nil))
	v.add("gone_disconnected_reason", []byte{byte(disconnected.Reason)})
	v.add("a_to_server", toServer)
	v.add("server_to_a", fromServer)
	derpFrames(v)
}

// derpFrames adds frames that a server sends rarely, written by derp.WriteFrame.
func derpFrames(v *vectors) {
	v.comment("Single frames: those of a server that needs minutes or trouble to send them.")
	for _, f := range []struct {
		name    string
		kind    derp.FrameType
		payload []byte
	}{
		{"frame_keep_alive", derp.FrameKeepAlive, nil},
		{"frame_ping", derp.FramePing, pattern(9, 8)},
		{"frame_health_problem", derp.FrameHealth, []byte("a health problem")},
		{"frame_health_fine", derp.FrameHealth, nil},
		{"frame_restarting", derp.FrameRestarting, []byte{0, 0, 3, 232, 0, 0, 39, 16}},
		{"frame_unknown", derp.FrameType(0x7f), pattern(10, 20)},
	} {
		var b bytes.Buffer
		w := bufio.NewWriter(&b)
		check(derp.WriteFrame(w, f.kind, f.payload))
		check(w.Flush())
		v.add(f.name, b.Bytes())
	}
}
