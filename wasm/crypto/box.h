/* NaCl's box: X25519, XSalsa20-Poly1305; the tag comes first. Used by DERP's login and by disco. */
#ifndef CRYPTO_BOX_H
#define CRYPTO_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOX_NONCE_LEN 24
#define BOX_OVERHEAD 16
#define BOX_SHARED_LEN 32

/* The key both ends derive; keep it to seal or open more than once. false for a bad point. */
bool box_precompute(uint8_t shared[BOX_SHARED_LEN], const uint8_t their_public[32],
                    const uint8_t my_private[32]);

/* Writes len + BOX_OVERHEAD bytes; dst and src may not overlap. */
void box_seal(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t nonce[BOX_NONCE_LEN],
              const uint8_t shared[BOX_SHARED_LEN]);

/* src_len includes the overhead; writes src_len - BOX_OVERHEAD bytes. false unless authentic. */
bool box_open(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t nonce[BOX_NONCE_LEN],
              const uint8_t shared[BOX_SHARED_LEN]);

#endif
