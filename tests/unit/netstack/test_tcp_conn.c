/* One connection at a time against a peer made by hand: what is sent, and when. */
#include "netstack/tcp_conn.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/host.h"
#include "netstack/netstack.h"
#include "test.h"
#include "unit/netstack/opened.h"
#include "unit/netstack/peer.h"

/* The SYN's options have to be these: this MSS, window scale 7, SACK permitted. */
static void check_syn_options(const struct segment *syn, unsigned want)
{
    bool mss = false, scale = false, sack = false;

    for (size_t i = 0; i < syn->options_len && syn->options[i] != 0;) {
        const uint8_t *o = syn->options + i;

        mss |= o[0] == 2 && load_be16(o + 2) == want;
        scale |= o[0] == 3 && o[2] == 7;
        sack |= o[0] == 4;
        i += o[0] == 1 ? 1 : o[1];
    }
    CHECK(mss && scale && sack);
}

static void test_connect(void)
{
    uint32_t isn[8];
    uint16_t port[8];
    unsigned same = 0;

    peer_start();
    for (int i = 0; i < 8; i++) {
        struct segment s = {0};
        struct tcp_conn *tc = tcp_conn_open(i & 1 ? &peer6 : &peer4, 22, NULL, false, now);

        netstack_flush(now);
        CHECK(peer_take_segment(&s) && s.flags == SYN);
        check_syn_options(&s, i & 1 ? MSS : MSS + 20);
        CHECK_EQ(tcp_conn_state(tc), TCP_CONN_CONNECTING);
        CHECK_EQ(tcp_conn_write(tc, big, 10), 0);
        CHECK_EQ(tcp_conn_writable(tc), 0);
        isn[i] = s.seq;
        port[i] = s.sport;
        for (int k = 0; k < i; k++)
            same += isn[k] == isn[i] || port[k] == port[i] || port[k] + 1 == port[i];
        tcp_conn_free(tc, false);
    }
    CHECK_EQ(same, 0);
    CHECK_EQ(peer_caught(), 0);
    CHECK(netstack_next_deadline() == NEVER);
    peer_stop();
}

static void test_held(void)
{
    struct segment s = {0};
    struct tcp_conn *tc;

    peer_start();
    tc = tcp_conn_open(&peer4, 22, NULL, true, now);
    netstack_flush(now);
    CHECK(netstack_next_deadline() == NEVER);
    netstack_tick(now += 60000);
    CHECK_EQ(peer_caught(), 0);
    tcp_conn_release_syn(tc, now);
    CHECK_EQ(netstack_next_deadline(), now);
    netstack_flush(now);
    tcp_conn_release_syn(tc, now);
    netstack_flush(now);
    CHECK(peer_take_segment(&s) && s.flags == SYN);
    CHECK_EQ(peer_caught(), 0);
    tcp_conn_free(tc, false);
    tc = tcp_conn_open(&peer4, 22, NULL, true, now);
    tcp_conn_shutdown(tc);
    netstack_flush(now);
    tcp_conn_free(tc, false); /* held for ever */
    CHECK_EQ(peer_caught(), 0);
    peer_stop();
}

/* Once a second, each time the same sequence number, at one wake-up each. */
static void test_syn_again(void)
{
    struct segment first = {0}, s = {0};
    struct tcp_conn *tc;

    peer_start();
    tc = tcp_conn_open(&peer4, 22, NULL, false, now);
    netstack_flush(now);
    CHECK(peer_take_segment(&first));
    for (int i = 0; i < 100; i++) {
        CHECK(pass(1000) <= 2);
        CHECK(peer_caught() == 1 && peer_take_segment(&s) && s.flags == SYN && s.seq == first.seq);
    }
    CHECK_EQ(tcp_conn_state(tc), TCP_CONN_CONNECTING);
    pass(60000);
    CHECK_EQ(tcp_conn_state(tc), TCP_CONN_CLOSED); /* its owner forgot about it */
    CHECK_EQ(tcp_conn_error(tc), IPN_ERR_TIMEOUT);
    tcp_conn_free(tc, false);
    peer_stop();
}

static void test_refused(void)
{
    struct segment s = {0};

    peer_start();
    at.tc = tcp_conn_open(&peer4, 22, NULL, false, now);
    netstack_flush(now);
    peer_take_segment(&s);
    at.port = s.sport;
    at.snd = 0;
    at.rcv = s.seq + 5; /* not for us */
    s = reply(RST | ACK);
    peer_send_segment(4, &s);
    CHECK_EQ(tcp_conn_state(at.tc), TCP_CONN_CONNECTING);
    s.ack = at.rcv - 4;
    peer_send_segment(4, &s);
    CHECK_EQ(tcp_conn_state(at.tc), TCP_CONN_CLOSED);
    CHECK_EQ(tcp_conn_error(at.tc), IPN_ERR_CLOSED);
    CHECK(netstack_next_ready() == at.tc);
    CHECK(netstack_next_ready() == NULL);
    tcp_conn_free(at.tc, false);
    peer_stop();
}

static void test_acknowledgements(void)
{
    struct segment s = {0};

    open_conn(4, true);
    peer_data(0, 100, PSH);
    CHECK_EQ(peer_caught(), 0); /* one segment waits for the turn's end */
    netstack_flush(now);
    CHECK(peer_take_segment(&s) && s.flags == ACK && s.ack == at.snd + 100);
    at.snd += 100;
    for (int i = 0; i < 10; i++)
        peer_data((uint32_t)(MSS * i), MSS, 0);
    CHECK_EQ(peer_caught(), 5); /* every second */
    peer_drop_all();
    netstack_flush(now);
    netstack_flush(now);
    CHECK_EQ(peer_caught(), 0);
    at.snd += 10 * MSS;
    peer_data(0, 100, PSH); /* a driver that forgets to flush still answers within a tick */
    CHECK(netstack_next_deadline() <= now + 100);
    pass(200);
    CHECK(peer_take_segment(&s) && s.ack == at.snd + 100);
    at.snd += 100;
    peer_data(0, 100, PSH); /* an answer carries the acknowledgement */
    CHECK_EQ(tcp_conn_write(at.tc, big, 50), 50);
    netstack_flush(now);
    CHECK(peer_take_segment(&s) && s.len == 50 && s.ack == at.snd + 100);
    CHECK_EQ(peer_caught(), 0);
    close_conn();
}

/* While bytes pour in: one for each 16 kB, the rest 5 ms later; a gap is told at once. */
static void test_fewer_acknowledgements(void)
{
    enum { RUN = 54 * MSS, EVERY = 14 * MSS }; /* whole segments beyond 64 and 16 kB */
    struct segment s = {0};
    size_t acks = 0;

    open_conn(4, true);
    for (size_t sent = 0; sent < RUN; sent += MSS, at.snd += MSS)
        peer_data(0, MSS, 0);
    netstack_flush(now);
    pass(5);
    while (peer_take_segment(&s))
        ;
    CHECK_EQ(s.ack, at.snd);
    for (int i = 0; i < 10 * EVERY / MSS; i++) {
        peer_data(0, MSS, 0);
        at.snd += MSS;
        netstack_flush(now); /* a turn for each segment */
        while (peer_take_segment(&s))
            acks++;
    }
    CHECK(acks >= 9 && acks <= 11);
    CHECK(at.snd - s.ack <= EVERY);
    peer_data(0, MSS, 0);
    at.snd += MSS;
    netstack_flush(now);
    CHECK(netstack_next_deadline() <= now + 5);
    pass(5);
    while (peer_take_segment(&s))
        ;
    CHECK_EQ(s.ack, at.snd);
    CHECK(netstack_next_deadline() == NEVER);
    peer_data(MSS, MSS, 0); /* one is missing */
    CHECK(peer_take_segment(&s) && s.ack == at.snd);
    peer_data(0, MSS, 0);
    netstack_flush(now);
    at.snd += 2 * MSS;
    pass(5);
    while (peer_take_segment(&s))
        ;
    CHECK_EQ(s.ack, at.snd);
    pass(1000); /* a pause: every turn ends with one again */
    peer_data(0, 100, PSH);
    netstack_flush(now);
    CHECK(peer_take_segment(&s) && s.ack == at.snd + 100);
    close_conn();
}

/* Three acknowledgements of the same byte: sent again at once, without a timer. */
static void test_fast_retransmit(void)
{
    struct segment s = {0};
    uint32_t first;

    open_conn(6, true);
    peer_data(0, 0, 0); /* the window of a SYN is not scaled; this one is */
    CHECK_EQ(tcp_conn_write(at.tc, big, 5 * MSS), 5 * MSS);
    netstack_flush(now);
    CHECK_EQ(peer_caught(), 5);
    CHECK(peer_take_segment(&s) && s.len == MSS);
    first = s.seq;
    peer_drop_all();
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(peer_caught(), 0);
        peer_data(0, 0, 0);
        netstack_flush(now);
    }
    CHECK(peer_take_segment(&s) && s.seq == first && s.len == MSS);
    close_conn();
}

static void test_retransmission_timer(void)
{
    struct segment s = {0};
    uint64_t sent_at;

    open_conn(4, true);
    tcp_conn_write(at.tc, big, 10);
    netstack_flush(now);
    peer_drop_all();
    sent_at = now;
    CHECK(netstack_next_deadline() > now + 200);
    CHECK(netstack_next_deadline() <= now + 400);
    now = netstack_next_deadline() - 1;
    netstack_tick(now);
    CHECK_EQ(peer_caught(), 0);
    while (peer_caught() == 0)
        pass(1);
    CHECK(now >= sent_at + 200 && now <= sent_at + 400);
    CHECK(peer_take_segment(&s) && s.len == 10 && s.seq == at.rcv);
    /* After a sleep of an hour an acknowledgement that waited is read first: nothing is resent. */
    now += 3600 * 1000;
    at.rcv += 10;
    peer_data(0, 0, 0);
    CHECK(netstack_next_deadline() == NEVER);
    CHECK_EQ(peer_caught(), 0);
    tcp_conn_write(at.tc, big, 10);
    netstack_flush(now);
    peer_drop_all();
    netstack_tick(now += 3600 * 1000); /* and without one, once */
    CHECK_EQ(peer_caught(), 1);
    close_conn();
}

/* The peer speaks a minute after the handshake: that is no round trip. */
static void test_round_trip_of_syn(void)
{
    open_conn(4, true);
    pass(60000);
    peer_data(0, 10, PSH);
    at.snd += 10;
    netstack_flush(now);
    tcp_conn_write(at.tc, big, 10);
    netstack_flush(now);
    CHECK(netstack_next_deadline() <= now + 400);
    close_conn();
}

static void test_window(void)
{
    struct segment s = {0};
    size_t filled = 0;

    open_conn(4, true);
    while (filled + MSS < WINDOW) {
        peer_data(0, MSS, 0);
        at.snd += MSS;
        filled += MSS;
        netstack_flush(now);
        while (peer_take_segment(&s))
            CHECK(s.window <= (WINDOW - filled + MSS) / 128);
    }
    CHECK_EQ(tcp_conn_readable(at.tc), filled);
    CHECK(s.window * 128 <= MSS * 2);
    peer_data(0, MSS, 0); /* too much: not taken */
    peer_data(MSS, MSS, 0);
    netstack_flush(now);
    CHECK(tcp_conn_readable(at.tc) <= WINDOW);
    peer_drop_all();
    CHECK_EQ(tcp_conn_read(at.tc, big, 100), 100);
    netstack_flush(now);
    CHECK_EQ(peer_caught(), 0); /* not worth a packet */
    tcp_conn_read(at.tc, big, 3 * MSS);
    netstack_flush(now);
    CHECK(peer_take_segment(&s) && s.window * 128 >= 2 * MSS);
    while (tcp_conn_read(at.tc, big, sizeof big) > 0)
        netstack_flush(now);
    while (peer_take_segment(&s))
        ;
    CHECK(s.window * 128 > WINDOW - 64 * 1024); /* an update for every 64 kB read */
    close_conn();
}

static void test_no_scaling(void)
{
    struct segment s = {0};

    open_conn(6, false);
    for (int i = 0; i < 60; i++) {
        peer_data(0, MSS, 0);
        if (i < 53)
            at.snd += MSS;
    }
    netstack_flush(now);
    while (peer_take_segment(&s))
        ;
    CHECK(tcp_conn_readable(at.tc) <= 65535);
    CHECK(s.window < MSS);
    while (tcp_conn_read(at.tc, big, 1000) > 0)
        netstack_flush(now);
    while (peer_take_segment(&s))
        ;
    CHECK(s.window >= 65535 / 2); /* updates that double it */
    close_conn();
}

static void test_write_room(void)
{
    struct segment s = {0};
    size_t written = 0;
    int n;

    open_conn(4, true);
    CHECK(netstack_next_ready() == NULL);
    while ((n = tcp_conn_write(at.tc, big, sizeof big)) > 0)
        written += (size_t)n;
    CHECK_EQ(n, 0);
    CHECK_EQ(written, 256 * 1024);
    CHECK_EQ(tcp_conn_writable(at.tc), 0);
    while (netstack_next_ready() == NULL) {
        size_t taken = 0;

        netstack_flush(now);
        while (peer_take_segment(&s)) {
            at.rcv += (uint32_t)s.len;
            taken += s.len;
        }
        if (!CHECK(taken > 0))
            break;
        peer_data(0, 0, 0);
    }
    CHECK(tcp_conn_writable(at.tc) >= 16 * 1024);
    tcp_conn_write(at.tc, big, sizeof big);
    for (int i = 0; i < 100000; i++)
        tcp_conn_write(at.tc, big, 1);
    CHECK(tcp_conn_writable(at.tc) < 256 * 1024);
    tcp_conn_free(at.tc, true);
    netstack_flush(now);
    CHECK(peer_take_segment(&s));
    peer_stop();
}

static void test_states(void)
{
    struct segment s = {0};

    open_conn(4, true);
    peer_data(0, 10, FIN);
    CHECK_EQ(tcp_conn_state(at.tc), TCP_CONN_OPEN); /* ten bytes before the end */
    CHECK(netstack_next_ready() == at.tc);
    CHECK_EQ(tcp_conn_read(at.tc, big, 9), 9);
    CHECK(netstack_next_ready() == NULL);
    CHECK_EQ(tcp_conn_read(at.tc, big, 9), 1);
    CHECK_EQ(tcp_conn_state(at.tc), TCP_CONN_REMOTE_CLOSED);
    CHECK(netstack_next_ready() == at.tc);
    netstack_flush(now);
    CHECK(peer_take_segment(&s) && s.ack == at.snd + 11);
    CHECK_EQ(tcp_conn_write(at.tc, big, 5), 5);
    tcp_conn_shutdown(at.tc);
    CHECK_EQ(tcp_conn_state(at.tc), TCP_CONN_CLOSED);
    CHECK_EQ(tcp_conn_write(at.tc, big, 5), IPN_ERR_CLOSED);
    tcp_conn_free(at.tc, false);
    netstack_flush(now);
    CHECK(peer_take_segment(&s) && s.len == 5);
    if (!(s.flags & FIN))
        CHECK(peer_take_segment(&s) && (s.flags & FIN));
    CHECK(pass(5000) > 2); /* sent again and again */
    CHECK(peer_caught() > 2);
    at.snd += 11;
    at.rcv += 6;
    peer_data(0, 0, 0);
    peer_drop_all();
    CHECK(netstack_next_deadline() == NEVER);
    peer_stop();
}

/* Reset with bytes unread: they can still be read, the error is known at once. */
static void test_reset_after_data(void)
{
    struct segment s;

    open_conn(4, true);
    peer_data(0, 10, 0);
    at.snd += 10;
    s = reply(RST);
    s.seq = at.snd + 1; /* in the window but not exact: challenged, RFC 5961 */
    peer_send_segment(4, &s);
    CHECK_EQ(tcp_conn_state(at.tc), TCP_CONN_OPEN);
    s.seq = at.snd;
    peer_send_segment(4, &s);
    CHECK_EQ(tcp_conn_state(at.tc), TCP_CONN_CLOSED);
    CHECK_EQ(tcp_conn_error(at.tc), IPN_ERR_CLOSED);
    CHECK_EQ(tcp_conn_readable(at.tc), 10);
    CHECK_EQ(tcp_conn_read(at.tc, big, 100), 10);
    CHECK_EQ(tcp_conn_write(at.tc, big, 1), IPN_ERR_CLOSED);
    tcp_conn_shutdown(at.tc);
    netstack_flush(now);
    CHECK(netstack_next_deadline() == NEVER);
    close_conn();
}

/* An orphan that hears more data says so; one that hears nothing ends after a minute. */
static void test_orphans(void)
{
    struct segment s = {0};

    open_conn(4, true);
    tcp_conn_free(at.tc, false);
    netstack_flush(now);
    CHECK(peer_take_segment(&s) && (s.flags & FIN));
    peer_data(0, 10, PSH);
    CHECK(peer_take_segment(&s) && (s.flags & RST));
    CHECK(netstack_next_deadline() == NEVER);
    peer_stop();

    open_conn(4, true);
    tcp_conn_free(at.tc, false);
    netstack_flush(now);
    at.rcv += 1;
    peer_data(0, 0, 0); /* FIN acknowledged, and that is all */
    peer_drop_all();
    CHECK(netstack_next_deadline() > now + 50000);
    pass(61000);
    CHECK(peer_take_segment(&s) && (s.flags & RST));
    CHECK(netstack_next_deadline() == NEVER);
    peer_stop();
}

/* A FIN that only a window probe has carried, answered after the peer's own: lwIP goes from CLOSING
 * to TIME_WAIT without a word to anybody, and frees the pcb at its end. */
static void test_fin_by_probe(void)
{
    struct segment s = {0};

    open_conn(4, true);
    CHECK_EQ(tcp_conn_write(at.tc, big, 10), 10);
    netstack_flush(now);
    CHECK(peer_take_segment(&s) && s.len == 10);
    s = reply(ACK); /* the window closes, nothing is acknowledged */
    s.window = 0;
    peer_send_segment(4, &s);
    tcp_conn_shutdown(at.tc);
    netstack_flush(now);
    CHECK(peer_caught() == 0);
    s.flags = ACK | FIN;
    peer_send_segment(4, &s);
    netstack_flush(now);
    at.snd++;
    at.rcv += 10;
    s = reply(ACK);
    s.window = 0;
    peer_send_segment(4, &s);
    peer_drop_all();
    for (int i = 0; i < 10 && !(s.flags & FIN); i++) {
        pass(1000);
        while (peer_take_segment(&s) && !(s.flags & FIN))
            ;
    }
    CHECK(s.flags & FIN);
    at.rcv++;
    s = reply(ACK);
    s.window = 0;
    peer_send_segment(4, &s);
    netstack_flush(now);
    CHECK_EQ(tcp_conn_state(at.tc), TCP_CONN_CLOSED);
    pass(200000); /* TIME_WAIT ends in it */
    tcp_conn_free(at.tc, false);
    netstack_flush(now);
    CHECK(netstack_next_deadline() == NEVER);
    peer_stop();
}

int main(void)
{
    test_connect();
    test_held();
    test_syn_again();
    test_refused();
    test_acknowledgements();
    test_fewer_acknowledgements();
    test_fast_retransmit();
    test_retransmission_timer();
    test_round_trip_of_syn();
    test_window();
    test_no_scaling();
    test_write_room();
    test_states();
    test_reset_after_data();
    test_orphans();
    test_fin_by_probe();
    return TEST_DONE();
}
