/* Both ends initiate at once, at every offset within a round trip: it settles and packets flow both ways. */
#include "test.h"

#include "sim/wg_world.h"

static void test_offset(unsigned delay_ms, unsigned offset_ms, unsigned seed)
{
    struct world *w = world_new(2, 9000 + seed, (struct sim_path){0, 0, delay_ms, delay_ms});
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, offset_ms);
    world_send(w, 1, 0, 0, 60, true);
    world_run(w, 8 * (uint64_t)delay_ms + 700);
    bool ok = CHECK_EQ(w->node[0].received_from[1], 1);
    ok = CHECK_EQ(w->node[1].received_from[0], 1) && ok;
    ok = CHECK(world_session(w, 0, 1)) && ok;
    ok = CHECK(world_session(w, 1, 0)) && ok;
    /* From here on nothing is lost, renewals (at the same time again) included. */
    for (unsigned n = 1; n < 400; n++) {
        world_send(w, 0, 1, n, 60, false);
        world_send(w, 1, 0, n, 60, true);
        world_run(w, w->now_ms + 1000);
    }
    world_run(w, w->now_ms + 5000);
    ok = CHECK_EQ(w->node[0].received_from[1], 400) && ok;
    ok = CHECK_EQ(w->node[1].received_from[0], 400) && ok;
    if (!ok)
        fprintf(stderr, "    delay %u, offset %u\n", delay_ms, offset_ms);
    world_free(w);
}

/* The same on a bad path: everything arrives sooner or later if it is sent often enough. */
static void test_lossy(unsigned seed)
{
    struct world *w = world_new(2, 9500 + seed, (struct sim_path){250, 100, 5, 200});
    bool ok = false;
    for (unsigned n = 0; n < 100 && !ok; n++) {
        world_send(w, 0, 1, n, 60, false);
        world_send(w, 1, 0, n, 60, false);
        world_run(w, w->now_ms + 100);
        ok = w->node[0].received_from[1] > 0 && w->node[1].received_from[0] > 0;
    }
    if (!CHECK(ok && w->now_ms <= 3000))
        fprintf(stderr, "    seed %u: %llu ms\n", seed, (unsigned long long)w->now_ms);
    world_free(w);
}

/* Four nodes, everyone to everyone, at once. */
static void test_mesh(void)
{
    struct world *w = world_new(4, 9900, (struct sim_path){50, 50, 5, 120});
    for (unsigned n = 0; n < 200; n++) {
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++)
                if (i != j)
                    world_send(w, i, j, n, 60 + n, n % 2);
        world_run(w, w->now_ms + 20);
    }
    world_run(w, w->now_ms + 1000);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++)
            if (i != j)
                CHECK(w->node[j].received_from[i] >= 150);
        CHECK_EQ(w->node[i].garbled, 0);
        CHECK_EQ(world_drops(w, i, WG_DROP_CRYPTO), 0);
        CHECK_EQ(world_drops(w, i, WG_DROP_SPOOF), 0);
        CHECK_EQ(w->node[i].dev->peer_count, 3);
    }
    world_free(w);
}

int main(void)
{
    static const unsigned delays[] = {1, 10, 80, 260};
    for (unsigned d = 0; d < 4; d++)
        for (unsigned step = 0; step <= 8; step++)
            test_offset(delays[d], delays[d] * 2 * step / 8, d * 100 + step);
    for (unsigned seed = 0; seed < 60; seed++)
        test_lossy(seed);
    test_mesh();
    return TEST_DONE();
}
