/* SHA-1 for hashed known_hosts names. Nothing of it is reachable from a connection: the hash and the
 * MAC that libssh2 would take SHA-1 from are refused in crypto_backend.c. */
#include <mbedtls/sha1.h>
#include <string.h>

#include "ssh/ssh_hmac_sha1.h"

enum { BLOCK_LEN = 64 };

/* SHA1((key ^ pad) || text) */
static bool padded_sha1(uint8_t out[SSH_SHA1_LEN], struct bytes key, uint8_t pad, struct bytes text)
{
    mbedtls_sha1_context ctx;
    uint8_t block[BLOCK_LEN];
    bool ok;

    memset(block, pad, sizeof block);
    for (size_t i = 0; i < key.len; i++)
        block[i] ^= key.data[i];
    mbedtls_sha1_init(&ctx);
    ok = mbedtls_sha1_starts(&ctx) == 0 && mbedtls_sha1_update(&ctx, block, sizeof block) == 0 &&
         mbedtls_sha1_update(&ctx, text.data, text.len) == 0 && mbedtls_sha1_finish(&ctx, out) == 0;
    mbedtls_sha1_free(&ctx);
    return ok;
}

/* RFC 2104 section 2. */
bool ssh_hmac_sha1(uint8_t out[SSH_SHA1_LEN], struct bytes key, struct bytes text)
{
    uint8_t inner[SSH_SHA1_LEN];

    return key.len <= BLOCK_LEN && padded_sha1(inner, key, 0x36, text) &&
           padded_sha1(out, key, 0x5c, (struct bytes){inner, sizeof inner});
}
