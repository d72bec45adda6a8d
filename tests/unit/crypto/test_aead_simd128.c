/*
 * The vector kernel against libsodium: every length from 0 to 2048, random ones beyond, with and
 * without associated data, apart and in place, and forgeries. AEADs of crypto/aead.h are not the
 * twin here, because in WebAssembly they call the kernel themselves.
 */
#include "test.h"

#include "base/bytes.h"
#include "crypto/aead_simd128.h"
#include "crypto/random.h"
#include "prng.h"

/* libsodium's, declared here because sodium.h is crypto's alone. */
int crypto_aead_chacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *clen_p,
                                              const unsigned char *m, unsigned long long mlen,
                                              const unsigned char *ad, unsigned long long adlen,
                                              const unsigned char *nsec, const unsigned char *npub,
                                              const unsigned char *k);

enum { MAX_LEN = 70000, MAX_AD = 100 };

static uint8_t plain[MAX_LEN], expect[MAX_LEN + 16], out[MAX_LEN + 16 + 1], ad[MAX_AD];
static uint8_t nonce[12], key[32];

static bool same_as_libsodium(size_t len, size_t ad_len, bool in_place)
{
    bool ok = true;

    crypto_aead_chacha20poly1305_ietf_encrypt(expect, NULL, plain, len, ad, ad_len, NULL, nonce,
                                              key);
    out[len + 16] = 0xee;
    if (in_place)
        memcpy(out, plain, len);
    aead_simd128_seal(out, in_place ? out : plain, len, ad, ad_len, nonce, key);
    ok &= CHECK_MEM(out, expect, len + 16);
    ok &= CHECK_EQ(out[len + 16], 0xee);
    ok &= CHECK(aead_simd128_open(out, in_place ? out : expect, len + 16, ad, ad_len, nonce, key));
    ok &= CHECK_MEM(out, plain, len);
    ok &= CHECK_MEM(out + len, expect + len, 16);
    if (!ok)
        fprintf(stderr, "length %zu, associated data %zu, in place %d\n", len, ad_len, in_place);
    return ok;
}

static void fresh(void)
{
    prng_fill(nonce, sizeof nonce);
    prng_fill(key, sizeof key);
    prng_fill(ad, sizeof ad);
}

static void test_lengths(void)
{
    prng_fill(plain, sizeof plain);
    for (size_t len = 0; len <= 2048; len++) {
        fresh();
        if (!same_as_libsodium(len, 0, false) || !same_as_libsodium(len, len % MAX_AD, true))
            return;
    }
    for (int i = 0; i < 100; i++) {
        fresh();
        if (!same_as_libsodium(prng_below(MAX_LEN + 1), prng_below(MAX_AD + 1), i % 2))
            return;
    }
}

/* Bytes of all ones and all zeros drive the MAC's limbs to their ends. */
static void test_extremes(void)
{
    static const uint8_t fills[] = {0x00, 0xff, 0x80};

    for (size_t i = 0; i < sizeof fills; i++) {
        memset(plain, fills[i], 4096);
        for (int round = 0; round < 50; round++) {
            fresh();
            /* the ciphertext becomes the fill */
            crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain, 4096, NULL, 0, NULL, nonce,
                                                      key);
            for (size_t j = 0; j < 4096; j++)
                plain[j] ^= out[j] ^ fills[i];
            if (!same_as_libsodium(4096, 0, false))
                return;
            memset(plain, fills[i], 4096);
        }
    }
}

/* Every bit of a message and its tag flipped, wrong associated data, every cut near the tag. */
static void test_forgeries(void)
{
    static const size_t lens[] = {0, 1, 255, 256, 257, 600};
    uint8_t zero[600] = {0};

    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        size_t len = lens[i], sealed_len = len + 16;

        fresh();
        aead_simd128_seal(expect, plain, len, ad, 20, nonce, key);
        for (size_t bit = 0; bit < 8 * sealed_len; bit++) {
            expect[bit / 8] ^= (uint8_t)(1 << bit % 8);
            memset(out, 0xaa, len);
            CHECK(!aead_simd128_open(out, expect, sealed_len, ad, 20, nonce, key));
            CHECK_MEM(out, zero, len);
            expect[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        ad[19] ^= 1;
        CHECK(!aead_simd128_open(out, expect, sealed_len, ad, 20, nonce, key));
        ad[19] ^= 1;
        CHECK(!aead_simd128_open(out, expect, sealed_len, ad, 19, nonce, key));
        CHECK(aead_simd128_open(out, expect, sealed_len, ad, 20, nonce, key));
        for (size_t cut = 1; cut <= 17 && cut <= sealed_len; cut++)
            CHECK(!aead_simd128_open(out, expect, sealed_len - cut, ad, 20, nonce, key));
    }
}

int main(void)
{
    prng_init(13);
    prng_host_init();
    crypto_init();
    test_lengths();
    test_extremes();
    test_forgeries();
    return TEST_DONE();
}
