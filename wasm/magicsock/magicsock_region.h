/*
 * One region: its connection to a relay, and what waits for it (magicsock_region.c).
 *
 *   IDLE --wanted--> CONNECTING --opened--> OPEN --lost--> WAITING --time--> CONNECTING
 *     ^------------------------ 60 s unused ----------------'
 */
#ifndef MAGICSOCK_MAGICSOCK_REGION_H
#define MAGICSOCK_MAGICSOCK_REGION_H

#include "derp/derp_client.h"
#include "magicsock/magicsock.h"

enum {
    /* What began in a dead network is given up, and what waits tried again, within 10 s of its return. */
    CONNECT_TIMEOUT_MS = 7 * 1000,
    BACKOFF_MIN_MS = 100,
    BACKOFF_MAX_MS = 5 * 1000,
    STABLE_MS = 10 * 1000, /* up this long: the next loss starts at BACKOFF_MIN_MS */
    IDLE_MS = 60 * 1000, /* a region that is not home closes after this */
    HELD_COUNT = 16, /* datagrams kept while a region opens */
    HELD_CAP = 1408,
    HELD_MAX_AGE_MS = 10 * 1000,
    INITIATION_LEN = 148, /* WireGuard's; no other of its messages is that long */
    REASON_CAP = 240,
};

enum ms_region_state { REGION_IDLE, REGION_WAITING, REGION_CONNECTING, REGION_OPEN };

/* A datagram kept until its region is open. Of a node's initiations only the newest is: it is sent
 * again every 100 ms, and only the answer to the last ones is understood. */
struct ms_held {
    struct node_public to;
    uint64_t at_ms;
    size_t len; /* 0: free */
    uint8_t data[HELD_CAP];
};

struct ms_region {
    struct magicsock_region config;
    enum ms_region_state state;
    struct derp_client *dc; /* from the first connect on */
    struct ms_held *held; /* HELD_COUNT of them, or NULL */
    uint64_t since_ms; /* of CONNECTING, or since when READY */
    uint64_t down_ms; /* when it was lost or first failed, while failing */
    uint64_t retry_ms, used_ms;
    uint32_t backoff_ms;
    unsigned failures; /* in a row, without being up */
    bool failing; /* lost, or never reached; until it is up, or of no use any more */

    /* Events not yet handed out. */
    bool close_due, down_due, connect_due, probe_due;
    char reason[REASON_CAP];

    bool has_input;
    int probes_left; /* results still awaited in this round */
    int round_ms; /* this round's best result, -1 none */
    int probed_ms; /* that of the last round that had one, -1 none */
};

struct magicsock;

/* NULL if ms has no region of that id. */
struct ms_region *ms_region_find(const struct magicsock *ms, int id);
/* NULL when out of memory. */
struct ms_region *ms_region_new(const struct magicsock_region *config);
/* Frees r; its socket's CLOSE stays due. r is no longer in ms->regions. */
void ms_region_remove(struct magicsock *ms, struct ms_region *r);
/* Sees to it that r is up or on its way there. */
void ms_region_use(struct magicsock *ms, struct ms_region *r, uint64_t now_ms);
void ms_region_connect(struct magicsock *ms, struct ms_region *r, uint64_t now_ms);
/* Closes r's socket if it has one and forgets all that came by it. */
void ms_region_drop(struct magicsock *ms, struct ms_region *r);
/* r's connection failed for a reason in words; retried after a while. */
void ms_region_fail(struct magicsock *ms, struct ms_region *r, const char *reason, uint64_t now_ms);
void ms_region_up(struct magicsock *ms, struct ms_region *r, uint64_t now_ms);
void ms_region_flush_held(struct magicsock *ms, struct ms_region *r, uint64_t now_ms);
struct ms_held *ms_region_hold(struct ms_region *r, const struct node_public *to, size_t len,
                               uint64_t now_ms);
uint64_t ms_region_next_deadline(const struct magicsock *ms, const struct ms_region *r);
void ms_region_tick(struct magicsock *ms, struct ms_region *r, uint64_t now_ms);

#endif
