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
