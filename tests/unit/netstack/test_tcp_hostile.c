/* Segments that an honest sender never sends: dropped or borne, never a broken invariant. Each of
 * these once ended lwIP in an assertion, or could have. */
#include "netstack/tcp_conn.h"

#include <string.h>

#include "base/host.h"
#include "netstack/netstack.h"
#include "netstack/netstack_heap.h"
#include "test.h"
#include "unit/netstack/opened.h"
#include "unit/netstack/peer.h"

/* Leaves `room` bytes of the window (or a few less). */
static void fill_window(size_t room)
{
    size_t filled = 0;

    while (filled < 65535 - room) {
        size_t n = 65535 - room - filled < MSS ? 65535 - room - filled : MSS;

        peer_data(0, n, 0);
        at.snd += (uint32_t)n;
        filled += n;
    }
    netstack_flush(now);
    peer_drop_all();
    CHECK_EQ(tcp_conn_readable(at.tc), filled);
}

static void test_window_overruns(void)
{
    for (size_t room = 1; room < 40; room++) {
        open_conn(4, false);
        fill_window(room);
        peer_data(5, MSS, 0); /* out of order, past the edge */
        peer_data(0, 5, 0); /* the hole */
        peer_data(3, 0, FIN); /* FIN inside ... */
        peer_data(0, room, 0); /* ... and data over it, to the edge */
        peer_data((uint32_t)room - 1, 1, FIN);
        peer_data(0, MSS, FIN);
        CHECK(tcp_conn_readable(at.tc) <= 65535);
        while (tcp_conn_read(at.tc, big, sizeof big) > 0)
            ;
        netstack_flush(now);
        pass(120000);
        close_conn();
    }
}

/* FIN out of order, then data over it and up to the window's edge. */
static void test_fin_then_more(void)
{
    for (size_t room = 2; room < 40; room += 7) {
        open_conn(6, false);
        fill_window(room);
        peer_data(1, 0, FIN);
        peer_data(0, room, 0);
        CHECK(tcp_conn_readable(at.tc) <= 65535);
        pass(120000);
        close_conn();
    }
}

/* An MSS option belongs on a SYN; here it comes, smaller, when segments are queued. */
static void test_mss_shrinks(void)
{
    struct segment s;

    open_conn(4, true);
    CHECK_EQ(tcp_conn_write(at.tc, big, 60000), 60000);
    netstack_flush(now);
    s = reply(ACK);
    s.options_len = 4;
    memcpy(s.options, "\x02\x04\x00\x10", 4);
    peer_send_segment(4, &s);
    CHECK_EQ(tcp_conn_write(at.tc, big, 1000), 1000);
    netstack_flush(now);
    while (peer_take_segment(&s))
        CHECK(s.len == 0 || s.len > 16);
    CHECK_EQ(tcp_conn_state(at.tc), TCP_CONN_OPEN);
    close_conn();
}

/* The window is shut while a retransmission waits, then all is acknowledged at once. */
static void test_shut_window_during_retransmission(void)
{
    struct segment s;

    open_conn(4, true);
    tcp_conn_write(at.tc, big, 3 * MSS);
    netstack_flush(now);
    peer_drop_all();
    s = reply(ACK);
    s.window = 0;
    s.seq = at.snd;
    peer_data(0, 1, 0);
    at.snd += 1;
    s = reply(ACK);
    s.window = 0;
    peer_send_segment(4, &s);
    pass(3000); /* retransmission, then probes */
    at.rcv += 3 * MSS;
    s = reply(ACK);
    s.window = 100;
    peer_send_segment(4, &s);
    netstack_flush(now);
    pass(60000);
    CHECK_EQ(tcp_conn_state(at.tc), TCP_CONN_OPEN);
    CHECK(netstack_next_deadline() == NEVER);
    close_conn();
}

static void test_tiny_mss(void)
{
    struct segment s = {0};
    size_t got = 0;

    peer_start();
    at.family = 4;
    at.tc = tcp_conn_open(&peer4, 22, NULL, false, now);
    netstack_flush(now);
    peer_take_segment(&s);
    at.port = s.sport;
    at.rcv = s.seq + 1;
    s = reply(SYN | ACK);
    s.seq = PEER_ISN;
    s.window = 1;
    s.options_len = 4;
    memcpy(s.options, "\x02\x04\x00\x01", 4);
    at.snd = PEER_ISN + 1;
    peer_send_segment(4, &s);
    netstack_flush(now);
    peer_drop_all();
    CHECK(tcp_conn_writable(at.tc) <= 1024);
    CHECK(tcp_conn_write(at.tc, big, 5000) > 0);
    for (int i = 0; i < 100; i++) {
        netstack_flush(now);
        while (peer_take_segment(&s)) {
            if (s.seq == at.rcv) {
                at.rcv += (uint32_t)s.len;
                got += s.len;
            }
        }
        peer_data(0, 0, 0);
        pass(500);
    }
    CHECK(got > 50);
    close_conn();
}

/* Data behind a hole that is never filled: an idle connection keeps it for a while, not for good. */
static void test_hole(void)
{
    size_t before;

    open_conn(4, true);
    before = netstack_heap_in_use();
    peer_data(100, MSS, 0);
    netstack_flush(now);
    CHECK(netstack_heap_in_use() > before);
    CHECK(netstack_next_deadline() != NEVER);
    CHECK(pass(60000) > 0);
    CHECK_EQ(netstack_heap_in_use(), before);
    CHECK(netstack_next_deadline() == NEVER);
    close_conn();
}

int main(void)
{
    test_window_overruns();
    test_fin_then_more();
    test_mss_shrinks();
    test_shut_window_during_retransmission();
    test_tiny_mss();
    test_hole();
    return TEST_DONE();
}
