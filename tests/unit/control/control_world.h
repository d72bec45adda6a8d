/*
 * A control client and a scripted server back to back, in virtual time. Everything the client asks
 * for happens at once unless a test says otherwise; events are kept in order for the test to see.
 */
#ifndef CONTROL_WORLD_H
#define CONTROL_WORLD_H

#include "control/control_client.h"
#include "control_server.h"

enum { WORLD_MAX_EVENTS = 256 };

#define WORLD_HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
/* A map response's beginning: our own node; more members may be given. */
#define SELF(more)                                                                         \
    "{\"Node\":{\"ID\":1,\"Key\":\"nodekey:" WORLD_HEX "\",\"Name\":\"me.tail.example.\"," \
    "\"MachineAuthorized\":true" more "}"
#define MAP                                                    \
    SELF("")                                                   \
    ",\"Peers\":[{\"ID\":2,\"Key\":\"nodekey:" WORLD_HEX "\"," \
    "\"Name\":\"web.tail.example.\",\"Addresses\":[\"100.64.0.2/32\"]}]}"
#define REGISTER "/machine/register"
#define MAP_PATH "/machine/map"
#define LITE "\"OmitPeers\":true"
#define STREAM "\"Stream\":true"

struct world_event {
    enum control_event_type type;
    enum control_problem problem;
    bool retried;
    uint32_t changed;
    char text[2100];
    struct node_private key;
};

struct world {
    struct control_client *cc;
    struct control_server server;
    uint64_t now_ms;
    size_t piece;           /* bytes per input; 0: as they come */
    bool deaf;              /* connections do not open, keys are not answered */
    int refuse;             /* so many of the next connections fail before they open */
    bool key_fails;
    bool connected;
    struct world_event events[WORLD_MAX_EVENTS];
    size_t event_count, seen;
};

/* The config's machine and node key are made; NULL strings are "". */
void world_init(struct world *w, struct control_config *config);
void world_free(struct world *w);

/* Carries bytes both ways and answers GET_KEY and CONNECT until nothing moves. */
void world_run(struct world *w);
/* Lets time pass, ticking at each deadline on the way. */
void world_sleep(struct world *w, uint64_t ms);
/* The same in one jump: no ticks on the way. */
void world_jump(struct world *w, uint64_t ms);
/* The server's end closes. */
void world_close(struct world *w, int code);

/* The next event not yet seen, of any type but SEND; NULL if there is none. */
struct world_event *world_next(struct world *w);
/* True, and the events up to it are seen, if one of this type is among those not yet seen. */
struct world_event *world_expect(struct world *w, enum control_event_type type);
/* The same for a problem, which says whether NEED_LOGIN follows. */
bool world_problem(struct world *w, enum control_problem problem);
size_t world_count(const struct world *w, enum control_event_type type);

/* The n-th request to path with part in its body; without it the program ends. */
struct server_request *world_find(struct world *w, const char *path, const char *part, size_t n);

/* Up to the pending register; then its answer and that of the first lite request; then the n-th map
 * stream's first response, MAP; or all three. */
void world_start(struct world *w, const char *auth_key, size_t piece);
void world_accept(struct world *w);
struct server_request *world_open_map(struct world *w, size_t n);
struct server_request *world_join(struct world *w, const char *auth_key, size_t piece);

/* Time passes with a keep-alive at the end of every minute. */
void world_keep_alive(struct world *w, struct server_request *map, int minutes);

#endif
