/*
 * AES for libssh2: CTR, GCM (aes*-gcm@openssh.com, RFC 5647) and CBC for encrypted private keys.
 *
 * libssh2 hands a packet over in pieces and marks the first and the last. For GCM:
 *
 *   first                middle ...          last
 *   [length 4 | data 12] [data 16] ...       [data 0 to 31 | tag 16]
 *      clear    sealed    sealed               sealed        made or checked
 *
 * A first piece never fails: libssh2 would free a packet that it does not own any more. What goes
 * wrong there is remembered and reported with the last piece.
 */
#include "libssh2_priv.h"

#include <mbedtls/aes.h>
#include <mbedtls/gcm.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "ssh/crypto_backend_internal.h"

enum {
    MODE_CTR = 1,
    MODE_CBC = 2,
    MODE_GCM = 3,
    GCM_LENGTH_LEN = 4,
    GCM_IV_LEN = 12,
    TAG_LEN = 16
};

struct ssh_crypto_cipher {
    int mode;
    bool failed; /* the packet under way is bad */
    union {
        mbedtls_aes_context aes;
        mbedtls_gcm_context gcm;
    } key;
    uint8_t iv[16];     /* CTR: counter block; GCM: fixed 4, invocation counter 8 */
    uint8_t stream[16]; /* CTR: rest of a key stream block */
    size_t stream_at;
};

static int cipher_set_key(struct ssh_crypto_cipher *c, const uint8_t *key, unsigned bits,
                          int encrypt)
{
    if (c->mode == MODE_GCM) {
        mbedtls_gcm_init(&c->key.gcm);
        return mbedtls_gcm_setkey(&c->key.gcm, MBEDTLS_CIPHER_ID_AES, key, bits);
    }
    mbedtls_aes_init(&c->key.aes);
    if (c->mode == MODE_CTR || encrypt)
        return mbedtls_aes_setkey_enc(&c->key.aes, key, bits);
    return mbedtls_aes_setkey_dec(&c->key.aes, key, bits);
}

int _libssh2_cipher_init(_libssh2_cipher_ctx *ctx, int algo, unsigned char *iv,
                         unsigned char *secret, int encrypt)
{
    struct ssh_crypto_cipher *c;
    int mode = algo >> 8;

    *ctx = NULL;
    if (mode < MODE_CTR || mode > MODE_GCM || !(c = calloc(1, sizeof *c)))
        return -1;
    *ctx = c;
    c->mode = mode;
    memcpy(c->iv, iv, mode == MODE_GCM ? GCM_IV_LEN : sizeof c->iv);
    if (cipher_set_key(c, secret, (unsigned)(algo & 0xff) * 8, encrypt)) {
        ssh_crypto_cipher_free(ctx);
        return -1;
    }
    return 0;
}

void ssh_crypto_cipher_free(struct ssh_crypto_cipher **ctx)
{
    struct ssh_crypto_cipher *c = *ctx;

    *ctx = NULL;
    if (!c)
        return;
    if (c->mode == MODE_GCM)
        mbedtls_gcm_free(&c->key.gcm);
    else
        mbedtls_aes_free(&c->key.aes);
    wipe(c, sizeof *c);
    free(c);
}

/* Starts a packet: its nonce, its length as additional data; then steps the nonce on. */
static bool gcm_start(struct ssh_crypto_cipher *c, int encrypt, const uint8_t *length)
{
    int mode = encrypt ? MBEDTLS_GCM_ENCRYPT : MBEDTLS_GCM_DECRYPT;
    uint64_t invocation = load_be64(c->iv + 4);

    if (mbedtls_gcm_starts(&c->key.gcm, mode, c->iv, GCM_IV_LEN) ||
        mbedtls_gcm_update_ad(&c->key.gcm, length, GCM_LENGTH_LEN))
        return false;
    store_be64(c->iv + 4, invocation + 1);
    return true;
}

static bool gcm_finish(struct ssh_crypto_cipher *c, int encrypt, uint8_t *tag)
{
    uint8_t made[TAG_LEN];
    size_t made_len;
    bool ok;

    if (mbedtls_gcm_finish(&c->key.gcm, NULL, 0, &made_len, made, TAG_LEN))
        return false;
    ok = encrypt || bytes_equal(made, tag, TAG_LEN);
    if (encrypt)
        memcpy(tag, made, TAG_LEN);
    wipe(made, sizeof made);
    return ok;
}

static int gcm_crypt(struct ssh_crypto_cipher *c, int encrypt, uint8_t *block, size_t len,
                     int firstlast)
{
    size_t ad_len = IS_FIRST(firstlast) ? GCM_LENGTH_LEN : 0;
    size_t tag_len = IS_LAST(firstlast) ? TAG_LEN : 0;
    size_t text_len, out_len;
    bool ok;

    if (IS_FIRST(firstlast))
        c->failed = len < GCM_LENGTH_LEN || !gcm_start(c, encrypt, block);
    if (len < ad_len + tag_len)
        c->failed = true;
    if (!c->failed && len > ad_len + tag_len) {
        text_len = len - ad_len - tag_len;
        c->failed = mbedtls_gcm_update(&c->key.gcm, block + ad_len, text_len, block + ad_len,
                                       text_len, &out_len) != 0;
    }
    if (!IS_LAST(firstlast))
        return 0;
    ok = !c->failed && gcm_finish(c, encrypt, block + len - TAG_LEN);
    c->failed = true; /* until the next packet starts */
    return ok ? 0 : -1;
}

int _libssh2_cipher_crypt(_libssh2_cipher_ctx *ctx, int algo, int encrypt, unsigned char *block,
                          size_t blocksize, int firstlast)
{
    struct ssh_crypto_cipher *c = *ctx;
    int mode = encrypt ? MBEDTLS_AES_ENCRYPT : MBEDTLS_AES_DECRYPT;

    (void)algo;
    switch (c->mode) {
    case MODE_CTR:
        return mbedtls_aes_crypt_ctr(&c->key.aes, blocksize, &c->stream_at, c->iv, c->stream, block,
                                     block)
                   ? -1
                   : 0;
    case MODE_CBC:
        return mbedtls_aes_crypt_cbc(&c->key.aes, mode, blocksize, c->iv, block, block) ? -1 : 0;
    default:
        return gcm_crypt(c, encrypt, block, blocksize, firstlast);
    }
}
