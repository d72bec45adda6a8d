/* X25519: RFC 7748's example, a second implementation, low-order points, generation. */
#include "test.h"

#include "base/bytes.h"
#include "crypto/dh.h"
#include "crypto/random.h"
#include "prng.h"
#include "vectors.h"

static void hex(uint8_t out[32], const char *text)
{
    CHECK_EQ(hex_decode(out, 32, text), 0);
}

/* RFC 7748 section 6.1 */
static void test_rfc7748(void)
{
    uint8_t a[32], a_public[32], b[32], b_public[32], shared[32], got[32];

    hex(a, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    hex(a_public, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    hex(b, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    hex(b_public, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    hex(shared, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    dh_public(got, a);
    CHECK_MEM(got, a_public, 32);
    dh_public(got, b);
    CHECK_MEM(got, b_public, 32);
    CHECK(dh(got, a, b_public));
    CHECK_MEM(got, shared, 32);
    CHECK(dh(got, b, a_public));
    CHECK_MEM(got, shared, 32);
}

static void test_vectors(void)
{
    uint8_t private_key[32], public_key[32], got[32];

    vector_get("crypto.txt", "alice_private", private_key, 32);
    vector_get("crypto.txt", "alice_public", public_key, 32);
    dh_public(got, private_key);
    CHECK_MEM(got, public_key, 32);
}

static void test_low_order(void)
{
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    };
    uint8_t private_key[32], public_key[32], point[32], out[32];

    dh_generate(private_key, public_key);
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        hex(point, points[i]);
        memset(out, 0xaa, sizeof out);
        if (!CHECK(!dh(out, private_key, point)) || !CHECK(bytes_are_zero(out, sizeof out)))
            fprintf(stderr, "point %zu\n", i);
    }
}

static void test_generate(void)
{
    uint8_t a[32], a_public[32], b[32], b_public[32], ab[32], ba[32];

    for (int i = 0; i < 20; i++) {
        dh_generate(a, a_public);
        dh_generate(b, b_public);
        CHECK((a[0] & 7) == 0 && (a[31] & 0xc0) == 0x40);
        CHECK(!bytes_equal(a, b, 32));
        CHECK(dh(ab, a, b_public));
        CHECK(dh(ba, b, a_public));
        CHECK_MEM(ab, ba, 32);
    }
}

int main(void)
{
    prng_init(8);
    prng_host_init();
    crypto_init();
    test_rfc7748();
    test_vectors();
    test_low_order();
    test_generate();
    return TEST_DONE();
}
