/*
 * What libssh2 would do with private keys. It is never given one: ssh_key reads them and signs, and
 * ssh_auth speaks RFC 4252 itself. libssh2's tables of functions name these all the same.
 */
#include "libssh2_priv.h"

static int refuse(LIBSSH2_SESSION *session)
{
    return _libssh2_error(session, LIBSSH2_ERROR_METHOD_NOT_SUPPORTED, "no private keys here");
}

#define SIGN_HASH(name, key_type)                                                                 \
    int name(LIBSSH2_SESSION *session, key_type *key, const unsigned char *hash, size_t hash_len, \
             unsigned char **signature, size_t *signature_len)                                    \
    {                                                                                             \
        (void)key, (void)hash, (void)hash_len, (void)signature, (void)signature_len;              \
        return refuse(session);                                                                   \
    }

SIGN_HASH(_libssh2_rsa_sha1_sign, libssh2_rsa_ctx)
SIGN_HASH(_libssh2_rsa_sha2_sign, libssh2_rsa_ctx)
SIGN_HASH(_libssh2_ecdsa_sign, libssh2_ecdsa_ctx)

int _libssh2_ed25519_sign(libssh2_ed25519_ctx *ctx, LIBSSH2_SESSION *session, uint8_t **out_sig,
                          size_t *out_sig_len, const uint8_t *message, size_t message_len)
{
    (void)ctx, (void)out_sig, (void)out_sig_len, (void)message, (void)message_len;
    return refuse(session);
}

#define NEW_PRIVATE(name, key_type)                                                       \
    int name(key_type **key, LIBSSH2_SESSION *session, const char *filename,              \
             unsigned const char *passphrase)                                             \
    {                                                                                     \
        (void)key, (void)filename, (void)passphrase;                                      \
        return refuse(session);                                                           \
    }                                                                                     \
    int name##_frommemory(key_type **key, LIBSSH2_SESSION *session, const char *filedata, \
                          size_t filedata_len, unsigned const char *passphrase)           \
    {                                                                                     \
        (void)key, (void)filedata, (void)filedata_len, (void)passphrase;                  \
        return refuse(session);                                                           \
    }

NEW_PRIVATE(_libssh2_rsa_new_private, libssh2_rsa_ctx)
NEW_PRIVATE(_libssh2_ecdsa_new_private, libssh2_ecdsa_ctx)
NEW_PRIVATE(_libssh2_ed25519_new_private, libssh2_ed25519_ctx)

int _libssh2_pub_priv_keyfilememory(LIBSSH2_SESSION *session, unsigned char **method,
                                    size_t *method_len, unsigned char **pubkeydata,
                                    size_t *pubkeydata_len, const char *privatekeydata,
                                    size_t privatekeydata_len, const char *passphrase)
{
    (void)method, (void)method_len, (void)pubkeydata, (void)pubkeydata_len;
    (void)privatekeydata, (void)privatekeydata_len, (void)passphrase;
    return refuse(session);
}

int _libssh2_pub_priv_keyfile(LIBSSH2_SESSION *session, unsigned char **method, size_t *method_len,
                              unsigned char **pubkeydata, size_t *pubkeydata_len,
                              const char *privatekey, const char *passphrase)
{
    (void)method, (void)method_len, (void)pubkeydata, (void)pubkeydata_len;
    (void)privatekey, (void)passphrase;
    return refuse(session);
}

int _libssh2_sk_pub_keyfilememory(LIBSSH2_SESSION *session, unsigned char **method,
                                  size_t *method_len, unsigned char **pubkeydata,
                                  size_t *pubkeydata_len, int *algorithm, unsigned char *flags,
                                  const char **application, const unsigned char **key_handle,
                                  size_t *handle_len, const char *privatekeydata,
                                  size_t privatekeydata_len, const char *passphrase)
{
    (void)method, (void)method_len, (void)pubkeydata, (void)pubkeydata_len, (void)algorithm;
    (void)flags, (void)application, (void)key_handle, (void)handle_len;
    (void)privatekeydata, (void)privatekeydata_len, (void)passphrase;
    return refuse(session);
}

const char *_libssh2_supported_key_sign_algorithms(LIBSSH2_SESSION *session,
                                                   unsigned char *key_method, size_t key_method_len)
{
    (void)session, (void)key_method, (void)key_method_len;
    return NULL;
}
