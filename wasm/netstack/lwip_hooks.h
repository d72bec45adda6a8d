/* Called by lwIP from inside (see lwipopts.h); included by its sources and by netstack/ only. */
#ifndef NETSTACK_LWIP_HOOKS_H
#define NETSTACK_LWIP_HOOKS_H

#include "lwip/ip_addr.h"
#include "lwip/err.h"

struct tcp_pcb;
struct tcp_hdr;
struct pbuf;

/* Initial sequence number, RFC 6528: a 4 us clock plus a keyed hash of the four-tuple. */
u32_t netstack_tcp_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote,
                       u16_t remote_port);

/* ERR_OK to let the segment (header in host order, options behind it, p = its data) into lwIP's
 * state machine. May blank its options. */
err_t netstack_tcp_admit(struct tcp_pcb *pcb, struct tcp_hdr *hdr, const struct pbuf *p);

#endif
