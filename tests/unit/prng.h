/*
 * Pseudo-random numbers for tests: repeatable, the seed printed at the start and taken from the
 * environment variable TEST_SEED if it is set. Also a host whose random bytes come from there.
 */
#ifndef PRNG_H
#define PRNG_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/host.h"

static uint64_t prng_state;

static inline void prng_init(uint64_t seed)
{
    const char *given = getenv("TEST_SEED");

    prng_state = given ? strtoull(given, NULL, 0) : seed;
    printf("TEST_SEED=0x%llx\n", (unsigned long long)prng_state);
}

/* splitmix64 */
static inline uint64_t prng_next(void)
{
    uint64_t z = prng_state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0..bound - 1 */
static inline size_t prng_below(size_t bound)
{
    return (size_t)(prng_next() % bound);
}

static inline void prng_fill(uint8_t *dst, size_t len)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = (uint8_t)prng_next();
}

/* Makes host_random() repeatable; for crypto, call crypto_init() afterwards. */
static inline void prng_host_init(void)
{
    host_init(&(struct host_calls){.random_bytes = prng_fill});
}

#endif
