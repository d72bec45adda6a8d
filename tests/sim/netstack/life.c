/* Two stacks back to back: a connection's life. Half closed, reset, freed with bytes in it, refused,
 * stalled, idle, one of many, wiped. */
#include "base/err.h"
#include "sim/netstack/ends.h"

static void test_half_close(void)
{
    start(&clean, 1, 4, 1000, 0);
    ends[1].total = UINT64_MAX; /* keeps its side open */
    ends[1].sent = UINT64_MAX;
    ends[1].shut = true;
    run_for(SECOND);
    CHECK_EQ(ends[1].received, 1000);
    CHECK_EQ(world.side[1]->state(ends[1].tc), TCP_CONN_REMOTE_CLOSED);
    CHECK_EQ(world.side[0]->state(ends[0].tc), TCP_CONN_OPEN);
    CHECK_EQ(world.side[0]->write(ends[0].tc, (const uint8_t *)"x", 1), IPN_ERR_CLOSED);
    CHECK(world.side[1]->next_deadline() == NEVER);
    run_for(HOUR); /* half open for long, at no cost */
    CHECK(world.ticks[0] <= 2 && world.ticks[1] <= 2);
    ends[1].sent = 0;
    ends[1].total = 70000;
    ends[1].shut = false;
    pump_write(1);
    world_flush();
    CHECK(run(MINUTE));
    check_equal_bytes("half close");
    finish("half close");
}

static void test_reset(void)
{
    for (int who = 0; who < 2; who++) {
        start(&clean, 1, 6, 0, 0);
        ends[0].shut = ends[1].shut = true;
        run_for(SECOND);
        CHECK_EQ(world.side[!who]->state(ends[!who].tc), TCP_CONN_OPEN);
        world.side[who]->free(ends[who].tc, true);
        ends[who].tc = NULL;
        run_for(SECOND);
        CHECK_EQ(world.side[!who]->state(ends[!who].tc), TCP_CONN_CLOSED);
        CHECK_EQ(world.side[!who]->error(ends[!who].tc), IPN_ERR_CLOSED);
        CHECK_EQ(world.side[!who]->write(ends[!who].tc, (const uint8_t *)"x", 1), IPN_ERR_CLOSED);
        finish("reset");
    }
}

/* Freed with bytes unread: the writer must learn that they were not all taken. */
static void test_free_unread(void)
{
    start(&clean, 1, 4, 50000, 0);
    ends[1].stalled = ends[1].shut = true;
    run_for(SECOND);
    CHECK_EQ(world.side[1]->readable(ends[1].tc), 50000);
    world.side[1]->free(ends[1].tc, false);
    ends[1].tc = NULL;
    run_for(SECOND);
    CHECK_EQ(world.side[0]->error(ends[0].tc), IPN_ERR_CLOSED);
    finish("free unread");
}

/* Freed with bytes unsent: they arrive, and FIN behind them. */
static void test_free_unsent(void)
{
    start(&lossy, 3, 4, 200000, 0);
    ends[0].shut = true; /* free does it */
    while (ends[0].sent < ends[0].total && world_step(world.now_ms + MINUTE)) {
        take_accepted();
        pump();
    }
    world.side[0]->free(ends[0].tc, false);
    ends[0].tc = NULL;
    world_flush();
    run_for(MINUTE);
    CHECK_EQ(ends[1].received, 200000);
    CHECK(!ends[1].corrupt);
    CHECK_EQ(world.side[1]->state(ends[1].tc), TCP_CONN_CLOSED);
    finish("free unsent");
}

static void test_refused(void)
{
    for (int family = 4; family <= 6; family += 2) {
        memset(ends, 0, sizeof ends);
        world_start(&clean, 1);
        ends[0].tc = world.side[0]->open(family == 4 ? &world_addr4[1] : &world_addr6[1], 23, NULL,
                                         false, world.now_ms);
        world_flush();
        run_for(SECOND);
        CHECK_EQ(world.side[0]->state(ends[0].tc), TCP_CONN_CLOSED);
        CHECK_EQ(world.side[0]->error(ends[0].tc), IPN_ERR_CLOSED);
        finish("refused");
    }
}

static void test_window_stall(void)
{
    start(&clean, 1, 4, 8 * MB, 0);
    ends[1].stalled = true;
    run_for(30 * SECOND);
    CHECK(ends[0].sent <= WINDOW + SEND_BUFFER);
    CHECK(world.side[1]->readable(ends[1].tc) <= WINDOW);
    CHECK(world.side[1]->readable(ends[1].tc) > WINDOW - 256); /* windows are told in 128s */
    CHECK(world.side[0]->writable(ends[0].tc) < 16 * 1024);
    world.ticks[0] = world.ticks[1] = 0;
    run_for(HOUR); /* the window stays shut; probes, no more than one in ten seconds */
    CHECK(world.ticks[0] < 400 && world.ticks[1] < 400);
    CHECK_EQ(world.side[0]->error(ends[0].tc), 0);
    ends[1].stalled = false;
    pump_read(1);
    world_flush();
    CHECK(run(30 * SECOND));
    check_equal_bytes("window stall");
    finish("window stall");
}

static void test_idle_costs_nothing(void)
{
    start(&clean, 1, 4, 100, 100);
    ends[0].shut = ends[1].shut = true;
    run_for(SECOND);
    world.ticks[0] = world.ticks[1] = 0;
    run_for(24 * HOUR);
    CHECK_EQ(world.ticks[0], 0);
    CHECK_EQ(world.ticks[1], 0);
    ends[0].total = 200; /* and it still works */
    ends[0].shut = false;
    pump_write(0);
    world_flush();
    run_for(SECOND);
    CHECK_EQ(ends[1].received, 200);
    finish("idle");
}

static void test_many_connections(void)
{
    enum { COUNT = 500 };
    static struct tcp_conn *conns[COUNT];
    unsigned served = 0, answered = 0;
    uint64_t until;

    world_start(&lossy, 5);
    for (int i = 0; i < COUNT; i++)
        conns[i] = world.side[0]->open(&world_addr4[1], WORLD_PORT, &conns[i], false, world.now_ms);
    world_flush();
    until = world.now_ms + MINUTE;
    while (answered < COUNT && world_step(until)) {
        struct tcp_conn *tc;

        while ((tc = world.side[1]->accept()) != NULL) { /* greets and leaves */
            CHECK_EQ(world.side[1]->write(tc, (const uint8_t *)"hello", 5), 5);
            world.side[1]->free(tc, false);
            served++;
        }
        while ((tc = world.side[0]->next_ready()) != NULL) {
            uint8_t got[8];

            if (world.side[0]->read(tc, got, sizeof got) == 5)
                answered++;
            if (world.side[0]->state(tc) == TCP_CONN_REMOTE_CLOSED)
                world.side[0]->shutdown(tc);
        }
        world_flush();
    }
    CHECK_EQ(served, COUNT);
    CHECK_EQ(answered, COUNT);
    for (int i = 0; i < COUNT; i++)
        world.side[0]->free(conns[i], false);
    ends[0].tc = ends[1].tc = NULL;
    finish("many connections");
}

/* Wiped in the middle of everything: nothing is left, the peer is told. */
static void test_wipe(void)
{
    start(&clean, 1, 4, 5 * MB, 5 * MB);
    run_for(100);
    world.side[0]->wipe();
    ends[0].tc = NULL;
    run_for(SECOND);
    CHECK_EQ(world.side[1]->error(ends[1].tc), IPN_ERR_CLOSED);
    CHECK_EQ(world.side[0]->pcb_count(), 0);
    finish("wipe");
}

int main(void)
{
    if (!CHECK(world_load(ENDPOINT_A, ENDPOINT_B)))
        return TEST_DONE();
    test_half_close();
    test_reset();
    test_free_unread();
    test_free_unsent();
    test_refused();
    test_window_stall();
    test_idle_costs_nothing();
    test_many_connections();
    test_wipe();
    return TEST_DONE();
}
