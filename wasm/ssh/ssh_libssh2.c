#include "libssh2_priv.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "packet.h"
#include "ssh/ssh_libssh2.h"
#include "transport.h"

/* ---- the heap ----
 *
 *   malloc'ed:  [next | previous's next | length | pad to 16][the block, zeroed ...]
 */
struct ssh_heap_block {
    struct ssh_heap_block *next, **link;
    size_t len;
    size_t pad;
};

void *ssh_heap_alloc(struct ssh_heap *h, size_t len)
{
    struct ssh_heap_block *b = NULL;
    size_t room = h->max - h->in_use;

    if (room >= sizeof *b && len <= room - sizeof *b)
        b = calloc(1, sizeof *b + len);
    if (!b) {
        h->exhausted = true;
        return NULL;
    }
    b->len = len;
    b->next = h->first;
    b->link = &h->first;
    if (b->next)
        b->next->link = &b->next;
    h->first = b;
    h->in_use += sizeof *b + len;
    return b + 1;
}

void ssh_heap_free(struct ssh_heap *h, void *p)
{
    struct ssh_heap_block *b;

    if (!p)
        return;
    b = (struct ssh_heap_block *)p - 1;
    h->in_use -= sizeof *b + b->len;
    *b->link = b->next;
    if (b->next)
        b->next->link = b->link;
    wipe(b, sizeof *b + b->len);
    free(b);
}

void *ssh_heap_realloc(struct ssh_heap *h, void *p, size_t len)
{
    size_t old_len = p ? ((struct ssh_heap_block *)p - 1)->len : 0;
    void *moved = ssh_heap_alloc(h, len);

    if (!moved)
        return NULL;
    if (p) {
        memcpy(moved, p, old_len < len ? old_len : len);
        ssh_heap_free(h, p);
    }
    return moved;
}

void ssh_heap_wipe(struct ssh_heap *h)
{
    while (h->first)
        ssh_heap_free(h, h->first + 1);
}

/* ---- libssh2's callbacks ---- */

static LIBSSH2_ALLOC_FUNC(session_alloc)
{
    struct ssh_libssh2_hooks *hooks = *abstract;

    return ssh_heap_alloc(&hooks->heap, count);
}

static LIBSSH2_FREE_FUNC(session_free)
{
    struct ssh_libssh2_hooks *hooks = *abstract;

    ssh_heap_free(&hooks->heap, ptr);
}

static LIBSSH2_REALLOC_FUNC(session_realloc)
{
    struct ssh_libssh2_hooks *hooks = *abstract;

    return ssh_heap_realloc(&hooks->heap, ptr, count);
}

static LIBSSH2_RECV_FUNC(session_recv)
{
    struct ssh_libssh2_hooks *hooks = *abstract;
    int n;

    (void)socket;
    (void)flags;
    if (!ssh_kex_sound(hooks->session, &hooks->kex))
        return 0;
    if (!length) /* a packet larger than libssh2's buffer: asking again would never end */
        return 0;
    n = hooks->read(hooks->ctx, buffer, length);
    hooks->reads++;
    hooks->starved = n == 0;
    hooks->kex.in_len += n > 0 ? (uint64_t)n : 0;
    if (n == 0)
        return -EAGAIN;
    return n < 0 ? 0 : n;
}

static LIBSSH2_SEND_FUNC(session_send)
{
    struct ssh_libssh2_hooks *hooks = *abstract;

    (void)socket;
    (void)flags;
    hooks->kex.out_len += length;
    return hooks->write(hooks->ctx, buffer, length) < 0 ? -EPIPE : (ssize_t)length;
}

LIBSSH2_SESSION *ssh_libssh2_new(struct ssh_libssh2_hooks *hooks)
{
    LIBSSH2_SESSION *session =
        libssh2_session_init_ex(session_alloc, session_free, session_realloc, hooks);

    if (!session)
        return NULL;
    hooks->session = session;
    libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_RECV,
                                  (libssh2_cb_generic *)session_recv);
    libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_SEND,
                                  (libssh2_cb_generic *)session_send);
    libssh2_session_set_blocking(session, 0);
    /* A `check` on a Tailscale node waits for a person: no limit of libssh2's own. */
    libssh2_session_set_read_timeout(session, LONG_MAX);
    return session;
}

static int read_end(void *ctx, uint8_t *dst, size_t cap)
{
    (void)ctx;
    (void)dst;
    (void)cap;
    return -1;
}

static int write_nothing(void *ctx, const uint8_t *src, size_t len)
{
    (void)ctx;
    (void)src;
    (void)len;
    return -1;
}

void ssh_libssh2_free(LIBSSH2_SESSION *session, struct ssh_libssh2_hooks *hooks)
{
    if (session) {
        hooks->read = read_end;
        hooks->write = write_nothing;
        hooks->on_packet = NULL;
        session->socket_state = LIBSSH2_SOCKET_DISCONNECTED;
        /* libssh2 frees the host key only after a key exchange that went through. */
        if (!(session->state & LIBSSH2_STATE_NEWKEYS) && session->hostkey)
            session->hostkey->dtor(session, &session->server_hostkey_abstract);
        libssh2_session_free(session);
    }
    ssh_heap_wipe(&hooks->heap);
}

/* ---- between transport.c and packet.c ---- */

int ssh_libssh2_packet_add(LIBSSH2_SESSION *session, unsigned char *data, size_t datalen,
                           int macstate, uint32_t seq);
int ssh_libssh2_memcmp(const void *a, const void *b, size_t len);

/* Compiled into transport.c in place of memcmp: there it compares MACs, and for equality only. */
int ssh_libssh2_memcmp(const void *a, const void *b, size_t len)
{
    return !bytes_equal(a, b, len);
}

/*
 * Compiled into transport.c in place of _libssh2_packet_add (libssh2.cmake). Lets through only
 * lengths that a packet can have: with an encrypt-then-MAC cipher, transport.c subtracts the
 * padding from the length without comparing them first. Like the original it takes data over,
 * unless it answers EAGAIN; then it is called again with the same packet.
 */
int ssh_libssh2_packet_add(LIBSSH2_SESSION *session, unsigned char *data, size_t datalen,
                           int macstate, uint32_t seq)
{
    struct ssh_libssh2_hooks *hooks = session->abstract;
    enum ssh_verdict verdict = SSH_PACKET_PASS;
    int rc = 0;

    if (session->packAdd_state == libssh2_NB_state_idle) {
        if (datalen < 1 || datalen > LIBSSH2_PACKET_MAXPAYLOAD) {
            LIBSSH2_FREE(session, data);
            return _libssh2_error(session, LIBSSH2_ERROR_OUT_OF_BOUNDARY,
                                  "a packet shorter than its padding");
        }
        if (macstate == LIBSSH2_MAC_CONFIRMED)
            rc = ssh_kex_on_packet(session, &hooks->kex, (struct bytes){data, datalen});
        if (rc) {
            LIBSSH2_FREE(session, data);
            return _libssh2_error(session, rc, "a packet that must not come now");
        }
        if (macstate == LIBSSH2_MAC_CONFIRMED && hooks->on_packet)
            verdict = hooks->on_packet(hooks->ctx, (struct bytes){data, datalen});
        if (verdict == SSH_PACKET_DONE)
            LIBSSH2_FREE(session, data);
        if (verdict != SSH_PACKET_PASS)
            return 0;
    }
    return _libssh2_packet_add(session, data, datalen, macstate, seq);
}

bool ssh_libssh2_again(const struct ssh_libssh2_hooks *hooks, unsigned *reads, unsigned *idle)
{
    bool read = hooks->reads != *reads;

    *reads = hooks->reads;
    *idle = read ? 0 : *idle + 1;
    /* Once it may have worked on bytes it had; twice without reading, it waits for something else. */
    return read ? !hooks->starved : *idle < 2;
}

int ssh_libssh2_pump(LIBSSH2_SESSION *session)
{
    struct ssh_libssh2_hooks *hooks = session->abstract;
    unsigned reads = hooks->reads, idle = 0;
    int rc;

    do {
        rc = _libssh2_transport_read(session);
    } while (rc > 0 || (rc == LIBSSH2_ERROR_EAGAIN && ssh_libssh2_again(hooks, &reads, &idle)));
    return rc == LIBSSH2_ERROR_EAGAIN ? 0 : rc;
}

int ssh_libssh2_send(LIBSSH2_SESSION *session, struct bytes head, struct bytes body)
{
    int rc = _libssh2_transport_send(session, head.data, head.len, body.data, body.len);

    return rc > 0 ? 0 : rc;
}

struct bytes ssh_libssh2_session_id(const LIBSSH2_SESSION *session)
{
    return (struct bytes){session->session_id, session->session_id_len};
}
