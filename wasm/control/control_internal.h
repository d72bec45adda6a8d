/* The control client's insides, shared by its files. */
#ifndef CONTROL_CONTROL_INTERNAL_H
#define CONTROL_CONTROL_INTERNAL_H

#include "control/control_client.h"
#include "control/control_h2.h"
#include "control/control_limits.h"
#include "control/control_map.h"
#include "control/control_noise.h"
#include "control/netmap_delta.h"
#include "control/tailcfg.h"

enum control_state {
    CONTROL_IDLE = 0, /* not started, or a person must act */
    CONTROL_EXPECT_KEY,
    CONTROL_EXPECT_OPEN,
    CONTROL_EXPECT_RESPONSE,
    CONTROL_ONLINE,
    CONTROL_BACKOFF,
    CONTROL_LOGGED_OUT,
};

/* One request of each kind at a time. */
enum control_stream_kind {
    CONTROL_STREAM_REGISTER = 0,
    CONTROL_STREAM_LITE,
    CONTROL_STREAM_TRY, /* a speculative map; becomes MAP */
    CONTROL_STREAM_MAP,
    CONTROL_STREAM_LOGOUT,
    CONTROL_STREAM_KINDS,
};

struct control_stream {
    int32_t id; /* 0: none */
    int status, retry_after_s;
    bool ended, complete; /* complete: in order */
    bool speculative; /* a map asked for before register was answered */
    struct buf body; /* not a map's, unless its status is an error */
};

/* What came of the answer's body, "" if nothing did. */
static inline struct bytes control_stream_body(const struct control_stream *s)
{
    if (s->body.len == 0)
        return (struct bytes){(const uint8_t *)"", 0};
    return (struct bytes){s->body.data + s->body.head, s->body.len};
}

struct control_queued {
    enum control_event_type type;
    enum control_problem problem;
    uint32_t changed;
    char *text; /* owned, or NULL */
    struct node_private key;
};

struct control_client {
    struct control_config config; /* its strings are the four below */
    char *hostname, *auth_key, *authority, *url;
    char *kept_auth_key; /* that before login()'s, until that has renewed the node key; or NULL */
    struct machine_public server_key;
    bool have_server_key; /* configured or fetched */
    bool key_fresh; /* fetched for this very attempt */
    struct node_public node_public;
    struct node_private next_node_key; /* while renewing: it is the node's once it is registered */
    struct node_public next_public;

    enum control_state state;
    uint64_t state_deadline; /* of EXPECT_*, and the end of BACKOFF */
    unsigned failures; /* in a row */
    uint64_t earliest_retry, attempt_ms, lost_ms; /* as the server asked; begun; lost since */

    struct control_noise noise;
    struct control_h2 *h2;
    struct buf in, plain_out, out;
    uint64_t last_rx, ping_deadline;

    struct control_stream streams[CONTROL_STREAM_KINDS];
    char auth_url[TAILCFG_MAX_URL + 1]; /* a person is asked to go there; "" = no */
    bool registered, logging_out, lite_again;
    bool greet; /* just registered: the map requests are due */
    bool expired; /* our node key, and a login must renew it; its map goes on */
    bool expired_early; /* the map says so, but register may still renew the key */
    bool rejoined; /* registered again after a 404; until a map comes */
    bool renewing; /* a new node key is on its way to being registered; with registered: the old
                      one is good still, and so is the map */
    bool renew_wanted; /* that is to begin once there is a connection */
    uint64_t renewed_ms; /* when one was registered last; 0: never */
    bool lite_due; /* the map stream is alive: is the node, too? */
    uint64_t lite_ms; /* when that was asked last */
    unsigned refusals;
    uint64_t register_deadline, register_at, logout_deadline;
    unsigned tries;
    uint64_t try_at;

    struct control_map map;
    struct netmap netmap;
    bool map_begun; /* a Node came on this stream */
    unsigned map_frames;
    uint64_t map_since, map_deadline, expiry_deadline, warning_deadline;
    unsigned warned; /* how many warnings of the expiry were given */
    int map_error;
    int64_t control_ahead_ms; /* the server's clock minus ours */

    struct control_queued events[CONTROL_MAX_EVENTS];
    size_t event_at, event_count;
    char *event_text; /* of the event that was returned last */
    bool nomem, graced, lost; /* a sleep was forgiven and nothing came since; no map since a loss */
    uint64_t now_ms;
};

/* control_event.c */
void control_emit(struct control_client *cc, enum control_event_type type, const char *text);
void control_emit_netmap(struct control_client *cc, uint32_t changed);
void control_emit_node_key(struct control_client *cc);
/* format and what follows as in printf; the sentence is cut at CONTROL_MAX_SENTENCE. */
void control_emit_problem(struct control_client *cc, enum control_problem problem,
                          const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Moves the oldest event to *ev; false if there is none. */
bool control_take_event(struct control_client *cc, struct control_event *ev);
void control_drop_events(struct control_client *cc);

/* control_client.c */
/* The connection is of no more use: CLOSE if it may be open, and forget all of it. */
void control_disconnect(struct control_client *cc);
/* disconnect, then try again after the backoff. The caller has emitted the problem. */
void control_retry_later(struct control_client *cc);
/* disconnect, then NEED_LOGIN: a person must act. The caller has emitted the problem. */
void control_need_login(struct control_client *cc);
void control_finish_logout(struct control_client *cc);

/* control_transport.c */
/* Opens one record: one at a time, so that each map reaches the driver before the next. */
void control_transport_input(struct control_client *cc);
/* The next message, of as many records as fit; false if there is nothing to send. */
bool control_transport_output(struct control_client *cc, struct control_event *ev);

/* control_failure.c: a problem each, and the server's key is asked for anew where it may have changed.
 * An answer to /key that is none, which is retried; a WebSocket that did not open; one that was closed
 * before it spoke: a server that cannot open our initiation does that without a reason. */
void control_key_failed(struct control_client *cc, int status, const uint8_t *body, size_t len);
void control_never_opened(struct control_client *cc);
void control_closed_in_handshake(struct control_client *cc, int code, const char *words);

#endif
