package main

import (
	"net/netip"

	"go4.org/mem"
	"tailscale.com/disco"
	"tailscale.com/types/key"
)

// discoVectors seals one message of each kind that a node without UDP can meet.
func discoVectors(v *vectors, _ *recorder) {
	alice, bob := privateKey("disco alice"), privateKey("disco bob")
	node := publicKey(privateKey("node alice"))
	sender := key.DiscoPrivateFromRaw32(mem.B(alice))
	shared := sender.Shared(key.DiscoPublicFromRaw32(mem.B(publicKey(bob))))
	seal := func(plain []byte) []byte {
		out := append([]byte(disco.Magic), publicKey(alice)...)
		return append(out, shared.Seal(plain)...)
	}
	tx := [12]byte(pattern(0x61, 12))
	nodeKey := key.NodePublicFromRaw32(mem.B(node))

	v.comment("Messages from alice to bob; tx_id is in each ping and pong. The node key in pings is node_public.")
	v.add("alice_private", alice)
	v.add("alice_public", publicKey(alice))
	v.add("bob_private", bob)
	v.add("bob_public", publicKey(bob))
	v.add("node_public", node)
	v.add("tx_id", tx[:])
	for _, m := range []struct {
		name string
		m    disco.Message
	}{
		{"ping", &disco.Ping{TxID: tx, NodeKey: nodeKey}},
		{"ping_without_key", &disco.Ping{TxID: tx}},
		{"ping_padded", &disco.Ping{TxID: tx, NodeKey: nodeKey, Padding: 1000}},
		{"pong", &disco.Pong{TxID: tx, Src: netip.MustParseAddrPort("127.3.3.40:999")}},
		{"pong_ipv6", &disco.Pong{TxID: tx, Src: netip.MustParseAddrPort("[2001:db8::1]:41641")}},
		{"call_me_maybe", &disco.CallMeMaybe{MyNumber: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:41641")}}},
	} {
		plain := m.m.AppendMarshal(nil)
		v.add(m.name+"_plain", plain)
		v.add(m.name, seal(plain))
	}
	v.add("unknown_type", seal([]byte{0x63, 0, 1, 2, 3}))
	v.add("short_ping", seal([]byte{1, 0, 1, 2, 3}))
}
