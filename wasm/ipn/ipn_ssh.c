/*
 * SSH ids, as the page sees them: each waits for a connection, has one channel of it, and ends with
 * at most one ERROR and exactly one DONE. See ipn_ssh_conn.h.
 */
#include <stdlib.h>
#include <string.h>

#include "ipn/ipn_ssh_conn.h"

/* What a forward holds for the page or a connection: as much as its channel hands out unasked. */
enum { HELD_MAX_LEN = SSH_INITIAL_CREDIT };

/* ---- life ---- */

static void free_ssh(struct ipn_ssh *ssh)
{
    ipn_ssh_options_release(&ssh->o);
    buf_wipe(&ssh->held);
    free(ssh);
}

static struct ipn_ssh *new_ssh(struct ipn *ipn)
{
    struct ipn_ssh *ssh = calloc(1, sizeof *ssh);
    if (!ssh)
        return NULL;
    ssh->o = calloc(1, sizeof *ssh->o);
    if (!ssh->o) {
        free(ssh);
        return NULL;
    }
    ssh->ipn = ipn;
    ssh->open_deadline_ms = NEVER;
    buf_init(&ssh->held, HELD_MAX_LEN);
    return ssh;
}

/* The id in the table. One that uses another's connection goes by the name of that. */
static int add_stream(struct ipn *ipn, struct ipn_ssh *ssh)
{
    const struct ipn_ssh_options *o = ssh->o;
    const char *host = o->on ? "the session" : o->host;
    int rc = ipn_stream_add(ipn, &ssh->st, IPN_STREAM_SSH, host, (uint16_t)o->port, o->timeout_ms);
    ssh->st.deadline_ms = NEVER; /* the connection has one */
    return rc;
}

int ipn_ssh_open(struct ipn *ipn, const uint8_t *fields, size_t len, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    struct ipn_ssh *ssh = new_ssh(ipn);
    if (!ssh)
        return IPN_ERR_NOMEM;
    int parsed = ipn_ssh_options_parse(ssh->o, fields, len);
    int rc = parsed == IPN_ERR_FULL ? 0 : parsed;
    if (rc == 0)
        rc = add_stream(ipn, ssh);
    if (rc < 0) {
        free_ssh(ssh);
        return rc;
    }
    ssh->kind = ssh->o->kind;
    ssh->rows = (int)ssh->o->rows;
    ssh->cols = (int)ssh->o->cols;
    if (parsed < 0)
        ipn_ssh_end(ipn, ssh, "too-long", ssh->o->problem);
    if (ssh->st.phase != IPN_STREAM_FAILED)
        rc = ipn_ssh_conn_join(ipn, ssh);
    if (rc < 0) {
        ipn_ssh_free(ipn, &ssh->st);
        return rc;
    }
    return (int)ssh->st.id;
}

/* The connection that a forward carries finds its transport closed. */
static void drop_carried(struct ipn *ipn, struct ipn_ssh *ssh)
{
    if (!ssh->carried)
        return;
    ssh->carried->via = NULL;
    ssh->carried->stale = true;
    ipn_stream_touch(ipn, &ssh->carried->st);
    ssh->carried = NULL;
}

void ipn_ssh_end(struct ipn *ipn, struct ipn_ssh *ssh, const char *code, const char *text)
{
    ssh->open_deadline_ms = NEVER;
    drop_carried(ipn, ssh);
    if (code)
        ipn_stream_fail(&ssh->st, code, "%s", text);
    ssh->st.phase = IPN_STREAM_FAILED;
    ipn_stream_touch(ipn, &ssh->st);
}

void ipn_ssh_free(struct ipn *ipn, struct ipn_stream *st)
{
    struct ipn_ssh *ssh = ipn_ssh_of(st);
    drop_carried(ipn, ssh);
    ipn_ssh_conn_leave(ipn, ssh);
    ipn_stream_remove(ipn, st, true);
    free_ssh(ssh);
}

/* ---- the pump: what does not come from the session ---- */

static int give_end(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev)
{
    struct ipn_stream *st = &ssh->st;
    ipn_ssh_conn_leave(ipn, ssh);
    if (st->error_code && !st->failure_told) {
        st->failure_told = true;
        struct bytes code = {(const uint8_t *)st->error_code, strlen(st->error_code)};
        struct bytes text = {(const uint8_t *)st->error_text, strlen(st->error_text)};
        return ipn_ssh_give(ipn, ssh, ev, IPN_EVENT_SSH_ERROR, ssh->before_auth, code, text);
    }
    *ev = (struct ipn_event){.type = IPN_EVENT_SSH_DONE, .id = st->id};
    ipn_ssh_free(ipn, st);
    return 1;
}

/* The bytes that a forward held until somebody read. */
static int give_held(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev)
{
    struct bytes none = {NULL, 0};
    size_t n = ssh->held.len < sizeof ipn->chunk ? ssh->held.len : sizeof ipn->chunk;
    if (!ssh->reading || ssh->carried)
        return 0;
    if (n) {
        memcpy(ipn->chunk, buf_head(&ssh->held), n);
        buf_consume(&ssh->held, n);
        ipn_ssh_give(ipn, ssh, ev, IPN_EVENT_SSH_DATA, 0, (struct bytes){ipn->chunk, n}, none);
        ipn_stream_touch(ipn, &ssh->st);
        return 1;
    }
    if (ssh->far_eof && !ssh->eof_told) {
        ssh->eof_told = true;
        ipn_ssh_give(ipn, ssh, ev, IPN_EVENT_SSH_EOF, 0, none, none);
        ipn_stream_touch(ipn, &ssh->st);
        return 1;
    }
    if (ssh->far_eof && !ssh->conn)
        ipn_ssh_end(ipn, ssh, NULL, NULL);
    return 0;
}

int ipn_ssh_pump(struct ipn *ipn, struct ipn_stream *st, struct ipn_event *ev)
{
    struct ipn_ssh *ssh = ipn_ssh_of(st);
    if (ssh->kind == IPN_SSH_FORWARD && ssh->opened && st->phase != IPN_STREAM_FAILED &&
        give_held(ipn, ssh, ev))
        return 1;
    return st->phase == IPN_STREAM_FAILED ? give_end(ipn, ssh, ev) : 0;
}

/* ---- time ---- */

uint64_t ipn_ssh_deadline(const struct ipn_stream *st)
{
    return ((const struct ipn_ssh *)(const void *)st)->open_deadline_ms;
}

void ipn_ssh_tick(struct ipn *ipn, struct ipn_stream *st)
{
    struct ipn_ssh *ssh = ipn_ssh_of(st);
    if (ipn->now_ms < ssh->open_deadline_ms)
        return;
    uint64_t silent_at_ms = ssh->conn->heard_ms + IPN_SSH_REUSE_PATIENCE_MS;
    if (ipn->now_ms < silent_at_ms && ipn->now_ms < ssh->open_end_ms) { /* busy, not dead */
        ssh->open_deadline_ms = earlier(silent_at_ms, ssh->open_end_ms);
        return;
    }
    ssh->open_deadline_ms = NEVER;
    if (ipn->now_ms >= silent_at_ms && ipn_ssh_conn_move(ipn, ssh))
        return;
    ipn_ssh_conn_leave(ipn, ssh);
    ipn_stream_fail(st, "ssh-timeout",
                    "The SSH server of %s let us in, but did not open a session within %g s.",
                    st->host, st->timeout_ms / 1000.0);
}

/* ---- calls of the page ---- */

struct ipn_ssh *ipn_ssh_begin(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    struct ipn_stream *st = ipn_stream_find(ipn, id, IPN_STREAM_SSH);
    if (!st)
        return NULL;
    struct ipn_ssh *ssh = ipn_ssh_of(st);
    ipn_stream_touch(ipn, ssh->conn ? &ssh->conn->st : st);
    return ssh;
}

/* Bytes of a forward that carries a connection are not the page's. */
static bool takes_bytes(const struct ipn_ssh *ssh)
{
    return ssh->conn && ssh->conn->session && ssh->channel && !ssh->carried;
}

int ipn_ssh_write(struct ipn *ipn, uint32_t id, const uint8_t *src, size_t len, uint64_t now_ms)
{
    struct ipn_ssh *ssh = ipn_ssh_begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    if (!takes_bytes(ssh))
        return IPN_ERR_STATE;
    return ssh_session_write(ssh->conn->session, ssh->channel, src, len);
}

int ipn_ssh_eof(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    struct ipn_ssh *ssh = ipn_ssh_begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    if (!takes_bytes(ssh))
        return IPN_ERR_STATE;
    ssh_session_send_eof(ssh->conn->session, ssh->channel);
    return 0;
}

int ipn_ssh_resize(struct ipn *ipn, uint32_t id, int rows, int cols, uint64_t now_ms)
{
    struct ipn_ssh *ssh = ipn_ssh_begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    if (rows < 1 || cols < 1)
        return IPN_ERR_ARG;
    ssh->rows = rows;
    ssh->cols = cols;
    if (ssh->conn && ssh->conn->session && ssh->channel)
        ssh_session_resize(ssh->conn->session, ssh->channel, rows, cols);
    return 0;
}

int ipn_ssh_credit(struct ipn *ipn, uint32_t id, size_t len, uint64_t now_ms)
{
    struct ipn_ssh *ssh = ipn_ssh_begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    if (ssh->carried)
        return IPN_ERR_STATE;
    ssh->reading = true;
    ipn_stream_touch(ipn, &ssh->st); /* a forward may hold bytes for it */
    if (ssh->conn && ssh->conn->session && ssh->channel)
        ssh_session_credit(ssh->conn->session, ssh->channel, len);
    return 0;
}

int ipn_ssh_signal(struct ipn *ipn, uint32_t id, const char *name, uint64_t now_ms)
{
    struct ipn_ssh *ssh = ipn_ssh_begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    if (!takes_bytes(ssh) || !ssh->opened)
        return IPN_ERR_STATE;
    return ssh_session_signal(ssh->conn->session, ssh->channel, name);
}

/* The connection that waits for this id's answer to a question of this type; NULL: none does. */
static struct ipn_ssh_conn *asked_by(const struct ipn_ssh *ssh, uint32_t type)
{
    struct ipn_ssh_conn *conn = ssh->conn;
    bool asked = conn && conn->session && conn->ask.type == type && conn->ask.id == ssh->st.id;
    return asked ? conn : NULL;
}

int ipn_ssh_answer_host_key(struct ipn *ipn, uint32_t id, bool accept, uint64_t now_ms)
{
    struct ipn_ssh *ssh = ipn_ssh_begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    struct ipn_ssh_conn *conn = asked_by(ssh, IPN_EVENT_SSH_HOST_KEY);
    if (!conn)
        return IPN_ERR_STATE;
    ipn_ssh_ask_answered(ipn, conn);
    ssh_session_answer_host_key(conn->session, accept);
    return 0;
}

int ipn_ssh_answer_prompt(struct ipn *ipn, uint32_t id, const uint8_t *answers, size_t len,
                          uint64_t now_ms)
{
    struct ipn_ssh *ssh = ipn_ssh_begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    struct ipn_ssh_conn *conn = asked_by(ssh, IPN_EVENT_SSH_PROMPT);
    if (!conn)
        return IPN_ERR_STATE;
    int rc = ssh_session_answer_prompt(conn->session, answers, len);
    if (rc >= 0) /* else it is still asked */
        ipn_ssh_ask_answered(ipn, conn);
    return rc;
}

int ipn_ssh_answer_agent(struct ipn *ipn, uint32_t id, int request, bool allow, uint64_t now_ms)
{
    struct ipn_ssh *ssh = ipn_ssh_begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    if (!ssh->conn || !ssh->conn->session)
        return IPN_ERR_STATE;
    ssh_session_answer_agent(ssh->conn->session, request, allow);
    return 0;
}

int ipn_ssh_close(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    struct ipn_ssh *ssh = ipn_ssh_begin(ipn, id, now_ms);
    if (!ssh)
        return IPN_ERR_NOT_FOUND;
    ipn_ssh_conn_leave(ipn, ssh);
    ssh->st.error_code = NULL;
    ipn_ssh_end(ipn, ssh, NULL, NULL);
    return 0;
}
