/*
 * Packets that wait for a session (whitepaper 6.4), oldest first, as copies.
 *
 *   first ... | unsent ... last
 *   sent, and kept until the far end is known to have the session's keys (see wg_peer.unsettled)
 */
#ifndef WG_STAGED_H
#define WG_STAGED_H

#include <stddef.h>
#include <stdint.h>

struct wg_packet {
    struct wg_packet *next;
    size_t len;
    uint8_t data[];
};

struct wg_staged {
    struct wg_packet *first, *last;
    struct wg_packet *unsent; /* NULL: all were sent */
    size_t count, bytes;
};

/* Appends a copy. 0 or IPN_ERR_NOMEM. */
int wg_staged_push(struct wg_staged *q, const uint8_t *packet, size_t len);
/* Drops the oldest, if there is one. */
void wg_staged_pop(struct wg_staged *q);
/* Drops what was sent already. */
void wg_staged_drop_sent(struct wg_staged *q);
/* Everything is to be sent once more. */
void wg_staged_rewind(struct wg_staged *q);
void wg_staged_wipe(struct wg_staged *q);

#endif
