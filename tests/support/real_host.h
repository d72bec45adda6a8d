/* The clock and the random bytes of this machine, for programs that speak to real servers. */
#ifndef REAL_HOST_H
#define REAL_HOST_H

#include <stdint.h>
#include <sys/random.h>
#include <time.h>

/* Never set back. */
static inline uint64_t real_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline void real_random_bytes(uint8_t *dst, size_t len)
{
    while (len) {
        ssize_t n = getrandom(dst, len, 0);

        if (n > 0) {
            dst += n;
            len -= (size_t)n;
        }
    }
}

#endif
