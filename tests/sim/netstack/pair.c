/* Two stacks back to back: what arrives is what was sent, whatever the link does. */
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "sim/netstack/world.h"
#include "unit/test.h"

enum {
    MB = 1 << 20,
    SECOND = 1000,
    MINUTE = 60 * SECOND,
    HOUR = 60 * MINUTE,
    WINDOW = 4 * MB,
    SEND_BUFFER = 256 * 1024,
    FLAG_FIN = 1,
    FLAG_SYN = 2,
};

static const struct link clean = {.delay_ms = 5};
static const struct link lossy = {.delay_ms = 10, .jitter_ms = 6, .loss = 20, .dup = 20};
static const struct link awful = {.delay_ms = 30, .jitter_ms = 40, .loss = 100, .dup = 50};

enum { PERIOD = 65521, CHUNK = 256 * 1024 }; /* a prime, so that a shift by a packet shows */

/* Bytes [at, at + CHUNK) of the stream in direction d; valid for good. */
static const uint8_t *pattern(uint64_t at, int d)
{
    static uint8_t table[PERIOD + CHUNK];
    static bool filled;
    uint32_t x = 12345;

    for (size_t k = 0; !filled && k < sizeof table; k++) {
        x = x * 1664525 + 1013904223;
        table[k] = k < PERIOD ? (uint8_t)(x >> 24) : table[k - PERIOD];
    }
    filled = true;
    return table + (at + (uint64_t)d * 7919) % PERIOD;
}

/* One end of a connection: sends `total` bytes, then FIN, and checks what it reads. */
struct end {
    struct tcp_conn *tc;
    uint64_t total, sent, received;
    bool shut, stalled, corrupt;
    size_t read_max, write_max; /* random sizes up to these; 0: as much as there is */
};

static struct end ends[2];
static uint8_t scratch[CHUNK];

static size_t up_to(size_t max)
{
    return max == 0 ? sizeof scratch : 1 + world_random((unsigned)max);
}

static bool pump_write(int i)
{
    const struct endpoint *e = world.side[i];
    struct end *end = &ends[i];
    uint64_t before = end->sent;
    int n = 1;

    while (end->sent < end->total && n > 0) {
        size_t len = up_to(end->write_max);

        if (len > end->total - end->sent)
            len = (size_t)(end->total - end->sent);
        n = e->write(end->tc, pattern(end->sent, i), len);
        if (n > 0)
            end->sent += (uint64_t)n;
    }
    if (end->sent == end->total && !end->shut) {
        end->shut = true;
        e->shutdown(end->tc);
        return true;
    }
    return end->sent != before;
}

static bool pump_read(int i)
{
    struct end *end = &ends[i];
    uint64_t before = end->received;
    size_t n;

    if (end->stalled)
        return false;
    while ((n = world.side[i]->read(end->tc, scratch, up_to(end->read_max))) > 0) {
        end->corrupt |= memcmp(scratch, pattern(end->received, !i), n) != 0;
        end->received += n;
    }
    return end->received != before;
}

/* Both ends read and write only when told that there is something to look at, as the owner of a
 * connection does; so a lost notification shows as a transfer that stands still. */
static void pump(void)
{
    bool moved = false;

    for (int i = 0; i < 2; i++) {
        struct tcp_conn *tc;

        while ((tc = world.side[i]->next_ready()) != NULL) {
            if (tc != ends[i].tc || world.side[i]->state(tc) == TCP_CONN_CONNECTING)
                continue;
            moved |= pump_read(i);
            if (world.side[i]->state(tc) != TCP_CONN_CLOSED)
                moved |= pump_write(i);
        }
    }
    if (moved)
        world_flush();
}

/* The server's end of a new connection, once. */
static void take_accepted(void)
{
    struct tcp_conn *tc = ends[1].tc ? NULL : world.side[1]->accept();

    if (!tc)
        return;
    ends[1].tc = tc;
    pump_read(1);
    pump_write(1);
    world_flush();
}

static bool both_closed(void)
{
    for (int i = 0; i < 2; i++) {
        if (!ends[i].tc || world.side[i]->state(ends[i].tc) != TCP_CONN_CLOSED)
            return false;
    }
    return true;
}

/* Runs until both ends are closed or the time is up; true if closed. */
static bool run(uint64_t ms)
{
    uint64_t until = world.now_ms + ms;

    while (!both_closed() && world_step(until)) {
        take_accepted();
        pump();
    }
    return both_closed();
}

static void run_for(uint64_t ms)
{
    uint64_t until = world.now_ms + ms;

    while (world_step(until)) {
        take_accepted();
        pump();
    }
}

static void start(const struct link *link, unsigned seed, int family, uint64_t up, uint64_t down)
{
    memset(ends, 0, sizeof ends);
    ends[0].total = up;
    ends[1].total = down;
    world_start(link, seed);
    ends[0].tc = world.side[0]->open(family == 4 ? &world_addr4[1] : &world_addr6[1], WORLD_PORT,
                                     NULL, false, world.now_ms);
    world_flush();
}

static void check_equal_bytes(const char *what)
{
    bool ok = CHECK(!ends[0].corrupt && !ends[1].corrupt);

    ok &= CHECK_EQ(ends[0].received, ends[1].total);
    ok &= CHECK_EQ(ends[1].received, ends[0].total);
    if (!ok)
        fprintf(stderr, "    in %s, at %llu ms\n", what, (unsigned long long)world.now_ms);
}

/* Frees both ends; nothing of lwIP's may be left after TIME_WAIT, and no deadline. */
static void finish(const char *what)
{
    for (int i = 0; i < 2; i++) {
        if (ends[i].tc)
            world.side[i]->free(ends[i].tc, false);
        ends[i].tc = NULL;
    }
    world_flush();
    while (world_step(world.now_ms + 10 * MINUTE))
        ;
    for (int i = 0; i < 2; i++) {
        if (!CHECK_EQ(world.side[i]->pcb_count(), 0) ||
            !CHECK(world.side[i]->next_deadline() == NEVER))
            fprintf(stderr, "    in %s, side %d\n", what, i);
    }
    CHECK_EQ(world.forgotten, 0);
    world_stop();
}

static void test_transfers(void)
{
    static const struct {
        const char *name;
        const struct link *link;
        int family;
        uint64_t up, down;
        size_t read_max, write_max;
        uint64_t limit_ms;
    } cases[] = {
        {"clean v4", &clean, 4, 5 * MB, 5 * MB, 0, 0, 20 * SECOND},
        {"clean v6", &clean, 6, 5 * MB, 5 * MB, 0, 0, 20 * SECOND},
        {"nothing", &clean, 4, 0, 0, 0, 0, SECOND},
        {"one way", &clean, 4, 5 * MB, 0, 0, 0, 20 * SECOND},
        {"other way", &clean, 6, 0, 5 * MB, 0, 0, 20 * SECOND},
        {"lossy v4", &lossy, 4, 5 * MB, 5 * MB, 0, 0, HOUR},
        {"lossy v6", &lossy, 6, 5 * MB, 5 * MB, 0, 0, HOUR},
        {"odd sizes", &lossy, 4, MB, MB, 3000, 3000, HOUR},
        {"single bytes", &clean, 4, 20000, 20000, 2, 2, HOUR},
        {"awful", &awful, 6, 300000, 300000, 5000, 5000, HOUR},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(cases[i].link, (unsigned)i + 1, cases[i].family, cases[i].up, cases[i].down);
        for (int k = 0; k < 2; k++) {
            ends[k].read_max = cases[i].read_max;
            ends[k].write_max = cases[i].write_max;
        }
        CHECK(run(cases[i].limit_ms));
        check_equal_bytes(cases[i].name);
        for (int k = 0; k < 2; k++)
            CHECK_EQ(world.side[k]->error(ends[k].tc), 0);
        printf("  %-12s %8.1f s of virtual time\n", cases[i].name,
               (double)(world.now_ms - 1000000) / 1000);
        finish(cases[i].name);
    }
}

/* Uploads through a relay with a short queue: what share of the bottleneck arrives, in virtual
 * time. With a window that fills the way: rate * round trip < SEND_BUFFER. */
static void test_bottleneck(void)
{
    static const struct {
        const char *name;
        struct link link;
        unsigned least_percent;
    } cases[] = {
        {"tail drop, 1 ms", {.delay_ms = 0, .rate = 10000, .queue = 32}, 60},
        {"head drop, 1 ms", {.delay_ms = 0, .rate = 10000, .queue = 32, .queue_drop = 1}, 60},
        {"tail drop, 20 ms", {.delay_ms = 10, .rate = 10000, .queue = 32}, 60},
        {"head drop, 20 ms", {.delay_ms = 10, .rate = 10000, .queue = 32, .queue_drop = 1}, 60},
        {"tail drop, 100 ms", {.delay_ms = 50, .rate = 2000, .queue = 32}, 50},
        {"head drop, 100 ms", {.delay_ms = 50, .rate = 2000, .queue = 32, .queue_drop = 1}, 50},
        {"deep queue, 50 ms", {.delay_ms = 25, .rate = 4000, .queue = 500}, 75},
        {"2 in 100 lost, 20 ms", {.delay_ms = 10, .rate = 10000, .queue = 500, .loss = 20}, 2},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t began, total = 20 * (uint64_t)MB;
        unsigned percent;

        start(&cases[i].link, 1, 4, total, 0);
        began = world.now_ms;
        CHECK(run(HOUR));
        check_equal_bytes(cases[i].name);
        percent = (unsigned)(total * 100 / (world.now_ms - began) / cases[i].link.rate);
        printf("  %-22s %6.2f MB/s of %u, %u packets, %u overflows\n", cases[i].name,
               (double)total / 1000 / (double)(world.now_ms - began), cases[i].link.rate / 1000,
               world.packets[0], world.overflows[0]);
        CHECK(percent >= cases[i].least_percent);
        finish(cases[i].name);
    }
}

static void test_many_seeds(void)
{
    for (unsigned seed = 1; seed <= 60; seed++) {
        struct link link = {.delay_ms = seed % 50, .jitter_ms = seed % 30};

        link.loss = seed * 7 % 150;
        link.dup = seed * 11 % 150;
        start(&link, seed, seed & 1 ? 4 : 6, 1 + seed * 1777 % 60000, 1 + seed * 3331 % 60000);
        ends[0].read_max = 1 + seed * 97 % 4000;
        ends[1].write_max = 1 + seed * 57 % 4000;
        if (!CHECK(run(HOUR)))
            fprintf(stderr, "    seed %u\n", seed);
        check_equal_bytes("many seeds");
        finish("many seeds");
    }
}

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
    CHECK_EQ(world.side[0]->write(ends[0].tc, scratch, 1), IPN_ERR_CLOSED);
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
        CHECK_EQ(world.side[!who]->write(ends[!who].tc, scratch, 1), IPN_ERR_CLOSED);
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

/* --- chosen packets lost -------------------------------------------------------------------- */

static int to_lose, lose_from, lose_flag;

static unsigned tcp_flags(const uint8_t *packet)
{
    return packet[packet[0] >> 4 == 4 ? 20 + 13 : 40 + 13];
}

static bool lose_chosen(int from, const uint8_t *packet, size_t len)
{
    (void)len;
    if (from != lose_from || to_lose == 0 || !(tcp_flags(packet) & (unsigned)lose_flag))
        return false;
    to_lose--;
    return true;
}

static bool lose_all(int from, const uint8_t *packet, size_t len)
{
    (void)from;
    (void)packet;
    (void)len;
    return true;
}

static void test_lost_flags(void)
{
    static const struct {
        int number, from, flag, count;
        uint64_t within_ms;
    } cases[] = {
        {1, 0, FLAG_SYN, 1, 1500},        {2, 0, FLAG_SYN, 3, 3500},
        {3, 1, FLAG_SYN, 1, 1500},        {4, 0, FLAG_FIN, 1, 1000},
        {5, 1, FLAG_FIN, 1, 1000},        {6, 0, FLAG_FIN, 4, 10 * SECOND},
        {7, 1, FLAG_FIN, 4, 12 * SECOND}, {8, 0, FLAG_SYN, 60, 62 * SECOND},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct link link = {.delay_ms = 20, .drop = lose_chosen};

        to_lose = cases[i].count;
        lose_from = cases[i].from;
        lose_flag = cases[i].flag;
        start(&link, 1, 4, 5000, 5000);
        if (!CHECK(run(cases[i].within_ms)) || !CHECK_EQ(to_lose, 0))
            fprintf(stderr, "    case %d\n", cases[i].number);
        check_equal_bytes("lost flags");
        finish("lost flags");
    }
}

/* The network is gone for eleven minutes in mid-transfer; not a byte is lost. */
static void test_outage(void)
{
    start(&clean, 1, 4, 20 * MB, 20 * MB);
    while (ends[0].received < 3 * MB && world_step(world.now_ms + MINUTE)) {
        take_accepted();
        pump();
    }
    world.link.drop = lose_all;
    run_for(SECOND); /* what the window still allows */
    world.ticks[0] = world.packets[0] = 0;
    run_for(11 * MINUTE);
    CHECK_EQ(world.side[0]->state(ends[0].tc), TCP_CONN_OPEN);
    CHECK(world.packets[0] < 120 && world.ticks[0] < 200);
    world.link.drop = NULL;
    CHECK(run(MINUTE));
    check_equal_bytes("outage");
    finish("outage");
}

/* Gone for ever: the connection ends one day. */
static void test_peer_gone(void)
{
    start(&clean, 1, 4, MB, 0);
    ends[1].stalled = true;
    run_for(15);
    world.link.drop = lose_all;
    run_for(HOUR);
    CHECK_EQ(world.side[0]->state(ends[0].tc), TCP_CONN_CLOSED);
    CHECK_EQ(world.side[0]->error(ends[0].tc), IPN_ERR_TIMEOUT);
    finish("peer gone");
}

/* A throttled page: every tick a second late, and once ten minutes. */
static void test_late_driver(void)
{
    start(&lossy, 9, 4, 2 * MB, 2 * MB);
    world.late_ms = SECOND;
    run_for(5 * SECOND);
    world.now_ms += 10 * MINUTE;
    CHECK(run(HOUR));
    check_equal_bytes("late driver");
    world.late_ms = 0;
    finish("late driver");
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

static void bench(void)
{
    static const struct link instant = {0};
    struct timespec a, b;
    double seconds;
    uint64_t total = 100 * (uint64_t)MB;

    start(&instant, 1, 4, 0, total);
    clock_gettime(CLOCK_MONOTONIC, &a);
    run(HOUR);
    clock_gettime(CLOCK_MONOTONIC, &b);
    seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    printf("100 MB in %.3f s: %.0f MB/s, both stacks, packet copies and byte checks included; "
           "packets %u and %u\n",
           seconds, (double)total / 1e6 / seconds, world.packets[0], world.packets[1]);
    check_equal_bytes("bench");
    finish("bench");
}

int main(int argc, char **argv)
{
    if (!CHECK(world_load(ENDPOINT_A, ENDPOINT_B)))
        return TEST_DONE();
    if (argc > 1 && strcmp(argv[1], "bench") == 0) {
        bench();
        return TEST_DONE();
    }
    test_transfers();
    test_bottleneck();
    test_many_seeds();
    test_half_close();
    test_reset();
    test_free_unread();
    test_free_unsent();
    test_refused();
    test_window_stall();
    test_lost_flags();
    test_outage();
    test_peer_gone();
    test_late_driver();
    test_idle_costs_nothing();
    test_many_connections();
    test_wipe();
    return TEST_DONE();
}
