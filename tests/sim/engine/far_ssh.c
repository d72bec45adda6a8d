/* See far_ssh.h. A channel's number here is its slot; windows are large enough never to matter. */
#include "sim/engine/far_ssh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { MAX_CHANNELS = 200, WINDOW = 1 << 30, PACKET = 32768, FLOOD_AHEAD = 1 << 20 };

enum {
    USERAUTH_REQUEST = 50,
    GLOBAL_REQUEST = 80,
    CHANNEL_OPEN = 90,
    CHANNEL_OPEN_CONFIRMATION,
    CHANNEL_OPEN_FAILURE,
    CHANNEL_WINDOW_ADJUST,
    CHANNEL_DATA,
    CHANNEL_EXTENDED_DATA,
    CHANNEL_EOF,
    CHANNEL_CLOSE,
    CHANNEL_REQUEST,
    CHANNEL_SUCCESS
};

struct channel {
    bool used, session, close_sent, flood, sink;
    uint32_t theirs, window; /* window: counted for a flood alone */
    struct far_ssh *inner;
};

struct far_ssh {
    struct mini_server *m;
    struct far_ssh_ways *ways;
    struct channel channels[MAX_CHANNELS];
};

/* ---- packets out ---- */

static size_t put_text(uint8_t *dst, const char *text)
{
    store_be32(dst, (uint32_t)strlen(text));
    memcpy(dst + 4, text, strlen(text));
    return 4 + strlen(text);
}

/* [type][their channel] and what follows. */
static void send_to(struct far_ssh *s, const struct channel *c, uint8_t type, const uint8_t *rest,
                    size_t len)
{
    static uint8_t packet[PACKET + 64];
    packet[0] = type;
    store_be32(packet + 1, c->theirs);
    if (len)
        memcpy(packet + 5, rest, len);
    mini_send(s->m, packet, 5 + len);
}

static void send_data(struct far_ssh *s, const struct channel *c, const uint8_t *src, size_t len)
{
    static uint8_t data[PACKET + 8];
    for (size_t at = 0; at < len; at += PACKET / 2) {
        size_t n = len - at < PACKET / 2 ? len - at : PACKET / 2;
        store_be32(data, (uint32_t)n);
        memcpy(data + 4, src + at, n);
        send_to(s, c, CHANNEL_DATA, data, 4 + n);
    }
}

/* As much as the client's windows take, in packets of the size that sshd sends. */
static void flood(struct far_ssh *s)
{
    static uint8_t data[PACKET + 4];
    for (int i = 0; i < MAX_CHANNELS; i++) {
        struct channel *c = &s->channels[i];
        while (c->used && c->flood && c->window >= PACKET &&
               s->m->out_len - s->m->out_at < FLOOD_AHEAD) {
            store_be32(data, PACKET);
            send_to(s, c, CHANNEL_DATA, data, sizeof data);
            c->window -= PACKET;
        }
    }
}

static void close_channel(struct far_ssh *s, struct channel *c)
{
    if (!c->close_sent)
        send_to(s, c, CHANNEL_CLOSE, NULL, 0);
    c->close_sent = true;
}

static void exit_with(struct far_ssh *s, struct channel *c, uint32_t status)
{
    uint8_t rest[64];
    size_t len = put_text(rest, "exit-status");
    rest[len++] = 0;
    store_be32(rest + len, status);
    send_to(s, c, CHANNEL_REQUEST, rest, len + 4);
    send_to(s, c, CHANNEL_EOF, NULL, 0);
    close_channel(s, c);
}

/* What the server inside has to say. */
static void drain_inner(struct far_ssh *s, struct channel *c)
{
    uint8_t bytes[4096];
    size_t n;
    while (c->inner && (n = far_ssh_output(c->inner, bytes, sizeof bytes)) > 0)
        send_data(s, c, bytes, n);
}

/* ---- packets in ---- */

static bool is(const uint8_t *packet, size_t len, size_t at, const char *text)
{
    size_t n = strlen(text);
    return at + 4 + n <= len && load_be32(packet + at) == n && !memcmp(packet + at + 4, text, n);
}

static unsigned count_sessions(const struct far_ssh *s)
{
    unsigned n = 0;
    for (int i = 0; i < MAX_CHANNELS; i++)
        n += s->channels[i].used && s->channels[i].session;
    return n;
}

static void refuse(struct far_ssh *s, uint32_t theirs)
{
    uint8_t rest[64];
    store_be32(rest, 1);
    size_t len = 4 + put_text(rest + 4, "no more sessions");
    len += put_text(rest + len, "");
    send_to(s, &(struct channel){.theirs = theirs}, CHANNEL_OPEN_FAILURE, rest, len);
    s->ways->refused++;
}

static void on_open(struct far_ssh *s, const uint8_t *packet, size_t len)
{
    size_t at = 5 + load_be32(packet + 1);
    uint32_t theirs = load_be32(packet + at), slot = 0;
    bool session = is(packet, len, 1, "session");
    if (s->ways->fault == MINI_HOLD_CHANNEL)
        return;
    while (slot < MAX_CHANNELS && s->channels[slot].used)
        slot++;
    if (slot == MAX_CHANNELS ||
        (session && s->ways->max_sessions && count_sessions(s) >= s->ways->max_sessions)) {
        refuse(s, theirs);
        return;
    }
    struct channel *c = &s->channels[slot];
    *c = (struct channel){
        .used = true, .session = session, .theirs = theirs, .window = load_be32(packet + at + 4)};
    uint8_t rest[12];
    store_be32(rest, slot);
    store_be32(rest + 4, WINDOW);
    store_be32(rest + 8, PACKET);
    send_to(s, c, CHANNEL_OPEN_CONFIRMATION, rest, sizeof rest);
    if (session) {
        s->ways->sessions++;
    } else {
        s->ways->forwards++;
        c->inner = far_ssh_new(s->ways);
        drain_inner(s, c);
    }
}

static void on_request(struct far_ssh *s, struct channel *c, const uint8_t *packet, size_t len)
{
    size_t at = 9 + load_be32(packet + 5);
    bool wants_reply = at < len && packet[at++];
    s->ways->signals += is(packet, len, 5, "signal");
    s->ways->agents += is(packet, len, 5, "auth-agent-req@openssh.com");
    if (is(packet, len, 5, "exec") && is(packet, len, at, "hang"))
        return;
    if (wants_reply)
        send_to(s, c, CHANNEL_SUCCESS, NULL, 0);
    if (is(packet, len, 5, "shell") && s->ways->greeting)
        send_data(s, c, (const uint8_t *)s->ways->greeting, strlen(s->ways->greeting));
    c->flood |= is(packet, len, 5, "exec") && is(packet, len, at, "flood");
    c->sink |= is(packet, len, 5, "exec") && is(packet, len, at, "sink");
    if (is(packet, len, 5, "exec") && len > at + 9 && !memcmp(packet + at + 4, "exit ", 5))
        exit_with(s, c, (uint32_t)(packet[at + 9] - '0'));
}

static void on_channel(struct far_ssh *s, const uint8_t *packet, size_t len)
{
    uint32_t slot = load_be32(packet + 1);
    struct channel *c = slot < MAX_CHANNELS ? &s->channels[slot] : NULL;
    if (!c || !c->used)
        return;
    switch (packet[0]) {
    case CHANNEL_REQUEST:
        on_request(s, c, packet, len);
        break;
    case CHANNEL_DATA:
        if (c->inner)
            far_ssh_input(c->inner, packet + 9, len - 9);
        else if (!c->sink)
            send_data(s, c, packet + 9, len - 9);
        drain_inner(s, c);
        break;
    case CHANNEL_WINDOW_ADJUST:
        c->window += load_be32(packet + 5);
        break;
    case CHANNEL_EOF:
        if (s->ways->no_close)
            break;
        if (c->session && !c->close_sent)
            exit_with(s, c, 0);
        break;
    case CHANNEL_CLOSE:
        if (s->ways->no_close && !c->close_sent)
            break;
        close_channel(s, c);
        far_ssh_free(c->inner);
        *c = (struct channel){0};
        break;
    default:
        break;
    }
}

static bool take(struct mini_server *m, void *ctx, const uint8_t *packet, size_t len)
{
    struct far_ssh *s = ctx;
    if (packet[0] == USERAUTH_REQUEST) {
        s->ways->logins++;
        if (s->ways->banner)
            mini_send_banner(m, s->ways->banner);
    }
    if (packet[0] == GLOBAL_REQUEST) { /* REQUEST_FAILURE, to be heard */
        mini_send(m, (const uint8_t[]){82}, 1);
        return true;
    }
    if (packet[0] < CHANNEL_OPEN || packet[0] > CHANNEL_REQUEST || len < 5)
        return false;
    if (packet[0] == CHANNEL_OPEN)
        on_open(s, packet, len);
    else
        on_channel(s, packet, len);
    return true;
}

/* ---- life ---- */

struct far_ssh *far_ssh_new(struct far_ssh_ways *ways)
{
    struct far_ssh *s = calloc(1, sizeof *s);
    s->m = calloc(1, sizeof *s->m);
    s->ways = ways;
    mini_init(s->m, MINI_CHACHA20, ways->fault);
    s->m->take = take;
    s->m->ctx = s;
    return s;
}

void far_ssh_free(struct far_ssh *s)
{
    if (!s)
        return;
    for (int i = 0; i < MAX_CHANNELS; i++)
        far_ssh_free(s->channels[i].inner);
    free(s->m);
    free(s);
}

void far_ssh_banner(struct far_ssh *s, const char *text)
{
    mini_send_banner(s->m, text);
}

void far_ssh_input(struct far_ssh *s, const uint8_t *src, size_t len)
{
    mini_input(s->m, src, len);
}

size_t far_ssh_output(struct far_ssh *s, uint8_t *dst, size_t cap)
{
    flood(s);
    return mini_output(s->m, dst, cap);
}
