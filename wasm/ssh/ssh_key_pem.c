/*
 * Keys in DER:
 *
 *   RSA PRIVATE KEY        PKCS #1 (RFC 8017 A.1.2): SEQUENCE { 0, n, e, d, p, q, dp, dq, 1/q mod p }
 *   EC PRIVATE KEY         SEC 1 (RFC 5915): SEQUENCE { 1, OCTET STRING d, [0] curve, [1] point }
 *   PRIVATE KEY            PKCS #8 (RFC 5958): SEQUENCE { 0 or 1, algorithm, OCTET STRING one of the
 *                          above, or for Ed25519 (RFC 8410) an OCTET STRING with the seed, … }
 *   ENCRYPTED PRIVATE KEY  SEQUENCE { SEQUENCE { PBES2, SEQUENCE { PBKDF2, AES-CBC } }, OCTET STRING }
 *
 * The first two may be encrypted by PEM headers: DEK-Info names the cipher and its IV, the key is made
 * from the passphrase with MD5 (OpenSSL's own, weak way).
 */
#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "ssh/ssh_key_internal.h"

enum { MAX_FIELDS_LEN = 8 << 10, AES_BLOCK_LEN = 16, MAX_AES_KEY_LEN = 32 };

/* ---- object identifiers ---- */

#define OID(bytes) {(const uint8_t *)(bytes), sizeof(bytes) - 1}

static const struct bytes oid_rsa = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"),
                          oid_dsa = OID("\x2a\x86\x48\xce\x38\x04\x01"),
                          oid_ec = OID("\x2a\x86\x48\xce\x3d\x02\x01"),
                          oid_ed25519 = OID("\x2b\x65\x70"),
                          oid_pbes2 = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d"),
                          oid_pbkdf2 = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c");

static const struct {
    struct bytes oid;
    const char *curve;
} curves[] = {{OID("\x2a\x86\x48\xce\x3d\x03\x01\x07"), "nistp256"},
              {OID("\x2b\x81\x04\x00\x22"), "nistp384"},
              {OID("\x2b\x81\x04\x00\x23"), "nistp521"}};

static const struct {
    struct bytes oid;
    const char *dek_name;
    uint8_t key_len;
} ciphers[] = {{OID("\x60\x86\x48\x01\x65\x03\x04\x01\x02"), "AES-128-CBC", 16},
               {OID("\x60\x86\x48\x01\x65\x03\x04\x01\x16"), "AES-192-CBC", 24},
               {OID("\x60\x86\x48\x01\x65\x03\x04\x01\x2a"), "AES-256-CBC", 32}};

/* hmacWithSHA…: SHA-1 is meant where none is named. */
static const struct {
    struct bytes oid;
    int bits;
} prfs[] = {{OID("\x2a\x86\x48\x86\xf7\x0d\x02\x07"), 160},
            {OID("\x2a\x86\x48\x86\xf7\x0d\x02\x09"), 256},
            {OID("\x2a\x86\x48\x86\xf7\x0d\x02\x0b"), 512}};

static bool same(struct bytes a, struct bytes b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* ---- the three kinds, to fields ---- */

static int take_fields(struct ssh_key **key, struct buf *b, bool ok)
{
    struct bytes in = {buf_head(b), b->len};
    int rc = ok ? ssh_key_from_fields(key, &in) : IPN_ERR_NOMEM;

    buf_wipe(b);
    return rc;
}

static int from_pkcs1(struct ssh_key **key, struct bytes in)
{
    enum { N, E, D, P, Q, DP, DQ, QINV, COUNT };
    static const uint8_t order[] = {N, E, D, QINV, P, Q};
    struct bytes body, x[COUNT];
    uint32_t version;
    struct buf b;
    bool ok;

    if (!der_get(&body, &in, DER_SEQUENCE) || in.len || !der_get_int(&version, &body) || version)
        return SSH_KEY_ERR_MALFORMED;
    for (int i = 0; i < COUNT; i++) {
        if (!der_get_number(&x[i], &body))
            return SSH_KEY_ERR_MALFORMED;
    }
    if (x[N].len > MAX_FIELDS_LEN / 6)
        return SSH_KEY_ERR_SIZE;
    buf_init(&b, MAX_FIELDS_LEN);
    ok = ssh_put_text(&b, "ssh-rsa");
    for (size_t i = 0; ok && i < sizeof order; i++) {
        if (x[order[i]].len > x[N].len) {
            buf_wipe(&b);
            return SSH_KEY_ERR_MALFORMED;
        }
        ok = ssh_put_mpint(&b, x[order[i]]);
    }
    return take_fields(key, &b, ok);
}

static int from_ed25519(struct ssh_key **key, struct bytes in)
{
    uint8_t secret[SSH_CRYPTO_ED25519_SECRET_LEN];
    struct bytes seed;
    struct buf b;
    bool ok;

    if (!der_get(&seed, &in, DER_OCTET_STRING) || in.len || seed.len != SSH_CRYPTO_ED25519_LEN)
        return SSH_KEY_ERR_MALFORMED;
    ssh_crypto_ed25519_secret(secret, seed.data);
    buf_init(&b, MAX_FIELDS_LEN);
    ok = ssh_put_text(&b, "ssh-ed25519") &&
         ssh_put_string(&b, (struct bytes){secret + seed.len, SSH_CRYPTO_ED25519_LEN}) &&
         ssh_put_string(&b, (struct bytes){secret, sizeof secret});
    wipe(secret, sizeof secret);
    return take_fields(key, &b, ok);
}

/* curve: an OID, from PKCS #8; with .len 0 it must be inside. */
static int from_sec1(struct ssh_key **key, struct bytes in, struct bytes curve)
{
    struct bytes body, d, wrapped, point = {NULL, 0};
    const char *name = NULL;
    char type[24] = "ecdsa-sha2-";
    uint32_t version;
    struct buf b;

    if (!der_get(&body, &in, DER_SEQUENCE) || in.len || !der_get_int(&version, &body) ||
        version != 1 || !der_get(&d, &body, DER_OCTET_STRING) || d.len > 66)
        return SSH_KEY_ERR_MALFORMED;
    if (der_get(&wrapped, &body, DER_CONTEXT_0) && !curve.len &&
        !der_get(&curve, &wrapped, DER_OID))
        return SSH_KEY_ERR_TYPE; /* its parameters written out */
    if (der_get(&wrapped, &body, DER_CONTEXT_1) &&
        (!der_get(&point, &wrapped, DER_BIT_STRING) || !point.len || point.data[0]))
        return SSH_KEY_ERR_MALFORMED;
    if (body.len || !curve.len)
        return SSH_KEY_ERR_MALFORMED;
    if (point.len > 1 && point.data[1] == 4) /* a compressed one is worked out */
        point = (struct bytes){point.data + 1, point.len - 1};
    else
        point.len = 0;
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (same(curve, curves[i].oid))
            name = curves[i].curve;
    }
    if (!name)
        return SSH_KEY_ERR_TYPE;
    memcpy(type + 11, name, strlen(name) + 1);
    buf_init(&b, MAX_FIELDS_LEN);
    return take_fields(key, &b,
                       ssh_put_text(&b, type) && ssh_put_text(&b, name) &&
                           ssh_put_string(&b, point) && ssh_put_mpint(&b, d));
}

static int from_pkcs8(struct ssh_key **key, struct bytes in)
{
    struct bytes body, oid, parameters, private, curve = {NULL, 0};
    uint32_t version;

    if (!der_get(&body, &in, DER_SEQUENCE) || in.len || !der_get_int(&version, &body) ||
        version > 1 || !der_get_algorithm(&oid, &parameters, &body) ||
        !der_get(&private, &body, DER_OCTET_STRING))
        return SSH_KEY_ERR_MALFORMED;
    if (same(oid, oid_rsa))
        return from_pkcs1(key, private);
    if (same(oid, oid_ed25519))
        return from_ed25519(key, private);
    if (same(oid, oid_dsa))
        return SSH_KEY_ERR_DSA;
    if (!same(oid, oid_ec) || !der_get(&curve, &parameters, DER_OID) || !curve.len)
        return SSH_KEY_ERR_TYPE;
    return from_sec1(key, private, curve);
}

static int from_plain(struct ssh_key **key, enum ssh_key_label label, struct bytes der)
{
    if (label == SSH_KEY_RSA)
        return from_pkcs1(key, der);
    if (label == SSH_KEY_EC)
        return from_sec1(key, der, (struct bytes){NULL, 0});
    return from_pkcs8(key, der);
}

/* ---- decryption ---- */

/* Decrypts and takes off the padding (RFC 8018 section 6.1.1). A wrong passphrase shows in it, but
 * for one time in 256; then in what comes out. */
static int open_cbc(uint8_t *text, size_t *len, struct bytes key, const uint8_t iv[AES_BLOCK_LEN])
{
    uint8_t pad;

    if (!*len || *len % AES_BLOCK_LEN)
        return SSH_KEY_ERR_MALFORMED;
    if (!ssh_crypto_pbe_open(SSH_CRYPTO_PBE_CBC, key, iv, text, *len, NULL))
        return IPN_ERR_NOMEM;
    pad = text[*len - 1];
    if (pad < 1 || pad > AES_BLOCK_LEN)
        return SSH_KEY_ERR_PASSPHRASE;
    for (size_t i = 1; i < pad; i++) {
        if (text[*len - 1 - i] != pad)
            return SSH_KEY_ERR_PASSPHRASE;
    }
    *len -= pad;
    return 0;
}

/* "AES-128-CBC,0123…": the IV in hex, whose first half is the salt too. */
static int open_dek(uint8_t *text, size_t *len, struct bytes dek_info, struct bytes passphrase)
{
    uint8_t iv[AES_BLOCK_LEN], key[MAX_AES_KEY_LEN];
    size_t key_len = 0, name_len;
    int rc;

    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        name_len = strlen(ciphers[i].dek_name);
        if (dek_info.len == name_len + 1 + sizeof iv * 2 && dek_info.data[name_len] == ',' &&
            memcmp(dek_info.data, ciphers[i].dek_name, name_len) == 0 &&
            hex_decode(iv, sizeof iv, (const char *)dek_info.data + name_len + 1) == 0)
            key_len = ciphers[i].key_len;
    }
    if (!key_len)
        return SSH_KEY_ERR_CIPHER;
    if (!passphrase.len)
        return SSH_KEY_ERR_ENCRYPTED;
    rc = ssh_crypto_md5_key(key, key_len, passphrase, iv)
             ? open_cbc(text, len, (struct bytes){key, key_len}, iv)
             : IPN_ERR_NOMEM;
    wipe(key, sizeof key);
    return rc;
}

struct pbes2 {
    struct bytes salt, iv;
    uint32_t iterations;
    int prf_bits;
    size_t key_len;
};

/* SEQUENCE { OCTET STRING salt, iterations, [key length], [SEQUENCE { hmacWith…, NULL }] } */
static int read_pbkdf2(struct pbes2 *p, struct bytes in)
{
    struct bytes body, oid, parameters;
    uint32_t key_len;

    if (!der_get(&body, &in, DER_SEQUENCE) || !der_get(&p->salt, &body, DER_OCTET_STRING) ||
        !der_get_int(&p->iterations, &body) || !p->iterations)
        return SSH_KEY_ERR_MALFORMED;
    (void)der_get_int(&key_len, &body); /* the cipher says it too */
    p->prf_bits = 160;
    if (!body.len)
        return 0;
    if (!der_get_algorithm(&oid, &parameters, &body))
        return SSH_KEY_ERR_MALFORMED;
    p->prf_bits = 0;
    for (size_t i = 0; i < sizeof prfs / sizeof *prfs; i++) {
        if (same(oid, prfs[i].oid))
            p->prf_bits = prfs[i].bits;
    }
    return p->prf_bits ? 0 : SSH_KEY_ERR_CIPHER;
}

static int read_pbes2(struct pbes2 *p, struct bytes algorithm)
{
    struct bytes oid, parameters, body, kdf, cipher;
    int rc;

    if (!der_get(&oid, &algorithm, DER_OID))
        return SSH_KEY_ERR_MALFORMED;
    if (!same(oid, oid_pbes2)) /* PBES1, PKCS #12: DES and RC2 */
        return SSH_KEY_ERR_CIPHER;
    if (!der_get(&body, &algorithm, DER_SEQUENCE) || !der_get_algorithm(&kdf, &parameters, &body))
        return SSH_KEY_ERR_MALFORMED;
    if (!same(kdf, oid_pbkdf2)) /* scrypt */
        return SSH_KEY_ERR_CIPHER;
    rc = read_pbkdf2(p, parameters);
    if (rc < 0)
        return rc;
    if (!der_get_algorithm(&cipher, &parameters, &body))
        return SSH_KEY_ERR_MALFORMED;
    p->key_len = 0;
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        if (same(cipher, ciphers[i].oid))
            p->key_len = ciphers[i].key_len;
    }
    if (!p->key_len)
        return SSH_KEY_ERR_CIPHER;
    if (!der_get(&p->iv, &parameters, DER_OCTET_STRING) || p->iv.len != AES_BLOCK_LEN)
        return SSH_KEY_ERR_MALFORMED;
    return 0;
}

/* Decrypts within der; *text is where the PKCS #8 key begins in it. */
static int open_pbes2(uint8_t **text, uint8_t *der, size_t *len, struct bytes passphrase)
{
    struct bytes in = {der, *len}, body, algorithm, sealed;
    uint8_t key[MAX_AES_KEY_LEN];
    struct pbes2 p;
    int rc;

    if (!der_get(&body, &in, DER_SEQUENCE) || in.len || !der_get(&algorithm, &body, DER_SEQUENCE) ||
        !der_get(&sealed, &body, DER_OCTET_STRING))
        return SSH_KEY_ERR_MALFORMED;
    rc = read_pbes2(&p, algorithm);
    if (rc < 0)
        return rc;
    if (!passphrase.len)
        return SSH_KEY_ERR_ENCRYPTED;
    if (p.iterations > SSH_KEY_MAX_PBKDF2_ROUNDS)
        return SSH_KEY_ERR_ROUNDS;
    *text = der + (sealed.data - der);
    *len = sealed.len;
    rc = ssh_crypto_pbkdf2(key, p.key_len, p.prf_bits, passphrase, p.salt, p.iterations)
             ? open_cbc(*text, len, (struct bytes){key, p.key_len}, p.iv.data)
             : IPN_ERR_NOMEM;
    wipe(key, sizeof key);
    return rc;
}

int ssh_key_from_der(struct ssh_key **key, enum ssh_key_label label, uint8_t *der, size_t len,
                     struct bytes dek_info, struct bytes passphrase)
{
    bool encrypted = dek_info.len || label == SSH_KEY_PKCS8_ENCRYPTED;
    uint8_t *text = der;
    int rc = 0;

    if (label == SSH_KEY_PKCS8_ENCRYPTED)
        rc = open_pbes2(&text, der, &len, passphrase);
    else if (dek_info.len)
        rc = open_dek(text, &len, dek_info, passphrase);
    if (rc < 0)
        return rc;
    rc = from_plain(key, label, (struct bytes){text, len});
    return rc == SSH_KEY_ERR_MALFORMED && encrypted ? SSH_KEY_ERR_PASSPHRASE : rc;
}
