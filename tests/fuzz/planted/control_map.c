/* The netmap shrinks to a certain size after it was larger. */
#include "control/netmap_delta.h"
#include "fuzz/planted/planted.h"

int __real_netmap_apply(struct netmap *nm, struct netmap_delta *d, bool first, int64_t wall_ms);
int __wrap_netmap_apply(struct netmap *nm, struct netmap_delta *d, bool first, int64_t wall_ms);

int __wrap_netmap_apply(struct netmap *nm, struct netmap_delta *d, bool first, int64_t wall_ms)
{
    size_t before = nm->peer_count;
    int rc = __real_netmap_apply(nm, d, first, wall_ms);

    if (rc >= 0 && before > 1 && nm->peer_count == 1)
        planted_bug();
    return rc;
}
