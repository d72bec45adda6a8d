/*
 * ChaCha20-Poly1305 (RFC 8439) and XChaCha20-Poly1305, behind one door so that the SIMD kernels
 * replace them in one place.
 */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEAD_KEY_LEN 32
#define AEAD_TAG_LEN 16
#define AEAD_NONCE_LEN 12
#define XAEAD_NONCE_LEN 24

/* Writes len + AEAD_TAG_LEN bytes to dst. dst may equal src. */
void aead_seal(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t *ad, size_t ad_len,
               const uint8_t nonce[AEAD_NONCE_LEN], const uint8_t key[AEAD_KEY_LEN]);

/* src_len includes the tag; writes src_len - AEAD_TAG_LEN bytes. dst may equal src. false, and
 * nothing written that a caller may use, unless authentic. */
bool aead_open(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *ad, size_t ad_len,
               const uint8_t nonce[AEAD_NONCE_LEN], const uint8_t key[AEAD_KEY_LEN]);

/* The same with a 24-byte nonce (draft-irtf-cfrg-xchacha). */
void xaead_seal(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t *ad, size_t ad_len,
                const uint8_t nonce[XAEAD_NONCE_LEN], const uint8_t key[AEAD_KEY_LEN]);
bool xaead_open(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *ad, size_t ad_len,
                const uint8_t nonce[XAEAD_NONCE_LEN], const uint8_t key[AEAD_KEY_LEN]);

/* nonce = 4 zero bytes, then the counter: little-endian (WireGuard, Noise) or big-endian (ts2021
 * records). */
void aead_nonce_le(uint8_t nonce[AEAD_NONCE_LEN], uint64_t counter);
void aead_nonce_be(uint8_t nonce[AEAD_NONCE_LEN], uint64_t counter);

#endif
