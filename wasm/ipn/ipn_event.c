/* [struct ipn_queued][text][aux] in one block each, wiped when freed: STORE carries keys. */
#include "ipn/ipn_event.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

struct ipn_queued {
    struct ipn_queued *next;
    struct ipn_event event;
    uint8_t bytes[];
};

static void free_queued(struct ipn_queued *e)
{
    if (!e)
        return;
    wipe(e->bytes, e->event.text_len + e->event.aux_len);
    free(e);
}

int ipn_event_push(struct ipn_event_queue *q, uint32_t type, uint32_t id, int32_t code,
                   const void *text, size_t text_len, const void *aux, size_t aux_len)
{
    if (q->count >= IPN_EVENT_MAX_QUEUED)
        return IPN_ERR_FULL;
    struct ipn_queued *e = malloc(sizeof *e + text_len + aux_len);
    if (!e)
        return IPN_ERR_NOMEM;
    if (text_len)
        memcpy(e->bytes, text, text_len);
    if (aux_len)
        memcpy(e->bytes + text_len, aux, aux_len);
    e->next = NULL;
    e->event = (struct ipn_event){.type = type,
                                  .id = id,
                                  .code = code,
                                  .text = e->bytes,
                                  .aux = e->bytes + text_len,
                                  .text_len = text_len,
                                  .aux_len = aux_len};
    if (q->tail)
        q->tail->next = e;
    else
        q->head = e;
    q->tail = e;
    q->count++;
    return 0;
}

bool ipn_event_pop(struct ipn_event_queue *q, struct ipn_event *ev)
{
    free_queued(q->handed_out);
    q->handed_out = q->head;
    if (!q->head)
        return false;
    q->head = q->head->next;
    if (!q->head)
        q->tail = NULL;
    q->count--;
    *ev = q->handed_out->event;
    return true;
}

void ipn_event_wipe(struct ipn_event_queue *q)
{
    struct ipn_event ev;
    while (ipn_event_pop(q, &ev)) {
    }
    *q = (struct ipn_event_queue){0};
}
