#include "sim/netstack/ends.h"

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

struct end ends[2];
static uint8_t scratch[CHUNK];

static size_t up_to(size_t max)
{
    return max == 0 ? sizeof scratch : 1 + world_random((unsigned)max);
}

bool pump_write(int i)
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

bool pump_read(int i)
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
void pump(void)
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
void take_accepted(void)
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

bool run(uint64_t ms)
{
    uint64_t until = world.now_ms + ms;

    while (!both_closed() && world_step(until)) {
        take_accepted();
        pump();
    }
    return both_closed();
}

void run_for(uint64_t ms)
{
    uint64_t until = world.now_ms + ms;

    while (world_step(until)) {
        take_accepted();
        pump();
    }
}

void start(const struct link *link, unsigned seed, int family, uint64_t up, uint64_t down)
{
    memset(ends, 0, sizeof ends);
    ends[0].total = up;
    ends[1].total = down;
    world_start(link, seed);
    ends[0].tc = world.side[0]->open(family == 4 ? &world_addr4[1] : &world_addr6[1], WORLD_PORT,
                                     NULL, false, world.now_ms);
    world_flush();
}
