/*
 * A byte queue that grows, up to a ceiling: appended at the end, consumed at the front.
 *
 *   data            data + head              data + head + len
 *   | consumed ...  | bytes to read ...      | room ...         | cap
 *
 * Consumed room is reused before the block grows. What it frees it wipes.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/bytes.h"

struct buf {
    uint8_t *data;
    size_t head, len, cap;
    size_t max_len; /* ceiling of len in bytes */
};

/* An empty queue that never holds more than max_len bytes; allocates nothing yet. */
void buf_init(struct buf *b, size_t max_len);

/* Wipes and frees; the buf is empty and usable again. */
void buf_wipe(struct buf *b);

/* Room for len more bytes at the end, or NULL if over the ceiling or out of memory. The pointer
 * is valid until the next call on b; write to it, then buf_commit what was written. */
uint8_t *buf_reserve(struct buf *b, size_t len);
void buf_commit(struct buf *b, size_t len);

/* Appends a copy. 0, IPN_ERR_FULL over the ceiling, IPN_ERR_NOMEM. */
int buf_append(struct buf *b, const void *src, size_t len);

/* The bytes at the front; valid until the next call on b. */
static inline uint8_t *buf_head(struct buf *b)
{
    return b->data + b->head;
}

/* Drops len (at most b->len) bytes from the front. */
void buf_consume(struct buf *b, size_t len);

#endif
