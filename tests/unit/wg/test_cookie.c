/* MACs and cookies: wireguard-go's reply is understood and gives wireguard-go's mac2; then both of our
 * sides against each other, in time and with everything changed. */
#include "test.h"

#include "vectors.h"
#include "wg/cookie.h"

#include "scripted_random.h"

static const char file[] = "wireguard.txt";
static const struct node_public alice = {{1, 2, 3}}, bob = {{4, 5, 6}};

enum { LEN = sizeof(struct wg_msg_initiation), START = 1000 };

static void test_vector(void)
{
    uint8_t msg[LEN], with_mac2[LEN], bare[LEN];
    struct wg_msg_cookie reply;
    struct wg_cookie_generator g;
    struct wg_cookie_checker c;
    struct node_public responder;
    vector_get(file, "plain_responder_public", responder.b, KEY_LEN);
    CHECK_EQ(vector_get(file, "cookie_message", msg, sizeof msg), LEN);
    CHECK_EQ(vector_get(file, "cookie_message_with_mac2", with_mac2, sizeof with_mac2), LEN);
    CHECK_EQ(vector_get(file, "cookie_reply", (uint8_t *)&reply, sizeof reply), sizeof reply);
    wg_cookie_generator_init(&g, &responder);
    wg_cookie_checker_init(&c, &responder);
    CHECK(wg_cookie_check_mac1(&c, msg, LEN));
    memcpy(bare, msg, LEN);
    memset(bare + LEN - 2 * WG_MAC_LEN, 0xaa, 2 * WG_MAC_LEN);
    wg_cookie_add_macs(&g, bare, LEN, START);
    CHECK_MEM(bare, msg, LEN);
    CHECK(wg_cookie_consume_reply(&g, &reply, msg + LEN - 2 * WG_MAC_LEN, START));
    wg_cookie_add_macs(&g, bare, LEN, START);
    CHECK_MEM(bare, with_mac2, LEN);
}

static void test_mac1(void)
{
    uint8_t msg[LEN] = {1};
    struct wg_cookie_checker at_alice, at_bob;
    struct wg_cookie_generator to_bob;
    wg_cookie_checker_init(&at_alice, &alice);
    wg_cookie_checker_init(&at_bob, &bob);
    wg_cookie_generator_init(&to_bob, &bob);
    wg_cookie_add_macs(&to_bob, msg, LEN, START);
    CHECK(wg_cookie_check_mac1(&at_bob, msg, LEN));
    CHECK(!wg_cookie_check_mac1(&at_alice, msg, LEN));
    for (int i = 0; i < LEN; i++) {
        msg[i] ^= 0x10;
        CHECK_EQ(wg_cookie_check_mac1(&at_bob, msg, LEN), i >= LEN - WG_MAC_LEN);
        msg[i] ^= 0x10;
    }
}

static const struct {
    int number;
    uint64_t reply_ms, sent_ms, checked_ms;
    bool valid;
} times[] = {
    {1, START, START, START, true},
    {2, START, START + 100000, START + 100001, true},
    {3, START, START + 114999, START + 115000, true},
    {4, START, START + 115000, START + 115000, false}, /* not used in its last five seconds */
    {5, START, START + 114999, START + 119999, true},
    {6, START, START + 114999, START + 120000, false}, /* the secret has ended */
    {7, START + 60000, START + 60001, START + 119999,
     true}, /* a secret is for two minutes in all */
    {8, START + 60000, START + 60001, START + 120000, false},
};

static void test_mac2_in_time(void)
{
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        uint8_t msg[LEN] = {1, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef};
        struct wg_msg_cookie reply;
        struct wg_cookie_checker c;
        struct wg_cookie_generator g;
        wg_cookie_checker_init(&c, &bob);
        wg_cookie_generator_init(&g, &bob);
        wg_cookie_add_macs(&g, msg, LEN, START);
        CHECK(!wg_cookie_check_mac2(&c, msg, LEN, &alice, START)); /* there is no secret yet */
        wg_cookie_create_reply(&reply, &c, msg, LEN, &alice, START);
        CHECK(!wg_cookie_check_mac2(&c, msg, LEN, &alice, START));
        wg_cookie_create_reply(&reply, &c, msg, LEN, &alice, times[i].reply_ms);
        CHECK_MEM(reply.receiver, msg + 4, 4);
        CHECK(wg_cookie_consume_reply(&g, &reply, msg + LEN - 32, times[i].reply_ms));
        wg_cookie_add_macs(&g, msg, LEN, times[i].sent_ms);
        if (!CHECK_EQ(wg_cookie_check_mac2(&c, msg, LEN, &alice, times[i].checked_ms),
                      times[i].valid))
            fprintf(stderr, "    case %d\n", times[i].number);
        CHECK(!wg_cookie_check_mac2(&c, msg, LEN, &bob, times[i].checked_ms));
    }
}

static void test_spoiled_reply(void)
{
    uint8_t msg[LEN] = {1};
    struct wg_msg_cookie reply;
    struct wg_cookie_checker c;
    struct wg_cookie_generator g;
    wg_cookie_checker_init(&c, &bob);
    wg_cookie_generator_init(&g, &bob);
    wg_cookie_add_macs(&g, msg, LEN, START);
    wg_cookie_create_reply(&reply, &c, msg, LEN, &alice, START);
    for (size_t i = 8; i < sizeof reply; i++) {
        ((uint8_t *)&reply)[i] ^= 0x80;
        CHECK(!wg_cookie_consume_reply(&g, &reply, msg + LEN - 32, START));
        ((uint8_t *)&reply)[i] ^= 0x80;
    }
    CHECK(!wg_cookie_consume_reply(&g, &reply, msg, START)); /* another message's mac1 */
    CHECK_EQ(g.cookie_until_ms, 0);
    CHECK(wg_cookie_consume_reply(&g, &reply, msg + LEN - 32, START));
    CHECK(g.cookie_until_ms > START);
}

int main(void)
{
    scripted_init();
    test_vector();
    test_mac1();
    test_mac2_in_time();
    test_spoiled_reply();
    return TEST_DONE();
}
