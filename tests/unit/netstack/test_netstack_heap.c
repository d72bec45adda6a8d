/* Peers that fill every window of connections that nobody reads: memory stays below its ceiling, a
 * connection that is read goes on, and nothing that was taken is lost. */
#include "netstack/netstack_heap.h"

#include <string.h>

#include "netstack/netstack.h"
#include "netstack/tcp_conn.h"
#include "test.h"
#include "unit/netstack/opened.h"
#include "unit/netstack/peer.h"

enum { CONNS = 24, MARGIN = 1 << 20 };

static struct opened conns[CONNS];

static void open_one(struct opened *to)
{
    struct segment s;

    at = (struct opened){.family = 4};
    now += 10; /* so many at once would wait for each other */
    at.tc = tcp_conn_open(&peer4, 22, to, false, now);
    netstack_flush(now);
    CHECK(at.tc && peer_take_segment(&s) && s.flags == SYN);
    at.port = s.sport;
    at.rcv = s.seq + 1;
    send_syn_ack(true);
    netstack_flush(now);
    peer_drop_all();
    *to = at;
}

/* Data in order until no more of it is taken; returns how much was. */
static size_t fill(struct opened *c)
{
    size_t before = tcp_conn_readable(c->tc), have = before;

    at = *c;
    for (;;) {
        peer_data(0, MSS, 0);
        size_t more = tcp_conn_readable(c->tc) - have; /* the window's edge may cut one */
        if (more == 0)
            break;
        have += more;
        at.snd += (uint32_t)more;
    }
    netstack_flush(now);
    peer_drop_all();
    *c = at;
    return have - before;
}

static size_t read_all(struct opened *c)
{
    size_t n, all = 0;

    while ((n = tcp_conn_read(c->tc, big, sizeof big)) > 0)
        all += n;
    netstack_flush(now);
    peer_drop_all();
    return all;
}

static void test_unread(void)
{
    size_t taken[CONNS], full = 0;

    peer_start();
    for (int i = 0; i < CONNS; i++)
        open_one(&conns[i]);
    for (int i = 0; i < CONNS; i++) {
        taken[i] = fill(&conns[i]);
        full += taken[i] > WINDOW - MSS;
        CHECK(taken[i] >= NETSTACK_UNREAD_UNDER_PRESSURE); /* each gets some */
    }
    CHECK(full > 8 && full < 17); /* windows of 4 MB, and what a segment costs */
    CHECK(netstack_heap_in_use() < NETSTACK_HEAP_PRESSURE + MARGIN + CONNS * 2 * 65536);

    /* The last is read all the time: it goes on as if nothing were. */
    for (int i = 0; i < 20; i++) {
        if (!CHECK_EQ(read_all(&conns[CONNS - 1]), taken[CONNS - 1]))
            break;
        taken[CONNS - 1] = fill(&conns[CONNS - 1]);
        CHECK(taken[CONNS - 1] >= NETSTACK_UNREAD_UNDER_PRESSURE);
    }
    for (int i = 0; i < CONNS; i++)
        CHECK_EQ(read_all(&conns[i]), taken[i]);
    CHECK(fill(&conns[CONNS - 2]) > WINDOW - 4 * MSS); /* once the others are read */
    peer_stop();
    CHECK_EQ(netstack_heap_in_use(), 0);
}

/* Data behind a hole is no way around it. */
static void test_out_of_order(void)
{
    peer_start();
    for (int i = 0; i < CONNS; i++) {
        open_one(&conns[i]);
        for (uint32_t offset = 10; offset < WINDOW - MSS; offset += MSS)
            peer_data(offset, MSS, 0);
        peer_drop_all();
    }
    CHECK(netstack_heap_in_use() > NETSTACK_HEAP_PRESSURE / 2);
    CHECK(netstack_heap_in_use() < NETSTACK_HEAP_PRESSURE + MARGIN);
    at = conns[CONNS - 1];
    peer_data(0, MSS, 0);
    CHECK_EQ(tcp_conn_readable(at.tc), MSS);
    peer_stop();
    CHECK_EQ(netstack_heap_in_use(), 0);
}

/* Large blocks up to the ceiling, then the smallest, of which each takes more than it says. */
static void test_ceiling(void)
{
    enum { LARGE = 1 << 20, LARGE_COUNT = NETSTACK_HEAP_MAX / LARGE, SMALL_COUNT = 1 << 17 };
    static void *blocks[LARGE_COUNT + SMALL_COUNT];
    size_t count = 0;

    while (count < LARGE_COUNT && (blocks[count] = netstack_heap_malloc(LARGE - 64)) != NULL)
        count++;
    while (count < LARGE_COUNT + SMALL_COUNT && (blocks[count] = netstack_heap_malloc(1)) != NULL)
        count++;
    CHECK(count > LARGE_COUNT && count < LARGE_COUNT + SMALL_COUNT);
    CHECK(netstack_heap_in_use() < NETSTACK_HEAP_MAX + 4096);
    CHECK(netstack_heap_calloc(1, 1) == NULL);
    while (count > 0)
        netstack_heap_free(blocks[--count]);
    CHECK_EQ(netstack_heap_in_use(), 0);
}

int main(void)
{
    test_unread();
    test_out_of_order();
    test_ceiling();
    return TEST_DONE();
}
