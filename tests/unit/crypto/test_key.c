/* Keys: generation, derivation, text forms and what is refused as text. */
#include "test.h"

#include "base/err.h"
#include "crypto/dh.h"
#include "crypto/key.h"
#include "crypto/random.h"
#include "prng.h"

#define DIGITS "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff"

static uint8_t bytes[32];

static void test_formats(void)
{
    char text[KEY_TEXT_CAP];
    struct machine_private mp;
    struct machine_public mk;
    struct node_private np;
    struct node_public nk;
    struct disco_public dk;

    memcpy(mp.b, bytes, 32);
    memcpy(mk.b, bytes, 32);
    memcpy(np.b, bytes, 32);
    memcpy(nk.b, bytes, 32);
    memcpy(dk.b, bytes, 32);
    CHECK_EQ(machine_private_format(text, &mp), 72);
    CHECK_STR(text, "privkey:" DIGITS);
    CHECK_EQ(machine_public_format(text, &mk), 69);
    CHECK_STR(text, "mkey:" DIGITS);
    CHECK_EQ(node_private_format(text, &np), 72);
    CHECK_STR(text, "privkey:" DIGITS);
    CHECK_EQ(node_public_format(text, &nk), 72);
    CHECK_STR(text, "nodekey:" DIGITS);
    CHECK_EQ(disco_public_format(text, &dk), 73);
    CHECK_STR(text, "discokey:" DIGITS);
}

#define CHECK_PARSE(kind, text, expect)                                \
    do {                                                               \
        struct kind key_ = {{0}};                                      \
        static const uint8_t zero_[32];                                \
        CHECK_EQ(kind##_parse(&key_, (text), strlen(text)), (expect)); \
        CHECK_MEM(key_.b, (expect) == 0 ? bytes : zero_, 32);          \
    } while (0)

static void test_parse(void)
{
    struct node_public key = {{0}};

    CHECK_PARSE(machine_private, "privkey:" DIGITS, 0);
    CHECK_PARSE(machine_public, "mkey:" DIGITS, 0);
    CHECK_PARSE(node_private, "privkey:" DIGITS, 0);
    CHECK_PARSE(node_public, "nodekey:" DIGITS, 0);
    CHECK_PARSE(disco_public, "discokey:" DIGITS, 0);
    CHECK_PARSE(machine_public, "nodekey:" DIGITS, IPN_ERR_ARG);
    CHECK_PARSE(node_public, "mkey:" DIGITS, IPN_ERR_ARG);
    CHECK_PARSE(node_private, "nodekey:" DIGITS, IPN_ERR_ARG);
    CHECK_PARSE(disco_public, "nodekey:" DIGITS, IPN_ERR_ARG);
    CHECK_PARSE(node_public, DIGITS, IPN_ERR_ARG);
    CHECK_PARSE(node_public, "", IPN_ERR_ARG);
    CHECK_PARSE(node_public, "nodekey:" DIGITS "0", IPN_ERR_ARG);
    CHECK_PARSE(node_public, "Nodekey:" DIGITS, IPN_ERR_ARG);
    CHECK_EQ(node_public_parse(&key, "nodekey:" DIGITS, 71), IPN_ERR_ARG);
    for (size_t i = 8; i < 72; i++) {
        char text[] = "nodekey:" DIGITS;

        text[i] = 'g';
        CHECK_PARSE(node_public, text, IPN_ERR_ARG);
    }
}

static void test_generate(void)
{
    struct machine_private m;
    struct node_private n;
    struct disco_private d;
    struct machine_public m_public;
    struct node_public n_public;
    struct disco_public d_public;
    uint8_t expect[32];

    machine_private_generate(&m);
    node_private_generate(&n);
    disco_private_generate(&d);
    CHECK(memcmp(m.b, n.b, 32) != 0 && memcmp(n.b, d.b, 32) != 0);
    CHECK((m.b[0] & 7) == 0 && (n.b[0] & 7) == 0 && (d.b[0] & 7) == 0);
    CHECK(m.b[31] >> 6 == 1 && n.b[31] >> 6 == 1 && d.b[31] >> 6 == 1);
    machine_public_derive(&m_public, &m);
    dh_public(expect, m.b);
    CHECK_MEM(m_public.b, expect, 32);
    node_public_derive(&n_public, &n);
    dh_public(expect, n.b);
    CHECK_MEM(n_public.b, expect, 32);
    disco_public_derive(&d_public, &d);
    dh_public(expect, d.b);
    CHECK_MEM(d_public.b, expect, 32);
}

int main(void)
{
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    bytes[31] = 0xff;
    prng_init(10);
    prng_host_init();
    crypto_init();
    test_formats();
    test_parse();
    test_generate();
    return TEST_DONE();
}
