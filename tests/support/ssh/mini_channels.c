/* Channels, RFC 4254: what the client opens and asks for, and what the server says on them. */
#include "support/ssh/mini_internal.h"

void mini_select(struct mini_server *m, int channel)
{
    if (channel < 0 || channel >= MINI_MAX_CHANNELS)
        abort();
    m->channels[m->selected] = m->current;
    m->current = m->channels[channel];
    m->selected = channel;
}

void mini_free(struct mini_server *m)
{
    if (!m)
        return;
    mini_select(m, m->selected ? 0 : 1);
    m->channels[m->selected] = m->current;
    for (int i = 0; i < MINI_MAX_CHANNELS; i++)
        free(m->channels[i].received);
    free(m);
}

/* A place that was closed on both sides is used again. */
void mini_on_channel_open(struct mini_server *m, struct bytes p)
{
    WRITER(w);
    size_t at = 1;
    int place = 0, before = m->selected;

    m->opens++;
    mini_select(m, m->selected);
    while (place < MINI_MAX_CHANNELS - 1 && m->channels[place].kind[0])
        place++;
    mini_select(m, place);
    keep(m->kind, sizeof m->kind, get_string(p, &at));
    if (at + 12 > p.len)
        return;
    m->client_channel = load_be32(p.data + at);
    m->client_window = load_be32(p.data + at + 4);
    at += 12;
    if (is(text_bytes(m->kind), "direct-tcpip"))
        keep(m->target, sizeof m->target, get_string(p, &at));
    if (m->fault != MINI_HOLD_CHANNEL) {
        m->channel_open = true;
        put_u8(&w, CHANNEL_OPEN_CONFIRMATION);
        put_u32(&w, m->client_channel);
        put_u32(&w, MINI_SERVER_CHANNEL + (uint32_t)place);
        put_u32(&w, m->window);
        put_u32(&w, 32768);
        mini_send_writer(m, &w);
    }
    mini_select(m, before);
}

void mini_open(struct mini_server *m, const char *kind, int place)
{
    WRITER(w);
    int before = m->selected;

    mini_select(m, place);
    keep(m->kind, sizeof m->kind, text_bytes(kind));
    mini_select(m, before);
    put_u8(&w, CHANNEL_OPEN);
    put_text(&w, kind);
    put_u32(&w, MINI_SERVER_CHANNEL + (uint32_t)place);
    put_u32(&w, 1 << 20);
    put_u32(&w, 32768);
    mini_send_writer(m, &w);
}

/* [91][our number][the client's number][window][packet size], or [92][our number]... */
static void on_open_answer(struct mini_server *m, struct bytes p)
{
    if (p.data[0] == CHANNEL_OPEN_FAILURE) {
        m->refused_opens++;
    } else if (p.len >= 17) {
        m->accepted_opens++;
        m->channel_open = true;
        m->client_channel = load_be32(p.data + 5);
        m->client_window = load_be32(p.data + 9);
    }
}

static void on_pty(struct mini_server *m, struct bytes p, size_t at)
{
    keep(m->term, sizeof m->term, get_string(p, &at));
    if (at + 8 <= p.len) {
        m->cols = load_be32(p.data + at);
        m->rows = load_be32(p.data + at + 4);
    }
}

static void on_env(struct mini_server *m, struct bytes p, size_t at)
{
    struct bytes name = get_string(p, &at), value = get_string(p, &at);
    size_t len = strlen(m->env);

    m->env_requests++;
    if (len + name.len + value.len + 3 > sizeof m->env)
        return;
    memcpy(m->env + len, name.data, name.len);
    m->env[len + name.len] = '=';
    memcpy(m->env + len + name.len + 1, value.data, value.len);
    strcpy(m->env + len + name.len + 1 + value.len, ";");
}

static void on_channel_request(struct mini_server *m, struct bytes p)
{
    WRITER(w);
    size_t at = 5;
    struct bytes name = get_string(p, &at);
    bool want_reply = at < p.len && p.data[at++];

    m->requests++;
    if (is(name, "pty-req")) {
        on_pty(m, p, at);
    } else if (is(name, "env")) {
        on_env(m, p, at);
    } else if (is(name, "window-change") && at + 8 <= p.len) {
        m->cols = load_be32(p.data + at);
        m->rows = load_be32(p.data + at + 4);
    } else if (is(name, "shell") || is(name, "exec") || is(name, "subsystem")) {
        m->shell = true;
        keep(m->command, sizeof m->command, get_string(p, &at));
    } else if (is(name, "signal") && strlen(m->signals) < 40) {
        keep(m->signals + strlen(m->signals), 16, get_string(p, &at));
        strcat(m->signals, ";");
    }
    if (!want_reply || m->fault == MINI_HOLD_REQUESTS)
        return;
    put_u8(&w, m->fault == MINI_REFUSE_REQUESTS ? CHANNEL_FAILURE : CHANNEL_SUCCESS);
    put_u32(&w, m->client_channel);
    mini_send_writer(m, &w);
}

static void on_channel_data(struct mini_server *m, struct bytes p)
{
    size_t at = 5;
    struct bytes data = get_string(p, &at);

    if (!m->received)
        m->received = malloc(MINI_RECEIVED_CAP);
    if (!m->received || m->received_len + data.len > MINI_RECEIVED_CAP)
        return;
    memcpy(m->received + m->received_len, data.data, data.len);
    m->received_len += data.len;
}

void mini_on_channel_packet(struct mini_server *m, struct bytes p)
{
    uint32_t place = load_be32(p.data + 1) - MINI_SERVER_CHANNEL;
    int before = m->selected;

    if (place >= MINI_MAX_CHANNELS)
        return;
    mini_select(m, (int)place);
    switch (p.data[0]) {
    case CHANNEL_OPEN_CONFIRMATION:
    case CHANNEL_OPEN_FAILURE:
        on_open_answer(m, p);
        break;
    case CHANNEL_REQUEST:
        on_channel_request(m, p);
        break;
    case CHANNEL_DATA:
        on_channel_data(m, p);
        break;
    case CHANNEL_WINDOW_ADJUST:
        if (p.len >= 9)
            m->client_window += load_be32(p.data + 5);
        break;
    case CHANNEL_EOF:
        m->client_eof = true;
        break;
    case CHANNEL_CLOSE:
        m->client_closed = true;
        break;
    default:
        break;
    }
    mini_select(m, before);
}

/* ---- what the server says ---- */

size_t mini_send_data(struct mini_server *m, bool to_stderr, const uint8_t *src, size_t len)
{
    size_t sent = 0;

    while (sent < len && m->client_window) {
        WRITER(w);
        size_t n = len - sent < 32768 ? len - sent : 32768;

        if (n > m->client_window)
            n = m->client_window;
        put_u8(&w, to_stderr ? CHANNEL_EXTENDED_DATA : CHANNEL_DATA);
        put_u32(&w, m->client_channel);
        if (to_stderr)
            put_u32(&w, 1);
        put_string(&w, src + sent, n);
        mini_send_writer(m, &w);
        m->client_window -= (uint32_t)n;
        sent += n;
    }
    return sent;
}

static void channel_request(struct mini_server *m, struct writer *w, const char *name)
{
    put_u8(w, CHANNEL_REQUEST);
    put_u32(w, m->client_channel);
    put_text(w, name);
    put_u8(w, 0);
}

void mini_send_exit_status(struct mini_server *m, uint32_t status)
{
    WRITER(w);

    channel_request(m, &w, "exit-status");
    put_u32(&w, status);
    mini_send_writer(m, &w);
}

void mini_send_exit_signal(struct mini_server *m, const char *name)
{
    WRITER(w);

    channel_request(m, &w, "exit-signal");
    put_text(&w, name);
    put_u8(&w, 0);
    put_text(&w, "");
    put_text(&w, "");
    mini_send_writer(m, &w);
}

static void send_channel_message(struct mini_server *m, uint8_t type)
{
    WRITER(w);

    put_u8(&w, type);
    put_u32(&w, m->client_channel);
    mini_send_writer(m, &w);
}

void mini_send_window(struct mini_server *m, uint32_t add)
{
    WRITER(w);

    put_u8(&w, CHANNEL_WINDOW_ADJUST);
    put_u32(&w, m->client_channel);
    put_u32(&w, add);
    mini_send_writer(m, &w);
}

void mini_send_eof(struct mini_server *m)
{
    send_channel_message(m, CHANNEL_EOF);
}
void mini_send_close(struct mini_server *m)
{
    send_channel_message(m, CHANNEL_CLOSE);
}
