/* A program that ends and starts again with the same key, clocks that jump, a machine that slept, a peer
 * whose keys or addresses change: packets flow again in bounded time. */
#include "test.h"

#include "sim/wg_world.h"

enum { S = 1000 };
static const struct sim_path clean = {0, 0, 10, 10};

/* The restarted end speaks first: at once. */
static void test_restarted_speaks(void)
{
    struct world *w = world_new(2, 100, clean);
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 5 * S);
    world_restart(w, 0, wg_device_last_timestamp_ms(w->node[0].dev));
    world_send(w, 0, 1, 1, 60, false);
    CHECK(world_run_until_received(w, 0, 1, w->now_ms + 31));
    world_send(w, 1, 0, 0, 60, false);
    CHECK(world_run_until_received(w, 1, 0, w->now_ms + 11));
    world_free(w);
}

/* The other end speaks first: it notices 15 s after its first packet that was not answered. */
static void test_restarted_listens(void)
{
    struct world *w = world_new(2, 101, clean);
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 5 * S);
    world_restart(w, 1, wg_device_last_timestamp_ms(w->node[1].dev));
    for (unsigned n = 1; w->node[1].received_from[0] < 2 && n < 100; n++) {
        world_send(w, 0, 1, n, 60, false);
        world_run(w, w->now_ms + 500);
    }
    CHECK(w->now_ms >= 15 * S);
    CHECK(w->now_ms <= 16 * S);
    CHECK(world_session(w, 1, 0));
    CHECK(world_drops(w, 1, WG_DROP_INDEX) > 20);
    world_free(w);
}

/* The wall clock stepped back an hour, once with the stamp persisted, once within one run: a peer only
 * takes newer stamps, so ours go on from the last. */
static void test_clock_back(bool restarted)
{
    struct world *w = world_new(2, 102, clean);
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 200 * S);
    uint64_t stamp = wg_device_last_timestamp_ms(w->node[0].dev);
    CHECK_EQ(stamp, host_wall_ms(0));
    host_set_wall_offset(host_wall_ms(0) - 3600 * S);
    if (restarted)
        world_restart(w, 0, stamp);
    world_send(w, 0, 1, 1, 60, false);
    CHECK(world_run_until_received(w, 0, 1, w->now_ms + 31));
    CHECK_EQ(wg_device_last_timestamp_ms(w->node[0].dev), stamp + 1);
    CHECK_EQ(world_drops(w, 1, WG_DROP_REPLAY), 0);
    world_free(w);
}

/* Without the stamp the peer would hear nothing: what the parameter is for. */
static void test_clock_back_forgotten(void)
{
    struct world *w = world_new(2, 103, clean);
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 200 * S);
    host_set_wall_offset(host_wall_ms(0) - 3600 * S);
    world_restart(w, 0, 0);
    world_send(w, 0, 1, 1, 60, false);
    CHECK(!world_run_until_received(w, 0, 1, w->now_ms + 60 * S));
    CHECK(world_drops(w, 1, WG_DROP_REPLAY) > 10);
    world_free(w);
}

/* Ticks come late (a throttled tab), or after hours (a lid was closed). */
static void test_sleep(void)
{
    static const uint64_t naps_s[] = {1, 30, 100, 170, 185, 500, 600, 7200};
    for (size_t i = 0; i < sizeof naps_s / sizeof *naps_s; i++) {
        struct world *w = world_new(2, 104, clean);
        world_send(w, 0, 1, 0, 60, false);
        world_send(w, 1, 0, 0, 60, false);
        world_run(w, 5 * S);
        w->now_ms += naps_s[i] * S; /* nobody ticked */
        world_send(w, 0, 1, 1, 60, false);
        world_send(w, 1, 0, 1, 60, false);
        world_run(w, w->now_ms + 400);
        bool ok = CHECK_EQ(w->node[1].received_from[0], 2);
        if (!(CHECK_EQ(w->node[0].received_from[1], 2) && ok))
            fprintf(stderr, "    asleep for %llu s\n", (unsigned long long)naps_s[i]);
        world_free(w);
    }
}

/* The relay calls the sender something else from one moment to the next, or nothing: only keys count. */
static int roamed_to;

static bool roam_tap(struct world *w, int from, int to, uint8_t *data, size_t len)
{
    sim_inject(&w->net, from == 0 ? roamed_to : from, to, data, len, w->now_ms + 10);
    return false;
}

static void test_roaming(void)
{
    struct world *w = world_new(3, 107, clean);
    w->tap = roam_tap;
    for (unsigned n = 0; n < 40; n++) {
        roamed_to = (int)n % 3 == 1 ? -1 : (int)n % 3; /* by its name, by none, by node 2's */
        world_send(w, 0, 1, n, 60, false);
        world_send(w, 1, 0, n, 60, false);
        world_run(w, w->now_ms + 20 * S);
    }
    CHECK_EQ(w->node[1].received_from[0], 40);
    CHECK_EQ(w->node[0].received_from[1], 40);
    CHECK(wg_device_stats(w->node[0].dev)->handshakes >= 5);
    world_free(w);
}

static void test_removed(void)
{
    struct world *w = world_new(3, 105, clean);
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, S);
    wg_device_remove_peer(w->node[0].dev, &w->node[1].public_key);
    wg_device_remove_peer(w->node[0].dev, &w->node[2].public_key); /* not in use */
    CHECK_EQ(w->node[0].dev->peer_count, 0);
    w->node[0].knows_from_ms[1] = NEVER;
    CHECK_EQ(world_send(w, 0, 1, 1, 60, false), IPN_ERR_NOT_FOUND);
    CHECK_EQ(world_drops(w, 0, WG_DROP_NO_ROUTE), 1);
    world_send(w, 1, 0, 0, 60, false); /* the old session is gone */
    world_run(w, 30 * S);
    CHECK_EQ(w->node[0].received_from[1], 0);
    CHECK(world_drops(w, 0, WG_DROP_INDEX) > 0);
    CHECK(world_drops(w, 0, WG_DROP_UNKNOWN_PEER) > 0);
    CHECK(wg_device_silence_ms(w->node[0].dev, &w->node[1].public_key, w->now_ms) == NEVER);
    world_free(w);
}

/* The address of node 1 is taken from it: it may not send from it any more, though the session is up. */
static void test_updated(void)
{
    struct world *w = world_new(3, 106, clean);
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, S);
    wg_device_refresh(w->node[0].dev); /* nothing has changed */
    world_send(w, 1, 0, 1, 60, false);
    world_run(w, 2 * S);
    CHECK_EQ(w->node[0].received_from[1], 1);
    w->node[1].moved = true;
    wg_device_refresh(w->node[0].dev);
    world_send(w, 1, 0, 0, 60, false);
    world_run(w, 3 * S);
    CHECK_EQ(w->node[0].received_from[1], 1);
    CHECK_EQ(world_drops(w, 0, WG_DROP_SPOOF), 1);
    CHECK_EQ(w->node[0].dev->peer_count, 1); /* the third is not in use */
    world_free(w);
}

int main(void)
{
    test_restarted_speaks();
    test_restarted_listens();
    test_clock_back(false);
    test_clock_back(true);
    test_clock_back_forgotten();
    test_sleep();
    test_roaming();
    test_removed();
    test_updated();
    return TEST_DONE();
}
