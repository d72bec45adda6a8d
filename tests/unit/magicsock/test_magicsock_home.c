/* The choice of the home region: the first round decides, later ones with hysteresis. */
#include "magicsock/magicsock.h"

#include "support/relay_world.h"
#include "test.h"

static const int TWO[] = {1, 2, 0}, THREE[] = {1, 2, 3, 0}, FOUR[] = {1, 2, 3, 4, 0};

enum { ROUND_MS = 5 * 60 * 1000 };

static struct relay_world world;

static struct world_node *begin(const int *ids, int hint, const uint64_t *latency_ms)
{
    relay_world_init(&world);
    for (int i = 1; i <= WORLD_REGIONS; i++)
        world.latency_ms[i] = latency_ms[i - 1];
    struct world_node *n = relay_world_add_node(&world);
    relay_world_regions(n, ids, hint, true);
    return n;
}

static void test_first_round(void)
{
    static const struct {
        const char *what;
        int hint;
        uint64_t latency_ms[4]; /* one way, so the probe takes twice that */
        int want;
    } table[] = {
        {"the fastest wins without a hint", 0, {50, 40, 20, 30}, 3},
        {"by too little: stays", 0, {24, 40, 20, 30}, 1},
        {"a hint is left for a third and 10 ms", 2, {50, 40, 20, 30}, 3},
        {"not for less than a third", 2, {50, 40, 30, 30}, 2},
        {"the first is the fastest", 0, {5, 40, 20, 30}, 1},
        {"beyond 3 s it did not answer", 1, {2000, 40, 2000, 2000}, 2},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct world_node *n = begin(FOUR, table[i].hint, table[i].latency_ms);
        relay_world_run(&world, 20 * 1000);
        if (!CHECK_EQ(magicsock_home(n->ms), table[i].want))
            fprintf(stderr, "    %s\n", table[i].what);
        CHECK_EQ(n->home, table[i].want);
        CHECK(magicsock_region_ready(n->ms, table[i].want));
        for (int r = 1; r <= 4; r++) /* two each, where the first is not lost in 3 s */
            CHECK_EQ(n->probes[r], table[i].latency_ms[r - 1] < 1500 ? 2 : 1);
        CHECK(world.relays[table[i].want].conns[0].preferred);
        relay_world_free(&world);
    }
}

/* One round ends at 3 s whatever is missing, and at once when all have answered. */
static void test_round_ends(void)
{
    struct world_node *n = begin(THREE, 0, (uint64_t[]){400, 20, 30, 1});
    world.links[3] = LINK_SILENT;
    relay_world_run(&world, 2900);
    CHECK_EQ(n->homes, 1);
    relay_world_run(&world, 200);
    CHECK_EQ(magicsock_home(n->ms), 2);
    CHECK_EQ(n->homes, 2);
    CHECK(!world.relays[1].conns[0].preferred || n->sockets[1].open);
    relay_world_run(&world, 70 * 1000); /* the old one idles out */
    CHECK_EQ(n->closes[1], 1);
    CHECK_EQ(magicsock_region_rtt_ms(n->ms, 1), 800);
    relay_world_free(&world);

    n = begin(THREE, 0, (uint64_t[]){400, 20, 30, 1});
    relay_world_run(&world, 1650);
    CHECK_EQ(magicsock_home(n->ms), 2);
    relay_world_free(&world);

    n = begin(TWO, 0, (uint64_t[]){20, 20, 20, 20}); /* no probe answers: nothing changes */
    relay_world_drain_all(&world);
    magicsock_probed(n->ms, 1, -1, world.now_ms);
    magicsock_probed(n->ms, 2, -1, world.now_ms);
    relay_world_run(&world, 5000);
    CHECK_EQ(n->homes, 1);
    relay_world_free(&world);

    relay_world_init(&world); /* a single region is not probed */
    n = relay_world_add_node(&world);
    relay_world_regions(n, (int[]){2, 0}, 0, true);
    relay_world_run(&world, 3 * ROUND_MS);
    CHECK_EQ(n->probes[2], 0);
    CHECK_EQ(n->connects[2], 1);
    relay_world_free(&world);
}

/* The first probe also opens the connection: it must not make the nearest look far. */
static void test_cold_probes(void)
{
    struct world_node *n = begin(TWO, 0, (uint64_t[]){10, 30, 1, 1});
    world.cold_ms[1] = 120;
    relay_world_run(&world, 10 * 1000);
    CHECK_EQ(magicsock_home(n->ms), 1);
    CHECK_EQ(n->homes, 1);
    relay_world_free(&world);

    n = begin(TWO, 0, (uint64_t[]){50, 30, 1, 1}); /* only a cold result in time: it counts */
    world.cold_ms[1] = 2850;
    relay_world_run(&world, 10 * 1000);
    CHECK_EQ(magicsock_home(n->ms), 2);
    CHECK_EQ(magicsock_region_rtt_ms(n->ms, 1), 100);
    relay_world_free(&world);
}

static void test_hysteresis(void)
{
    struct world_node *n = begin(TWO, 0, (uint64_t[]){20, 40, 1, 1});
    relay_world_run(&world, 10 * 1000);
    CHECK_EQ(n->homes, 1);
    CHECK_EQ(magicsock_home(n->ms), 1);

    world.latency_ms[1] = 100; /* twice in a row: moves on the second */
    relay_world_run(&world, ROUND_MS);
    CHECK_EQ(n->probes[2], 4);
    CHECK_EQ(magicsock_home(n->ms), 1);
    relay_world_run(&world, ROUND_MS);
    CHECK_EQ(magicsock_home(n->ms), 2);
    CHECK_EQ(n->homes, 2);

    for (int i = 0; i < 6; i++) { /* every other round: never */
        world.latency_ms[1] = i % 2 ? 80 : 10;
        relay_world_run(&world, ROUND_MS);
    }
    CHECK_EQ(n->homes, 2);

    world.latency_ms[1] = 30; /* a quarter faster only */
    relay_world_run(&world, 4 * ROUND_MS);
    CHECK_EQ(n->homes, 2);

    world.latency_ms[1] = 2; /* three times faster, but by less than 10 ms */
    world.latency_ms[2] = 6;
    relay_world_run(&world, 4 * ROUND_MS);
    CHECK_EQ(n->homes, 2);
    relay_world_free(&world);
}

static void test_home_dies(void)
{
    struct world_node *n = begin(THREE, 1, (uint64_t[]){10, 60, 40, 1});
    relay_world_run(&world, 60 * 1000);
    CHECK_EQ(magicsock_home(n->ms), 1);
    world.links[1] = LINK_REFUSED;
    relay_world_cut(n, 1);
    relay_world_run(&world, 10 * 1000);
    CHECK_EQ(magicsock_home(n->ms), 3);
    CHECK(magicsock_region_ready(n->ms, 3));
    world.links[1] = LINK_UP; /* back: two rounds later it is home again */
    relay_world_run(&world, 2 * ROUND_MS + 60 * 1000);
    CHECK_EQ(magicsock_home(n->ms), 1);
    relay_world_free(&world);

    n = begin(THREE, 1, (uint64_t[]){10, 60, 40, 1}); /* all are down: no point in moving */
    relay_world_run(&world, 60 * 1000);
    for (int i = 1; i <= 3; i++)
        world.links[i] = LINK_REFUSED;
    relay_world_cut(n, 1);
    relay_world_run(&world, 5 * 60 * 1000);
    CHECK_EQ(magicsock_home(n->ms), 1);
    CHECK(n->probes[2] <= 2 + 12); /* and no storm of probes */
    relay_world_free(&world);

    relay_world_init(&world); /* nothing can be probed: the next in the list */
    n = relay_world_add_node(&world);
    relay_world_regions(n, THREE, 1, false);
    world.links[1] = LINK_REFUSED;
    world.links[2] = LINK_REFUSED;
    relay_world_run(&world, 10 * 1000);
    CHECK_EQ(magicsock_home(n->ms), 3);
    CHECK(magicsock_region_ready(n->ms, 3));
    relay_world_free(&world);
}

static void test_map_changes_in_round(void)
{
    struct world_node *n = begin(FOUR, 0, (uint64_t[]){100, 50, 20, 30});
    relay_world_run(&world, 10);
    relay_world_regions(n, TWO, 0, true); /* the fastest left the map during the round */
    relay_world_run(&world, 5000);
    CHECK_EQ(magicsock_home(n->ms), 2);
    magicsock_probed(n->ms, 3, 1, world.now_ms); /* of a region that is no longer there */
    magicsock_probed(n->ms, 1, 1, world.now_ms); /* too late to count */
    relay_world_run(&world, 5000);
    CHECK_EQ(magicsock_home(n->ms), 2);
    CHECK_EQ(magicsock_region_rtt_ms(n->ms, 2), 100);
    relay_world_free(&world);

    n = begin(FOUR, 0, (uint64_t[]){100, 50, 20, 30}); /* a region that comes later is probed */
    relay_world_regions(n, TWO, 0, true);
    relay_world_run(&world, 10 * 1000);
    CHECK_EQ(magicsock_home(n->ms), 2);
    relay_world_regions(n, THREE, 0, true);
    relay_world_run(&world, 10 * 1000);
    CHECK(n->probes[3] >= 1);
    relay_world_run(&world, 2 * ROUND_MS);
    CHECK_EQ(magicsock_home(n->ms), 3);
    relay_world_free(&world);
}

int main(void)
{
    host_init(&(struct host_calls){.random_bytes = relay_random_bytes});
    test_first_round();
    test_round_ends();
    test_cold_probes();
    test_hysteresis();
    test_home_dies();
    test_map_changes_in_round();
    return TEST_DONE();
}
