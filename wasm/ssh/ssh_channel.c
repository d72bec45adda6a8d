/*
 * The session channel (RFC 4254 section 6): open, environment, terminal, shell or command, data
 * both ways, exit.
 *
 *   server --[window]--> packet list --[credit]--> SSH_EVENT_DATA --> page --ssh_session_credit-->
 *             grows with what the page drains: three intervals' worth, 256 kB to 4 MB
 *   page --ssh_session_write--> input (256 kB) --[server's window]--> server
 *
 * The window counts what may still come plus what waits in the packet list, so it opens only as
 * data is handed out, and that happens only as far as the credit goes: a page that stops reading
 * stops the server, while keep-alives and key exchanges behind the data are still answered.
 */
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_session_internal.h"

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

/* ---- setting up ---- */

static bool channel_open(struct ssh_session *s)
{
    s->channel =
        libssh2_channel_open_ex(s->lib, "session", 7, SSH_FIRST_WINDOW, SSH_PACKET_LEN, NULL, 0);
    if (!s->channel) {
        int rc = libssh2_session_last_errno(s->lib);

        if (rc == LIBSSH2_ERROR_CHANNEL_FAILURE)
            ssh_session_fail(s, SSH_PROBLEM_CHANNEL, "The server opens no session%s%s.",
                             s->open_failure[0] ? ": " : "", s->open_failure);
        else if (rc != LIBSSH2_ERROR_EAGAIN)
            ssh_session_fail_lib(s, rc);
        return false;
    }
    s->window_target = SSH_FIRST_WINDOW;
    s->window_at_ms = s->now_ms;
    s->data = malloc(SSH_DATA_LEN);
    if (!s->data) {
        ssh_session_fail_lib(s, LIBSSH2_ERROR_ALLOC);
        return false;
    }
    s->state = SSH_ENV;
    return true;
}

/* The NUL-terminated string at config.env + *at, which moves behind it. */
static struct bytes env_string(const struct ssh_session *s, size_t *at)
{
    struct bytes text = {(const uint8_t *)s->config.env + *at, 0};

    while (*at + text.len < s->config.env_len && text.data[text.len])
        text.len++;
    *at += text.len + 1;
    return text;
}

/* All of them at once, without waiting: servers refuse most and nobody needs to know. */
static bool channel_env(struct ssh_session *s)
{
    while (s->env_at < s->config.env_len) {
        size_t at = s->env_at;
        struct bytes name = env_string(s, &at), value = {NULL, 0};

        if (at < s->config.env_len)
            value = env_string(s, &at);
        if (name.len && ssh_libssh2_send_env(s->channel, name, value) == LIBSSH2_ERROR_EAGAIN)
            return false;
        s->env_at = at;
    }
    s->state = s->config.pty ? SSH_PTY : SSH_START;
    return true;
}

static bool channel_pty(struct ssh_session *s)
{
    const char *term = s->config.term;
    int rc;

    if (!s->sent_rows) { /* a resize that comes while this is under way is sent later */
        s->sent_rows = s->rows;
        s->sent_cols = s->cols;
    }
    rc = libssh2_channel_request_pty_ex(s->channel, term, (unsigned)strlen(term),
                                        (const char *)terminal_modes, sizeof terminal_modes,
                                        s->sent_cols, s->sent_rows, 0, 0);
    if (rc == LIBSSH2_ERROR_EAGAIN)
        return false;
    if (rc == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED) {
        ssh_session_fail(s, SSH_PROBLEM_CHANNEL, "The server gives no terminal to \"%s\".",
                         s->config.user);
        return false;
    }
    if (rc) {
        ssh_session_fail_lib(s, rc);
        return false;
    }
    s->state = SSH_START;
    return true;
}

static bool channel_start(struct ssh_session *s)
{
    const char *command = s->config.command;
    const char *request = command ? "exec" : "shell";
    int rc = libssh2_channel_process_startup(s->channel, request, (unsigned)strlen(request),
                                             command, command ? (unsigned)strlen(command) : 0);

    if (rc == LIBSSH2_ERROR_EAGAIN)
        return false;
    if (rc == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED) {
        ssh_session_fail(s, SSH_PROBLEM_CHANNEL, "The server does not start %s for \"%s\".",
                         command ? "the command" : "a shell", s->config.user);
        return false;
    }
    if (rc) {
        ssh_session_fail_lib(s, rc);
        return false;
    }
    ssh_event_push_text(s, SSH_EVENT_OPEN, 0, "");
    s->state = SSH_RUNNING;
    return true;
}

/* ---- running ---- */

static void channel_send_size(struct ssh_session *s)
{
    if (!s->config.pty || (s->rows == s->sent_rows && s->cols == s->sent_cols))
        return;
    if (libssh2_channel_request_pty_size_ex(s->channel, s->cols, s->rows, 0, 0) == 0) {
        s->sent_rows = s->rows;
        s->sent_cols = s->cols;
    }
}

/* Window size for the next interval: what the page drained in the last, three times over. */
static void window_measure(struct ssh_session *s)
{
    uint64_t elapsed_ms = s->now_ms - s->window_at_ms;
    uint64_t target;

    if (elapsed_ms < SSH_WINDOW_INTERVAL_MS)
        return;
    target = (uint64_t)s->window_drained * 3 * SSH_WINDOW_INTERVAL_MS / elapsed_ms;
    if (target < SSH_MIN_WINDOW)
        target = SSH_MIN_WINDOW;
    if (target > SSH_MAX_WINDOW)
        target = SSH_MAX_WINDOW;
    s->window_target = (uint32_t)target;
    s->window_drained = 0;
    s->window_at_ms = s->now_ms;
}

/* Opens the window again once a quarter of it is used up. */
static void window_adjust(struct ssh_session *s)
{
    uint32_t window = ssh_libssh2_window(s->channel);

    if (!s->window_adjust) {
        if (window > s->window_target / 4 * 3)
            return;
        s->window_adjust = s->window_target - window;
    }
    /* libssh2 repeats the packet it began, so the number must stay what it was. */
    if (libssh2_channel_receive_window_adjust2(s->channel, s->window_adjust, 1, NULL) !=
        LIBSSH2_ERROR_EAGAIN)
        s->window_adjust = 0;
}

static void channel_send_input(struct ssh_session *s)
{
    while (s->input.len && s->out.len < SSH_OUT_PAUSE_LEN) {
        ssize_t n = libssh2_channel_write_ex(s->channel, 0, (const char *)buf_head(&s->input),
                                             s->input.len);
        if (n <= 0) /* an error shows up when the next packet is read */
            return;
        buf_consume(&s->input, (size_t)n);
    }
    if (s->input_was_full && s->input.len <= SSH_MAX_INPUT_LEN / 2) {
        s->input_was_full = false;
        ssh_event_push_text(s, SSH_EVENT_WRITABLE, 0, "");
    }
    if (s->eof_wanted && !s->input.len && !s->eof_sent)
        s->eof_sent = libssh2_channel_send_eof(s->channel) != LIBSSH2_ERROR_EAGAIN;
}

static bool channel_running(struct ssh_session *s)
{
    int rc = ssh_libssh2_pump(s->lib);

    if (rc == 0) {
        channel_send_size(s);
        channel_send_input(s);
        window_measure(s);
        window_adjust(s);
        return false;
    }
    s->lost_rc = rc; /* told once the data that came before has been handed out */
    return false;
}

bool ssh_channel_step(struct ssh_session *s)
{
    switch (s->state) {
    case SSH_CHANNEL_OPEN:
        return channel_open(s);
    case SSH_ENV:
        return channel_env(s);
    case SSH_PTY:
        return channel_pty(s);
    case SSH_START:
        return channel_start(s);
    default:
        return channel_running(s);
    }
}

/* ---- data out, credit in ---- */

int ssh_channel_next(struct ssh_session *s, struct ssh_event *ev)
{
    enum ssh_stream stream;
    size_t cap = s->credit < SSH_DATA_LEN ? s->credit : SSH_DATA_LEN;
    size_t n;

    if (!s->channel || !s->data || !cap)
        return 0;
    n = ssh_libssh2_take(s->channel, &stream, s->data, cap);
    if (!n)
        return 0;
    s->credit -= n;
    *ev =
        (struct ssh_event){.type = stream == SSH_STREAM_STDERR ? SSH_EVENT_STDERR : SSH_EVENT_DATA,
                           .text = {s->data, n}};
    if (s->state == SSH_RUNNING && !s->lost_rc)
        window_adjust(s);
    return 1;
}

void ssh_channel_credit(struct ssh_session *s, size_t n)
{
    /* More than was ever handed out would be a mistake of the caller's; it opens nothing. */
    if (n > SSH_INITIAL_CREDIT - s->credit)
        n = SSH_INITIAL_CREDIT - s->credit;
    s->credit += n;
    s->window_drained += n;
}

/* ---- what libssh2 does not keep ---- */

/* The string at *at, which moves behind it; empty when there is none. */
static struct bytes packet_string(struct bytes packet, size_t *at)
{
    struct bytes text = {NULL, 0};
    uint32_t len;

    if (packet.len < 4 || *at > packet.len - 4)
        return text;
    len = load_be32(packet.data + *at);
    if (len > packet.len - *at - 4)
        return text;
    text = (struct bytes){packet.data + *at + 4, len};
    *at += 4 + (size_t)len;
    return text;
}

static bool text_is(struct bytes text, const char *name)
{
    return text.len == strlen(name) && memcmp(text.data, name, text.len) == 0;
}

/* [98][channel 4][string request][want reply 1] then exit-status: [4]; exit-signal: [name]... */
static void on_channel_request(struct ssh_session *s, struct bytes packet)
{
    size_t at = 5;
    struct bytes request = packet_string(packet, &at);

    at++;
    if (text_is(request, "exit-status") && packet.len >= 4 && at <= packet.len - 4) {
        s->exit_status = (int)load_be32(packet.data + at);
        s->has_exit = true;
    } else if (text_is(request, "exit-signal")) {
        ssh_printable(s->exit_signal, sizeof s->exit_signal, packet_string(packet, &at));
        s->has_exit = true;
    }
}

void ssh_channel_on_packet(struct ssh_session *s, struct bytes packet)
{
    enum { CHANNEL_OPEN_FAILURE = 92, CHANNEL_REQUEST = 98 };
    size_t at = 9;

    if (packet.len < 5)
        return;
    if (packet.data[0] == CHANNEL_OPEN_FAILURE)
        ssh_printable(s->open_failure, sizeof s->open_failure, packet_string(packet, &at));
    else if (packet.data[0] == CHANNEL_REQUEST && s->channel &&
             load_be32(packet.data + 1) == ssh_libssh2_channel_id(s->channel))
        on_channel_request(s, packet);
}
