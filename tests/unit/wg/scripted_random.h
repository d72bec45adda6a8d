/* A host whose random bytes are chosen: first what was pushed, then those of a
 * fixed generator. */
#ifndef SCRIPTED_RANDOM_H
#define SCRIPTED_RANDOM_H

#include <string.h>

#include "base/host.h"

static uint8_t scripted_bytes[256];
static uint64_t scripted_state = 1;
static size_t scripted_len;

static inline void scripted_random(uint8_t *dst, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (scripted_len > 0) {
            dst[i] = scripted_bytes[0];
            memmove(scripted_bytes, scripted_bytes + 1, --scripted_len);
        } else {
            scripted_state = scripted_state * UINT64_C(6364136223846793005) + 1442695040888963407;
            dst[i] = (uint8_t)(scripted_state >> 56);
        }
    }
}

static inline void scripted_push(const uint8_t *src, size_t len)
{
    memcpy(scripted_bytes + scripted_len, src, len);
    scripted_len += len;
}

static inline void scripted_init(void)
{
    struct host_calls calls = {scripted_random, NULL};
    host_init(&calls);
    host_set_wall_offset(INT64_C(1790000000000));
}

#endif
