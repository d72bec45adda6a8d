/*
 * libssh2's chacha20-poly1305@openssh.com by crypto/aead_openssh.c instead of its own chacha.c and
 * poly1305.c, which are not built. libssh2 calls with 4 bytes of length ahead of the text, in place.
 */
#include "libssh2_priv.h"

#include "cipher-chachapoly.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/aead_openssh.h"

static_assert(sizeof(struct chachapoly_ctx) >= AEAD_OPENSSH_KEY_LEN, "the key lies in its context");

int chachapoly_init(struct chachapoly_ctx *ctx, const unsigned char *key, unsigned int len)
{
    if (len != AEAD_OPENSSH_KEY_LEN)
        return LIBSSH2_ERROR_INVAL;
    memcpy(ctx, key, AEAD_OPENSSH_KEY_LEN);
    return 0;
}

int chachapoly_crypt(struct chachapoly_ctx *ctx, unsigned int number, unsigned char *dst,
                     const unsigned char *src, unsigned int len, unsigned int length_len,
                     int do_encrypt)
{
    const uint8_t *key = (const uint8_t *)ctx;

    if (length_len != AEAD_OPENSSH_LENGTH_LEN)
        return LIBSSH2_ERROR_INVAL;
    if (dst != src)
        memmove(dst, src, length_len + len + (do_encrypt ? 0 : POLY1305_TAGLEN));
    if (do_encrypt)
        aead_openssh_seal(dst, len, number, key);
    else if (!aead_openssh_open(dst, len, number, key))
        return LIBSSH2_ERROR_DECRYPT;
    return 0;
}

int chachapoly_get_length(struct chachapoly_ctx *ctx, unsigned int *length, unsigned int number,
                          const unsigned char *src, unsigned int len)
{
    if (len < AEAD_OPENSSH_LENGTH_LEN)
        return -1;
    *length = aead_openssh_length(src, number, (const uint8_t *)ctx);
    return 0;
}
