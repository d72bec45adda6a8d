/* What the crypto_backend*.c files share; for nobody else. */
#ifndef SSH_CRYPTO_BACKEND_INTERNAL_H
#define SSH_CRYPTO_BACKEND_INTERNAL_H

#include <mbedtls/bignum.h>
#include <stddef.h>
#include <stdint.h>

struct ssh_crypto_bn {
    mbedtls_mpi mpi;
};

/* mbedTLS's shape of a random source, answered by host_random. */
int ssh_crypto_mbedtls_random(void *ctx, unsigned char *dst, size_t len);

/* One-shot hash of bits / 8 bytes: 0, or -1 for an unknown size. */
int ssh_crypto_hash(uint8_t *dst, int bits, const uint8_t *src, size_t len);

#endif
