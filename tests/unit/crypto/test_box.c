/* NaCl's box against a second implementation; forgeries and bad points are refused. */
#include "test.h"

#include "base/bytes.h"
#include "crypto/box.h"
#include "crypto/random.h"
#include "prng.h"
#include "vectors.h"

static uint8_t shared[32], nonce[24], in[255];

static void test_vectors(void)
{
    static const size_t lens[] = {0, 1, 31, 32, 33, 255};

    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        uint8_t expect[271], out[271];
        char name[20];
        size_t n = lens[i];

        snprintf(name, sizeof name, "box_%zu", n);
        CHECK_EQ(vector_get("crypto.txt", name, expect, sizeof expect), n + BOX_OVERHEAD);
        box_seal(out, in, n, nonce, shared);
        CHECK_MEM(out, expect, n + BOX_OVERHEAD);
        CHECK(box_open(out, expect, n + BOX_OVERHEAD, nonce, shared));
        CHECK_MEM(out, in, n);
    }
}

static void test_forgeries(void)
{
    uint8_t sealed[20 + BOX_OVERHEAD], out[20 + BOX_OVERHEAD];

    box_seal(sealed, in, 20, nonce, shared);
    for (size_t n = 0; n < sizeof sealed; n++)
        CHECK(!box_open(out, sealed, n, nonce, shared));
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(!box_open(out, sealed, sizeof sealed, nonce, shared));
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    CHECK(box_open(out, sealed, sizeof sealed, nonce, shared));
    nonce[0] ^= 1;
    CHECK(!box_open(out, sealed, sizeof sealed, nonce, shared));
    nonce[0] ^= 1;
}

int main(void)
{
    uint8_t alice[32], alice_public[32], bob[32], bob_public[32], zero[32] = {0}, other[32];

    prng_init(9);
    prng_host_init();
    crypto_init();
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof nonce; i++)
        nonce[i] = (uint8_t)(100 + i);
    vector_get("crypto.txt", "alice_private", alice, 32);
    vector_get("crypto.txt", "alice_public", alice_public, 32);
    vector_get("crypto.txt", "bob_private", bob, 32);
    vector_get("crypto.txt", "bob_public", bob_public, 32);
    vector_get("crypto.txt", "box_shared", other, 32);
    CHECK(box_precompute(shared, bob_public, alice));
    CHECK_MEM(shared, other, 32);
    CHECK(box_precompute(shared, alice_public, bob));
    CHECK_MEM(shared, other, 32);
    CHECK(!box_precompute(other, zero, alice));
    CHECK(bytes_are_zero(other, 32));
    test_vectors();
    test_forgeries();
    return TEST_DONE();
}
