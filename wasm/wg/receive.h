/* Everything a device receives (whitepaper 5.4): one function per message type. */
#ifndef WG_RECEIVE_H
#define WG_RECEIVE_H

#include "wg/device_internal.h"

/* Initiation or response, of the right length: MACs, load, then the handshake. */
void wg_receive_handshake(struct wg_device *dev, const uint8_t *msg, size_t len,
                          const struct node_public *from, uint64_t now_ms);

void wg_receive_cookie(struct wg_device *dev, const struct wg_msg_cookie *msg, uint64_t now_ms);

/* Opened in place; *out is set if there is an IP packet that the sender may send. */
void wg_receive_transport(struct wg_device *dev, struct wg_received *out, uint8_t *datagram,
                          size_t len, uint64_t now_ms);

#endif
