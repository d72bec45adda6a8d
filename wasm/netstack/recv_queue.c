/* See recv_queue.h. */
#include "netstack/recv_queue.h"

#include <string.h>

#include "base/bytes.h"
#include "lwip/pbuf.h"

enum {
    SMALL_SEGMENT = 256, /* below this a copy is cheaper than holding a packet */
    BLOCK_LEN = 2048,
};

static void link_pbuf(struct recv_queue *q, struct pbuf *p, size_t room)
{
    if (q->tail)
        q->tail->next = p;
    else
        q->head = p;
    q->tail = p;
    q->tail_room = room;
    q->len += p->len;
}

/* True if p's bytes were copied behind those of the tail block. */
static bool gather(struct recv_queue *q, const struct pbuf *p)
{
    if (p->len > q->tail_room)
        return false;
    memcpy((uint8_t *)q->tail->payload + q->tail->len, p->payload, p->len);
    q->tail->len = (uint16_t)(q->tail->len + p->len);
    q->tail_room -= p->len;
    q->len += p->len;
    return true;
}

/* Takes over p, a single pbuf. */
static void append_one(struct recv_queue *q, struct pbuf *p)
{
    if (p->len < SMALL_SEGMENT && p->len > q->tail_room) {
        struct pbuf *block = pbuf_alloc(PBUF_RAW, BLOCK_LEN, PBUF_RAM);

        if (block) {
            block->len = 0;
            link_pbuf(q, block, BLOCK_LEN);
        }
    }
    if (p->len == 0 || gather(q, p))
        pbuf_free(p);
    else
        link_pbuf(q, p, 0);
}

void recv_queue_append(struct recv_queue *q, struct pbuf *p)
{
    while (p) {
        struct pbuf *next = p->next;

        p->next = NULL;
        p->tot_len = p->len;
        append_one(q, p);
        p = next;
    }
}

static void drop_head(struct recv_queue *q)
{
    struct pbuf *p = q->head;

    q->head = p->next;
    if (!q->head) {
        q->tail = NULL;
        q->tail_room = 0;
    }
    q->head_at = 0;
    p->next = NULL;
    pbuf_free(p);
}

size_t recv_queue_read(struct recv_queue *q, uint8_t *dst, size_t cap)
{
    size_t done = 0;

    while (done < cap && q->head) {
        size_t n = q->head->len - q->head_at;

        if (n > cap - done)
            n = cap - done;
        memcpy(dst + done, (uint8_t *)q->head->payload + q->head_at, n);
        done += n;
        q->head_at += n;
        if (q->head_at == q->head->len)
            drop_head(q);
    }
    q->len -= done;
    return done;
}

void recv_queue_wipe(struct recv_queue *q)
{
    while (q->head)
        drop_head(q);
    q->len = 0;
}
