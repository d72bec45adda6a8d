/*
 * Which counters of a keypair were already received: the sliding window of RFC 6479. The window
 * moves block by block, so moving it costs a store per 64 counters and no shifting.
 *
 *   blocks (a ring):  | older than the window | ... 8192 counters and more ... | last |
 */
#ifndef WG_REPLAY_H
#define WG_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WG_REPLAY_WINDOW = 8192,
    /* One block more than the window, because the newest block is filled only in part. */
    WG_REPLAY_BLOCKS = WG_REPLAY_WINDOW / 64 + 1,
};

struct wg_replay {
    uint64_t last; /* the greatest counter accepted */
    uint64_t block[WG_REPLAY_BLOCKS];
};

void wg_replay_init(struct wg_replay *r);

/* Accepts a counter once: false if it was seen before, lies more than WG_REPLAY_WINDOW behind
 * the greatest, or has reached REJECT_AFTER_MESSAGES. Call it only for packets that opened:
 * forged counters would move the window. */
bool wg_replay_accept(struct wg_replay *r, uint64_t counter);

#endif
