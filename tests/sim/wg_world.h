/*
 * WireGuard devices that know each other, on a simulated network. Node i owns 100.64.0.(i + 1) and
 * fd7a:115c:a1e0::(i + 1); its packets carry a number, so that the far end can tell what came,
 * how often, and that it came whole.
 */
#ifndef WG_WORLD_H
#define WG_WORLD_H

#include "base/err.h"
#include "base/host.h"
#include "sim/sim.h"
#include "wg/device_internal.h"

enum { WORLD_NODES = 4, WORLD_NUMBERS = 65536, WORLD_MAX_DATAGRAM = 2048 };

struct world_node {
    struct world *world;
    int id;
    struct node_private private_key;
    struct node_public public_key;
    struct wg_device *dev; /* NULL: switched off */
    uint64_t knows_from_ms[WORLD_NODES]; /* when its netmap has the other */
    bool moved; /* the netmaps say that it has other addresses than it uses */
    uint8_t slot[WORLD_MAX_DATAGRAM];
    int slot_to;
    bool sink_closed; /* reserve says NULL */
    /* Drops superseded keypairs at once, as other implementations do. */
    bool forgetful;
    uint64_t sent_to[WORLD_NODES], received_from[WORLD_NODES], duplicates, garbled;
    uint64_t last_received_ms;
    uint8_t seen[WORLD_NODES][WORLD_NUMBERS];
};

struct world {
    struct sim net;
    int count;
    uint64_t now_ms;
    struct world_node node[WORLD_NODES];
    uint64_t messages[5]; /* sent, by type */
    /* Sees each datagram as it leaves; false loses it. May change it. */
    bool (*tap)(struct world *w, int from, int to, uint8_t *data, size_t len);
    /* The last datagram of each type that left each node, before the tap. */
    uint8_t last[WORLD_NODES][5][WORLD_MAX_DATAGRAM];
    size_t last_len[WORLD_NODES][5];
};

/* count devices that know each other from the start. The world is too large for the stack. */
struct world *world_new(int count, uint64_t seed, struct sim_path path);
void world_free(struct world *w);

/* Frees node i's device and makes it anew with the same key, as a restarted program would. */
void world_restart(struct world *w, int i, uint64_t last_timestamp_ms);
void world_stop(struct world *w, int i);

/* One IP packet of `len` bytes (at least 60), IPv4 or IPv6, with that number. The result is
 * wg_device_send's. */
int world_send(struct world *w, int from, int to, unsigned number, size_t len, bool v6);

/* Initiations of i to anyone whose answer is still accepted, and keypairs that are retired. */
size_t world_waiting(const struct world *w, int i);
size_t world_retired(const struct world *w, int i);

/* Lets time pass until then, or until node `to` received a packet from `from` (true). */
void world_run(struct world *w, uint64_t until_ms);
bool world_run_until_received(struct world *w, int from, int to, uint64_t until_ms);

bool world_session(const struct world *w, int from, int to);
uint64_t world_drops(const struct world *w, int i, enum wg_drop why);

#endif
