/*
 * What a connection's session tells, passed on to the ids it concerns: bytes of a channel are lent
 * to the page where they lie, one event at a time; what several must hear is copied into the
 * engine's queue, and the poll drains that before we go on, so the order stays.
 */
#include <stdio.h>
#include <string.h>

#include "ipn/ipn_ssh_conn.h"

enum { BANNER_HOLD_MS = 300 };

static const char *problem_code(int problem)
{
    switch (problem) {
    case SSH_PROBLEM_HANDSHAKE:
        return "ssh-handshake";
    case SSH_PROBLEM_HOST_KEY_CHANGED:
        return "host-key-changed";
    case SSH_PROBLEM_HOST_KEY_UNKNOWN:
        return "host-key-unknown";
    case SSH_PROBLEM_HOST_KEY_REVOKED:
        return "host-key-revoked";
    case SSH_PROBLEM_AUTH:
        return "ssh-refused";
    case SSH_PROBLEM_CHANNEL:
        return "ssh-channel";
    case SSH_PROBLEM_NOMEM:
        return "out-of-memory";
    default:
        return "connection-lost";
    }
}

/* text as a NUL-terminated sentence. */
static void sentence(char dst[IPN_STREAM_TEXT_CAP], struct bytes text)
{
    size_t len = text.len < IPN_STREAM_TEXT_CAP - 1 ? text.len : IPN_STREAM_TEXT_CAP - 1;
    if (len)
        memcpy(dst, text.data, len);
    dst[len] = '\0';
}

/* ---- telling ---- */

void ipn_ssh_tell_waiting(struct ipn *ipn, struct ipn_ssh_conn *conn, uint32_t type, int code,
                          struct bytes text)
{
    for (struct ipn_ssh *ssh = conn->ids; ssh; ssh = ssh->next) {
        if (!ssh->opened)
            ipn_tell(ipn, type, ssh->st.id, code, (const char *)text.data, text.len, "", 0);
    }
}

int ipn_ssh_give(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev, uint32_t type,
                 int code, struct bytes text, struct bytes aux)
{
    *ev = (struct ipn_event){.type = type,
                             .id = ssh->st.id,
                             .code = code,
                             .text = text.data,
                             .aux = aux.data,
                             .text_len = text.len,
                             .aux_len = aux.len};
    ipn_stream_touch(ipn, ssh->conn ? &ssh->conn->st : &ssh->st);
    return 1;
}

/* ---- events of a channel ---- */

static size_t add_field(uint8_t *dst, size_t cap, size_t at, const char *text)
{
    size_t len = strlen(text) + 1;
    if (len > cap - at)
        return at;
    memcpy(dst + at, text, len);
    return at + len;
}

static int give_open(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev)
{
    const struct ssh_info *info = ssh_session_info(ssh->conn->session);
    const char *fields[] = {info->host_key_type, info->host_key_fingerprint, info->kex,
                            info->cipher_in,     info->cipher_out,           info->mac_in,
                            info->mac_out,       info->auth_method,          info->host_key_trust};
    size_t len = 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        len = add_field(ipn->chunk, sizeof ipn->chunk, len, fields[i]);
    ssh->opened = true;
    ssh->st.phase = IPN_STREAM_OPEN;
    ssh->open_deadline_ms = NEVER;
    ipn_ssh_options_release(&ssh->o);
    if (ssh->carried)
        ipn_stream_touch(ipn, &ssh->carried->st);
    struct bytes version = {(const uint8_t *)info->server_version, strlen(info->server_version)};
    return ipn_ssh_give(ipn, ssh, ev, IPN_EVENT_SSH_OPEN, 0, version,
                        (struct bytes){ipn->chunk, len});
}

/* Bytes of a forward wait here until the page reads, or the connection they carry does. */
static int give_data(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev, uint32_t type,
                     struct bytes text)
{
    if (ssh->kind != IPN_SSH_FORWARD || (ssh->reading && !ssh->held.len))
        return ipn_ssh_give(ipn, ssh, ev, type, 0, text, (struct bytes){NULL, 0});
    if (buf_append(&ssh->held, text.data, text.len) < 0) {
        ipn_ssh_conn_leave(ipn, ssh);
        ipn_ssh_end(ipn, ssh, "out-of-memory", "The module ran out of memory.");
    } else {
        ipn_stream_touch(ipn, ssh->carried ? &ssh->carried->st : &ssh->st);
    }
    return 0;
}

static int give_eof(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev)
{
    ssh->far_eof = true;
    if (ssh->kind == IPN_SSH_FORWARD) { /* behind what is held */
        ipn_stream_touch(ipn, ssh->carried ? &ssh->carried->st : &ssh->st);
        return 0;
    }
    struct bytes none = {NULL, 0};
    return ipn_ssh_give(ipn, ssh, ev, IPN_EVENT_SSH_EOF, 0, none, none);
}

static void fail_channel(struct ipn *ipn, struct ipn_ssh *ssh, const struct ssh_event *from)
{
    char text[IPN_STREAM_TEXT_CAP];
    bool own = from->code == SSH_PROBLEM_CHANNEL || from->code == SSH_PROBLEM_LOST;
    if (own && ipn_ssh_conn_move(ipn, ssh))
        return;
    sentence(text, from->text);
    ipn_ssh_conn_leave(ipn, ssh);
    if (ssh->carried) { /* it first reads what has come */
        ssh->far_eof = true;
        ssh->st.error_code = problem_code(from->code);
        memcpy(ssh->st.error_text, text, sizeof text);
        ipn_stream_touch(ipn, &ssh->carried->st);
        return;
    }
    ipn_ssh_end(ipn, ssh, problem_code(from->code), text);
}

static void close_channel(struct ipn *ipn, struct ipn_ssh *ssh)
{
    bool opened = ssh->opened;
    if (ssh->conn->closing) { /* DONE comes when the goodbye is out */
        ssh->channel = 0;
        return;
    }
    if (!opened && ipn_ssh_conn_move(ipn, ssh))
        return;
    ssh->far_eof = true;
    ipn_ssh_conn_leave(ipn, ssh);
    if (ssh->kind == IPN_SSH_FORWARD && opened && !ssh->eof_told) { /* what is held comes first */
        ipn_stream_touch(ipn, ssh->carried ? &ssh->carried->st : &ssh->st);
        return;
    }
    ipn_ssh_end(ipn, ssh, opened ? NULL : "ssh-channel",
                opened ? NULL : "The server closed the session before it began.");
}

/* A session runs, or does not, once its channel says anything. In a terminal the shell's own
 * beginning costs the server as much as the login: until something stands there that is not a whole
 * line of a greeting, a prompt. */
static void mind_turn(struct ipn *ipn, const struct ipn_ssh *ssh, const struct ssh_event *from)
{
    bool greets = from->type == SSH_EVENT_DATA && from->text.len &&
                  from->text.data[from->text.len - 1] == '\n';
    if (from->type == SSH_EVENT_OPEN && ssh->kind == IPN_SSH_SHELL && ssh->o->pty)
        ipn_ssh_turn_lasts(ipn, ssh->conn, IPN_SSH_TURN_PROMPT_MS);
    else if (!greets)
        ipn_ssh_turn_end(ipn, ssh->conn);
}

static int channel_event(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev,
                         const struct ssh_event *from)
{
    struct bytes none = {NULL, 0};
    mind_turn(ipn, ssh, from);
    switch (from->type) {
    case SSH_EVENT_OPEN:
        return give_open(ipn, ssh, ev);
    case SSH_EVENT_DATA:
        return give_data(ipn, ssh, ev, IPN_EVENT_SSH_DATA, from->text);
    case SSH_EVENT_STDERR:
        return ipn_ssh_give(ipn, ssh, ev, IPN_EVENT_SSH_STDERR, 0, from->text, none);
    case SSH_EVENT_EOF:
        return give_eof(ipn, ssh, ev);
    case SSH_EVENT_EXIT:
        return ipn_ssh_give(ipn, ssh, ev, IPN_EVENT_SSH_EXIT, from->code, none, from->aux);
    case SSH_EVENT_WRITABLE:
        if (!ssh->carried)
            return ipn_ssh_give(ipn, ssh, ev, IPN_EVENT_SSH_WRITABLE, 0, none, none);
        ipn_stream_touch(ipn, &ssh->carried->st);
        return 0;
    case SSH_EVENT_AGENT_SIGN:
        return ipn_ssh_give(ipn, ssh, ev, IPN_EVENT_SSH_AGENT_SIGN, from->code, from->text, none);
    case SSH_EVENT_ERROR:
        fail_channel(ipn, ssh, from);
        return 0;
    case SSH_EVENT_CHANNEL_CLOSED:
        close_channel(ipn, ssh);
        return 0;
    default:
        return ipn_sftp_give(ipn, ssh, ev, from);
    }
}

/* ---- events of the connection ---- */

/* It may be a page to visit: a person, who stops nobody else. */
static void tell_banner(struct ipn *ipn, struct ipn_ssh_conn *conn, struct bytes text)
{
    conn->person = true;
    for (size_t i = 0; i + 3 <= text.len; i++) {
        if (memcmp(text.data + i, "://", 3) == 0)
            ipn_ssh_turn_end(ipn, conn);
    }
    ipn_ssh_tell_waiting(ipn, conn, IPN_EVENT_SSH_BANNER, 0, text);
}

static void take_banner(struct ipn *ipn, struct ipn_ssh_conn *conn, struct bytes text)
{
    if (!conn->banner_end_ms)
        conn->banner_end_ms = ipn->now_ms + IPN_SSH_PERSON_WAIT_MS;
    if (conn->open_deadline_ms < conn->banner_end_ms)
        conn->open_deadline_ms = conn->banner_end_ms;
    if (!conn->in_grace || text.len > IPN_SSH_BANNER_CAP - conn->banner_len) {
        tell_banner(ipn, conn, text);
        return;
    }
    memcpy(conn->banner + conn->banner_len, text.data, text.len);
    conn->banner_len += text.len;
    conn->banner_due_ms = ipn->now_ms + BANNER_HOLD_MS;
}

static void tell_held_banner(struct ipn *ipn, struct ipn_ssh_conn *conn)
{
    struct bytes text = {conn->banner, conn->banner_len};
    conn->banner_len = 0;
    conn->banner_due_ms = NEVER;
    tell_banner(ipn, conn, text);
}

static void authenticated(struct ipn *ipn, struct ipn_ssh_conn *conn)
{
    ipn_ssh_ask_wipe(&conn->ask); /* what was asked no longer matters */
    conn->authenticated = true;
    conn->in_grace = false;
    conn->open_deadline_ms = NEVER;
    ipn_ssh_options_release(&conn->o);
    for (struct ipn_ssh *ssh = conn->ids, *next; ssh; ssh = next) {
        next = ssh->next;
        if (ssh->st.phase == IPN_STREAM_FAILED)
            continue;
        if (ssh->kind == IPN_SSH_TEST) {
            ipn_ssh_conn_leave(ipn, ssh);
            ipn_ssh_end(ipn, ssh, NULL, NULL);
        } else {
            ipn_ssh_conn_open_channel(ipn, conn, ssh);
        }
    }
}

/* Channels have had their own. Whoever is left waits for one, or is asked to wait once more. */
static void fail_connection(struct ipn *ipn, struct ipn_ssh_conn *conn,
                            const struct ssh_event *from)
{
    char text[IPN_STREAM_TEXT_CAP];
    const char *code = problem_code(from->code);
    sentence(text, from->text);
    if (ipn_ssh_dial_retry_refusal(ipn, conn, from->code) ||
        ipn_ssh_dial_retry(ipn, conn, code, text))
        return;
    ipn_ssh_ask_wipe(&conn->ask); /* nobody else is to be asked */
    ipn_ssh_turn_end(ipn, conn);
    conn->closing = true;
    for (struct ipn_ssh *ssh = conn->ids, *next; ssh; ssh = next) {
        next = ssh->next;
        ssh->before_auth = !conn->key_accepted &&
                           (from->code == SSH_PROBLEM_HANDSHAKE || from->code == SSH_PROBLEM_LOST);
        ipn_ssh_conn_leave(ipn, ssh);
        ipn_ssh_end(ipn, ssh, code, text);
    }
}

static void tell_changed_key(struct ipn *ipn, struct ipn_ssh_conn *conn,
                             const struct ssh_event *from)
{
    for (struct ipn_ssh *ssh = conn->ids; ssh; ssh = ssh->next)
        ipn_tell(ipn, IPN_EVENT_SSH_HOST_KEY, ssh->st.id, from->code, (const char *)from->text.data,
                 from->text.len, (const char *)from->aux.data, from->aux.len);
}

static void connection_event(struct ipn *ipn, struct ipn_ssh_conn *conn,
                             const struct ssh_event *from)
{
    switch (from->type) {
    case SSH_EVENT_PROGRESS:
        ipn_ssh_tell_waiting(ipn, conn, IPN_EVENT_SSH_PROGRESS, 0, from->text);
        break;
    case SSH_EVENT_STEP:
        ipn_ssh_turn_lasts(ipn, conn, IPN_SSH_TURN_MS);
        conn->key_accepted = conn->key_accepted || from->code == SSH_STEP_HOST_KEY;
        ipn_ssh_tell_waiting(ipn, conn, IPN_EVENT_SSH_STEP, IPN_SSH_STEP_TCP + from->code,
                             from->text);
        break;
    case SSH_EVENT_BANNER:
        take_banner(ipn, conn, from->text);
        break;
    case SSH_EVENT_HOST_KEY:
        if (from->code) /* a changed one, for information: ERROR follows */
            tell_changed_key(ipn, conn, from);
        else
            ipn_ssh_ask_put(ipn, conn, IPN_EVENT_SSH_HOST_KEY, from);
        break;
    case SSH_EVENT_PROMPT:
        ipn_ssh_ask_put(ipn, conn, IPN_EVENT_SSH_PROMPT, from);
        break;
    case SSH_EVENT_KNOWN_HOST:
        ipn_known_hosts_add(ipn, from->text, from->aux);
        break;
    case SSH_EVENT_AUTHENTICATED:
        authenticated(ipn, conn);
        break;
    case SSH_EVENT_ERROR:
        fail_connection(ipn, conn, from);
        break;
    case SSH_EVENT_CLOSED:
        conn->st.phase = IPN_STREAM_FAILED; /* with no error of its own: the end */
        break;
    default:
        break;
    }
}

/* ---- the pump ---- */

static struct ipn_ssh *id_of(struct ipn_ssh_conn *conn, int channel)
{
    for (struct ipn_ssh *ssh = conn->ids; ssh; ssh = ssh->next) {
        if (ssh->channel == channel)
            return ssh;
    }
    return NULL;
}

/* The session may not blame the server for a way that is gone. */
static void tell_path(struct ipn *ipn, struct ipn_ssh_conn *conn)
{
    uint64_t heard_ms = NEVER;
    if (!conn->hops) {
        uint64_t silence_ms = wg_device_silence_ms(ipn->wg, &conn->st.peer, ipn->now_ms);
        heard_ms = silence_ms == NEVER ? 0 : ipn->now_ms - silence_ms;
    } else if (conn->via && conn->via->conn) {
        heard_ms = conn->via->conn->heard_ms;
    }
    ssh_session_path_heard(conn->session, heard_ms);
}

static int pump_session(struct ipn *ipn, struct ipn_ssh_conn *conn, struct ipn_event *ev)
{
    struct ssh_event from;
    if (conn->banner_len && (conn->authenticated || ipn->now_ms >= conn->banner_due_ms))
        tell_held_banner(ipn, conn);
    tell_path(ipn, conn);
    ssh_session_run(conn->session, ipn->now_ms);
    ipn->netstack_touched = true;
    while (conn->session && conn->st.phase == IPN_STREAM_OPEN && ipn->events.count == 0 &&
           ssh_session_next(conn->session, &from, ipn->now_ms) == 1) {
        struct ipn_ssh *ssh = from.channel ? id_of(conn, from.channel) : NULL;
        if (ssh && channel_event(ipn, ssh, ev, &from))
            return 1;
        if (!from.channel)
            connection_event(ipn, conn, &from);
        ipn_stream_touch(ipn, &conn->st); /* there may be more, once the queue is drained */
    }
    return 0;
}

int ipn_ssh_conn_pump(struct ipn *ipn, struct ipn_stream *st, struct ipn_event *ev)
{
    struct ipn_ssh_conn *conn = ipn_ssh_conn_of(st);
    if (conn->retry_at_ms != NEVER) {
        if (ipn->now_ms < conn->retry_at_ms && st->phase != IPN_STREAM_FAILED)
            return 0;
        conn->retry_at_ms = NEVER;
    }
    ipn_ssh_dial_advance(ipn, conn);
    if (st->phase == IPN_STREAM_OPEN && !conn->session)
        ipn_ssh_dial_start_session(ipn, conn);
    if (st->phase == IPN_STREAM_OPEN && conn->session && pump_session(ipn, conn, ev))
        return 1;
    if (ipn->events.count > 0)
        ipn_stream_touch(ipn, st); /* once more, when the queue is drained */
    if (st->phase != IPN_STREAM_FAILED)
        return 0;
    if (st->error_code && ipn_ssh_dial_retry(ipn, conn, st->error_code, st->error_text))
        return 0;
    bool lost = !st->error_code && !conn->closing;
    ipn_ssh_conn_end(ipn, conn, lost ? "connection-lost" : st->error_code,
                     lost ? "The server ended the connection." : st->error_text);
    return 0;
}

/* ---- time ---- */

uint64_t ipn_ssh_conn_deadline(const struct ipn_stream *st)
{
    const struct ipn_ssh_conn *conn = (const struct ipn_ssh_conn *)(const void *)st;
    uint64_t next = earlier(conn->retry_at_ms, conn->banner_due_ms);
    next = earlier(next, earlier(conn->open_deadline_ms, conn->idle_end_ms));
    next = earlier(next, ipn_ssh_turn_deadline(conn));
    return conn->session ? earlier(next, ssh_session_next_deadline(conn->session)) : next;
}

void ipn_ssh_conn_tick(struct ipn *ipn, struct ipn_stream *st)
{
    struct ipn_ssh_conn *conn = ipn_ssh_conn_of(st);
    if (conn->session) {
        tell_path(ipn, conn);
        ssh_session_tick(conn->session, ipn->now_ms);
    }
    if (ipn->now_ms >= conn->banner_due_ms)
        conn->in_grace = false;
    if (ipn->now_ms >= ipn_ssh_turn_deadline(conn))
        ipn_ssh_turn_end(ipn, conn);
    if (ipn->now_ms >= conn->idle_end_ms)
        ipn_ssh_conn_close(ipn, conn);
    if (ipn->now_ms < conn->open_deadline_ms)
        return;
    conn->open_deadline_ms = NEVER;
    ipn_stream_fail(st, "ssh-timeout",
                    "%s accepted the connection, but its SSH server did not open a session "
                    "within %g s.",
                    st->host, st->timeout_ms / 1000.0);
}
