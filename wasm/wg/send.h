/* Everything a device sends (whitepaper 6.2, 6.4, 6.5). */
#ifndef WG_SEND_H
#define WG_SEND_H

#include "wg/device_internal.h"

/* A handshake is wanted: starts one unless one is under way or just was. Counts as a fresh
 * attempt, which lasts REKEY_ATTEMPT_TIME. */
void wg_send_want_handshake(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms);

/* One initiation, now. */
void wg_send_initiation(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms);

/* The answer to an initiation that was consumed; uses up *hs. Makes the next keypair. */
void wg_send_response(struct wg_device *dev, struct wg_peer *peer, struct wg_responder *hs,
                      uint64_t now_ms);

/* "Come again with a cookie", to a message refused under load. */
void wg_send_cookie(struct wg_device *dev, const uint8_t *msg, size_t len,
                    const struct node_public *to, uint64_t now_ms);

/* Sends what is staged if there is a session, else wants a handshake. */
void wg_send_staged(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms);

/* An empty packet, unless something staged does its work. */
void wg_send_keepalive(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms);

/* One IP packet (len 0: a keepalive) under the current keypair, which must be usable. */
void wg_send_packet(struct wg_device *dev, struct wg_peer *peer, const uint8_t *packet, size_t len,
                    uint64_t now_ms);

#endif
