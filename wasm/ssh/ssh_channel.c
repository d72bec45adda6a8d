/*
 * One channel (RFC 4254 sections 5 and 6): what it sends and what it tells. Packets that arrive are
 * in ssh_channel_packets.c.
 *
 *   server --[window]--> chunks --[credit]--> SSH_EVENT_DATA --> page --ssh_session_credit-->
 *   page --ssh_session_write--> input (256 kB) --[the server's window]--> server
 *
 * The window is what may still come, what waits in chunks, and what the page holds: it opens only
 * as the page consumes, so a page that stops reading stops the server, and with a terminal it never
 * holds more than the page takes in 150 ms, or ^C would be seen late. Requests go out together,
 * their answers are matched in order.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_session_internal.h"

enum {
    CHANNEL_OPEN = 90,
    CHANNEL_OPEN_CONFIRMATION = 91,
    CHANNEL_WINDOW_ADJUST = 93,
    CHANNEL_DATA = 94,
    CHANNEL_EOF = 96,
    CHANNEL_CLOSE = 97,
    CHANNEL_REQUEST = 98,
    CHANNEL_FAILURE = 100,
    MAX_HEAD_LEN = 512, /* of what is not data */
    MAX_ENV_LEN = 16 << 10
};

/* RFC 4254 section 8; opcodes as OpenSSH sends them for a UTF-8 terminal. */
static const uint8_t terminal_modes[] = {
    1,   0, 0, 0,    3,    /* VINTR ^C */
    2,   0, 0, 0,    28,   /* VQUIT ^\ */
    3,   0, 0, 0,    127,  /* VERASE */
    4,   0, 0, 0,    21,   /* VKILL ^U */
    5,   0, 0, 0,    4,    /* VEOF ^D */
    8,   0, 0, 0,    17,   /* VSTART ^Q */
    9,   0, 0, 0,    19,   /* VSTOP ^S */
    10,  0, 0, 0,    26,   /* VSUSP ^Z */
    36,  0, 0, 0,    1,    /* ICRNL */
    38,  0, 0, 0,    1,    /* IXON */
    42,  0, 0, 0,    1,    /* IUTF8, RFC 8160 */
    50,  0, 0, 0,    1,    /* ISIG */
    51,  0, 0, 0,    1,    /* ICANON */
    53,  0, 0, 0,    1,    /* ECHO */
    54,  0, 0, 0,    1,    /* ECHOE */
    55,  0, 0, 0,    1,    /* ECHOK */
    59,  0, 0, 0,    1,    /* IEXTEN */
    60,  0, 0, 0,    1,    /* ECHOCTL */
    61,  0, 0, 0,    1,    /* ECHOKE */
    70,  0, 0, 0,    1,    /* OPOST */
    72,  0, 0, 0,    1,    /* ONLCR */
    91,  0, 0, 0,    1,    /* CS8 */
    128, 0, 0, 0x96, 0x00, /* TTY_OP_ISPEED 38400 */
    129, 0, 0, 0x96, 0x00, /* TTY_OP_OSPEED 38400 */
    0                      /* TTY_OP_END */
};

/* ---- a packet being written ---- */

struct packet {
    size_t len;
    bool overflow;
    uint8_t data[MAX_HEAD_LEN];
};

static void put(struct packet *p, const void *src, size_t len)
{
    if (len > sizeof p->data - p->len) {
        p->overflow = true;
        return;
    }
    if (len)
        memcpy(p->data + p->len, src, len);
    p->len += len;
}

static void put_u8(struct packet *p, uint8_t v)
{
    put(p, &v, 1);
}

static void put_u32(struct packet *p, uint32_t v)
{
    uint8_t bytes[4];

    store_be32(bytes, v);
    put(p, bytes, 4);
}

static void put_text(struct packet *p, const char *text)
{
    put_u32(p, (uint32_t)strlen(text));
    put(p, text, strlen(text));
}

/* [type][recipient channel] */
static void put_head(struct packet *p, uint8_t type, const struct ssh_channel *c)
{
    p->len = 0;
    p->overflow = false;
    put_u8(p, type);
    put_u32(p, c->remote_id);
}

static void put_request(struct packet *p, const struct ssh_channel *c, const char *name,
                        bool want_reply)
{
    put_head(p, CHANNEL_REQUEST, c);
    put_text(p, name);
    put_u8(p, want_reply);
}

static int send_packet(struct ssh_session *s, const struct packet *p, struct bytes body)
{
    if (p->overflow)
        return LIBSSH2_ERROR_INVAL;
    if (s->out.len >= SSH_OUT_PAUSE_LEN)
        return LIBSSH2_ERROR_EAGAIN;
    return ssh_libssh2_send(s->lib, (struct bytes){p->data, p->len}, body);
}

static int send_short(struct ssh_session *s, const struct packet *p)
{
    return send_packet(s, p, (struct bytes){NULL, 0});
}

/* ---- opening ---- */

static void window_init(struct ssh_session *s, struct ssh_channel *c)
{
    size_t first = c->config.pty ? SSH_MIN_WINDOW : SSH_FIRST_WINDOW;
    size_t room = ssh_channels_window_room(s, c);

    c->window_floor = c->config.pty ? SSH_MIN_WINDOW : SSH_BULK_WINDOW;
    c->window_target = first < room ? first : room;
    c->window = (uint32_t)c->window_target;
    c->window_at_ms = s->now_ms;
}

/* [90][kind][our number][window][packet size], for a forward [host][port][from host][from port] */
static int send_open(struct ssh_session *s, struct ssh_channel *c)
{
    struct packet p = {0};
    int rc;

    window_init(s, c);
    put_u8(&p, CHANNEL_OPEN);
    put_text(&p, c->kind == SSH_CHANNEL_FORWARD ? "direct-tcpip" : "session");
    put_u32(&p, c->local_id);
    put_u32(&p, c->window);
    put_u32(&p, SSH_PACKET_LEN);
    if (c->kind == SSH_CHANNEL_FORWARD) {
        put_text(&p, c->config.host);
        put_u32(&p, c->config.port);
        put_text(&p, "127.0.0.1");
        put_u32(&p, 0);
    }
    rc = send_short(s, &p);
    if (!rc) {
        c->state = SSH_CHANNEL_OPENING;
        c->open_sent = true;
    } else {
        c->window = 0;
    }
    return rc;
}

/* [91][their number][our number][window][packet size] */
static int send_confirmation(struct ssh_session *s, struct ssh_channel *c)
{
    struct packet p;
    int rc;

    window_init(s, c);
    put_head(&p, CHANNEL_OPEN_CONFIRMATION, c);
    put_u32(&p, c->local_id);
    put_u32(&p, c->window);
    put_u32(&p, SSH_PACKET_LEN);
    rc = send_short(s, &p);
    c->accept_due = rc != 0;
    if (rc)
        c->window = 0;
    return rc;
}

/* The NUL-terminated string at config.env + *at, which moves behind it. */
static struct bytes env_string(const struct ssh_channel *c, size_t *at)
{
    struct bytes text = {(const uint8_t *)c->config.env + *at, 0};

    while (*at + text.len < c->config.env_len && text.data[text.len])
        text.len++;
    *at += text.len + 1;
    return text;
}

/* Without asking for an answer: servers refuse most and nobody needs to know. */
static int send_env(struct ssh_session *s, struct ssh_channel *c)
{
    while (c->env_at < c->config.env_len) {
        size_t at = c->env_at;
        struct bytes name = env_string(c, &at), value = {NULL, 0};
        struct packet p;
        int rc;

        if (at < c->config.env_len)
            value = env_string(c, &at);
        if (name.len && name.len < 256 && value.len < MAX_ENV_LEN) {
            put_request(&p, c, "env", false);
            put_u32(&p, (uint32_t)name.len);
            put(&p, name.data, name.len);
            put_u32(&p, (uint32_t)value.len);
            rc = send_packet(s, &p, value);
            if (rc)
                return rc;
        }
        c->env_at = at;
    }
    return 0;
}

static int send_pty(struct ssh_session *s, struct ssh_channel *c)
{
    struct packet p;
    int rc;

    put_request(&p, c, "pty-req", true);
    put_text(&p, c->config.term);
    put_u32(&p, (uint32_t)c->cols);
    put_u32(&p, (uint32_t)c->rows);
    put_u32(&p, 0);
    put_u32(&p, 0);
    put_u32(&p, sizeof terminal_modes);
    put(&p, terminal_modes, sizeof terminal_modes);
    rc = send_short(s, &p);
    if (!rc) {
        c->sent_rows = c->rows;
        c->sent_cols = c->cols;
    }
    return rc;
}

static int send_agent(struct ssh_session *s, struct ssh_channel *c)
{
    struct packet p;
    int rc;

    put_request(&p, c, "auth-agent-req@openssh.com", true);
    rc = send_short(s, &p);
    if (!rc)
        s->channels.agent_allowed = true;
    return rc;
}

static int send_start(struct ssh_session *s, struct ssh_channel *c)
{
    const char *what = c->config.subsystem ? c->config.subsystem : c->config.command;
    struct packet p;

    put_request(&p, c, c->config.subsystem ? "subsystem" : what ? "exec" : "shell", true);
    if (!what)
        return send_short(s, &p);
    put_u32(&p, (uint32_t)strlen(what));
    return send_packet(s, &p, ssh_text(what));
}

/* All of them one behind the other; their answers come in the same order. */
static int send_requests(struct ssh_session *s, struct ssh_channel *c)
{
    static int (*const send_them[])(struct ssh_session *,
                                    struct ssh_channel *) = {[SSH_REQUEST_ENV] = send_env,
                                                             [SSH_REQUEST_AGENT] = send_agent,
                                                             [SSH_REQUEST_PTY] = send_pty,
                                                             [SSH_REQUEST_START] = send_start};
    int rc;

    while (c->request < SSH_REQUEST_COUNT) {
        bool wanted = (c->request != SSH_REQUEST_AGENT || c->config.agent) &&
                      (c->request != SSH_REQUEST_PTY || c->config.pty);

        rc = wanted ? send_them[c->request](s, c) : 0;
        if (rc)
            return rc;
        if (wanted && c->request != SSH_REQUEST_ENV)
            c->awaited[c->awaited_len++] = (uint8_t)c->request;
        c->request++;
    }
    return 0;
}

/* ---- window ---- */

/* For the next interval: what the page consumed in the last, one and a half times over with a
 * terminal, three times without. */
static void window_measure(struct ssh_session *s, struct ssh_channel *c)
{
    uint64_t elapsed_ms = s->now_ms - c->window_at_ms, target;

    if (elapsed_ms < SSH_WINDOW_INTERVAL_MS)
        return;
    target = (uint64_t)c->window_drained * (c->config.pty ? 3 : 6) * SSH_WINDOW_INTERVAL_MS /
             (elapsed_ms * 2);
    if (target < c->window_floor)
        target = c->window_floor;
    if (target > SSH_MAX_WINDOW)
        target = SSH_MAX_WINDOW;
    c->window_target = (size_t)target;
    c->window_drained = 0;
    c->window_at_ms = s->now_ms;
}

/* Opens the window again once a quarter of it is used up. */
static int send_window(struct ssh_session *s, struct ssh_channel *c)
{
    size_t have = ssh_channel_granted(c), add, room;
    struct packet p;
    int rc;

    window_measure(s, c);
    if (c->eof_received || have > c->window_target / 4 * 3)
        return 0;
    room = ssh_channels_window_room(s, c);
    add = c->window_target - have < room ? c->window_target - have : room;
    if (!add)
        return 0;
    put_head(&p, CHANNEL_WINDOW_ADJUST, c);
    put_u32(&p, (uint32_t)add);
    rc = send_short(s, &p);
    if (!rc)
        c->window += (uint32_t)add;
    return rc;
}

void ssh_channel_consumed(struct ssh_channel *c, size_t n)
{
    /* More than was ever handed out would be a mistake of the caller's; it opens nothing. */
    if (n > c->held)
        n = c->held;
    c->held -= n;
    c->window_drained += n;
}

/* ---- sending ---- */

static int send_failures(struct ssh_session *s, struct ssh_channel *c)
{
    struct packet p;
    int rc = 0;

    put_head(&p, CHANNEL_FAILURE, c);
    while (c->failures_due && !(rc = send_short(s, &p)))
        c->failures_due--;
    return rc;
}

static int send_size(struct ssh_session *s, struct ssh_channel *c)
{
    struct packet p;
    int rc;

    if (!c->config.pty || (c->rows == c->sent_rows && c->cols == c->sent_cols))
        return 0;
    put_request(&p, c, "window-change", false);
    put_u32(&p, (uint32_t)c->cols);
    put_u32(&p, (uint32_t)c->rows);
    put_u32(&p, 0);
    put_u32(&p, 0);
    rc = send_short(s, &p);
    if (!rc) {
        c->sent_rows = c->rows;
        c->sent_cols = c->cols;
    }
    return rc;
}

static int send_signals(struct ssh_session *s, struct ssh_channel *c)
{
    struct packet p;
    int rc;

    while (c->signal_count) {
        put_request(&p, c, "signal", false);
        put_text(&p, c->signals[0]);
        rc = send_short(s, &p);
        if (rc)
            return rc;
        c->signal_count--;
        memmove(c->signals[0], c->signals[1], sizeof c->signals[0] * c->signal_count);
    }
    return 0;
}

/* One packet of the input, then EOF if that was all. */
static int send_input(struct ssh_session *s, struct ssh_channel *c, bool *more)
{
    size_t len = c->input.len;
    struct packet p;
    int rc;

    if (len > c->remote_window)
        len = c->remote_window;
    if (len > c->remote_packet_len)
        len = c->remote_packet_len;
    if (len) {
        put_head(&p, CHANNEL_DATA, c);
        put_u32(&p, (uint32_t)len);
        rc = send_packet(s, &p, (struct bytes){buf_head(&c->input), len});
        if (rc)
            return rc;
        buf_consume(&c->input, len);
        c->remote_window -= (uint32_t)len;
        s->channels.input_len -= len;
        *more = c->input.len && c->remote_window;
    }
    if (c->input.len || !c->eof_wanted || c->eof_sent)
        return 0;
    put_head(&p, CHANNEL_EOF, c);
    rc = send_short(s, &p);
    c->eof_sent = !rc;
    return rc;
}

static void tell_writable(struct ssh_session *s, struct ssh_channel *c)
{
    if (!c->input_was_full || c->input.len > SSH_MAX_INPUT_LEN / 2 ||
        s->channels.input_len > SSH_MAX_ALL_INPUT_LEN / 2 + c->input.len)
        return;
    c->input_was_full = false;
    ssh_event_push_full(s, &(struct ssh_event){.type = SSH_EVENT_WRITABLE, .channel = c->number});
}

/* EOF first where the server may still be reading. */
static int send_close(struct ssh_session *s, struct ssh_channel *c)
{
    struct packet p;
    int rc = 0;

    if (!c->eof_sent && !c->close_received) {
        put_head(&p, CHANNEL_EOF, c);
        rc = send_short(s, &p);
        c->eof_sent = !rc;
    }
    if (rc)
        return rc;
    put_head(&p, CHANNEL_CLOSE, c);
    rc = send_short(s, &p);
    c->close_sent = !rc;
    return rc;
}

static int send_running(struct ssh_session *s, struct ssh_channel *c, bool *more)
{
    static int (*const send_them[])(struct ssh_session *, struct ssh_channel *) = {
        send_failures, send_window, send_size, send_signals};
    int rc = 0;

    for (size_t i = 0; i < sizeof send_them / sizeof *send_them && !rc; i++)
        rc = send_them[i](s, c);
    if (!rc)
        rc = send_input(s, c, more);
    tell_writable(s, c);
    return rc;
}

int ssh_channel_send_due(struct ssh_session *s, struct ssh_channel *c, bool *more)
{
    *more = false;
    if (c->accept_due) {
        int rc = send_confirmation(s, c);

        if (rc)
            return rc;
    }
    if (c->close_wanted)
        return c->confirmed && !c->close_sent ? send_close(s, c) : 0;
    switch (c->state) {
    case SSH_CHANNEL_WAITING:
        return send_open(s, c);
    case SSH_CHANNEL_STARTING: {
        int rc = send_requests(s, c);

        return rc ? rc : send_failures(s, c);
    }
    case SSH_CHANNEL_RUNNING:
        return send_running(s, c, more);
    default:
        return 0;
    }
}

/* ---- telling ---- */

void ssh_channel_fail(struct ssh_channel *c, enum ssh_problem problem, const char *format, ...)
{
    va_list args;

    if (c->problem)
        return;
    va_start(args, format);
    vsnprintf(c->problem_text, sizeof c->problem_text, format, args);
    va_end(args);
    c->problem = problem;
    c->close_wanted = true;
}

static bool give_data(struct ssh_session *s, struct ssh_channel *c, struct ssh_event *ev)
{
    size_t credit = SSH_INITIAL_CREDIT - c->held;
    enum ssh_stream stream = SSH_STREAM_STDOUT;
    struct bytes text =
        ssh_chunks_take(s, &c->received, credit < SSH_DATA_LEN ? credit : SSH_DATA_LEN, &stream);

    if (!text.len)
        return false;
    c->held += text.len;
    ev->type = stream == SSH_STREAM_STDERR ? SSH_EVENT_STDERR : SSH_EVENT_DATA;
    ev->text = text;
    return true;
}

/* The page gets no more of it; the slot waits for what is still due on the wire. */
static void channel_end(struct ssh_session *s, struct ssh_channel *c)
{
    c->state = SSH_CHANNEL_ENDED;
    c->close_wanted = true;
    ssh_chunks_wipe(s, &c->received);
    s->channels.input_len -= c->input.len;
    buf_wipe(&c->input);
    ssh_channel_config_wipe(c);
}

static bool give_exit(struct ssh_channel *c, struct ssh_event *ev)
{
    if (c->kind != SSH_CHANNEL_SHELL || c->exit_told || c->problem ||
        !(c->has_exit || c->close_received))
        return false;
    c->exit_told = true;
    ev->type = SSH_EVENT_EXIT;
    ev->code = c->exit_signal[0] ? 0 : c->exit_status;
    ev->aux = ssh_text(c->exit_signal);
    return true;
}

static bool give_error(const struct ssh_session *s, struct ssh_channel *c, struct ssh_event *ev)
{
    bool lost = !c->problem && s->state == SSH_DRAINING && !c->has_exit && !c->close_received;

    if (c->problem_told || !(c->problem || lost))
        return false;
    c->problem_told = true;
    ev->type = SSH_EVENT_ERROR;
    ev->code = (int)(lost ? s->problem : c->problem);
    ev->text = ssh_text(lost ? s->problem_text : c->problem_text);
    return true;
}

int ssh_channel_next(struct ssh_session *s, struct ssh_channel *c, struct ssh_event *ev)
{
    bool over = c->close_received || c->problem || c->dropped || s->state == SSH_DRAINING;

    if (c->state == SSH_CHANNEL_ENDED)
        return 0;
    *ev = (struct ssh_event){.channel = c->number};
    if (!c->dropped) {
        if (c->state == SSH_CHANNEL_RUNNING && give_data(s, c, ev))
            return 1;
        if (c->state == SSH_CHANNEL_RUNNING && c->received.len)
            return 0;
        if (c->eof_received && !c->eof_told) {
            c->eof_told = true;
            ev->type = SSH_EVENT_EOF;
            return 1;
        }
        if (over && (give_exit(c, ev) || give_error(s, c, ev)))
            return 1;
    }
    if (!over)
        return 0;
    channel_end(s, c);
    ev->type = SSH_EVENT_CHANNEL_CLOSED;
    return 1;
}

void ssh_channel_drop(struct ssh_session *s, struct ssh_channel *c)
{
    c->dropped = c->close_wanted = true;
    ssh_chunks_wipe(s, &c->received);
}

void ssh_channel_free(struct ssh_session *s, struct ssh_channel *c)
{
    channel_end(s, c);
    wipe(c, sizeof *c);
    free(c);
}
