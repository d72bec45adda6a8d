/* Who we are: what the page gives us to log in with. */
#ifndef SSH_SSH_AUTH_H
#define SSH_SSH_AUTH_H

#include "base/bytes.h"

#define SSH_MAX_PRIVATE_KEYS 4

struct ssh_credentials {
    const char *password;                            /* NULL: none */
    const char *private_keys[SSH_MAX_PRIVATE_KEYS]; /* texts: OpenSSH, PEM, PKCS#8 */
    size_t private_key_count;
    const char *passphrase; /* of those that are encrypted; NULL: none */
    bool try_none;          /* Tailscale SSH: the tailnet already knows who we are */
};

#endif
