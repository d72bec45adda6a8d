/* X25519 (RFC 7748). */
#ifndef CRYPTO_DH_H
#define CRYPTO_DH_H

#include <stdbool.h>
#include <stdint.h>

#define DH_LEN 32

/* A fresh clamped private key; with its public key, which takes as long as dh(). */
void dh_private_generate(uint8_t private_key[DH_LEN]);
void dh_generate(uint8_t private_key[DH_LEN], uint8_t public_key[DH_LEN]);
void dh_public(uint8_t public_key[DH_LEN], const uint8_t private_key[DH_LEN]);

/* The shared secret; false (and out zeroed) if it is all zero, i.e. the point has low order. */
bool dh(uint8_t out[DH_LEN], const uint8_t private_key[DH_LEN], const uint8_t public_key[DH_LEN]);

#endif
