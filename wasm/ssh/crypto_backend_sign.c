#include "ssh/crypto_backend_sign.h"

#include <mbedtls/ecdsa.h>
#include <sodium/crypto_sign.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/crypto_backend_internal.h"

enum { HASH_MAX = 64 };

/* ---- Ed25519 ---- */

void ssh_crypto_ed25519_secret(uint8_t secret[SSH_CRYPTO_ED25519_SECRET_LEN],
                               const uint8_t seed[SSH_CRYPTO_ED25519_LEN])
{
    uint8_t pub[crypto_sign_PUBLICKEYBYTES];

    crypto_sign_seed_keypair(pub, secret, seed);
}

void ssh_crypto_ed25519_sign(uint8_t sig[64], const uint8_t secret[SSH_CRYPTO_ED25519_SECRET_LEN],
                             struct bytes message)
{
    crypto_sign_detached(sig, NULL, message.data, message.len, secret);
}

/* ---- ECDSA ---- */

struct ssh_crypto_ec *ssh_crypto_ec_private(int bits, struct bytes d)
{
    mbedtls_ecp_group_id id = bits == 256   ? MBEDTLS_ECP_DP_SECP256R1
                              : bits == 384 ? MBEDTLS_ECP_DP_SECP384R1
                                            : MBEDTLS_ECP_DP_SECP521R1;
    struct ssh_crypto_ec *ec = ssh_crypto_ec_new(id);

    /* Checks the range of d. */
    if (ec && mbedtls_ecp_read_key(id, &ec->pair, d.data, d.len) == 0 &&
        mbedtls_ecp_keypair_calc_public(&ec->pair, ssh_crypto_mbedtls_random, NULL) == 0)
        return ec;
    ssh_crypto_ec_free(ec);
    return NULL;
}

size_t ssh_crypto_ec_point(uint8_t dst[SSH_CRYPTO_POINT_MAX], const struct ssh_crypto_ec *ec)
{
    size_t len;

    if (mbedtls_ecp_point_write_binary(&ec->pair.MBEDTLS_PRIVATE(grp), &ec->pair.MBEDTLS_PRIVATE(Q),
                                       MBEDTLS_ECP_PF_UNCOMPRESSED, &len, dst,
                                       SSH_CRYPTO_POINT_MAX))
        return 0;
    return len;
}

/* An mpint (RFC 4251 section 5) of a positive number; returns the bytes written. */
static size_t mpint_store(uint8_t *dst, const mbedtls_mpi *n)
{
    size_t len = mbedtls_mpi_size(n);
    size_t pad = len && mbedtls_mpi_bitlen(n) % 8 == 0 ? 1 : 0;

    store_be32(dst, (uint32_t)(len + pad));
    dst[4] = 0;
    if (mbedtls_mpi_write_binary(n, dst + 4 + pad, len))
        return 0;
    return 4 + pad + len;
}

size_t ssh_crypto_ec_sign(uint8_t dst[SSH_CRYPTO_SIGNATURE_MAX], struct ssh_crypto_ec *ec,
                          struct bytes message)
{
    int bits = ssh_crypto_ec_hash_bits(ec);
    uint8_t hash[HASH_MAX];
    mbedtls_mpi r, s;
    size_t r_len = 0, s_len = 0;

    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    if (ssh_crypto_hash(hash, bits, message.data, message.len) == 0 &&
        mbedtls_ecdsa_sign(&ec->pair.MBEDTLS_PRIVATE(grp), &r, &s, &ec->pair.MBEDTLS_PRIVATE(d),
                           hash, (size_t)bits / 8, ssh_crypto_mbedtls_random, NULL) == 0) {
        r_len = mpint_store(dst, &r);
        s_len = r_len ? mpint_store(dst + r_len, &s) : 0;
    }
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return s_len ? r_len + s_len : 0;
}

/* ---- RSA ---- */

struct ssh_crypto_rsa *ssh_crypto_rsa_private(const struct ssh_crypto_rsa_numbers *numbers)
{
    const struct ssh_crypto_rsa_numbers *x = numbers;
    struct ssh_crypto_rsa *rsa;
    size_t bits;

    if (x->n.len > SSH_CRYPTO_RSA_MAX_BITS / 8 + 1 || x->e.len > x->n.len || x->d.len > x->n.len ||
        x->p.len > x->n.len || x->q.len > x->n.len)
        return NULL;
    rsa = ssh_crypto_rsa_new();
    if (!rsa)
        return NULL;
    if (mbedtls_rsa_import_raw(&rsa->rsa, x->n.data, x->n.len, x->p.data, x->p.len, x->q.data,
                               x->q.len, x->d.data, x->d.len, x->e.data, x->e.len))
        goto fail;
    bits = mbedtls_rsa_get_bitlen(&rsa->rsa);
    if (bits < SSH_CRYPTO_RSA_MIN_BITS || bits > SSH_CRYPTO_RSA_MAX_BITS ||
        mbedtls_rsa_complete(&rsa->rsa) || mbedtls_rsa_check_privkey(&rsa->rsa))
        goto fail;
    return rsa;
fail:
    ssh_crypto_rsa_free(rsa);
    return NULL;
}

size_t ssh_crypto_rsa_sign(uint8_t dst[SSH_CRYPTO_SIGNATURE_MAX], struct ssh_crypto_rsa *rsa,
                           int hash_bits, struct bytes message)
{
    mbedtls_md_type_t type = hash_bits == 256 ? MBEDTLS_MD_SHA256 : MBEDTLS_MD_SHA512;
    uint8_t hash[HASH_MAX];

    if (ssh_crypto_hash(hash, hash_bits, message.data, message.len) ||
        mbedtls_rsa_pkcs1_sign(&rsa->rsa, ssh_crypto_mbedtls_random, NULL, type,
                               (unsigned)hash_bits / 8, hash, dst))
        return 0;
    return mbedtls_rsa_get_len(&rsa->rsa);
}
