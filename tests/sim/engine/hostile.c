/*
 * The engine and those who mean it harm: a peer that writes in another's name, and strangers who
 * flood it with handshakes by way of the relay, while a stream is at work.
 */
#include "base/bytes.h"
#include "ipn/ipn_internal.h"
#include "sim/engine/world.h"
#include "unit/test.h"
#include "wg/cookie.h"
#include "wg/load.h"

enum { INITIATION_LEN = 148, FLOOD = 2000, PER_MS = 2, STREAM_LEN = 300000 };

static struct world w;

static uint64_t drops(enum wg_drop why)
{
    return wg_device_stats(w.ipn->wg)->drops[why];
}

static bool is_back(const struct world *now)
{
    return now->streams[0].received == now->streams[0].to_send;
}

static bool is_open(const struct world *now)
{
    return now->streams[0].open;
}

static struct world_stream *begin(uint64_t bytes)
{
    world_start(&w, "key", 0);
    CHECK(world_join(&w));
    struct world_stream *s = world_tcp(&w, "far", WORLD_PORT, bytes);
    CHECK(s && world_run(&w, 10000, is_open));
    return s;
}

/* An ICMP echo request to the page, 100.64.0.1, from 100.64.0.<last>. */
static void echo_from(uint8_t last)
{
    uint8_t p[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1};
    uint32_t sum = 0;
    memcpy(p + 12, (uint8_t[]){100, 64, 0, last, 100, 64, 0, 1}, 8);
    for (int i = 0; i < 20; i += 2)
        sum += load_be16(p + i);
    store_be16(p + 10, (uint16_t)~((sum & 0xffff) + (sum >> 16)));
    p[20] = 8;
    store_be16(p + 22, 0xf7ff);
    CHECK_EQ(wg_device_send(w.far_wg, p, sizeof p, w.now_ms), 0);
    world_run(&w, 500, NULL);
}

static void test_spoof(void)
{
    begin(1000);
    CHECK(world_run(&w, 5000, is_back));
    world_run(&w, 2000, NULL); /* the stream's last acknowledgements */
    uint64_t answered = wg_device_stats(w.far_wg)->packets_in;
    echo_from(2); /* its own address: an answer */
    CHECK_EQ(wg_device_stats(w.far_wg)->packets_in, answered + 1);
    CHECK_EQ(drops(WG_DROP_SPOOF), 0);
    echo_from(4); /* quiet's */
    echo_from(1); /* the page's own */
    echo_from(77); /* nobody's */
    CHECK_EQ(drops(WG_DROP_SPOOF), 3);
    CHECK_EQ(wg_device_stats(w.far_wg)->packets_in, answered + 1);
    world_stop(&w);
}

/* Initiations with a right mac1, which anybody who knows the public key can make. */
static void flood(unsigned strangers)
{
    struct wg_cookie_generator g;
    wg_cookie_generator_init(&g, &w.node_key);
    for (unsigned i = 0; i < FLOOD; i++) {
        struct node_public from = {{0x40, (uint8_t)(i % strangers), (uint8_t)(i % strangers >> 8)}};
        uint8_t msg[INITIATION_LEN];
        world_random_bytes(msg, sizeof msg);
        store_le32(msg, 1);
        wg_cookie_add_macs(&g, msg, sizeof msg, w.now_ms);
        relay_put_packet(&w.relay.conns[w.sockets[WORLD_RELAY].conn], &from, msg, sizeof msg);
        if (i % PER_MS == 0) {
            world_flush_server(WORLD_RELAY);
            world_run(&w, 1, NULL);
        }
    }
}

static void test_flood(unsigned strangers)
{
    struct world_stream *s = begin(STREAM_LEN);
    uint64_t sent = wg_device_stats(w.ipn->wg)->packets_out;
    uint64_t handshakes = wg_device_stats(w.ipn->wg)->handshakes;
    flood(strangers);
    /* A second's worth is looked at, the rest is told to come back with a cookie. */
    CHECK(drops(WG_DROP_CRYPTO) + drops(WG_DROP_UNKNOWN_PEER) <= 2 * WG_LOAD_MESSAGES_PER_S);
    CHECK(drops(WG_DROP_RATE) > FLOOD - 4 * WG_LOAD_MESSAGES_PER_S);
    CHECK(world_run(&w, 60000, is_back));
    CHECK(!s->corrupt && !s->done && s->errors == 0);
    CHECK(wg_device_stats(w.ipn->wg)->packets_out > sent);
    CHECK_EQ(wg_device_stats(w.ipn->wg)->handshakes, handshakes);
    CHECK_EQ(w.busy, 0);
    world_stop(&w);
}

int main(void)
{
    world_setup();
    test_spoof();
    test_flood(1);
    test_flood(2000);
    return TEST_DONE();
}
