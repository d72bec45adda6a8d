/*
 * Connections: lwIP's callbacks turned into state that the owner looks at when it pleases. What
 * arrives waits in `received`, uncopied, and keeps the window closed by as much; what is written
 * is copied into lwIP's send buffer and leaves at the next flush.
 *
 *   tcp_conn_open > [held] > flush: SYN > connected > fin_received / fin_wanted > dead
 *   tcp_conn_free: aborted at once, or kept without an owner until lwIP has finished sending
 *
 * lwIP frees a pcb when it calls on_error, and without a word at the end of TIME_WAIT: a
 * connection lets go of its pcb before that.
 */
#include "netstack/tcp_conn.h"

#include <stdlib.h>

#include "base/err.h"
#include "lwip/priv/tcp_priv.h"
#include "netstack/netstack_internal.h"

enum {
    PORT_FIRST = 32768, /* ephemeral ports, random: RFC 6056 */
    PORT_COUNT = 28232,
    PORT_TRIES = 64,
    ROOM_WORTH_TELLING = 16 * 1024,
    CHUNK_MAX = 0xffff, /* tcp_write and tcp_recved take u16 */
    FLUSH_MIN_GROWTH = 2 * TCP_MSS,
};

/* --- the queues ---------------------------------------------------------------------------- */

void conn_queue_push(enum conn_queue_id id, struct tcp_conn *tc)
{
    struct conn_queue *q = &netstack.queues[id];

    if (id == CONN_QUEUE_FLUSH)
        conn_queue_push(CONN_QUEUE_TIMED, tc);
    if (tc->queued[id])
        return;
    tc->queued[id] = true;
    tc->next[id] = NULL;
    if (q->tail)
        q->tail->next[id] = tc;
    else
        q->head = tc;
    q->tail = tc;
}

struct tcp_conn *conn_queue_pop(enum conn_queue_id id)
{
    struct conn_queue *q = &netstack.queues[id];
    struct tcp_conn *tc = q->head;

    if (!tc)
        return NULL;
    q->head = tc->next[id];
    if (!q->head)
        q->tail = NULL;
    tc->queued[id] = false;
    return tc;
}

static void conn_queue_remove(enum conn_queue_id id, struct tcp_conn *tc)
{
    struct conn_queue *q = &netstack.queues[id];
    struct tcp_conn *prev = NULL;

    if (!tc->queued[id])
        return;
    for (struct tcp_conn *at = q->head; at != tc; at = at->next[id])
        prev = at;
    if (prev)
        prev->next[id] = tc->next[id];
    else
        q->head = tc->next[id];
    if (q->tail == tc)
        q->tail = prev;
    tc->queued[id] = false;
}

/* --- life and death ------------------------------------------------------------------------ */

static bool is_orphan(const struct tcp_conn *tc)
{
    return tc->linger_deadline_ms != NEVER;
}

static void notify(struct tcp_conn *tc)
{
    if (!is_orphan(tc))
        conn_queue_push(CONN_QUEUE_READY, tc);
}

/* Frees the struct; its pcb is gone. */
static void destroy(struct tcp_conn *tc)
{
    for (int id = 0; id < CONN_QUEUE_COUNT; id++)
        conn_queue_remove(id, tc);
    recv_queue_wipe(&tc->received);
    if (tc->prev)
        tc->prev->next_conn = tc->next_conn;
    else
        netstack.conns = tc->next_conn;
    if (tc->next_conn)
        tc->next_conn->prev = tc->prev;
    free(tc);
}

/* lwIP goes on alone with the pcb. */
static void detach(struct tcp_conn *tc)
{
    struct tcp_pcb *pcb = tc->pcb;

    if (tc->connected)
        tcp_sender_release(&tc->sender, pcb);
    tcp_ack_init(&tc->ack);
    tc->pcb = NULL;
    netstack.ownerless_changed = true;
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    tcp_err(pcb, NULL);
}

/* The pcb is gone. */
static void die(struct tcp_conn *tc, int error)
{
    tcp_ack_init(&tc->ack);
    tc->pcb = NULL;
    if (is_orphan(tc)) {
        destroy(tc);
        return;
    }
    tc->dead = true;
    tc->error = tc->fin_received && tc->fin_wanted ? 0 : error;
    notify(tc);
}

/* Resets the connection (silently if no SYN was answered); tc may be freed by it. */
static void abort_with(struct tcp_conn *tc, int error)
{
    struct tcp_pcb *pcb = tc->pcb;

    detach(tc);
    tcp_abandon(pcb, tc->connected);
    die(tc, error);
}

/* --- called by lwIP ------------------------------------------------------------------------ */

static void on_error(void *arg, err_t err)
{
    if (err == ERR_CLSD)
        die(arg, 0);
    else
        die(arg, err == ERR_RST ? IPN_ERR_CLOSED : netstack.abort_error);
}

/* Once both FINs are under way, and all before them, lwIP needs no owner: it sends again what is
 * not acknowledged, and waits out TIME_WAIT, at whose end it frees the pcb without a callback. */
static bool detach_if_finished(struct tcp_conn *tc)
{
    enum tcp_state state = tc->pcb->state;

    if (state != TIME_WAIT && ((state != CLOSING && state != LAST_ACK) || tc->pcb->unsent))
        return false;
    detach(tc);
    die(tc, 0);
    return true;
}

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    struct tcp_conn *tc = arg;

    (void)err;
    if (p && is_orphan(tc)) { /* nobody will read it: say so */
        pbuf_free(p);
        detach(tc);
        tcp_abort(pcb);
        die(tc, 0);
        return ERR_ABRT;
    }
    if (p)
        recv_queue_append(&tc->received, p);
    else
        tc->fin_received = true;
    if (p || !detach_if_finished(tc)) {
        notify(tc);
        conn_queue_push(CONN_QUEUE_FLUSH, tc);
    }
    return ERR_OK;
}

static size_t room(const struct tcp_conn *tc)
{
    const struct tcp_pcb *pcb = tc->pcb;
    size_t mss, segments;

    if (!pcb || !tc->connected || tc->fin_wanted || pcb->snd_queuelen + 1 >= TCP_SND_QUEUELEN)
        return 0;
    mss = pcb->snd_wnd_max / 2 < pcb->mss ? pcb->snd_wnd_max / 2 : pcb->mss; /* as tcp_write */
    segments = (size_t)TCP_SND_QUEUELEN - 1 - pcb->snd_queuelen;
    if (mss == 0)
        mss = pcb->mss;
    return tcp_sndbuf(pcb) < segments * mss ? tcp_sndbuf(pcb) : segments * mss;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    struct tcp_conn *tc = arg;

    (void)len;
    pcb->cwnd = 0; /* lwIP's own growth; what to send is decided in a flush */
    if (tc->wants_room && (room(tc) >= ROOM_WORTH_TELLING || pcb->snd_queuelen == 0)) {
        tc->wants_room = false;
        notify(tc);
    }
    return ERR_OK;
}

/* lwIP takes its first round trip from SYN to whatever is acknowledged next, however late the
 * peer speaks. The SYN's own answer is the better sample (RFC 6298 section 2.2, lwIP's scaling). */
static void take_first_round_trip(struct tcp_pcb *pcb)
{
    int ticks;

    if (pcb->rttest == 0)
        return;
    ticks = (int)(tcp_ticks - pcb->rttest);
    pcb->rttest = 0;
    if (ticks < 0 || ticks > TCP_RTO_MAX_TICKS)
        return;
    pcb->sa = (s16_t)(ticks << 3);
    pcb->sv = (s16_t)(2 * ticks > TCP_RTO_MIN_TICKS ? 2 * ticks : TCP_RTO_MIN_TICKS);
    pcb->rto = (s16_t)(ticks + pcb->sv);
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct tcp_conn *tc = arg;

    (void)err;
    take_first_round_trip(pcb);
    tc->connected = true;
    notify(tc);
    conn_queue_push(CONN_QUEUE_FLUSH, tc);
    return ERR_OK;
}

/* --- opening ------------------------------------------------------------------------------- */

/* Binds to our address and a free random port; false if none was found. */
static bool bind_somewhere(struct tcp_pcb *pcb, const struct ipaddr *own)
{
    ip_addr_t local;

    ip_addr_from_ipaddr(&local, own);
    for (int i = 0; i < PORT_TRIES; i++) {
        u16_t port = (u16_t)(PORT_FIRST + netstack_random() % PORT_COUNT);

        if (tcp_bind(pcb, &local, port) == ERR_OK)
            return true;
    }
    return false;
}

struct tcp_conn *tcp_conn_create(struct tcp_pcb *pcb, void *owner)
{
    struct tcp_conn *tc = calloc(1, sizeof *tc);

    if (!tc)
        return NULL;
    tc->owner = owner;
    tc->linger_deadline_ms = tc->sender.resume_ms = NEVER;
    tcp_ack_init(&tc->ack);
    tc->pcb = pcb;
    tcp_arg(pcb, tc);
    tcp_recv(pcb, on_received);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_error);
    tcp_nagle_disable(pcb);
    tc->next_conn = netstack.conns;
    if (tc->next_conn)
        tc->next_conn->prev = tc;
    netstack.conns = tc;
    conn_queue_push(CONN_QUEUE_TIMED, tc);
    return tc;
}

struct tcp_conn *tcp_conn_open(const struct ipaddr *to, uint16_t port, void *owner, bool held,
                               uint64_t now_ms)
{
    const struct ipaddr *own = to->family == 4 ? &netstack.v4 : &netstack.v6;
    struct tcp_conn *tc;
    struct tcp_pcb *pcb;

    if (!netstack.running || own->family == 0 || own->family != to->family)
        return NULL;
    netstack_advance(now_ms);
    pcb = tcp_new_ip_type(own->family == 4 ? IPADDR_TYPE_V4 : IPADDR_TYPE_V6);
    if (!pcb)
        return NULL;
    tc = bind_somewhere(pcb, own) ? tcp_conn_create(pcb, owner) : NULL;
    if (!tc) {
        tcp_abandon(pcb, 0);
        return NULL;
    }
    tc->remote = *to;
    tc->remote_port = port;
    tc->held = held;
    if (ipaddr_equal(to, own)) /* nothing listens here, and the tunnel would swallow the SYN */
        abort_with(tc, IPN_ERR_CLOSED);
    else if (!held)
        conn_queue_push(CONN_QUEUE_FLUSH, tc);
    return tc;
}

void tcp_conn_release_syn(struct tcp_conn *tc, uint64_t now_ms)
{
    netstack_advance(now_ms);
    if (!tc->held)
        return;
    tc->held = false;
    conn_queue_push(CONN_QUEUE_FLUSH, tc);
}

static void send_syn(struct tcp_conn *tc)
{
    ip_addr_t remote;
    err_t err;

    ip_addr_from_ipaddr(&remote, &tc->remote);
    err = tcp_connect(tc->pcb, &remote, tc->remote_port, on_connected);
    if (err != ERR_OK)
        abort_with(tc, err == ERR_MEM ? IPN_ERR_NOMEM : IPN_ERR_CLOSED);
}

/* --- sending ------------------------------------------------------------------------------- */

/* An update of the window is urgent if it would at least double what the peer may send. */
static bool window_update_is_urgent(struct tcp_pcb *pcb)
{
    u32_t left = TCP_SEQ_GT(pcb->rcv_ann_right_edge, pcb->rcv_nxt)
                     ? pcb->rcv_ann_right_edge - pcb->rcv_nxt
                     : 0;

    return pcb->rcv_wnd >= left + FLUSH_MIN_GROWTH && pcb->rcv_wnd >= 2 * left;
}

void tcp_conn_flush(struct tcp_conn *tc)
{
    struct tcp_pcb *pcb = tc->pcb;

    if (!pcb || tc->held)
        return;
    if (pcb->state == CLOSED) {
        send_syn(tc);
        return;
    }
    if (!tc->connected)
        return;
    if (tc->fin_wanted && (pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT))
        tcp_shutdown(pcb, 0, 1); /* out of memory: lwIP tries again at the next tick */
    if (tcp_ack_is_due(&tc->ack, pcb, netstack.now_ms) ||
        (!tc->fin_received && window_update_is_urgent(pcb)))
        tcp_ack_now(pcb);
    tcp_sender_output(&tc->sender, pcb, netstack.now_ms);
    detach_if_finished(tc);
}

void tcp_conn_hear(struct tcp_conn *tc, const struct tcp_hdr *hdr, size_t data_len)
{
    tcp_conn_note_heard(tc);
    if (!tc->connected)
        return;
    tcp_sender_ack(&tc->sender, tc->pcb, hdr, data_len);
    if (data_len > 0)
        tcp_ack_hear(&tc->ack, tc->pcb, (uint32_t)data_len, netstack.now_ms);
    if ((tc->pcb->unsent && hdr->wnd > 0) || tc->sender.lost > 0 || tc->pcb->state == CLOSING)
        conn_queue_push(CONN_QUEUE_FLUSH, tc); /* CLOSING: lwIP tells nobody of TIME_WAIT */
}

void tcp_conn_after_timer(struct tcp_conn *tc)
{
    if (!tc->connected)
        return;
    tcp_sender_timeout(&tc->sender, tc->pcb);
    if (tc->pcb->unsent || tc->sender.lost > 0)
        conn_queue_push(CONN_QUEUE_FLUSH, tc);
}

int tcp_conn_write(struct tcp_conn *tc, const uint8_t *src, size_t len)
{
    size_t done = 0, fits = room(tc);

    if (tc->dead || tc->fin_wanted)
        return IPN_ERR_CLOSED;
    tc->wants_room = fits < len;
    if (fits > len)
        fits = len;
    while (done < fits) {
        size_t n = fits - done < CHUNK_MAX ? fits - done : CHUNK_MAX;

        if (tcp_write(tc->pcb, src + done, (u16_t)n, TCP_WRITE_FLAG_COPY) != ERR_OK) {
            tc->wants_room = true;
            break;
        }
        done += n;
    }
    if (done > 0)
        conn_queue_push(CONN_QUEUE_FLUSH, tc);
    else if (fits > 0 && tc->pcb->snd_queuelen == 0)
        return IPN_ERR_NOMEM; /* nothing is on its way, so no room will ever come */
    return (int)done;
}

size_t tcp_conn_writable(const struct tcp_conn *tc)
{
    return room(tc);
}

void tcp_conn_shutdown(struct tcp_conn *tc)
{
    if (tc->fin_wanted || tc->dead)
        return;
    tc->fin_wanted = true;
    if (tc->fin_received && tc->received.len == 0)
        notify(tc);
    conn_queue_push(CONN_QUEUE_FLUSH, tc);
}

/* --- receiving ----------------------------------------------------------------------------- */

size_t tcp_conn_read(struct tcp_conn *tc, uint8_t *dst, size_t cap)
{
    size_t n = recv_queue_read(&tc->received, dst, cap);

    if (n == 0)
        return 0;
    if (tc->received.len == 0 && tc->fin_received)
        notify(tc); /* its state has changed */
    if (tc->pcb) {
        for (size_t left = n; left > 0;) {
            u16_t step = (u16_t)(left < CHUNK_MAX ? left : CHUNK_MAX);

            tcp_recved(tc->pcb, step);
            left -= step;
        }
        conn_queue_push(CONN_QUEUE_FLUSH, tc);
    }
    return n;
}

size_t tcp_conn_readable(const struct tcp_conn *tc)
{
    return tc->received.len;
}

/* --- looking ------------------------------------------------------------------------------- */

void *tcp_conn_owner(const struct tcp_conn *tc)
{
    return tc->owner;
}

enum tcp_conn_state tcp_conn_state(const struct tcp_conn *tc)
{
    if (tc->dead && (tc->error != 0 || tc->received.len == 0))
        return TCP_CONN_CLOSED;
    if (!tc->connected)
        return TCP_CONN_CONNECTING;
    if (!tc->fin_received || tc->received.len > 0)
        return TCP_CONN_OPEN;
    return tc->fin_wanted ? TCP_CONN_CLOSED : TCP_CONN_REMOTE_CLOSED;
}

int tcp_conn_error(const struct tcp_conn *tc)
{
    return tc->error;
}

/* --- ending -------------------------------------------------------------------------------- */

void tcp_conn_free(struct tcp_conn *tc, bool abort)
{
    if (!tc)
        return;
    conn_queue_remove(CONN_QUEUE_READY, tc);
    tc->owner = NULL;
    tc->linger_deadline_ms = netstack.now_ms + TCP_CONN_LINGER_MS;
    if (!tc->pcb) {
        destroy(tc);
    } else if (abort || !tc->connected || tc->received.len > 0) {
        abort_with(tc, 0);
    } else {
        tc->fin_wanted = true;
        conn_queue_push(CONN_QUEUE_FLUSH, tc);
    }
}

void tcp_conn_reject(const struct ipaddr *remote, const struct tsmp_reject *reject)
{
    struct tcp_conn *next;

    if (reject->ip_proto != IP_PROTO_TCP || reject->maybe_broken)
        return;
    for (struct tcp_conn *tc = netstack.conns; tc; tc = next) {
        next = tc->next_conn;
        if (tc->pcb && !tc->connected && tc->remote_port == reject->their_port &&
            tc->pcb->local_port == reject->our_port && ipaddr_equal(&tc->remote, remote))
            abort_with(tc, IPN_ERR_NOT_FOUND);
    }
}

void tcp_conn_tick(uint64_t now_ms)
{
    struct tcp_conn *next;

    for (struct tcp_conn *tc = netstack.conns; tc; tc = next) {
        next = tc->next_conn;
        if (tc->sender.resume_ms <= now_ms) {
            tc->sender.resume_ms = NEVER;
            conn_queue_push(CONN_QUEUE_FLUSH, tc);
        }
        if (tc->ack.due_ms <= now_ms)
            conn_queue_push(CONN_QUEUE_FLUSH, tc);
        if (tc->linger_deadline_ms <= now_ms)
            abort_with(tc, 0);
    }
}

void tcp_conn_wipe_all(void)
{
    while (netstack.conns)
        tcp_conn_free(netstack.conns, true);
}
