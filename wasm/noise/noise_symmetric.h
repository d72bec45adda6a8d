/*
 * The SymmetricState of the Noise Protocol Framework (revision 34, section 5.2) for
 * 25519, ChaChaPoly, BLAKE2s: what ts2021's Noise_IK and WireGuard's Noise_IKpsk2 share.
 */
#ifndef NOISE_NOISE_SYMMETRIC_H
#define NOISE_NOISE_SYMMETRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_HASH_LEN 32
#define NOISE_TAG_LEN 16

struct noise_symmetric {
    uint8_t ck[NOISE_HASH_LEN]; /* chaining key */
    uint8_t h[NOISE_HASH_LEN];  /* handshake hash */
    uint8_t k[NOISE_HASH_LEN];  /* cipher key of the last mix_key */
    uint64_t n;                 /* its nonce; mix_key sets it to 0 */
};

/* InitializeSymmetric: a name over 32 bytes is hashed, else zero-padded. */
void noise_symmetric_init(struct noise_symmetric *s, const char *protocol_name);
void noise_symmetric_wipe(struct noise_symmetric *s);

void noise_mix_hash(struct noise_symmetric *s, const uint8_t *data, size_t len);

/* MixKey: ck, k = HKDF(ck, input). */
void noise_mix_key(struct noise_symmetric *s, const uint8_t *input, size_t len);

/* ck = HKDF1(ck, input), k untouched: WireGuard's mixing of the ephemeral (whitepaper 5.4.2). */
void noise_mix_chain(struct noise_symmetric *s, const uint8_t *input, size_t len);

/* MixKey(DH(private, public)); false if the shared secret is zero. */
bool noise_mix_dh(struct noise_symmetric *s, const uint8_t private_key[32],
                  const uint8_t public_key[32]);

/* MixKeyAndHash, for a pre-shared key: ck, temp, k = HKDF3(ck, psk); mix_hash(temp). */
void noise_mix_key_and_hash(struct noise_symmetric *s, const uint8_t psk[32]);

/* Writes len + NOISE_TAG_LEN bytes and mixes them into h. dst may equal src. */
void noise_encrypt_and_hash(struct noise_symmetric *s, uint8_t *dst, const uint8_t *src,
                            size_t len);

/* len includes the tag. false, with *s unchanged, unless authentic. dst may not be src. */
bool noise_decrypt_and_hash(struct noise_symmetric *s, uint8_t *dst, const uint8_t *src,
                            size_t len);

/* The two transport keys: first initiator to responder, second the other way. */
void noise_split(const struct noise_symmetric *s, uint8_t k1[32], uint8_t k2[32]);

#endif
