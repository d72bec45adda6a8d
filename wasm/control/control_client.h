/*
 * The control plane: key, Noise, HTTP/2, register, map stream. It asks for a connection
 * (CONTROL_EVENT_CONNECT) and is told what happened; reconnects with backoff and jitter by itself.
 *
 *   key > connect(ts2021) > register > [lite map] + streaming map > deltas …
 *
 * Tailscale: control/controlclient/direct.go, control/controlbase,
 * control/controlhttp/client_js.go.
 */
#ifndef CONTROL_CONTROL_CLIENT_H
#define CONTROL_CONTROL_CLIENT_H

#include "base/bytes.h"
#include "control/netmap.h"

/* The one capability version: /key?v=, prologue, initiation, register, map. Headscale 0.29.3
 * wants >= 113. */
#define CONTROL_CAPABILITY_VERSION 113

struct control_config {
    struct machine_private machine_key;
    struct node_private node_key;
    struct node_public node_public; /* of node_key */
    struct disco_public disco_key;
    const char *hostname; /* what we would like to be called */
    const char *auth_key; /* "" = interactive */
    bool ephemeral; /* RegisterRequest.Ephemeral */
    bool have_server_key; /* else CONTROL_EVENT_GET_KEY comes first */
    struct machine_public server_key;
    int preferred_derp; /* of last time, 0 unknown */
    const char *authority; /* Host of the HTTP/2 requests; NULL or "" = "control" */
    const char *url; /* the server's, for sentences; NULL or "" = "What answers there" */
    bool no_speculative_map; /* do not ask for the map while register is pending */
    bool known_node; /* this node key was registered before: the first such try at once */
};

enum control_event_type {
    CONTROL_EVENT_NONE = 0,
    CONTROL_EVENT_GET_KEY, /* text: path and query, "/key?v=113": GET it */
    CONTROL_EVENT_CONNECT, /* text: path and query, "/ts2021?X-Tailscale-Handshake=…": open a
                                WebSocket, subprotocol "tailscale-control-protocol" */
    CONTROL_EVENT_CLOSE, /* close the socket */
    CONTROL_EVENT_SEND, /* data: one message for the socket, <= 32,768 bytes */
    CONTROL_EVENT_REGISTERED, /* the server accepted us: open DERP now */
    CONTROL_EVENT_AUTH_URL, /* text: http(s) URL a person must visit; we wait. "": no more, and the
                                node is joined as before */
    CONTROL_EVENT_NETMAP, /* changed: enum netmap_change bits */
    CONTROL_EVENT_NEED_MACHINE_AUTH, /* registered, but an admin must approve the machine */
    CONTROL_EVENT_NEED_LOGIN, /* key refused, expired or logged out: needs a new key or login();
                                comes after its CONTROL_EVENT_PROBLEM */
    CONTROL_EVENT_NEW_NODE_KEY, /* key: it is registered in place of the node key: use it now */
    CONTROL_EVENT_PROBLEM, /* problem, text: one sentence a person can act on; retried by itself
                                unless NEED_LOGIN follows */
    CONTROL_EVENT_LOGGED_OUT, /* the server confirmed logout (or 2 s passed) */
};

enum control_problem {
    CONTROL_PROBLEM_UNREACHABLE = 1, /* socket failed before it opened; /key failed */
    CONTROL_PROBLEM_TS2021_REFUSED, /* the WebSocket was answered by an HTTP status (405 …) */
    CONTROL_PROBLEM_SERVER_KEY, /* closed before the Noise response: wrong controlKey */
    CONTROL_PROBLEM_VERSION, /* unsupported client version, either way */
    CONTROL_PROBLEM_AUTH_KEY_INVALID,
    CONTROL_PROBLEM_AUTH_KEY_EXPIRED,
    CONTROL_PROBLEM_AUTH_KEY_USED,
    CONTROL_PROBLEM_NODE_GONE, /* 404: the node was deleted */
    CONTROL_PROBLEM_KEY_EXPIRED, /* our node key expired */
    CONTROL_PROBLEM_KEY_EXPIRING, /* it will: a day, an hour and five minutes before */
    CONTROL_PROBLEM_REFUSED, /* register error in other words; text has them */
    CONTROL_PROBLEM_PROTOCOL, /* the server sent something that we do not understand */
    CONTROL_PROBLEM_LOST, /* the connection went away; coming back */
    CONTROL_PROBLEM_RATE, /* the server asks to slow down */
    CONTROL_PROBLEM_NOMEM,
};

struct control_event {
    enum control_event_type type;
    struct bytes text, data; /* valid until the next call on cc */
    uint32_t changed;
    struct node_private key;
    enum control_problem problem;
    bool retried; /* of a problem: the client tries again by itself; else NEED_LOGIN follows */
};

struct control_client;

/* Copies the config. NULL when out of memory. Nothing happens before control_client_start. */
struct control_client *control_client_new(const struct control_config *config);
void control_client_free(struct control_client *cc); /* wipes */

void control_client_start(struct control_client *cc, uint64_t now_ms);

/* The answer to GET_KEY: HTTP status (0: could not be fetched) and body. */
void control_client_key_response(struct control_client *cc, int status, const uint8_t *body,
                                 size_t len, uint64_t now_ms);

/* What became of the socket of the last CONNECT; after CLOSE nothing of it may be reported.
 * closed: code is the WebSocket close code (1006 without one); what came in before was drained. */
void control_client_opened(struct control_client *cc, uint64_t now_ms);
void control_client_closed(struct control_client *cc, int code, const char *reason, size_t len,
                           uint64_t now_ms);
void control_client_input(struct control_client *cc, const uint8_t *data, size_t len,
                          uint64_t now_ms);

/* 1 and *ev, or 0 when drained. */
int control_client_next(struct control_client *cc, struct control_event *ev, uint64_t now_ms);

/* Our home region changed: goes out with the next lite MapRequest. */
void control_client_set_home_derp(struct control_client *cc, int region, uint64_t now_ms);

/* A new auth key, or "" to begin an interactive login; leaves NEED_LOGIN. Of a node whose key expires
 * soon it renews that: an auth key that does not has the one before it in its place again. Of any other
 * that is registered it keeps the auth key for later. Nothing happens while it is being logged out. */
void control_client_login(struct control_client *cc, const char *auth_key, uint64_t now_ms);
/* Whether KEY_EXPIRING was told; and whether it has run out, and NEED_LOGIN was told. Maps come all the
 * same, and with them its end if an admin gives it more time. */
bool control_client_expires_soon(const struct control_client *cc);
bool control_client_expired(const struct control_client *cc);
/* RegisterRequest with an expiry in the past, then LOGGED_OUT. */
void control_client_logout(struct control_client *cc, uint64_t now_ms);

/* The network came back or the machine slept: ping the connection, retry at once if it is down. */
void control_client_rebind(struct control_client *cc, uint64_t now_ms);

/* Something else was found dead: is the connection alive? */
void control_client_check(struct control_client *cc, uint64_t now_ms);

/* Peers do not answer: are we still known? A server says nothing to a node that it has deleted. */
void control_client_verify(struct control_client *cc, uint64_t now_ms);

struct control_status {
    bool connected; /* maps come */
    bool connecting; /* on its way, or waiting for the next attempt */
    bool lost; /* there was a failure since it was connected last: */
    uint64_t lost_ms; /* since then, */
    uint64_t retry_ms; /* the next attempt; 0: it is under way */
    int64_t
        key_expiry_wall_ms; /* of our node key, if KEY_EXPIRING was told and it is so still; else 0 */
};
void control_client_status(const struct control_client *cc, struct control_status *out);

/* Owned by cc, changes only inside control_client_next. */
struct netmap *control_client_netmap(struct control_client *cc);

uint64_t control_client_next_deadline(const struct control_client *cc);
void control_client_tick(struct control_client *cc, uint64_t now_ms);

#endif
