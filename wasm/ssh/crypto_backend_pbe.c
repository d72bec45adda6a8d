#include "ssh/crypto_backend_pbe.h"

#include "libssh2_priv.h" /* _libssh2_bcrypt_pbkdf */

#include <mbedtls/aes.h>
#include <mbedtls/gcm.h>
#include <mbedtls/md5.h>
#include <mbedtls/sha1.h>
#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/crypto_auth_hmacsha512.h>
#include <sodium/crypto_onetimeauth_poly1305.h>
#include <sodium/crypto_stream_chacha20.h>
#include <string.h>

enum { BLOCK_LEN = 16, TAG_LEN = 16, GCM_IV_LEN = 12, HASH_MAX = 64, SHA1_BLOCK_LEN = 64 };

/* ---- ciphers ---- */

static bool aes_open(enum ssh_crypto_pbe_mode mode, struct bytes key, const uint8_t iv[BLOCK_LEN],
                     uint8_t *text, size_t len)
{
    uint8_t counter[BLOCK_LEN], stream[BLOCK_LEN];
    unsigned bits = (unsigned)key.len * 8;
    mbedtls_aes_context aes;
    size_t at = 0;
    bool ok;

    memcpy(counter, iv, BLOCK_LEN);
    mbedtls_aes_init(&aes);
    if (mode == SSH_CRYPTO_PBE_CTR)
        ok = mbedtls_aes_setkey_enc(&aes, key.data, bits) == 0 &&
             mbedtls_aes_crypt_ctr(&aes, len, &at, counter, stream, text, text) == 0;
    else
        ok = mbedtls_aes_setkey_dec(&aes, key.data, bits) == 0 &&
             mbedtls_aes_crypt_cbc(&aes, MBEDTLS_AES_DECRYPT, len, counter, text, text) == 0;
    mbedtls_aes_free(&aes);
    wipe(stream, sizeof stream);
    return ok;
}

static bool gcm_open(struct bytes key, const uint8_t iv[GCM_IV_LEN], uint8_t *text, size_t len,
                     const uint8_t tag[TAG_LEN])
{
    mbedtls_gcm_context gcm;
    bool ok;

    mbedtls_gcm_init(&gcm);
    ok =
        mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key.data, (unsigned)key.len * 8) == 0 &&
        mbedtls_gcm_auth_decrypt(&gcm, len, iv, GCM_IV_LEN, NULL, 0, tag, TAG_LEN, text, text) == 0;
    mbedtls_gcm_free(&gcm);
    return ok;
}

/* PROTOCOL.chacha20poly1305 of OpenSSH, as packet 0 without a length: block 0 of the key stream is
 * the key of the MAC, the text begins at block 1. The second half of the key is for lengths. */
static bool chacha_open(struct bytes key, uint8_t *text, size_t len, const uint8_t tag[TAG_LEN])
{
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES] = {0};
    uint8_t mac_key[crypto_onetimeauth_poly1305_KEYBYTES];
    bool ok;

    crypto_stream_chacha20(mac_key, sizeof mac_key, nonce, key.data);
    ok = crypto_onetimeauth_poly1305_verify(tag, text, len, mac_key) == 0;
    if (ok)
        crypto_stream_chacha20_xor_ic(text, text, len, nonce, 1, key.data);
    wipe(mac_key, sizeof mac_key);
    return ok;
}

bool ssh_crypto_pbe_open(enum ssh_crypto_pbe_mode mode, struct bytes key, const uint8_t *iv,
                         uint8_t *text, size_t len, const uint8_t *tag)
{
    switch (mode) {
    case SSH_CRYPTO_PBE_GCM:
        return gcm_open(key, iv, text, len, tag);
    case SSH_CRYPTO_PBE_CHACHA:
        return chacha_open(key, text, len, tag);
    default:
        return aes_open(mode, key, iv, text, len);
    }
}

/* ---- from passphrase to key ---- */

bool ssh_crypto_bcrypt(uint8_t *key, size_t len, struct bytes passphrase, struct bytes salt,
                       uint32_t rounds)
{
    return _libssh2_bcrypt_pbkdf((const char *)passphrase.data, passphrase.len, salt.data, salt.len,
                                 key, len, rounds) == 0;
}

/* An HMAC with its key worked in; each use starts from a copy. */
struct prf {
    int bits;
    union {
        crypto_auth_hmacsha256_state sha256;
        crypto_auth_hmacsha512_state sha512;
        struct {
            mbedtls_sha1_context inner, outer;
        } sha1;
    } state;
};

static bool sha1_pad(mbedtls_sha1_context *ctx, const uint8_t *key, size_t len, uint8_t pad)
{
    uint8_t block[SHA1_BLOCK_LEN];
    bool ok;

    memset(block, pad, sizeof block);
    for (size_t i = 0; i < len; i++)
        block[i] ^= key[i];
    mbedtls_sha1_init(ctx);
    ok = mbedtls_sha1_starts(ctx) == 0 && mbedtls_sha1_update(ctx, block, sizeof block) == 0;
    wipe(block, sizeof block);
    return ok;
}

static bool prf_init(struct prf *prf, int bits, struct bytes key)
{
    uint8_t hashed[20];
    bool ok;

    prf->bits = bits;
    if (bits == 256)
        return crypto_auth_hmacsha256_init(&prf->state.sha256, key.data, key.len) == 0;
    if (bits == 512)
        return crypto_auth_hmacsha512_init(&prf->state.sha512, key.data, key.len) == 0;
    if (key.len > SHA1_BLOCK_LEN) {
        if (mbedtls_sha1(key.data, key.len, hashed))
            return false;
        key = (struct bytes){hashed, sizeof hashed};
    }
    ok = sha1_pad(&prf->state.sha1.inner, key.data, key.len, 0x36) &&
         sha1_pad(&prf->state.sha1.outer, key.data, key.len, 0x5c);
    wipe(hashed, sizeof hashed);
    return ok;
}

/* out = HMAC(key, a || b). */
static void prf_run(uint8_t *out, const struct prf *prf, struct bytes a, struct bytes b)
{
    struct prf p = *prf;

    if (p.bits == 256) {
        crypto_auth_hmacsha256_update(&p.state.sha256, a.data, a.len);
        crypto_auth_hmacsha256_update(&p.state.sha256, b.data, b.len);
        crypto_auth_hmacsha256_final(&p.state.sha256, out);
    } else if (p.bits == 512) {
        crypto_auth_hmacsha512_update(&p.state.sha512, a.data, a.len);
        crypto_auth_hmacsha512_update(&p.state.sha512, b.data, b.len);
        crypto_auth_hmacsha512_final(&p.state.sha512, out);
    } else { /* of these, none can fail without hardware */
        (void)mbedtls_sha1_update(&p.state.sha1.inner, a.data, a.len);
        (void)mbedtls_sha1_update(&p.state.sha1.inner, b.data, b.len);
        (void)mbedtls_sha1_finish(&p.state.sha1.inner, out);
        (void)mbedtls_sha1_update(&p.state.sha1.outer, out, 20);
        (void)mbedtls_sha1_finish(&p.state.sha1.outer, out);
    }
    wipe(&p, sizeof p);
}

bool ssh_crypto_pbkdf2(uint8_t *key, size_t len, int hash_bits, struct bytes passphrase,
                       struct bytes salt, uint32_t iterations)
{
    uint8_t u[HASH_MAX], block[HASH_MAX], number[4];
    size_t hash_len = (size_t)hash_bits / 8, n;
    struct prf prf;

    if (!iterations || !prf_init(&prf, hash_bits, passphrase))
        return false;
    for (uint32_t i = 1; len; i++) {
        store_be32(number, i);
        prf_run(u, &prf, salt, (struct bytes){number, sizeof number});
        memcpy(block, u, hash_len);
        for (uint32_t j = 1; j < iterations; j++) {
            prf_run(u, &prf, (struct bytes){u, hash_len}, (struct bytes){u, 0});
            for (size_t k = 0; k < hash_len; k++)
                block[k] ^= u[k];
        }
        n = len < hash_len ? len : hash_len;
        memcpy(key, block, n);
        key += n;
        len -= n;
    }
    wipe(&prf, sizeof prf);
    wipe(u, sizeof u);
    wipe(block, sizeof block);
    return true;
}

bool ssh_crypto_md5_key(uint8_t *key, size_t len, struct bytes passphrase, const uint8_t salt[8])
{
    uint8_t hash[16];
    size_t had = 0, n;
    mbedtls_md5_context md5;
    bool ok = true;

    while (ok && len) {
        mbedtls_md5_init(&md5);
        ok = mbedtls_md5_starts(&md5) == 0 && mbedtls_md5_update(&md5, hash, had) == 0 &&
             mbedtls_md5_update(&md5, passphrase.data, passphrase.len) == 0 &&
             mbedtls_md5_update(&md5, salt, 8) == 0 && mbedtls_md5_finish(&md5, hash) == 0;
        mbedtls_md5_free(&md5);
        had = sizeof hash;
        n = len < had ? len : had;
        memcpy(key, hash, n);
        key += n;
        len -= n;
    }
    wipe(hash, sizeof hash);
    return ok;
}
