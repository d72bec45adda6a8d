/*
 * BLAKE2s (RFC 7693), HMAC-BLAKE2s (RFC 2104 with a 64-byte block) and the HKDF of the Noise
 * specification (section 4.3), which is also WireGuard's KDF_n.
 */
#ifndef CRYPTO_BLAKE2S_H
#define CRYPTO_BLAKE2S_H

#include <stddef.h>
#include <stdint.h>

#define BLAKE2S_LEN 32
#define BLAKE2S_BLOCK_LEN 64

struct blake2s {
    uint32_t h[8], t[2];
    uint8_t block[BLAKE2S_BLOCK_LEN];
    size_t block_len, out_len;
};

/* out_len 1..32, key_len 0..32. */
void blake2s_init(struct blake2s *s, size_t out_len, const uint8_t *key, size_t key_len);
void blake2s_update(struct blake2s *s, const uint8_t *src, size_t len);
/* Writes s->out_len bytes and wipes the state. */
void blake2s_final(struct blake2s *s, uint8_t *out);

/* All at once. */
void blake2s(uint8_t *out, size_t out_len, const uint8_t *key, size_t key_len, const uint8_t *src,
             size_t len);

void blake2s_hmac(uint8_t out[BLAKE2S_LEN], const uint8_t *key, size_t key_len, const uint8_t *src,
                  size_t len);

/* HKDF with 1, 2 or 3 outputs; pass NULL for those not wanted from the end. */
void blake2s_hkdf(uint8_t out1[BLAKE2S_LEN], uint8_t *out2, uint8_t *out3,
                  const uint8_t chaining_key[BLAKE2S_LEN], const uint8_t *input, size_t len);

#endif
