/*
 * An SSH connection from its name to a session that runs: the steps of its stream, or the forward
 * that carries it, and beginning anew where that may help.
 *
 * A peer that has not heard of us yet may refuse for one tick (Tailscale SSH answers "not
 * permitted" until its own netmap has come). So within JOIN_GRACE_MS of joining the first refusal
 * is tried once more, and the banner that goes with it is held back for a moment. What the page
 * asks for with `retries` goes further: any failure before the host key was accepted. Nothing
 * begins anew once a person was asked something.
 */
#include "ipn/ipn_ssh_conn.h"

#include <stdio.h>
#include <string.h>

enum { JOIN_GRACE_MS = 3000, REFUSED_RETRY_MS = 900 };

/* ---- the transport ---- */

static int read_forward(struct ipn_ssh_conn *conn, uint8_t *dst, size_t cap)
{
    struct ipn_ssh *via = conn->via;
    if (!via)
        return IPN_ERR_CLOSED;
    size_t n = via->held.len < cap ? via->held.len : cap;
    if (n == 0)
        return via->far_eof || !via->conn ? IPN_ERR_CLOSED : 0;
    memcpy(dst, buf_head(&via->held), n);
    buf_consume(&via->held, n);
    conn->heard_ms = conn->ipn->now_ms;
    if (!via->conn) /* it has ended; these were its last bytes */
        return (int)n;
    ssh_session_credit(via->conn->session, via->channel, n);
    ipn_stream_touch(via->ipn, &via->conn->st);
    return (int)n;
}

static int write_forward(struct ipn_ssh_conn *conn, const uint8_t *src, size_t len)
{
    struct ipn_ssh *via = conn->via;
    if (!via || !via->conn)
        return IPN_ERR_CLOSED;
    int n = ssh_session_write(via->conn->session, via->channel, src, len);
    ipn_stream_touch(via->ipn, &via->conn->st);
    return n < 0 ? IPN_ERR_CLOSED : n;
}

static int transport_read(void *ctx, uint8_t *dst, size_t cap)
{
    struct ipn_ssh_conn *conn = ctx;
    if (conn->hops)
        return read_forward(conn, dst, cap);
    if (!conn->st.tc)
        return IPN_ERR_CLOSED;
    size_t n = tcp_conn_read(conn->st.tc, dst, cap);
    if (n) {
        conn->heard_ms = conn->ipn->now_ms;
        return (int)n;
    }
    enum tcp_conn_state state = tcp_conn_state(conn->st.tc);
    return state == TCP_CONN_REMOTE_CLOSED || state == TCP_CONN_CLOSED ? IPN_ERR_CLOSED : 0;
}

static int transport_write(void *ctx, const uint8_t *src, size_t len)
{
    struct ipn_ssh_conn *conn = ctx;
    if (conn->hops)
        return write_forward(conn, src, len);
    return conn->st.tc ? tcp_conn_write(conn->st.tc, src, len) : IPN_ERR_CLOSED;
}

/* ---- the steps ---- */

static void tell_step(struct ipn *ipn, struct ipn_ssh_conn *conn, int step, const char *detail)
{
    struct bytes text = {(const uint8_t *)detail, strlen(detail)};
    conn->steps_told = step;
    ipn_ssh_tell_waiting(ipn, conn, IPN_EVENT_SSH_STEP, step, text);
}

/* How packets reach the peer: the region of its relay. */
static void describe_route(struct ipn *ipn, const struct ipn_ssh_conn *conn, char *dst, size_t cap)
{
    const struct netmap *nm = control_client_netmap(ipn->cc);
    const struct netmap_node *node =
        netmap_find_key(control_client_netmap(ipn->cc), &conn->st.peer);
    const struct netmap_region *region = node ? netmap_find_region(nm, node->home_derp) : NULL;
    snprintf(dst, cap, "relay %.40s", region && region->code ? region->code : "");
}

static void tell_steps(struct ipn *ipn, struct ipn_ssh_conn *conn)
{
    char text[IPADDR_TEXT_LEN + 64];
    enum ipn_stream_phase phase = conn->st.phase;
    if (phase == IPN_STREAM_FAILED)
        return;
    if (phase > IPN_STREAM_RESOLVING && conn->steps_told < IPN_SSH_STEP_NAME) {
        if (conn->hops)
            snprintf(text, sizeof text, "known to the jump host");
        else
            text[ipaddr_format(text, &conn->st.addr)] = '\0';
        tell_step(ipn, conn, IPN_SSH_STEP_NAME, text);
    }
    if (phase > IPN_STREAM_TUNNEL && conn->steps_told < IPN_SSH_STEP_ROUTE) {
        if (conn->hops)
            snprintf(text, sizeof text, "through a jump host");
        else
            describe_route(ipn, conn, text, sizeof text);
        tell_step(ipn, conn, IPN_SSH_STEP_ROUTE, text);
    }
    if (phase == IPN_STREAM_OPEN && conn->steps_told < IPN_SSH_STEP_TCP) {
        snprintf(text, sizeof text, "port %u", conn->st.port);
        tell_step(ipn, conn, IPN_SSH_STEP_TCP, text);
    }
}

static void advance_forward(struct ipn_ssh_conn *conn)
{
    struct ipn_stream *st = &conn->st;
    st->phase = IPN_STREAM_CONNECTING;
    if (!conn->via) {
        ipn_stream_fail(st, "connection-lost", "The forward to connect through has ended.");
    } else if (conn->via->opened) {
        st->deadline_ms = NEVER;
        st->phase = IPN_STREAM_OPEN;
    }
}

/* What waits for the netmap or the tunnel costs the far end nothing: turns are for what follows. */
static bool may_connect(struct ipn *ipn, struct ipn_ssh_conn *conn)
{
    struct ipn_stream *st = &conn->st;
    struct ipaddr addr = st->addr;
    if (st->phase > IPN_STREAM_TUNNEL)
        return true;
    if (conn->turn.line)
        return conn->turn.starting;
    if (st->phase == IPN_STREAM_RESOLVING && !ipn_stream_lookup(ipn, st->host, &addr))
        return true;
    const struct netmap_node *node = netmap_find_route(control_client_netmap(ipn->cc), &addr);
    if (!node || !wg_device_has_session(ipn->wg, &node->key, ipn->now_ms))
        return true;
    return ipn_ssh_turn_take(ipn, conn, &addr);
}

void ipn_ssh_dial_advance(struct ipn *ipn, struct ipn_ssh_conn *conn)
{
    struct ipn_stream *st = &conn->st;
    if (st->phase < IPN_STREAM_OPEN && conn->hops)
        advance_forward(conn);
    else if (st->phase < IPN_STREAM_OPEN && may_connect(ipn, conn))
        ipn_stream_advance(ipn, st);
    if (st->progress_due) {
        struct bytes text = {(const uint8_t *)st->progress, strlen(st->progress)};
        ipn_ssh_tell_waiting(ipn, conn, IPN_EVENT_SSH_PROGRESS, 0, text);
    }
    st->progress_due = false;
    tell_steps(ipn, conn);
}

/* ---- the session ---- */

static void pin_host_keys(struct ipn *ipn, const struct ipn_ssh_conn *conn,
                          struct ssh_config *config)
{
    const struct netmap_node *node =
        netmap_find_key(control_client_netmap(ipn->cc), &conn->st.peer);
    if (conn->hops || !node || conn->st.port != 22)
        return;
    for (size_t i = 0; i < node->ssh_host_key_count; i++) {
        if (config->pinned_count < SSH_MAX_PINNED_KEYS)
            config->pinned[config->pinned_count++] = node->ssh_host_keys[i];
    }
}

void ipn_ssh_dial_start_session(struct ipn *ipn, struct ipn_ssh_conn *conn)
{
    const struct ipn_ssh_options *o = conn->o;
    struct ssh_config config = {
        .user = o->user,
        .credentials = {.password = o->password, .passphrase = o->passphrase, .try_none = true},
        .replace_host_key = o->replace_host_key[0] ? o->replace_host_key : NULL,
        .can_ask_host_key = o->ask_host_key,
        .can_prompt = o->prompts,
        .keep_keys = o->agent,
        .keep_alive_ms = o->keep_alive_ms,
    };
    for (size_t i = 0; i < o->key_count; i++)
        config.credentials.private_keys[config.credentials.private_key_count++] = o->keys[i];
    pin_host_keys(ipn, conn, &config);
    struct ipn_known_names names;
    ipn_known_hosts_fill(ipn, &conn->st, &names, &config);
    struct ssh_transport transport = {conn, transport_read, transport_write};
    conn->session = ssh_session_new(&config, &transport);
    if (!conn->session) {
        ipn_stream_fail(&conn->st, "out-of-memory", "The module ran out of memory.");
        return;
    }
    conn->open_deadline_ms = conn->st.budget_end_ms;
    conn->in_grace =
        !conn->refused_once && !conn->hops && ipn->now_ms - ipn->running_since_ms < JOIN_GRACE_MS;
}

/* ---- once more ---- */

static void begin_anew(struct ipn *ipn, struct ipn_ssh_conn *conn, uint64_t delay_ms)
{
    ipn_ssh_turn_end(ipn, conn);
    ssh_session_free(conn->session);
    conn->session = NULL;
    conn->in_grace = conn->key_accepted = false;
    conn->steps_told = 0;
    conn->banner_len = 0;
    conn->banner_end_ms = 0;
    conn->banner_due_ms = conn->open_deadline_ms = NEVER;
    ipn_ssh_ask_wipe(&conn->ask);
    ipn_stream_restart(ipn, &conn->st);
    conn->retry_at_ms = ipn->now_ms + delay_ms;
    conn->st.deadline_ms = conn->st.budget_end_ms = conn->retry_at_ms + conn->st.timeout_ms;
}

bool ipn_ssh_dial_retry_refusal(struct ipn *ipn, struct ipn_ssh_conn *conn, int problem)
{
    bool early = problem == SSH_PROBLEM_AUTH || problem == SSH_PROBLEM_LOST;
    if (!conn->in_grace || conn->authenticated || conn->refused_once || conn->person || !early ||
        conn->closing)
        return false;
    conn->refused_once = true;
    begin_anew(ipn, conn, REFUSED_RETRY_MS);
    return true;
}

/* Failures that a moment may mend; the others would only be told later. */
static bool may_pass(const char *code)
{
    static const char *const codes[] = {"not-joined",      "relay-unreachable",  "node-offline",
                                        "node-silent",     "connect-timeout",    "ssh-timeout",
                                        "connection-lost", "connection-refused", "ssh-handshake"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (strcmp(code, codes[i]) == 0)
            return true;
    }
    return false;
}

bool ipn_ssh_dial_retry(struct ipn *ipn, struct ipn_ssh_conn *conn, const char *code,
                        const char *lost)
{
    if (conn->key_accepted || conn->person || conn->closing || !conn->retries_left || !conn->o ||
        !code || !may_pass(code))
        return false;
    char text[IPN_STREAM_TEXT_CAP + 80];
    double delay = conn->o->retry_delay_ms / 1000.0;
    int n =
        snprintf(text, sizeof text, "%s Trying again in %g s, %u of %u…", lost, delay,
                 (unsigned)(conn->o->retries - conn->retries_left + 1), (unsigned)conn->o->retries);
    conn->retries_left--;
    begin_anew(ipn, conn, conn->o->retry_delay_ms);
    struct bytes told = {(const uint8_t *)text, n > 0 ? strlen(text) : 0};
    ipn_ssh_tell_waiting(ipn, conn, IPN_EVENT_SSH_PROGRESS, 0, told);
    return true;
}
