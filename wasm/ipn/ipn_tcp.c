/* Plain TCP streams for the page: bytes out while it gives credit, bytes in while there is room. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ipn/ipn_internal.h"

enum {
    TCP_INITIAL_CREDIT = 1 << 20 /* what the page may have unread, beyond it the window closes */
};

struct ipn_tcp {
    struct ipn_stream st; /* first: one pointer for both */
    bool open_told, eof_told, write_short, done_due;
    size_t credit;
};

static struct ipn_tcp *tcp_of(struct ipn_stream *st)
{
    return (struct ipn_tcp *)(void *)st;
}

int ipn_tcp_open(struct ipn *ipn, const char *host, uint16_t port, uint32_t timeout_ms,
                 uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    struct ipn_tcp *tcp = calloc(1, sizeof *tcp);
    if (!tcp)
        return IPN_ERR_NOMEM;
    tcp->credit = TCP_INITIAL_CREDIT;
    int rc = ipn_stream_add(ipn, &tcp->st, IPN_STREAM_TCP, host, port, timeout_ms);
    if (rc < 0) {
        free(tcp);
        return rc;
    }
    return (int)tcp->st.id;
}

static int give(struct ipn *ipn, struct ipn_tcp *tcp, struct ipn_event *ev, uint32_t type,
                const void *text, size_t len)
{
    *ev = (struct ipn_event){.type = type, .id = tcp->st.id, .text = text, .text_len = len};
    ipn_stream_touch(ipn, &tcp->st);
    return 1;
}

static int finish(struct ipn *ipn, struct ipn_tcp *tcp, struct ipn_event *ev)
{
    *ev = (struct ipn_event){.type = IPN_EVENT_TCP_DONE, .id = tcp->st.id};
    ipn_stream_remove(ipn, &tcp->st, false);
    wipe(tcp, sizeof *tcp);
    free(tcp);
    return 1;
}

static int give_error(struct ipn *ipn, struct ipn_tcp *tcp, struct ipn_event *ev)
{
    if (tcp->st.failure_told || !tcp->st.error_code)
        return finish(ipn, tcp, ev);
    tcp->st.failure_told = true;
    give(ipn, tcp, ev, IPN_EVENT_TCP_ERROR, tcp->st.error_code, strlen(tcp->st.error_code));
    ev->aux = (const uint8_t *)tcp->st.error_text;
    ev->aux_len = strlen(tcp->st.error_text);
    return 1;
}

static int give_data(struct ipn *ipn, struct ipn_tcp *tcp, struct ipn_event *ev)
{
    size_t cap = tcp->credit < sizeof ipn->chunk ? tcp->credit : sizeof ipn->chunk;
    size_t n = cap ? tcp_conn_read(tcp->st.tc, ipn->chunk, cap) : 0;
    if (n == 0)
        return 0;
    tcp->credit -= n;
    ipn->netstack_touched = true;
    return give(ipn, tcp, ev, IPN_EVENT_TCP_DATA, ipn->chunk, n);
}

static int pump_open(struct ipn *ipn, struct ipn_tcp *tcp, struct ipn_event *ev)
{
    if (!tcp->open_told) {
        tcp->open_told = true;
        return give(ipn, tcp, ev, IPN_EVENT_TCP_OPEN, NULL, 0);
    }
    if (give_data(ipn, tcp, ev))
        return 1;
    if (tcp->write_short && tcp_conn_writable(tcp->st.tc) > 0) {
        tcp->write_short = false;
        return give(ipn, tcp, ev, IPN_EVENT_TCP_WRITABLE, NULL, 0);
    }
    enum tcp_conn_state state = tcp_conn_state(tcp->st.tc);
    if (state == TCP_CONN_CLOSED && tcp_conn_readable(tcp->st.tc) == 0) {
        if (tcp_conn_error(tcp->st.tc) < 0)
            ipn_stream_fail(&tcp->st, "connection-lost", "The connection to %s was reset.",
                            tcp->st.host);
        else
            tcp->st.phase = IPN_STREAM_FAILED;
    }
    bool ended = state == TCP_CONN_REMOTE_CLOSED || tcp->st.phase == IPN_STREAM_FAILED;
    if (ended && !tcp->eof_told && !tcp->st.error_code) {
        tcp->eof_told = true;
        return give(ipn, tcp, ev, IPN_EVENT_TCP_EOF, NULL, 0);
    }
    return 0;
}

int ipn_tcp_pump(struct ipn *ipn, struct ipn_stream *st, struct ipn_event *ev)
{
    struct ipn_tcp *tcp = tcp_of(st);
    if (st->phase < IPN_STREAM_OPEN)
        ipn_stream_advance(ipn, st);
    if (st->phase >= IPN_STREAM_OPEN)
        ipn_stream_untime(st);
    st->progress_due = false;
    if (st->phase == IPN_STREAM_OPEN && pump_open(ipn, tcp, ev))
        return 1;
    return st->phase == IPN_STREAM_FAILED ? give_error(ipn, tcp, ev) : 0;
}

static struct ipn_tcp *begin(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    struct ipn_stream *st = ipn_stream_find(ipn, id, IPN_STREAM_TCP);
    if (st)
        ipn_stream_touch(ipn, st);
    ipn->netstack_touched = true;
    return st ? tcp_of(st) : NULL;
}

int ipn_tcp_write(struct ipn *ipn, uint32_t id, const uint8_t *src, size_t len, uint64_t now_ms)
{
    struct ipn_tcp *tcp = begin(ipn, id, now_ms);
    if (!tcp)
        return IPN_ERR_NOT_FOUND;
    if (tcp->st.phase != IPN_STREAM_OPEN)
        return IPN_ERR_STATE;
    int n = tcp_conn_write(tcp->st.tc, src, len);
    if (n >= 0 && (size_t)n < len)
        tcp->write_short = true;
    return n;
}

int ipn_tcp_shutdown(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    struct ipn_tcp *tcp = begin(ipn, id, now_ms);
    if (!tcp)
        return IPN_ERR_NOT_FOUND;
    if (tcp->st.phase != IPN_STREAM_OPEN)
        return IPN_ERR_STATE;
    tcp_conn_shutdown(tcp->st.tc);
    return 0;
}

int ipn_tcp_credit(struct ipn *ipn, uint32_t id, size_t len, uint64_t now_ms)
{
    struct ipn_tcp *tcp = begin(ipn, id, now_ms);
    if (!tcp)
        return IPN_ERR_NOT_FOUND;
    size_t missing = TCP_INITIAL_CREDIT - tcp->credit;
    tcp->credit += len < missing ? len : missing;
    return 0;
}

int ipn_tcp_close(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    struct ipn_tcp *tcp = begin(ipn, id, now_ms);
    if (!tcp)
        return IPN_ERR_NOT_FOUND;
    tcp->st.error_code = NULL;
    tcp->st.deadline_ms = NEVER;
    tcp->st.phase = IPN_STREAM_FAILED;
    return 0;
}

void ipn_tcp_free(struct ipn *ipn, struct ipn_stream *st)
{
    ipn_stream_remove(ipn, st, true);
    wipe(st, sizeof(struct ipn_tcp));
    free(st);
}
