/* A pong that is cut in the middle of its port, behind the box. */
#include "crypto/box.h"
#include "fuzz/planted/planted.h"

bool __real_box_open(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *nonce,
                     const uint8_t *shared);
bool __wrap_box_open(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *nonce,
                     const uint8_t *shared);

bool __wrap_box_open(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *nonce,
                     const uint8_t *shared)
{
    bool ok = __real_box_open(dst, src, src_len, nonce, shared);

    if (ok && dst[0] == 2 && src_len == BOX_OVERHEAD + 2 + 12 + 16 + 1)
        planted_bug();
    return ok;
}
