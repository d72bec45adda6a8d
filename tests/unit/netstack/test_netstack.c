/* What the stack lets in, answers and drops, packet by packet. */
#include "netstack/netstack.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/host.h"
#include "netstack/tcp_conn.h"
#include "test.h"
#include "unit/netstack/peer.h"

static void test_life(void)
{
    static const struct netstack_hooks none = {0};

    peer_start();
    CHECK_EQ(netstack_init(&none, 0), IPN_ERR_STATE);
    CHECK(netstack_next_deadline() == NEVER);
    CHECK(netstack_next_ready() == NULL);
    netstack_tick(now += 1000000);
    netstack_flush(now);
    CHECK_EQ(peer_caught(), 0);
    peer_stop();
    CHECK(netstack_next_deadline() == NEVER);
    netstack_input((const uint8_t *)"E", 1, now); /* harmless without a stack */
    netstack_set_addresses(&own4, &own6);
    CHECK(tcp_conn_open(&peer4, 22, NULL, false, now) == NULL);
}

static void test_echo(void)
{
    uint8_t echo[64] = {8, 0, 0, 0, 0x12, 0x34, 0, 1, 'h', 'e', 'l', 'l', 'o'};
    size_t len = 0;
    const uint8_t *p;

    peer_start();
    peer_send(&peer4, &own4, 1, echo, 40, 2);
    CHECK_EQ(peer_caught(), 1);
    p = peer_take(&len);
    CHECK_EQ(len, 60);
    CHECK_EQ(p[20], 0);
    CHECK_MEM(p + 12, own4.b, 4);
    CHECK_MEM(p + 16, peer4.b, 4);
    CHECK_MEM(p + 24, echo + 4, 36);
    CHECK_EQ(peer_sum(&own4, &peer4, 1, p + 20, 40, false), 0);
    echo[0] = 128;
    peer_send(&peer6, &own6, 58, echo, 40, 2);
    p = peer_take(&len);
    CHECK(p && len == 80 && p[40] == 129);
    CHECK_MEM(p + 8, own6.b, 16);
    CHECK_MEM(p + 44, echo + 4, 36);
    CHECK_EQ(peer_sum(&own6, &peer6, 58, p + 40, 40, true), 0);
    CHECK_EQ(netstack_stats()->icmp_echoes, 2);
    CHECK_EQ(netstack_stats()->packets_in, 2);
    CHECK_EQ(netstack_stats()->packets_out, 2);
    CHECK_EQ(netstack_stats()->dropped, 0);
    peer_stop();
}

static void test_incoming_is_refused(void)
{
    const struct segment syn = {
        .sport = 4000, .dport = 22, .seq = 77, .flags = SYN, .window = 1000};
    struct segment rst;

    peer_start();
    for (uint8_t family = 4; family <= 6; family += 2) {
        peer_send_segment(family, &syn);
        CHECK(peer_take_segment(&rst));
        CHECK_EQ(rst.flags, RST | ACK);
        CHECK_EQ(rst.ack, 78);
        CHECK_EQ(rst.sport, 22);
        CHECK_EQ(rst.dport, 4000);
    }
    CHECK(netstack_next_deadline() == NEVER);
    peer_stop();
}

/* Each is dropped without an answer. */
static void test_dropped(void)
{
    static const struct ipaddr other4 = {4, {100, 64, 0, 9}}, all4 = {4, {255, 255, 255, 255}};
    static const struct ipaddr all6 = {6, {0xff, 2, [15] = 1}};
    uint8_t b[1600] = {0};
    uint64_t dropped;

    peer_start();
    b[0] = 8; /* an echo request, but ... */
    peer_send(&peer4, &other4, 1, b, 40, 2);
    peer_send(&peer4, &all4, 1, b, 40, 2);
    peer_send(&own4, &own4, 1, b, 40, 2);
    peer_send(&peer4, &own4, 1, b, 7, -1);
    peer_send(&peer4, &own4, 1, b, 1500, 2);
    b[0] = 128;
    peer_send(&peer6, &all6, 58, b, 40, 2);
    dropped = netstack_stats()->dropped;
    CHECK_EQ(dropped, 6);
    for (unsigned type = 0; type < 256; type++) { /* neighbour discovery and all other ICMP */
        b[0] = (uint8_t)type;
        if (type != 8)
            peer_send(&peer4, &own4, 1, b, 64, 2);
        if (type != 128)
            peer_send(&peer6, &own6, 58, b, 64, 2);
    }
    for (unsigned proto = 0; proto < 256; proto++) { /* other protocols, extension headers */
        if (proto != 1 && proto != 6 && proto != 99)
            peer_send(&peer4, &own4, (uint8_t)proto, b, 64, -1);
        if (proto != 58 && proto != 6 && proto != 99)
            peer_send(&peer6, &own6, (uint8_t)proto, b, 64, -1);
    }
    CHECK_EQ(netstack_stats()->dropped - dropped, 2 * 255 + 2 * 253);
    CHECK_EQ(peer_caught(), 0);
    peer_stop();
}

static void test_odd_headers(void)
{
    uint8_t p[64] = {0x46, 0, 0, 44, 0, 0, 0, 0, 60, 1, 0, 0, 100, 64, 0, 2, 100, 64, 0, 1};

    peer_start();
    netstack_input(p, 44, now); /* options */
    p[0] = 0x45;
    p[6] = 0x20;
    netstack_input(p, 44, now); /* a first fragment */
    p[6] = 0;
    p[7] = 9;
    netstack_input(p, 44, now); /* a later one */
    p[7] = 0;
    netstack_input(p, 43, now); /* shorter than it says */
    p[3] = 19;
    netstack_input(p, 44, now); /* says less than a header */
    for (size_t len = 0; len < 20; len++)
        netstack_input(p, len, now);
    p[0] = 0x65;
    netstack_input(p, 44, now);
    p[0] = 0x35;
    netstack_input(p, 44, now);
    CHECK_EQ(netstack_stats()->dropped, 27);
    CHECK_EQ(peer_caught(), 0);
    peer_stop();
}

static void test_bad_checksums(void)
{
    uint8_t echo[40] = {8, 0, 1, 1}; /* not its checksum */
    uint8_t tcp[20] = {0x10, 0, 0, 22, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0, 99, 1, 1};

    peer_start();
    peer_send(&peer4, &own4, 1, echo, 40, -1);
    echo[0] = 128;
    peer_send(&peer6, &own6, 58, echo, 40, -1);
    peer_send(&peer4, &own4, 6, tcp, 20, -1);
    peer_send(&peer6, &own6, 6, tcp, 20, -1);
    CHECK_EQ(peer_caught(), 0);
    peer_send(&peer4, &own4, 6, tcp, 20, 16);
    peer_send(&peer6, &own6, 6, tcp, 20, 16);
    CHECK_EQ(peer_caught(), 2); /* refused, so they were read */
    peer_stop();
}

static void test_tsmp_ping(void)
{
    size_t len = 0;
    const uint8_t *p;

    peer_start();
    peer_send(&peer4, &own4, 99, (const uint8_t *)"p12345678", 9, -1);
    p = peer_take(&len);
    CHECK(p && len == 31);
    CHECK_MEM(p + 20, "o12345678\0\0", 11);
    CHECK_EQ(peer_sum(&own4, &peer4, 0, p, 20, false), 0);
    peer_send(&peer6, &own6, 99, (const uint8_t *)"p12345678", 9, -1);
    p = peer_take(&len);
    CHECK(p && len == 51);
    peer_send(&peer4, &own4, 99, (const uint8_t *)"o12345678\0\0", 11, -1);
    peer_send(&peer4, &own4, 99, (const uint8_t *)"a12345678", 9, -1);
    peer_send(&peer4, &own4, 99, NULL, 0, -1);
    CHECK_EQ(peer_caught(), 0);
    peer_stop();
}

/* A connection that waits for its SYN to be answered, and the port it uses. */
static struct tcp_conn *connecting(const struct ipaddr *to, uint16_t *port)
{
    struct tcp_conn *tc = tcp_conn_open(to, 22, &now, false, now);
    struct segment syn = {0};

    netstack_flush(now);
    CHECK(peer_take_segment(&syn) && syn.flags == SYN);
    *port = syn.sport;
    return tc;
}

static void test_tsmp_reject(void)
{
    static const struct {
        int number;
        uint8_t proto, flags;
        int port_off;
        uint16_t their_port;
        bool from_other, kills;
    } cases[] = {
        {1, 6, 0, 0, 22, false, true},  {2, 17, 0, 0, 22, false, false},
        {3, 6, 1, 0, 22, false, false}, {4, 6, 0, 1, 22, false, false},
        {5, 6, 0, 0, 23, false, false}, {6, 6, 0, 0, 22, true, false},
    };
    static const struct ipaddr other4 = {4, {100, 64, 0, 3}};
    uint16_t port;

    peer_start();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t msg[8] = {'!', cases[i].proto, 'A'};
        struct tcp_conn *tc = connecting(&peer4, &port);

        CHECK(netstack_next_ready() == NULL);
        store_be16(msg + 3, (uint16_t)(port + cases[i].port_off));
        store_be16(msg + 5, cases[i].their_port);
        msg[7] = cases[i].flags;
        peer_send(cases[i].from_other ? &other4 : &peer4, &own4, 99, msg, 8, -1);
        if (cases[i].kills) {
            CHECK(netstack_next_ready() == tc);
            CHECK_EQ(tcp_conn_state(tc), TCP_CONN_CLOSED);
            CHECK_EQ(tcp_conn_error(tc), IPN_ERR_NOT_FOUND);
        } else if (!CHECK_EQ(tcp_conn_state(tc), TCP_CONN_CONNECTING)) {
            fprintf(stderr, "    case %d\n", cases[i].number);
        }
        CHECK_EQ(peer_caught(), 0); /* nobody listens to a reset */
        tcp_conn_free(tc, true);
    }
    CHECK_EQ(netstack_stats()->tsmp_rejects, 6);
    peer_stop();
}

static void test_addresses(void)
{
    static const struct ipaddr none = {0}, new4 = {4, {100, 64, 0, 77}};
    struct tcp_conn *a, *b, *held;
    uint16_t port;

    peer_start();
    a = connecting(&peer4, &port);
    b = connecting(&peer6, &port);
    held = tcp_conn_open(&peer6, 22, NULL, true, now);
    netstack_set_addresses(&own4, &own6);
    CHECK_EQ(tcp_conn_state(a), TCP_CONN_CONNECTING);
    netstack_set_addresses(&new4, &own6);
    CHECK_EQ(tcp_conn_state(a), TCP_CONN_CLOSED);
    CHECK_EQ(tcp_conn_error(a), IPN_ERR_CLOSED);
    CHECK_EQ(tcp_conn_state(b), TCP_CONN_CONNECTING);
    CHECK_EQ(tcp_conn_state(held), TCP_CONN_CONNECTING);
    netstack_set_addresses(&new4, &none);
    CHECK_EQ(tcp_conn_state(b), TCP_CONN_CLOSED);
    CHECK_EQ(tcp_conn_state(held), TCP_CONN_CLOSED);
    CHECK(tcp_conn_open(&peer6, 22, NULL, false, now) == NULL);
    tcp_conn_free(a, false);
    tcp_conn_free(b, false);
    tcp_conn_free(held, false);
    peer_drop_all();
    a = tcp_conn_open(&new4, 22, NULL, false, now); /* ourselves */
    CHECK_EQ(tcp_conn_state(a), TCP_CONN_CLOSED);
    CHECK_EQ(tcp_conn_error(a), IPN_ERR_CLOSED);
    CHECK(netstack_next_ready() == a);
    tcp_conn_free(a, false);
    a = connecting(&peer4, &port);
    netstack_set_addresses(&none, &none);
    CHECK_EQ(tcp_conn_error(a), IPN_ERR_CLOSED);
    CHECK(netstack_next_deadline() == NEVER);
    peer_stop();
}

/* A relay's queue is short: of many who speak in one moment some wait, unless the end is near. */
static void test_bursts(void)
{
    enum { CONNS = 20, BURST = 16, PAUSE_MS = 4 };

    peer_start();
    for (int i = 0; i < CONNS; i++)
        CHECK(tcp_conn_open(&peer4, 22, NULL, false, now) != NULL);
    netstack_flush(now);
    netstack_flush(now);
    CHECK_EQ(peer_caught(), BURST);
    CHECK(netstack_next_deadline() > now && netstack_next_deadline() <= now + PAUSE_MS);
    netstack_flush(now += PAUSE_MS);
    CHECK_EQ(peer_caught(), CONNS);
    CHECK(netstack_next_deadline() > now + PAUSE_MS);
    peer_drop_all();
    netstack_hurry();
    for (int i = 0; i < CONNS; i++)
        CHECK(tcp_conn_open(&peer4, 22, NULL, false, now) != NULL);
    netstack_flush(now);
    CHECK_EQ(peer_caught(), CONNS);
    peer_stop();
}

int main(void)
{
    test_life();
    test_echo();
    test_incoming_is_refused();
    test_dropped();
    test_odd_headers();
    test_bad_checksums();
    test_tsmp_ping();
    test_tsmp_reject();
    test_addresses();
    test_bursts();
    return TEST_DONE();
}
