/* See ipn_stream.h. Streams are few (at most IPN_MAX_STREAMS) and found by slot, not by search. */
#include "ipn/ipn_stream.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipn/ipn_internal.h"

/* ---- the table ---- */

static int grow_slots(struct ipn_streams *t)
{
    size_t count = t->slot_count ? t->slot_count * 2 : 16;
    struct ipn_stream **slots = realloc(t->slots, count * sizeof(*slots));
    if (!slots)
        return IPN_ERR_NOMEM;
    memset(slots + t->slot_count, 0, (count - t->slot_count) * sizeof *slots);
    t->slots = slots;
    t->slot_count = count;
    return 0;
}

/* An id is slot + 1 in the low 12 bits and a generation above, so that a stale id finds nothing. */
static int assign_id(struct ipn_streams *t, struct ipn_stream *st)
{
    size_t slot = 0;
    while (slot < t->slot_count && t->slots[slot])
        slot++;
    if (slot == t->slot_count && grow_slots(t) < 0)
        return IPN_ERR_NOMEM;
    t->next_id = (t->next_id + 1) & 0x3ffff;
    st->id = t->next_id << 12 | (uint32_t)(slot + 1);
    t->slots[slot] = st;
    t->count++;
    return 0;
}

static void list_timed(struct ipn_streams *t, struct ipn_stream *st)
{
    if (st->timed_at)
        return;
    st->next_timed = t->timed;
    if (st->next_timed)
        st->next_timed->timed_at = &st->next_timed;
    st->timed_at = &t->timed;
    t->timed = st;
}

void ipn_stream_untime(struct ipn_stream *st)
{
    if (!st->timed_at)
        return;
    *st->timed_at = st->next_timed;
    if (st->next_timed)
        st->next_timed->timed_at = st->timed_at;
    st->timed_at = NULL;
}

int ipn_stream_add(struct ipn *ipn, struct ipn_stream *st, enum ipn_stream_kind kind,
                   const char *host, uint16_t port, uint32_t timeout_ms)
{
    size_t len = host ? strlen(host) : 0;
    if (len == 0 || len >= sizeof st->host || port == 0)
        return IPN_ERR_ARG;
    if (ipn->farewell_told)
        return IPN_ERR_STATE;
    if (ipn->streams.count >= IPN_MAX_STREAMS)
        return IPN_ERR_FULL;
    memcpy(st->host, host, len + 1);
    st->kind = kind;
    st->port = port;
    st->timeout_ms = timeout_ms ? timeout_ms : 5000;
    st->deadline_ms = st->budget_end_ms = ipn->now_ms + st->timeout_ms;
    int rc = assign_id(&ipn->streams, st);
    if (rc < 0)
        return rc;
    if (ipn->logging_out)
        ipn_stream_fail(st, "logged-out", "This page was logged out of the tailnet.");
    list_timed(&ipn->streams, st);
    ipn_stream_touch(ipn, st);
    return 0;
}

static void forget_dirty(struct ipn_streams *t, struct ipn_stream *st)
{
    struct ipn_stream *before = NULL;
    for (struct ipn_stream *s = t->dirty_head; s; before = s, s = s->next_dirty) {
        if (s != st)
            continue;
        if (before)
            before->next_dirty = s->next_dirty;
        else
            t->dirty_head = s->next_dirty;
        if (t->dirty_tail == s)
            t->dirty_tail = before;
        return;
    }
}

void ipn_stream_remove(struct ipn *ipn, struct ipn_stream *st, bool abort)
{
    if (st->dirty)
        forget_dirty(&ipn->streams, st);
    if (st->tc) {
        tcp_conn_free(st->tc, abort);
        ipn->netstack_touched = true;
    }
    st->tc = NULL;
    ipn_stream_untime(st);
    ipn->streams.slots[(st->id & 0xfff) - 1] = NULL;
    ipn->streams.count--;
}

struct ipn_stream *ipn_stream_find(struct ipn *ipn, uint32_t id, enum ipn_stream_kind kind)
{
    size_t slot = (id & 0xfff) - 1;
    if (slot >= ipn->streams.slot_count)
        return NULL;
    struct ipn_stream *st = ipn->streams.slots[slot];
    return st && st->id == id && st->kind == kind ? st : NULL;
}

void ipn_stream_touch(struct ipn *ipn, struct ipn_stream *st)
{
    if (st->dirty)
        return;
    st->dirty = true;
    st->next_dirty = NULL;
    if (ipn->streams.dirty_tail)
        ipn->streams.dirty_tail->next_dirty = st;
    else
        ipn->streams.dirty_head = st;
    ipn->streams.dirty_tail = st;
}

struct ipn_stream *ipn_stream_next_dirty(struct ipn *ipn)
{
    struct ipn_stream *st = ipn->streams.dirty_head;
    if (!st)
        return NULL;
    ipn->streams.dirty_head = st->next_dirty;
    if (!st->next_dirty)
        ipn->streams.dirty_tail = NULL;
    st->dirty = false;
    return st;
}

/* ---- failing, in words ---- */

void ipn_stream_fail(struct ipn_stream *st, const char *code, const char *format, ...)
{
    if (st->phase == IPN_STREAM_FAILED)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(st->error_text, sizeof st->error_text, format, args);
    va_end(args);
    st->error_code = code;
    st->deadline_ms = NEVER;
    st->phase = IPN_STREAM_FAILED;
}

/* One line of progress; format has one %s. */
__attribute__((format(printf, 2, 0))) static void say(struct ipn_stream *st, const char *format,
                                                      const char *what)
{
    snprintf(st->progress, sizeof st->progress, format, what);
    st->progress_due = true;
}

static void fail_by_time(struct ipn *ipn, struct ipn_stream *st)
{
    double seconds = st->timeout_ms / 1000.0;
    const struct netmap_node *node = netmap_find_key(control_client_netmap(ipn->cc), &st->peer);
    switch (st->phase) {
    case IPN_STREAM_RESOLVING:
        ipn_stream_fail(st, "not-joined",
                        "This page has not joined the tailnet after %g s; see its status.",
                        seconds);
        break;
    case IPN_STREAM_TUNNEL:
        if (!magicsock_region_ready(ipn->ms, magicsock_home(ipn->ms)))
            ipn_stream_fail(st, "relay-unreachable",
                            "The relay (DERP) could not be reached within %g s: is its WebSocket "
                            "blocked by a proxy or firewall?",
                            seconds);
        else if (node && node->online == NETMAP_OFFLINE)
            ipn_stream_fail(st, "node-offline", "%s is offline.", st->host);
        else
            ipn_stream_fail(st, "node-silent",
                            "%s did not answer within %g s: it may be asleep, or cut off from its "
                            "relay.",
                            st->host, seconds);
        break;
    default:
        ipn_stream_fail(st, "connect-timeout",
                        "%s is there, but its port %u did not answer within %g s: a firewall or "
                        "the tailnet's policy may drop it.",
                        st->host, st->port, seconds);
    }
}

static void fail_by_tcp(struct ipn_stream *st)
{
    bool ssh = st->kind == IPN_STREAM_SSH_CONN;
    switch (tcp_conn_error(st->tc)) {
    case IPN_ERR_NOT_FOUND:
        ipn_stream_fail(st, "policy-refused",
                        "The tailnet's policy does not let this page reach port %u of %s.",
                        st->port, st->host);
        break;
    case IPN_ERR_TIMEOUT:
        ipn_stream_fail(st, "connect-timeout", "Port %u of %s did not answer.", st->port, st->host);
        break;
    case IPN_ERR_NOMEM:
        ipn_stream_fail(st, "out-of-memory", "The module ran out of memory.");
        break;
    default:
        ipn_stream_fail(st, "connection-refused", "%s refused the connection to port %u%s.",
                        st->host, st->port,
                        ssh ? ": neither Tailscale SSH nor an SSH server listens there" : "");
    }
}

/* ---- the steps ---- */

/* The first address of host that a node routes to, and that node; *n: how many host has. */
static const struct netmap_node *find_peer(struct ipn *ipn, const char *host, struct ipaddr *addr,
                                           int *n)
{
    struct netmap *nm = control_client_netmap(ipn->cc);
    struct ipaddr found[4];
    const struct netmap_node *node = NULL;
    *n = netmap_resolve(nm, found, 4, host, strlen(host));
    for (int i = 0; i < *n && !node; i++) {
        *addr = found[i];
        node = netmap_find_route(nm, &found[i]);
    }
    return node;
}

bool ipn_stream_lookup(struct ipn *ipn, const char *host, struct ipaddr *addr)
{
    int n;
    return control_client_netmap(ipn->cc)->valid && find_peer(ipn, host, addr, &n) != NULL;
}

static bool is_self(struct ipn *ipn, const struct ipaddr *addr)
{
    const struct netmap *nm = control_client_netmap(ipn->cc);
    for (size_t i = 0; i < nm->self.address_count; i++) {
        if (ipaddr_equal(&nm->self.addresses[i].addr, addr))
            return true;
    }
    return false;
}

static const struct netmap_node *pick_peer(struct ipn *ipn, struct ipn_stream *st)
{
    int n;
    const struct netmap_node *node = find_peer(ipn, st->host, &st->addr, &n);
    if (n <= 0)
        ipn_stream_fail(st, "unknown-host", "There is no node called \"%s\" in this tailnet.",
                        st->host);
    else if (is_self(ipn, &st->addr))
        ipn_stream_fail(st, "self", "\"%s\" is this page itself.", st->host);
    else if (!node)
        ipn_stream_fail(st, "no-route", "No node of this tailnet routes to %s.", st->host);
    return st->phase == IPN_STREAM_FAILED ? NULL : node;
}

static void step_resolve(struct ipn *ipn, struct ipn_stream *st)
{
    if (!control_client_netmap(ipn->cc)->valid) {
        if (ipn->state == IPN_STATE_NEEDS_LOGIN && !ipn->login_wanted && !ipn->auth_key[0])
            ipn_stream_fail(st, "needs-login", "This page has not logged in to the tailnet.");
        return;
    }
    const struct netmap_node *node = pick_peer(ipn, st);
    if (!node)
        return;
    int64_t wall_ms = host_wall_ms(ipn->now_ms);
    if (node->expired || (node->key_expiry_wall_ms && node->key_expiry_wall_ms < wall_ms)) {
        ipn_stream_fail(st, "node-key-expired",
                        "The key of %s has expired: log it in again on that machine.", st->host);
        return;
    }
    st->peer = node->key;
    say(st,
        node->online == NETMAP_OFFLINE ? "%s is reported offline; trying all the same…"
                                       : "Reaching %s…",
        st->host);
    bool up = wg_device_has_session(ipn->wg, &st->peer, ipn->now_ms);
    st->tc = tcp_conn_open(&st->addr, st->port, st, !up, ipn->now_ms);
    if (!st->tc) {
        ipn_stream_fail(st, "out-of-memory", "No memory, or no address, for one more connection.");
        return;
    }
    ipn->netstack_touched = true;
    st->phase = up ? IPN_STREAM_CONNECTING : IPN_STREAM_TUNNEL;
}

static void step_tunnel(struct ipn *ipn, struct ipn_stream *st)
{
    const struct netmap_node *node = netmap_find_key(control_client_netmap(ipn->cc), &st->peer);
    if (st->peer_gone && node && node->online == NETMAP_OFFLINE) {
        ipn_stream_fail(st, "node-offline", "%s is offline.", st->host);
        return;
    }
    if (!wg_device_has_session(ipn->wg, &st->peer, ipn->now_ms)) {
        wg_device_initiate(ipn->wg, &st->peer, false, ipn->now_ms);
        if (node && node->online == NETMAP_OFFLINE && !st->pinged)
            st->pinged = magicsock_ping(ipn->ms, &st->peer, ipn->now_ms) == 0;
        return;
    }
    tcp_conn_release_syn(st->tc, ipn->now_ms);
    ipn->netstack_touched = true;
    st->phase = IPN_STREAM_CONNECTING;
}

static void step_connect(struct ipn_stream *st)
{
    switch (tcp_conn_state(st->tc)) {
    case TCP_CONN_CONNECTING:
        return;
    case TCP_CONN_CLOSED:
        fail_by_tcp(st);
        return;
    default:
        st->deadline_ms = NEVER;
        st->phase = IPN_STREAM_OPEN;
    }
}

void ipn_stream_advance(struct ipn *ipn, struct ipn_stream *st)
{
    if (st->phase == IPN_STREAM_RESOLVING)
        step_resolve(ipn, st);
    if (st->phase == IPN_STREAM_TUNNEL)
        step_tunnel(ipn, st);
    if (st->phase == IPN_STREAM_CONNECTING)
        step_connect(st);
}

void ipn_stream_restart(struct ipn *ipn, struct ipn_stream *st)
{
    if (st->tc)
        tcp_conn_free(st->tc, true);
    st->tc = NULL;
    st->peer_gone = st->pinged = false;
    st->progress_due = false;
    st->error_code = NULL;
    st->phase = IPN_STREAM_RESOLVING;
    st->deadline_ms = st->budget_end_ms = ipn->now_ms + st->timeout_ms;
    ipn->netstack_touched = true;
    list_timed(&ipn->streams, st);
    ipn_stream_touch(ipn, st);
}

/* ---- all of them ---- */

void ipn_streams_touch_waiting(struct ipn *ipn)
{
    for (size_t i = 0; i < ipn->streams.slot_count; i++) {
        struct ipn_stream *st = ipn->streams.slots[i];
        if (st && st->phase < IPN_STREAM_CONNECTING)
            ipn_stream_touch(ipn, st);
    }
}

void ipn_streams_peer_gone(struct ipn *ipn, const struct node_public *peer)
{
    for (size_t i = 0; i < ipn->streams.slot_count; i++) {
        struct ipn_stream *st = ipn->streams.slots[i];
        if (st && st->phase == IPN_STREAM_TUNNEL && memcmp(&st->peer, peer, sizeof *peer) == 0) {
            st->peer_gone = true;
            ipn_stream_touch(ipn, st);
        }
    }
}

void ipn_streams_address_lost(struct ipn *ipn, int family)
{
    for (size_t i = 0; i < ipn->streams.slot_count; i++) {
        struct ipn_stream *st = ipn->streams.slots[i];
        if (!st || st->phase < IPN_STREAM_CONNECTING || st->addr.family != family)
            continue;
        ipn_stream_fail(st, "address-changed",
                        "This page has another address in the tailnet now: the connection ended.");
        ipn_stream_touch(ipn, st);
    }
}

void ipn_streams_peer_removed(struct ipn *ipn, const struct node_public *peer)
{
    for (size_t i = 0; i < ipn->streams.slot_count; i++) {
        struct ipn_stream *st = ipn->streams.slots[i];
        if (!st || st->phase == IPN_STREAM_RESOLVING || memcmp(&st->peer, peer, sizeof *peer) != 0)
            continue;
        const struct netmap_node *node =
            netmap_find_route(control_client_netmap(ipn->cc), &st->addr);
        if (node)
            st->peer = node->key;
        else
            ipn_stream_fail(st, "node-removed", "%s was removed from the tailnet.", st->host);
        st->pinged = st->peer_gone = false;
        ipn_stream_touch(ipn, st);
    }
}

static uint64_t deadline_of(const struct ipn_stream *st)
{
    switch (st->kind) {
    case IPN_STREAM_SSH:
        return ipn_ssh_deadline(st);
    case IPN_STREAM_SSH_CONN:
        return earlier(st->deadline_ms, ipn_ssh_conn_deadline(st));
    default:
        return st->deadline_ms;
    }
}

uint64_t ipn_streams_next_deadline(const struct ipn *ipn)
{
    uint64_t next = NEVER;
    for (const struct ipn_stream *st = ipn->streams.timed; st; st = st->next_timed)
        next = earlier(next, deadline_of(st));
    return next;
}

void ipn_streams_tick(struct ipn *ipn)
{
    for (size_t i = 0; i < ipn->streams.slot_count; i++) {
        struct ipn_stream *st = ipn->streams.slots[i];
        if (!st || deadline_of(st) > ipn->now_ms)
            continue;
        if (st->deadline_ms <= ipn->now_ms && st->phase < IPN_STREAM_OPEN)
            fail_by_time(ipn, st);
        ipn_stream_touch(ipn, st);
        if (st->kind == IPN_STREAM_SSH)
            ipn_ssh_tick(ipn, st);
        else if (st->kind == IPN_STREAM_SSH_CONN)
            ipn_ssh_conn_tick(ipn, st);
    }
}

/* Those of one kind; kinds end in the order of their enum, or an id would outlive its connection. */
static void free_kind(struct ipn *ipn, enum ipn_stream_kind kind)
{
    for (size_t i = 0; i < ipn->streams.slot_count; i++) {
        struct ipn_stream *st = ipn->streams.slots[i];
        if (!st || st->kind != kind)
            continue;
        if (kind == IPN_STREAM_SSH)
            ipn_ssh_free(ipn, st);
        else if (kind == IPN_STREAM_SSH_CONN)
            ipn_ssh_conn_free(ipn, st);
        else
            ipn_tcp_free(ipn, st);
    }
}

void ipn_streams_free_all(struct ipn *ipn)
{
    free_kind(ipn, IPN_STREAM_SSH);
    free_kind(ipn, IPN_STREAM_SSH_CONN);
    free_kind(ipn, IPN_STREAM_TCP);
    free(ipn->streams.slots);
    ipn->streams = (struct ipn_streams){0};
}

void ipn_streams_close_all(struct ipn *ipn, bool wait)
{
    for (size_t i = 0; i < ipn->streams.slot_count; i++) {
        struct ipn_stream *st = ipn->streams.slots[i];
        if (st && st->kind == IPN_STREAM_SSH_CONN)
            ipn_ssh_conn_shut(ipn, st, wait);
        else if (st && st->kind == IPN_STREAM_TCP)
            ipn_tcp_close(ipn, st->id, ipn->now_ms);
    }
    for (size_t i = 0; i < ipn->streams.slot_count && !wait; i++) {
        struct ipn_stream *st = ipn->streams.slots[i];
        if (st && st->kind == IPN_STREAM_SSH)
            ipn_ssh_close(ipn, st->id, ipn->now_ms);
    }
}
