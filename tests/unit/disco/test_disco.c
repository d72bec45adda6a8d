/* disco: messages sealed by Tailscale's package, our own both ways, and what is refused. */
#include "test.h"

#include "base/err.h"
#include "crypto/random.h"
#include "disco/disco.h"
#include "prng.h"
#include "vectors.h"

static struct disco_private alice, bob;
static struct disco_public alice_public, bob_public;
static struct node_public node;
static uint8_t tx_id[DISCO_TX_ID_LEN];

static void load(void)
{
    vector_get("disco.txt", "alice_private", alice.b, 32);
    vector_get("disco.txt", "alice_public", alice_public.b, 32);
    vector_get("disco.txt", "bob_private", bob.b, 32);
    vector_get("disco.txt", "bob_public", bob_public.b, 32);
    vector_get("disco.txt", "node_public", node.b, 32);
    vector_get("disco.txt", "tx_id", tx_id, sizeof tx_id);
}

static void test_vectors(void)
{
    static const struct {
        const char *name;
        int rc;
        uint8_t type;
        bool has_tx_id, has_node_key;
    } cases[] = {
        {"ping", 0, DISCO_PING, true, true},
        {"ping_without_key", 0, DISCO_PING, true, false},
        {"ping_padded", 0, DISCO_PING, true, true},
        {"pong", 0, DISCO_PONG, true, false},
        {"pong_ipv6", 0, DISCO_PONG, true, false},
        {"call_me_maybe", 0, DISCO_CALL_ME_MAYBE, false, false},
        {"unknown_type", 0, 0x63, false, false},
        {"short_ping", IPN_ERR_PROTOCOL, 0, false, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t datagram[2048];
        struct disco_message m = {0};
        struct disco_public from;
        size_t len = vector_get("disco.txt", cases[i].name, datagram, sizeof datagram);

        CHECK(disco_is_message(datagram, len));
        disco_sender(&from, datagram);
        CHECK_MEM(from.b, alice_public.b, 32);
        if (!CHECK_EQ(disco_open(&m, datagram, len, &bob), cases[i].rc))
            fprintf(stderr, "%s\n", cases[i].name);
        CHECK_EQ(m.type, cases[i].type);
        CHECK_EQ(m.has_node_key, cases[i].has_node_key);
        if (cases[i].rc == 0)
            CHECK_MEM(m.from.b, alice_public.b, 32);
        if (cases[i].has_tx_id)
            CHECK_MEM(m.tx_id, tx_id, sizeof tx_id);
        if (cases[i].has_node_key)
            CHECK_MEM(m.node_key.b, node.b, 32);
        CHECK_EQ(disco_open(&m, datagram, len, &alice), IPN_ERR_CRYPTO);
    }
}

/* What we box is what Tailscale's package boxes: opened here with box, compared with its bytes. */
static void expect_boxed(const char *name, const uint8_t *datagram, size_t len)
{
    uint8_t expect[100], boxed[100], shared[BOX_SHARED_LEN];
    size_t boxed_len = vector_get("disco.txt", name, expect, sizeof expect);

    CHECK(box_precompute(shared, alice_public.b, bob.b));
    CHECK_EQ(len, 62 + BOX_OVERHEAD + boxed_len);
    CHECK_MEM(datagram, "TS\xf0\x9f\x92\xac", 6);
    CHECK_MEM(datagram + 6, alice_public.b, 32);
    CHECK(box_open(boxed, datagram + 62, len - 62, datagram + 38, shared));
    CHECK_MEM(boxed, expect, boxed_len);
}

static void test_seal(void)
{
    static const struct disco_public zero;
    uint8_t first[DISCO_MAX_LEN], second[DISCO_MAX_LEN];
    struct disco_message m;
    size_t len = disco_seal_ping(first, tx_id, &node, &alice_public, &alice, &bob_public);

    expect_boxed("ping_plain", first, len);
    CHECK_EQ(disco_open(&m, first, len, &bob), 0);
    CHECK(m.type == DISCO_PING && m.has_node_key);
    CHECK_EQ(disco_seal_ping(second, tx_id, &node, &alice_public, &alice, &bob_public), len);
    CHECK(memcmp(first + 38, second + 38, BOX_NONCE_LEN) != 0);

    len = disco_seal_pong(first, tx_id, 999, &alice_public, &alice, &bob_public);
    expect_boxed("pong_plain", first, len);
    CHECK_EQ(disco_open(&m, first, len, &bob), 0);
    CHECK(m.type == DISCO_PONG && !m.has_node_key);
    CHECK_EQ(disco_seal_pong(first, tx_id, 999, &alice_public, &alice, &zero), 0);
}

/* A datagram from alice to bob with these bytes in its box. */
static size_t seal_raw(uint8_t *out, const uint8_t *boxed, size_t len)
{
    uint8_t shared[BOX_SHARED_LEN];

    CHECK(box_precompute(shared, bob_public.b, alice.b));
    memcpy(out, "TS\xf0\x9f\x92\xac", 6);
    memcpy(out + 6, alice_public.b, 32);
    memset(out + 38, 7, BOX_NONCE_LEN);
    box_seal(out + 62, boxed, len, out + 38, shared);
    return 62 + BOX_OVERHEAD + len;
}

static void test_lengths_and_versions(void)
{
    uint8_t boxed[80] = {0}, datagram[200];
    struct disco_message m;

    for (size_t len = 0; len <= sizeof boxed; len++) {
        size_t n;

        boxed[0] = DISCO_PING;
        n = seal_raw(datagram, boxed, len);
        CHECK_EQ(disco_open(&m, datagram, n, &bob), len < 14 ? IPN_ERR_PROTOCOL : 0);
        if (len >= 14)
            CHECK_EQ(m.has_node_key, len >= 46);
        boxed[0] = DISCO_PONG;
        n = seal_raw(datagram, boxed, len);
        CHECK_EQ(disco_open(&m, datagram, n, &bob), len < 32 ? IPN_ERR_PROTOCOL : 0);
    }
    boxed[1] = 1;
    CHECK_EQ(disco_open(&m, datagram, seal_raw(datagram, boxed, 50), &bob), IPN_ERR_PROTOCOL);
}

static void test_refusals(void)
{
    static uint8_t long_one[4096];
    uint8_t datagram[DISCO_MAX_LEN];
    struct disco_message m, untouched;
    size_t len = disco_seal_ping(datagram, tx_id, &node, &alice_public, &alice, &bob_public);

    memset(&m, 0xaa, sizeof m);
    untouched = m;
    for (size_t n = 0; n < len; n++) {
        CHECK_EQ(disco_is_message(datagram, n), n >= 62);
        CHECK(disco_open(&m, datagram, n, &bob) < 0);
    }
    for (size_t bit = 0; bit < 8 * len; bit++) {
        datagram[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_EQ(disco_is_message(datagram, len), bit >= 48);
        /* the top bit of a public key is not part of the key (RFC 7748 section 5) */
        if (bit != 8 * 37 + 7)
            CHECK(disco_open(&m, datagram, len, &bob) < 0);
        datagram[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    memcpy(long_one, datagram, len);
    CHECK_EQ(disco_open(&m, long_one, sizeof long_one, &bob), IPN_ERR_PROTOCOL);
    memset(datagram + 6, 0, 32); /* a sender of low order */
    CHECK_EQ(disco_open(&m, datagram, len, &bob), IPN_ERR_CRYPTO);
    CHECK_MEM(&m, &untouched, sizeof m);
}

int main(void)
{
    prng_init(12);
    prng_host_init();
    crypto_init();
    load();
    test_vectors();
    test_seal();
    test_lengths_and_versions();
    test_refusals();
    return TEST_DONE();
}
