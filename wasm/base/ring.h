/*
 * A ring of bytes with a fixed capacity (a power of two). One writer, one reader, no moves.
 */
#ifndef BASE_RING_H
#define BASE_RING_H

#include "base/bytes.h"

struct ring {
    uint8_t *data;
    size_t cap;            /* power of two */
    size_t read_at, len;
};

/* 0, or IPN_ERR_NOMEM, IPN_ERR_ARG if cap is no power of two. */
int ring_init(struct ring *r, size_t cap);
void ring_wipe(struct ring *r);

/* Copies in as much as fits; returns that count. */
size_t ring_write(struct ring *r, const uint8_t *src, size_t len);

/* Copies out and consumes at most len bytes; returns the count. */
size_t ring_read(struct ring *r, uint8_t *dst, size_t len);

/* The longest contiguous run at the read end, valid until the next call on r. */
struct bytes ring_peek(const struct ring *r);
void ring_consume(struct ring *r, size_t len);

static inline size_t ring_room(const struct ring *r)
{
    return r->cap - r->len;
}

#endif
