/*
 * Two stacks and the link between them in virtual time. Each side has its own copy of the module;
 * the driver is the ideal one: tick at the deadline, flush after each batch.
 *
 *   side 0 (client, 100.64.0.1, fd7a::1) --- delay, loss, reordering, duplicates --- side 1 (server)
 */
#ifndef SIM_NETSTACK_WORLD_H
#define SIM_NETSTACK_WORLD_H

#include "sim/netstack/endpoint.h"

enum { WORLD_PORT = 22, PACKET_MAX = 1500 };

/* A relay with a short queue, as a DERP server's: what overflows is dropped. */
enum queue_drop { DROP_TAIL, DROP_HEAD };

struct link {
    unsigned delay_ms;       /* one way */
    unsigned jitter_ms;      /* added at random: reorders */
    unsigned loss, dup;      /* of 1000 packets */
    unsigned rate;           /* bytes a millisecond, each way; 0: no bottleneck */
    unsigned queue;          /* packets that wait for it */
    enum queue_drop queue_drop;
    /* Drops what it returns true for, after loss; may be NULL. */
    bool (*drop)(int from, const uint8_t *packet, size_t len);
};

struct world {
    const struct endpoint *side[2];
    struct link link;
    uint64_t now_ms;
    uint64_t late_ms;        /* how much later than its deadline a tick comes */
    unsigned ticks[2];       /* ticks so far: wake-ups */
    unsigned packets[2];     /* packets sent so far */
    unsigned overflows[2];   /* of them dropped by the queue */
    unsigned forgotten; /* moments at which a side waits for a timer that it does not ask for */
};

extern struct world world;
extern const struct ipaddr world_addr4[2], world_addr6[2];

/* Loads the two modules, once per process; false with a message if that fails. */
bool world_load(const char *path_a, const char *path_b);

/* Fresh stacks, an empty link; side 1 listens on WORLD_PORT. */
void world_start(const struct link *link, unsigned seed);
void world_stop(void);

/* Delivers everything due and moves on to the next moment at which anything happens, but not past
 * until_ms. False once until_ms is reached. */
bool world_step(uint64_t until_ms);
void world_flush(void);

unsigned world_random(unsigned below);

#endif
