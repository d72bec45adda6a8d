#include "wg/staged.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

int wg_staged_push(struct wg_staged *q, const uint8_t *packet, size_t len)
{
    struct wg_packet *p = malloc(sizeof *p + len);
    if (!p)
        return IPN_ERR_NOMEM;
    p->next = NULL;
    p->len = len;
    memcpy(p->data, packet, len);
    if (q->last)
        q->last->next = p;
    else
        q->first = p;
    q->last = p;
    if (!q->unsent)
        q->unsent = p;
    q->count++;
    q->bytes += len;
    return 0;
}

void wg_staged_pop(struct wg_staged *q)
{
    struct wg_packet *p = q->first;
    if (!p)
        return;
    q->first = p->next;
    if (!q->first)
        q->last = NULL;
    if (q->unsent == p)
        q->unsent = p->next;
    q->count--;
    q->bytes -= p->len;
    wipe(p->data, p->len);
    free(p);
}

void wg_staged_drop_sent(struct wg_staged *q)
{
    while (q->first != q->unsent)
        wg_staged_pop(q);
}

void wg_staged_rewind(struct wg_staged *q)
{
    q->unsent = q->first;
}

void wg_staged_wipe(struct wg_staged *q)
{
    while (q->first)
        wg_staged_pop(q);
}
