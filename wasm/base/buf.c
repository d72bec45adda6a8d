/*
 * The growing byte queue. Bytes move to the front of the block when at least a quarter of it has
 * been consumed (so a byte is moved four times at most, on average) or when the block is as large
 * as it may become; otherwise the block doubles.
 */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { BUF_MIN_CAP = 256 };

void buf_init(struct buf *b, size_t max_len)
{
    *b = (struct buf){.max_len = max_len};
}

void buf_wipe(struct buf *b)
{
    if (b->data)
        wipe(b->data, b->cap);
    free(b->data);
    buf_init(b, b->max_len);
}

static int buf_grow(struct buf *b, size_t need)
{
    size_t cap = b->cap > b->max_len / 2 ? b->max_len : b->cap * 2;
    uint8_t *data;

    if (cap < BUF_MIN_CAP)
        cap = b->max_len < BUF_MIN_CAP ? b->max_len : BUF_MIN_CAP;
    if (cap < need)
        cap = need;
    data = malloc(cap);
    if (!data)
        return IPN_ERR_NOMEM;
    if (b->data) {
        memcpy(data, b->data + b->head, b->len);
        wipe(b->data, b->cap);
        free(b->data);
    }
    b->data = data;
    b->cap = cap;
    b->head = 0;
    return 0;
}

/* 0, IPN_ERR_FULL, IPN_ERR_NOMEM; after 0 the block has len bytes of room at its end. */
static int buf_make_room(struct buf *b, size_t len)
{
    size_t need;

    if (len > b->max_len - b->len)
        return IPN_ERR_FULL;
    need = b->len + len;
    if (b->data && need <= b->cap - b->head)
        return 0;
    if (b->data && need <= b->cap && (b->head >= b->cap / 4 || b->cap >= b->max_len)) {
        memmove(b->data, b->data + b->head, b->len);
        b->head = 0;
        return 0;
    }
    return buf_grow(b, need ? need : 1);
}

uint8_t *buf_reserve(struct buf *b, size_t len)
{
    if (buf_make_room(b, len) < 0)
        return NULL;
    return b->data + b->head + b->len;
}

void buf_commit(struct buf *b, size_t len)
{
    b->len += len;
}

int buf_append(struct buf *b, const void *src, size_t len)
{
    int rc;

    if (len == 0)
        return 0;
    rc = buf_make_room(b, len);
    if (rc < 0)
        return rc;
    memcpy(b->data + b->head + b->len, src, len);
    b->len += len;
    return 0;
}

void buf_consume(struct buf *b, size_t len)
{
    b->len -= len;
    b->head = b->len ? b->head + len : 0;
}
