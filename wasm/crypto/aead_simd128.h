/*
 * ChaCha20-Poly1305 (RFC 8439) on vectors of four 32-bit words, for aead.c and aead_openssh.c alone:
 * same arguments as aead_seal() and aead_open(), any length; in WebAssembly faster than libsodium's C from
 * AEAD_SIMD128_MIN_LEN bytes on, and twice as fast on a packet of 1280.
 */
#ifndef CRYPTO_AEAD_SIMD128_H
#define CRYPTO_AEAD_SIMD128_H

#include "crypto/aead.h"

enum { AEAD_SIMD128_MIN_LEN = 64 };

void aead_simd128_seal(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t *ad,
                       size_t ad_len, const uint8_t nonce[AEAD_NONCE_LEN],
                       const uint8_t key[AEAD_KEY_LEN]);

/* A forgery leaves zeros in dst. */
bool aead_simd128_open(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *ad,
                       size_t ad_len, const uint8_t nonce[AEAD_NONCE_LEN],
                       const uint8_t key[AEAD_KEY_LEN]);

/* chacha20-poly1305@openssh.com in place, for a packet whose 4 bytes of length are enciphered
 * already; len is that of the text after them. A forgery leaves zeros in the text. */
void aead_simd128_openssh_seal(uint8_t *packet, size_t len, const uint8_t nonce[AEAD_NONCE_LEN],
                               const uint8_t key[AEAD_KEY_LEN]);
bool aead_simd128_openssh_open(uint8_t *packet, size_t len, const uint8_t nonce[AEAD_NONCE_LEN],
                               const uint8_t key[AEAD_KEY_LEN]);

#endif
