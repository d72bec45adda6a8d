/*
 * What the files of magicsock/ share.
 *
 *   magicsock.c         the object, events out, datagrams in and out
 *   magicsock_region.c  one region's socket: connect, lose, back off, idle
 *   magicsock_home.c    the DERP map, probes, the choice of the home region
 *   magicsock_path.c    by which region a node was last heard
 *   magicsock_disco.c   disco messages: their pings, ours, the rest counted
 */
#ifndef MAGICSOCK_MAGICSOCK_INTERNAL_H
#define MAGICSOCK_MAGICSOCK_INTERNAL_H

#include "disco/disco.h"
#include "magicsock/magicsock_region.h"

enum {
    PROBE_ROUND_MS = 3 * 1000,  /* results after this do not decide */
    PROBES = 2, /* a round and region: the first also opens the connection, the better counts */
    PROBE_AGAIN_MS = 5 * 60 * 1000,
    PROBE_LEAST_MS = 30 * 1000, /* rebinds and failures probe no more often */
    HOME_MARGIN_MS = 10,        /* nearer by less is not worth a move */
    HOME_MAX_FAILURES = 3,      /* in a row; then another region may become home */
    PATH_SETS = 64,
    PATH_WAYS = 4,
    PATH_CHECK_MS = 1000, /* how often the netmap is asked whether a node has moved home */
    PING_COUNT = 32,
    PING_MAX_AGE_MS = 60 * 1000,
};

/* By which region a node last wrote, and where the netmap said it lived then. */
struct ms_path {
    struct node_public node;
    struct ms_region *region; /* NULL: free */
    int home_seen;
    uint64_t used_ms, checked_ms;
};

struct ms_ping {
    uint8_t tx_id[DISCO_TX_ID_LEN];
    struct node_public to;
    struct ms_region *region; /* NULL: free */
    uint64_t sent_ms;
};

struct magicsock {
    struct magicsock_config config;
    struct ms_region *regions[MAGICSOCK_MAX_REGIONS];
    size_t region_count;
    struct ms_region *home;

    int doomed[MAGICSOCK_MAX_REGIONS]; /* ids of removed regions whose sockets are to close */
    size_t doomed_count;
    bool home_due;
    bool eager;

    struct ms_region *reserved; /* whose room was handed out */
    struct ms_held *reserved_held; /* where, if not in its derp_client */
    size_t reserved_len;

    bool round_on, settled, hinted;
    uint64_t round_ms; /* its start; also of the last one */
    uint64_t next_round_ms;
    int candidate; /* the region that won the last round by enough, 0 none */

    struct ms_path paths[PATH_SETS][PATH_WAYS];
    struct ms_ping pings[PING_COUNT];
    struct magicsock_stats stats;
};

/* magicsock_home.c */
void ms_home_start_round(struct magicsock *ms, uint64_t now_ms);
void ms_home_failing(struct magicsock *ms, uint64_t now_ms);
uint64_t ms_home_next_deadline(const struct magicsock *ms);
void ms_home_tick(struct magicsock *ms, uint64_t now_ms);

/* magicsock_path.c */
/* The region by which to is reached, NULL without any. */
struct ms_region *ms_path_route(struct magicsock *ms, const struct node_public *to,
                                uint64_t now_ms);
void ms_path_learn(struct magicsock *ms, const struct node_public *from, struct ms_region *r,
                   uint64_t now_ms);
void ms_path_forget(struct magicsock *ms, const struct node_public *node,
                    const struct ms_region *r);
void ms_path_forget_region(struct magicsock *ms, const struct ms_region *r);

/* magicsock_disco.c */
/* One disco datagram that came by r: true if *ev is to be handed out. */
bool ms_disco_receive(struct magicsock *ms, struct ms_region *r, const struct derp_event *packet,
                      struct magicsock_event *ev, uint64_t now_ms);
/* True if a ping of ours to that node by r was open; it is no longer. */
bool ms_disco_ping_gone(struct magicsock *ms, const struct node_public *node,
                        const struct ms_region *r);
void ms_disco_forget_region(struct magicsock *ms, const struct ms_region *r);

#endif
