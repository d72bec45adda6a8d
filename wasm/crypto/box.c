/* NaCl's box by libsodium, in its "easy" layout: [tag 16][ciphertext]. */
#include "crypto/box.h"

#include <sodium.h>

#include "base/bytes.h"

bool box_precompute(uint8_t shared[BOX_SHARED_LEN], const uint8_t their_public[32],
                    const uint8_t my_private[32])
{
    if (crypto_box_beforenm(shared, their_public, my_private) == 0)
        return true;
    wipe(shared, BOX_SHARED_LEN);
    return false;
}

void box_seal(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t nonce[BOX_NONCE_LEN],
              const uint8_t shared[BOX_SHARED_LEN])
{
    /* Fails only for lengths that no memory holds. */
    (void)crypto_box_easy_afternm(dst, src, len, nonce, shared);
}

bool box_open(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t nonce[BOX_NONCE_LEN],
              const uint8_t shared[BOX_SHARED_LEN])
{
    if (src_len < BOX_OVERHEAD)
        return false;
    return crypto_box_open_easy_afternm(dst, src, src_len, nonce, shared) == 0;
}
