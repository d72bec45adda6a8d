/* The handshake against a transcript of two wireguard-go devices, both roles byte for byte; then every way
 * to spoil it. */
#include "test.h"

#include "base/bytes.h"
#include "crypto/aead.h"
#include "vectors.h"
#include "wg/cookie.h"
#include "wg/handshake.h"

#include "scripted_random.h"

static const char file[] = "wireguard.txt";

static struct wg_identity initiator, responder;
static uint8_t static_static[WG_KEY_LEN];

static void load_identity(struct wg_identity *id, const char *private_name, const char *public_name)
{
    vector_get(file, private_name, id->private_key.b, KEY_LEN);
    vector_get(file, public_name, id->public_key.b, KEY_LEN);
    struct node_public derived;
    node_public_derive(&derived, &id->private_key);
    CHECK_MEM(derived.b, id->public_key.b, KEY_LEN);
}

static void push_vector(const char *name)
{
    uint8_t bytes[WG_KEY_LEN];
    scripted_push(bytes, vector_get(file, name, bytes, sizeof bytes));
}

static struct wg_msg_initiation recorded_initiation(void)
{
    struct wg_msg_initiation msg;
    CHECK_EQ(vector_get(file, "plain_datagram0", (uint8_t *)&msg, sizeof msg), sizeof msg);
    return msg;
}

static struct wg_msg_response recorded_response(void)
{
    struct wg_msg_response msg;
    CHECK_EQ(vector_get(file, "plain_datagram1", (uint8_t *)&msg, sizeof msg), sizeof msg);
    return msg;
}

/* Our responder understands wireguard-go's initiation and answers with wireguard-go's bytes. */
static void test_as_responder(uint8_t timestamp[WG_TIMESTAMP_LEN], struct wg_session_keys *keys)
{
    struct wg_msg_initiation msg = recorded_initiation();
    struct wg_msg_response expected = recorded_response(), response;
    struct wg_responder hs;
    struct wg_cookie_checker checker;
    struct wg_cookie_generator generator;
    wg_cookie_checker_init(&checker, &responder.public_key);
    CHECK(wg_cookie_check_mac1(&checker, (uint8_t *)&msg, sizeof msg));
    CHECK(wg_handshake_consume_static(&hs, &msg, &responder));
    CHECK_MEM(hs.initiator.b, initiator.public_key.b, KEY_LEN);
    CHECK(wg_handshake_consume_timestamp(&hs, &msg, static_static));
    memcpy(timestamp, hs.timestamp, WG_TIMESTAMP_LEN);
    CHECK_EQ(timestamp[0], 0x40);

    push_vector("plain_responder_ephemeral_private");
    CHECK(wg_handshake_create_response(&response, keys, &hs, load_le32(expected.sender)));
    wg_cookie_generator_init(&generator, &initiator.public_key);
    wg_cookie_add_macs(&generator, (uint8_t *)&response, sizeof response, 0);
    CHECK_MEM(&response, &expected, sizeof response);
}

/* Our initiator makes wireguard-go's initiation and understands its response. */
static void test_as_initiator(const uint8_t timestamp[WG_TIMESTAMP_LEN],
                              struct wg_session_keys *keys)
{
    struct wg_msg_initiation expected = recorded_initiation(), msg;
    struct wg_msg_response response = recorded_response();
    struct wg_initiator hs;
    struct wg_cookie_generator generator;
    push_vector("plain_initiator_ephemeral_private");
    CHECK(wg_handshake_create_initiation(&msg, &hs, &initiator, &responder.public_key,
                                         static_static, timestamp, load_le32(expected.sender)));
    wg_cookie_generator_init(&generator, &responder.public_key);
    wg_cookie_add_macs(&generator, (uint8_t *)&msg, sizeof msg, 0);
    CHECK_MEM(&msg, &expected, sizeof msg);
    CHECK(wg_handshake_consume_response(keys, &hs, &response, &initiator));

    struct wg_initiator before = hs;
    for (size_t at = 12; at < 12 + WG_KEY_LEN + WG_TAG_LEN; at++) {
        struct wg_session_keys none;
        ((uint8_t *)&response)[at] ^= 4;
        CHECK(!wg_handshake_consume_response(&none, &hs, &response, &initiator));
        CHECK(bytes_are_zero((uint8_t *)&none, sizeof none));
        ((uint8_t *)&response)[at] ^= 4;
    }
    CHECK_MEM(&hs, &before, sizeof hs);
    CHECK(!wg_handshake_consume_response(keys, &hs, &response, &responder));
    CHECK(wg_handshake_consume_response(keys, &hs, &response, &initiator));
}

/* The transport messages of the transcript, opened with the keys of both ends. */
static void test_transport(const struct wg_session_keys *ours, const struct wg_session_keys *theirs)
{
    uint8_t count;
    CHECK_EQ(vector_get(file, "plain_datagram_count", &count, 1), 1);
    CHECK(count > 4);
    for (int i = 2; i < count; i++) {
        char name[40];
        uint8_t datagram[2048], inner[2048], nonce[AEAD_NONCE_LEN], from;
        snprintf(name, sizeof name, "plain_datagram%d", i);
        size_t len = vector_get(file, name, datagram, sizeof datagram);
        snprintf(name, sizeof name, "plain_datagram%d_inner", i);
        size_t inner_len = vector_get(file, name, inner, sizeof inner);
        snprintf(name, sizeof name, "plain_datagram%d_from", i);
        vector_get(file, name, &from, 1);
        aead_nonce_le(nonce, load_le64(datagram + 8));
        CHECK(aead_open(datagram + 16, datagram + 16, len - 16, NULL, 0, nonce,
                        from == 0 ? theirs->receive : ours->receive));
        CHECK_MEM(datagram + 16, inner, inner_len);
        CHECK(bytes_are_zero(datagram + 16 + inner_len, len - WG_TRANSPORT_OVERHEAD - inner_len));
    }
    CHECK_MEM(ours->send, theirs->receive, WG_KEY_LEN);
    CHECK_MEM(ours->receive, theirs->send, WG_KEY_LEN);
}

static void test_spoiled_initiation(void)
{
    struct wg_msg_initiation msg = recorded_initiation();
    for (size_t at = 8; at < 8 + 32 + 48 + 28; at++) {
        struct wg_responder hs;
        ((uint8_t *)&msg)[at] ^= 1;
        bool ok = wg_handshake_consume_static(&hs, &msg, &responder) &&
                  wg_handshake_consume_timestamp(&hs, &msg, static_static);
        CHECK(!ok);
        ((uint8_t *)&msg)[at] ^= 1;
    }
    struct wg_responder hs;
    CHECK(!wg_handshake_consume_static(&hs, &msg, &initiator)); /* not to us */
    memset(msg.ephemeral, 0, sizeof msg.ephemeral); /* low order */
    CHECK(!wg_handshake_consume_static(&hs, &msg, &responder));
}

/* Knowing public keys is enough for the first half of an initiation, not for the second. */
static void test_forged_identity(void)
{
    struct wg_identity forger;
    struct wg_msg_initiation msg;
    struct wg_initiator hs;
    struct wg_responder got;
    uint8_t forged[WG_KEY_LEN], timestamp[WG_TIMESTAMP_LEN];
    node_private_generate(&forger.private_key);
    forger.public_key = initiator.public_key;
    CHECK(wg_handshake_precompute(forged, &forger, &responder.public_key));
    wg_timestamp_encode(timestamp, 1);
    CHECK(wg_handshake_create_initiation(&msg, &hs, &forger, &responder.public_key, forged,
                                         timestamp, 7));
    CHECK(wg_handshake_consume_static(&got, &msg, &responder));
    CHECK_MEM(got.initiator.b, initiator.public_key.b, KEY_LEN);
    CHECK(!wg_handshake_consume_timestamp(&got, &msg, static_static));
}

static void test_low_order_peer(void)
{
    struct node_public zero = {{0}}, one = {{1}};
    uint8_t shared[WG_KEY_LEN];
    CHECK(!wg_handshake_precompute(shared, &initiator, &zero));
    CHECK(!wg_handshake_precompute(shared, &initiator, &one));
}

static void test_timestamps(void)
{
    static const struct {
        int number;
        uint64_t wall_ms;
        uint8_t expected[WG_TIMESTAMP_LEN];
    } cases[] = {
        {1, 0, {0x40, 0, 0, 0, 0, 0, 0, 0x0a, 0, 0, 0, 0}},
        {2, 1, {0x40, 0, 0, 0, 0, 0, 0, 0x0a, 0x00, 0x0f, 0x42, 0x40}},
        {3, 999, {0x40, 0, 0, 0, 0, 0, 0, 0x0a, 0x3b, 0x8b, 0x87, 0xc0}},
        {4, 1000, {0x40, 0, 0, 0, 0, 0, 0, 0x0b, 0, 0, 0, 0}},
        {5, 1790000000123, {0x40, 0, 0, 0, 0x6a, 0xb1, 0x3b, 0x8a, 0x07, 0x54, 0xd4, 0xc0}},
    };
    uint8_t stamp[WG_TIMESTAMP_LEN], before[WG_TIMESTAMP_LEN] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wg_timestamp_encode(stamp, cases[i].wall_ms);
        if (!CHECK_MEM(stamp, cases[i].expected, sizeof stamp))
            fprintf(stderr, "    case %d\n", cases[i].number);
        CHECK(memcmp(before, stamp, sizeof stamp) < 0);
        memcpy(before, stamp, sizeof stamp);
    }
}

int main(void)
{
    struct wg_session_keys ours, theirs;
    uint8_t timestamp[WG_TIMESTAMP_LEN];
    scripted_init();
    load_identity(&initiator, "plain_initiator_private", "plain_initiator_public");
    load_identity(&responder, "plain_responder_private", "plain_responder_public");
    CHECK(wg_handshake_precompute(static_static, &responder, &initiator.public_key));
    test_as_responder(timestamp, &theirs);
    test_as_initiator(timestamp, &ours);
    test_transport(&ours, &theirs);
    test_spoiled_initiation();
    test_forged_identity();
    test_low_order_peer();
    test_timestamps();
    return TEST_DONE();
}
