/*
 * SSH sessions: a stream to the node's port, libssh2 on it, its events handed to the page.
 *
 * A peer that has not heard of us yet may refuse for one tick (Tailscale SSH answers "not
 * permitted" until its own netmap has come). So within JOIN_GRACE_MS of joining the first refusal
 * is tried once more, and the banner that goes with it is held back for a moment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ipn/ipn_internal.h"
#include "ipn/ipn_ssh_options.h"
#include "ssh/ssh_session.h"

enum {
    JOIN_GRACE_MS = 3000,
    REFUSED_RETRY_MS = 900,
    BANNER_HOLD_MS = 300,
    PERSON_WAIT_MS = 30 * 60 * 1000, /* Tailscale's check mode gives a person as long */
    BANNER_CAP = 1024,
};

struct ipn_ssh {
    struct ipn_stream st; /* first: one pointer for both */
    struct ssh_session *session;
    struct ipn_ssh_options o;
    int channel; /* of the session: one connection per id so far */
    bool opened, in_grace, retried, done_due, closing, host_key_asked;
    uint64_t retry_at_ms, open_deadline_ms;
    uint8_t banner[BANNER_CAP]; /* held back */
    size_t banner_len;
    uint64_t banner_due_ms;
    uint8_t algorithms[128]; /* SSH_OPEN's aux */
};

static struct ipn_ssh *ssh_of(struct ipn_stream *st)
{
    return (struct ipn_ssh *)(void *)st;
}

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

/* ---- the transport: libssh2 reads and writes the TCP connection ---- */

static int transport_read(void *ctx, uint8_t *dst, size_t cap)
{
    struct ipn_ssh *ssh = ctx;
    if (!ssh->st.tc)
        return IPN_ERR_CLOSED;
    size_t n = tcp_conn_read(ssh->st.tc, dst, cap);
    if (n)
        return (int)n;
    enum tcp_conn_state state = tcp_conn_state(ssh->st.tc);
    return state == TCP_CONN_REMOTE_CLOSED || state == TCP_CONN_CLOSED ? IPN_ERR_CLOSED : 0;
}

static int transport_write(void *ctx, const uint8_t *src, size_t len)
{
    struct ipn_ssh *ssh = ctx;
    return ssh->st.tc ? tcp_conn_write(ssh->st.tc, src, len) : IPN_ERR_CLOSED;
}

/* ---- opening ---- */

static void free_ssh(struct ipn_ssh *ssh)
{
    ssh_session_free(ssh->session);
    ipn_ssh_options_wipe(&ssh->o);
    free(ssh);
}

/* What this build does not do yet. */
static const char *missing_part(const struct ipn_ssh_options *o)
{
    if (o->kind == IPN_SSH_FORWARD || o->on || o->via)
        return "Forwarding";
    if (o->kind == IPN_SSH_SFTP)
        return "SFTP";
    if (o->kind == IPN_SSH_TEST)
        return "A test of the connection";
    if (o->subsystem[0])
        return "A subsystem";
    return NULL;
}

int ipn_ssh_open(struct ipn *ipn, const uint8_t *fields, size_t len, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    struct ipn_ssh *ssh = calloc(1, sizeof *ssh);
    if (!ssh)
        return IPN_ERR_NOMEM;
    ssh->retry_at_ms = ssh->open_deadline_ms = ssh->banner_due_ms = NEVER;
    int parsed = ipn_ssh_options_parse(&ssh->o, fields, len);
    int rc = parsed;
    if (parsed == 0 || parsed == IPN_ERR_FULL)
        rc = ipn_stream_add(ipn, &ssh->st, IPN_STREAM_SSH, ssh->o.host, (uint16_t)ssh->o.port,
                            ssh->o.timeout_ms);
    if (rc < 0) {
        free_ssh(ssh);
        return rc;
    }
    if (parsed < 0)
        ipn_stream_fail(&ssh->st, "too-long", "%s", ssh->o.problem);
    else if (missing_part(&ssh->o))
        ipn_stream_fail(&ssh->st, "unsupported", "%s is not there yet.", missing_part(&ssh->o));
    return (int)ssh->st.id;
}

static bool start_session(struct ipn *ipn, struct ipn_ssh *ssh)
{
    struct ssh_config config = {
        .user = ssh->o.user,
        .can_ask_host_key = true,
    };
    struct ssh_channel_config channel = {
        .kind = SSH_CHANNEL_SHELL,
        .term = ssh->o.term,
        .command = ssh->o.command[0] ? ssh->o.command : NULL,
        .pty = ssh->o.pty,
        .rows = (int)ssh->o.rows,
        .cols = (int)ssh->o.cols,
        .env = ssh->o.env,
        .env_len = ssh->o.env_len,
    };
    const struct netmap_node *node = netmap_find_key(control_client_netmap(ipn->cc), &ssh->st.peer);
    bool tailscale_ssh = node && node->ssh_host_key_count && ssh->st.port == 22;
    for (size_t i = 0; tailscale_ssh && i < node->ssh_host_key_count; i++) {
        if (config.pinned_count < SSH_MAX_PINNED_KEYS)
            config.pinned[config.pinned_count++] = node->ssh_host_keys[i];
    }
    struct ipn_known_names names;
    ipn_known_hosts_fill(ipn, &ssh->st, &names, &config);
    struct ssh_transport transport = {ssh, transport_read, transport_write};
    ssh->session = ssh_session_new(&config, &transport);
    ssh->channel = ssh->session ? ssh_session_open_channel(ssh->session, &channel) : 0;
    if (ssh->channel <= 0) {
        ssh_session_free(ssh->session);
        ssh->session = NULL;
        ipn_stream_fail(&ssh->st, "out-of-memory", "The module ran out of memory.");
        return false;
    }
    ssh->open_deadline_ms = ssh->st.budget_end_ms;
    ssh->in_grace = !ssh->retried && ipn->now_ms - ipn->running_since_ms < JOIN_GRACE_MS;
    return true;
}

/* ---- events ---- */

static int give(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev, uint32_t type, int code,
                struct bytes text, struct bytes aux)
{
    *ev = (struct ipn_event){.type = type,
                             .id = ssh->st.id,
                             .code = code,
                             .text = text.data,
                             .aux = aux.data,
                             .text_len = text.len,
                             .aux_len = aux.len};
    ipn_stream_touch(ipn, &ssh->st);
    return 1;
}

static struct bytes text_bytes(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* True if this refusal may be the peer's tick of not knowing us: begin anew in a moment. */
static bool retry_refusal(struct ipn *ipn, struct ipn_ssh *ssh, int problem)
{
    bool early = problem == SSH_PROBLEM_AUTH || problem == SSH_PROBLEM_LOST;
    if (!ssh->in_grace || ssh->opened || ssh->retried || !early || ssh->closing)
        return false;
    ssh_session_free(ssh->session);
    ssh->session = NULL;
    ssh->host_key_asked = false;
    ssh->retried = true;
    ssh->in_grace = false;
    ssh->banner_len = 0;
    ssh->banner_due_ms = ssh->open_deadline_ms = NEVER;
    ssh->retry_at_ms = ipn->now_ms + REFUSED_RETRY_MS;
    ipn_stream_restart(ipn, &ssh->st);
    return true;
}

static int give_banner(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev,
                       const struct ssh_event *from)
{
    ssh->open_deadline_ms = ipn->now_ms + PERSON_WAIT_MS;
    size_t room = BANNER_CAP - ssh->banner_len;
    if (!ssh->in_grace || from->text.len > room)
        return give(ipn, ssh, ev, IPN_EVENT_SSH_BANNER, 0, from->text, (struct bytes){0});
    memcpy(ssh->banner + ssh->banner_len, from->text.data, from->text.len);
    ssh->banner_len += from->text.len;
    ssh->banner_due_ms = ipn->now_ms + BANNER_HOLD_MS;
    return 0;
}

static int give_held_banner(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev)
{
    struct bytes text = {ssh->banner, ssh->banner_len};
    ssh->banner_len = 0;
    ssh->banner_due_ms = NEVER;
    return give(ipn, ssh, ev, IPN_EVENT_SSH_BANNER, 0, text, (struct bytes){0});
}

static int give_open(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev)
{
    ssh->opened = true;
    ssh->open_deadline_ms = NEVER;
    const struct ssh_info *info = ssh_session_info(ssh->session);
    int n = snprintf((char *)ssh->algorithms, sizeof ssh->algorithms, "%.60s%c%c%c%.60s%c%c%c%c",
                     info->host_key_type, 0, 0, 0, info->cipher_in, 0, 0, 0, 0);
    return give(ipn, ssh, ev, IPN_EVENT_SSH_OPEN, 0, text_bytes(info->server_version),
                (struct bytes){ssh->algorithms, n > 0 ? (size_t)n : 0});
}

/* One event of the session as one of ours: 1 given, 0 swallowed. */
static int translate(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev,
                     const struct ssh_event *from)
{
    struct bytes none = {0};
    switch (from->type) {
    case SSH_EVENT_PROGRESS:
        return give(ipn, ssh, ev, IPN_EVENT_SSH_PROGRESS, 0, from->text, none);
    case SSH_EVENT_HOST_KEY:
        if (from->code) /* changed: the error that follows says it all */
            return 0;
        ssh->host_key_asked = true;
        ssh->open_deadline_ms = ipn->now_ms + PERSON_WAIT_MS;
        return give(ipn, ssh, ev, IPN_EVENT_SSH_HOST_KEY, 0, from->text, from->aux);
    case SSH_EVENT_KNOWN_HOST:
        ipn_known_hosts_add(ipn, from->text, from->aux);
        return 0;
    case SSH_EVENT_BANNER:
        return give_banner(ipn, ssh, ev, from);
    case SSH_EVENT_OPEN:
        return give_open(ipn, ssh, ev);
    case SSH_EVENT_DATA:
        return give(ipn, ssh, ev, IPN_EVENT_SSH_DATA, 0, from->text, none);
    case SSH_EVENT_STDERR:
        return give(ipn, ssh, ev, IPN_EVENT_SSH_STDERR, 0, from->text, none);
    case SSH_EVENT_EXIT:
        return give(ipn, ssh, ev, IPN_EVENT_SSH_EXIT, from->code, none, from->aux);
    case SSH_EVENT_WRITABLE:
        return give(ipn, ssh, ev, IPN_EVENT_SSH_WRITABLE, 0, none, none);
    case SSH_EVENT_CHANNEL_CLOSED:
        ssh_session_close(ssh->session);
        ssh_session_run(ssh->session, ipn->now_ms);
        return 0;
    case SSH_EVENT_ERROR:
        if (!from->channel) /* the channel has told it */
            return 0;
        if (retry_refusal(ipn, ssh, from->code))
            return 0;
        return give(ipn, ssh, ev, IPN_EVENT_SSH_ERROR, from->code == SSH_PROBLEM_HANDSHAKE,
                    text_bytes(problem_code(from->code)), from->text);
    case SSH_EVENT_CLOSED:
        ssh->done_due = true;
        return 0;
    default:
        return 0;
    }
}

static int finish(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev)
{
    *ev = (struct ipn_event){.type = IPN_EVENT_SSH_DONE, .id = ssh->st.id};
    ipn_stream_remove(ipn, &ssh->st, false);
    free_ssh(ssh);
    return 1;
}

static int pump_failed(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev)
{
    if (ssh->st.failure_told || !ssh->st.error_code)
        return finish(ipn, ssh, ev);
    ssh->st.failure_told = true;
    return give(ipn, ssh, ev, IPN_EVENT_SSH_ERROR, !ssh->session, text_bytes(ssh->st.error_code),
                text_bytes(ssh->st.error_text));
}

static int pump_session(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev)
{
    struct ssh_event from;
    if (ssh->banner_len && (ssh->opened || ipn->now_ms >= ssh->banner_due_ms))
        return give_held_banner(ipn, ssh, ev);
    ssh_session_run(ssh->session, ipn->now_ms);
    ipn->netstack_touched = true;
    while (ssh->session && ssh_session_next(ssh->session, &from, ipn->now_ms) == 1) {
        bool settles = from.type == SSH_EVENT_OPEN || from.type == SSH_EVENT_ERROR;
        if (settles)
            ssh->in_grace = ssh->in_grace && from.type == SSH_EVENT_ERROR;
        if (translate(ipn, ssh, ev, &from))
            return 1;
    }
    return ssh->done_due ? finish(ipn, ssh, ev) : 0;
}

int ipn_ssh_pump(struct ipn *ipn, struct ipn_stream *st, struct ipn_event *ev)
{
    struct ipn_ssh *ssh = ssh_of(st);
    if (ssh->retry_at_ms != NEVER) {
        if (ipn->now_ms < ssh->retry_at_ms && st->phase != IPN_STREAM_FAILED)
            return 0;
        ssh->retry_at_ms = NEVER;
    }
    if (st->phase < IPN_STREAM_OPEN)
        ipn_stream_advance(ipn, st);
    if (st->progress_due) {
        st->progress_due = false;
        return give(ipn, ssh, ev, IPN_EVENT_SSH_PROGRESS, 0, text_bytes(st->progress),
                    (struct bytes){0});
    }
    if (st->phase == IPN_STREAM_OPEN && !ssh->session)
        start_session(ipn, ssh);
    if (st->phase == IPN_STREAM_FAILED)
        return pump_failed(ipn, ssh, ev);
    return ssh->session ? pump_session(ipn, ssh, ev) : 0;
}

/* ---- time ---- */

uint64_t ipn_ssh_deadline(const struct ipn_stream *st)
{
    const struct ipn_ssh *ssh = (const struct ipn_ssh *)(const void *)st;
    uint64_t next = earlier(ssh->retry_at_ms, ssh->banner_due_ms);
    next = earlier(next, ssh->open_deadline_ms);
    return ssh->session ? earlier(next, ssh_session_next_deadline(ssh->session)) : next;
}

void ipn_ssh_tick(struct ipn *ipn, struct ipn_stream *st)
{
    struct ipn_ssh *ssh = ssh_of(st);
    if (ssh->session)
        ssh_session_tick(ssh->session, ipn->now_ms);
    if (ipn->now_ms >= ssh->banner_due_ms)
        ssh->in_grace = false;
    if (ipn->now_ms < ssh->open_deadline_ms)
        return;
    ssh->open_deadline_ms = NEVER;
    ipn_stream_fail(st, "ssh-timeout",
                    "%s accepted the connection, but its SSH server did not open a session "
                    "within %g s.",
                    st->host, st->timeout_ms / 1000.0);
}

/* ---- calls of the page ---- */

static struct ipn_ssh *begin(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    struct ipn_stream *st = ipn_stream_find(ipn, id, IPN_STREAM_SSH);
    if (st)
        ipn_stream_touch(ipn, st);
    return st ? ssh_of(st) : NULL;
}

int ipn_ssh_write(struct ipn *ipn, uint32_t id, const uint8_t *src, size_t len, uint64_t now_ms)
{
    struct ipn_ssh *ssh = begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    return ssh->session ? ssh_session_write(ssh->session, ssh->channel, src, len) : IPN_ERR_STATE;
}

int ipn_ssh_eof(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    struct ipn_ssh *ssh = begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    if (!ssh->session)
        return IPN_ERR_STATE;
    ssh_session_send_eof(ssh->session, ssh->channel);
    return 0;
}

int ipn_ssh_resize(struct ipn *ipn, uint32_t id, int rows, int cols, uint64_t now_ms)
{
    struct ipn_ssh *ssh = begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    if (rows < 1 || cols < 1)
        return IPN_ERR_ARG;
    ssh->o.rows = (uint32_t)rows;
    ssh->o.cols = (uint32_t)cols;
    if (ssh->session)
        ssh_session_resize(ssh->session, ssh->channel, rows, cols);
    return 0;
}

int ipn_ssh_credit(struct ipn *ipn, uint32_t id, size_t len, uint64_t now_ms)
{
    struct ipn_ssh *ssh = begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    if (ssh->session)
        ssh_session_credit(ssh->session, ssh->channel, len);
    return 0;
}

int ipn_ssh_answer_host_key(struct ipn *ipn, uint32_t id, bool accept, uint64_t now_ms)
{
    struct ipn_ssh *ssh = begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    if (!ssh->session || !ssh->host_key_asked)
        return IPN_ERR_STATE;
    ssh->host_key_asked = false;
    ssh_session_answer_host_key(ssh->session, accept);
    ssh->open_deadline_ms = now_ms + ssh->st.timeout_ms;
    return 0;
}

int ipn_ssh_answer_prompt(struct ipn *ipn, uint32_t id, const uint8_t *answers, size_t len,
                          uint64_t now_ms)
{
    (void)answers;
    (void)len;
    return begin(ipn, id, now_ms) ? IPN_ERR_STATE : IPN_ERR_NOT_FOUND;
}

int ipn_ssh_answer_agent(struct ipn *ipn, uint32_t id, int request, bool allow, uint64_t now_ms)
{
    (void)request;
    (void)allow;
    return begin(ipn, id, now_ms) ? IPN_ERR_STATE : IPN_ERR_NOT_FOUND;
}

int ipn_ssh_signal(struct ipn *ipn, uint32_t id, const char *name, uint64_t now_ms)
{
    (void)name;
    return begin(ipn, id, now_ms) ? IPN_ERR_STATE : IPN_ERR_NOT_FOUND;
}

int ipn_ssh_close(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    struct ipn_ssh *ssh = begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    ssh->closing = true;
    if (ssh->session && ssh->st.phase == IPN_STREAM_OPEN) {
        ssh_session_close(ssh->session);
    } else {
        ssh->st.error_code = NULL;
        ssh->st.deadline_ms = NEVER;
        ssh->st.phase = IPN_STREAM_FAILED;
    }
    return 0;
}

void ipn_ssh_say_goodbye(struct ipn *ipn, struct ipn_stream *st)
{
    struct ipn_ssh *ssh = ssh_of(st);
    if (ssh->session)
        ssh_session_run(ssh->session, ipn->now_ms);
    st->error_code = NULL;
    st->deadline_ms = NEVER;
    st->phase = IPN_STREAM_FAILED;
    ipn_stream_touch(ipn, st);
}

void ipn_ssh_free(struct ipn *ipn, struct ipn_stream *st)
{
    ipn_stream_remove(ipn, st, true);
    free_ssh(ssh_of(st));
}
