/*
 * TSMP, Tailscale's messages between nodes: IP protocol 99 inside the tunnel, never seen by the
 * TCP stack (layout: tailscale net/packet/tsmp.go). After the IP header:
 *
 *   '!' [proto 1][reason 1][our port 2 BE][its port 2 BE]([flags 1])   its filter rejected a flow
 *   'p' [8 opaque bytes]                                               ping
 *   'o' [the same 8 bytes][peer API port 2 BE]                         pong
 */
#ifndef NETSTACK_TSMP_H
#define NETSTACK_TSMP_H

#include "base/ipaddr.h"

#define TSMP_IP_PROTO 99
#define TSMP_PONG_MAX_LEN (40 + 11)

struct tsmp_reject {
    uint8_t ip_proto; /* of the rejected flow */
    uint8_t reason;   /* 'A' policy, 'S' shields up, 'F' forwarding off, 'W' host firewall, ... */
    uint16_t our_port, their_port;
    bool maybe_broken; /* a hint only: the flow may still come to life */
};

/* True if payload (what follows the IP header) is a whole '!' message. */
bool tsmp_reject_parse(struct tsmp_reject *out, const uint8_t *payload, size_t len);

/* If payload is a ping: writes the whole IP packet that answers it, from `from` to `to` (one
 * family) and returns its length; otherwise 0. We have no peer API: its port is 0. */
size_t tsmp_pong_create(uint8_t out[TSMP_PONG_MAX_LEN], const struct ipaddr *from,
                        const struct ipaddr *to, const uint8_t *payload, size_t len);

#endif
