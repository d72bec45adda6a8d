/*
 * RSA for libssh2 (rsa-sha2-256 and rsa-sha2-512, RFC 8332) by mbedTLS, and the public half of a
 * private key file. Keys in OpenSSH's own format; PEM and PKCS#8 come with public key
 * authentication.
 */
#include "libssh2_priv.h"

#include <mbedtls/rsa.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "ssh/crypto_backend_internal.h"

struct ssh_crypto_rsa {
    mbedtls_rsa_context rsa;
};

/* A modulus below this is refused, as OpenSSH does; above, a signature costs seconds. */
enum { RSA_MIN_BITS = 1024, RSA_MAX_BITS = 16384 };

static struct ssh_crypto_rsa *rsa_new(void)
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
    struct ssh_crypto_rsa *key = rsa_new();
    size_t bits;

    (void)e1data; /* mbedTLS works out the rest of a private key by itself */
    (void)e1len;
    (void)e2data;
    (void)e2len;
    (void)coeffdata;
    (void)coefflen;
    if (!key)
        return -1;
    if (mbedtls_rsa_import_raw(&key->rsa, ndata, nlen, pdata, plen, qdata, qlen, ddata, dlen, edata,
                               elen) ||
        mbedtls_rsa_complete(&key->rsa))
        goto fail;
    bits = mbedtls_rsa_get_len(&key->rsa) * 8;
    if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS ||
        (ddata ? mbedtls_rsa_check_privkey(&key->rsa) : mbedtls_rsa_check_pubkey(&key->rsa)))
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

int _libssh2_rsa_sha2_sign(LIBSSH2_SESSION *session, libssh2_rsa_ctx *rsactx,
                           const unsigned char *hash, size_t hash_len, unsigned char **signature,
                           size_t *signature_len)
{
    mbedtls_md_type_t type = rsa_hash_type(hash_len);
    size_t len = mbedtls_rsa_get_len(&rsactx->rsa);
    uint8_t *sig;

    if (type == MBEDTLS_MD_NONE)
        return -1;
    sig = LIBSSH2_ALLOC(session, len);
    if (!sig)
        return -1;
    if (mbedtls_rsa_pkcs1_sign(&rsactx->rsa, ssh_crypto_mbedtls_random, NULL, type,
                               (unsigned)hash_len, hash, sig)) {
        LIBSSH2_FREE(session, sig);
        return -1;
    }
    *signature = sig;
    *signature_len = len;
    return 0;
}

/* "ssh-rsa" with SHA-1: never offered, and refused if it came all the same. */
int _libssh2_rsa_sha1_sign(LIBSSH2_SESSION *session, libssh2_rsa_ctx *rsactx,
                           const unsigned char *hash, size_t hash_len, unsigned char **signature,
                           size_t *signature_len)
{
    (void)rsactx;
    (void)hash;
    (void)hash_len;
    (void)signature;
    (void)signature_len;
    return _libssh2_error(session, LIBSSH2_ERROR_METHOD_NOT_SUPPORTED, "no SHA-1");
}

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

/* [by libssh2] "ssh-rsa", n, e, d, 1/q mod p, p, q. */
int _libssh2_rsa_new_private_frommemory(libssh2_rsa_ctx **rsa, LIBSSH2_SESSION *session,
                                        const char *filedata, size_t filedata_len,
                                        unsigned const char *passphrase)
{
    enum { N, E, D, QINV, P, Q, NUMBERS };
    struct string_buf *key = NULL;
    unsigned char *name, *num[NUMBERS];
    size_t name_len, len[NUMBERS];
    int rc = -1;

    if (_libssh2_openssh_pem_parse_memory(session, passphrase, filedata, filedata_len, &key) ||
        !key || _libssh2_get_string(key, &name, &name_len) || name_len != 7 ||
        memcmp(name, "ssh-rsa", 7) != 0)
        goto out;
    for (int i = 0; i < NUMBERS; i++) {
        if (_libssh2_get_bignum_bytes(key, &num[i], &len[i]))
            goto out;
    }
    rc = _libssh2_rsa_new(rsa, num[E], len[E], num[N], len[N], num[D], len[D], num[P], len[P],
                          num[Q], len[Q], NULL, 0, NULL, 0, NULL, 0);
out:
    if (key)
        _libssh2_string_buf_free(session, key);
    return rc;
}

int _libssh2_rsa_new_private(libssh2_rsa_ctx **rsa, LIBSSH2_SESSION *session, const char *filename,
                             unsigned const char *passphrase)
{
    (void)rsa;
    (void)filename;
    (void)passphrase;
    return _libssh2_error(session, LIBSSH2_ERROR_FILE, "there are no files here");
}

/* ---- the public half of a key ---- */

/* string, string[, string] of the private section that make the public blob, by key type:
 * ed25519 name, key; ecdsa name, curve, point; rsa name, e, n (stored n first). */
static int public_blob(LIBSSH2_SESSION *session, struct string_buf *key, unsigned char **method,
                       size_t *method_len, unsigned char **blob, size_t *blob_len)
{
    unsigned char *name, *first, *second = NULL, *swap, *at;
    size_t name_len, first_len, second_len = 0, swap_len;

    if (_libssh2_get_string(key, &name, &name_len) || _libssh2_get_string(key, &first, &first_len))
        return -1;
    if (!(name_len == 11 && memcmp(name, "ssh-ed25519", 11) == 0) &&
        _libssh2_get_string(key, &second, &second_len))
        return -1;
    if (name_len == 7 && memcmp(name, "ssh-rsa", 7) == 0) {
        swap = first, swap_len = first_len;
        first = second, first_len = second_len;
        second = swap, second_len = swap_len;
    }
    *blob_len = 4 + name_len + 4 + first_len + (second ? 4 + second_len : 0);
    *method_len = name_len;
    *blob = LIBSSH2_ALLOC(session, *blob_len);
    *method = LIBSSH2_ALLOC(session, name_len);
    if (!*blob || !*method) {
        if (*blob)
            LIBSSH2_FREE(session, *blob);
        if (*method)
            LIBSSH2_FREE(session, *method);
        return -1;
    }
    memcpy(*method, name, name_len);
    at = *blob;
    _libssh2_store_str(&at, (const char *)name, name_len);
    _libssh2_store_str(&at, (const char *)first, first_len);
    if (second)
        _libssh2_store_str(&at, (const char *)second, second_len);
    return 0;
}

int _libssh2_pub_priv_keyfilememory(LIBSSH2_SESSION *session, unsigned char **method,
                                    size_t *method_len, unsigned char **pubkeydata,
                                    size_t *pubkeydata_len, const char *privatekeydata,
                                    size_t privatekeydata_len, const char *passphrase)
{
    struct string_buf *key = NULL;
    int rc = -1;

    if (_libssh2_openssh_pem_parse_memory(session, (const unsigned char *)passphrase,
                                          privatekeydata, privatekeydata_len, &key) == 0 &&
        key)
        rc = public_blob(session, key, method, method_len, pubkeydata, pubkeydata_len);
    if (key)
        _libssh2_string_buf_free(session, key);
    if (rc)
        return _libssh2_error(session, LIBSSH2_ERROR_FILE,
                              "not a private key in OpenSSH format, or a wrong passphrase");
    return 0;
}

int _libssh2_pub_priv_keyfile(LIBSSH2_SESSION *session, unsigned char **method, size_t *method_len,
                              unsigned char **pubkeydata, size_t *pubkeydata_len,
                              const char *privatekey, const char *passphrase)
{
    (void)method;
    (void)method_len;
    (void)pubkeydata;
    (void)pubkeydata_len;
    (void)privatekey;
    (void)passphrase;
    return _libssh2_error(session, LIBSSH2_ERROR_FILE, "there are no files here");
}

int _libssh2_sk_pub_keyfilememory(LIBSSH2_SESSION *session, unsigned char **method,
                                  size_t *method_len, unsigned char **pubkeydata,
                                  size_t *pubkeydata_len, int *algorithm, unsigned char *flags,
                                  const char **application, const unsigned char **key_handle,
                                  size_t *handle_len, const char *privatekeydata,
                                  size_t privatekeydata_len, const char *passphrase)
{
    (void)method;
    (void)method_len;
    (void)pubkeydata;
    (void)pubkeydata_len;
    (void)algorithm;
    (void)flags;
    (void)application;
    (void)key_handle;
    (void)handle_len;
    (void)privatekeydata;
    (void)privatekeydata_len;
    (void)passphrase;
    return _libssh2_error(session, LIBSSH2_ERROR_FILE, "security keys cannot be used here");
}

const char *_libssh2_supported_key_sign_algorithms(LIBSSH2_SESSION *session,
                                                   unsigned char *key_method, size_t key_method_len)
{
    (void)session;
    if (key_method_len == 7 && memcmp(key_method, "ssh-rsa", 7) == 0)
        return "rsa-sha2-512,rsa-sha2-256";
    return NULL;
}
