/*
 * WireGuard over magicsock over relays, two and three nodes in virtual time: streams cut into
 * single bytes, connections cut, regions that go and come, homes that move.
 *
 *   IP packet > wg_device > magicsock > DERP stream > relay > DERP stream > magicsock > wg_device
 */
#include <stdlib.h>

#include "base/err.h"
#include "support/relay_world.h"
#include "test.h"
#include "wg/device.h"

enum { PACKETS = 1 << 16, PACKET_LEN = 200 };

struct end {
    struct world_node *node;
    struct wg_device *dev;
    unsigned received, garbled, duplicates;
    uint8_t seen[PACKETS];
    uint64_t last_ms;
    int region; /* by which the datagram came that dev is looking at */
};

static struct relay_world world;
static struct end ends[3];
static unsigned end_count;

static void peer_config(struct wg_peer_config *out, int i)
{
    memset(out, 0, sizeof *out);
    out->key = ends[i].node->public_key;
    out->allowed[0] = (struct ipprefix){.addr = {4, {100, 64, 0, (uint8_t)(i + 1)}}, .bits = 32};
    out->allowed_count = 1;
}

static bool find_by_key(void *ctx, const struct node_public *key, struct wg_peer_config *out)
{
    for (unsigned i = 0; i < end_count; i++) {
        if (&ends[i] == ctx || memcmp(ends[i].node->public_key.b, key->b, KEY_LEN) != 0)
            continue;
        peer_config(out, (int)i);
        return true;
    }
    return false;
}

static bool find_by_ip(void *ctx, const struct ipaddr *dst, struct wg_peer_config *out)
{
    unsigned i = dst->b[3] - 1u;
    if (dst->family != 4 || i >= end_count || &ends[i] == ctx)
        return false;
    peer_config(out, (int)i);
    return true;
}

static uint8_t *reserve(void *ctx, const struct node_public *to, size_t len)
{
    struct end *e = ctx;
    return magicsock_reserve(e->node->ms, to, len, world.now_ms);
}

static void commit(void *ctx, size_t len)
{
    struct end *e = ctx;
    (void)len;
    magicsock_commit(e->node->ms);
}

static void heard(void *ctx, const struct node_public *from)
{
    struct end *e = ctx;
    magicsock_heard(e->node->ms, from, e->region, world.now_ms);
}

static void fill_packet(uint8_t *p, int from, int to, unsigned number)
{
    memset(p, 0, PACKET_LEN);
    p[0] = 0x45;
    store_be16(p + 2, PACKET_LEN);
    p[8] = 64;
    p[9] = 17;
    memcpy(p + 12, ((uint8_t[]){100, 64, 0, (uint8_t)(from + 1)}), 4);
    memcpy(p + 16, ((uint8_t[]){100, 64, 0, (uint8_t)(to + 1)}), 4);
    store_be32(p + 28, number);
    for (size_t i = 32; i < PACKET_LEN; i++)
        p[i] = (uint8_t)(i * 7 + number);
}

static void on_datagram(struct world_node *n, const struct magicsock_event *ev)
{
    struct end *e = &ends[n->index];
    struct wg_received got;
    uint8_t want[PACKET_LEN];
    e->region = ev->region;
    wg_device_receive(e->dev, &got, ev->data, ev->len, &ev->from, world.now_ms);
    if (got.len == 0)
        return;
    unsigned number = got.len == PACKET_LEN ? load_be32(got.packet + 28) : PACKETS;
    if (number >= PACKETS) {
        e->garbled++;
        return;
    }
    fill_packet(want, got.packet[15] - 1, n->index, number);
    e->garbled += memcmp(want, got.packet, PACKET_LEN) != 0;
    e->duplicates += e->seen[number]++ > 0;
    e->received++;
    e->last_ms = world.now_ms;
}

static uint64_t extra_deadline(struct relay_world *w)
{
    uint64_t at_ms = NEVER;
    (void)w;
    for (unsigned i = 0; i < end_count; i++)
        at_ms = earlier(at_ms, wg_device_next_deadline(ends[i].dev));
    return at_ms;
}

static void extra_tick(struct relay_world *w)
{
    for (unsigned i = 0; i < end_count; i++)
        wg_device_tick(ends[i].dev, w->now_ms);
}

/* Ends whose homes are regions 1, 2, … of `ids`, not yet run. */
static void begin(unsigned count, const int *ids, size_t piece)
{
    relay_world_init(&world);
    world.piece = piece;
    world.on_datagram = on_datagram;
    world.extra_deadline = extra_deadline;
    world.extra_tick = extra_tick;
    memset(ends, 0, sizeof ends);
    end_count = count;
    for (unsigned i = 0; i < count; i++) {
        struct end *e = &ends[i];
        e->node = relay_world_add_node(&world);
        e->node->home_told = ids[1] ? (int)i + 1 : 1;
        relay_world_regions(e->node, ids, e->node->home_told, false);
        e->dev = wg_device_new(&e->node->key, 0,
                               &(struct wg_hooks){.ctx = e,
                                                  .find_by_key = find_by_key,
                                                  .find_by_ip = find_by_ip,
                                                  .reserve = reserve,
                                                  .commit = commit,
                                                  .heard = heard});
        if (!e->dev)
            abort();
    }
}

static void finish(void)
{
    for (unsigned i = 0; i < end_count; i++) {
        CHECK_EQ(ends[i].garbled, 0);
        CHECK_EQ(ends[i].duplicates, 0);
        wg_device_free(ends[i].dev);
    }
    for (int i = 1; i <= WORLD_REGIONS; i++)
        CHECK_EQ(world.relays[i].broken, 0);
    relay_world_free(&world);
}

static void send_packet(int from, int to, unsigned number)
{
    uint8_t p[PACKET_LEN];
    fill_packet(p, from, to, number);
    CHECK_EQ(wg_device_send(ends[from].dev, p, sizeof p, world.now_ms), 0);
}

/* Sends `count` packets from 0 to 1 and from 1 to 0, one each every gap_ms. */
static void talk(unsigned first, unsigned count, uint64_t gap_ms)
{
    for (unsigned i = first; i < first + count; i++) {
        send_packet(0, 1, i);
        send_packet(1, 0, i);
        relay_world_run(&world, gap_ms);
    }
}

/* The first packet is sent before there is any connection, its peer joined long ago. */
static void test_first_contact(size_t piece)
{
    begin(2, (int[]){1, 2, 0}, piece);
    relay_world_run(&world, 5000);
    struct world_node *a = ends[0].node;
    relay_world_regions(a, (int[]){0}, 0, false);
    relay_world_run(&world, 1000);
    relay_world_regions(a, (int[]){1, 2, 0}, 1, false);
    uint64_t start_ms = world.now_ms;
    send_packet(0, 1, 1);
    relay_world_run(&world, 2000);
    CHECK_EQ(ends[1].received, 1);
    /* Open 3 × 10 ms, ServerKey and ClientInfo with the initiation 2 × 10, the answer 20, the
     * packet 20; the relay speaks at once, so no more than that. */
    CHECK(ends[1].last_ms - start_ms <= 110);
    CHECK_EQ(wg_device_stats(ends[1].dev)->handshakes, 1);
    send_packet(1, 0, 2);
    relay_world_run(&world, 1000);
    CHECK_EQ(ends[0].received, 1);
    CHECK_EQ(ends[1].node->connects[1], 0); /* answered where it was asked */
    finish();
}

static void test_both_at_once(size_t piece)
{
    begin(2, (int[]){1, 2, 0}, piece);
    send_packet(0, 1, 1);
    send_packet(1, 0, 2);
    relay_world_run(&world, 7000);
    CHECK_EQ(ends[0].received, 1);
    CHECK_EQ(ends[1].received, 1);
    talk(10, 100, 20);
    relay_world_run(&world, 1000);
    CHECK_EQ(ends[0].received, 101);
    CHECK_EQ(ends[1].received, 101);
    finish();
}

/* Ten minutes of traffic: rekeyed, not a packet lost. */
static void test_rekeys(size_t piece)
{
    begin(2, (int[]){1, 2, 0}, piece);
    relay_world_run(&world, 1000);
    talk(0, 1200, 500);
    relay_world_run(&world, 1000);
    CHECK_EQ(ends[0].received, 1200);
    CHECK_EQ(ends[1].received, 1200);
    CHECK(wg_device_stats(ends[0].dev)->handshakes >= 4);
    finish();
}

/* Any connection may be cut at any moment; between the cuts packets flow. */
static void test_cuts(size_t piece)
{
    unsigned cuts = 0;
    begin(2, (int[]){1, 2, 0}, piece);
    relay_world_run(&world, 1000);
    for (unsigned i = 0; i < 600; i++) {
        if (i % 10 == 0) {
            relay_world_cut(ends[relay_random() % 2].node, 1 + (int)(relay_random() % 2));
            cuts++;
        }
        talk(i * 5, 5, 100);
    }
    relay_world_run(&world, 5000);
    printf("%u cuts: %u and %u of 3000 arrived\n", cuts, ends[0].received, ends[1].received);
    CHECK(ends[0].received > 2700);
    CHECK(ends[1].received > 2700);
    unsigned before = ends[0].received;
    talk(5000, 100, 20);
    relay_world_run(&world, 1000);
    CHECK_EQ(ends[0].received, before + 100);
    finish();
}

/* The only region is away for a minute and comes back. */
static void test_relay_restarts(void)
{
    begin(2, (int[]){1, 0}, 0);
    relay_world_run(&world, 1000);
    talk(0, 10, 50);
    world.links[1] = LINK_REFUSED;
    relay_world_cut(ends[0].node, 1);
    relay_world_cut(ends[1].node, 1);
    talk(100, 120, 500);
    CHECK_EQ(ends[0].received, 10);
    world.links[1] = LINK_UP;
    relay_world_run(&world, 13000); /* the longest backoff, and a quarter */
    unsigned before = ends[0].received;
    talk(400, 50, 50);
    relay_world_run(&world, 6000);
    CHECK_EQ(ends[0].received, before + 50);
    finish();
}

/* The wire goes silent without a word, as when a machine sleeps: a rebind mends it. */
static void test_sleep(void)
{
    begin(2, (int[]){1, 2, 0}, 0);
    relay_world_run(&world, 1000);
    talk(0, 10, 50);
    world.links[1] = LINK_SILENT;
    relay_world_run(&world, 300);
    world.now_ms += 3600 * 1000; /* an hour without a tick */
    world.links[1] = LINK_UP;
    relay_world_cut(ends[0].node, 1);
    magicsock_rebind(ends[0].node->ms, world.now_ms);
    relay_world_run(&world, 5000);
    CHECK(magicsock_region_ready(ends[0].node->ms, 1));
    unsigned before = ends[1].received;
    talk(100, 50, 50);
    relay_world_run(&world, 6000);
    CHECK_EQ(ends[1].received, before + 50);
    finish();
}

/* b moves from region 2 to 3; a hears of it from the netmap half a minute later. */
static void test_home_moves(void)
{
    begin(2, (int[]){1, 2, 3, 0}, 0);
    relay_world_run(&world, 1000);
    talk(0, 10, 50);
    relay_world_regions(ends[1].node, (int[]){1, 3, 0}, 3, false);
    talk(100, 60, 500);
    ends[1].node->home_told = 3;
    relay_world_run(&world, 90 * 1000); /* idle: the ways back close */
    unsigned before = ends[1].received;
    talk(300, 50, 100);
    relay_world_run(&world, 6000);
    CHECK_EQ(ends[1].received, before + 50);
    CHECK(ends[1].received >= 10 + 60 + 50);
    finish();
}

/* Three nodes, three regions: everyone to everyone. */
static void test_three(size_t piece)
{
    begin(3, (int[]){1, 2, 3, 0}, piece);
    relay_world_run(&world, 1000);
    unsigned number = 0;
    for (int round = 0; round < 50; round++) {
        for (int from = 0; from < 3; from++)
            for (int to = 0; to < 3; to++)
                if (from != to)
                    send_packet(from, to, number++);
        relay_world_run(&world, 200);
    }
    relay_world_run(&world, 5000);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(ends[i].received, 100);
    finish();
}

/* What relay `region` gives node 0 as a datagram of node 1's. */
static void forge(int region, const uint8_t *datagram, size_t len)
{
    struct world_node *a = ends[0].node;
    CHECK(a->sockets[region].open);
    relay_put_packet(&world.relays[region].conns[a->sockets[region].conn],
                     &ends[1].node->public_key, datagram, len);
    relay_world_flush_relay(&world, region);
    relay_world_run(&world, 100);
}

/* A relay that says of its own packets, or of old ones, that they are a node's of another region does
 * not get what is sent to that node. */
static void test_hostile_relay(void)
{
    static const size_t lens[] = {1, 32, 64, 92, 148, 200, 1300};
    uint8_t datagram[1300], recorded[2048];
    begin(3, (int[]){1, 2, 3, 0}, 4096);
    relay_world_run(&world, 1000);
    send_packet(0, 2, 1); /* opens node 0's connection to region 3 */
    talk(10, 10, 50);
    size_t recorded_len = ends[0].node->last_len;
    memcpy(recorded, ends[0].node->last, recorded_len);
    talk(30, 10, 50);

    for (size_t i = 0; i < 5 * sizeof lens / sizeof *lens; i++) {
        size_t len = lens[i / 5];
        relay_random_bytes(datagram, len);
        datagram[0] = (uint8_t)(i % 5);
        if (len > 3)
            memset(datagram + 1, 0, 3);
        forge(3, datagram, len);
    }
    forge(3, recorded, recorded_len);
    unsigned before = ends[1].received, lost = world.relays[3].lost;
    for (unsigned i = 100; i < 110; i++) {
        send_packet(0, 1, i);
        relay_world_run(&world, 50);
    }
    CHECK_EQ(ends[1].received, before + 10);
    CHECK_EQ(world.relays[3].lost, lost);
    finish();
}

int main(void)
{
    static const size_t pieces[] = {1, 0, 65536};
    const char *seed = getenv("SIM_SEED");
    if (seed)
        relay_seed = strtoull(seed, NULL, 10);
    printf("SIM_SEED=%llu\n", (unsigned long long)relay_seed);
    host_init(&(struct host_calls){.random_bytes = relay_random_bytes});
    host_set_wall_offset(1767225600000); /* 2026 */
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        test_first_contact(pieces[i]);
        test_both_at_once(pieces[i]);
        test_three(pieces[i]);
    }
    test_rekeys(0);
    test_cuts(0);
    test_cuts(17);
    test_relay_restarts();
    test_sleep();
    test_home_moves();
    test_hostile_relay();
    return TEST_DONE();
}
