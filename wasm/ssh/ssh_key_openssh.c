/*
 * OpenSSH's own format (PROTOCOL.key), between -----BEGIN OPENSSH PRIVATE KEY----- lines in base64:
 *
 *   "openssh-key-v1" 00, string cipher, string kdf, string [string salt, uint32 rounds],
 *   uint32 1, string public blob, string private section, tag of 16 bytes with an AEAD cipher
 *
 *   private section, encrypted: uint32 check, the same again, fields, string comment, 1 2 3 4 …
 */
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "base/host.h"
#include "ssh/ssh_key_internal.h"

static const char magic[] = "openssh-key-v1"; /* its NUL belongs to it */

enum { MAX_KEY_IV_LEN = 64, TAG_LEN = 16, PLAIN_BLOCK_LEN = 8, LINE_LEN = 70 };

struct cipher {
    const char *name;
    enum ssh_crypto_pbe_mode mode;
    uint8_t key_len, iv_len, block_len, tag_len;
};

static const struct cipher ciphers[] = {
    {"aes256-ctr", SSH_CRYPTO_PBE_CTR, 32, 16, 16, 0},
    {"aes192-ctr", SSH_CRYPTO_PBE_CTR, 24, 16, 16, 0},
    {"aes128-ctr", SSH_CRYPTO_PBE_CTR, 16, 16, 16, 0},
    {"aes256-cbc", SSH_CRYPTO_PBE_CBC, 32, 16, 16, 0},
    {"aes192-cbc", SSH_CRYPTO_PBE_CBC, 24, 16, 16, 0},
    {"aes128-cbc", SSH_CRYPTO_PBE_CBC, 16, 16, 16, 0},
    {"aes256-gcm@openssh.com", SSH_CRYPTO_PBE_GCM, 32, 12, 16, TAG_LEN},
    {"aes128-gcm@openssh.com", SSH_CRYPTO_PBE_GCM, 16, 12, 16, TAG_LEN},
    {"chacha20-poly1305@openssh.com", SSH_CRYPTO_PBE_CHACHA, 64, 0, 8, TAG_LEN},
};

/* The parts of the outer layer, borrowed. */
struct envelope {
    struct bytes cipher, kdf, kdf_options, public_blob, section, tag;
};

static bool envelope_read(struct envelope *e, struct bytes in)
{
    uint32_t count;

    if (in.len < sizeof magic || memcmp(in.data, magic, sizeof magic) != 0)
        return false;
    in = (struct bytes){in.data + sizeof magic, in.len - sizeof magic};
    if (!ssh_get_string(&e->cipher, &in) || !ssh_get_string(&e->kdf, &in) ||
        !ssh_get_string(&e->kdf_options, &in) || !ssh_get_u32(&count, &in) || count != 1 ||
        !ssh_get_string(&e->public_blob, &in) || !ssh_get_string(&e->section, &in))
        return false;
    e->tag = in;
    return true;
}

static const struct cipher *find_cipher(struct bytes name)
{
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        if (ssh_bytes_are(name, ciphers[i].name))
            return &ciphers[i];
    }
    return NULL;
}

/* Decrypts the section where it lies. */
static int envelope_open(const struct envelope *e, uint8_t *section, struct bytes passphrase)
{
    const struct cipher *c = find_cipher(e->cipher);
    uint8_t key[MAX_KEY_IV_LEN];
    struct bytes options = e->kdf_options, salt;
    uint32_t rounds;
    bool ok;

    if (!c || !ssh_bytes_are(e->kdf, "bcrypt"))
        return SSH_KEY_ERR_CIPHER;
    if (!ssh_get_string(&salt, &options) || !ssh_get_u32(&rounds, &options) || !salt.len ||
        !rounds || e->section.len % c->block_len || e->tag.len != c->tag_len)
        return SSH_KEY_ERR_MALFORMED;
    if (!passphrase.len)
        return SSH_KEY_ERR_ENCRYPTED;
    if (rounds > SSH_KEY_MAX_BCRYPT_ROUNDS)
        return SSH_KEY_ERR_ROUNDS;
    if (!ssh_crypto_bcrypt(key, (size_t)c->key_len + c->iv_len, passphrase, salt, rounds))
        return IPN_ERR_NOMEM;
    ok = ssh_crypto_pbe_open(c->mode, (struct bytes){key, c->key_len}, key + c->key_len, section,
                             e->section.len, e->tag.data);
    wipe(key, sizeof key);
    return ok ? 0 : SSH_KEY_ERR_PASSPHRASE;
}

/* The private section in clear. */
static int section_read(struct ssh_key **key, struct bytes in, struct bytes public_blob)
{
    struct bytes comment, blob;
    uint32_t check, again;
    int rc;

    if (!ssh_get_u32(&check, &in) || !ssh_get_u32(&again, &in))
        return SSH_KEY_ERR_MALFORMED;
    if (check != again)
        return SSH_KEY_ERR_PASSPHRASE;
    rc = ssh_key_from_fields(key, &in);
    if (rc < 0)
        return rc;
    blob = ssh_key_public_blob(*key);
    if (!ssh_get_string(&comment, &in) || blob.len != public_blob.len ||
        memcmp(blob.data, public_blob.data, blob.len) != 0)
        return SSH_KEY_ERR_MALFORMED;
    for (size_t i = 0; i < in.len; i++) {
        if (in.data[i] != (uint8_t)(i + 1))
            return SSH_KEY_ERR_MALFORMED;
    }
    ssh_key_set_comment(*key, comment);
    return 0;
}

int ssh_key_from_openssh(struct ssh_key **key, uint8_t *data, size_t len, struct bytes passphrase)
{
    struct envelope e;
    bool encrypted;
    int rc;

    if (!envelope_read(&e, (struct bytes){data, len}))
        return SSH_KEY_ERR_MALFORMED;
    rc = ssh_key_check_type(e.public_blob); /* no use in asking for a passphrase */
    if (rc < 0)
        return rc;
    encrypted = !ssh_bytes_are(e.cipher, "none");
    if (encrypted)
        rc = envelope_open(&e, data + (e.section.data - data), passphrase);
    if (rc < 0)
        return rc;
    rc = section_read(key, e.section, e.public_blob);
    if (rc < 0) {
        ssh_key_free(*key);
        *key = NULL;
    }
    return rc == SSH_KEY_ERR_PASSPHRASE && !encrypted ? SSH_KEY_ERR_MALFORMED : rc;
}

int ssh_key_openssh_public(struct bytes *blob, struct bytes data)
{
    struct envelope e;

    if (!envelope_read(&e, data))
        return SSH_KEY_ERR_MALFORMED;
    *blob = e.public_blob;
    return ssh_key_check_type(e.public_blob);
}

/* ---- writing ---- */

static bool put_section(struct buf *b, const struct ssh_key *key, const char *comment)
{
    struct bytes fields = ssh_key_fields(key);
    uint8_t check[4];
    bool ok;

    host_random(check, sizeof check);
    ok = buf_append(b, check, sizeof check) == 0 && buf_append(b, check, sizeof check) == 0 &&
         buf_append(b, fields.data, fields.len) == 0 && ssh_put_text(b, comment);
    for (uint8_t i = 1; ok && b->len % PLAIN_BLOCK_LEN; i++)
        ok = ssh_put_u8(b, i);
    return ok;
}

static bool put_envelope(struct buf *b, const struct ssh_key *key, struct bytes section)
{
    return buf_append(b, magic, sizeof magic) == 0 && ssh_put_text(b, "none") &&
           ssh_put_text(b, "none") && ssh_put_text(b, "") && ssh_put_u32(b, 1) &&
           ssh_put_string(b, ssh_key_public_blob(key)) && ssh_put_string(b, section);
}

static bool put_lines(struct buf *b, const char *text, size_t len)
{
    static const char begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
    static const char end[] = "-----END OPENSSH PRIVATE KEY-----\n";
    bool ok = buf_append(b, begin, sizeof begin - 1) == 0;

    for (size_t n; ok && len; text += n, len -= n) {
        n = len < LINE_LEN ? len : LINE_LEN;
        ok = buf_append(b, text, n) == 0 && buf_append(b, "\n", 1) == 0;
    }
    return ok && buf_append(b, end, sizeof end - 1) == 0;
}

int ssh_key_private_text(struct buf *dst, const struct ssh_key *key, const char *comment)
{
    struct buf section, envelope;
    size_t text_len = 0, at = dst->len;
    char *text = NULL;
    bool ok;

    buf_init(&section, SSH_KEY_MAX_TEXT_LEN);
    buf_init(&envelope, SSH_KEY_MAX_TEXT_LEN);
    ok = put_section(&section, key, comment) &&
         put_envelope(&envelope, key, (struct bytes){buf_head(&section), section.len});
    if (ok)
        text = malloc(BASE64_LEN(envelope.len) + 1);
    if (text) {
        text_len = base64_encode(text, buf_head(&envelope), envelope.len);
        ok = put_lines(dst, text, text_len);
        wipe(text, text_len);
        free(text);
    }
    buf_wipe(&section);
    buf_wipe(&envelope);
    if (text && ok)
        return 0;
    dst->len = at;
    return text && dst->max_len - at < text_len + text_len / LINE_LEN + 80 ? IPN_ERR_FULL
                                                                           : IPN_ERR_NOMEM;
}
