/* Two devices, every kind of path: the first packet makes the session and is not lost with it. */
#include "test.h"

#include "sim/wg_world.h"

static const struct {
    const char *name;
    struct sim_path path;
    uint64_t first_within_ms; /* the first packet there, at the latest; lossy: a session */
    bool lossless;
} paths[] = {
    {"clean", {0, 0, 0, 0}, 0, true},
    {"20 ms", {0, 0, 20, 20}, 60, true},
    {"jitter: reordered", {0, 0, 5, 80}, 240, true},
    {"duplicated 1 in 2", {0, 500, 5, 30}, 90, true},
    {"lost 1 in 10", {100, 0, 10, 20}, 1500, false},
    {"lost 1 in 4, all at once", {250, 250, 5, 60}, 2000, false},
};

static void test_path(size_t i, bool v6)
{
    struct world *w = world_new(2, 1000 + i, paths[i].path);
    struct world_node *a = &w->node[0], *b = &w->node[1];
    CHECK_EQ(world_send(w, 0, 1, 0, 60, v6), 0);
    if (paths[i].lossless)
        CHECK(world_run_until_received(w, 0, 1, paths[i].first_within_ms + 1));
    else
        world_run(w, paths[i].first_within_ms);
    if (!CHECK(b->last_received_ms <= paths[i].first_within_ms))
        fprintf(stderr, "    path: %s, after %llu ms\n", paths[i].name,
                (unsigned long long)b->last_received_ms);
    CHECK(world_session(w, 0, 1));
    world_run(w, w->now_ms + 1000);

    for (unsigned n = 1; n < 2000; n++) {
        CHECK_EQ(world_send(w, 0, 1, n, 60 + n % 1221, v6), 0);
        CHECK_EQ(world_send(w, 1, 0, n, 60 + n * 7 % 1221, v6), 0);
        world_run(w, w->now_ms + n % 3);
    }
    world_run(w, w->now_ms + 1000);
    CHECK_EQ(a->garbled + b->garbled, 0);
    CHECK_EQ(a->duplicates, 0);
    CHECK(b->duplicates <= 1); /* the first may have been sent once more, see wg_peer.unsettled */
    if (paths[i].lossless) {
        CHECK_EQ(b->received_from[0], 2000);
        CHECK_EQ(a->received_from[1], 1999);
    } else {
        CHECK(b->received_from[0] > 1400);
        CHECK(a->received_from[1] > 1400);
    }
    if (paths[i].path.duplicate_permille)
        CHECK(world_drops(w, 1, WG_DROP_REPLAY) > 100);
    CHECK_EQ(world_drops(w, 1, WG_DROP_CRYPTO), 0);
    world_free(w);
}

int main(void)
{
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        test_path(i, false);
        test_path(i, true);
    }
    return TEST_DONE();
}
