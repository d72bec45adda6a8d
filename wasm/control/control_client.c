/*
 * The connection to the control server and its timers.
 *
 *   IDLE > EXPECT_KEY > EXPECT_OPEN > EXPECT_RESPONSE > ONLINE
 *               \____________\______________\____________\__ BACKOFF > …
 *
 * Input is only kept here; control_client_next works on it, until there is an event.
 */
#include "control/control_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "base/host.h"
#include "control/control_session.h"

#define CONNECT_PATH "/ts2021?X-Tailscale-Handshake="

static char *copy_text(const char *text, const char *otherwise)
{
    const char *src = text == NULL || text[0] == '\0' ? otherwise : text;
    size_t size = strlen(src) + 1;
    char *copy = malloc(size);

    if (copy != NULL)
        memcpy(copy, src, size);
    return copy;
}

static void free_secret(char *text)
{
    if (text != NULL)
        wipe(text, strlen(text));
    free(text);
}

struct control_client *control_client_new(const struct control_config *config)
{
    struct control_client *cc = calloc(1, sizeof *cc);

    if (cc == NULL)
        return NULL;
    cc->config = *config;
    cc->hostname = copy_text(config->hostname, "");
    cc->auth_key = copy_text(config->auth_key, "");
    cc->authority = copy_text(config->authority, "control");
    cc->url = copy_text(config->url, "What answers there");
    cc->config.hostname = cc->config.auth_key = cc->config.authority = cc->config.url = NULL;
    cc->server_key = config->server_key;
    cc->have_server_key = config->have_server_key;
    cc->node_public = config->node_public;
    buf_init(&cc->in, CONTROL_MAX_INPUT);
    buf_init(&cc->plain_out, CONTROL_MAX_PLAIN_OUT);
    buf_init(&cc->out, CONTROL_MAX_MESSAGE);
    netmap_init(&cc->netmap);
    cc->state_deadline = cc->ping_deadline = cc->logout_deadline = NEVER;
    control_session_reset(cc);
    if (cc->hostname == NULL || cc->auth_key == NULL || cc->authority == NULL || cc->url == NULL) {
        control_client_free(cc);
        return NULL;
    }
    return cc;
}

void control_client_free(struct control_client *cc)
{
    if (cc == NULL)
        return;
    control_session_reset(cc);
    control_h2_free(cc->h2);
    control_drop_events(cc);
    free(cc->event_text);
    buf_wipe(&cc->in);
    buf_wipe(&cc->plain_out);
    buf_wipe(&cc->out);
    netmap_wipe(&cc->netmap);
    free(cc->hostname);
    free_secret(cc->auth_key);
    free_secret(cc->kept_auth_key);
    free(cc->authority);
    free(cc->url);
    wipe(cc, sizeof *cc);
    free(cc);
}

/* Connecting */

/* The initiation in base64; its special characters are escaped, for + is a blank in a query. */
static void emit_connect(struct control_client *cc)
{
    uint8_t initiation[CONTROL_NOISE_INITIATION_LEN];
    char base64[BASE64_LEN(CONTROL_NOISE_INITIATION_LEN) + 1];
    char url[sizeof CONNECT_PATH + 3 * sizeof base64] = CONNECT_PATH, *at = strchr(url, '\0');

    if (control_noise_create_initiation(&cc->noise, initiation, CONTROL_CAPABILITY_VERSION,
                                        &cc->config.machine_key, &cc->server_key) < 0) {
        control_emit_problem(cc, CONTROL_PROBLEM_SERVER_KEY,
                             "The control server's key is no valid key.");
        control_need_login(cc);
        return;
    }
    base64_encode(base64, initiation, sizeof initiation);
    for (const char *c = base64; *c != '\0'; c++) {
        const char *escaped = *c == '+' ? "%2B" : *c == '/' ? "%2F" : *c == '=' ? "%3D" : NULL;

        if (escaped == NULL) {
            *at++ = *c;
        } else {
            memcpy(at, escaped, 3);
            at += 3;
        }
    }
    *at = '\0';
    control_emit(cc, CONTROL_EVENT_CONNECT, url);
    cc->attempt_ms = cc->now_ms;
    cc->state_deadline = cc->now_ms + CONTROL_OPEN_TIMEOUT_MS;
    cc->state = CONTROL_EXPECT_OPEN;
}

static void connect(struct control_client *cc)
{
    char path[32];

    if (cc->have_server_key) {
        emit_connect(cc);
        return;
    }
    snprintf(path, sizeof path, "/key?v=%d", CONTROL_CAPABILITY_VERSION);
    control_emit(cc, CONTROL_EVENT_GET_KEY, path);
    cc->attempt_ms = cc->now_ms;
    cc->state_deadline = cc->now_ms + CONTROL_KEY_TIMEOUT_MS;
    cc->state = CONTROL_EXPECT_KEY;
}

static bool may_be_open(const struct control_client *cc)
{
    return cc->state == CONTROL_EXPECT_OPEN || cc->state == CONTROL_EXPECT_RESPONSE ||
           cc->state == CONTROL_ONLINE;
}

void control_disconnect(struct control_client *cc)
{
    if (may_be_open(cc))
        control_emit(cc, CONTROL_EVENT_CLOSE, NULL);
    if (cc->map_frames > 0 && cc->now_ms - cc->map_since >= CONTROL_STABLE_MS)
        cc->failures = 0;
    cc->graced = false;
    control_session_reset(cc);
    control_h2_free(cc->h2);
    cc->h2 = NULL;
    control_noise_wipe(&cc->noise);
    buf_wipe(&cc->in);
    buf_wipe(&cc->plain_out);
    buf_wipe(&cc->out);
    cc->state_deadline = cc->ping_deadline = NEVER;
    cc->state = CONTROL_IDLE;
}

/* 0.2 s doubling to 30 s, of which a random half is left out, so that clients of a server that
 * was away do not come back at one moment. */
static uint64_t backoff(struct control_client *cc)
{
    uint64_t delay_ms = CONTROL_BACKOFF_FIRST_MS;
    uint8_t random[4];

    for (unsigned i = 0; i < cc->failures && delay_ms < CONTROL_BACKOFF_MAX_MS; i++)
        delay_ms *= 2;
    if (delay_ms > CONTROL_BACKOFF_MAX_MS)
        delay_ms = CONTROL_BACKOFF_MAX_MS;
    cc->failures++;
    host_random(random, sizeof random);
    return delay_ms / 2 + load_le32(random) % (delay_ms / 2 + 1);
}

void control_retry_later(struct control_client *cc)
{
    uint64_t at;

    control_disconnect(cc);
    cc->key_fresh = false;
    at = cc->now_ms + backoff(cc);
    cc->state_deadline = at < cc->earliest_retry ? cc->earliest_retry : at;
    if (!cc->lost)
        cc->lost_ms = cc->now_ms;
    cc->lost = true;
    cc->state = CONTROL_BACKOFF;
}

void control_forget_renewal(struct control_client *cc)
{
    wipe(&cc->next_node_key, sizeof cc->next_node_key);
    cc->renewing = cc->renew_wanted = false;
    if (cc->kept_auth_key == NULL)
        return;
    free_secret(cc->auth_key);
    cc->auth_key = cc->kept_auth_key;
    cc->kept_auth_key = NULL;
}

void control_renewed(struct control_client *cc)
{
    cc->renewing = false;
    free_secret(cc->kept_auth_key);
    cc->kept_auth_key = NULL;
}

void control_need_login(struct control_client *cc)
{
    control_disconnect(cc);
    cc->registered = cc->rejoined = cc->expired = false;
    control_forget_renewal(cc);
    cc->auth_url[0] = '\0';
    cc->refusals = cc->failures = 0;
    cc->lost = false;
    if (cc->logging_out)
        control_finish_logout(cc);
    else
        control_emit(cc, CONTROL_EVENT_NEED_LOGIN, NULL);
}

void control_finish_logout(struct control_client *cc)
{
    control_disconnect(cc);
    control_forget_renewal(cc);
    wipe(cc->auth_key, strlen(cc->auth_key));
    cc->logout_deadline = NEVER;
    cc->logging_out = cc->registered = cc->expired = cc->config.known_node = false;
    cc->auth_url[0] = '\0';
    control_emit(cc, CONTROL_EVENT_LOGGED_OUT, NULL);
    cc->state = CONTROL_LOGGED_OUT;
}

void control_client_start(struct control_client *cc, uint64_t now_ms)
{
    cc->now_ms = now_ms;
    if (cc->state == CONTROL_IDLE)
        connect(cc);
}

/* What the driver reports */

void control_client_key_response(struct control_client *cc, int status, const uint8_t *body,
                                 size_t len, uint64_t now_ms)
{
    cc->now_ms = now_ms;
    if (cc->state != CONTROL_EXPECT_KEY)
        return;
    if (len > CONTROL_MAX_BODY)
        len = CONTROL_MAX_BODY;
    if (status != 200 || tailcfg_parse_server_key(&cc->server_key, body, len) < 0) {
        control_key_failed(cc, status, body, len);
        return;
    }
    cc->have_server_key = cc->key_fresh = true;
    emit_connect(cc);
}

void control_client_opened(struct control_client *cc, uint64_t now_ms)
{
    cc->now_ms = now_ms;
    if (cc->state != CONTROL_EXPECT_OPEN)
        return;
    cc->last_rx = now_ms;
    cc->state_deadline = now_ms + CONTROL_HANDSHAKE_TIMEOUT_MS;
    cc->state = CONTROL_EXPECT_RESPONSE;
}

void control_client_closed(struct control_client *cc, int code, const char *reason, size_t len,
                           uint64_t now_ms)
{
    char words[CONTROL_TEXT_MAX + 1];
    enum control_state was = cc->state;

    cc->now_ms = now_ms;
    if (!may_be_open(cc))
        return;
    control_text_sanitise(words, sizeof words, (const uint8_t *)reason, len);
    cc->state = CONTROL_IDLE; /* there is nothing left to close */
    if (was == CONTROL_EXPECT_OPEN) {
        control_never_opened(cc);
    } else if (was == CONTROL_EXPECT_RESPONSE) {
        control_closed_in_handshake(cc, code, words);
    } else {
        control_emit_problem(
            cc, CONTROL_PROBLEM_LOST,
            "The connection to the control server was lost (WebSocket code %d%s%s); "
            "coming back.",
            code, words[0] == '\0' ? "" : ": ", words);
    }
    control_retry_later(cc);
}

void control_client_input(struct control_client *cc, const uint8_t *data, size_t len,
                          uint64_t now_ms)
{
    cc->now_ms = now_ms;
    if (cc->state != CONTROL_EXPECT_RESPONSE && cc->state != CONTROL_ONLINE)
        return;
    cc->last_rx = now_ms;
    cc->graced = false;
    if (cc->ping_deadline != NEVER) /* what was under way before the answer comes first */
        cc->ping_deadline = now_ms + CONTROL_PING_TIMEOUT_MS;
    if (buf_append(&cc->in, data, len) < 0)
        cc->nomem = true;
}

/* Draining */

static void out_of_memory(struct control_client *cc)
{
    cc->nomem = false;
    control_emit_problem(cc, CONTROL_PROBLEM_NOMEM,
                         "Out of memory for what the control server sent; trying again.");
    control_retry_later(cc);
    cc->nomem = false;
}

int control_client_next(struct control_client *cc, struct control_event *ev, uint64_t now_ms)
{
    cc->now_ms = now_ms;
    memset(ev, 0, sizeof *ev);
    for (;;) {
        if (cc->nomem)
            out_of_memory(cc);
        if (control_take_event(cc, ev))
            return 1;
        if ((cc->state == CONTROL_EXPECT_RESPONSE || cc->state == CONTROL_ONLINE) &&
            cc->in.len > 0) {
            control_transport_input(cc);
        } else if (cc->state == CONTROL_ONLINE && control_transport_output(cc, ev)) {
            return 1;
        } else if (cc->event_count == 0 && !cc->nomem) {
            return 0;
        }
    }
}

/* What the driver wants */

void control_client_set_home_derp(struct control_client *cc, int region, uint64_t now_ms)
{
    cc->now_ms = now_ms;
    if (cc->config.preferred_derp == region)
        return;
    cc->config.preferred_derp = region;
    control_session_lite(cc);
}

bool control_client_expires_soon(const struct control_client *cc)
{
    return cc->warned > 0 || cc->expired;
}

bool control_client_expired(const struct control_client *cc)
{
    return cc->expired;
}

/* keep: should the new one not be good. */
static bool replace_auth_key(struct control_client *cc, const char *auth_key, bool keep)
{
    char *copy = copy_text(auth_key, "");

    if (copy == NULL) {
        cc->nomem = true;
        return false;
    }
    if (keep && cc->kept_auth_key == NULL)
        cc->kept_auth_key = cc->auth_key;
    else
        free_secret(cc->auth_key);
    cc->auth_key = copy;
    return true;
}

void control_client_login(struct control_client *cc, const char *auth_key, uint64_t now_ms)
{
    bool renews = cc->registered && control_client_expires_soon(cc);

    cc->now_ms = now_ms;
    if (!replace_auth_key(cc, auth_key, renews) || cc->logging_out)
        return;
    if (cc->registered) {
        if (!renews)
            return;
        cc->renew_wanted = cc->state != CONTROL_ONLINE;
        if (cc->state == CONTROL_ONLINE)
            control_session_renew(cc);
        else if (cc->state == CONTROL_BACKOFF)
            cc->state_deadline = cc->earliest_retry > now_ms ? cc->earliest_retry : now_ms;
        return;
    }
    cc->auth_url[0] = '\0';
    if (cc->state == CONTROL_ONLINE) {
        control_session_register(cc);
    } else if (cc->state == CONTROL_IDLE || cc->state == CONTROL_LOGGED_OUT) {
        connect(cc);
    } else if (cc->state == CONTROL_BACKOFF) {
        cc->state_deadline = cc->earliest_retry > now_ms ? cc->earliest_retry : now_ms;
    }
}

void control_client_logout(struct control_client *cc, uint64_t now_ms)
{
    cc->now_ms = now_ms;
    if (cc->logging_out || cc->state == CONTROL_LOGGED_OUT)
        return;
    cc->logging_out = true;
    cc->logout_deadline = now_ms + CONTROL_LOGOUT_TIMEOUT_MS;
    if (cc->state == CONTROL_IDLE ||
        (!cc->registered && !cc->renewing && cc->state != CONTROL_ONLINE))
        control_finish_logout(cc); /* there is nothing to take back */
    else if (cc->state == CONTROL_ONLINE)
        control_session_logout(cc);
    else if (cc->state == CONTROL_BACKOFF)
        cc->state_deadline = now_ms;
}

static void expect_pong(struct control_client *cc, uint64_t timeout_ms)
{
    control_h2_ping(cc->h2);
    cc->ping_deadline = cc->now_ms + timeout_ms;
}

void control_client_rebind(struct control_client *cc, uint64_t now_ms)
{
    cc->now_ms = now_ms;
    if (cc->state == CONTROL_ONLINE) {
        expect_pong(cc, CONTROL_REBIND_TIMEOUT_MS);
        control_expiry_watch(cc); /* the clocks may have parted */
    } else if (cc->state == CONTROL_BACKOFF) {
        cc->failures = 0;
        cc->state_deadline = cc->earliest_retry > now_ms ? cc->earliest_retry : now_ms;
    } else if ((cc->state == CONTROL_EXPECT_OPEN || cc->state == CONTROL_EXPECT_RESPONSE) &&
               now_ms - cc->attempt_ms >= CONTROL_FRESH_MS) {
        control_disconnect(cc); /* it began in the old network */
        connect(cc);
    }
}

void control_client_check(struct control_client *cc, uint64_t now_ms)
{
    cc->now_ms = now_ms;
    if (cc->state == CONTROL_ONLINE && cc->ping_deadline == NEVER)
        expect_pong(cc, CONTROL_REBIND_TIMEOUT_MS);
}

void control_client_verify(struct control_client *cc, uint64_t now_ms)
{
    cc->now_ms = now_ms;
    if (now_ms - cc->lite_ms >= CONTROL_VERIFY_MS)
        control_session_lite(cc);
}

void control_client_status(const struct control_client *cc, struct control_status *out)
{
    memset(out, 0, sizeof *out);
    out->connected = cc->state == CONTROL_ONLINE && cc->registered && cc->map_frames > 0;
    out->connecting = cc->state != CONTROL_IDLE && cc->state != CONTROL_LOGGED_OUT;
    out->lost = cc->lost;
    out->lost_ms = cc->lost_ms;
    out->retry_ms = cc->state == CONTROL_BACKOFF ? cc->state_deadline : 0;
    if (cc->registered && cc->warned > 0 && !cc->expired)
        out->key_expiry_wall_ms = cc->netmap.self.key_expiry_wall_ms;
}

struct netmap *control_client_netmap(struct control_client *cc)
{
    return &cc->netmap;
}

/* Timers */

static uint64_t ping_at(const struct control_client *cc)
{
    if (cc->state != CONTROL_ONLINE)
        return NEVER;
    return cc->ping_deadline != NEVER ? cc->ping_deadline : cc->last_rx + CONTROL_PING_AFTER_MS;
}

uint64_t control_client_next_deadline(const struct control_client *cc)
{
    uint64_t at = earlier(cc->state_deadline, ping_at(cc));

    at = earlier(at, earlier(cc->register_deadline, cc->register_at));
    at = earlier(at, earlier(cc->try_at, cc->map_deadline));
    at = earlier(at, earlier(cc->expiry_deadline, cc->warning_deadline));
    return earlier(at, cc->logout_deadline);
}

/* After a sleep nothing is known of the connection: what waits in the socket comes after this
 * tick. Ask with a ping, and let no deadline run out before its answer. Once: where timers are
 * throttled every tick is late, and a dead connection must be noticed all the same. */
static void forgive_sleep(struct control_client *cc)
{
    uint64_t soon = cc->now_ms + CONTROL_REBIND_TIMEOUT_MS;

    cc->graced = cc->state != CONTROL_BACKOFF;
    if (cc->state == CONTROL_ONLINE) {
        expect_pong(cc, CONTROL_REBIND_TIMEOUT_MS);
        if (cc->map_deadline < soon)
            cc->map_deadline = soon + CONTROL_PING_TIMEOUT_MS;
        if (cc->register_deadline < soon)
            cc->register_deadline = soon + CONTROL_PING_TIMEOUT_MS;
    } else if (cc->state != CONTROL_BACKOFF && cc->state_deadline < soon) {
        cc->state_deadline = soon;
    }
}

static void state_timed_out(struct control_client *cc)
{
    switch (cc->state) {
    case CONTROL_EXPECT_KEY:
        control_key_failed(cc, 0, NULL, 0);
        break;
    case CONTROL_EXPECT_OPEN:
        control_emit_problem(cc, CONTROL_PROBLEM_UNREACHABLE,
                             "The control server did not answer in %d s.",
                             CONTROL_OPEN_TIMEOUT_MS / 1000);
        control_retry_later(cc);
        break;
    case CONTROL_EXPECT_RESPONSE:
        control_emit_problem(cc, CONTROL_PROBLEM_LOST,
                             "The control server did not answer the handshake in %d s.",
                             CONTROL_HANDSHAKE_TIMEOUT_MS / 1000);
        control_retry_later(cc);
        break;
    default: /* BACKOFF */
        connect(cc);
        break;
    }
}

static void tick_online(struct control_client *cc)
{
    uint64_t now_ms = cc->now_ms;

    if (cc->register_at <= now_ms)
        control_session_register(cc);
    if (cc->state == CONTROL_ONLINE && cc->try_at <= now_ms)
        control_session_try_map(cc);
    if (cc->state == CONTROL_ONLINE && cc->warning_deadline <= now_ms)
        control_expiry_warn(cc);
    if (cc->state == CONTROL_ONLINE && cc->expiry_deadline <= now_ms)
        control_expiry_reached(cc);
    if (cc->state != CONTROL_ONLINE)
        return;
    if (cc->ping_deadline <= now_ms || cc->map_deadline <= now_ms ||
        cc->register_deadline <= now_ms) {
        control_emit_problem(cc, CONTROL_PROBLEM_LOST,
                             "The control server has not answered for too long; connecting anew.");
        control_retry_later(cc);
    } else if (ping_at(cc) <= now_ms) {
        expect_pong(cc, CONTROL_PING_TIMEOUT_MS);
    }
}

void control_client_tick(struct control_client *cc, uint64_t now_ms)
{
    uint64_t due = control_client_next_deadline(cc);

    cc->now_ms = now_ms;
    if (due > now_ms)
        return;
    if (cc->logout_deadline <= now_ms) {
        control_finish_logout(cc);
        return;
    }
    if (now_ms - due > CONTROL_LATE_MS && !cc->graced)
        forgive_sleep(cc);
    if (cc->state_deadline <= now_ms)
        state_timed_out(cc);
    else if (cc->state == CONTROL_ONLINE)
        tick_online(cc);
}
