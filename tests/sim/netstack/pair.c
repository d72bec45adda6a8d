/* Two stacks back to back: what arrives is what was sent, whatever the link does. */
#include <time.h>

#include "base/err.h"
#include "sim/netstack/ends.h"

enum { FLAG_FIN = 1, FLAG_SYN = 2 };

static const struct link awful = {.delay_ms = 30, .jitter_ms = 40, .loss = 100, .dup = 50};

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
    test_lost_flags();
    test_outage();
    test_peer_gone();
    test_late_driver();
    return TEST_DONE();
}
