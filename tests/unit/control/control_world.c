#include "control_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"

static void record(struct world *w, const struct control_event *ev)
{
    struct world_event *e = &w->events[w->event_count];

    if (w->event_count == WORLD_MAX_EVENTS || ev->text.len >= sizeof e->text)
        abort();
    w->event_count++;
    memset(e, 0, sizeof *e);
    e->type = ev->type;
    e->problem = ev->problem;
    e->retried = ev->retried;
    e->changed = ev->changed;
    e->key = ev->key;
    if (ev->text.len > 0)
        memcpy(e->text, ev->text.data, ev->text.len);
}

static void answer_key(struct world *w)
{
    char key[KEY_TEXT_CAP], body[200] = "{\"publicKey\":\"";

    machine_public_format(key, &w->server.public_key);
    strcat(strcat(body, key), "\"}");
    if (w->key_fails)
        control_client_key_response(w->cc, 0, NULL, 0, w->now_ms);
    else
        control_client_key_response(w->cc, 200, (uint8_t *)body, strlen(body), w->now_ms);
}

static void connect(struct world *w, const char *path)
{
    if (w->refuse > 0) {
        w->refuse--;
        control_client_closed(w->cc, 1006, "", 0, w->now_ms);
        return;
    }
    control_client_opened(w->cc, w->now_ms);
    w->connected = server_accept(&w->server, path);
    if (!w->connected)
        control_client_closed(w->cc, 1000, "", 0, w->now_ms);
}

static void drain(struct world *w)
{
    struct control_event ev;

    while (control_client_next(w->cc, &ev, w->now_ms) == 1) {
        if (ev.type == CONTROL_EVENT_SEND) {
            if (w->connected)
                server_input(&w->server, ev.data.data, ev.data.len);
            continue;
        }
        record(w, &ev);
        if (ev.type == CONTROL_EVENT_CLOSE)
            w->connected = false;
        if (w->deaf)
            continue;
        if (ev.type == CONTROL_EVENT_GET_KEY)
            answer_key(w);
        else if (ev.type == CONTROL_EVENT_CONNECT)
            connect(w, w->events[w->event_count - 1].text);
    }
}

void world_run(struct world *w)
{
    drain(w);
    while (w->connected && w->server.out.len > 0) {
        struct buf *out = &w->server.out;
        size_t n = w->piece == 0 || out->len < w->piece ? out->len : w->piece;
        uint8_t *copy = malloc(n);

        if (copy == NULL)
            abort();
        memcpy(copy, buf_head(out), n);
        buf_consume(out, n);
        control_client_input(w->cc, copy, n, w->now_ms);
        free(copy);
        drain(w);
    }
}

void world_init(struct world *w, struct control_config *config)
{
    memset(w, 0, sizeof *w);
    w->now_ms = 1000000;
    host_set_wall_offset(1700000000000);
    machine_private_generate(&config->machine_key);
    node_private_generate(&config->node_key);
    node_public_derive(&config->node_public, &config->node_key);
    memset(&config->disco_key, 7, sizeof config->disco_key);
    server_init(&w->server);
    w->cc = control_client_new(config);
    if (w->cc == NULL)
        abort();
}

void world_free(struct world *w)
{
    control_client_free(w->cc);
    server_free(&w->server);
}

void world_jump(struct world *w, uint64_t ms)
{
    w->now_ms += ms;
    control_client_tick(w->cc, w->now_ms);
    world_run(w);
}

void world_sleep(struct world *w, uint64_t ms)
{
    uint64_t until = w->now_ms + ms;

    for (;;) {
        uint64_t due = control_client_next_deadline(w->cc);

        if (due > until)
            break;
        w->now_ms = due > w->now_ms ? due : w->now_ms;
        control_client_tick(w->cc, w->now_ms);
        world_run(w);
    }
    w->now_ms = until;
}

void world_close(struct world *w, int code)
{
    w->connected = false;
    control_client_closed(w->cc, code, "", 0, w->now_ms);
    world_run(w);
}

struct world_event *world_next(struct world *w)
{
    return w->seen < w->event_count ? &w->events[w->seen++] : NULL;
}

struct world_event *world_expect(struct world *w, enum control_event_type type)
{
    for (size_t i = w->seen; i < w->event_count; i++) {
        if (w->events[i].type == type) {
            w->seen = i + 1;
            return &w->events[i];
        }
    }
    return NULL;
}

/* Whether NEED_LOGIN is among what was not seen, before another problem. */
static bool login_follows(const struct world *w)
{
    for (size_t i = w->seen; i < w->event_count; i++) {
        if (w->events[i].type == CONTROL_EVENT_PROBLEM)
            break;
        if (w->events[i].type == CONTROL_EVENT_NEED_LOGIN)
            return true;
    }
    return false;
}

bool world_problem(struct world *w, enum control_problem problem)
{
    struct world_event *e = world_expect(w, CONTROL_EVENT_PROBLEM);

    return e != NULL && e->problem == problem && strlen(e->text) > 20 &&
           e->retried == !login_follows(w);
}

size_t world_count(const struct world *w, enum control_event_type type)
{
    size_t count = 0;

    for (size_t i = 0; i < w->event_count; i++)
        count += w->events[i].type == type;
    return count;
}

struct server_request *world_find(struct world *w, const char *path, const char *part, size_t n)
{
    struct server_request *r = server_find(&w->server, path, part, n);

    if (r == NULL) {
        fprintf(stderr, "no request %zu to %s with %s\n", n, path, part);
        exit(1);
    }
    return r;
}

void world_start(struct world *w, const char *auth_key, size_t piece)
{
    struct control_config config = {.hostname = "tab", .auth_key = auth_key};

    world_init(w, &config);
    w->piece = piece;
    control_client_start(w->cc, w->now_ms);
    world_run(w);
}

/* Answers the pending register and the first lite request. */
void world_accept(struct world *w)
{
    server_answer(&w->server, world_find(w, REGISTER, "", 0), 200, "{\"MachineAuthorized\":true}");
    world_run(w);
    server_answer(&w->server, world_find(w, MAP_PATH, LITE, 0), 200, "");
    world_run(w);
}

struct server_request *world_open_map(struct world *w, size_t n)
{
    struct server_request *r = world_find(w, MAP_PATH, STREAM, n);

    server_head(&w->server, r, 200, NULL, false);
    server_map(&w->server, r, MAP);
    world_run(w);
    return r;
}

struct server_request *world_join(struct world *w, const char *auth_key, size_t piece)
{
    world_start(w, auth_key, piece);
    world_accept(w);
    return world_open_map(w, 0);
}

void world_keep_alive(struct world *w, struct server_request *map, int minutes)
{
    for (int i = 0; i < minutes; i++) {
        world_sleep(w, 60000);
        server_map(&w->server, map, "{\"KeepAlive\":true}");
        world_run(w);
    }
}
