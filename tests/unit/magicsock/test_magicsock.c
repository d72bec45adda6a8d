/* Regions, sockets and datagrams: connecting, backing off, idling, held packets, ways back. */
#include "magicsock/magicsock.h"

#include "support/relay_world.h"
#include "test.h"
#include "base/err.h"

static const int ONE[] = {1, 0}, TWO[] = {1, 2, 0}, THREE[] = {1, 2, 3, 0}, NONE[] = {0};

/* A world with one or two nodes whose home is region 1 and 2. */
static struct relay_world world;

static struct world_node *begin(const int *ids, int hint)
{
    relay_world_init(&world);
    struct world_node *n = relay_world_add_node(&world);
    relay_world_regions(n, ids, hint, false);
    n->home_told = hint;
    return n;
}

static struct world_node *add_peer(const int *ids, int home)
{
    struct world_node *n = relay_world_add_node(&world);
    relay_world_regions(n, ids, home, false);
    n->home_told = home;
    return n;
}

static void test_home_at_once(void)
{
    struct magicsock_event ev;
    struct world_node *n = begin(TWO, 2);
    CHECK_EQ(magicsock_home(n->ms), 2);
    CHECK_EQ(magicsock_next(n->ms, &ev, world.now_ms), 1);
    CHECK_EQ(ev.type, MAGICSOCK_EVENT_CONNECT);
    CHECK_EQ(ev.region, 2);
    CHECK_EQ(ev.len, strlen("ws://relay2.test/derp"));
    CHECK_MEM(ev.data, "ws://relay2.test/derp", ev.len);
    CHECK_EQ(magicsock_next(n->ms, &ev, world.now_ms), 1);
    CHECK_EQ(ev.type, MAGICSOCK_EVENT_HOME);
    CHECK_EQ(ev.region, 2);
    CHECK_EQ(magicsock_next(n->ms, &ev, world.now_ms), 0);
    relay_world_free(&world);

    n = begin(TWO, 9); /* a hint that no longer exists */
    CHECK_EQ(magicsock_home(n->ms), 1);
    relay_world_run(&world, 1000);
    CHECK(magicsock_region_ready(n->ms, 1));
    CHECK(!magicsock_region_ready(n->ms, 2));
    CHECK(!magicsock_region_ready(n->ms, 9));
    CHECK_EQ(magicsock_region_rtt_ms(n->ms, 1), 20);
    CHECK_EQ(magicsock_region_rtt_ms(n->ms, 2), -1);
    CHECK_EQ(n->ups[1], 1);
    CHECK(world.relays[1].conns[0].preferred);
    relay_world_free(&world);
}

static void test_packets(size_t piece)
{
    uint8_t data[1312];
    struct world_node *a = begin(TWO, 1), *b = add_peer(TWO, 2);
    world.piece = piece;
    relay_world_run(&world, 5000);
    relay_random_bytes(data, sizeof data);
    for (size_t len = 1; len <= sizeof data; len += 97) {
        CHECK(relay_world_send(a, &b->public_key, data, len) || len == 1);
        relay_world_run(&world, 2000);
        CHECK_EQ(b->last_len, len);
        CHECK_MEM(b->last, data, len);
        CHECK_MEM(b->last_from.b, a->public_key.b, KEY_LEN);
    }
    /* b answers by its own region, where a wrote; it never opens a's. */
    CHECK(relay_world_send(b, &a->public_key, data, 500));
    relay_world_run(&world, 1000);
    CHECK_EQ(a->last_len, 500);
    CHECK_EQ(b->connects[1], 0);
    CHECK_EQ(a->connects[2], 1);
    CHECK_EQ(world.relays[1].broken + world.relays[2].broken, 0);
    relay_world_free(&world);
}

/* While a region opens, sixteen datagrams wait, and of a node's initiations the newest. */
static void test_held(void)
{
    uint8_t data[1500] = {0};
    struct world_node *b = begin(ONE, 1);
    struct node_public stranger = {{0x40}};
    struct magicsock_event ev;
    relay_world_run(&world, 1000);
    struct world_node *a = add_peer(ONE, 1);
    while (magicsock_next(a->ms, &ev, world.now_ms) == 1)
        relay_world_event(a, &ev);
    for (int i = 0; i < 3; i++) {
        data[0] = (uint8_t)i;
        CHECK(relay_world_send(a, &b->public_key, data, 148));
    }
    CHECK(relay_world_send(a, &stranger, data, 148));
    CHECK(magicsock_reserve(a->ms, &b->public_key, 1500, world.now_ms) == NULL);
    CHECK(magicsock_reserve(a->ms, &b->public_key, 0, world.now_ms) == NULL);
    for (int i = 0; i < 16; i++) {
        data[0] = (uint8_t)(i + 50);
        CHECK_EQ(relay_world_send(a, &b->public_key, data, 100), i < 14);
    }
    data[0] = 3;
    CHECK(relay_world_send(a, &b->public_key, data, 148)); /* full, but this one replaces */
    relay_world_run(&world, 3000);
    CHECK_EQ(b->packets, 15);
    CHECK_EQ(b->last_len, 100);
    CHECK_EQ(b->last[0], 63); /* in their order */
    CHECK_EQ(b->first[0], 3);
    CHECK_EQ(world.relays[1].lost, 1);
    const struct magicsock_stats *stats = magicsock_stats(a->ms);
    CHECK_EQ(stats->packets_out, 16);
    CHECK_EQ(stats->dropped_not_up, 4);
    /* Reserved, not committed: neither held nor sent. */
    relay_world_cut(a, 1);
    relay_world_run(&world, 0);
    CHECK(!magicsock_region_ready(a->ms, 1));
    CHECK(magicsock_reserve(a->ms, &b->public_key, 50, world.now_ms) != NULL);
    relay_world_run(&world, 3000);
    CHECK(magicsock_region_ready(a->ms, 1));
    CHECK_EQ(b->packets, 15);
    relay_world_free(&world);
}

static void test_no_regions(void)
{
    uint8_t data[10] = {0};
    struct node_public to = {{1}};
    struct magicsock_event ev;
    relay_world_init(&world);
    struct world_node *n = relay_world_add_node(&world);
    CHECK_EQ(magicsock_home(n->ms), 0);
    CHECK_EQ(magicsock_next_deadline(n->ms), NEVER);
    CHECK(!relay_world_send(n, &to, data, sizeof data));
    CHECK_EQ(magicsock_stats(n->ms)->dropped_no_region, 1);
    CHECK_EQ(magicsock_next(n->ms, &ev, world.now_ms), 0);
    magicsock_opened(n->ms, 1, world.now_ms); /* unknown regions: nothing */
    magicsock_closed(n->ms, 1, 1000, "x", 1, world.now_ms);
    magicsock_input(n->ms, 1, data, sizeof data, world.now_ms);
    magicsock_probed(n->ms, 1, 5, world.now_ms);
    magicsock_rebind(n->ms, world.now_ms);
    magicsock_commit(n->ms);
    CHECK_EQ(magicsock_next(n->ms, &ev, world.now_ms), 0);
    relay_world_free(&world);
}

static void test_backoff(void)
{
    struct world_node *n = begin(ONE, 1);
    world.links[1] = LINK_REFUSED;
    relay_world_run(&world, 60 * 1000);
    /* 100 + 200 + … + 3200 ms, then every 5 s, each up to a quarter more */
    CHECK(n->connects[1] >= 14 && n->connects[1] <= 18);
    CHECK_STR(n->reason, "the relay cannot be reached");
    CHECK_EQ(n->downs[1], n->connects[1]);
    world.links[1] = LINK_UP;
    unsigned before = n->connects[1];
    magicsock_rebind(n->ms, world.now_ms); /* at once */
    relay_world_drain_all(&world);
    CHECK_EQ(n->connects[1], before + 1);
    relay_world_run(&world, 60 * 1000);
    CHECK(magicsock_region_ready(n->ms, 1));
    CHECK_EQ(n->closes[1], 0);
    relay_world_cut(n, 1); /* after a good while up: 100 ms, not 5 s */
    relay_world_run(&world, 300);
    CHECK(magicsock_region_ready(n->ms, 1));
    CHECK_STR(n->reason, "the relay closed the connection (1006)");
    relay_world_free(&world);

    n = begin(ONE, 1); /* sockets that neither open nor fail */
    world.links[1] = LINK_SILENT;
    relay_world_run(&world, 10 * 1000);
    CHECK_EQ(n->closes[1], 1);
    CHECK_STR(n->reason, "the relay cannot be reached: no connection within 7 seconds");
    relay_world_run(&world, 60 * 1000);
    CHECK(n->connects[1] > 4 && n->closes[1] >= n->connects[1] - 1);
    relay_world_free(&world);
}

/* A relay that says "restarting" and closes, over and over, is not asked ten times a second. */
static void test_restart_storm(void)
{
    uint8_t body[8] = {0};
    struct world_node *n = begin(ONE, 1);
    for (int i = 0; i < 600; i++) {
        if (magicsock_region_ready(n->ms, 1)) {
            relay_put(&world.relays[1].conns[n->sockets[1].conn], 0x15, body, sizeof body);
            relay_world_flush_relay(&world, 1);
            relay_world_run(&world, 50); /* it has arrived */
            relay_world_cut(n, 1);
        }
        relay_world_run(&world, 50);
    }
    CHECK(n->ups[1] >= 5);
    CHECK(n->connects[1] <= 13); /* in 30 s or a little more, as in test_backoff */
    relay_world_free(&world);
}

static void test_refused(void)
{
    struct world_node *n = begin(ONE, 1);
    world.relays[1].refuse = true;
    relay_world_run(&world, 5000);
    CHECK_STR(n->reason, "the relay refused this node");
    CHECK_EQ(n->ups[1], 0);
    CHECK(n->downs[1] > 3);
    world.relays[1].refuse = false;
    relay_world_run(&world, 15000);
    CHECK_EQ(n->ups[1], 1);
    relay_world_free(&world);

    n = begin(ONE, 1);
    world.relays[1].forge = true;
    relay_world_run(&world, 50);
    CHECK_EQ(n->downs[1], 0);
    relay_world_run(&world, 950);
    CHECK_STR(n->reason, "the relay does not hold the key that it shows");
    CHECK(n->closes[1] > 0);
    relay_world_free(&world);

    n = begin(ONE, 1); /* a web server, say */
    world.relays[1].mute = true;
    relay_world_run(&world, 100);
    relay_put(&world.relays[1].conns[0], 'H', "TTP/1.1 400 Bad Request", 23);
    relay_world_flush_relay(&world, 1);
    relay_world_run(&world, 100);
    CHECK_STR(n->reason, "the relay sent something that is not DERP");
    CHECK_EQ(n->closes[1], 1);
    relay_world_free(&world);

    n = begin(ONE, 1);
    world.relays[1].mute = true;
    relay_world_run(&world, 10500);
    CHECK_STR(n->reason, "the relay does not answer");
    relay_world_free(&world);

    n = begin(ONE, 1);
    relay_world_run(&world, 1000);
    magicsock_closed(n->ms, 1, 1008, "go\naway", 7, world.now_ms);
    relay_world_drain_all(&world);
    CHECK_STR(n->reason, "the relay closed the connection (1008): go away");
    relay_world_free(&world);
}

static void test_idle_region(void)
{
    uint8_t data[100] = {0};
    struct world_node *a = begin(TWO, 1), *b = add_peer(TWO, 2);
    relay_world_run(&world, 1000);
    CHECK(relay_world_send(a, &b->public_key, data, sizeof data));
    relay_world_run(&world, 59 * 1000);
    CHECK(magicsock_region_ready(a->ms, 2));
    relay_world_run(&world, 2000);
    CHECK(!magicsock_region_ready(a->ms, 2));
    CHECK_EQ(a->closes[2], 1);
    CHECK_EQ(a->downs[2], 0);
    CHECK(magicsock_region_ready(a->ms, 1)); /* home stays */
    relay_world_run(&world, 600 * 1000);
    CHECK_EQ(a->connects[2], 1);
    CHECK_EQ(a->connects[1], 1);
    CHECK(relay_world_send(a, &b->public_key, data, sizeof data)); /* and again when needed */
    relay_world_run(&world, 1000);
    CHECK_EQ(b->packets, 2);
    relay_world_free(&world);
}

/* The answer goes where the node wrote from, until that is gone or the netmap moves it. */
static void test_way_back(void)
{
    uint8_t data[100] = {0};
    struct world_node *a = begin(THREE, 1), *b = add_peer(THREE, 2);
    b->home_told = 3; /* a's netmap is wrong about b's home */
    relay_world_run(&world, 1000);
    CHECK(relay_world_send(a, &b->public_key, data, sizeof data));
    relay_world_run(&world, 1000);
    CHECK_EQ(b->packets, 0); /* lost: b is not in region 3 */
    CHECK(relay_world_send(b, &a->public_key, data, sizeof data));
    relay_world_run(&world, 1000);
    CHECK_EQ(a->packets, 1);
    CHECK(relay_world_send(a, &b->public_key, data, sizeof data));
    relay_world_run(&world, 1000);
    CHECK_EQ(b->packets, 1);

    /* b's connection to region 1 goes away: the relay says so, its home is used again. */
    b->home_told = 2;
    relay_world_cut(b, 1);
    relay_world_run(&world, 20);
    CHECK(relay_world_send(a, &b->public_key, data, sizeof data));
    relay_world_run(&world, 1000);
    CHECK_EQ(b->packets, 2);
    CHECK_EQ(a->connects[2], 1);
    CHECK_EQ(a->gones, 0); /* it is reached elsewhere, so it is not gone */

    /* The netmap moves b to region 3 while the way back says otherwise: the newer word wins. */
    CHECK(relay_world_send(b, &a->public_key, data, sizeof data));
    relay_world_run(&world, 1000);
    relay_world_regions(b, THREE, 3, false);
    b->home_told = 3;
    relay_world_run(&world, 1100);
    CHECK(relay_world_send(b, &a->public_key, data, sizeof data));
    relay_world_run(&world, 1100);
    unsigned forwarded = world.relays[3].forwarded + world.relays[3].lost;
    CHECK(relay_world_send(a, &b->public_key, data, sizeof data));
    relay_world_run(&world, 1000);
    CHECK_EQ(world.relays[3].forwarded + world.relays[3].lost, forwarded + 1);

    /* But it still writes from region 2: so it is answered there again. */
    CHECK(relay_world_send(b, &a->public_key, data, sizeof data));
    relay_world_run(&world, 1000);
    forwarded = world.relays[2].forwarded;
    CHECK(relay_world_send(a, &b->public_key, data, sizeof data));
    relay_world_run(&world, 1000);
    CHECK_EQ(world.relays[2].forwarded, forwarded + 1);
    relay_world_free(&world);
}

/* A way back ends with the connection that it was. */
static void test_way_back_cut(void)
{
    uint8_t data[100] = {0};
    struct world_node *a = begin(THREE, 1), *b = add_peer(THREE, 2);
    relay_world_run(&world, 1000);
    CHECK(relay_world_send(b, &a->public_key, data, sizeof data));
    relay_world_run(&world, 1000);
    relay_world_cut(a, 1);
    relay_world_run(&world, 500);
    CHECK(relay_world_send(a, &b->public_key, data, sizeof data));
    relay_world_run(&world, 1000);
    CHECK_EQ(a->connects[2], 1);
    CHECK_EQ(b->packets, 1);
    relay_world_free(&world);

    a = begin(THREE, 1); /* or with its region's place in the map */
    b = add_peer(THREE, 2);
    relay_world_run(&world, 1000);
    CHECK(relay_world_send(b, &a->public_key, data, sizeof data));
    relay_world_run(&world, 1000);
    relay_world_regions(a, (int[]){2, 3, 0}, 3, false);
    CHECK(relay_world_send(a, &b->public_key, data, sizeof data));
    relay_world_run(&world, 1000);
    CHECK_EQ(b->packets, 1);
    relay_world_free(&world);
}

/* More peers than the cache of ways back holds: each is still reached, by its home. */
static void test_many_peers(void)
{
    struct world_node *a = begin(TWO, 1), *b = add_peer(TWO, 2);
    uint8_t data[40] = {1};
    relay_world_run(&world, 1000);
    relay_world_send(b, &a->public_key, data, sizeof data);
    relay_world_run(&world, 1000);
    for (int i = 0; i < 3000; i++) {
        struct node_public from;
        relay_random_bytes(from.b, KEY_LEN);
        relay_put_packet(&world.relays[1].conns[a->sockets[1].conn], &from, data, sizeof data);
    }
    relay_world_flush_relay(&world, 1);
    relay_world_run(&world, 1000);
    CHECK_EQ(a->packets, 3001); /* strangers are WireGuard's to judge */
    CHECK(relay_world_send(a, &b->public_key, data, sizeof data));
    relay_world_run(&world, 1000);
    CHECK_EQ(b->packets, 1);
    CHECK_EQ(a->connects[2], 0); /* strangers did not push b out */
    relay_world_free(&world);
}

static void test_set_regions(void)
{
    struct world_node *a = begin(THREE, 2), *b = add_peer(THREE, 3);
    uint8_t data[40] = {1};
    relay_world_run(&world, 1000);
    relay_world_send(a, &b->public_key, data, sizeof data);
    relay_world_run(&world, 1000);
    CHECK(magicsock_region_ready(a->ms, 3));
    unsigned homes = a->homes;
    relay_world_regions(a, THREE, 1, false); /* the same map: nothing happens */
    relay_world_run(&world, 1000);
    CHECK_EQ(a->connects[1] + a->connects[2] + a->connects[3], 2);
    CHECK_EQ(a->homes, homes);
    relay_world_regions(a, TWO, 1, false); /* region 3 removed */
    relay_world_run(&world, 1000);
    CHECK_EQ(a->closes[3], 1);
    CHECK(!magicsock_region_ready(a->ms, 3));
    CHECK_EQ(magicsock_home(a->ms), 2);
    relay_world_regions(a, ONE, 1, false); /* home removed */
    relay_world_run(&world, 1000);
    CHECK_EQ(a->closes[2], 1);
    CHECK_EQ(a->home, 1);
    CHECK(magicsock_region_ready(a->ms, 1));
    relay_world_regions(a, NONE, 0, false);
    relay_world_run(&world, 1000);
    CHECK_EQ(a->closes[1], 1);
    CHECK_EQ(a->home, 0);
    CHECK_EQ(magicsock_home(a->ms), 0);
    relay_world_regions(a, TWO, 0, false);
    relay_world_run(&world, 1000);
    CHECK(magicsock_region_ready(a->ms, 1));

    struct magicsock_region moved = {.id = 1, .url = "ws://elsewhere.test/derp"};
    struct magicsock_region twice[3] = {moved, moved, {.id = -4}};
    unsigned connects = a->connects[1], closes = a->closes[1];
    magicsock_set_regions(a->ms, twice, 3, 0, world.now_ms); /* another url: reconnected */
    relay_world_run(&world, 1000);
    CHECK_EQ(a->connects[1], connects + 1);
    CHECK_EQ(a->closes[1], closes + 1);
    CHECK(magicsock_region_ready(a->ms, 1));
    relay_world_free(&world);
}

static void test_rebind(void)
{
    struct world_node *n = begin(ONE, 1);
    relay_world_run(&world, 1000);
    magicsock_rebind(n->ms, world.now_ms); /* all is well */
    relay_world_run(&world, 10000);
    CHECK_EQ(n->connects[1], 1);
    n->world->links[1] = LINK_SILENT; /* the old network is gone, its sockets do not know */
    relay_world_run(&world, 100);
    magicsock_rebind(n->ms, world.now_ms);
    relay_world_run(&world, 3200);
    CHECK_EQ(n->closes[1], 1);
    CHECK_EQ(n->connects[1], 2);
    relay_world_run(&world, 2000);
    world.links[1] = LINK_UP;
    magicsock_rebind(n->ms, world.now_ms); /* a connect of the old network is given up */
    relay_world_run(&world, 200);
    CHECK_EQ(n->connects[1], 3);
    CHECK(magicsock_region_ready(n->ms, 1));
    relay_world_free(&world);
}

/* Late news of a socket that was given up must not touch its successor. */
static void test_stale_news(void)
{
    struct magicsock_event ev;
    struct world_node *n = begin(ONE, 1);
    magicsock_opened(n->ms, 1, world.now_ms); /* before CONNECT was handed out */
    magicsock_closed(n->ms, 1, 1006, "", 0, world.now_ms);
    CHECK_EQ(magicsock_next(n->ms, &ev, world.now_ms), 1);
    CHECK_EQ(ev.type, MAGICSOCK_EVENT_CONNECT);
    relay_world_connect(n, 1);
    relay_world_run(&world, 1000);
    CHECK_EQ(n->downs[1], 0);
    CHECK(magicsock_region_ready(n->ms, 1));
    magicsock_opened(n->ms, 1, world.now_ms); /* twice */
    CHECK(magicsock_region_ready(n->ms, 1));
    /* Input that is lent before the last was drained loses bytes: the stream ends. */
    uint8_t byte[2] = {0};
    magicsock_input(n->ms, 1, byte, 1, world.now_ms);
    magicsock_input(n->ms, 1, byte + 1, 1, world.now_ms);
    relay_world_drain(n);
    CHECK_EQ(n->downs[1], 1);
    relay_world_run(&world, 1000);
    CHECK(magicsock_region_ready(n->ms, 1));
    relay_world_free(&world);
}

int main(void)
{
    static const size_t pieces[] = {1, 7, 1000, 0};
    host_init(&(struct host_calls){.random_bytes = relay_random_bytes});
    printf("seed %llu\n", (unsigned long long)relay_seed);
    test_home_at_once();
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        test_packets(pieces[i]);
    test_held();
    test_no_regions();
    test_backoff();
    test_restart_storm();
    test_refused();
    test_idle_region();
    test_way_back();
    test_way_back_cut();
    test_many_peers();
    test_set_regions();
    test_rebind();
    test_stale_news();
    return TEST_DONE();
}
