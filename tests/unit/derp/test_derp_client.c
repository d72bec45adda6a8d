/* The client against a relay in memory: login, packets, liveness, ceilings, hostile servers. */
#include "derp/derp_client.h"

#include <stdlib.h>

#include "support/relay.h"
#include "test.h"
#include "base/err.h"

enum { WHOLE = 1 << 30 };

struct world {
    struct relay relay;
    struct derp_client *dc;
    struct node_private key;
    struct node_public public_key;
    int conn;
    uint64_t now_ms;
    size_t piece; /* how the relay's bytes are cut */

    unsigned ready, packets, gone, health, restarting;
    int error;
    struct derp_event last; /* data points to last_data */
    uint8_t last_data[DERP_MAX_PACKET];
};

static void world_init(struct world *w, size_t piece)
{
    memset(w, 0, sizeof *w);
    relay_init(&w->relay);
    w->piece = piece;
    w->now_ms = 1000;
    node_private_generate(&w->key);
    node_public_derive(&w->public_key, &w->key);
    w->dc = derp_client_new(&w->key);
}

static void world_free(struct world *w)
{
    derp_client_free(w->dc);
    relay_free(&w->relay);
}

static struct relay_conn *conn(struct world *w)
{
    return &w->relay.conns[w->conn];
}

static void take_event(struct world *w, const struct derp_event *ev)
{
    w->ready += ev->type == DERP_EVENT_READY;
    w->packets += ev->type == DERP_EVENT_PACKET;
    w->gone += ev->type == DERP_EVENT_PEER_GONE;
    w->health += ev->type == DERP_EVENT_HEALTH;
    w->restarting += ev->type == DERP_EVENT_RESTARTING;
    w->last = *ev;
    if (ev->len > 0 && ev->len <= sizeof w->last_data)
        memcpy(w->last_data, ev->data, ev->len);
    w->last.data = w->last_data;
}

/* Hands the client len bytes of its own and drains it. */
static void feed(struct world *w, const uint8_t *bytes, size_t len)
{
    struct derp_event ev;
    uint8_t *input = malloc(len ? len : 1);
    memcpy(input, bytes, len);
    int rv = derp_client_input(w->dc, input, len, w->now_ms);
    while (rv == 0 && (rv = derp_client_next(w->dc, &ev, w->now_ms)) == 1) {
        take_event(w, &ev);
        rv = 0;
    }
    if (rv < 0)
        w->error = rv;
    free(input);
}

static void pump(struct world *w)
{
    const uint8_t *bytes;
    size_t len;
    bool moved = true;
    while (moved && !w->error) {
        struct relay_conn *c = conn(w);
        moved = false;
        while ((len = derp_client_output(w->dc, &bytes)) > 0) {
            CHECK(len <= DERP_MAX_MESSAGE);
            relay_input(&w->relay, w->conn, bytes, len);
            moved = true;
        }
        while (c->out.len > 0 && !w->error) {
            size_t n = c->out.len < w->piece ? c->out.len : w->piece;
            feed(w, buf_head(&c->out), n);
            buf_consume(&c->out, n);
            moved = true;
        }
    }
}

static void login(struct world *w)
{
    w->conn = relay_connect(&w->relay);
    derp_client_open(w->dc, w->now_ms);
    pump(w);
}

static bool send_packet(struct world *w, const struct node_public *to, const uint8_t *src,
                        size_t len)
{
    uint8_t *at = derp_client_reserve(w->dc, to, len);
    if (!at)
        return false;
    if (len > 0)
        memcpy(at, src, len);
    derp_client_commit(w->dc);
    return true;
}

static void test_login(size_t piece)
{
    struct world w;
    world_init(&w, piece);
    CHECK(derp_client_reserve(w.dc, &w.public_key, 10) == NULL);
    CHECK_EQ(derp_client_next_deadline(w.dc), NEVER);
    derp_client_note_preferred(w.dc, true);
    login(&w);
    CHECK_EQ(w.error, 0);
    CHECK_EQ(w.ready, 1);
    CHECK(derp_client_ready(w.dc));
    CHECK_STR(conn(&w)->info, "{\"version\":2,\"CanAckPings\":true}");
    CHECK_MEM(conn(&w)->key.b, w.public_key.b, KEY_LEN);
    CHECK(conn(&w)->preferred);
    CHECK_EQ(conn(&w)->pings, 1);
    CHECK_EQ(derp_client_rtt_ms(w.dc), 0);
    derp_client_note_preferred(w.dc, true); /* known already */
    derp_client_note_preferred(w.dc, false);
    pump(&w);
    CHECK_EQ(conn(&w)->preferred_notes, 2);
    CHECK(!conn(&w)->preferred);
    CHECK_EQ(w.relay.broken, 0);
    derp_client_close(w.dc);
    CHECK(!derp_client_ready(w.dc));
    CHECK_EQ(derp_client_next_deadline(w.dc), NEVER);
    relay_disconnect(&w.relay, w.conn);
    login(&w); /* again, on a new stream */
    CHECK_EQ(w.ready, 2);
    world_free(&w);
}

/* Packets queued behind ClientInfo reach the relay after it, before ServerInfo came back. */
static void test_early_packet(void)
{
    struct world w;
    const uint8_t *bytes;
    world_init(&w, WHOLE);
    w.conn = relay_connect(&w.relay);
    derp_client_open(w.dc, w.now_ms);
    CHECK(!derp_client_can_send(w.dc));
    feed(&w, buf_head(&conn(&w)->out), conn(&w)->out.len);
    buf_consume(&conn(&w)->out, conn(&w)->out.len);
    CHECK(derp_client_can_send(w.dc));
    CHECK(derp_client_introduced(w.dc));
    CHECK(!derp_client_ready(w.dc));
    CHECK(send_packet(&w, &w.public_key, (const uint8_t *)"hello", 5));
    size_t len = derp_client_output(w.dc, &bytes);
    relay_input(&w.relay, w.conn, bytes, len);
    CHECK_EQ(w.relay.forwarded, 1);
    CHECK_EQ(w.relay.broken, 0);
    pump(&w);
    CHECK(!derp_client_introduced(w.dc));
    CHECK_EQ(w.packets, 1);
    CHECK_EQ(w.last.len, 5);
    CHECK_MEM(w.last.data, "hello", 5);
    CHECK_MEM(w.last.from.b, w.public_key.b, KEY_LEN);
    world_free(&w);
}

static void test_packets(size_t piece)
{
    static const size_t lens[] = {0, 1, 32, 148, 1312, 4096, 32768, 65535, DERP_MAX_PACKET};
    struct world w;
    uint8_t *src = malloc(DERP_MAX_PACKET);
    relay_random_bytes(src, DERP_MAX_PACKET);
    world_init(&w, piece);
    login(&w);
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        CHECK(send_packet(&w, &w.public_key, src, lens[i]));
        pump(&w);
        CHECK_EQ(w.packets, i + 1);
        CHECK_EQ(w.last.len, lens[i]);
        CHECK_MEM(w.last.data, src, lens[i]);
    }
    CHECK(derp_client_reserve(w.dc, &w.public_key, DERP_MAX_PACKET + 1) == NULL);
    CHECK(derp_client_reserve(w.dc, &w.public_key, SIZE_MAX - 20) == NULL);
    CHECK_EQ(w.error, 0);
    CHECK_EQ(w.relay.broken, 0);
    free(src);
    world_free(&w);
}

static void test_queue_ceiling(void)
{
    struct world w;
    uint8_t packet[1312] = {1};
    size_t queued = 0;
    world_init(&w, WHOLE);
    login(&w);
    while (send_packet(&w, &w.public_key, packet, sizeof packet))
        queued++;
    CHECK_EQ(queued, DERP_MAX_QUEUED / (sizeof packet + 37));
    pump(&w);
    CHECK_EQ(w.packets, queued);
    CHECK(send_packet(&w, &w.public_key, packet, sizeof packet));
    /* What is reserved and never committed is not sent. */
    CHECK(derp_client_reserve(w.dc, &w.public_key, 700) != NULL);
    pump(&w);
    CHECK_EQ(w.packets, queued + 1);
    CHECK_EQ(w.relay.broken, 0);
    world_free(&w);
}

/* Packets come out of the input itself when whole, and stay put while others are sent. */
static void test_in_place(void)
{
    struct world w;
    struct derp_event ev;
    uint8_t packet[100], stream[3 * 137];
    world_init(&w, WHOLE);
    login(&w);
    for (size_t i = 0; i < 3; i++) {
        memset(packet, (int)i + 1, sizeof packet);
        relay_put_packet(conn(&w), &w.public_key, packet, sizeof packet);
    }
    memcpy(stream, buf_head(&conn(&w)->out), sizeof stream);
    CHECK_EQ(derp_client_input(w.dc, stream, 200, w.now_ms), 0);
    CHECK_EQ(derp_client_next(w.dc, &ev, w.now_ms), 1);
    CHECK(ev.data == stream + 37);
    CHECK_EQ(derp_client_input(w.dc, stream + 200, 10, w.now_ms), IPN_ERR_STATE);
    CHECK_EQ(derp_client_next(w.dc, &ev, w.now_ms), 0);
    CHECK_EQ(derp_client_input(w.dc, stream + 200, sizeof stream - 200, w.now_ms), 0);
    CHECK_EQ(derp_client_next(w.dc, &ev, w.now_ms), 1);
    CHECK(ev.data < stream || ev.data >= stream + sizeof stream); /* it was cut */
    for (int i = 0; i < 200; i++)
        CHECK(send_packet(&w, &w.public_key, packet, sizeof packet));
    memset(packet, 2, sizeof packet);
    CHECK_MEM(ev.data, packet, sizeof packet);
    CHECK_EQ(derp_client_next(w.dc, &ev, w.now_ms), 1);
    CHECK(ev.data == stream + 2 * 137 + 37);
    CHECK_EQ(derp_client_next(w.dc, &ev, w.now_ms), 0);
    world_free(&w);
}

static void test_frames(size_t piece)
{
    static const uint8_t zero[64];
    uint8_t ping[12] = "pingpong....", gone[33] = {9};
    struct world w;
    world_init(&w, piece);
    login(&w);
    struct relay_conn *c = conn(&w);
    relay_put(c, 0x12, ping, 8);
    relay_put(c, 0x12, ping, 12); /* longer is fine, its first 8 come back */
    relay_put(c, 0x12, ping, 7);  /* shorter is skipped */
    pump(&w);
    CHECK_EQ(c->pongs, 2);
    CHECK_MEM(c->last_pong, ping, 8);
    gone[32] = 1;
    relay_put(c, 0x08, gone, 33);
    pump(&w);
    CHECK_EQ(w.gone, 1);
    CHECK_EQ(w.last.reason, 1);
    CHECK_MEM(w.last.from.b, gone, 32);
    relay_put(c, 0x08, gone, 32); /* without a reason: disconnected */
    pump(&w);
    CHECK_EQ(w.gone, 2);
    CHECK_EQ(w.last.reason, 0);
    relay_put(c, 0x14, "duplicate", 9);
    pump(&w);
    CHECK_EQ(w.health, 1);
    CHECK_MEM(w.last.data, "duplicate", 9);
    relay_put(c, 0x14, "", 0);
    relay_put(c, 0x15, zero, 8);
    pump(&w);
    CHECK_EQ(w.health, 2);
    CHECK_EQ(w.restarting, 1);
    for (unsigned type = 0; type < 256; type++) /* too short or unknown: skipped */
        if (type != 0x14)
            relay_put(c, (uint8_t)type, zero, 5);
    relay_put(c, 0x05, zero, 31);
    relay_put(c, 0x08, zero, 31);
    relay_put(c, 0x06, zero, 0);
    relay_put(c, 0x13, zero, 8); /* a pong to no ping */
    pump(&w);
    CHECK_EQ(w.packets + w.ready + w.gone + w.health + w.restarting, 0 + 1 + 2 + 2 + 1);
    CHECK_EQ(w.error, 0);
    CHECK(derp_client_ready(w.dc));
    world_free(&w);
}

static void test_hostile_login(size_t piece)
{
    static const uint8_t magic[8] = {0x44, 0x45, 0x52, 0x50, 0xf0, 0x9f, 0x94, 0x91};
    uint8_t hello[40] = {0};
    memcpy(hello, magic, 8);
    memset(hello + 8, 5, 32);
    static const struct {
        const char *what;
        uint8_t type;
        size_t len;
        int flip, want;
    } table[] = {
        {"wrong magic", 1, 40, 3, IPN_ERR_PROTOCOL},
        {"short", 1, 39, -1, IPN_ERR_PROTOCOL},
        {"another frame first", 3, 40, -1, IPN_ERR_PROTOCOL},
        {"fine so far", 1, 40, -1, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct world w;
        world_init(&w, piece);
        w.relay.mute = true;
        login(&w);
        if (table[i].flip >= 0)
            hello[table[i].flip] ^= 1;
        relay_put(conn(&w), table[i].type, hello, table[i].len);
        if (table[i].flip >= 0)
            hello[table[i].flip] ^= 1;
        pump(&w);
        if (!CHECK_EQ(w.error, table[i].want))
            fprintf(stderr, "    %s\n", table[i].what);
        CHECK_EQ(w.ready, 0);
        world_free(&w);
    }
    struct world w; /* a key of low order has no secret */
    world_init(&w, piece);
    w.relay.mute = true;
    login(&w);
    memset(hello + 8, 0, 32);
    relay_put(conn(&w), 1, hello, sizeof hello);
    pump(&w);
    CHECK_EQ(w.error, IPN_ERR_CRYPTO);
    world_free(&w);
    world_init(&w, piece); /* a server that does not hold its key */
    w.relay.forge = true;
    login(&w);
    CHECK_EQ(w.error, IPN_ERR_CRYPTO);
    CHECK(!derp_client_ready(w.dc));
    CHECK(derp_client_reserve(w.dc, &w.public_key, 1) == NULL);
    CHECK_EQ(derp_client_input(w.dc, hello, 1, w.now_ms), IPN_ERR_STATE);
    world_free(&w);
    world_init(&w, piece); /* an oversized frame after login */
    login(&w);
    relay_put(conn(&w), 0x05, NULL, 0);
    memcpy(buf_head(&conn(&w)->out) + 1, "\xff\xff\xff\xff", 4);
    pump(&w);
    CHECK_EQ(w.error, IPN_ERR_PROTOCOL);
    world_free(&w);
}

/* Ticks until the deadlines are past `until_ms`, as a punctual driver would. */
static int run_until(struct world *w, uint64_t until_ms)
{
    for (;;) {
        uint64_t at_ms = derp_client_next_deadline(w->dc);
        if (at_ms > until_ms)
            break;
        w->now_ms = at_ms;
        int rv = derp_client_tick(w->dc, at_ms);
        if (rv < 0)
            return rv;
        pump(w);
    }
    w->now_ms = until_ms;
    return 0;
}

static void test_liveness(void)
{
    struct world w;
    world_init(&w, WHOLE); /* an hour of answered pings, one every 25 s */
    login(&w);
    CHECK_EQ(run_until(&w, w.now_ms + 3600 * 1000), 0);
    CHECK_EQ(conn(&w)->pings, 1 + 3600 / 25);
    w.relay.mute = true;
    uint64_t quiet_ms = w.now_ms;
    CHECK_EQ(run_until(&w, w.now_ms + 60 * 1000), IPN_ERR_TIMEOUT);
    CHECK(w.now_ms - quiet_ms <= 35 * 1000);
    CHECK(!derp_client_ready(w.dc));
    world_free(&w);

    world_init(&w, WHOLE); /* anything that arrives is life */
    login(&w);
    w.relay.mute = true;
    for (int i = 0; i < 60; i++) {
        relay_put(conn(&w), 0x06, NULL, 0);
        pump(&w);
        CHECK_EQ(run_until(&w, w.now_ms + 9000), 0);
    }
    CHECK(derp_client_ready(w.dc));
    world_free(&w);

    world_init(&w, WHOLE); /* a server that never speaks */
    w.relay.mute = true;
    login(&w);
    CHECK_EQ(run_until(&w, w.now_ms + 6999), 0);
    CHECK_EQ(run_until(&w, w.now_ms + 1), IPN_ERR_TIMEOUT);
    world_free(&w);
}

/* While somebody waits for bytes: a ping after 5 s without one, and 9 s to notice a dead server. */
static void test_eager(void)
{
    struct world w;
    world_init(&w, WHOLE);
    login(&w);
    derp_client_set_eager(w.dc, true);
    unsigned before = conn(&w)->pings;
    CHECK_EQ(run_until(&w, w.now_ms + 600 * 1000), 0);
    CHECK_EQ(conn(&w)->pings - before, 600 / 5);
    for (int i = 0; i < 60; i++) { /* bytes come all the time: one ping every 25 s, for proxies */
        relay_put(conn(&w), 0x06, NULL, 0);
        pump(&w);
        CHECK_EQ(run_until(&w, w.now_ms + 4000), 0);
    }
    CHECK(conn(&w)->pings - before <= 600 / 5 + 240 / 25 + 1);
    for (unsigned quiet_ms = 0; quiet_ms < 30000; quiet_ms += 4100) {
        uint64_t since_ms = w.now_ms;
        w.relay.mute = true;
        CHECK_EQ(run_until(&w, w.now_ms + 9001), IPN_ERR_TIMEOUT);
        CHECK(w.now_ms - since_ms <= 9000);
        w.relay.mute = false;
        login(&w);
        CHECK_EQ(run_until(&w, w.now_ms + quiet_ms), 0);
    }
    derp_client_set_eager(w.dc, false);
    before = conn(&w)->pings;
    CHECK_EQ(run_until(&w, w.now_ms + 250 * 1000), 0);
    CHECK(conn(&w)->pings - before <= 250 / 25 + 1);
    world_free(&w);
}

/* A tab that slept ticks late: the answer may lie in the socket, unread. */
static void test_late_ticks(void)
{
    struct world w;
    world_init(&w, WHOLE);
    login(&w);
    w.now_ms += 25 * 1000;
    CHECK_EQ(derp_client_tick(w.dc, w.now_ms), 0);
    w.now_ms += 90 * 1000;
    CHECK_EQ(derp_client_tick(w.dc, w.now_ms), 0);
    CHECK(derp_client_next_deadline(w.dc) <= w.now_ms + 2000);
    pump(&w);
    CHECK_EQ(derp_client_tick(w.dc, w.now_ms + 5000), 0);
    CHECK(derp_client_ready(w.dc));

    w.relay.mute = true; /* and now the server really is gone */
    w.now_ms += 90 * 1000;
    CHECK_EQ(derp_client_tick(w.dc, w.now_ms), 0);
    pump(&w);
    w.now_ms += 90 * 1000;
    CHECK_EQ(derp_client_tick(w.dc, w.now_ms), 0);
    pump(&w);
    w.now_ms += 90 * 1000;
    CHECK_EQ(derp_client_tick(w.dc, w.now_ms), IPN_ERR_TIMEOUT);
    world_free(&w);
}

static void test_network_check(void)
{
    struct world w;
    world_init(&w, WHOLE);
    login(&w);
    derp_client_check(w.dc, w.now_ms); /* answered: all is well */
    w.now_ms += 40;
    pump(&w);
    CHECK_EQ(derp_client_rtt_ms(w.dc), 40);
    CHECK_EQ(run_until(&w, w.now_ms + 5000), 0);
    w.relay.mute = true;
    derp_client_check(w.dc, w.now_ms);
    CHECK_EQ(run_until(&w, w.now_ms + 3000), IPN_ERR_TIMEOUT);
    derp_client_check(w.dc, w.now_ms); /* nothing on a closed one */
    CHECK_EQ(derp_client_next_deadline(w.dc), NEVER);
    world_free(&w);
}

int main(void)
{
    static const size_t pieces[] = {1, 2, 5, 41, 4096, WHOLE};
    host_init(&(struct host_calls){.random_bytes = relay_random_bytes});
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        test_login(pieces[i]);
        test_packets(pieces[i]);
        test_frames(pieces[i]);
        test_hostile_login(pieces[i]);
    }
    test_early_packet();
    test_queue_ceiling();
    test_in_place();
    test_liveness();
    test_eager();
    test_late_ticks();
    test_network_check();
    return TEST_DONE();
}
