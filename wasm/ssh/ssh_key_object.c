/* A key as numbers, and what can be done with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "base/host.h"
#include "ssh/ssh_key_internal.h"
#include "ssh/ssh_sha256.h"

enum { MAX_FIELDS_LEN = 8 << 10, PEM_LINE_LEN = 70 };

struct ssh_key {
    const char *type;
    int bits; /* of the curve; 0 for the others */
    struct buf fields, blob;
    char comment[SSH_KEY_MAX_COMMENT_LEN + 1];
    uint8_t ed25519[SSH_CRYPTO_ED25519_SECRET_LEN];
    struct ssh_crypto_ec *ec;
    struct ssh_crypto_rsa *rsa;
};

static const struct {
    const char *type, *curve;
    int bits;
} ec_types[] = {{"ecdsa-sha2-nistp256", "nistp256", 256},
                {"ecdsa-sha2-nistp384", "nistp384", 384},
                {"ecdsa-sha2-nistp521", "nistp521", 521}};

/* ---- birth and death ---- */

static struct ssh_key *key_new(const char *type)
{
    struct ssh_key *key = calloc(1, sizeof *key);

    if (!key)
        return NULL;
    key->type = type;
    buf_init(&key->fields, MAX_FIELDS_LEN);
    buf_init(&key->blob, MAX_FIELDS_LEN);
    return key;
}

void ssh_key_free(struct ssh_key *key)
{
    if (!key)
        return;
    buf_wipe(&key->fields);
    buf_wipe(&key->blob);
    ssh_crypto_ec_free(key->ec);
    ssh_crypto_rsa_free(key->rsa);
    wipe(key, sizeof *key);
    free(key);
}

void ssh_key_set_comment(struct ssh_key *key, struct bytes comment)
{
    size_t len = comment.len < SSH_KEY_MAX_COMMENT_LEN ? comment.len : SSH_KEY_MAX_COMMENT_LEN;

    /* UTF-8 stays; what a terminal or a line of text would act on goes. */
    for (size_t i = 0; i < len; i++)
        key->comment[i] =
            comment.data[i] >= ' ' && comment.data[i] != 127 ? (char)comment.data[i] : '?';
    key->comment[len] = '\0';
}

/* ---- from fields ---- */

/* A number that is not negative, without leading zeros. */
static bool get_mpint(struct bytes *number, struct bytes *in)
{
    if (!ssh_get_string(number, in) || (number->len && number->data[0] & 0x80))
        return false;
    while (number->len && !number->data[0])
        *number = (struct bytes){number->data + 1, number->len - 1};
    return true;
}

static int ed25519_from_fields(struct ssh_key *key, struct bytes *in)
{
    struct bytes pub, secret;

    if (!ssh_get_string(&pub, in) || pub.len != SSH_CRYPTO_ED25519_LEN ||
        !ssh_get_string(&secret, in) || secret.len != SSH_CRYPTO_ED25519_SECRET_LEN)
        return SSH_KEY_ERR_MALFORMED;
    /* Signing with a public half that is not the seed's would give the seed away. */
    ssh_crypto_ed25519_secret(key->ed25519, secret.data);
    if (!bytes_equal(key->ed25519, secret.data, secret.len) ||
        !bytes_equal(key->ed25519 + SSH_CRYPTO_ED25519_LEN, pub.data, pub.len))
        return SSH_KEY_ERR_MALFORMED;
    if (!ssh_put_text(&key->blob, key->type) || !ssh_put_string(&key->blob, pub) ||
        !ssh_put_text(&key->fields, key->type) || !ssh_put_string(&key->fields, pub) ||
        !ssh_put_string(&key->fields, secret))
        return IPN_ERR_NOMEM;
    return 0;
}

static int ec_from_fields(struct ssh_key *key, struct bytes *in, size_t which)
{
    struct bytes curve, given, d;
    uint8_t point[SSH_CRYPTO_POINT_MAX];
    struct bytes q = {point, 0};

    if (!ssh_get_string(&curve, in) || !ssh_bytes_are(curve, ec_types[which].curve) ||
        !ssh_get_string(&given, in) || !get_mpint(&d, in))
        return SSH_KEY_ERR_MALFORMED;
    key->bits = ec_types[which].bits;
    key->ec = ssh_crypto_ec_private(key->bits, d);
    q.len = key->ec ? ssh_crypto_ec_point(point, key->ec) : 0;
    if (!q.len || (given.len && (given.len != q.len || memcmp(given.data, point, q.len) != 0)))
        return SSH_KEY_ERR_MALFORMED;
    if (!ssh_put_text(&key->blob, key->type) || !ssh_put_string(&key->blob, curve) ||
        !ssh_put_string(&key->blob, q) || !ssh_put_text(&key->fields, key->type) ||
        !ssh_put_string(&key->fields, curve) || !ssh_put_string(&key->fields, q) ||
        !ssh_put_mpint(&key->fields, d))
        return IPN_ERR_NOMEM;
    return 0;
}

static size_t bit_len(struct bytes number)
{
    size_t bits = number.len * 8;

    for (uint8_t top = number.len ? number.data[0] : 0xff; !(top & 0x80); top = (uint8_t)(top << 1))
        bits--;
    return bits;
}

static int rsa_from_fields(struct ssh_key *key, struct bytes *in)
{
    enum { N, E, D, QINV, P, Q, COUNT };
    struct bytes x[COUNT];

    for (int i = 0; i < COUNT; i++) {
        if (!get_mpint(&x[i], in))
            return SSH_KEY_ERR_MALFORMED;
    }
    if (bit_len(x[N]) < SSH_CRYPTO_RSA_MIN_BITS || bit_len(x[N]) > SSH_CRYPTO_RSA_MAX_BITS)
        return SSH_KEY_ERR_SIZE;
    key->rsa = ssh_crypto_rsa_private(
        &(struct ssh_crypto_rsa_numbers){.n = x[N], .e = x[E], .d = x[D], .p = x[P], .q = x[Q]});
    if (!key->rsa || x[QINV].len > x[N].len)
        return SSH_KEY_ERR_MALFORMED;
    if (!ssh_put_text(&key->blob, key->type) || !ssh_put_mpint(&key->blob, x[E]) ||
        !ssh_put_mpint(&key->blob, x[N]) || !ssh_put_text(&key->fields, key->type))
        return IPN_ERR_NOMEM;
    for (int i = 0; i < COUNT; i++) {
        if (!ssh_put_mpint(&key->fields, x[i]))
            return IPN_ERR_NOMEM;
    }
    return 0;
}

/* The name of a type that can be taken; else NULL, and *error. curve: for ECDSA, of ec_types. */
static const char *known_type(struct bytes type, size_t *curve, int *error)
{
    for (size_t i = 0; i < sizeof ec_types / sizeof *ec_types; i++) {
        *curve = i;
        if (ssh_bytes_are(type, ec_types[i].type))
            return ec_types[i].type;
    }
    if (ssh_bytes_are(type, "ssh-ed25519"))
        return "ssh-ed25519";
    if (ssh_bytes_are(type, "ssh-rsa"))
        return "ssh-rsa";
    *error = SSH_KEY_ERR_TYPE;
    if (ssh_bytes_are(type, "ssh-dss"))
        *error = SSH_KEY_ERR_DSA;
    if (type.len > 3 && memcmp(type.data, "sk-", 3) == 0)
        *error = SSH_KEY_ERR_HARDWARE;
    return NULL;
}

int ssh_key_check_type(struct bytes blob)
{
    struct bytes type;
    size_t curve;
    int error = 0;

    if (!ssh_get_string(&type, &blob))
        return SSH_KEY_ERR_MALFORMED;
    return known_type(type, &curve, &error) ? 0 : error;
}

int ssh_key_from_fields(struct ssh_key **key, struct bytes *in)
{
    struct ssh_key *made;
    struct bytes type;
    const char *name;
    size_t curve;
    int rc;

    *key = NULL;
    if (!ssh_get_string(&type, in))
        return SSH_KEY_ERR_MALFORMED;
    name = known_type(type, &curve, &rc);
    if (!name)
        return rc;
    made = key_new(name);
    if (!made)
        return IPN_ERR_NOMEM;
    rc = strcmp(name, "ssh-ed25519") == 0 ? ed25519_from_fields(made, in)
         : strcmp(name, "ssh-rsa") == 0   ? rsa_from_fields(made, in)
                                          : ec_from_fields(made, in, curve);
    if (rc < 0)
        ssh_key_free(made);
    else
        *key = made;
    return rc;
}

struct ssh_key *ssh_key_generate_ed25519(void)
{
    uint8_t seed[SSH_CRYPTO_ED25519_LEN], secret[SSH_CRYPTO_ED25519_SECRET_LEN];
    struct ssh_key *key = NULL;
    struct bytes in;
    struct buf b;

    host_random(seed, sizeof seed);
    ssh_crypto_ed25519_secret(secret, seed);
    buf_init(&b, MAX_FIELDS_LEN);
    if (ssh_put_text(&b, "ssh-ed25519") &&
        ssh_put_string(&b, (struct bytes){secret + sizeof seed, SSH_CRYPTO_ED25519_LEN}) &&
        ssh_put_string(&b, (struct bytes){secret, sizeof secret})) {
        in = (struct bytes){buf_head(&b), b.len};
        ssh_key_from_fields(&key, &in);
    }
    buf_wipe(&b);
    wipe(seed, sizeof seed);
    wipe(secret, sizeof secret);
    return key;
}

/* ---- what it shows ---- */

const char *ssh_key_type(const struct ssh_key *key)
{
    return key->type;
}

const char *ssh_key_comment(const struct ssh_key *key)
{
    return key->comment;
}

struct bytes ssh_key_public_blob(const struct ssh_key *key)
{
    return (struct bytes){key->blob.data + key->blob.head, key->blob.len};
}

struct bytes ssh_key_fields(const struct ssh_key *key)
{
    return (struct bytes){key->fields.data + key->fields.head, key->fields.len};
}

void ssh_key_fingerprint(char dst[SSH_KEY_FINGERPRINT_LEN + 1], struct bytes blob)
{
    char text[BASE64_LEN(32) + 1];
    uint8_t hash[32];

    ssh_sha256(hash, blob);
    base64_encode(text, hash, sizeof hash);
    snprintf(dst, SSH_KEY_FINGERPRINT_LEN + 1, "SHA256:%.43s", text);
}

int ssh_key_blob_line(struct buf *dst, struct bytes blob, const char *comment)
{
    size_t type_len = blob.len < 4 ? SIZE_MAX : load_be32(blob.data);

    if (type_len == 0 || type_len > 64 || type_len > blob.len - 4)
        return SSH_KEY_ERR_MALFORMED;
    for (size_t i = 0; i < type_len; i++) {
        if (blob.data[4 + i] <= ' ' || blob.data[4 + i] > '~')
            return SSH_KEY_ERR_MALFORMED;
    }
    size_t head = type_len + 1, tail = comment[0] ? strlen(comment) + 1 : 0;
    size_t len = head + BASE64_LEN(blob.len) + tail;
    char *line = (char *)buf_reserve(dst, len + 1);

    if (!line)
        return len + 1 > dst->max_len - dst->len ? IPN_ERR_FULL : IPN_ERR_NOMEM;
    memcpy(line, blob.data + 4, type_len);
    line[type_len] = ' ';
    line += head + base64_encode(line + head, blob.data, blob.len);
    if (tail) {
        line[0] = ' ';
        memcpy(line + 1, comment, tail - 1);
    }
    buf_commit(dst, len);
    return 0;
}

int ssh_key_public_line(struct buf *dst, const struct ssh_key *key, const char *comment)
{
    return ssh_key_blob_line(dst, ssh_key_public_blob(key), comment);
}

/* ---- signing ---- */

static size_t sign_raw(uint8_t sig[SSH_CRYPTO_SIGNATURE_MAX], const struct ssh_key *key,
                       const char *algorithm, struct bytes data)
{
    if (key->rsa)
        return ssh_crypto_rsa_sign(sig, key->rsa, algorithm[9] == '2' ? 256 : 512, data);
    if (key->ec)
        return ssh_crypto_ec_sign(sig, key->ec, data);
    ssh_crypto_ed25519_sign(sig, key->ed25519, data);
    return 64;
}

int ssh_key_sign(struct buf *dst, const struct ssh_key *key, const char *algorithm,
                 struct bytes data)
{
    uint8_t sig[SSH_CRYPTO_SIGNATURE_MAX];
    size_t len, at = dst->len;

    if (key->rsa ? strcmp(algorithm, "rsa-sha2-256") != 0 && strcmp(algorithm, "rsa-sha2-512") != 0
                 : strcmp(algorithm, key->type) != 0)
        return IPN_ERR_ARG;
    len = sign_raw(sig, key, algorithm, data);
    if (!len)
        return IPN_ERR_CRYPTO;
    if (ssh_put_text(dst, algorithm) && ssh_put_string(dst, (struct bytes){sig, len}))
        return 0;
    dst->len = at; /* half a blob is none */
    return dst->max_len - at < len + 64 ? IPN_ERR_FULL : IPN_ERR_NOMEM;
}
