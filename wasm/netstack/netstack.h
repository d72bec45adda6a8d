/*
 * TCP/IP in user space: lwIP with IPv4 and IPv6 behind a small door. One stack per module
 * instance (lwIP keeps globals). Nobody outside netstack/ sees a lwIP type.
 */
#ifndef NETSTACK_NETSTACK_H
#define NETSTACK_NETSTACK_H

#include "base/ipaddr.h"

struct netstack_hooks {
    void *ctx;
    /* One whole IP packet to send; the bytes are valid during the call, which may not call back
     * into netstack/. */
    void (*output)(void *ctx, const uint8_t *packet, size_t len);
};

/* 0, IPN_ERR_NOMEM, or IPN_ERR_STATE if one exists already. */
int netstack_init(const struct netstack_hooks *hooks, uint64_t now_ms);
/* Aborts every connection (RST) and forgets all: every tcp_conn is freed, whoever owns it. */
void netstack_wipe(void);

/* Our addresses; family 0 = none. Connections survive if theirs is unchanged; the others are
 * aborted with IPN_ERR_CLOSED. */
void netstack_set_addresses(const struct ipaddr *v4, const struct ipaddr *v6);

/* One IP packet from the tunnel, read only. TSMP is answered or noted before lwIP sees it. */
void netstack_input(const uint8_t *packet, size_t len, uint64_t now_ms);

/* Sends what is ready: delayed acknowledgements and window updates of this turn. Call it once after a batch of
 * inputs and calls on connections. Of many connections some wait for the next deadline. */
void netstack_flush(uint64_t now_ms);
/* The end is near: from now on a flush sends all. */
void netstack_hurry(void);

/* When netstack_tick is due: NEVER unless a connection waits for a timer (unacknowledged data, a
 * closed window, TIME_WAIT ...). Ticks may come late by any amount; after a sleep feed inputs that
 * wait before ticking, and what they acknowledge is not sent again. A tick flushes too. */
uint64_t netstack_next_deadline(void);
void netstack_tick(uint64_t now_ms);

/* The way to the peers is there again: what waits for a retransmission timer is due at the next tick,
 * however long the backoff has grown. */
void netstack_resume(void);

/* The next connection with something to look at, or NULL: its state changed, bytes came, or a
 * write was cut short and there is room again. Each at most once until looked at, so read until 0
 * or remember to. */
struct tcp_conn *netstack_next_ready(void);

/* dropped: not for us, malformed, fragments, IP options, protocols other than TCP, echo and TSMP. */
struct netstack_stats {
    uint64_t packets_in, packets_out, dropped, tsmp_rejects, icmp_echoes;
};
const struct netstack_stats *netstack_stats(void);

#endif
