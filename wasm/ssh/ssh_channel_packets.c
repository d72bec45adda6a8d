/* Packets of the server for one of our channels (RFC 4254 sections 5 and 6). Nothing is sent here. */
#include <string.h>

#include "ssh/ssh_packet.h"
#include "ssh/ssh_session_internal.h"

struct bytes ssh_packet_string(struct bytes packet, size_t *at)
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

static void tell(struct ssh_session *s, const struct ssh_channel *c, enum ssh_event_type type)
{
    ssh_event_push_full(s, &(struct ssh_event){.type = type, .channel = c->number});
}

/* [91][our number][their number][window][packet size] */
static void on_confirmation(struct ssh_session *s, struct ssh_channel *c, struct bytes packet)
{
    if (c->confirmed || !c->open_sent || packet.len < 17)
        return;
    c->confirmed = true;
    c->remote_id = load_be32(packet.data + 5);
    c->remote_window = load_be32(packet.data + 9);
    c->remote_packet_len = load_be32(packet.data + 13);
    if (c->remote_packet_len > SSH_PACKET_LEN)
        c->remote_packet_len = SSH_PACKET_LEN;
    if (c->state != SSH_CHANNEL_OPENING)
        return; /* closed in the meantime */
    c->state = SSH_CHANNEL_STARTING;
    if (c->kind == SSH_CHANNEL_FORWARD) {
        c->state = SSH_CHANNEL_RUNNING;
        tell(s, c, SSH_EVENT_OPEN);
    }
}

/* [92][our number][reason][string text][string language] */
static void on_open_failure(struct ssh_channel *c, struct bytes packet)
{
    static const char *const reasons[] = {"", "it is prohibited", "connection failed",
                                          "the server knows no such channel",
                                          "the server has no room for more"};
    uint32_t reason = packet.len >= 9 ? load_be32(packet.data + 5) : 0;
    char text[160];
    size_t at = 9;

    if (c->confirmed || !c->open_sent)
        return;
    c->refused = true;
    ssh_printable(text, sizeof text, ssh_packet_string(packet, &at));
    if (!text[0] && reason < sizeof reasons / sizeof *reasons)
        ssh_printable(text, sizeof text, ssh_text(reasons[reason]));
    if (c->kind == SSH_CHANNEL_FORWARD && reason == 1) /* it may say no more than "open failed" */
        ssh_channel_fail(c, SSH_PROBLEM_CHANNEL,
                         "The server does not allow forwards to %.100s:%u (%s).", c->config.host,
                         c->config.port, text);
    else if (c->kind == SSH_CHANNEL_FORWARD)
        ssh_channel_fail(c, SSH_PROBLEM_CHANNEL, "The server does not connect to %.100s:%u%s%s.",
                         c->config.host, c->config.port, text[0] ? ": " : "", text);
    else
        ssh_channel_fail(c, SSH_PROBLEM_CHANNEL, "The server opens no session%s%s.",
                         text[0] ? ": " : "", text);
}

/* Data: [94][our number][string], or [95][our number][type][string]. */
static enum ssh_verdict on_data(struct ssh_session *s, struct ssh_channel *c, struct bytes packet)
{
    bool extended = packet.data[0] == SSH_CHANNEL_EXTENDED_DATA;
    size_t at = extended ? 13 : 9, len;

    if (packet.len < at || load_be32(packet.data + at - 4) > packet.len - at)
        return ssh_channels_broken(s);
    len = load_be32(packet.data + at - 4);
    if (len > c->window) /* it sends what we have no room for; dropping some would be a lie */
        return ssh_channels_broken(s);
    c->window -= (uint32_t)len;
    if (!len || c->dropped || c->state == SSH_CHANNEL_ENDED || c->eof_received)
        return SSH_PACKET_DONE;
    if (extended && load_be32(packet.data + 5) != 1) /* RFC 4254 knows no other stream */
        return SSH_PACKET_DONE;
    return ssh_chunks_put(s, &c->received, extended ? SSH_STREAM_STDERR : SSH_STREAM_STDOUT, packet,
                          at, len);
}

static void on_window(struct ssh_channel *c, struct bytes packet)
{
    uint32_t add = packet.len >= 9 ? load_be32(packet.data + 5) : 0;

    c->remote_window = add > UINT32_MAX - c->remote_window ? UINT32_MAX : c->remote_window + add;
}

/* [98][our number][string request][want reply 1] then exit-status: [4]; exit-signal: [name]... */
static void on_request(struct ssh_channel *c, struct bytes packet)
{
    size_t at = 5;
    struct bytes request = ssh_packet_string(packet, &at);

    if (!request.data || at >= packet.len)
        return;
    if (packet.data[at++])
        c->failures_due++;
    if (ssh_bytes_are(request, "exit-status") && at <= packet.len - 4) {
        c->exit_status = (int)load_be32(packet.data + at);
        c->has_exit = true;
    } else if (ssh_bytes_are(request, "exit-signal")) {
        ssh_printable(c->exit_signal, sizeof c->exit_signal, ssh_packet_string(packet, &at));
        c->has_exit = true;
    }
}

/* The answer to the oldest of our requests that want one. */
static void on_answer(struct ssh_session *s, struct ssh_channel *c, bool success)
{
    enum ssh_request request;

    if (!c->awaited_len || c->problem || c->dropped || c->state == SSH_CHANNEL_ENDED)
        return;
    request = (enum ssh_request)c->awaited[0];
    memmove(c->awaited, c->awaited + 1, --c->awaited_len);
    if (request == SSH_REQUEST_START && success && c->state == SSH_CHANNEL_STARTING) {
        c->state = SSH_CHANNEL_RUNNING;
        if (c->kind != SSH_CHANNEL_SFTP) /* that is open when the server's hello has come */
            tell(s, c, SSH_EVENT_OPEN);
    } else if (request == SSH_REQUEST_START && !success && c->kind == SSH_CHANNEL_SFTP) {
        ssh_channel_fail(c, SSH_PROBLEM_CHANNEL, "This server offers no SFTP.");
    } else if (request == SSH_REQUEST_START && !success && c->config.subsystem) {
        ssh_channel_fail(c, SSH_PROBLEM_CHANNEL,
                         "The server does not offer \"%.60s\" to \"%.60s\".", c->config.subsystem,
                         s->config.user);
    } else if (request == SSH_REQUEST_START && !success) {
        ssh_channel_fail(c, SSH_PROBLEM_CHANNEL, "The server does not start %s for \"%.60s\".",
                         c->config.command ? "the command" : "a shell", s->config.user);
    } else if (request == SSH_REQUEST_PTY && !success) {
        ssh_channel_fail(c, SSH_PROBLEM_CHANNEL, "The server gives no terminal to \"%.60s\".",
                         s->config.user);
    }
}

static void on_close(struct ssh_channel *c)
{
    if (!c->confirmed)
        return;
    if (c->state == SSH_CHANNEL_STARTING && !c->has_exit)
        ssh_channel_fail(c, SSH_PROBLEM_CHANNEL,
                         "The server closed the session before anything ran in it.");
    c->close_received = c->close_wanted = true;
}

enum ssh_verdict ssh_channel_take(struct ssh_session *s, struct ssh_channel *c, struct bytes packet)
{
    if (!c->confirmed && packet.data[0] > SSH_CHANNEL_OPEN_FAILURE)
        return SSH_PACKET_DONE;
    switch (packet.data[0]) {
    case SSH_CHANNEL_OPEN_CONFIRMATION:
        on_confirmation(s, c, packet);
        break;
    case SSH_CHANNEL_OPEN_FAILURE:
        on_open_failure(c, packet);
        break;
    case SSH_CHANNEL_WINDOW_ADJUST:
        on_window(c, packet);
        break;
    case SSH_CHANNEL_DATA:
    case SSH_CHANNEL_EXTENDED_DATA:
        return on_data(s, c, packet);
    case SSH_CHANNEL_EOF:
        c->eof_received = true;
        break;
    case SSH_CHANNEL_CLOSE:
        on_close(c);
        break;
    case SSH_CHANNEL_REQUEST:
        on_request(c, packet);
        break;
    default:
        on_answer(s, c, packet.data[0] == SSH_CHANNEL_SUCCESS);
    }
    return SSH_PACKET_DONE;
}
