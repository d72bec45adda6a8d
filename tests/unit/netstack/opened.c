/* See opened.h. */
#include "unit/netstack/opened.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "netstack/netstack.h"

struct opened at;
uint8_t big[BIG];

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "no connection: %s\n", what);
    abort();
}

struct segment reply(uint8_t flags)
{
    return (struct segment){.sport = 22,
                            .dport = at.port,
                            .seq = at.snd,
                            .ack = at.rcv,
                            .flags = flags,
                            .window = 65535};
}

void send_syn_ack(bool scaled)
{
    static const uint8_t options[] = {2, 4, 4, 196, 1, 3, 3, 7, 1, 1, 4, 2};
    struct segment s = reply(SYN | ACK);

    s.seq = PEER_ISN;
    s.options_len = scaled ? sizeof options : 4;
    memcpy(s.options, options, s.options_len);
    at.snd = PEER_ISN + 1;
    peer_send_segment(at.family, &s);
}

void open_conn(uint8_t family, bool scaled)
{
    struct segment s = {0};

    peer_start();
    at.family = family;
    at.tc = tcp_conn_open(family == 4 ? &peer4 : &peer6, 22, &at, false, now);
    need(at.tc && peer_caught() == 0, "the SYN goes out with the flush, not before");
    netstack_flush(now);
    need(peer_take_segment(&s) && s.flags == SYN, "SYN");
    at.port = s.sport;
    at.rcv = s.seq + 1;
    send_syn_ack(scaled);
    netstack_flush(now);
    need(peer_take_segment(&s) && s.flags == ACK && s.ack == at.snd, "ACK");
    need(peer_caught() == 0, "nothing more");
    need(netstack_next_ready() == at.tc && !netstack_next_ready(), "ready once");
    need(tcp_conn_owner(at.tc) == &at && tcp_conn_state(at.tc) == TCP_CONN_OPEN, "open");
    need(netstack_next_deadline() == NEVER, "nothing waits for a timer");
}

void close_conn(void)
{
    tcp_conn_free(at.tc, true);
    peer_stop();
}

void peer_data(uint32_t offset, size_t len, uint8_t flags)
{
    struct segment s = reply(ACK | flags);

    s.seq = at.snd + offset;
    s.data = big;
    s.len = len;
    peer_send_segment(at.family, &s);
}

unsigned pass(uint64_t ms)
{
    const uint64_t until = now + ms;
    unsigned ticks = 0;

    while (netstack_next_deadline() <= until) {
        now = netstack_next_deadline() > now ? netstack_next_deadline() : now;
        netstack_tick(now);
        ticks++;
    }
    now = until;
    return ticks;
}
