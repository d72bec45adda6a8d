#include "wg/replay.h"

#include <string.h>

#include "wg/messages.h"

void wg_replay_init(struct wg_replay *r)
{
    memset(r, 0, sizeof *r);
}

/* Empties the blocks between the one of the old `last` and that of the new one, the latter
 * included; at most the whole ring. */
static void wg_replay_advance(struct wg_replay *r, uint64_t counter)
{
    uint64_t from = r->last / 64, to = counter / 64;
    if (to - from > WG_REPLAY_BLOCKS)
        from = to - WG_REPLAY_BLOCKS;
    for (uint64_t b = from + 1; b <= to; b++)
        r->block[b % WG_REPLAY_BLOCKS] = 0;
    r->last = counter;
}

bool wg_replay_accept(struct wg_replay *r, uint64_t counter)
{
    if (counter >= REJECT_AFTER_MESSAGES)
        return false;
    if (counter > r->last)
        wg_replay_advance(r, counter);
    else if (r->last - counter > WG_REPLAY_WINDOW)
        return false;
    uint64_t *block = &r->block[counter / 64 % WG_REPLAY_BLOCKS];
    uint64_t bit = UINT64_C(1) << (counter % 64);
    if (*block & bit)
        return false;
    *block |= bit;
    return true;
}
