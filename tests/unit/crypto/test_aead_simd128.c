/*
 * The vector kernel against libsodium: every length from 0 to 2048, random ones beyond, with and
 * without associated data, apart and in place, and forgeries. AEADs of crypto/aead.h are not the
 * twin here, because in WebAssembly they call the kernel themselves.
 */
#include "test.h"

#include "base/bytes.h"
#include "crypto/aead_openssh.h"
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

/* OpenSSH's construction: natively aead_openssh.c is libsodium. */
static bool same_for_openssh(size_t len)
{
    uint8_t ssh_key[AEAD_OPENSSH_KEY_LEN], number_nonce[12] = {0};
    uint32_t number = prng_below(UINT32_MAX);
    size_t packet_len = AEAD_OPENSSH_LENGTH_LEN + len, sealed_len = packet_len + AEAD_TAG_LEN;
    bool ok = true;

    prng_fill(ssh_key, sizeof ssh_key);
    store_be32(number_nonce + 8, number);
    memcpy(expect, plain, packet_len);
    store_be32(expect, (uint32_t)len);
    aead_openssh_seal(expect, len, number, ssh_key);
    ok &= CHECK_EQ(aead_openssh_length(expect, number, ssh_key), len);
    memcpy(out, expect, AEAD_OPENSSH_LENGTH_LEN);
    memcpy(out + AEAD_OPENSSH_LENGTH_LEN, plain + AEAD_OPENSSH_LENGTH_LEN, len);
    out[sealed_len] = 0xee;
    aead_simd128_openssh_seal(out, len, number_nonce, ssh_key);
    ok &= CHECK_MEM(out, expect, sealed_len);
    ok &= CHECK(aead_simd128_openssh_open(out, len, number_nonce, ssh_key));
    ok &= CHECK_MEM(out + AEAD_OPENSSH_LENGTH_LEN, plain + AEAD_OPENSSH_LENGTH_LEN, len);
    ok &= CHECK_EQ(out[sealed_len], 0xee);
    ok &= CHECK(aead_openssh_open(expect, len, number, ssh_key));
    ok &= CHECK_EQ(load_be32(expect), len);
    if (!ok)
        fprintf(stderr, "OpenSSH, length %zu\n", len);
    return ok;
}

static void test_openssh(void)
{
    uint8_t ssh_key[AEAD_OPENSSH_KEY_LEN] = {1}, number_nonce[12] = {0}, zero[600] = {0};
    static const size_t lens[] = {1, 251, 252, 253, 256, 600};

    prng_fill(plain, sizeof plain);
    for (size_t len = 0; len <= 2048; len++)
        if (!same_for_openssh(len))
            return;
    for (int i = 0; i < 100; i++)
        if (!same_for_openssh(prng_below(MAX_LEN - AEAD_OPENSSH_LENGTH_LEN)))
            return;
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        size_t sealed_len = AEAD_OPENSSH_LENGTH_LEN + lens[i] + AEAD_TAG_LEN;

        memcpy(expect, plain, sealed_len);
        aead_simd128_openssh_seal(expect, lens[i], number_nonce, ssh_key);
        for (size_t bit = 0; bit < 8 * sealed_len; bit++) {
            memcpy(out, expect, sealed_len);
            out[bit / 8] ^= (uint8_t)(1 << bit % 8);
            CHECK(!aead_simd128_openssh_open(out, lens[i], number_nonce, ssh_key));
            CHECK_MEM(out + AEAD_OPENSSH_LENGTH_LEN, zero, lens[i]);
            memcpy(out, expect, sealed_len);
            out[bit / 8] ^= (uint8_t)(1 << bit % 8);
            CHECK(!aead_openssh_open(out, lens[i], 0, ssh_key));
        }
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
    test_openssh();
    return TEST_DONE();
}
