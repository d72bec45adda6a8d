/* SHA-256, for fingerprints. In crypto_backend.c: only there is a crypto library known in ssh/. */
#ifndef SSH_SSH_SHA256_H
#define SSH_SSH_SHA256_H

#include "base/bytes.h"

void ssh_sha256(uint8_t out[32], struct bytes src);

#endif
