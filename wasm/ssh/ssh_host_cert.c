#include "ssh/ssh_host_cert.h"

#include "libssh2_priv.h"

#include "base/err.h"
#include "ssh/ssh_known_hosts.h"
#include "ssh/ssh_wire.h"

#define SUFFIX "-cert-v01@openssh.com"

enum { SUFFIX_LEN = sizeof SUFFIX - 1, KIND_HOST = 2 };

/* ---- reading ---- */

/* The types of key in a certificate, and how many strings a key of that type has. */
static const struct {
    const char *type;
    unsigned strings;
} key_types[] = {{"ssh-ed25519", 1},
                 {"ecdsa-sha2-nistp256", 2},
                 {"ecdsa-sha2-nistp384", 2},
                 {"ecdsa-sha2-nistp521", 2},
                 {"ssh-rsa", 2}};

/* The type without "-cert-v01@openssh.com"; empty if it has no such end. */
static struct bytes plain_type(struct bytes type)
{
    if (type.len <= SUFFIX_LEN ||
        memcmp(type.data + type.len - SUFFIX_LEN, SUFFIX, SUFFIX_LEN) != 0)
        return (struct bytes){NULL, 0};
    return (struct bytes){type.data, type.len - SUFFIX_LEN};
}

bool ssh_host_cert_is(struct bytes blob)
{
    struct bytes type;

    return ssh_get_string(&type, &blob) && plain_type(type).len > 0;
}

static unsigned strings_of_key(struct bytes type)
{
    for (size_t i = 0; i < sizeof key_types / sizeof *key_types; i++) {
        if (ssh_bytes_are(type, key_types[i].type))
            return key_types[i].strings;
    }
    return 0;
}

static bool get_u64(uint64_t *value, struct bytes *b)
{
    uint32_t high, low;

    if (!ssh_get_u32(&high, b) || !ssh_get_u32(&low, b))
        return false;
    *value = (uint64_t)high << 32 | low;
    return true;
}

int ssh_host_cert_parse(struct ssh_host_cert *cert, struct buf *plain, struct bytes blob)
{
    struct bytes rest = blob, type, nonce, key, key_id, extensions, reserved;
    uint64_t serial;
    unsigned strings;

    if (!ssh_get_string(&type, &rest) || !(strings = strings_of_key(plain_type(type))) ||
        !ssh_get_string(&nonce, &rest))
        return IPN_ERR_ARG;
    key.data = rest.data;
    for (unsigned i = 0; i < strings; i++) {
        struct bytes part;

        if (!ssh_get_string(&part, &rest))
            return IPN_ERR_ARG;
    }
    key.len = (size_t)(rest.data - key.data);
    if (!get_u64(&serial, &rest) || !ssh_get_u32(&cert->kind, &rest) ||
        !ssh_get_string(&key_id, &rest) || !ssh_get_string(&cert->principals, &rest) ||
        !get_u64(&cert->valid_after_s, &rest) || !get_u64(&cert->valid_before_s, &rest) ||
        !ssh_get_string(&cert->critical_options, &rest) || !ssh_get_string(&extensions, &rest) ||
        !ssh_get_string(&reserved, &rest) || !ssh_get_string(&cert->authority, &rest))
        return IPN_ERR_ARG;
    cert->signed_part = (struct bytes){blob.data, (size_t)(rest.data - blob.data)};
    if (!ssh_get_string(&cert->signature, &rest) || rest.len)
        return IPN_ERR_ARG;
    if (!ssh_put_string(plain, plain_type(type)) || buf_append(plain, key.data, key.len) < 0)
        return IPN_ERR_NOMEM;
    return 0;
}

/* ---- the methods ---- */

static const LIBSSH2_HOSTKEY_METHOD *find_method(struct bytes name)
{
    const LIBSSH2_HOSTKEY_METHOD **methods = libssh2_hostkey_methods();

    for (size_t i = 0; methods[i]; i++) {
        if (ssh_bytes_are(name, methods[i]->name))
            return methods[i];
    }
    return NULL;
}

/* What the agreed method is for the key in the certificate. */
static const LIBSSH2_HOSTKEY_METHOD *inner_method(const LIBSSH2_SESSION *session)
{
    const char *name = session->hostkey->name;

    return find_method(plain_type((struct bytes){(const uint8_t *)name, strlen(name)}));
}

static int cert_init(LIBSSH2_SESSION *session, const unsigned char *blob, size_t len,
                     void **abstract)
{
    const LIBSSH2_HOSTKEY_METHOD *inner = inner_method(session);
    struct ssh_host_cert cert;
    struct buf plain;
    int rc = -1;

    buf_init(&plain, SSH_HOST_KEY_MAX_LEN);
    if (inner && ssh_host_cert_parse(&cert, &plain, (struct bytes){blob, len}) == 0)
        rc = inner->init(session, buf_head(&plain), plain.len, abstract);
    buf_wipe(&plain);
    return rc;
}

static int cert_sig_verify(LIBSSH2_SESSION *session, const unsigned char *sig, size_t sig_len,
                           const unsigned char *m, size_t m_len, void **abstract)
{
    const LIBSSH2_HOSTKEY_METHOD *inner = inner_method(session);

    return inner ? inner->sig_verify(session, sig, sig_len, m, m_len, abstract) : -1;
}

static int cert_dtor(LIBSSH2_SESSION *session, void **abstract)
{
    const LIBSSH2_HOSTKEY_METHOD *inner = inner_method(session);

    return inner && *abstract ? inner->dtor(session, abstract) : 0;
}

#define CERT_METHOD(algorithm) \
    {.name = algorithm SUFFIX, .init = cert_init, .sig_verify = cert_sig_verify, .dtor = cert_dtor}

static const LIBSSH2_HOSTKEY_METHOD cert_methods[] = {
    CERT_METHOD("ssh-ed25519"),         CERT_METHOD("ecdsa-sha2-nistp256"),
    CERT_METHOD("ecdsa-sha2-nistp384"), CERT_METHOD("ecdsa-sha2-nistp521"),
    CERT_METHOD("rsa-sha2-512"),        CERT_METHOD("rsa-sha2-256")};

enum { CERT_METHODS = sizeof cert_methods / sizeof *cert_methods, MAX_METHODS = 32 };

/* In kex.c instead of libssh2_hostkey_methods: its methods, ours for certificates, NULL. */
const LIBSSH2_HOSTKEY_METHOD **ssh_host_cert_methods(void);

const LIBSSH2_HOSTKEY_METHOD **ssh_host_cert_methods(void)
{
    static const LIBSSH2_HOSTKEY_METHOD *all[MAX_METHODS + 1]; /* the same every time */
    const LIBSSH2_HOSTKEY_METHOD **methods = libssh2_hostkey_methods();
    size_t count = 0;

    for (size_t i = 0; methods[i] && count < MAX_METHODS - CERT_METHODS; i++) {
        const char *name = methods[i]->name;

        if (!plain_type((struct bytes){(const uint8_t *)name, strlen(name)}).len)
            all[count++] = methods[i];
    }
    for (size_t i = 0; i < CERT_METHODS; i++)
        all[count++] = &cert_methods[i];
    all[count] = NULL;
    return all;
}

/* ---- judging ---- */

/* "rsa-sha2-256" and "rsa-sha2-512" are signatures of a key "ssh-rsa"; else both have one name. */
static bool fits_key(struct bytes algorithm, struct bytes key_type)
{
    if (ssh_bytes_are(key_type, "ssh-rsa"))
        return ssh_bytes_are(algorithm, "rsa-sha2-256") || ssh_bytes_are(algorithm, "rsa-sha2-512");
    return strings_of_key(key_type) && algorithm.len == key_type.len &&
           memcmp(algorithm.data, key_type.data, key_type.len) == 0;
}

bool ssh_host_cert_signed(LIBSSH2_SESSION *session, const struct ssh_host_cert *cert)
{
    struct bytes sig = cert->signature, key = cert->authority, algorithm, key_type;
    struct bytes inner; /* libssh2 does not look at its length */
    const LIBSSH2_HOSTKEY_METHOD *method;
    void *abstract = NULL;
    bool ok;

    if (!ssh_get_string(&algorithm, &sig) || !ssh_get_string(&inner, &sig) || sig.len ||
        !ssh_get_string(&key_type, &key) || !fits_key(algorithm, key_type) ||
        !(method = find_method(algorithm)) ||
        method->init(session, cert->authority.data, cert->authority.len, &abstract))
        return false;
    ok = method->sig_verify(session, cert->signature.data, cert->signature.len,
                            cert->signed_part.data, cert->signed_part.len, &abstract) == 0;
    method->dtor(session, &abstract);
    return ok;
}

/* PROTOCOL.certkeys: none at all stands for every name. */
static bool is_principal(struct bytes principals, const char *const *names, size_t count)
{
    struct bytes pattern;

    if (!principals.len)
        return true;
    while (ssh_get_string(&pattern, &principals)) {
        for (size_t i = 0; i < count; i++) {
            if (ssh_known_hosts_pattern(pattern, names[i]))
                return true;
        }
    }
    return false;
}

const char *ssh_host_cert_flaw(const struct ssh_host_cert *cert, const char *const *names,
                               size_t count, uint64_t wall_s)
{
    if (cert->kind != KIND_HOST)
        return "is one for users, not for hosts";
    if (wall_s < cert->valid_after_s)
        return "is not valid yet";
    if (wall_s >= cert->valid_before_s)
        return "has expired";
    if (cert->critical_options.len)
        return "has conditions that this client does not know";
    if (!is_principal(cert->principals, names, count))
        return "is for another host's name";
    return NULL;
}
