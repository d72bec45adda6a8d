/*
 * The DERP map and the home region: the one that is always connected, where peers find us.
 *
 * The first choice is made at once (the hint, else the first region) so that joining waits for no
 * measurement. A round of probes follows, at most 3 s long, two for each region, since the first
 * also pays for a new connection; the fastest region becomes home unless the provisional one is
 * about as near. From then on, every 5 minutes, home moves only to a region
 * that was a third faster and over 10 ms nearer in two rounds in a row, or away from one that is
 * down.
 */
#include <string.h>

#include "base/host.h"
#include "magicsock/magicsock_internal.h"

static size_t probeable_count(const struct magicsock *ms)
{
    size_t n = 0;
    for (size_t i = 0; i < ms->region_count; i++)
        if (ms->regions[i]->config.probe_url[0] != '\0')
            n++;
    return n;
}

static void set_home(struct magicsock *ms, struct ms_region *r, uint64_t now_ms)
{
    struct ms_region *old = ms->home;
    if (old == r)
        return;
    ms->home = r;
    ms->home_due = true;
    ms->candidate = 0;
    if (old && old->dc)
        derp_client_note_preferred(old->dc, false);
    if (old)
        old->used_ms = now_ms; /* peers write there until they hear of the move */
    if (!r)
        return;
    if (r->dc)
        derp_client_note_preferred(r->dc, true);
    ms_region_use(ms, r, now_ms);
}

void ms_home_start_round(struct magicsock *ms, uint64_t now_ms)
{
    if (ms->round_on)
        return;
    ms->next_round_ms = now_ms + PROBE_AGAIN_MS;
    ms->round_ms = now_ms;
    if (probeable_count(ms) < 2)
        return;
    for (size_t i = 0; i < ms->region_count; i++) {
        struct ms_region *r = ms->regions[i];
        r->probes_left = r->config.probe_url[0] != '\0' ? PROBES : 0;
        r->probe_due = r->probes_left > 0;
        r->round_ms = -1;
    }
    ms->round_on = true;
}

static bool home_is_dead(const struct magicsock *ms)
{
    return ms->home && ms->home->failures >= HOME_MAX_FAILURES;
}

/* Whether the round's best region should replace home. */
static bool should_move(struct magicsock *ms, const struct ms_region *best)
{
    int now_rtt = ms->home->round_ms;
    if (home_is_dead(ms))
        return true;
    if (now_rtt < 0)
        return ms->home->state != REGION_OPEN; /* up, only its probe failed: stay */
    if (now_rtt - best->round_ms <= HOME_MARGIN_MS)
        return false;
    if (!ms->settled && !ms->hinted)
        return true;
    if (best->round_ms * 3 > now_rtt * 2)
        return false;
    if (!ms->settled)
        return true;
    bool twice = ms->candidate == best->config.id;
    ms->candidate = best->config.id;
    return twice;
}

static void end_round(struct magicsock *ms, uint64_t now_ms)
{
    struct ms_region *best = NULL;
    for (size_t i = 0; i < ms->region_count; i++) {
        struct ms_region *r = ms->regions[i];
        r->probes_left = 0;
        r->probe_due = false;
        if (r->round_ms < 0 || (r == ms->home && home_is_dead(ms)))
            continue;
        if (!best || r->round_ms < best->round_ms)
            best = r;
    }
    ms->round_on = false;
    if (!best)
        return; /* nothing answered: the network is down, not the region */
    int candidate = ms->candidate;
    if (!ms->home || (best != ms->home && should_move(ms, best)))
        set_home(ms, best, now_ms);
    else if (ms->candidate == candidate)
        ms->candidate = 0; /* did not win again */
    ms->settled = true;
}

static bool round_complete(const struct magicsock *ms)
{
    for (size_t i = 0; i < ms->region_count; i++)
        if (ms->regions[i]->probes_left > 0)
            return false;
    return true;
}

void magicsock_probed(struct magicsock *ms, int region, int latency_ms, uint64_t now_ms)
{
    struct ms_region *r = ms_region_find(ms, region);
    if (!r)
        return;
    if (latency_ms >= 0 && (r->probes_left == 0 || r->round_ms < 0 || latency_ms < r->round_ms))
        r->round_ms = r->probed_ms = latency_ms;
    if (r->probes_left == 0)
        return; /* came too late to decide */
    r->probes_left = latency_ms < 0 ? 0 : r->probes_left - 1;
    r->probe_due = r->probes_left > 0;
    if (ms->round_on && round_complete(ms))
        end_round(ms, now_ms);
}

/* Home fails to connect again and again: let a round of probes find another, or, where nothing can
 * be probed, take the next in the list. */
void ms_home_failing(struct magicsock *ms, uint64_t now_ms)
{
    if (ms->region_count < 2 || ms->round_on)
        return;
    if (probeable_count(ms) >= 2) {
        if (now_ms >= ms->round_ms + PROBE_LEAST_MS)
            ms_home_start_round(ms, now_ms);
        return;
    }
    for (size_t i = 0; i < ms->region_count; i++) {
        if (ms->regions[i] != ms->home)
            continue;
        set_home(ms, ms->regions[(i + 1) % ms->region_count], now_ms);
        return;
    }
}

uint64_t ms_home_next_deadline(const struct magicsock *ms)
{
    if (ms->round_on)
        return ms->round_ms + PROBE_ROUND_MS;
    return probeable_count(ms) >= 2 ? ms->next_round_ms : NEVER;
}

void ms_home_tick(struct magicsock *ms, uint64_t now_ms)
{
    if (ms->round_on && now_ms >= ms->round_ms + PROBE_ROUND_MS)
        end_round(ms, now_ms);
    if (!ms->round_on && now_ms >= ms->next_round_ms)
        ms_home_start_round(ms, now_ms);
}

/* Takes the region of that id out of the old list, with its new urls; a connection to a changed
 * url is dropped, and made again if it was in use. */
static struct ms_region *keep_region(struct magicsock *ms, struct ms_region **old, size_t count,
                                     const struct magicsock_region *config, uint64_t now_ms)
{
    for (size_t i = 0; i < count; i++) {
        struct ms_region *r = old[i];
        if (!r || r->config.id != config->id)
            continue;
        old[i] = NULL;
        bool moved = strcmp(r->config.url, config->url) != 0;
        bool in_use = r->state != REGION_IDLE;
        r->config = *config;
        if (!moved || !in_use)
            return r;
        ms_region_drop(ms, r);
        r->backoff_ms = BACKOFF_MIN_MS;
        r->failures = 0;
        r->failing = false;
        ms_region_connect(ms, r, now_ms);
        return r;
    }
    return ms_region_new(config);
}

void magicsock_set_regions(struct magicsock *ms, const struct magicsock_region *regions,
                           size_t count, int home_hint, uint64_t now_ms)
{
    struct ms_region *old[MAGICSOCK_MAX_REGIONS];
    size_t old_count = ms->region_count;
    bool grown = false;
    memcpy(old, ms->regions, sizeof old);
    ms->region_count = 0;
    for (size_t i = 0; i < count && ms->region_count < MAGICSOCK_MAX_REGIONS; i++) {
        if (regions[i].id <= 0 || ms_region_find(ms, regions[i].id))
            continue;
        struct ms_region *r = keep_region(ms, old, old_count, &regions[i], now_ms);
        if (!r)
            continue; /* out of memory: as if the region did not exist */
        grown |= r->state == REGION_IDLE && !r->dc;
        ms->regions[ms->region_count++] = r;
    }
    for (size_t i = 0; i < old_count; i++)
        if (old[i])
            ms_region_remove(ms, old[i]);
    if (!ms->home && ms->region_count > 0) {
        struct ms_region *hint = ms_region_find(ms, home_hint);
        ms->hinted = hint != NULL;
        ms->settled = false;
        grown = true;
        set_home(ms, hint ? hint : ms->regions[0], now_ms);
    }
    if (ms->region_count == 0 && old_count > 0)
        ms->home_due = true;
    if (grown)
        ms_home_start_round(ms, now_ms);
}
