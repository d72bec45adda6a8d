#include "support/ssh/ssh_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/host.h"

static uint64_t random_state;

static void random_bytes(uint8_t *dst, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        dst[i] = (uint8_t)(random_state >> 56);
    }
}

void world_random(uint64_t seed)
{
    random_state = seed;
    host_init(&(struct host_calls){random_bytes, NULL});
}

static int world_read(void *ctx, uint8_t *dst, size_t cap)
{
    struct ssh_world *w = ctx;
    size_t n;

    if (w->chunk && cap > w->chunk)
        cap = w->chunk;
    if (w->server) {
        n = mini_output(w->server, dst, cap);
    } else {
        n = w->raw_len - w->raw_at < cap ? w->raw_len - w->raw_at : cap;
        if (n)
            memcpy(dst, w->raw + w->raw_at, n);
        w->raw_at += n;
    }
    if (!n && (w->read_ends || (!w->server && w->raw_ends)))
        return IPN_ERR_CLOSED;
    return (int)n;
}

static int world_write(void *ctx, const uint8_t *src, size_t len)
{
    struct ssh_world *w = ctx;

    if (w->write_ends)
        return IPN_ERR_CLOSED;
    if (w->write_full)
        return 0;
    if (w->chunk && len > w->chunk)
        len = w->chunk;
    if (w->server)
        mini_input(w->server, src, len);
    return (int)len;
}

static void world_config(struct ssh_world *w, struct ssh_config *config)
{
    w->shell = (struct ssh_channel_config){
        .kind = SSH_CHANNEL_SHELL, .term = "xterm-256color", .rows = 24, .cols = 80};
    *config = (struct ssh_config){.user = "user", .can_ask_host_key = true};
}

void world_init(struct ssh_world *w, enum mini_cipher cipher, enum mini_fault fault,
                struct ssh_config *config)
{
    memset(w, 0, sizeof *w);
    w->server = calloc(1, sizeof *w->server);
    if (!w->server)
        abort();
    mini_init(w->server, cipher, fault);
    w->now_ms = 1000;
    w->exit_code = -99;
    world_config(w, config);
}

void world_raw(struct ssh_world *w, const uint8_t *raw, size_t len, struct ssh_config *config)
{
    memset(w, 0, sizeof *w);
    w->raw = raw;
    w->raw_len = len;
    w->now_ms = 1000;
    world_config(w, config);
}

void world_start(struct ssh_world *w, const struct ssh_config *config)
{
    struct ssh_transport transport = {w, world_read, world_write};

    w->session = ssh_session_new(config, &transport);
    if (w->session && !w->no_channel)
        w->channel = ssh_session_open_channel(w->session, &w->shell);
}

void world_free(struct ssh_world *w)
{
    ssh_session_free(w->session);
    mini_free(w->server);
    free(w->data);
}

static void keep_text(char *dst, size_t cap, struct bytes text)
{
    size_t at = strlen(dst), n = text.len < cap - 1 - at ? text.len : cap - 1 - at;

    memcpy(dst + at, text.data, n);
    dst[at + n] = '\0';
}

static void keep_data(struct ssh_world *w, struct bytes text)
{
    while (w->data_cap < w->data_len + text.len) {
        w->data_cap = w->data_cap ? 2 * w->data_cap : 65536;
        w->data = realloc(w->data, w->data_cap);
        if (!w->data)
            abort();
    }
    memcpy(w->data + w->data_len, text.data, text.len);
    w->data_len += text.len;
}

static void handle_event(struct ssh_world *w, const struct ssh_event *ev)
{
    if (ev->type == SSH_EVENT_ERROR && !ev->channel && w->channel)
        return; /* the channel has told it */
    w->count[ev->type]++;
    if (w->order_len < 64)
        w->order[w->order_len++] = ev->type;
    switch (ev->type) {
    case SSH_EVENT_DATA:
        keep_data(w, ev->text);
        w->held += ev->text.len;
        break;
    case SSH_EVENT_STDERR:
        keep_text(w->stderr_text, sizeof w->stderr_text, ev->text);
        w->stderr_len += ev->text.len;
        w->held += ev->text.len;
        break;
    case SSH_EVENT_PROGRESS:
        keep_text(w->progress, sizeof w->progress, ev->text);
        break;
    case SSH_EVENT_BANNER:
        keep_text(w->banner, sizeof w->banner, ev->text);
        break;
    case SSH_EVENT_ERROR:
        w->error_code = ev->code;
        keep_text(w->error, sizeof w->error, ev->text);
        break;
    case SSH_EVENT_EXIT:
        w->exit_code = ev->code;
        keep_text(w->exit_signal, sizeof w->exit_signal, ev->aux);
        break;
    case SSH_EVENT_CHANNEL_CLOSED:
        if (!w->keep_open && ev->channel == w->channel)
            ssh_session_close(w->session);
        break;
    case SSH_EVENT_HOST_KEY:
        keep_text(w->host_key, sizeof w->host_key, ev->text);
        if (ev->code)
            keep_text(w->known_key, sizeof w->known_key, ev->aux);
        else if (!w->hold_host_key)
            ssh_session_answer_host_key(w->session, !w->refuse_host_key);
        break;
    case SSH_EVENT_AGENT_SIGN:
        ssh_session_answer_agent(w->session, ev->code, true);
        break;
    case SSH_EVENT_KNOWN_HOST:
        keep_text(w->known_host, sizeof w->known_host, ev->text);
        keep_text(w->replaced_names, sizeof w->replaced_names, ev->aux);
        break;
    default:
        break;
    }
}

/* Bytes that either side has still to read. */
static size_t pending(const struct ssh_world *w)
{
    return w->server ? w->server->out_len - w->server->out_at : w->raw_len - w->raw_at;
}

bool world_turn(struct ssh_world *w)
{
    size_t before = pending(w), in_before = w->server ? w->server->in_len : 0;
    struct ssh_event ev;
    bool moved = false;

    if (w->held && !w->hold_credit) {
        ssh_session_credit(w->session, w->channel, w->held);
        w->held = 0;
        moved = true;
    }
    ssh_session_run(w->session, w->now_ms);
    while (ssh_session_next(w->session, &ev, w->now_ms)) {
        if (w->on_event)
            w->on_event(w, &ev);
        else
            handle_event(w, &ev);
        moved = true;
    }
    return moved || pending(w) != before || (w->server && w->server->in_len != in_before);
}

void world_settle(struct ssh_world *w)
{
    int quiet = 0;

    for (int i = 0; i < 100000 && quiet < 3; i++)
        quiet = world_turn(w) ? 0 : quiet + 1;
}

void world_pass(struct ssh_world *w, uint64_t ms)
{
    uint64_t end = w->now_ms + ms, next;

    world_settle(w);
    while ((next = ssh_session_next_deadline(w->session)) <= end) {
        if (next > w->now_ms)
            w->now_ms = next;
        ssh_session_tick(w->session, w->now_ms);
        world_settle(w);
    }
    w->now_ms = end;
    world_settle(w);
}

bool world_closes(struct ssh_world *w)
{
    for (int i = 0; i < 50 && !w->count[SSH_EVENT_CLOSED]; i++)
        world_pass(w, 1000);
    return w->count[SSH_EVENT_CLOSED] == 1;
}

void world_open(struct ssh_world *w, enum mini_cipher cipher, enum mini_fault fault)
{
    struct ssh_config config;

    world_init(w, cipher, fault, &config);
    w->shell.pty = true;
    world_start(w, &config);
    world_settle(w);
}
