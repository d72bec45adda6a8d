/* The sender against a hand-made receiver: selective acknowledgements, holes, lies. */
#include "netstack/tcp_sender.h"

#include <string.h>

#include "base/bytes.h"
#include "base/host.h"
#include "netstack/netstack.h"
#include "test.h"
#include "unit/netstack/opened.h"
#include "unit/netstack/peer.h"

enum { FIRST_WINDOW = 10, BURST_MAX = 24 };

/* Acknowledges `ack` segments and, selectively, the n pairs [from, to) of segments, all counted
 * from at.rcv. */
static void acknowledge(unsigned ack, const unsigned (*blocks)[2], size_t n)
{
    struct segment s = reply(ACK);

    s.ack = at.rcv + ack * MSS;
    s.options_len = n > 0 ? 4 + 8 * n : 0;
    memcpy(s.options, "\x01\x01\x05", 3);
    s.options[3] = (uint8_t)(2 + 8 * n);
    for (size_t i = 0; i < n; i++) {
        store_be32(s.options + 4 + 8 * i, at.rcv + blocks[i][0] * MSS);
        store_be32(s.options + 8 + 8 * i, at.rcv + blocks[i][1] * MSS);
    }
    peer_send_segment(at.family, &s);
    netstack_flush(now);
}

/* Ten segments on their way, numbered 0 to 9; nothing behind them. */
static void send_ten(void)
{
    open_conn(4, true);
    peer_data(0, 0, 0); /* the window of a SYN is not scaled; this one is */
    CHECK_EQ(tcp_conn_write(at.tc, big, FIRST_WINDOW * MSS), FIRST_WINDOW * MSS);
    netstack_flush(now);
    CHECK_EQ(peer_caught(), FIRST_WINDOW);
    peer_drop_all();
}

/* The stack sent exactly segment `number`, and now. */
static bool next_is(unsigned number)
{
    struct segment s = {0};

    return CHECK(peer_take_segment(&s)) && CHECK_EQ((s.seq - at.rcv) / MSS, number) &&
           CHECK_EQ(s.len, MSS);
}

static void test_holes(void)
{
    static const struct {
        int number;
        unsigned ack, blocks[3][2];
        size_t n;
        unsigned again[10], again_n;
    } cases[] = {
        {1, 0, {{1, 2}}, 1, {0}, 0},
        {2, 0, {{1, 3}}, 1, {0}, 0},
        {3, 0, {{1, 4}}, 1, {0}, 1},                     /* three later ones have arrived */
        {4, 2, {{3, 6}}, 1, {2}, 1},
        {5, 0, {{9, 10}}, 1, {0, 1, 2, 3, 4, 5, 6}, 7}, /* all but the last two before it */
        {6, 0, {{8, 10}, {4, 6}, {1, 2}}, 3, {0, 2, 3, 6}, 4},
        {7, 1, {{2, 4}, {5, 6}}, 2, {1}, 1},
        {8, 0, {{4, 1}}, 1, {0}, 0},                     /* left of itself */
        {9, 0, {{40, 50}}, 1, {0}, 0},                   /* never sent */
        {10, 5, {{0, 3}}, 1, {0}, 0},                    /* acknowledged long ago */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        send_ten();
        acknowledge(cases[i].ack, cases[i].blocks, cases[i].n);
        if (!CHECK(peer_caught() <= cases[i].again_n))
            fprintf(stderr, "    case %d\n", cases[i].number);
        for (unsigned k = 0; k < cases[i].again_n; k++) {
            if (peer_caught() == 0) /* the window was cut: the rest as more arrives */
                acknowledge(cases[i].ack, cases[i].blocks, cases[i].n);
            if (peer_caught() == 0) {
                CHECK(k >= 3);
                break;
            }
            if (!next_is(cases[i].again[k]))
                fprintf(stderr, "    case %d\n", cases[i].number);
        }
        close_conn();
    }
}

/* Every hole in turn, each at once, and none of it twice. */
static void test_partial_acknowledgements(void)
{
    for (int with_sack = 0; with_sack < 2; with_sack++) {
        static const unsigned behind[1][2] = {{7, 10}};

        send_ten(); /* 1, 3 and 6 are lost */
        if (with_sack) {
            static const unsigned all[3][2] = {{7, 10}, {4, 6}, {2, 3}};

            acknowledge(1, all, 3);
            CHECK(next_is(1) && next_is(3) && next_is(6));
        } else {
            acknowledge(1, NULL, 0);
            for (int i = 0; i < 6; i++)
                acknowledge(1, NULL, 0);
            CHECK(next_is(1));
            acknowledge(3, NULL, 0);
            CHECK(next_is(3));
            acknowledge(6, NULL, 0);
            CHECK(next_is(6));
        }
        CHECK_EQ(peer_caught(), 0);
        acknowledge(6, behind, with_sack ? 1 : 0);
        acknowledge(10, NULL, 0);
        CHECK_EQ(peer_caught(), 0);
        CHECK(netstack_next_deadline() == NEVER);
        close_conn();
    }
}

/* What was sent again is lost again: later segments tell, no timer needed. */
static void test_lost_twice(void)
{
    static const unsigned first[1][2] = {{1, 10}}, more[1][2] = {{1, 13}};

    send_ten();
    acknowledge(0, first, 1);
    CHECK(next_is(0));
    CHECK_EQ(tcp_conn_write(at.tc, big, 3 * MSS), 3 * MSS);
    netstack_flush(now);
    CHECK(next_is(10) && next_is(11) && next_is(12));
    acknowledge(0, more, 1);
    CHECK(next_is(0));
    acknowledge(13, NULL, 0);
    CHECK(netstack_next_deadline() == NEVER);
    close_conn();
}

/* The peer takes in order what comes within that time, and acknowledges it: all ten. */
static void take_ten(unsigned within_ms)
{
    unsigned got = 0;

    for (unsigned ms = 0; ms < within_ms && got < 10; ms += 10) {
        pass(10);
        while (peer_caught() > 0) {
            struct segment s = {0};

            CHECK(peer_take_segment(&s));
            if (s.seq == at.rcv + got * MSS)
                acknowledge(++got, NULL, 0);
        }
    }
    CHECK_EQ(got, 10);
}

/* The peer told of segments and threw them away: the timer sends them all again. */
static void test_taken_back(void)
{
    static const unsigned told[1][2] = {{1, 10}};

    send_ten();
    acknowledge(0, told, 1);
    CHECK(next_is(0));
    take_ten(4000);
    CHECK(netstack_next_deadline() == NEVER);
    close_conn();
}

/* However much one acknowledgement opens the window, a turn sends a burst at most; the rest
 * follows by itself. */
static void test_bursts(void)
{
    unsigned sent = FIRST_WINDOW, acked = 0, most = 0;
    size_t written = FIRST_WINDOW * MSS;

    send_ten();
    while (sent < 1000) {
        size_t room = tcp_conn_writable(at.tc) / MSS * MSS, len = BIG / MSS * MSS;

        CHECK_EQ(tcp_conn_write(at.tc, big, room < len ? room : len), room < len ? room : len);
        written += room < len ? room : len;
        acked = sent;
        acknowledge(acked, NULL, 0);
        for (int turn = 0; turn < 50; turn++) {
            unsigned burst = (unsigned)peer_caught();

            most = burst > most ? burst : most;
            sent += burst;
            peer_drop_all();
            if (netstack_next_deadline() > now + 4)
                break;
            CHECK(pass(4) == 1);
        }
        if (!CHECK(sent > acked))
            break;
    }
    CHECK_EQ(most, BURST_MAX);
    CHECK(sent * (size_t)MSS <= written);
    close_conn();
}

/* Options that end nowhere, and numbers from anywhere; the bytes still arrive. */
static void test_hostile_options(void)
{
    unsigned seed = 4711;

    send_ten();
    for (int i = 0; i < 20000; i++) {
        struct segment s = reply(ACK);

        s.options_len = 4 * ((seed >> 16) % 11);
        for (size_t k = 0; k < s.options_len; k++)
            s.options[k] = (uint8_t)(seed = seed * 1664525 + 1013904223 + (seed >> 24));
        if (s.options_len >= 12 && i % 2) {
            memcpy(s.options, "\x05\x0a", 2);
            store_be32(s.options + 2, at.rcv + seed % 12 * MSS);
            store_be32(s.options + 6, at.rcv + (seed >> 8) % 12 * MSS);
        }
        peer_send_segment(4, &s);
        netstack_flush(now);
        peer_drop_all();
    }
    take_ten(40 * 1000);
    close_conn();
}

int main(void)
{
    test_holes();
    test_partial_acknowledgements();
    test_lost_twice();
    test_taken_back();
    test_bursts();
    test_hostile_options();
    return TEST_DONE();
}
