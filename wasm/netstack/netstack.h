/*
 * TCP/IP in user space: lwIP with IPv4 and IPv6 behind a small door. One stack per module
 * instance (lwIP keeps globals). Nobody outside netstack/ sees a lwIP type.
 */
#ifndef NETSTACK_NETSTACK_H
#define NETSTACK_NETSTACK_H

#include "base/ipaddr.h"

struct netstack_hooks {
    void *ctx;
    /* One whole IP packet to send; the bytes are valid during the call. */
    void (*output)(void *ctx, const uint8_t *packet, size_t len);
};

/* 0, IPN_ERR_NOMEM, or IPN_ERR_STATE if one exists already. */
int netstack_init(const struct netstack_hooks *hooks, uint64_t now_ms);
/* Aborts every connection (RST) and forgets all. */
void netstack_wipe(void);

/* Our addresses; family 0 = none. Connections survive if theirs is unchanged. */
void netstack_set_addresses(const struct ipaddr *v4, const struct ipaddr *v6);

/* One IP packet from the tunnel, read only. TSMP is answered or noted before lwIP sees it. */
void netstack_input(const uint8_t *packet, size_t len, uint64_t now_ms);

/* Sends what is ready: delayed acknowledgements and window updates of this turn. Call it once after a batch of
 * inputs and calls on connections. */
void netstack_flush(uint64_t now_ms);

uint64_t netstack_next_deadline(void);
void netstack_tick(uint64_t now_ms);

/* The next connection with something to look at, or NULL. Its state and counts say what. */
struct tcp_conn *netstack_next_ready(void);

struct netstack_stats {
    uint64_t packets_in, packets_out, dropped, tsmp_rejects, icmp_echoes;
};
const struct netstack_stats *netstack_stats(void);

#endif
