/*
 * One channel (RFC 4254 sections 5 and 6), once it is open: what it sends and what it tells. How it
 * is opened is in ssh_channel_open.c, packets that arrive are in ssh_channel_packets.c.
 *
 *   server --[window]--> chunks --[credit]--> SSH_EVENT_DATA --> page --ssh_session_credit-->
 *   page --ssh_session_write--> input (256 kB) --[the server's window]--> server
 *
 * The window is what may still come, what waits in chunks, and what the page holds: it opens only
 * as the page consumes, so a page that stops reading stops the server, and with a terminal it never
 * holds more than the page takes in 150 ms, or ^C would be seen late.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_packet.h"
#include "ssh/ssh_session_internal.h"

int ssh_packet_send(struct ssh_session *s, const struct ssh_packet *p, struct bytes body)
{
    if (p->overflow)
        return LIBSSH2_ERROR_INVAL;
    if (s->out.len >= SSH_OUT_PAUSE_LEN) {
        s->paused = true;
        return LIBSSH2_ERROR_EAGAIN;
    }
    return ssh_libssh2_send(s->lib, (struct bytes){p->data, p->len}, body);
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
    struct ssh_packet p;
    int rc;

    window_measure(s, c);
    if (c->eof_received || have > c->window_target / 4 * 3)
        return 0;
    room = ssh_channels_window_room(s, c);
    add = c->window_target - have < room ? c->window_target - have : room;
    if (!add)
        return 0;
    ssh_packet_begin(&p, SSH_CHANNEL_WINDOW_ADJUST, c);
    ssh_packet_put_u32(&p, (uint32_t)add);
    rc = ssh_packet_send_short(s, &p);
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
    struct ssh_packet p;
    int rc = 0;

    ssh_packet_begin(&p, SSH_CHANNEL_FAILURE, c);
    while (c->failures_due && !(rc = ssh_packet_send_short(s, &p)))
        c->failures_due--;
    return rc;
}

static int send_size(struct ssh_session *s, struct ssh_channel *c)
{
    struct ssh_packet p;
    int rc;

    if (!c->config.pty || (c->rows == c->sent_rows && c->cols == c->sent_cols))
        return 0;
    ssh_packet_begin_request(&p, c, "window-change", false);
    ssh_packet_put_u32(&p, (uint32_t)c->cols);
    ssh_packet_put_u32(&p, (uint32_t)c->rows);
    ssh_packet_put_u32(&p, 0);
    ssh_packet_put_u32(&p, 0);
    rc = ssh_packet_send_short(s, &p);
    if (!rc) {
        c->sent_rows = c->rows;
        c->sent_cols = c->cols;
    }
    return rc;
}

static int send_signals(struct ssh_session *s, struct ssh_channel *c)
{
    struct ssh_packet p;
    int rc;

    while (c->signal_count) {
        ssh_packet_begin_request(&p, c, "signal", false);
        ssh_packet_put_text(&p, c->signals[0]);
        rc = ssh_packet_send_short(s, &p);
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
    struct ssh_packet p;
    int rc;

    if (len > c->remote_window)
        len = c->remote_window;
    if (len > c->remote_packet_len)
        len = c->remote_packet_len;
    if (len) {
        ssh_packet_begin(&p, SSH_CHANNEL_DATA, c);
        ssh_packet_put_u32(&p, (uint32_t)len);
        rc = ssh_packet_send(s, &p, (struct bytes){buf_head(&c->input), len});
        if (rc)
            return rc;
        buf_consume(&c->input, len);
        c->remote_window -= (uint32_t)len;
        s->channels.input_len -= len;
        *more = c->input.len && c->remote_window;
    }
    if (c->input.len || !c->eof_wanted || c->eof_sent)
        return 0;
    ssh_packet_begin(&p, SSH_CHANNEL_EOF, c);
    rc = ssh_packet_send_short(s, &p);
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
    struct ssh_packet p;
    int rc = 0;

    if (!c->eof_sent && !c->close_received) {
        ssh_packet_begin(&p, SSH_CHANNEL_EOF, c);
        rc = ssh_packet_send_short(s, &p);
        c->eof_sent = !rc;
    }
    if (rc)
        return rc;
    ssh_packet_begin(&p, SSH_CHANNEL_CLOSE, c);
    rc = ssh_packet_send_short(s, &p);
    c->close_sent = !rc;
    return rc;
}

static int send_running(struct ssh_session *s, struct ssh_channel *c, bool *more)
{
    static int (*const send_them[])(struct ssh_session *, struct ssh_channel *) = {
        send_failures, send_window, send_size, send_signals};
    int rc = 0;

    if (c->agent)
        ssh_agent_run(s, c);
    for (size_t i = 0; i < sizeof send_them / sizeof *send_them && !rc; i++)
        rc = send_them[i](s, c);
    if (!rc)
        rc = send_input(s, c, more);
    tell_writable(s, c);
    if (c->agent && c->eof_sent)
        c->close_wanted = *more = true;
    return rc;
}

int ssh_channel_send_due(struct ssh_session *s, struct ssh_channel *c, bool *more)
{
    *more = false;
    if (c->accept_due) {
        int rc = ssh_channel_send_confirmation(s, c);

        if (rc)
            return rc;
    }
    if (c->close_wanted)
        return c->confirmed && !c->close_sent ? send_close(s, c) : 0;
    switch (c->state) {
    case SSH_CHANNEL_WAITING:
        return ssh_channel_send_open(s, c);
    case SSH_CHANNEL_STARTING: {
        int rc = ssh_channel_send_requests(s, c);

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
    ssh_agent_free(c);
    ssh_channel_config_wipe(c);
    ssh_sftp_channel_free(c);
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
    if (c->kind == SSH_CHANNEL_AGENT) {
        if (over || c->close_wanted)
            channel_end(s, c);
        return 0;
    }
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
