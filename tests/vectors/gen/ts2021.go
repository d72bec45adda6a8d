package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"tailscale.com/control/controlbase"
	"tailscale.com/types/key"
)

func machineKey(private []byte) (k key.MachinePrivate) {
	check(k.UnmarshalText(fmt.Appendf(nil, "privkey:%x", private)))
	return k
}

// ts2021Vectors records one connection of controlbase: handshake and records in both directions.
func ts2021Vectors(v *vectors, random *recorder) {
	const protocolVersion = 131
	machine, control := privateKey("machine"), privateKey("control")
	clientSide, serverSide := net.Pipe()
	conn := &tap{Conn: clientSide}
	accepted := make(chan *controlbase.Conn, 1)
	go func() {
		server, err := controlbase.Server(context.Background(), serverSide, machineKey(control), nil)
		check(err)
		accepted <- server
	}()
	client, err := controlbase.Client(context.Background(), conn, machineKey(machine), machineKey(control).Public(), protocolVersion)
	check(err)
	server := <-accepted

	there := [][]byte{[]byte("first record"), pattern(1, 4077), pattern(2, 9000), pattern(3, 1)}
	back := [][]byte{pattern(4, 9001), []byte("answer"), pattern(5, 4078), pattern(6, 4077)}
	for n := range there {
		transfer(client, server, there[n])
		transfer(server, client, back[n])
	}

	fromServer, toServer := conn.recorded()
	hash := client.HandshakeHash()
	v.comment("controlbase.Client and Server over a pipe. Writes in turn: to_server0, to_client0, to_server1...;")
	v.comment("a write over 4077 bytes takes several records. client_sent begins with the initiation (101 bytes),")
	v.comment("server_sent with the response (51 bytes); protocol_version is big-endian.")
	v.add("protocol_version", binary.BigEndian.AppendUint16(nil, protocolVersion))
	v.add("machine_private", machine)
	v.add("machine_public", publicKey(machine))
	v.add("machine_ephemeral_private", random.privateOf(toServer[5:37]))
	v.add("control_private", control)
	v.add("control_public", publicKey(control))
	v.add("control_ephemeral_private", random.privateOf(fromServer[3:35]))
	v.add("handshake_hash", hash[:])
	for n := range there {
		v.add(fmt.Sprintf("to_server%d", n), there[n])
		v.add(fmt.Sprintf("to_client%d", n), back[n])
	}
	v.add("client_sent", toServer)
	v.add("server_sent", fromServer)
}

func transfer(from io.Writer, to io.Reader, data []byte) {
	done := make(chan error)
	go func() {
		_, err := from.Write(data)
		done <- err
	}()
	got := make([]byte, len(data))
	_, err := io.ReadFull(to, got)
	check(err)
	check(<-done)
	if string(got) != string(data) {
		panic("bytes changed on their way")
	}
}
