/*
 * The whole engine in virtual time, with all that surrounds a page: a control server, a relay, and
 * a far node with a WireGuard device and a TCP/IP stack of its own (netstack/endpoint.h).
 *
 *   [page: this file] -- struct ipn --socket 1------ control_server (script.c)
 *                              \-----socket 1001--- relay ---- far node (far.c)
 *
 * Sockets keep order and have latency; what they carry is cut into pieces of any size. Datagrams
 * between the relay and the far node are lost, duplicated and delayed, each by its own time.
 */
#ifndef SIM_ENGINE_WORLD_H
#define SIM_ENGINE_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "include/ipn.h"
#include "sim/engine/far_ssh.h"
#include "sim/netstack/endpoint.h"
#include "support/relay.h"
#include "unit/control/control_server.h"

enum { WORLD_CONTROL, WORLD_RELAY, WORLD_FAR, WORLD_SOCKETS }; /* FAR: the far node's own */
enum { WORLD_PORT = 22, WORLD_MAX_STREAMS = 1100, WORLD_MAX_STATES = 32, WORLD_MAX_CONNS = 1100 };

enum link_state { LINK_UP, LINK_REFUSED, LINK_SILENT };

/* What the far node does with a connection that comes in. */
enum far_mode {
    FAR_ECHO,
    FAR_SILENT,
    FAR_CLOSE,
    FAR_RESET,
    FAR_GARBAGE,
    FAR_BANNER_GARBAGE,
    FAR_FLOOD, /* writes world_pattern without an end */
    FAR_SINK,  /* takes everything, says nothing */
    FAR_SSH    /* far_ssh.h */
};

/* What the control server makes of a registration. */
enum script_mode {
    SCRIPT_ACCEPT,
    SCRIPT_INVALID_KEY,
    SCRIPT_LOGIN,
    SCRIPT_UNAUTHORIZED,
    SCRIPT_NEW_KEY,
    SCRIPT_DEAF
};

struct world_item {
    struct world_item *next;
    uint64_t at_ms;
    void (*happen)(struct world_item *it);
    int socket;
    unsigned generation;
    int32_t value;
    size_t len;
    uint8_t data[];
};

struct world_socket {
    unsigned generation; /* news of an older socket is dropped */
    bool wanted, open;   /* wanted: asked for and not closed since */
    int conn;            /* of the relay */
    enum link_state link;
    char path[400];
};

/* What the page saw of one id, and what it wants to send. */
struct world_stream {
    uint32_t id;
    bool open, eof, done, ssh, blocked, shut_after, corrupt, no_credit;
    unsigned steps; /* bit n: step n was told */
    unsigned prompts, host_keys, exits;
    int exit_code, error_early; /* of the last EXIT, ERROR */
    char seen[200]; /* the beginning of an SSH id's output */
    unsigned opens, errors, progress, dones;
    char code[40];
    char text[200];
    char said[200]; /* the last PROGRESS */
    uint64_t to_send, sent, received;
};

struct far_conn {
    struct tcp_conn *tc;
    enum far_mode mode;
    bool stalled;
    uint64_t flooded; /* bytes written by FAR_FLOOD */
    struct far_ssh *ssh;
};

struct world {
    uint64_t now_ms;
    struct ipn *ipn;
    size_t piece;        /* largest message to the engine; 0: random */
    uint64_t latency_ms; /* of every socket, one way */
    struct world_socket sockets[WORLD_SOCKETS];
    struct world_item *items; /* by time, then by order */

    struct control_server control;
    enum script_mode script;
    size_t answered; /* requests seen so far on this connection */
    bool have_node;  /* registered: node_key is the engine's */
    struct node_public node_key;
    bool far_listed, far_online;
    int32_t map_stream; /* 0: none open */
    unsigned registers, logouts, maps;
    int page_id; /* of which its addresses are made */

    struct relay relay;
    const struct endpoint *stack;
    struct magicsock *far_ms;
    struct wg_device *far_wg;
    struct node_private far_key;
    struct node_public far_public;
    struct disco_private far_disco;
    struct far_conn conns[WORLD_MAX_CONNS];
    size_t conn_count;
    enum far_mode far_mode;
    unsigned loss, dup, jitter_ms; /* of 1000 datagrams */
    bool reject;                   /* the far node's packet filter: TSMP for every SYN */
    struct far_ssh_ways ssh_ways;
    bool no_answers; /* the page leaves questions unanswered */
    uint8_t *reserved;
    size_t reserved_len;

    /* What the page was told. */
    int states[WORLD_MAX_STATES];
    size_t state_count;
    struct world_stream streams[WORLD_MAX_STREAMS];
    size_t stream_count;
    unsigned netmaps, problems, browses, statuses, pongs, unknown_ids;
    int pong_code;
    char problem[40], problem_text[200];
    unsigned peers_told;
    char peers_json[3000]; /* of the last PEERS */
    bool logged_out, after_logout; /* an event came behind LOGGED_OUT */
    unsigned wakeups, busy;        /* busy: turns whose deadline did not move */
    unsigned forgotten;            /* sockets asked for again while still open */
    uint64_t polls;
};

/* True while a call into the engine is under way: its allocations are the ones that may fail. */
extern bool world_inside;
#define IPN_CALL(call) (world_inside = true, (call), world_inside = false)

/* One world at a time: hooks and items find it here. */
extern struct world *world;

/* The random source, the wall clock, the far stack; once per process. Prints the seed. */
void world_setup(void);
void world_reseed(uint64_t seed);

/* A fresh world, its engine made but not running: NULL config fields are chosen. */
void world_start(struct world *w, const char *auth_key, size_t piece);
void world_stop(struct world *w); /* frees the engine, if there is one */

/* Lets time pass; until: stops early once that holds (may be NULL). Returns whether it does. */
bool world_run(struct world *w, uint64_t ms, bool (*until)(const struct world *w));
void world_drain(struct world *w);
bool world_joined(const struct world *w);
/* run, and on until Running. */
bool world_join(struct world *w);

/* The page's calls, with their record. NULL: the engine refused, *err says how. */
struct world_stream *world_tcp(struct world *w, const char *host, uint16_t port, uint64_t to_send);
struct world_stream *world_ssh(struct world *w, const char *host, uint32_t timeout_ms);
/* fields: NAME=VALUE words with one space between, "host=far user=root" in front. */
struct world_stream *world_ssh_with(struct world *w, const char *fields);
void world_close_stream(struct world *w, struct world_stream *s);

/* Cuts a connection; both ends see it at once. */
void world_cut(struct world *w, int socket);

/* world.c for script.c and far.c */
struct world_item *world_later(uint64_t delay_ms, void (*happen)(struct world_item *it), int socket,
                               const void *data, size_t len);
void world_socket_open(int socket, const char *url, size_t len);
void world_socket_send(int socket, const void *data, size_t len);
void world_socket_forget(int socket);
void world_flush_server(int socket);
unsigned world_random(unsigned below);
void world_random_bytes(uint8_t *dst, size_t len);
uint8_t world_pattern(uint64_t at);

/* script.c */
void script_serve(struct world *w);
void script_send_map(struct world *w, const char *json); /* a delta, if the stream is open */
void script_remove_far(struct world *w);
void script_expire_self(struct world *w);
void script_expire_self_in(struct world *w, int seconds);
const char *script_peers(struct world *w);

/* far.c */
size_t far_open_conns(const struct world *w); /* TCP connections there now; conn_count: ever */
void far_drop_conns(struct world *w);         /* resets them all */
void far_rotate(struct world *w); /* another node key; its TCP connections live on */
void far_setup(void);
void far_start(struct world *w);
void far_stop(struct world *w);
void far_opened(struct world *w);
void far_input(struct world *w, uint8_t *data, size_t len);
void far_closed(struct world *w);
void far_drain(struct world *w);
uint64_t far_deadline(const struct world *w);
void far_tick(struct world *w);

#endif
