/*
 * RSA for libssh2 (rsa-sha2-256 and rsa-sha2-512, RFC 8332) by mbedTLS. Signatures are only verified
 * here; crypto_backend_sign.c makes them.
 */
#include "libssh2_priv.h"

#include <mbedtls/rsa.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "ssh/crypto_backend_internal.h"

/* A modulus below this is refused, as OpenSSH does; above, a signature costs seconds. */
enum { RSA_MIN_BITS = 1024, RSA_MAX_BITS = 16384 };

struct ssh_crypto_rsa *ssh_crypto_rsa_new(void)
{
    struct ssh_crypto_rsa *rsa = malloc(sizeof *rsa);

    if (rsa)
        mbedtls_rsa_init(&rsa->rsa);
    return rsa;
}

void ssh_crypto_rsa_free(struct ssh_crypto_rsa *rsa)
{
    if (!rsa)
        return;
    mbedtls_rsa_free(&rsa->rsa);
    free(rsa);
}

int _libssh2_rsa_new(libssh2_rsa_ctx **rsa, const unsigned char *edata, unsigned long elen,
                     const unsigned char *ndata, unsigned long nlen, const unsigned char *ddata,
                     unsigned long dlen, const unsigned char *pdata, unsigned long plen,
                     const unsigned char *qdata, unsigned long qlen, const unsigned char *e1data,
                     unsigned long e1len, const unsigned char *e2data, unsigned long e2len,
                     const unsigned char *coeffdata, unsigned long coefflen)
{
    struct ssh_crypto_rsa *key = ssh_crypto_rsa_new();
    size_t bits;

    (void)pdata, (void)plen, (void)qdata, (void)qlen, (void)e1data, (void)e1len, (void)e2data;
    (void)e2len, (void)coeffdata, (void)coefflen, (void)dlen;
    if (!key)
        return -1;
    if (ddata ||
        mbedtls_rsa_import_raw(&key->rsa, ndata, nlen, NULL, 0, NULL, 0, NULL, 0, edata, elen) ||
        mbedtls_rsa_complete(&key->rsa))
        goto fail;
    bits = mbedtls_rsa_get_len(&key->rsa) * 8;
    if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS || mbedtls_rsa_check_pubkey(&key->rsa))
        goto fail;
    *rsa = key;
    return 0;
fail:
    ssh_crypto_rsa_free(key);
    return -1;
}

static mbedtls_md_type_t rsa_hash_type(size_t hash_len)
{
    if (hash_len == SHA256_DIGEST_LENGTH)
        return MBEDTLS_MD_SHA256;
    if (hash_len == SHA512_DIGEST_LENGTH)
        return MBEDTLS_MD_SHA512;
    return MBEDTLS_MD_NONE;
}

int _libssh2_rsa_sha2_verify(libssh2_rsa_ctx *rsa, size_t hash_len, const unsigned char *sig,
                             size_t sig_len, const unsigned char *m, size_t m_len)
{
    mbedtls_md_type_t type = rsa_hash_type(hash_len);
    size_t key_len = mbedtls_rsa_get_len(&rsa->rsa);
    uint8_t hash[SHA512_DIGEST_LENGTH];
    uint8_t padded[RSA_MAX_BITS / 8] = {0};

    /* A signature may come without its leading zeros. */
    if (type == MBEDTLS_MD_NONE || sig_len > key_len ||
        ssh_crypto_hash(hash, (int)hash_len * 8, m, m_len))
        return -1;
    memcpy(padded + key_len - sig_len, sig, sig_len);
    return mbedtls_rsa_pkcs1_verify(&rsa->rsa, type, (unsigned)hash_len, hash, padded) ? -1 : 0;
}

/* "ssh-rsa" with SHA-1: never offered, and refused if it came all the same. */
int _libssh2_rsa_sha1_verify(libssh2_rsa_ctx *rsa, const unsigned char *sig, size_t sig_len,
                             const unsigned char *m, size_t m_len)
{
    (void)rsa;
    (void)sig;
    (void)sig_len;
    (void)m;
    (void)m_len;
    return -1;
}
