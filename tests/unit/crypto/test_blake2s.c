/* BLAKE2s by RFC 7693's self-test and known answers; HMAC and HKDF by a second implementation. */
#include "test.h"

#include "crypto/blake2s.h"
#include "prng.h"
#include "vectors.h"

/* RFC 7693 appendix E: the sequence that its self-test hashes. */
static void selftest_seq(uint8_t *out, size_t len, uint32_t seed)
{
    uint32_t a = 0xDEAD4BADu * seed, b = 1;

    for (size_t i = 0; i < len; i++) {
        uint32_t t = a + b;

        a = b;
        b = t;
        out[i] = (uint8_t)(t >> 24);
    }
}

static void test_rfc_selftest(void)
{
    static const uint8_t expect[32] = {
        0x6A, 0x41, 0x1F, 0x08, 0xCE, 0x25, 0xAD, 0xCD, 0xFB, 0x02, 0xAB,
        0xA6, 0x41, 0x45, 0x1C, 0xEC, 0x53, 0xC5, 0x98, 0xB2, 0x4F, 0x4F,
        0xC7, 0x87, 0xFB, 0xDC, 0x88, 0x79, 0x7F, 0x4C, 0x1D, 0xFE,
    };
    static const size_t out_lens[4] = {16, 20, 28, 32}, lens[6] = {0, 3, 64, 65, 255, 1024};
    struct blake2s all;
    uint8_t in[1024], md[32], key[32];

    blake2s_init(&all, 32, NULL, 0);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 6; j++) {
            selftest_seq(in, lens[j], (uint32_t)lens[j]);
            blake2s(md, out_lens[i], NULL, 0, in, lens[j]);
            blake2s_update(&all, md, out_lens[i]);
            selftest_seq(key, out_lens[i], (uint32_t)out_lens[i]);
            blake2s(md, out_lens[i], key, out_lens[i], in, lens[j]);
            blake2s_update(&all, md, out_lens[i]);
        }
    }
    blake2s_final(&all, md);
    CHECK_MEM(md, expect, 32);
}

static void test_rfc_example(void)
{
    static const uint8_t expect[32] = {
        0x50, 0x8C, 0x5E, 0x8C, 0x32, 0x7C, 0x14, 0xE2, 0xE1, 0xA7, 0x2B,
        0xA3, 0x4E, 0xEB, 0x45, 0x2F, 0x37, 0x45, 0x8B, 0x20, 0x9E, 0xD6,
        0x3A, 0x29, 0x4D, 0x99, 0x9B, 0x4C, 0x86, 0x67, 0x59, 0x82,
    };
    uint8_t md[32];

    blake2s(md, 32, NULL, 0, (const uint8_t *)"abc", 3);
    CHECK_MEM(md, expect, 32);
}

static void expect_vector(const char *kind, size_t n, const uint8_t *got, size_t len)
{
    char name[40];
    uint8_t expect[96];

    snprintf(name, sizeof name, "%s_%zu", kind, n);
    CHECK_EQ(vector_get("crypto.txt", name, expect, sizeof expect), len);
    if (!CHECK_MEM(got, expect, len))
        fprintf(stderr, "%s\n", name);
}

static void test_known_answers(void)
{
    static const size_t lens[] = {0, 1, 31, 32, 63, 64, 65, 127, 128, 129, 192, 255};
    uint8_t key[32], in[255], out[96];

    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)i;
    memcpy(key, in, sizeof key);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        size_t n = lens[i];

        blake2s(out, 32, key, 32, in, n);
        expect_vector("blake2s_keyed", n, out, 32);
        blake2s(out, 32, NULL, 0, in, n);
        expect_vector("blake2s", n, out, 32);
        blake2s(out, 16, key, 32, in, n);
        expect_vector("blake2s_128_keyed", n, out, 16);
        blake2s_hmac(out, in, n, in, 255 - n);
        expect_vector("hmac_key", n, out, 32);
        blake2s_hkdf(out, out + 32, out + 64, key, in, n);
        expect_vector("hkdf", n, out, 96);
    }
}

/* One, two and three outputs agree, and out1 may be the chaining key itself. */
static void test_hkdf_outputs(void)
{
    uint8_t ck[32], in[40], three[96], two[96] = {0}, one[96] = {0}, zero[96] = {0};

    prng_fill(ck, sizeof ck);
    prng_fill(in, sizeof in);
    blake2s_hkdf(three, three + 32, three + 64, ck, in, sizeof in);
    blake2s_hkdf(two, two + 32, NULL, ck, in, sizeof in);
    blake2s_hkdf(one, NULL, NULL, ck, in, sizeof in);
    CHECK_MEM(two, three, 64);
    CHECK_MEM(two + 64, zero, 32);
    CHECK_MEM(one, three, 32);
    CHECK_MEM(one + 32, zero, 64);
    blake2s_hkdf(ck, one + 32, NULL, ck, in, sizeof in);
    CHECK_MEM(ck, three, 32);
    CHECK_MEM(one + 32, three + 32, 32);
}

static void test_chunks(void)
{
    uint8_t in[400], whole[32], parts[32];

    prng_fill(in, sizeof in);
    for (int i = 0; i < 500; i++) {
        size_t len = prng_below(sizeof in + 1), at = 0;
        struct blake2s s;

        blake2s(whole, 32, NULL, 0, in, len);
        blake2s_init(&s, 32, NULL, 0);
        while (at < len) {
            size_t n = i == 0 ? 1 : prng_below(len - at + 1);

            blake2s_update(&s, in + at, n);
            at += n;
        }
        blake2s_final(&s, parts);
        CHECK_MEM(parts, whole, 32);
        CHECK(s.out_len == 0 && s.h[0] == 0 && s.h[7] == 0); /* wiped */
    }
}

int main(void)
{
    prng_init(6);
    test_rfc_selftest();
    test_rfc_example();
    test_known_answers();
    test_hkdf_outputs();
    test_chunks();
    return TEST_DONE();
}
