/* HMAC-SHA1, for hashed names in known_hosts and nothing else: no MAC and no signature here uses
 * SHA-1. In crypto_backend_sha1.c: only there is a crypto library known in ssh/. */
#ifndef SSH_SSH_HMAC_SHA1_H
#define SSH_SSH_HMAC_SHA1_H

#include "base/bytes.h"

#define SSH_SHA1_LEN 20

/* key: at most 64 bytes; longer ones give false (RFC 2104 would hash them first). */
bool ssh_hmac_sha1(uint8_t out[SSH_SHA1_LEN], struct bytes key, struct bytes text);

#endif
