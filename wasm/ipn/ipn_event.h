/*
 * The queue between the engine and whoever polls: small events that own their bytes. Bulk data
 * never goes through it; ipn_poll hands that out where it lies.
 */
#ifndef IPN_IPN_EVENT_H
#define IPN_IPN_EVENT_H

#include "include/ipn.h"

/* Whoever drives us drains after every call, so a queue this long means that nobody does. */
#define IPN_EVENT_MAX_QUEUED 4096

struct ipn_event_queue {
    struct ipn_queued *head, *tail;
    struct ipn_queued *handed_out; /* what the last pop lent */
    size_t count;
};

/* Copies both texts. 0, IPN_ERR_FULL, IPN_ERR_NOMEM. */
int ipn_event_push(struct ipn_event_queue *q, uint32_t type, uint32_t id, int32_t code,
                   const void *text, size_t text_len, const void *aux, size_t aux_len);

/* True and *ev, whose bytes are valid until the next pop or wipe. */
bool ipn_event_pop(struct ipn_event_queue *q, struct ipn_event *ev);

void ipn_event_wipe(struct ipn_event_queue *q);

#endif
