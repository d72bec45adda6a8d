/*
 * What is said over HTTP/2: register, the lite map request, the map stream, logout; and what the
 * answers mean. HTTP/2's callbacks only note what came; control_session_service acts on it, so
 * that a connection is never freed from inside itself.
 *
 *   register ----------------- 200 > REGISTERED > lite + map stream > frames > NETMAP …
 *      \__ 100 ms: map 404, 100 ms: map 404, … map 200 (the node exists already) __/
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/host.h"
#include "control/control_session.h"
#include "control/tailcfg_map.h"

static struct tailcfg_host host_info(const struct control_client *cc)
{
    return (struct tailcfg_host){cc->hostname, cc->config.preferred_derp};
}

static void lose(struct control_client *cc, const char *sentence)
{
    control_emit_problem(cc, CONTROL_PROBLEM_LOST, "%s", sentence);
    control_retry_later(cc);
}

/* Posts what `err` says was written to *body. True if the request is on its way. */
static bool post(struct control_client *cc, enum control_stream_kind kind, const char *path,
                 struct buf *body, int err)
{
    struct control_stream *s = &cc->streams[kind];
    int32_t id = err;

    if (err == 0)
        id = control_h2_post(cc->h2, path, buf_head(body), body->len);
    buf_wipe(body);
    if (id > 0) {
        memset(s, 0, sizeof *s);
        buf_init(&s->body, CONTROL_MAX_BODY);
        s->id = id;
        return true;
    }
    if (id == IPN_ERR_NOMEM) {
        cc->nomem = true;
    } else if (id == IPN_ERR_CLOSED) {
        lose(cc, "The control server is closing the connection; coming back.");
    } else {
        control_emit_problem(cc, CONTROL_PROBLEM_REFUSED,
                             "The auth key or the host name is too long or not valid text.");
        control_login_failed(cc);
    }
    return false;
}

/* Forgets a request whose answer no longer matters. */
static void cancel(struct control_client *cc, enum control_stream_kind kind)
{
    struct control_stream *s = &cc->streams[kind];

    if (s->id != 0 && cc->h2 != NULL)
        control_h2_cancel(cc->h2, s->id);
    buf_wipe(&s->body);
    memset(s, 0, sizeof *s);
}

static void post_register(struct control_client *cc, bool logout)
{
    bool renewing = cc->renewing && !logout;
    struct tailcfg_register_request r = {
        .version = CONTROL_CAPABILITY_VERSION,
        .node_key = renewing ? cc->next_public : cc->node_public,
        .old_node_key = renewing ? cc->node_public : (struct node_public){{0}},
        .auth_key = logout ? "" : cc->auth_key,
        .followup = logout ? "" : cc->auth_url,
        .ephemeral = cc->config.ephemeral,
        .logout = logout,
        .host = host_info(cc),
    };
    struct buf body;
    int err;

    buf_init(&body, TAILCFG_MAX_REQUEST);
    err = tailcfg_write_register(&body, &r);
    post(cc, logout ? CONTROL_STREAM_LOGOUT : CONTROL_STREAM_REGISTER, "/machine/register", &body,
         err);
}

static void post_map(struct control_client *cc, enum control_stream_kind kind)
{
    struct tailcfg_map_request r = {
        .version = CONTROL_CAPABILITY_VERSION,
        .node_key = cc->renewing && !cc->registered ? cc->next_public : cc->node_public,
        .disco_key = cc->config.disco_key,
        .stream = kind != CONTROL_STREAM_LITE,
        .host = host_info(cc),
    };
    struct buf body;
    int err;

    buf_init(&body, TAILCFG_MAX_REQUEST);
    err = tailcfg_write_map(&body, &r);
    cc->lite_due = false;
    if (kind != CONTROL_STREAM_TRY)
        cc->lite_ms = cc->now_ms;
    if (!post(cc, kind, "/machine/map", &body, err) || !r.stream)
        return;
    control_map_wipe(&cc->map);
    control_map_init(&cc->map, true);
    cc->map_begun = false;
    cc->map_frames = 0;
    cc->map_error = 0;
    cc->map_since = cc->now_ms;
    if (kind == CONTROL_STREAM_MAP)
        cc->map_deadline = cc->now_ms + CONTROL_MAP_TIMEOUT_MS;
}

/* Nothing more of the map, nor of what follows from it. */
static void leave_map(struct control_client *cc)
{
    cancel(cc, CONTROL_STREAM_LITE);
    cancel(cc, CONTROL_STREAM_TRY);
    cancel(cc, CONTROL_STREAM_MAP);
    cc->greet = cc->lite_again = cc->expired_early = false;
    cc->try_at = cc->map_deadline = cc->expiry_deadline = cc->warning_deadline = NEVER;
}

static void ask_to_register(struct control_client *cc)
{
    cancel(cc, CONTROL_STREAM_REGISTER);
    cc->register_at = NEVER;
    cc->register_deadline =
        cc->auth_url[0] != '\0' ? NEVER : cc->now_ms + CONTROL_REGISTER_TIMEOUT_MS;
    post_register(cc, false);
}

void control_session_register(struct control_client *cc)
{
    if (cc->renewing && cc->registered) { /* with the map of the old key */
        ask_to_register(cc);
        return;
    }
    leave_map(cc);
    cc->registered = false;
    cc->tries = 0;
    ask_to_register(cc);
    if (cc->auth_key[0] == '\0' || cc->config.no_speculative_map || cc->state != CONTROL_ONLINE)
        return;
    if (cc->config.known_node)
        control_session_try_map(cc);
    else
        cc->try_at = cc->now_ms + CONTROL_TRY_EVERY_MS;
}

void control_session_try_map(struct control_client *cc)
{
    cc->try_at = NEVER;
    if (cc->registered || cc->streams[CONTROL_STREAM_TRY].id != 0 ||
        cc->streams[CONTROL_STREAM_REGISTER].id == 0)
        return;
    cc->tries++;
    post_map(cc, CONTROL_STREAM_TRY);
}

void control_session_lite(struct control_client *cc)
{
    if (!cc->registered || cc->state != CONTROL_ONLINE)
        return;
    cc->lite_again = cc->streams[CONTROL_STREAM_LITE].id != 0;
    if (!cc->lite_again)
        post_map(cc, CONTROL_STREAM_LITE);
}

void control_session_logout(struct control_client *cc)
{
    bool asked = cc->streams[CONTROL_STREAM_REGISTER].id != 0 && cc->auth_url[0] == '\0';

    if (asked && (!cc->registered || cc->renewing))
        return; /* a cancelled registration goes on there: only its node can be taken back */
    control_forget_renewal(cc);
    cancel(cc, CONTROL_STREAM_REGISTER);
    cancel(cc, CONTROL_STREAM_TRY);
    cc->try_at = cc->register_at = cc->register_deadline = NEVER;
    post_register(cc, true);
}

void control_session_begin(struct control_client *cc)
{
    if (cc->logging_out) {
        control_session_logout(cc);
    } else if (cc->registered) {
        control_session_lite(cc);
        if (cc->state == CONTROL_ONLINE)
            post_map(cc, CONTROL_STREAM_MAP);
        if (cc->state == CONTROL_ONLINE && cc->renew_wanted)
            control_session_renew(cc);
        else if (cc->state == CONTROL_ONLINE && cc->renewing)
            control_session_register(cc);
    } else {
        control_session_register(cc);
    }
}

void control_session_reset(struct control_client *cc)
{
    for (int kind = 0; kind < CONTROL_STREAM_KINDS; kind++)
        cancel(cc, (enum control_stream_kind)kind);
    control_map_wipe(&cc->map);
    cc->register_deadline = cc->register_at = cc->try_at = cc->map_deadline = NEVER;
    cc->expiry_deadline = cc->warning_deadline = NEVER;
    cc->lite_again = cc->lite_due = cc->greet = cc->expired_early = false;
    cc->map_frames = 0;
    cc->map_error = 0;
}

static void use_next_key(struct control_client *cc)
{
    control_renewed(cc);
    cc->renewed_ms = cc->now_ms;
    cc->config.node_key = cc->next_node_key;
    cc->node_public = cc->next_public;
    wipe(&cc->next_node_key, sizeof cc->next_node_key);
    control_emit_node_key(cc);
}

/* The server has us: by its answer to register, or because it gives out our map. The requests
 * follow from control_session_service, for this may run inside HTTP/2. */
static void registered(struct control_client *cc, bool authorized)
{
    struct control_stream *try = &cc->streams[CONTROL_STREAM_TRY];

    if (cc->registered && !cc->renewing)
        return;
    if (cc->registered)
        leave_map(cc); /* of the old key: only from control_session_service */
    cc->registered = cc->greet = true;
    cc->expired = false;
    if (cc->renewing)
        use_next_key(cc);
    cc->refusals = 0;
    cc->auth_url[0] = '\0';
    cc->register_deadline = cc->try_at = NEVER;
    cc->config.known_node = true;
    control_emit(cc, CONTROL_EVENT_REGISTERED, NULL);
    if (!authorized)
        control_emit(cc, CONTROL_EVENT_NEED_MACHINE_AUTH, NULL);
    if (try->id != 0) { /* it was early enough */
        cc->streams[CONTROL_STREAM_MAP] = *try;
        cc->streams[CONTROL_STREAM_MAP].speculative = true;
        memset(try, 0, sizeof *try);
        cc->map_deadline = cc->now_ms + CONTROL_MAP_TIMEOUT_MS;
    }
}

static void greet(struct control_client *cc)
{
    cc->greet = false;
    if (cc->logging_out) { /* while the registration was under way */
        control_session_logout(cc);
        return;
    }
    control_session_lite(cc);
    if (cc->state == CONTROL_ONLINE && cc->streams[CONTROL_STREAM_MAP].id == 0)
        post_map(cc, CONTROL_STREAM_MAP);
}

void control_session_renew(struct control_client *cc)
{
    control_withdraw_url(cc);
    node_private_generate(&cc->next_node_key);
    node_public_derive(&cc->next_public, &cc->next_node_key);
    cc->renewing = true;
    cc->renew_wanted = false;
    cc->config.known_node = false;
    control_session_register(cc);
}

static void node_key_refused(struct control_client *cc)
{
    if (!cc->renewing) {
        control_session_renew(cc);
        return;
    }
    control_withdraw_url(cc);
    control_emit_problem(cc, CONTROL_PROBLEM_KEY_EXPIRED,
                         "The control server says that even a new key of this node has expired.");
    control_login_failed(cc);
}

static void await_person(struct control_client *cc, const char *url)
{
    bool again = cc->auth_url[0] != '\0';

    if (cc->logging_out) { /* it came too late to be cancelled */
        control_login_failed(cc);
        return;
    }
    if (strcmp(cc->auth_url, url) != 0)
        control_emit(cc, CONTROL_EVENT_AUTH_URL, url);
    memcpy(cc->auth_url, url, strlen(url) + 1);
    if (again) { /* the login was replaced: no busy loop of it */
        cc->register_at = cc->now_ms + CONTROL_FOLLOWUP_PAUSE_MS;
        cc->register_deadline = NEVER;
    } else {
        control_session_register(cc);
    }
}

static void register_answered(struct control_client *cc, const struct control_stream *s)
{
    struct bytes body = control_stream_body(s);
    struct tailcfg_register_response *r;
    int err;

    if (s->status != 200) {
        control_bad_status(cc, CONTROL_STREAM_REGISTER, s);
        return;
    }
    r = malloc(sizeof *r);
    err = r == NULL ? IPN_ERR_NOMEM : tailcfg_parse_register(r, body.data, body.len);
    if (err == IPN_ERR_NOMEM) {
        cc->nomem = true;
    } else if (err < 0) {
        if (control_renews_early(cc))
            control_withdraw_url(cc);
        control_emit_problem(cc, CONTROL_PROBLEM_PROTOCOL,
                             "The control server's answer to the registration is no valid JSON.");
        if (control_renews_early(cc))
            control_login_failed(cc);
        else
            control_retry_later(cc);
    } else if (r->error[0] != '\0') {
        control_refused(cc, r->error);
    } else if (r->bad_auth_url) {
        control_withdraw_url(cc);
        control_emit_problem(cc, CONTROL_PROBLEM_PROTOCOL,
                             "The control server sent a login address that is no web address.");
        control_login_failed(cc);
    } else if (r->auth_url[0] != '\0') {
        await_person(cc, r->auth_url);
    } else if (r->node_key_expired) {
        node_key_refused(cc);
    } else {
        registered(cc, r->machine_authorized);
    }
    free(r);
}

static void register_ended(struct control_client *cc, const struct control_stream *s)
{
    if (cc->registered && !cc->renewing && !cc->expired_early)
        return; /* the map came first: whether the auth key was still good does not matter */
    cc->expired_early = false;
    if (!s->complete || s->status == 0)
        lose(cc, "The control server broke off the registration; trying again.");
    else
        register_answered(cc, s);
}

static void try_ended(struct control_client *cc, const struct control_stream *s)
{
    if (s->status == 404 && cc->tries < CONTROL_TRY_MAX &&
        cc->streams[CONTROL_STREAM_REGISTER].id != 0)
        cc->try_at = cc->now_ms + CONTROL_TRY_EVERY_MS;
}

/* 404: the server does not know our node key any more. */
static void node_gone(struct control_client *cc)
{
    bool may_rejoin = cc->auth_key[0] != '\0' && !cc->logging_out;

    if (cc->renewing && !cc->logging_out &&
        (cc->streams[CONTROL_STREAM_REGISTER].id != 0 || cc->register_at != NEVER)) {
        leave_map(cc); /* the old key's node: the answer for the new one is on its way */
        cc->registered = false;
        return;
    }
    cc->registered = cc->expired = cc->config.known_node = false;
    cc->rejoined = may_rejoin;
    control_emit_problem(cc, CONTROL_PROBLEM_NODE_GONE,
                         "The control server has removed this node%s",
                         may_rejoin ? "; joining again with its auth key." : ": log in again.");
    if (may_rejoin)
        control_retry_later(cc);
    else
        control_need_login(cc);
}

static void map_ended(struct control_client *cc, const struct control_stream *s)
{
    if (s->status == 404 && s->speculative) /* asked before the node was there */
        post_map(cc, CONTROL_STREAM_MAP);
    else if (s->status == 404)
        node_gone(cc);
    else if (s->status != 0 && s->status != 200)
        control_bad_status(cc, CONTROL_STREAM_MAP, s);
    else if (cc->map_frames == 0)
        lose(cc, "The control server ended the network map before its beginning; trying again.");
    else
        lose(cc, "The control server ended the network map; coming back.");
}

static void stream_ended(struct control_client *cc, enum control_stream_kind kind)
{
    struct control_stream s = cc->streams[kind];

    memset(&cc->streams[kind], 0, sizeof s);
    switch (kind) {
    case CONTROL_STREAM_REGISTER:
        register_ended(cc, &s);
        break;
    case CONTROL_STREAM_LITE:
        if (s.status == 404 && cc->registered)
            node_gone(cc);
        else if (cc->lite_again)
            control_session_lite(cc);
        break;
    case CONTROL_STREAM_TRY:
        try_ended(cc, &s);
        break;
    case CONTROL_STREAM_MAP:
        map_ended(cc, &s);
        break;
    default: /* whatever the server says to a logout, we are out */
        control_finish_logout(cc);
        break;
    }
    buf_wipe(&s.body);
}

static void map_failed(struct control_client *cc)
{
    if (cc->map_error == IPN_ERR_NOMEM) {
        cc->nomem = true;
    } else {
        control_emit_problem(cc, CONTROL_PROBLEM_PROTOCOL,
                             "The control server sent a network map that cannot be read.");
        control_retry_later(cc);
    }
    cc->map_error = 0;
}

void control_session_service(struct control_client *cc)
{
    if (cc->map_error != 0)
        map_failed(cc);
    for (int kind = 0; kind < CONTROL_STREAM_KINDS && cc->state == CONTROL_ONLINE; kind++)
        if (cc->streams[kind].ended)
            stream_ended(cc, (enum control_stream_kind)kind);
    if (cc->greet && cc->state == CONTROL_ONLINE)
        greet(cc);
    if (cc->lite_due)
        control_session_lite(cc);
}

/* Map frames */

static int apply_frame(struct control_client *cc, struct bytes json)
{
    struct netmap_delta *d = calloc(1, sizeof *d);
    int result = d == NULL ? IPN_ERR_NOMEM : tailcfg_parse_map(d, json.data, json.len);

    if (result == 0 && !d->keep_alive) {
        bool first = !cc->map_begun && d->self != NULL;

        result = netmap_apply(&cc->netmap, d, first, host_wall_ms(cc->now_ms));
        cc->map_begun |= first;
        if (result > 0)
            control_emit_netmap(cc, (uint32_t)result);
    }
    if (result >= 0) {
        cc->map_frames++;
        cc->lost = false;
        cc->map_deadline = cc->now_ms + CONTROL_MAP_TIMEOUT_MS;
        cc->rejoined = false;
        cc->lite_due = cc->now_ms - cc->lite_ms >= CONTROL_VERIFY_IDLE_MS;
        if (d->control_time_wall_ms > 0)
            cc->control_ahead_ms = d->control_time_wall_ms - host_wall_ms(cc->now_ms);
        control_expiry_watch(cc);
    }
    if (d != NULL)
        netmap_delta_wipe(d);
    free(d);
    return result < 0 ? result : 0;
}

static void read_map(struct control_client *cc, const uint8_t *data, size_t len)
{
    struct bytes src = {data, len}, json;
    int got = 0;

    while (cc->map_error == 0 && (got = control_map_input(&cc->map, &src, &json)) > 0)
        cc->map_error = apply_frame(cc, json);
    if (got < 0)
        cc->map_error = got;
}

/* HTTP/2's callbacks */

static struct control_stream *find_stream(struct control_client *cc, int32_t id)
{
    for (int kind = 0; kind < CONTROL_STREAM_KINDS; kind++)
        if (cc->streams[kind].id == id)
            return &cc->streams[kind];
    return NULL;
}

static void handle_head(void *user, int32_t id, int status, int retry_after_s)
{
    struct control_client *cc = user;
    struct control_stream *s = find_stream(cc, id);

    if (s == NULL)
        return;
    s->status = status;
    s->retry_after_s = retry_after_s;
    if (s == &cc->streams[CONTROL_STREAM_TRY] && status == 200)
        registered(cc, true);
}

static void handle_data(void *user, int32_t id, const uint8_t *data, size_t len)
{
    struct control_client *cc = user;
    struct control_stream *s = find_stream(cc, id);

    if (s == NULL)
        return;
    if (s == &cc->streams[CONTROL_STREAM_MAP] && s->status == 200)
        read_map(cc, data, len);
    else if (s != &cc->streams[CONTROL_STREAM_LITE])
        buf_append(&s->body, data,
                   len < CONTROL_MAX_BODY - s->body.len ? len : CONTROL_MAX_BODY - s->body.len);
}

static void handle_end(void *user, int32_t id, bool complete)
{
    struct control_stream *s = find_stream(user, id);

    if (s == NULL)
        return;
    s->ended = true;
    s->complete = complete;
}

const struct control_h2_handler control_session_handler = {
    .head = handle_head,
    .data = handle_data,
    .end = handle_end,
};
