/*
 * A thousand connections at once through a relay with a short queue: they open, say one thing and
 * hear it back without losing each other's packets, and cost nothing while they are silent.
 */
#include <stdlib.h>

#include "sim/netstack/world.h"
#include "unit/test.h"

enum {
    SECOND = 1000,
    MINUTE = 60 * SECOND,
    COUNT = 1000,
    WORDS_LEN = 100,
    BUSY_LEN = 1 << 20,
};

static const struct link relayed = {
    .delay_ms = 10, .rate = 10000, .queue = 32, .queue_drop = DROP_HEAD};

static struct tcp_conn *conns[COUNT];
static size_t received[COUNT];

static size_t number_of(const struct tcp_conn *tc)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (conns[i] == tc)
            return i;
    }
    abort();
}

/* The server sends back what it gets. */
static void serve(void)
{
    const struct endpoint *e = world.side[1];
    static uint8_t bytes[65536];
    struct tcp_conn *tc;
    size_t n;

    while (e->accept())
        ;
    while ((tc = e->next_ready()) != NULL) {
        while ((n = e->read(tc, bytes, e->writable(tc))) > 0)
            CHECK_EQ(e->write(tc, bytes, n), (int)n);
    }
}

static void take(void)
{
    static uint8_t bytes[65536];
    struct tcp_conn *tc;
    size_t n;

    while ((tc = world.side[0]->next_ready()) != NULL) {
        while ((n = world.side[0]->read(tc, bytes, sizeof bytes)) > 0)
            received[number_of(tc)] += n;
    }
}

static bool step(uint64_t until_ms)
{
    if (!world_step(until_ms))
        return false;
    serve();
    take();
    world_flush();
    return true;
}

static bool all_open(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (world.side[0]->state(conns[i]) != TCP_CONN_OPEN)
            return false;
    }
    return true;
}

static size_t heard(void)
{
    size_t n = 0;

    for (size_t i = 0; i < COUNT; i++)
        n += received[i];
    return n;
}

static void open_all(void)
{
    const uint64_t began = world.now_ms;

    for (size_t i = 0; i < COUNT; i++)
        conns[i] = world.side[0]->open(&world_addr4[1], WORLD_PORT, NULL, false, began);
    world_flush();
    while (!all_open() && step(began + MINUTE))
        ;
    CHECK(all_open());
    printf("  %d open after %llu ms\n", COUNT, (unsigned long long)(world.now_ms - began));
    CHECK(world.now_ms - began < SECOND); /* no SYN was lost: those wait so long */
}

static void say(void)
{
    uint8_t words[WORDS_LEN] = {1};

    for (size_t i = 0; i < COUNT; i++) {
        received[i] = 0;
        CHECK_EQ(world.side[0]->write(conns[i], words, sizeof words), WORDS_LEN);
    }
    world_flush();
}

static void hear_all(const char *when, uint64_t within_ms)
{
    const uint64_t began = world.now_ms;

    world.overflows[0] = world.overflows[1] = 0;
    while (heard() < (size_t)COUNT * WORDS_LEN && step(began + MINUTE))
        ;
    CHECK_EQ(heard(), (size_t)COUNT * WORDS_LEN);
    printf("  %s: %d echoes after %llu ms, %u and %u packets lost\n", when, COUNT,
           (unsigned long long)(world.now_ms - began), world.overflows[0], world.overflows[1]);
    CHECK(world.now_ms - began < within_ms);
}

static bool lose_all(int from, const uint8_t *packet, size_t len)
{
    (void)from, (void)packet, (void)len;
    return true;
}

/* All that was said is sent again once the way is there. */
static void outlive_outage(void)
{
    const uint64_t until = world.now_ms + 20 * SECOND;

    world.link.drop = lose_all;
    say();
    while (step(until))
        ;
    CHECK_EQ(heard(), 0);
    world.link.drop = NULL;
    world.side[0]->resume();
    hear_all("after an outage", 10 * SECOND);
}

static void stay_idle(void)
{
    const uint64_t settled = world.now_ms + MINUTE, until = settled + 60 * (uint64_t)MINUTE;

    while (step(settled))
        ; /* the last acknowledgements */
    world.ticks[0] = world.ticks[1] = 0;
    while (step(until))
        ;
    CHECK_EQ(world.ticks[0] + world.ticks[1], 0);
    CHECK(world.side[0]->next_deadline() == NEVER);
}

/* One connection is busy beside the idle ones, and loses what a short queue makes it lose. */
static void be_busy(void)
{
    static uint8_t bytes[65536];
    const uint64_t until = world.now_ms + MINUTE;
    size_t sent = 0;

    received[7] = 0;
    while (received[7] < BUSY_LEN && step(until)) {
        int n = sent < BUSY_LEN ? world.side[0]->write(conns[7], bytes, sizeof bytes) : 0;

        sent += n > 0 ? (size_t)n : 0;
        world_flush();
    }
    CHECK(received[7] >= BUSY_LEN);
}

static void leave_all(void)
{
    for (size_t i = 0; i < COUNT; i++)
        world.side[0]->free(conns[i], i % 2);
    world_flush();
    while (world_step(world.now_ms + 10 * MINUTE))
        ;
    CHECK_EQ(world.side[0]->pcb_count(), 0);
    CHECK(world.side[0]->next_deadline() == NEVER);
}

int main(void)
{
    if (!CHECK(world_load(ENDPOINT_A, ENDPOINT_B)))
        return TEST_DONE();
    world_start(&relayed, 1);
    open_all();
    say();
    hear_all("at once", SECOND / 2);
    stay_idle();
    say();
    hear_all("after an hour", SECOND / 2);
    outlive_outage();
    be_busy();
    stay_idle();
    leave_all();
    CHECK_EQ(world.forgotten, 0);
    world_stop();
    return TEST_DONE();
}
