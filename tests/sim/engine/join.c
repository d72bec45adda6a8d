/* Joining, and a first stream, whatever the sockets make of the bytes. */
#include "sim/engine/world.h"
#include "unit/test.h"

static struct world w;

static void check_quiet(void)
{
    CHECK_EQ(w.unknown_ids, 0);
    CHECK_EQ(w.busy, 0);
    CHECK_EQ(w.relay.broken, 0);
}

static bool all_back(const struct world *world_now)
{
    const struct world_stream *s = &world_now->streams[0];
    return s->received == s->to_send || s->done;
}

static void test_join(size_t piece, uint64_t bytes)
{
    world_start(&w, "key", piece);
    CHECK(world_join(&w));
    CHECK_EQ(w.state_count, 3);
    CHECK_EQ(w.states[0], IPN_STATE_NO_STATE);
    CHECK_EQ(w.states[1], IPN_STATE_STARTING);
    CHECK_EQ(w.states[2], IPN_STATE_RUNNING);
    CHECK(w.netmaps >= 1);
    struct world_stream *s = world_tcp(&w, "far", WORLD_PORT, bytes);
    CHECK(s && world_run(&w, 60000, all_back));
    CHECK_EQ(s->received, bytes);
    CHECK(!s->corrupt);
    CHECK_EQ(s->opens, 1);
    printf("  piece %zu: %llu bytes there and back, %.1f s, %u wake-ups\n", piece,
           (unsigned long long)s->received, (double)(w.now_ms - 1000000) / 1000, w.wakeups);
    check_quiet();
    world_stop(&w);
}

int main(void)
{
    world_setup();
    test_join(65536, 1 << 20);
    test_join(0, 1 << 20);
    test_join(1, 10000);
    return TEST_DONE();
}
