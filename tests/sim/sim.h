/*
 * A network in virtual time: datagrams between numbered ends, with seeded loss, duplication, delay
 * and the reordering that comes from it. Also the core's random source, so that a run is
 * repeatable: the seed is printed, SIM_SEED=n in the environment chooses it.
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_path {
    unsigned loss_permille, duplicate_permille;
    unsigned delay_min_ms, delay_max_ms; /* each datagram's own: unequal ones overtake */
};

struct sim_datagram {
    struct sim_datagram *next;
    uint64_t at_ms;
    int from, to;
    size_t len;
    uint8_t data[];
};

struct sim {
    uint64_t seed, random;
    struct sim_path path;
    struct sim_datagram *queue; /* by time */
    uint64_t sent, lost, delivered;
};

/* Takes the seed from the environment, else default_seed; prints it; calls host_init with a
 * source that is seeded with it, and sets the wall clock to 2026. */
void sim_init(struct sim *s, uint64_t default_seed);
void sim_wipe(struct sim *s);

uint64_t sim_random(struct sim *s);
static inline bool sim_chance(struct sim *s, unsigned permille)
{
    return sim_random(s) % 1000 < permille;
}

/* Puts a copy on the way, or loses it. */
void sim_send(struct sim *s, int from, int to, const uint8_t *data, size_t len, uint64_t now_ms);
/* As above, past the path's loss and delay. from -1: nobody knows. */
void sim_inject(struct sim *s, int from, int to, const uint8_t *data, size_t len, uint64_t at_ms);

/* When the next datagram arrives; NEVER if none is on the way. */
uint64_t sim_next_ms(const struct sim *s);
/* The next that arrived by now_ms, to be freed by the caller; NULL if there is none. */
struct sim_datagram *sim_receive(struct sim *s, uint64_t now_ms);

#endif
