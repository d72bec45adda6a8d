/* The wide sum against the textbook one, every length and alignment. */
#include "netstack/checksum.h"

#include <stdlib.h>

#include "test.h"

static uint16_t naive(const uint8_t *p, int len)
{
    uint32_t sum = 0;
    uint8_t bytes[2];

    for (int i = 0; i < len; i++)
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8; /* big endian */
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    bytes[0] = (uint8_t)(sum >> 8);
    bytes[1] = (uint8_t)sum;
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint16_t memory_order(uint16_t sum)
{
    uint8_t b[2];

    memcpy(b, &sum, 2);
    return (uint16_t)(b[0] | b[1] << 8);
}

/* Zero has two forms in one's complement; either is right. */
static int same(uint16_t a, uint16_t b)
{
    return a == b || (a == 0xffff && b == 0) || (a == 0 && b == 0xffff);
}

int main(void)
{
    static const uint8_t rfc1071[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    uint8_t buf[1600];
    int wrong = 0;

    CHECK_EQ(naive(rfc1071, 8), 0xf2dd); /* ddf2 as printed there, low byte first */
    CHECK_EQ(memory_order(netstack_checksum(rfc1071, 8)), 0xf2dd);
    CHECK_EQ(netstack_checksum(rfc1071, 0), 0);
    memset(buf, 0xff, sizeof buf);
    for (int len = 0; len <= 1500; len++)
        wrong += !same(memory_order(netstack_checksum(buf, len)), naive(buf, len));
    CHECK_EQ(wrong, 0);
    srand(7);
    for (size_t i = 0; i < sizeof buf; i++)
        buf[i] = (uint8_t)rand();
    for (int at = 0; at < 9; at++) {
        for (int len = 0; len <= 1500; len++)
            wrong += !same(memory_order(netstack_checksum(buf + at, len)), naive(buf + at, len));
    }
    CHECK_EQ(wrong, 0);
    return TEST_DONE();
}
