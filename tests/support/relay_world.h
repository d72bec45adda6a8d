/*
 * Magicsocks and relays in one virtual network: sockets with latency, cut into pieces of any size,
 * that open, fail, go silent and close; a clock that jumps from one thing due to the next.
 *
 *   node 0 .. 7 --[socket to region 1 .. 4, latency_ms each way]-- relay of that region
 */
#ifndef SUPPORT_RELAY_WORLD_H
#define SUPPORT_RELAY_WORLD_H

#include "magicsock/magicsock.h"
#include "support/relay.h"

enum { WORLD_NODES = 8, WORLD_REGIONS = 4, WORLD_URL = 64 };

enum world_state { LINK_UP, LINK_REFUSED, LINK_SILENT };

struct world_socket {
    unsigned generation; /* of the newest socket to this region; older news is dropped */
    bool open;
    int conn;
};

struct relay_world;

struct world_node {
    struct relay_world *world;
    int index;
    bool used, hidden; /* hidden: in nobody's netmap */
    struct magicsock *ms;
    struct node_private key;
    struct node_public public_key;
    struct disco_private disco;
    struct disco_public disco_public;
    int home_told; /* what the netmap says */
    struct world_socket sockets[WORLD_REGIONS + 1];

    /* What the magicsock said. */
    unsigned ups[WORLD_REGIONS + 1], downs[WORLD_REGIONS + 1], connects[WORLD_REGIONS + 1];
    unsigned closes[WORLD_REGIONS + 1], probes[WORLD_REGIONS + 1];
    unsigned homes, gones, pongs, packets;
    int home, pong_ms;
    struct node_public last_from;
    char reason[256];
    uint8_t first[1], last[2048];
    size_t last_len;
};

enum world_item_type {
    ITEM_OPENED,
    ITEM_CLOSED,
    ITEM_INPUT,
    ITEM_TO_RELAY,
    ITEM_GONE,
    ITEM_PROBED
};

struct world_item {
    struct world_item *next;
    enum world_item_type type;
    uint64_t at_ms;
    int node, region, value;
    unsigned generation;
    size_t len;
    uint8_t *data;
};

struct relay_world {
    uint64_t now_ms;
    struct relay relays[WORLD_REGIONS + 1]; /* by region id, from 1 */
    enum world_state links[WORLD_REGIONS + 1];
    uint64_t latency_ms[WORLD_REGIONS + 1];
    uint64_t cold_ms[WORLD_REGIONS + 1]; /* what a node's first probe takes longer */
    size_t piece; /* largest message from a relay; 0: random sizes up to 5000 */
    struct world_node nodes[WORLD_NODES];
    struct world_item *items; /* by time, then by order */
    void (*on_datagram)(struct world_node *n, const struct magicsock_event *ev);
    uint64_t (*extra_deadline)(struct relay_world *w);
    void (*extra_tick)(struct relay_world *w);
};

void relay_world_init(struct relay_world *w);
struct world_node *relay_world_add_node(struct relay_world *w);

/* Gives n the regions of `ids` (0 ends the list). */
void relay_world_regions(struct world_node *n, const int *ids, int hint, bool probeable);

/* Takes what a relay wrote and puts it on the wire, cut into pieces. */
void relay_world_flush_relay(struct relay_world *w, int region);

/* Cuts n's connection to a region; both ends see it at once. */
void relay_world_cut(struct world_node *n, int region);
void relay_world_connect(struct world_node *n, int region);
void relay_world_event(struct world_node *n, const struct magicsock_event *ev);
void relay_world_drain(struct world_node *n);
void relay_world_drain_all(struct relay_world *w);

/* Runs until a moment; ticks are punctual. */
void relay_world_run(struct relay_world *w, uint64_t duration_ms);
bool relay_world_send(struct world_node *n, const struct node_public *to, const uint8_t *src,
                      size_t len);
void relay_world_free(struct relay_world *w);

#endif
