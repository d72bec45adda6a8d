/*
 * Constant-time compare and wipe. An empty asm statement that claims to read and change its operand
 * hides the value from the optimiser, natively and in WebAssembly, at no cost at run time.
 */
#include "base/bytes.h"

#include <string.h>

static uint8_t hide(uint8_t v)
{
    uint32_t hidden = v;

    __asm__ volatile("" : "+r"(hidden));
    return (uint8_t)hidden;
}

bool bytes_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint8_t diff = 0;

    for (size_t i = 0; i < len; i++)
        diff = hide((uint8_t)(diff | (a[i] ^ b[i])));
    return diff == 0;
}

bool bytes_are_zero(const uint8_t *p, size_t len)
{
    uint8_t any = 0;

    for (size_t i = 0; i < len; i++)
        any = hide((uint8_t)(any | p[i]));
    return any == 0;
}

void wipe(void *p, size_t len)
{
    if (len == 0)
        return;
    memset(p, 0, len);
    __asm__ volatile("" : : "r"(p) : "memory");
}
