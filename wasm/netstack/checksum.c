/* 64 bits at a time: a sum in one's complement does not care how wide the additions are, nor
 * about byte order. */
#include "netstack/checksum.h"

#include <string.h>

static uint64_t add_carry(uint64_t sum, uint64_t word)
{
    sum += word;
    return sum + (sum < word);
}

static uint64_t load_word(const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

uint16_t netstack_checksum(const void *data, int len)
{
    const uint8_t *p = data;
    uint64_t a = 0, b = 0, tail = 0;

    for (; len >= 16; len -= 16, p += 16) {
        a = add_carry(a, load_word(p));
        b = add_carry(b, load_word(p + 8));
    }
    if (len >= 8) {
        a = add_carry(a, load_word(p));
        len -= 8;
        p += 8;
    }
    memcpy(&tail, p, len > 0 ? (size_t)len : 0);
    a = add_carry(add_carry(a, b), tail);
    a = (a >> 32) + (a & 0xffffffff);
    a = (a >> 16) + (a & 0xffff);
    a = (a >> 16) + (a & 0xffff);
    return (uint16_t)((a >> 16) + (a & 0xffff));
}
