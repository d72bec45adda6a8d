/*
 * publickey (RFC 4252 section 7). A key is asked for before it signs, so one that the server does not
 * know costs neither a signature nor a question for its passphrase:
 *
 *   [50][user][service]["publickey"][FALSE][algorithm][blob]        >  [60][algorithm][blob]
 *   [50][user][service]["publickey"][TRUE][algorithm][blob][signature over session id and all that]
 *
 * RSA signs with SHA-2 only; with which one, server-sig-algs says (RFC 8332). A certificate goes ahead of
 * the bare key that it was made for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "ssh/ssh_auth_methods.h"

enum { MAX_BLOB_LEN = 16 << 10, MAX_KEY_NAME_LEN = 120 };

static const char cert_suffix[] = "-cert-v01@openssh.com";

/* ---- what was given ---- */

void auth_publickey_init(struct ssh_auth *a)
{
    const struct ssh_credentials *c = &a->config.credentials;

    for (size_t i = 0; i < SSH_MAX_PRIVATE_KEYS; i++) {
        buf_init(&a->keys[i].blob, MAX_BLOB_LEN);
        buf_init(&a->keys[i].cert, MAX_BLOB_LEN);
    }
    for (size_t i = 0; i < c->private_key_count && i < SSH_MAX_PRIVATE_KEYS; i++)
        a->keys[a->key_count++].text = c->private_keys[i];
}

static struct bytes blob_of(struct buf *b)
{
    return (struct bytes){buf_head(b), b->len};
}

/* The certificate in a text, if there is one: "TYPE-cert-v01@openssh.com BASE64 comment". */
static bool read_cert(struct buf *cert, const char *text)
{
    const char *type = strstr(text, cert_suffix), *base64;
    size_t type_len, len;
    struct bytes inner, name;
    int got = -1;
    uint8_t *data;

    if (!type)
        return false;
    base64 = type + sizeof cert_suffix - 1;
    while (type > text && type[-1] > ' ')
        type--;
    type_len = (size_t)(base64 - type);
    base64 += strspn(base64, " \t");
    len = strcspn(base64, " \t\r\n");
    data = len < 2 * MAX_BLOB_LEN ? malloc(len + 1) : NULL;
    if (data)
        got = base64_decode(data, len, base64, len);
    inner = (struct bytes){data, got < 0 ? 0 : (size_t)got};
    if (ssh_get_string(&name, &inner) && name.len == type_len &&
        memcmp(name.data, type, type_len) == 0)
        (void)buf_append(cert, data, (size_t)got);
    free(data);
    return cert->len > 0;
}

/* cert: [type][nonce][the key's fields]…; blob: [type][the key's fields]. */
static bool cert_is_for(struct bytes cert, struct bytes blob)
{
    struct bytes cert_type, type, nonce;

    return ssh_get_string(&cert_type, &cert) && ssh_get_string(&nonce, &cert) &&
           ssh_get_string(&type, &blob) && cert_type.len == type.len + sizeof cert_suffix - 1 &&
           memcmp(cert_type.data, type.data, type.len) == 0 && cert.len >= blob.len &&
           memcmp(cert.data, blob.data, blob.len) == 0;
}

static void find_cert(struct ssh_auth *a, struct auth_key *k)
{
    for (size_t i = 0; i < a->key_count && !k->cert.len; i++) {
        if (read_cert(&k->cert, a->keys[i].text) &&
            !cert_is_for(blob_of(&k->cert), blob_of(&k->blob)))
            buf_consume(&k->cert, k->cert.len);
    }
}

/* ---- names ---- */

static size_t number_of(const struct ssh_auth *a, const struct auth_key *k)
{
    return (size_t)(k - a->keys) + 1;
}

/* "the key SHA256:…", "the certificate of SHA256:…", "key 2". */
static void name_key(char dst[MAX_KEY_NAME_LEN], struct ssh_auth *a, struct auth_key *k)
{
    char fingerprint[SSH_KEY_FINGERPRINT_LEN + 1];

    if (!k->blob.len) {
        snprintf(dst, MAX_KEY_NAME_LEN, "key %zu", number_of(a, k));
        return;
    }
    ssh_key_fingerprint(fingerprint, blob_of(&k->blob));
    snprintf(dst, MAX_KEY_NAME_LEN, "%s %s", a->with_cert ? "the certificate of" : "the key",
             fingerprint);
}

static void skip(struct ssh_auth *a, struct auth_key *k, const char *why)
{
    k->skipped = true;
    auth_note(a, "Key %zu was left out: %s", number_of(a, k), why);
}

/* error: of ssh_key_parse. */
static void skip_bad(struct ssh_auth *a, struct auth_key *k, int error)
{
    if (error == IPN_ERR_NOMEM)
        a->out_of_memory = true;
    skip(a, k, ssh_key_error_text(error));
}

/* ---- opening ---- */

static bool note_blob(struct ssh_auth *a, struct auth_key *k)
{
    struct bytes blob = ssh_key_public_blob(k->key);

    k->locked = false;
    if (!k->blob.len && buf_append(&k->blob, blob.data, blob.len) < 0) {
        a->out_of_memory = true;
        return false;
    }
    return true;
}

/* Opens an encrypted key with the passphrase that was given, if it is the one. Only when it has to be:
 * working through it takes up to seconds. */
static void unlock(struct ssh_auth *a, struct auth_key *k)
{
    const char *passphrase = a->config.credentials.passphrase;
    int rc;

    if (!k->locked || k->given_tried || !passphrase)
        return;
    k->given_tried = true;
    rc = ssh_key_parse(&k->key, auth_text(k->text), auth_text(passphrase));
    k->wrong = rc == SSH_KEY_ERR_PASSPHRASE;
    if (rc == 0)
        note_blob(a, k);
    else if (!k->wrong)
        skip_bad(a, k, rc);
}

static void load(struct ssh_auth *a, struct auth_key *k)
{
    struct bytes text = auth_text(k->text);
    int rc = ssh_key_parse(&k->key, text, (struct bytes){NULL, 0});

    k->loaded = true;
    if (rc == 0) {
        note_blob(a, k);
    } else if (rc == SSH_KEY_ERR_ENCRYPTED) {
        k->locked = true;
        (void)ssh_key_parse_public(&k->blob, text);
        if (!k->blob.len)
            unlock(a, k);
    } else if (rc == SSH_KEY_ERR_PUBLIC && strstr(k->text, cert_suffix)) {
        k->skipped = true; /* one of the other keys has it */
    } else {
        skip_bad(a, k, rc);
    }
    if (k->blob.len)
        find_cert(a, k);
}

/* Asks for the passphrase; false if nobody can be asked (again): the key is left out then. */
static bool ask_passphrase(struct ssh_auth *a, struct auth_key *k)
{
    const char *wrong = ssh_key_error_text(SSH_KEY_ERR_PASSPHRASE);
    char name[MAX_KEY_NAME_LEN], text[MAX_KEY_NAME_LEN + 20];
    struct auth_prompt p;

    if (!a->config.can_prompt || k->asked >= AUTH_MAX_ASKED) {
        skip(a, k, k->wrong ? wrong : ssh_key_error_text(SSH_KEY_ERR_ENCRYPTED));
        return false;
    }
    name_key(name, a, k);
    snprintf(text, sizeof text, "Passphrase of %s", name);
    auth_prompt_init(&p, (struct bytes){NULL, 0}, auth_text(k->wrong ? wrong : ""));
    auth_prompt_add(&p, false, auth_text(text));
    auth_ask(a, ASK_PASSPHRASE, SSH_PROMPT_PASSPHRASE, &p);
    return true;
}

void auth_publickey_open_all(struct ssh_auth *a)
{
    for (size_t i = 0; i < a->key_count; i++) {
        if (!a->keys[i].loaded)
            load(a, &a->keys[i]);
        unlock(a, &a->keys[i]);
    }
}

void auth_publickey_forget(struct ssh_auth *a, bool keep)
{
    for (size_t i = 0; i < SSH_MAX_PRIVATE_KEYS; i++) {
        struct auth_key *k = &a->keys[i];

        k->text = NULL;
        buf_wipe(&k->blob);
        buf_wipe(&k->cert);
        if (!keep) {
            ssh_key_free(k->key);
            k->key = NULL;
        }
    }
    if (!keep)
        a->key_count = 0;
}

size_t ssh_auth_take_keys(struct ssh_auth *a, struct ssh_key *keys[SSH_MAX_PRIVATE_KEYS])
{
    size_t count = 0;

    for (size_t i = 0; i < a->key_count; i++) {
        if (a->keys[i].key)
            keys[count++] = a->keys[i].key;
        a->keys[i].key = NULL;
    }
    return count;
}

/* ---- requests ---- */

/* The signature algorithm for a key of this type, and the name that it goes by with its certificate. */
struct algorithm {
    const char *type, *plain, *with_cert;
};

static const struct algorithm algorithms[] = {
    {"ssh-ed25519", "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com"},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384-cert-v01@openssh.com"},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521-cert-v01@openssh.com"},
    {"ssh-rsa", "rsa-sha2-512", "rsa-sha2-512-cert-v01@openssh.com"},
    {"ssh-rsa", "rsa-sha2-256", "rsa-sha2-256-cert-v01@openssh.com"},
};

/* NULL if the server takes none: then it knows RSA with SHA-1 only. */
static const struct algorithm *choose_algorithm(const struct ssh_auth *a, struct auth_key *k)
{
    struct bytes blob = blob_of(&k->blob), list = auth_text(a->sig_algorithms), type;

    if (!ssh_get_string(&type, &blob))
        return NULL;
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        const struct algorithm *x = &algorithms[i];

        if (!ssh_bytes_are(type, x->type))
            continue;
        /* Only for RSA there is a choice. SHA-256 is what servers without the list have. */
        if (strcmp(x->type, "ssh-rsa") != 0 ||
            (a->has_sig_algorithms && ssh_list_has(list, x->plain)) ||
            (!a->has_sig_algorithms && strcmp(x->plain, "rsa-sha2-256") == 0))
            return x;
    }
    return NULL;
}

static bool put_key_request(struct buf *b, struct ssh_auth *a, struct auth_key *k, bool sign)
{
    return auth_put_request(b, a, "publickey") && ssh_put_u8(b, sign) &&
           ssh_put_text(b, a->with_cert ? a->algorithm->with_cert : a->algorithm->plain) &&
           ssh_put_string(b, blob_of(a->with_cert ? &k->cert : &k->blob));
}

static void query(struct ssh_auth *a, struct auth_key *k)
{
    char name[MAX_KEY_NAME_LEN], text[MAX_KEY_NAME_LEN + 20];
    struct buf b;

    name_key(name, a, k);
    snprintf(text, sizeof text, "Trying %s", name);
    auth_push_text(a, SSH_AUTH_NOTE, text);
    a->signing = false;
    auth_send(a, &b, put_key_request(&b, a, k, false));
}

static void send_signed(struct ssh_auth *a, struct auth_key *k)
{
    struct bytes id = {a->session_id, a->session_id_len}, request;
    struct buf b, to_sign, signature;
    bool ok;
    int rc = 0;

    buf_init(&to_sign, AUTH_MAX_PACKET_LEN);
    buf_init(&signature, MAX_BLOB_LEN);
    ok = put_key_request(&b, a, k, true);
    request = blob_of(&b);
    ok = ok && ssh_put_string(&to_sign, id) && buf_append(&to_sign, request.data, request.len) == 0;
    if (ok)
        rc = ssh_key_sign(&signature, k->key, a->algorithm->plain, blob_of(&to_sign));
    if (rc == IPN_ERR_CRYPTO || rc == IPN_ERR_ARG) {
        skip(a, k, "signing with it failed; it may be damaged.");
        buf_wipe(&b);
        a->state = AUTH_CHOOSING;
    } else {
        a->signing = true;
        auth_send(a, &b, ok && rc == 0 && ssh_put_string(&b, blob_of(&signature)));
    }
    buf_wipe(&to_sign);
    buf_wipe(&signature);
}

/* Certificate or bare key, whichever was not tried yet; false if both were. */
static bool next_of_key(struct ssh_auth *a, struct auth_key *k)
{
    if (!k->loaded)
        load(a, k);
    if (k->skipped || k->used || a->out_of_memory)
        return false;
    a->with_cert = k->cert.len && !k->cert_tried;
    if (!a->with_cert && k->tried)
        return false;
    return true;
}

bool auth_publickey_begin(struct ssh_auth *a)
{
    for (; a->key_at < a->key_count; a->key_at++) {
        struct auth_key *k = &a->keys[a->key_at];

        while (next_of_key(a, k)) {
            if (!k->blob.len) {
                if (ask_passphrase(a, k))
                    return true;
                continue;
            }
            *(a->with_cert ? &k->cert_tried : &k->tried) = true;
            a->algorithm = choose_algorithm(a, k);
            if (a->algorithm) {
                query(a, k);
                return true;
            }
            skip(a, k, "the server takes only SHA-1 signatures of RSA keys, which are not safe.");
        }
    }
    return false;
}

void auth_publickey_ok(struct ssh_auth *a, struct bytes in)
{
    struct auth_key *k = &a->keys[a->key_at];
    struct bytes algorithm, blob, own = blob_of(a->with_cert ? &k->cert : &k->blob);

    if (a->signing || !ssh_get_string(&algorithm, &in) || !ssh_get_string(&blob, &in) ||
        !ssh_bytes_are(algorithm, a->with_cert ? a->algorithm->with_cert : a->algorithm->plain) ||
        blob.len != own.len || memcmp(blob.data, own.data, own.len) != 0) {
        auth_fail_protocol(a);
        return;
    }
    unlock(a, k);
    if (!k->locked)
        send_signed(a, k);
    else if (k->skipped || !ask_passphrase(a, k))
        a->state = AUTH_CHOOSING;
}

void auth_publickey_answer(struct ssh_auth *a, struct bytes answers)
{
    struct auth_key *k = &a->keys[a->key_at];
    struct bytes passphrase = auth_take_answer(&answers);
    int rc = passphrase.len ? ssh_key_parse(&k->key, auth_text(k->text), passphrase)
                            : SSH_KEY_ERR_ENCRYPTED;

    a->state = AUTH_CHOOSING;
    if (rc == SSH_KEY_ERR_PASSPHRASE) {
        k->asked++;
        k->wrong = true;
        (void)ask_passphrase(a, k);
    } else if (rc < 0) {
        skip_bad(a, k, rc);
    } else if (k->blob.len) {
        k->locked = false; /* the server has said yes to it */
        send_signed(a, k);
    } else if (note_blob(a, k)) {
        find_cert(a, k);
    }
}

void auth_publickey_refused(struct ssh_auth *a, bool partial)
{
    struct auth_key *k = &a->keys[a->key_at];
    char name[MAX_KEY_NAME_LEN];

    if (partial) {
        k->used = true;
        return;
    }
    name_key(name, a, k);
    auth_note_tried(a, name);
}

void auth_publickey_retry(struct ssh_auth *a)
{
    a->key_at = 0;
    for (size_t i = 0; i < a->key_count; i++)
        a->keys[i].tried = a->keys[i].cert_tried = false;
}
