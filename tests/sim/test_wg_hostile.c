/* Forged, replayed, spoiled, cut and too many datagrams: silence and a counter, and the session goes on. */
#include "test.h"

#include "base/bytes.h"
#include "sim/wg_world.h"

static const struct sim_path clean = {0, 0, 10, 10};

static struct world *world_with_session(uint64_t seed)
{
    struct world *w = world_new(3, seed, clean);
    world_send(w, 0, 1, 0, 100, false);
    world_run(w, 1000);
    CHECK_EQ(w->node[1].received_from[0], 1);
    return w;
}

static void check_alive(struct world *w, unsigned number)
{
    world_send(w, 0, 1, number, 60, false);
    world_send(w, 1, 0, number, 60, false);
    world_run(w, w->now_ms + 50);
    CHECK_EQ(w->node[1].seen[0][number], 1);
    CHECK_EQ(w->node[0].seen[1][number], 1);
}

static uint64_t all_drops(const struct world *w, int i)
{
    uint64_t sum = 0;
    for (int why = 0; why < WG_DROP_COUNT; why++)
        sum += world_drops(w, i, (enum wg_drop)why);
    return sum;
}

static void inject(struct world *w, int to, const uint8_t *data, size_t len)
{
    sim_inject(&w->net, 2, to, data, len, w->now_ms); /* from a third party */
    world_run(w, w->now_ms + 25);
}

static void test_replays(void)
{
    struct world *w = world_with_session(200);
    uint64_t messages = w->messages[WG_MSG_RESPONSE];
    inject(w, 1, w->last[0][WG_MSG_INITIATION], w->last_len[0][WG_MSG_INITIATION]);
    CHECK_EQ(world_drops(w, 1, WG_DROP_REPLAY), 1);
    CHECK_EQ(w->messages[WG_MSG_RESPONSE], messages); /* no answer */
    inject(w, 0, w->last[1][WG_MSG_RESPONSE], w->last_len[1][WG_MSG_RESPONSE]);
    CHECK_EQ(world_drops(w, 0, WG_DROP_INDEX), 1);
    for (int i = 0; i < 3; i++)
        inject(w, 1, w->last[0][WG_MSG_TRANSPORT], w->last_len[0][WG_MSG_TRANSPORT]);
    CHECK_EQ(world_drops(w, 1, WG_DROP_REPLAY), 4);
    CHECK_EQ(w->node[1].duplicates, 0);
    check_alive(w, 1);
    world_free(w);
}

/* Every bit of one message of each type, and every length up to its own. */
static void test_spoiled(int from, int to, enum wg_message_type type, uint64_t seed)
{
    struct world *w = world_with_session(seed);
    check_alive(w, 1); /* so that both have sent data */
    uint8_t msg[WORLD_MAX_DATAGRAM];
    size_t len = w->last_len[from][type];
    memcpy(msg, w->last[from][type], len);
    uint64_t handshakes = wg_device_stats(w->node[to].dev)->handshakes, injected = 0;
    uint64_t sent = w->net.sent;
    if (!CHECK(len > 0))
        return;
    for (size_t bit = 0; bit < 8 * len; bit++, injected++) {
        msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
        inject(w, to, msg, len);
        msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t cut = 0; cut < len; cut++, injected++)
        inject(w, to, msg, cut);
    for (size_t more = 1; more < 40; more++, injected++) {
        msg[len + more - 1] = (uint8_t)more;
        inject(w, to, msg, len + more);
    }
    CHECK_EQ(all_drops(w, to), injected);
    CHECK_EQ(wg_device_stats(w->node[to].dev)->handshakes, handshakes);
    CHECK(w->net.sent - sent <= 8); /* keepalives and a rekey of their own time, no answers */
    CHECK_EQ(w->node[0].duplicates + w->node[1].duplicates, 0);
    check_alive(w, 2);
    world_free(w);
}

static void add_mac1(const struct world *w, int to, uint8_t *msg, size_t len)
{
    struct wg_cookie_generator g;
    wg_cookie_generator_init(&g, &w->node[to].public_key);
    wg_cookie_add_macs(&g, msg, len, 0);
}

/* mac1 is no secret: every bit again, under a right one. Steps of 20 ms and more keep load away. */
static void test_spoiled_under_mac1(void)
{
    struct world *w = world_new(3, 205, clean);
    uint8_t msg[sizeof(struct wg_msg_initiation)];
    wg_device_initiate(w->node[0].dev, &w->node[1].public_key, false, 0);
    memcpy(msg, w->last[0][WG_MSG_INITIATION], sizeof msg);
    sim_wipe(&w->net); /* it does not arrive */
    w->net.queue = NULL;
    uint64_t spoiled = 0;
    w->node[0].dev->peers->timers.due_ms[WG_TIMER_RETRANSMIT_HANDSHAKE] = NEVER;
    for (size_t bit = 8 * 8; bit < 8 * (sizeof msg - 2 * WG_MAC_LEN); bit++, spoiled++) {
        msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
        add_mac1(w, 1, msg, sizeof msg);
        inject(w, 1, msg, sizeof msg);
        msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK_EQ(world_drops(w, 1, WG_DROP_CRYPTO), spoiled);
    CHECK_EQ(w->messages[WG_MSG_RESPONSE], 0);
    CHECK_EQ(w->node[1].dev->peer_count, 0);

    inject(w, 1, w->last[0][WG_MSG_INITIATION], sizeof msg); /* the genuine one */
    CHECK_EQ(w->messages[WG_MSG_RESPONSE], 1);
    world_free(w);
}

static bool response_tap(struct world *w, int from, int to, uint8_t *data, size_t len)
{
    (void)w, (void)from, (void)to, (void)len;
    return data[0] != WG_MSG_RESPONSE;
}

static void test_spoiled_response_under_mac1(void)
{
    struct world *w = world_new(3, 206, clean);
    uint8_t msg[sizeof(struct wg_msg_response)];
    uint64_t spoiled = 0;
    w->tap = response_tap;
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 15);
    memcpy(msg, w->last[1][WG_MSG_RESPONSE], sizeof msg);
    w->node[0].dev->peers->timers.due_ms[WG_TIMER_RETRANSMIT_HANDSHAKE] = NEVER;
    for (size_t bit = 8 * 12; bit < 8 * (sizeof msg - 2 * WG_MAC_LEN); bit++, spoiled++) {
        msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
        add_mac1(w, 0, msg, sizeof msg);
        inject(w, 0, msg, sizeof msg);
        msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK_EQ(world_drops(w, 0, WG_DROP_CRYPTO), spoiled);
    CHECK(!world_session(w, 0, 1));
    inject(w, 0, w->last[1][WG_MSG_RESPONSE], sizeof msg);
    CHECK(world_session(w, 0, 1));
    CHECK_EQ(w->node[1].received_from[0], 1);
    world_free(w);
}

/* Whoever knows the public keys of two can begin an initiation in the name of one: no peer is made. */
static void test_forged_identity(void)
{
    struct world *w = world_new(3, 207, clean);
    struct wg_identity forger = {w->node[2].private_key, w->node[0].public_key};
    struct wg_msg_initiation msg;
    struct wg_initiator hs;
    uint8_t static_static[WG_KEY_LEN], timestamp[WG_TIMESTAMP_LEN];
    CHECK(wg_handshake_precompute(static_static, &forger, &w->node[1].public_key));
    wg_timestamp_encode(timestamp, 1);
    CHECK(wg_handshake_create_initiation(&msg, &hs, &forger, &w->node[1].public_key, static_static,
                                         timestamp, 1));
    add_mac1(w, 1, (uint8_t *)&msg, sizeof msg);
    inject(w, 1, (uint8_t *)&msg, sizeof msg);
    CHECK_EQ(world_drops(w, 1, WG_DROP_CRYPTO), 1);
    CHECK_EQ(w->node[1].dev->peer_count, 0);
    world_free(w);
}

/* The cookie reply that answers one message, every bit of it spoiled: none is kept. */
static void test_spoiled_cookie(void)
{
    struct world *w = world_new(3, 208, clean);
    uint8_t msg[sizeof(struct wg_msg_cookie)];
    wg_device_force_load(w->node[1].dev, true);
    wg_device_initiate(w->node[0].dev, &w->node[1].public_key, false, 0);
    world_run(w, 15);
    sim_wipe(&w->net);
    w->net.queue = NULL;
    memcpy(msg, w->last[1][WG_MSG_COOKIE], sizeof msg);
    w->node[0].dev->peers->timers.due_ms[WG_TIMER_RETRANSMIT_HANDSHAKE] = NEVER;
    for (size_t bit = 8 * 8; bit < 8 * sizeof msg; bit++) {
        msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
        inject(w, 0, msg, sizeof msg);
        msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK_EQ(world_drops(w, 0, WG_DROP_CRYPTO), 8 * (sizeof msg - 8));
    CHECK_EQ(w->node[0].dev->peers->cookie.cookie_until_ms, 0);
    inject(w, 0, msg, sizeof msg);
    CHECK(w->node[0].dev->peers->cookie.cookie_until_ms > 0);
    world_free(w);
}

static void test_noise(void)
{
    struct world *w = world_with_session(300);
    uint8_t junk[300];
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = sim_random(&w->net) % sizeof junk;
        for (size_t at = 0; at < len; at++)
            junk[at] = (uint8_t)sim_random(&w->net);
        if (i % 2 && len >= 4) { /* as one of the four types, and the lengths that belong to it */
            static const size_t lens[5] = {0, 148, 92, 64, 0};
            store_le32(junk, 1 + i / 2 % 4);
            if (lens[junk[0]] && i % 4 == 1)
                len = lens[junk[0]];
        }
        sim_inject(&w->net, 2, 1, junk, len, w->now_ms);
        if (i % 100 == 0)
            world_run(w, w->now_ms + 1);
    }
    world_run(w, w->now_ms + 10);
    CHECK_EQ(all_drops(w, 1), 20000);
    CHECK(world_drops(w, 1, WG_DROP_MAC) > 1000);
    CHECK(world_drops(w, 1, WG_DROP_INDEX) > 1000);
    check_alive(w, 1);
    world_free(w);
}

/* A peer that says it is another: its key is right, the inner source is not. */
static void test_spoofed_source(void)
{
    struct world *w = world_with_session(400);
    uint8_t packet[60] = {0x45, 0, 0, 60};
    memcpy(packet + 12, (uint8_t[]){100, 64, 0, 3}, 4); /* node 2's address, sent by node 0 */
    memcpy(packet + 16, (uint8_t[]){100, 64, 0, 2}, 4);
    CHECK_EQ(wg_device_send(w->node[0].dev, packet, sizeof packet, w->now_ms), 0);
    world_run(w, w->now_ms + 50);
    CHECK_EQ(world_drops(w, 1, WG_DROP_SPOOF), 1);
    memcpy(packet + 12, (uint8_t[]){8, 8, 8, 8}, 4);
    CHECK_EQ(wg_device_send(w->node[0].dev, packet, sizeof packet, w->now_ms), 0);
    world_run(w, w->now_ms + 50);
    CHECK_EQ(world_drops(w, 1, WG_DROP_SPOOF), 2);
    CHECK_EQ(w->node[1].garbled, 0);
    check_alive(w, 1);
    world_free(w);
}

static void test_cookie_under_load(void)
{
    struct world *w = world_new(2, 500, clean);
    wg_device_force_load(w->node[1].dev, true);
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 90);
    CHECK_EQ(w->messages[WG_MSG_COOKIE], 1);
    CHECK_EQ(w->messages[WG_MSG_RESPONSE], 0);
    CHECK(world_run_until_received(w, 0, 1, 131)); /* the next initiation carries the cookie */
    CHECK_EQ(w->messages[WG_MSG_COOKIE], 1);
    CHECK_EQ(world_drops(w, 1, WG_DROP_RATE), 1);

    /* Both under load: the response needs a cookie as well. */
    wg_device_force_load(w->node[0].dev, true);
    world_restart(w, 1, wg_device_last_timestamp_ms(w->node[1].dev));
    wg_device_force_load(w->node[1].dev, true);
    world_send(w, 1, 0, 0, 60, false);
    CHECK(world_run_until_received(w, 1, 0, w->now_ms + 400));
    world_free(w);
}

/* A cookie is bound to its address: another sender gains nothing by it. */
static void test_stolen_cookie(void)
{
    struct world *w = world_new(3, 501, clean);
    wg_device_force_load(w->node[1].dev, true);
    world_send(w, 0, 1, 0, 60, false);
    CHECK(world_run_until_received(w, 0, 1, 200));
    uint64_t responses = w->messages[WG_MSG_RESPONSE];
    inject(w, 1, w->last[0][WG_MSG_INITIATION], w->last_len[0][WG_MSG_INITIATION]); /* by node 2 */
    CHECK_EQ(w->messages[WG_MSG_RESPONSE], responses);
    CHECK_EQ(w->messages[WG_MSG_COOKIE], 2);
    CHECK_EQ(world_drops(w, 1, WG_DROP_REPLAY), 0); /* it did not come that far */
    world_free(w);
}

/* A flood of well-formed initiations turns the load on by itself; who answers the cookie gets through. */
static bool flood_tap(struct world *w, int from, int to, uint8_t *data, size_t len)
{
    (void)len, (void)data;
    return !(from == 1 && to == 2) && w != NULL; /* the flooder does not read its cookies */
}

static void test_flood(void)
{
    struct world *w = world_new(3, 502, clean);
    w->tap = flood_tap;
    for (unsigned i = 0; i < 3000; i++) {
        if (i == 1500)
            world_send(w, 0, 1, 0, 60, false);
        w->now_ms += 2; /* 500 initiations a second */
        wg_device_initiate(w->node[2].dev, &w->node[1].public_key, false, w->now_ms);
        w->node[2].dev->peers->initiation_sent_ms = NEVER;
        wg_device_initiate(w->node[2].dev, &w->node[1].public_key, true, w->now_ms);
        world_run(w, w->now_ms);
    }
    CHECK_EQ(w->node[1].received_from[0], 1);
    CHECK(w->messages[WG_MSG_RESPONSE] < 200);
    CHECK(w->messages[WG_MSG_COOKIE] > 2000);
    world_free(w);
}

/* One that does send its cookie back is heard at a rate. */
static void test_flood_with_cookie(void)
{
    struct world *w = world_new(3, 504, clean);
    wg_device_force_load(w->node[1].dev, true);
    wg_device_initiate(w->node[2].dev, &w->node[1].public_key, false, 0);
    for (unsigned i = 0; i < 100; i++) { /* every 25 ms */
        world_run(w, w->now_ms + 25);
        wg_device_initiate(w->node[2].dev, &w->node[1].public_key, true, w->now_ms);
    }
    CHECK(w->messages[WG_MSG_RESPONSE] >= 40);
    CHECK(w->messages[WG_MSG_RESPONSE] <= 2500 * WG_SOURCE_PER_S / 1000 + WG_SOURCE_BURST);
    world_free(w);
}

/* Without load, 20 ms between two initiations of a peer. */
static void test_rate(void)
{
    struct world *w = world_new(2, 503, clean);
    wg_device_initiate(w->node[0].dev, &w->node[1].public_key, false, 0);
    for (unsigned i = 1; i <= 40; i++) {
        world_run(w, i);
        w->node[0].dev->peers->initiation_sent_ms = NEVER;
        wg_device_initiate(w->node[0].dev, &w->node[1].public_key, true, w->now_ms);
    }
    world_run(w, 1000);
    CHECK_EQ(w->messages[WG_MSG_RESPONSE], 3); /* those of 0, 20 and 40 ms */
    CHECK_EQ(world_drops(w, 1, WG_DROP_RATE), 38);
    CHECK(world_session(w, 0, 1));
    world_free(w);
}

int main(void)
{
    test_replays();
    test_spoiled(0, 1, WG_MSG_INITIATION, 201);
    test_spoiled(1, 0, WG_MSG_RESPONSE, 202);
    test_spoiled(0, 1, WG_MSG_TRANSPORT, 203);
    test_spoiled(1, 0, WG_MSG_TRANSPORT, 204);
    test_spoiled_under_mac1();
    test_spoiled_response_under_mac1();
    test_forged_identity();
    test_spoiled_cookie();
    test_noise();
    test_spoofed_source();
    test_cookie_under_load();
    test_stolen_cookie();
    test_flood();
    test_flood_with_cookie();
    test_rate();
    return TEST_DONE();
}
