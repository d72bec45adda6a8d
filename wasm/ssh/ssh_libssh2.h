/*
 * libssh2 without an operating system, and the few things its public interface cannot do. Private
 * to ssh/. Besides the crypto backend only ssh_libssh2.c and ssh_kex.c look inside libssh2.
 *
 *   wire in  --read-->  libssh2  --on_packet: every packet, opened and checked-->  ssh_session
 *                          |                                          |
 *                          | <---- what it passes on -----------------+---> what it takes
 *   wire out <--write--    | <---- ssh_libssh2_send: a packet of ours
 *                        heap: every block counted, zeroed, wiped, owned by one session
 *
 * `write` takes all it is given, always: libssh2 must never be stopped in the middle of a packet,
 * because whatever it sends next would have to be the same packet again. Whoever owns the hooks
 * queues the bytes and stops feeding `read` while too many are queued.
 */
#ifndef SSH_SSH_LIBSSH2_H
#define SSH_SSH_LIBSSH2_H

#include <libssh2.h>

#include "base/bytes.h"
#include "ssh/ssh_kex.h"

/* Memory of one libssh2 session. What libssh2 forgets to free goes with ssh_heap_wipe. */
struct ssh_heap {
    struct ssh_heap_block *first;
    size_t in_use, max; /* bytes, headers included */
    bool exhausted;     /* an allocation was refused */
};

void *ssh_heap_alloc(struct ssh_heap *h, size_t len); /* zeroed; NULL over max */
void *ssh_heap_realloc(struct ssh_heap *h, void *p, size_t len);
void ssh_heap_free(struct ssh_heap *h, void *p); /* wipes; NULL is fine */
void ssh_heap_wipe(struct ssh_heap *h);          /* frees every block */

enum ssh_verdict {
    SSH_PACKET_PASS, /* libssh2 acts on it */
    SSH_PACKET_DONE, /* libssh2 never sees it */
    SSH_PACKET_KEPT  /* nor does it free it: packet.data is the hook's, for ssh_heap_free */
};

struct ssh_libssh2_hooks {
    struct ssh_heap heap;
    void *ctx;
    /* Count, 0 = nothing now, < 0 = the end. */
    int (*read)(void *ctx, uint8_t *dst, size_t cap);
    /* Takes all of it, or returns < 0 when the connection is gone. */
    int (*write)(void *ctx, const uint8_t *src, size_t len);
    /* Every packet received, packet[0] = its type, before libssh2 acts on it. It must not send:
     * that could be in the middle of a key exchange. */
    enum ssh_verdict (*on_packet)(void *ctx, struct bytes packet);

    LIBSSH2_SESSION *session; /* set by ssh_libssh2_new */
    struct ssh_kex kex;
    unsigned reads; /* calls of read */
    bool starved; /* the last of them found nothing */
};

/* hooks must outlive the session. NULL when out of memory. */
LIBSSH2_SESSION *ssh_libssh2_new(struct ssh_libssh2_hooks *hooks);

/* Frees without writing or reading anything, and wipes the heap. */
void ssh_libssh2_free(LIBSSH2_SESSION *session, struct ssh_libssh2_hooks *hooks);

/*
 * libssh2 answers EAGAIN also while there is more to read: with ChaCha20 it stops at each packet
 * that its buffer does not hold to the end. So EAGAIN means "call again" until a read has found
 * nothing. True if the call that began with *reads = hooks->reads should be repeated.
 */
bool ssh_libssh2_again(const struct ssh_libssh2_hooks *hooks, unsigned *reads, unsigned *idle);

/* Reads and sorts whatever has arrived: 0, or a libssh2 error other than EAGAIN. */
int ssh_libssh2_pump(LIBSSH2_SESSION *session);

/* One packet, body behind head: 0, EAGAIN during a key exchange (nothing was sent, anything else
 * may be sent first later), or another libssh2 error. At most 34,000 bytes. */
int ssh_libssh2_send(LIBSSH2_SESSION *session, struct bytes head, struct bytes body);

/* The exchange hash of the first key exchange. */
struct bytes ssh_libssh2_session_id(const LIBSSH2_SESSION *session);

#endif
