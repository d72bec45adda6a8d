/* AEADs against RFC 8439 and a second implementation; every flipped bit must be refused. */
#include "test.h"

#include "crypto/aead.h"
#include "crypto/random.h"
#include "prng.h"
#include "vectors.h"

static uint8_t key[32], nonce[24], in[255];

static void test_rfc8439(void)
{
    static const char text[] =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one "
        "tip for the future, sunscreen would be it.";
    static const uint8_t tag[16] = {0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a,
                                    0x7e, 0x90, 0x2e, 0xcb, 0xd0, 0x60, 0x06, 0x91};
    static const uint8_t first[16] = {0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb,
                                      0x7b, 0x86, 0xaf, 0xbc, 0x53, 0xef, 0x7e, 0xc2};
    static const uint8_t ad[12] = {0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1,
                                   0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7};
    static const uint8_t iv[12] = {7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47};
    uint8_t k[32], out[114 + 16];

    for (size_t i = 0; i < sizeof k; i++)
        k[i] = (uint8_t)(0x80 + i);
    aead_seal(out, (const uint8_t *)text, 114, ad, sizeof ad, iv, k);
    CHECK_MEM(out, first, 16);
    CHECK_MEM(out + 114, tag, 16);
}

static void test_vectors(void)
{
    static const size_t lens[] = {0, 1, 15, 16, 17, 63, 64, 65, 128, 255};

    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        uint8_t expect[271], out[271];
        char name[20];
        size_t n = lens[i];

        snprintf(name, sizeof name, "aead_%zu", n);
        CHECK_EQ(vector_get("crypto.txt", name, expect, sizeof expect), n + 16);
        aead_seal(out, in, n, in, n / 2, nonce, key);
        CHECK_MEM(out, expect, n + 16);
        CHECK(aead_open(out, expect, n + 16, in, n / 2, nonce, key));
        CHECK_MEM(out, in, n);

        snprintf(name, sizeof name, "xaead_%zu", n);
        CHECK_EQ(vector_get("crypto.txt", name, expect, sizeof expect), n + 16);
        xaead_seal(out, in, n, in, n / 2, nonce, key);
        CHECK_MEM(out, expect, n + 16);
        CHECK(xaead_open(out, expect, n + 16, in, n / 2, nonce, key));
        CHECK_MEM(out, in, n);
    }
}

static void test_in_place(void)
{
    uint8_t apart[255 + 16], same[255 + 16];

    for (size_t n = 0; n <= 255; n++) {
        memcpy(same, in, n);
        aead_seal(apart, in, n, NULL, 0, nonce, key);
        aead_seal(same, same, n, NULL, 0, nonce, key);
        CHECK_MEM(same, apart, n + 16);
        CHECK(aead_open(same, same, n + 16, NULL, 0, nonce, key));
        CHECK_MEM(same, in, n);
    }
}

static void test_forgeries(void)
{
    uint8_t sealed[40 + 16], bad[40 + 16], out[40 + 16], ad[5] = {1, 2, 3, 4, 5}, iv[24], k[32];

    memcpy(iv, nonce, sizeof iv);
    memcpy(k, key, sizeof k);
    aead_seal(sealed, in, 40, ad, sizeof ad, nonce, key);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        memcpy(bad, sealed, sizeof bad);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(!aead_open(out, bad, sizeof bad, ad, sizeof ad, nonce, key));
    }
    for (size_t n = 0; n < sizeof sealed; n++)
        CHECK(!aead_open(out, sealed, n, ad, sizeof ad, nonce, key));
    CHECK(!aead_open(out, sealed, sizeof sealed, ad, 4, nonce, key));
    ad[0] ^= 1;
    CHECK(!aead_open(out, sealed, sizeof sealed, ad, sizeof ad, nonce, key));
    ad[0] ^= 1;
    iv[11] ^= 1;
    CHECK(!aead_open(out, sealed, sizeof sealed, ad, sizeof ad, iv, key));
    k[31] ^= 0x80;
    CHECK(!aead_open(out, sealed, sizeof sealed, ad, sizeof ad, nonce, k));
    CHECK(aead_open(out, sealed, sizeof sealed, ad, sizeof ad, nonce, key));

    xaead_seal(sealed, in, 40, ad, sizeof ad, nonce, key);
    iv[23] ^= 1;
    CHECK(!xaead_open(out, sealed, sizeof sealed, ad, sizeof ad, iv, key));
    CHECK(!xaead_open(out, sealed, 15, ad, sizeof ad, nonce, key));
    sealed[55] ^= 1;
    CHECK(!xaead_open(out, sealed, sizeof sealed, ad, sizeof ad, nonce, key));
}

static void test_nonces(void)
{
    uint8_t out[12];

    memset(out, 0xff, sizeof out);
    aead_nonce_le(out, 0x0102030405060708u);
    CHECK_MEM(out, "\0\0\0\0\x08\x07\x06\x05\x04\x03\x02\x01", 12);
    memset(out, 0xff, sizeof out);
    aead_nonce_be(out, 0x0102030405060708u);
    CHECK_MEM(out, "\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08", 12);
}

int main(void)
{
    prng_init(7);
    prng_host_init();
    crypto_init();
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof nonce; i++)
        nonce[i] = (uint8_t)(100 + i);
    test_rfc8439();
    test_vectors();
    test_in_place();
    test_forgeries();
    test_nonces();
    return TEST_DONE();
}
