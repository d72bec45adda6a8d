/* What world_run may wait for. */
#ifndef SIM_ENGINE_UNTIL_H
#define SIM_ENGINE_UNTIL_H

#include "sim/engine/world.h"

/* Each stream is open, or was and has ended. */
static inline bool all_open_or_done(const struct world *now)
{
    for (size_t i = 0; i < now->stream_count; i++) {
        if (!now->streams[i].open && !now->streams[i].done)
            return false;
    }
    return true;
}

static inline bool all_done(const struct world *now)
{
    for (size_t i = 0; i < now->stream_count; i++) {
        if (!now->streams[i].done)
            return false;
    }
    return true;
}

#endif
