/* What the files of wg/ (and its tests) share of a device. */
#ifndef WG_DEVICE_INTERNAL_H
#define WG_DEVICE_INTERNAL_H

#include "wg/device.h"
#include "wg/load.h"
#include "wg/peer.h"

enum { WG_PEER_BUCKETS = 256 };

struct wg_device {
    struct wg_identity me;
    struct wg_hooks hooks;
    struct wg_stats stats;
    struct wg_cookie_checker cookie_checker;
    struct wg_load load;
    struct wg_index_table index;
    struct wg_allowedips allowedips;
    struct wg_peer *peers; /* all, newest first */
    struct wg_peer *peer_bucket[WG_PEER_BUCKETS];
    uint8_t peer_hash_key[16];
    size_t peer_count, staged_bytes;
    uint64_t last_timestamp_ms;
    /* No timer of any peer is due before it; it may be too early, since stopping a timer leaves
     * it alone. A tick then finds nothing to do and sets it right. */
    uint64_t deadline_ms;
};

static inline void wg_device_drop(struct wg_device *dev, enum wg_drop why)
{
    dev->stats.drops[why]++;
}

/* After anything that may have set a timer of that peer. */
static inline void wg_device_arm(struct wg_device *dev, const struct wg_peer *peer)
{
    dev->deadline_ms = earlier(dev->deadline_ms, wg_timers_next(&peer->timers));
}

/* True if less than span_ms passed since then; never for NEVER. */
static inline bool wg_within(uint64_t now_ms, uint64_t then_ms, uint64_t span_ms)
{
    return then_ms != NEVER && now_ms - then_ms < span_ms;
}

#endif
