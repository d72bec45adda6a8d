/*
 * libssh2's backend, the plain half: randomness, SHA-2, HMAC, big numbers and finite-field
 * Diffie-Hellman. Ciphers, curves and RSA are in the crypto_backend_*.c beside this file.
 */
#include "libssh2_priv.h"

#include <mbedtls/bignum.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/host.h"
#include "ssh/crypto_backend_internal.h"
#include "ssh/ssh_sha256.h"

int ssh_crypto_random(uint8_t *buf, size_t len)
{
    host_random(buf, len);
    return 0;
}

int ssh_crypto_mbedtls_random(void *ctx, unsigned char *dst, size_t len)
{
    (void)ctx;
    host_random(dst, len);
    return 0;
}

/* ---- SHA-2 ---- */

/* FIPS 180-4 section 5.3.4: the initial hash value of SHA-384. */
static const uint64_t sha384_initial[8] = {
    0xcbbb9d5dc1059ed8u, 0x629a292a367cd507u, 0x9159015a3070dd17u, 0x152fecd8f70e5939u,
    0x67332667ffc00b31u, 0x8eb44a8768581511u, 0xdb0c2e0d64f98fa7u, 0x47b5481dbefa4fa4u};

int ssh_crypto_hash_init(struct ssh_crypto_hash *h, int bits)
{
    h->bits = bits;
    switch (bits) {
    case 256:
        crypto_hash_sha256_init(&h->state.sha256);
        return 1;
    case 384:
        crypto_hash_sha512_init(&h->state.sha512);
        memcpy(h->state.sha512.state, sha384_initial, sizeof sha384_initial);
        return 1;
    case 512:
        crypto_hash_sha512_init(&h->state.sha512);
        return 1;
    default:
        return 0;
    }
}

int ssh_crypto_hash_update(struct ssh_crypto_hash *h, const void *src, size_t len)
{
    if (h->bits == 256)
        crypto_hash_sha256_update(&h->state.sha256, src, len);
    else if (h->bits == 384 || h->bits == 512)
        crypto_hash_sha512_update(&h->state.sha512, src, len);
    else
        return 0;
    return 1;
}

int ssh_crypto_hash_final(struct ssh_crypto_hash *h, uint8_t *dst)
{
    uint8_t full[crypto_hash_sha512_BYTES];

    if (h->bits == 256) {
        crypto_hash_sha256_final(&h->state.sha256, full);
    } else if (h->bits == 384 || h->bits == 512) {
        crypto_hash_sha512_final(&h->state.sha512, full);
    } else {
        return 0;
    }
    memcpy(dst, full, (size_t)h->bits / 8);
    wipe(full, sizeof full);
    wipe(h, sizeof *h);
    return 1;
}

int ssh_crypto_hash(uint8_t *dst, int bits, const uint8_t *src, size_t len)
{
    struct ssh_crypto_hash h;

    return ssh_crypto_hash_init(&h, bits) && ssh_crypto_hash_update(&h, src, len) &&
                   ssh_crypto_hash_final(&h, dst)
               ? 0
               : -1;
}

void ssh_sha256(uint8_t out[32], struct bytes src)
{
    crypto_hash_sha256(out, src.data, src.len);
}

/* ---- HMAC ---- */

int _libssh2_hmac_ctx_init(libssh2_hmac_ctx *ctx)
{
    memset(ctx, 0, sizeof *ctx);
    return 1;
}

int _libssh2_hmac_sha1_init(libssh2_hmac_ctx *ctx, void *key, size_t keylen)
{
    (void)ctx;
    (void)key;
    (void)keylen;
    return 0;
}

int _libssh2_hmac_sha256_init(libssh2_hmac_ctx *ctx, void *key, size_t keylen)
{
    ctx->bits = 256;
    return crypto_auth_hmacsha256_init(&ctx->state.sha256, key, keylen) == 0;
}

int _libssh2_hmac_sha512_init(libssh2_hmac_ctx *ctx, void *key, size_t keylen)
{
    ctx->bits = 512;
    return crypto_auth_hmacsha512_init(&ctx->state.sha512, key, keylen) == 0;
}

int _libssh2_hmac_update(libssh2_hmac_ctx *ctx, const void *data, size_t datalen)
{
    if (ctx->bits == 256)
        return crypto_auth_hmacsha256_update(&ctx->state.sha256, data, datalen) == 0;
    if (ctx->bits == 512)
        return crypto_auth_hmacsha512_update(&ctx->state.sha512, data, datalen) == 0;
    return 0;
}

int _libssh2_hmac_final(libssh2_hmac_ctx *ctx, void *data)
{
    if (ctx->bits == 256)
        return crypto_auth_hmacsha256_final(&ctx->state.sha256, data) == 0;
    if (ctx->bits == 512)
        return crypto_auth_hmacsha512_final(&ctx->state.sha512, data) == 0;
    return 0;
}

void _libssh2_hmac_cleanup(libssh2_hmac_ctx *ctx)
{
    wipe(ctx, sizeof *ctx);
}

/* ---- big numbers ---- */

struct ssh_crypto_bn *ssh_crypto_bn_new(void)
{
    struct ssh_crypto_bn *bn = malloc(sizeof *bn);

    if (bn)
        mbedtls_mpi_init(&bn->mpi);
    return bn;
}

void ssh_crypto_bn_free(struct ssh_crypto_bn *bn)
{
    if (!bn)
        return;
    mbedtls_mpi_free(&bn->mpi); /* wipes the limbs */
    free(bn);
}

int ssh_crypto_bn_set_word(struct ssh_crypto_bn *bn, unsigned long word)
{
    if (!bn)
        return -1;
    return mbedtls_mpi_lset(&bn->mpi, (mbedtls_mpi_sint)word) ? -1 : 0;
}

int ssh_crypto_bn_from_bytes(struct ssh_crypto_bn *bn, const uint8_t *src, size_t len)
{
    if (!bn)
        return -1;
    return mbedtls_mpi_read_binary(&bn->mpi, src, len) ? -1 : 0;
}

int ssh_crypto_bn_to_bytes(uint8_t *dst, const struct ssh_crypto_bn *bn)
{
    return mbedtls_mpi_write_binary(&bn->mpi, dst, mbedtls_mpi_size(&bn->mpi)) ? -1 : 0;
}

size_t ssh_crypto_bn_byte_len(const struct ssh_crypto_bn *bn)
{
    return mbedtls_mpi_size(&bn->mpi);
}

size_t ssh_crypto_bn_bit_len(const struct ssh_crypto_bn *bn)
{
    return mbedtls_mpi_bitlen(&bn->mpi);
}

/* ---- finite-field Diffie-Hellman ---- */

void ssh_crypto_dh_init(struct ssh_crypto_bn **dh)
{
    *dh = ssh_crypto_bn_new();
}

/* The groups offered have safe primes, so an exponent of twice the strength of the best cipher is as
 * good as one of full length (RFC 4419 section 6.2), and a server that insists on the largest group
 * does not stop the module for seconds. */
enum { DH_EXPONENT_LEN = 2 * 256 / 8 };

int ssh_crypto_dh_key_pair(struct ssh_crypto_bn **dh, struct ssh_crypto_bn *pub,
                           struct ssh_crypto_bn *g, struct ssh_crypto_bn *p, int order)
{
    size_t len = order > DH_EXPONENT_LEN ? DH_EXPONENT_LEN : (size_t)order;

    if (!*dh || !pub || !g || !p || order <= 0)
        return -1;
    if (mbedtls_mpi_fill_random(&(*dh)->mpi, len, ssh_crypto_mbedtls_random, NULL) ||
        mbedtls_mpi_set_bit(&(*dh)->mpi, len * 8 - 1, 0) ||
        mbedtls_mpi_set_bit(&(*dh)->mpi, len * 8 - 2, 1) ||
        mbedtls_mpi_exp_mod(&pub->mpi, &g->mpi, &(*dh)->mpi, &p->mpi, NULL))
        return -1;
    return 0;
}

int ssh_crypto_dh_secret(struct ssh_crypto_bn **dh, struct ssh_crypto_bn *secret,
                         struct ssh_crypto_bn *f, struct ssh_crypto_bn *p)
{
    mbedtls_mpi limit;
    int rc = -1;

    if (!*dh || !secret || !f || !p)
        return -1;
    mbedtls_mpi_init(&limit);
    if (mbedtls_mpi_sub_int(&limit, &p->mpi, 1) == 0 && mbedtls_mpi_cmp_int(&f->mpi, 1) > 0 &&
        mbedtls_mpi_cmp_mpi(&f->mpi, &limit) < 0 &&
        mbedtls_mpi_exp_mod(&secret->mpi, &f->mpi, &(*dh)->mpi, &p->mpi, NULL) == 0)
        rc = 0;
    mbedtls_mpi_free(&limit);
    return rc;
}

void ssh_crypto_dh_wipe(struct ssh_crypto_bn **dh)
{
    ssh_crypto_bn_free(*dh);
    *dh = NULL;
}
