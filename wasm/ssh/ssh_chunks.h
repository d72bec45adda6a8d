/*
 * What a channel has received and the page has not taken, in the order it came. Private to ssh/.
 *
 *   first --> [a packet of 32 kB, as it was opened]  --> [2 kB: small packets one behind another]
 *             at ........................ end             at ........ end ... cap
 *
 * A chunk holds bytes of one stream only.
 */
#ifndef SSH_SSH_CHUNKS_H
#define SSH_SSH_CHUNKS_H

#include "ssh/ssh_libssh2.h"

enum {
    SSH_DATA_LEN = 32 << 10, /* one DATA event */
    SSH_CHUNK_LEN = 2048     /* of a block that collects small packets */
};

enum ssh_stream { SSH_STREAM_STDOUT, SSH_STREAM_STDERR };

struct ssh_chunk {
    struct ssh_chunk *next;
    uint8_t *block; /* of the heap */
    uint32_t at, end, cap;
    enum ssh_stream stream;
};

struct ssh_chunks {
    struct ssh_chunk *first, *last;
    size_t len;
};

struct ssh_session;

/* Keeps len bytes at packet + at, which may mean the packet itself. */
enum ssh_verdict ssh_chunks_put(struct ssh_session *s, struct ssh_chunks *q, enum ssh_stream stream,
                                struct bytes packet, size_t at, size_t len);
/* At most cap (<= SSH_DATA_LEN) bytes of one stream, valid until the next call; none: len 0. */
struct bytes ssh_chunks_take(struct ssh_session *s, struct ssh_chunks *q, size_t cap,
                             enum ssh_stream *stream);
void ssh_chunk_free(struct ssh_session *s, struct ssh_chunk *chunk);
void ssh_chunks_wipe(struct ssh_session *s, struct ssh_chunks *q);

#endif
