/* See ssh_chunks.h. */
#include <string.h>

#include "ssh/ssh_session_internal.h"

static struct ssh_chunk *chunk_append(struct ssh_session *s, struct ssh_chunks *q,
                                      enum ssh_stream stream, uint8_t *block)
{
    struct ssh_chunk *chunk = ssh_heap_alloc(&s->hooks.heap, sizeof *chunk);

    if (!chunk)
        return NULL;
    chunk->stream = stream;
    chunk->block = block;
    if (q->last)
        q->last->next = chunk;
    else
        q->first = chunk;
    q->last = chunk;
    return chunk;
}

enum ssh_verdict ssh_chunks_put(struct ssh_session *s, struct ssh_chunks *q, enum ssh_stream stream,
                                struct bytes packet, size_t at, size_t len)
{
    struct ssh_chunk *last = q->last;
    uint8_t *block;

    if (len >= SSH_CHUNK_LEN) {
        last = chunk_append(s, q, stream, (uint8_t *)(uintptr_t)packet.data);
        if (!last)
            goto nomem;
        last->at = (uint32_t)at;
        last->end = last->cap = (uint32_t)(at + len);
        q->len += len;
        return SSH_PACKET_KEPT;
    }
    if (!last || last->stream != stream || last->cap - last->end < len) {
        block = ssh_heap_alloc(&s->hooks.heap, SSH_CHUNK_LEN);
        last = block ? chunk_append(s, q, stream, block) : NULL;
        if (!last) {
            ssh_heap_free(&s->hooks.heap, block);
            goto nomem;
        }
        last->cap = SSH_CHUNK_LEN;
    }
    memcpy(last->block + last->end, packet.data + at, len);
    last->end += (uint32_t)len;
    q->len += len;
    return SSH_PACKET_DONE;
nomem:
    s->out_of_memory = true;
    return SSH_PACKET_DONE;
}

void ssh_chunk_free(struct ssh_session *s, struct ssh_chunk *chunk)
{
    if (!chunk)
        return;
    ssh_heap_free(&s->hooks.heap, chunk->block);
    ssh_heap_free(&s->hooks.heap, chunk);
}

/* Takes n bytes off the first chunk. If that empties it, it is the caller's to free. */
static struct ssh_chunk *chunk_take(struct ssh_chunks *q, size_t n)
{
    struct ssh_chunk *first = q->first;

    q->len -= n;
    first->at += (uint32_t)n;
    if (first->at < first->end)
        return NULL;
    q->first = first->next;
    if (!q->first)
        q->last = NULL;
    return first;
}

struct bytes ssh_chunks_take(struct ssh_session *s, struct ssh_chunks *q, size_t cap,
                             enum ssh_stream *stream)
{
    struct ssh_chunk *first = q->first;
    struct bytes out = {NULL, 0};
    size_t n;

    ssh_chunk_free(s, s->channels.lent);
    s->channels.lent = NULL;
    if (!first || !cap)
        return out;
    *stream = first->stream;
    n = first->end - first->at;
    if (n >= cap / 2 || !first->next || first->next->stream != first->stream) {
        out = (struct bytes){first->block + first->at, n < cap ? n : cap};
        s->channels.lent = chunk_take(q, out.len);
        return out;
    }
    out.data = s->channels.data;
    while (q->first && q->first->stream == *stream && out.len < cap) {
        n = q->first->end - q->first->at;
        if (n > cap - out.len)
            n = cap - out.len;
        memcpy(s->channels.data + out.len, q->first->block + q->first->at, n);
        out.len += n;
        ssh_chunk_free(s, chunk_take(q, n));
    }
    return out;
}

void ssh_chunks_wipe(struct ssh_session *s, struct ssh_chunks *q)
{
    while (q->first)
        ssh_chunk_free(s, chunk_take(q, q->first->end - q->first->at));
}
