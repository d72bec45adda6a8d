/* See world.h: the clock, the sockets and the page. */
#include "sim/engine/world.h"

#include <stdio.h>

#include "crypto/random.h"

enum { START_MS = 1000000, MAX_EVENTS_PER_DRAIN = 200000, MAX_TICKS_PER_MOMENT = 8 };

struct world *world;
bool world_inside;

unsigned world_random(unsigned below)
{
    return below ? relay_random() % below : 0;
}

void world_random_bytes(uint8_t *dst, size_t len)
{
    relay_random_bytes(dst, len);
}

uint8_t world_pattern(uint64_t at)
{
    return (uint8_t)(at * 167 + at / 251 + at / 65521);
}

/* ---- what is to come ---- */

struct world_item *world_later(uint64_t delay_ms, void (*happen)(struct world_item *it), int socket,
                               const void *data, size_t len)
{
    struct world_item *it = malloc(sizeof *it + len), **at = &world->items;
    if (!it)
        abort();
    *it = (struct world_item){.at_ms = world->now_ms + delay_ms,
                              .happen = happen,
                              .socket = socket,
                              .generation = world->sockets[socket].generation,
                              .len = len};
    if (len)
        memcpy(it->data, data, len);
    while (*at && (*at)->at_ms <= it->at_ms)
        at = &(*at)->next;
    it->next = *at;
    return *at = it;
}

/* ---- sockets ---- */

static uint32_t id_of(int socket)
{
    return socket == WORLD_CONTROL ? 1 : 1001;
}

static void report_closed(int socket, int code)
{
    struct world *w = world;
    if (socket == WORLD_FAR)
        far_closed(w);
    else
        IPN_CALL(ipn_socket_closed(w->ipn, id_of(socket), code, "cut", 3, w->now_ms));
}

static void happen_closed(struct world_item *it)
{
    struct world_socket *s = &world->sockets[it->socket];
    if (it->generation != s->generation || !s->wanted)
        return;
    s->open = s->wanted = false;
    report_closed(it->socket, it->value);
}

static void close_later(int socket, int code)
{
    world_later(world->latency_ms, happen_closed, socket, NULL, 0)->value = code;
}

static void happen_opened(struct world_item *it)
{
    struct world *w = world;
    struct world_socket *s = &w->sockets[it->socket];
    if (it->generation != s->generation)
        return;
    s->open = true;
    if (it->socket == WORLD_FAR)
        far_opened(w);
    else
        IPN_CALL(ipn_socket_opened(w->ipn, id_of(it->socket), w->now_ms));
    if (it->socket != WORLD_CONTROL) {
        s->conn = relay_connect(&w->relay);
        world_flush_server(it->socket);
        return;
    }
    w->answered = 0;
    w->map_stream = 0;
    if (!server_accept(&w->control, s->path))
        close_later(WORLD_CONTROL, 1000);
    world_flush_server(WORLD_CONTROL);
}

void world_socket_open(int socket, const char *url, size_t len)
{
    struct world_socket *s = &world->sockets[socket];
    char text[sizeof s->path];
    if (s->wanted)
        world->forgotten++;
    s->generation++;
    s->wanted = true;
    snprintf(text, sizeof text, "%.*s", (int)len, url);
    const char *path = strstr(text, "/ts2021");
    snprintf(s->path, sizeof s->path, "%s", path ? path : "");
    if (s->link == LINK_UP)
        world_later(3 * world->latency_ms, happen_opened, socket, NULL, 0);
    else if (s->link == LINK_REFUSED)
        close_later(socket, 1006);
}

void world_socket_forget(int socket)
{
    struct world_socket *s = &world->sockets[socket];
    if (s->open && socket != WORLD_CONTROL)
        relay_disconnect(&world->relay, s->conn);
    s->open = s->wanted = false;
    s->generation++;
    if (socket == WORLD_CONTROL)
        world->map_stream = 0;
    else
        world_flush_server(socket);
}

void world_cut(struct world *w, int socket)
{
    if (!w->sockets[socket].wanted)
        return;
    world_socket_forget(socket);
    report_closed(socket, 1006);
    world_drain(w);
}

static void happen_at_server(struct world_item *it)
{
    struct world *w = world;
    struct world_socket *s = &w->sockets[it->socket];
    if (it->generation != s->generation || !s->open || s->link == LINK_SILENT)
        return;
    if (it->socket == WORLD_CONTROL) {
        if (w->script != SCRIPT_DEAF && w->control.session)
            server_input(&w->control, it->data, it->len);
        script_serve(w);
    } else {
        relay_input(&w->relay, s->conn, it->data, it->len);
    }
    world_flush_server(it->socket);
}

void world_socket_send(int socket, const void *data, size_t len)
{
    world_later(world->latency_ms, happen_at_server, socket, data, len);
}

static void happen_input(struct world_item *it)
{
    struct world *w = world;
    struct world_socket *s = &w->sockets[it->socket];
    if (it->generation != s->generation || !s->open)
        return;
    uint8_t *copy = malloc(it->len); /* exactly, and gone after the call */
    if (!copy)
        abort();
    memcpy(copy, it->data, it->len);
    if (it->socket == WORLD_FAR)
        far_input(w, copy, it->len);
    else
        IPN_CALL(ipn_socket_input(w->ipn, id_of(it->socket), copy, it->len, w->now_ms));
    free(copy);
}

static void send_pieces(int socket, struct buf *out, size_t piece)
{
    while (out->len > 0) {
        size_t n = piece ? piece : 1 + world_random(5000);
        if (n > out->len)
            n = out->len;
        if (world->sockets[socket].open && world->sockets[socket].link == LINK_UP)
            world_later(world->latency_ms, happen_input, socket, buf_head(out), n);
        buf_consume(out, n);
    }
}

void world_flush_server(int socket)
{
    struct world *w = world;
    if (socket == WORLD_CONTROL) {
        send_pieces(socket, &w->control.out, w->piece);
        if (w->control.broken && w->sockets[socket].wanted)
            close_later(socket, 1002);
        return;
    }
    for (int i = WORLD_RELAY; i <= WORLD_FAR; i++) {
        struct world_socket *s = &w->sockets[i];
        if (!s->open)
            continue;
        send_pieces(i, &w->relay.conns[s->conn].out, i == WORLD_FAR ? 0 : w->piece);
        if (w->relay.conns[s->conn].hung_up)
            close_later(i, 1000);
    }
}

/* ---- the page ---- */

static struct world_stream *find_stream(struct world *w, uint32_t id)
{
    for (size_t i = w->stream_count; i-- > 0;)
        if (w->streams[i].id == id)
            return &w->streams[i];
    return NULL;
}

static void note_data(struct world *w, struct world_stream *s, const struct ipn_event *ev)
{
    for (size_t i = 0; i < ev->text_len; i++)
        s->corrupt |= ev->text[i] != world_pattern(s->received + i);
    s->received += ev->text_len;
    if (!s->no_credit)
        IPN_CALL(ipn_tcp_credit(w->ipn, s->id, ev->text_len, w->now_ms));
}

static void note_output(struct world *w, struct world_stream *s, const struct ipn_event *ev)
{
    size_t at = strlen(s->seen);
    snprintf(s->seen + at, sizeof s->seen - at, "%.*s", (int)ev->text_len, (const char *)ev->text);
    s->received += ev->text_len;
    if (!s->no_credit)
        IPN_CALL(ipn_ssh_credit(w->ipn, s->id, ev->text_len, w->now_ms));
}

static void stream_event(struct world *w, const struct ipn_event *ev)
{
    struct world_stream *s = find_stream(w, ev->id);
    if (!s || s->done) {
        w->unknown_ids++;
        return;
    }
    switch (ev->type) {
    case IPN_EVENT_TCP_OPEN:
    case IPN_EVENT_SSH_OPEN:
        s->open = true;
        s->opens++;
        break;
    case IPN_EVENT_TCP_DATA:
        note_data(w, s, ev);
        break;
    case IPN_EVENT_TCP_EOF:
        s->eof = true;
        break;
    case IPN_EVENT_TCP_WRITABLE:
    case IPN_EVENT_SSH_WRITABLE:
        s->blocked = false;
        break;
    case IPN_EVENT_TCP_ERROR:
    case IPN_EVENT_SSH_ERROR:
        s->errors++;
        snprintf(s->code, sizeof s->code, "%.*s", (int)ev->text_len, (const char *)ev->text);
        snprintf(s->text, sizeof s->text, "%.*s", (int)ev->aux_len, (const char *)ev->aux);
        s->error_early = ev->code;
        break;
    case IPN_EVENT_TCP_DONE:
    case IPN_EVENT_SSH_DONE:
        s->done = true;
        s->open = false;
        s->dones++;
        break;
    case IPN_EVENT_SSH_PROGRESS:
        s->progress++;
        snprintf(s->said, sizeof s->said, "%.*s", (int)ev->text_len, (const char *)ev->text);
        break;
    case IPN_EVENT_SSH_DATA:
        note_output(w, s, ev);
        break;
    case IPN_EVENT_SSH_STEP:
        s->steps |= 1u << ev->code;
        break;
    case IPN_EVENT_SSH_EXIT:
        s->exits++;
        s->exit_code = ev->code;
        break;
    case IPN_EVENT_SSH_EOF:
        s->eof = true;
        break;
    case IPN_EVENT_SSH_PROMPT:
        s->prompts++;
        break;
    case IPN_EVENT_SSH_HOST_KEY:
        s->host_keys++;
        if (!w->no_answers)
            IPN_CALL(ipn_ssh_answer_host_key(w->ipn, s->id, true, w->now_ms));
        break;
    default:
        break;
    }
}

static void happen_key(struct world_item *it)
{
    char key[KEY_TEXT_CAP], body[200];
    (void)it;
    machine_public_format(key, &world->control.public_key);
    int n = snprintf(body, sizeof body, "{\"publicKey\":\"%s\"}", key);
    IPN_CALL(ipn_http_done(world->ipn, 1, 200, (uint8_t *)body, (size_t)n, world->now_ms));
}

static void happen_probed(struct world_item *it)
{
    IPN_CALL(ipn_http_done(world->ipn, (uint32_t)it->value, 200, NULL, 0, world->now_ms));
}

static void get(struct world *w, const struct ipn_event *ev)
{
    if (ev->id == 1)
        world_later(2 * w->latency_ms, happen_key, WORLD_CONTROL, NULL, 0);
    else
        world_later(2 * w->latency_ms, happen_probed, WORLD_RELAY, NULL, 0)->value =
            (int32_t)ev->id;
}

static void told(struct world *w, const struct ipn_event *ev)
{
    switch (ev->type) {
    case IPN_EVENT_STATE:
        if (w->state_count < WORLD_MAX_STATES)
            w->states[w->state_count++] = ev->code;
        break;
    case IPN_EVENT_NETMAP:
        w->netmaps++;
        break;
    case IPN_EVENT_PEERS:
        w->peers_told++;
        snprintf(w->peers_json, sizeof w->peers_json, "%.*s", (int)ev->text_len,
                 (const char *)ev->text);
        break;
    case IPN_EVENT_STATUS:
        w->statuses++;
        break;
    case IPN_EVENT_BROWSE_TO_URL:
        w->browses++;
        break;
    case IPN_EVENT_PROBLEM:
        w->problems++;
        snprintf(w->problem, sizeof w->problem, "%.*s", (int)ev->text_len, (const char *)ev->text);
        snprintf(w->problem_text, sizeof w->problem_text, "%.*s", (int)ev->aux_len,
                 (const char *)ev->aux);
        break;
    case IPN_EVENT_PONG:
        w->pongs++;
        w->pong_code = ev->code;
        break;
    case IPN_EVENT_LOGGED_OUT:
        w->logged_out = true;
        break;
    default:
        break;
    }
}

static void event(struct world *w, const struct ipn_event *ev)
{
    int socket = ev->id == 1 ? WORLD_CONTROL : WORLD_RELAY;
    if (w->logged_out)
        w->after_logout = true;
    if (ev->type == IPN_EVENT_SOCKET_OPEN)
        world_socket_open(socket, (const char *)ev->text, ev->text_len);
    else if (ev->type == IPN_EVENT_SOCKET_SEND)
        world_socket_send(socket, ev->text, ev->text_len);
    else if (ev->type == IPN_EVENT_SOCKET_CLOSE)
        world_socket_forget(socket);
    else if (ev->type == IPN_EVENT_HTTP_GET)
        get(w, ev);
    else if (ev->type >= IPN_EVENT_SSH_PROGRESS && ev->type <= IPN_EVENT_TCP_DONE &&
             ev->type != IPN_EVENT_KNOWN_HOSTS)
        stream_event(w, ev);
    else
        told(w, ev);
}

static bool poll_all(struct world *w)
{
    struct ipn_event ev;
    unsigned count = 0;
    for (;;) {
        int rc;
        IPN_CALL(rc = ipn_poll(w->ipn, &ev, w->now_ms));
        if (rc != 1)
            return count > 0;
        w->polls++;
        if (++count > MAX_EVENTS_PER_DRAIN) {
            fprintf(stderr, "ipn_poll does not end: event %u of id %u\n", ev.type, ev.id);
            abort();
        }
        event(w, &ev);
    }
}

/* Writes what a stream still has to send, until it is full. */
static void write_more(struct world *w, struct world_stream *s)
{
    uint8_t bytes[16384];
    while (s->open && !s->blocked && s->sent < s->to_send) {
        size_t len = s->to_send - s->sent < sizeof bytes ? s->to_send - s->sent : sizeof bytes;
        int n;
        for (size_t i = 0; i < len; i++)
            bytes[i] = world_pattern(s->sent + i);
        IPN_CALL(n = ipn_tcp_write(w->ipn, s->id, bytes, len, w->now_ms));
        s->blocked = n < (int)len;
        s->sent += n > 0 ? (uint64_t)n : 0;
        if (s->sent == s->to_send && s->shut_after)
            IPN_CALL(ipn_tcp_shutdown(w->ipn, s->id, w->now_ms));
    }
}

void world_drain(struct world *w)
{
    do {
        for (size_t i = 0; i < w->stream_count; i++)
            write_more(w, &w->streams[i]);
    } while (poll_all(w));
}

static struct world_stream *add_stream(struct world *w, int id, bool ssh)
{
    if (id <= 0 || w->stream_count == WORLD_MAX_STREAMS)
        return NULL;
    struct world_stream *s = &w->streams[w->stream_count++];
    *s = (struct world_stream){.id = (uint32_t)id, .ssh = ssh};
    return s;
}

struct world_stream *world_tcp(struct world *w, const char *host, uint16_t port, uint64_t to_send)
{
    int id;
    IPN_CALL(id = ipn_tcp_open(w->ipn, host, port, 5000, w->now_ms));
    struct world_stream *s = add_stream(w, id, false);
    if (s)
        s->to_send = to_send;
    world_drain(w);
    return s;
}

struct world_stream *world_ssh_with(struct world *w, const char *fields)
{
    char block[600];
    size_t len = (size_t)snprintf(block, sizeof block, "%s", fields) + 1;
    int id;
    for (size_t i = 0; i < len; i++) {
        if (block[i] == '=' || block[i] == ' ')
            block[i] = '\0';
    }
    IPN_CALL(id = ipn_ssh_open(w->ipn, (const uint8_t *)block, len, w->now_ms));
    struct world_stream *s = add_stream(w, id, true);
    world_drain(w);
    return s;
}

struct world_stream *world_ssh(struct world *w, const char *host, uint32_t timeout_ms)
{
    char fields[400];
    snprintf(fields, sizeof fields, "host=%s user=root pty=1 askHostKey=1 timeout=%u", host,
             (unsigned)timeout_ms);
    return world_ssh_with(w, fields);
}

void world_close_stream(struct world *w, struct world_stream *s)
{
    if (s->ssh)
        IPN_CALL(ipn_ssh_close(w->ipn, s->id, w->now_ms));
    else
        IPN_CALL(ipn_tcp_close(w->ipn, s->id, w->now_ms));
    world_drain(w);
}

/* ---- time ---- */

static uint64_t engine_deadline(const struct world *w)
{
    return w->ipn ? ipn_next_deadline(w->ipn) : NEVER;
}

/* Ticks as the real driver does; a deadline that stays in the past is noted. */
static void tick_engine(struct world *w)
{
    w->wakeups += engine_deadline(w) <= w->now_ms;
    for (int n = 0; engine_deadline(w) <= w->now_ms; n++) {
        if (n == MAX_TICKS_PER_MOMENT) {
            w->busy++;
            return;
        }
        IPN_CALL(ipn_tick(w->ipn, w->now_ms));
        world_drain(w);
    }
}

static bool step(struct world *w, uint64_t end_ms)
{
    uint64_t next = earlier(engine_deadline(w), far_deadline(w));
    next = earlier(next, w->items ? w->items->at_ms : NEVER);
    if (next > end_ms || w->busy > 3)
        return false;
    if (next > w->now_ms)
        w->now_ms = next;
    if (w->items && w->items->at_ms <= w->now_ms) {
        struct world_item *it = w->items;
        w->items = it->next;
        it->happen(it);
        free(it);
    } else {
        tick_engine(w);
        if (far_deadline(w) <= w->now_ms)
            far_tick(w);
    }
    far_drain(w);
    world_drain(w);
    return true;
}

bool world_run(struct world *w, uint64_t ms, bool (*until)(const struct world *w))
{
    uint64_t end_ms = w->now_ms + ms;
    world_drain(w);
    far_drain(w);
    while (!(until && until(w))) {
        if (!step(w, end_ms)) {
            w->now_ms = end_ms;
            return !until;
        }
    }
    return true;
}

bool world_joined(const struct world *w)
{
    return w->state_count && w->states[w->state_count - 1] == IPN_STATE_RUNNING;
}

bool world_join(struct world *w)
{
    IPN_CALL(ipn_run(w->ipn, w->now_ms));
    return world_run(w, 60000, world_joined);
}

/* ---- life ---- */

void world_reseed(uint64_t seed)
{
    relay_seed = seed;
}

void world_setup(void)
{
    const char *seed = getenv("SIM_SEED");
    if (seed)
        relay_seed = strtoull(seed, NULL, 0);
    printf("SIM_SEED=%llu\n", (unsigned long long)relay_seed);
    host_init(&(struct host_calls){.random_bytes = relay_random_bytes});
    crypto_init();
    far_setup();
}

void world_start(struct world *w, const char *auth_key, size_t piece)
{
    const char *err = NULL;
    memset(w, 0, sizeof *w);
    w->page_id = 1;
    world = w;
    w->now_ms = START_MS;
    w->latency_ms = 10;
    w->piece = piece;
    w->far_listed = w->far_online = true;
    server_init(&w->control);
    relay_init(&w->relay);
    far_start(w);
    struct ipn_config config = {.control_url = "http://127.0.0.1:8080",
                                .auth_key = auth_key,
                                .wall_offset_ms = 1767225600000};
    IPN_CALL(w->ipn = ipn_new(&config, &err, w->now_ms));
}

void world_stop(struct world *w)
{
    IPN_CALL(ipn_free(w->ipn));
    far_stop(w);
    server_free(&w->control);
    relay_free(&w->relay);
    while (w->items) {
        struct world_item *it = w->items;
        w->items = it->next;
        free(it);
    }
}
