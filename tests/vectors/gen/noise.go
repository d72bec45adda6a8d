package main

import (
	"bytes"
	"crypto/rand"
	"fmt"

	"github.com/flynn/noise"
)

// noiseVectors plays Noise_IK and Noise_IKpsk2 between two ends with payloads and a prologue.
func noiseVectors(v *vectors, _ *recorder) {
	v.comment("Noise_IK (prefix ik) and Noise_IKpsk2 (prefix ikpsk2), 25519_ChaChaPoly_BLAKE2s.")
	noiseHandshake(v, "ik", nil)
	noiseHandshake(v, "ikpsk2", pattern(0x55, 32))
}

func noiseKeypair(name string) noise.DHKey {
	private := privateKey(name)
	return noise.DHKey{Private: private, Public: publicKey(private)}
}

func noiseHandshake(v *vectors, prefix string, psk []byte) {
	suite := noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashBLAKE2s)
	prologue := []byte("a prologue")
	initiator, responder := noiseKeypair(prefix+" initiator"), noiseKeypair(prefix+" responder")
	ephemeralI, ephemeralR := pattern(0x21, 32), pattern(0x42, 32)
	clamp(ephemeralI)
	clamp(ephemeralR)
	config := noise.Config{CipherSuite: suite, Pattern: noise.HandshakeIK, Prologue: prologue,
		PresharedKey: psk, Random: rand.Reader}
	if psk != nil {
		config.PresharedKeyPlacement = 2
	}

	config.Initiator, config.StaticKeypair, config.PeerStatic = true, initiator, responder.Public
	config.Random = bytes.NewReader(ephemeralI)
	i, err := noise.NewHandshakeState(config)
	check(err)
	config.Initiator, config.StaticKeypair, config.PeerStatic = false, responder, nil
	config.Random = bytes.NewReader(ephemeralR)
	r, err := noise.NewHandshakeState(config)
	check(err)

	payload1, payload2 := []byte("first payload"), []byte("second payload")
	message1, _, _, err := i.WriteMessage(nil, payload1)
	check(err)
	_, _, _, err = r.ReadMessage(nil, message1)
	check(err)
	message2, r1, r2, err := r.WriteMessage(nil, payload2)
	check(err)
	_, i1, i2, err := i.ReadMessage(nil, message2)
	check(err)

	v.add(prefix+"_name", fmt.Appendf(nil, "Noise_%s_25519_ChaChaPoly_BLAKE2s", map[bool]string{false: "IK", true: "IKpsk2"}[psk != nil]))
	v.add(prefix+"_prologue", prologue)
	v.add(prefix+"_psk", psk)
	v.add(prefix+"_initiator_private", initiator.Private)
	v.add(prefix+"_initiator_public", initiator.Public)
	v.add(prefix+"_initiator_ephemeral_private", ephemeralI)
	v.add(prefix+"_responder_private", responder.Private)
	v.add(prefix+"_responder_public", responder.Public)
	v.add(prefix+"_responder_ephemeral_private", ephemeralR)
	v.add(prefix+"_payload1", payload1)
	v.add(prefix+"_message1", message1)
	v.add(prefix+"_payload2", payload2)
	v.add(prefix+"_message2", message2)
	v.add(prefix+"_handshake_hash", i.ChannelBinding())
	for n := range 3 {
		plain := pattern(byte(n), n*20)
		sealed, err := i1.Encrypt(nil, nil, plain)
		check(err)
		opened, err := r1.Decrypt(nil, nil, sealed)
		check(err)
		answer, err := r2.Encrypt(nil, nil, opened)
		check(err)
		_, err = i2.Decrypt(nil, nil, answer)
		check(err)
		v.add(fmt.Sprintf("%s_transport%d_plain", prefix, n), plain)
		v.add(fmt.Sprintf("%s_transport%d_from_initiator", prefix, n), sealed)
		v.add(fmt.Sprintf("%s_transport%d_from_responder", prefix, n), answer)
	}
}
