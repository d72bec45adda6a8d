/* What the crypto_backend*.c files share; for nobody else. */
#ifndef SSH_CRYPTO_BACKEND_INTERNAL_H
#define SSH_CRYPTO_BACKEND_INTERNAL_H

#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>
#include <mbedtls/rsa.h>
#include <stddef.h>
#include <stdint.h>

struct ssh_crypto_bn {
    mbedtls_mpi mpi;
};

struct ssh_crypto_ec {
    mbedtls_ecp_keypair pair;
};

struct ssh_crypto_rsa {
    mbedtls_rsa_context rsa;
};

/* mbedTLS's shape of a random source, answered by host_random. */
int ssh_crypto_mbedtls_random(void *ctx, unsigned char *dst, size_t len);

/* One-shot hash of bits / 8 bytes: 0, or -1 for an unknown size. */
int ssh_crypto_hash(uint8_t *dst, int bits, const uint8_t *src, size_t len);

/* Without a key yet; NULL when out of memory. */
struct ssh_crypto_ec *ssh_crypto_ec_new(mbedtls_ecp_group_id curve);
struct ssh_crypto_rsa *ssh_crypto_rsa_new(void);

/* RFC 5656 section 6.2.1: the hash goes with the size of the curve. */
int ssh_crypto_ec_hash_bits(const struct ssh_crypto_ec *ec);

#endif
