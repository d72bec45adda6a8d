package main

import (
	"bytes"
	"crypto/hmac"
	"fmt"
	"hash"
	"io"

	"golang.org/x/crypto/blake2s"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/hkdf"
	"golang.org/x/crypto/nacl/box"
)

// cryptoVectors covers crypto/ with golang.org/x/crypto.
func cryptoVectors(v *vectors, _ *recorder) {
	key := make([]byte, 32)
	input := make([]byte, 255)
	for i := range key {
		key[i] = byte(i)
	}
	for i := range input {
		input[i] = byte(i)
	}
	newHash := func() hash.Hash {
		h, err := blake2s.New256(nil)
		check(err)
		return h
	}

	v.comment("Input N is the bytes 0, 1, 2... N-1; the key of BLAKE2s is 0..31 (the official known answers).")
	for _, n := range []int{0, 1, 31, 32, 63, 64, 65, 127, 128, 129, 192, 255} {
		keyed, err := blake2s.New256(key)
		check(err)
		keyed.Write(input[:n])
		v.add(fmt.Sprintf("blake2s_keyed_%d", n), keyed.Sum(nil))
		plain := blake2s.Sum256(input[:n])
		v.add(fmt.Sprintf("blake2s_%d", n), plain[:])
		short, err := blake2s.New128(key)
		check(err)
		short.Write(input[:n])
		v.add(fmt.Sprintf("blake2s_128_keyed_%d", n), short.Sum(nil))
		mac := hmac.New(newHash, input[:n])
		mac.Write(input[:255-n])
		v.add(fmt.Sprintf("hmac_key_%d", n), mac.Sum(nil))
		out := make([]byte, 96)
		_, err = io.ReadFull(hkdf.New(newHash, input[:n], key, nil), out)
		check(err)
		v.add(fmt.Sprintf("hkdf_%d", n), out)
	}

	v.comment("AEADs with key 0..31, nonce 100, 101, 102..., associated data 0..N/2-1 and input N.")
	nonce := pattern(0, 24)
	for i := range nonce {
		nonce[i] = byte(100 + i)
	}
	aead, err := chacha20poly1305.New(key)
	check(err)
	xaead, err := chacha20poly1305.NewX(key)
	check(err)
	for _, n := range []int{0, 1, 15, 16, 17, 63, 64, 65, 128, 255} {
		v.add(fmt.Sprintf("aead_%d", n), aead.Seal(nil, nonce[:12], input[:n], input[:n/2]))
		v.add(fmt.Sprintf("xaead_%d", n), xaead.Seal(nil, nonce, input[:n], input[:n/2]))
	}

	v.comment("X25519 and NaCl's box from alice to bob, same nonce.")
	alice, bob := privateKey("box alice"), privateKey("box bob")
	var shared, alicePrivate, bobPublic [32]byte
	copy(alicePrivate[:], alice)
	copy(bobPublic[:], publicKey(bob))
	box.Precompute(&shared, &bobPublic, &alicePrivate)
	v.add("alice_private", alice)
	v.add("alice_public", publicKey(alice))
	v.add("bob_private", bob)
	v.add("bob_public", publicKey(bob))
	v.add("box_shared", shared[:])
	for _, n := range []int{0, 1, 31, 32, 33, 255} {
		v.add(fmt.Sprintf("box_%d", n), box.SealAfterPrecomputation(nil, input[:n], (*[24]byte)(bytes.Clone(nonce)), &shared))
	}
}
