/* Loads and stores against written-out bytes, compares against memcmp, wipe. */
#include "test.h"

#include "base/bytes.h"
#include "prng.h"

static void test_integers(void)
{
    static const uint8_t wire[9] = {0xff, 0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7, 0xf8};
    const uint8_t *p = wire + 1; /* unaligned */
    uint8_t out[9] = {0};

    CHECK_EQ(load_le16(p), 0x9281);
    CHECK_EQ(load_be16(p), 0x8192);
    CHECK_EQ(load_le32(p), 0xb4a39281u);
    CHECK_EQ(load_be32(p), 0x8192a3b4u);
    CHECK(load_le64(p) == 0xf8e7d6c5b4a39281u);
    CHECK(load_be64(p) == 0x8192a3b4c5d6e7f8u);
    store_le16(out + 1, 0x9281);
    CHECK_MEM(out + 1, p, 2);
    store_be16(out + 1, 0x8192);
    CHECK_MEM(out + 1, p, 2);
    store_le32(out + 1, 0xb4a39281u);
    CHECK_MEM(out + 1, p, 4);
    store_be32(out + 1, 0x8192a3b4u);
    CHECK_MEM(out + 1, p, 4);
    store_le64(out + 1, 0xf8e7d6c5b4a39281u);
    CHECK_MEM(out + 1, p, 8);
    store_be64(out + 1, 0x8192a3b4c5d6e7f8u);
    CHECK_MEM(out + 1, p, 8);
    CHECK_EQ(out[0], 0);
}

static void test_compare(void)
{
    uint8_t a[40], b[40], zero[40] = {0};

    prng_fill(a, sizeof a);
    memcpy(b, a, sizeof a);
    CHECK(bytes_equal(a, b, 0));
    CHECK(bytes_are_zero(a, 0));
    for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
        CHECK(bytes_equal(a, b, sizeof a));
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(!bytes_equal(a, b, sizeof a));
        CHECK(bytes_equal(a, b, bit / 8));
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);

        CHECK(bytes_are_zero(zero, sizeof zero));
        zero[bit / 8] = (uint8_t)(1 << bit % 8);
        CHECK(!bytes_are_zero(zero, sizeof zero));
        CHECK(bytes_are_zero(zero, bit / 8));
        zero[bit / 8] = 0;
    }
}

static void test_wipe(void)
{
    uint8_t a[33], expect[33] = {0};

    memset(a, 0xaa, sizeof a);
    wipe(a + 1, 31);
    expect[0] = expect[32] = 0xaa;
    CHECK_MEM(a, expect, sizeof a);
    wipe(NULL, 0);
}

int main(void)
{
    prng_init(1);
    test_integers();
    test_compare();
    test_wipe();
    return TEST_DONE();
}
