/*
 * The ring of bytes. read_at stays below cap; the write end is (read_at + len) & (cap - 1).
 */
#include "base/ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

int ring_init(struct ring *r, size_t cap)
{
    *r = (struct ring){0};
    if (cap == 0 || (cap & (cap - 1)) != 0)
        return IPN_ERR_ARG;
    r->data = malloc(cap);
    if (!r->data)
        return IPN_ERR_NOMEM;
    r->cap = cap;
    return 0;
}

void ring_wipe(struct ring *r)
{
    if (r->data)
        wipe(r->data, r->cap);
    free(r->data);
    *r = (struct ring){0};
}

size_t ring_write(struct ring *r, const uint8_t *src, size_t len)
{
    size_t n = smaller(len, ring_room(r));
    size_t at, run;

    if (n == 0)
        return 0;
    at = (r->read_at + r->len) & (r->cap - 1);
    run = smaller(n, r->cap - at);
    memcpy(r->data + at, src, run);
    memcpy(r->data, src + run, n - run);
    r->len += n;
    return n;
}

struct bytes ring_peek(const struct ring *r)
{
    if (r->len == 0)
        return (struct bytes){NULL, 0};
    return (struct bytes){r->data + r->read_at, smaller(r->len, r->cap - r->read_at)};
}

void ring_consume(struct ring *r, size_t len)
{
    r->len -= len;
    r->read_at = r->len ? (r->read_at + len) & (r->cap - 1) : 0;
}

size_t ring_read(struct ring *r, uint8_t *dst, size_t len)
{
    size_t done = 0;

    while (done < len && r->len > 0) {
        struct bytes run = ring_peek(r);
        size_t n = smaller(run.len, len - done);

        memcpy(dst + done, run.data, n);
        ring_consume(r, n);
        done += n;
    }
    return done;
}
