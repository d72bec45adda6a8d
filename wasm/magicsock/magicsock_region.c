/* One region's socket: wanted, connecting, open, lost, wanted again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "magicsock/magicsock_internal.h"

struct ms_region *ms_region_find(const struct magicsock *ms, int id)
{
    for (size_t i = 0; i < ms->region_count; i++)
        if (ms->regions[i]->config.id == id)
            return ms->regions[i];
    return NULL;
}

struct ms_region *ms_region_new(const struct magicsock_region *config)
{
    struct ms_region *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->config = *config;
    r->backoff_ms = BACKOFF_MIN_MS;
    r->round_ms = -1;
    r->probed_ms = -1;
    return r;
}

void ms_region_remove(struct magicsock *ms, struct ms_region *r)
{
    ms_region_drop(ms, r);
    if (r->close_due && ms->doomed_count < MAGICSOCK_MAX_REGIONS)
        ms->doomed[ms->doomed_count++] = r->config.id;
    if (ms->home == r)
        ms->home = NULL;
    if (ms->reserved == r)
        ms->reserved = NULL;
    derp_client_free(r->dc);
    free(r->held);
    free(r);
}

void ms_region_connect(struct magicsock *ms, struct ms_region *r, uint64_t now_ms)
{
    if (!r->dc)
        r->dc = derp_client_new(&ms->config.node_key);
    if (!r->dc) { /* out of memory: as if it had failed, later */
        r->state = REGION_WAITING;
        r->retry_ms = now_ms + BACKOFF_MAX_MS;
        return;
    }
    derp_client_note_preferred(r->dc, r == ms->home);
    derp_client_set_eager(r->dc, ms->eager);
    r->connect_due = true;
    r->since_ms = now_ms;
    r->state = REGION_CONNECTING;
    ms->stats.connects++;
}

void ms_region_use(struct magicsock *ms, struct ms_region *r, uint64_t now_ms)
{
    r->used_ms = now_ms;
    if (r->state == REGION_IDLE)
        ms_region_connect(ms, r, now_ms);
}

void ms_region_drop(struct magicsock *ms, struct ms_region *r)
{
    bool has_socket = (r->state == REGION_CONNECTING || r->state == REGION_OPEN) && !r->connect_due;
    if (has_socket)
        r->close_due = true;
    r->connect_due = false;
    r->has_input = false;
    if (r->dc)
        derp_client_close(r->dc);
    ms_path_forget_region(ms, r);
    ms_disco_forget_region(ms, r);
    r->state = REGION_IDLE;
}

static bool wanted(const struct magicsock *ms, const struct ms_region *r, uint64_t now_ms)
{
    return r == ms->home || now_ms < r->used_ms + IDLE_MS;
}

void ms_region_fail(struct magicsock *ms, struct ms_region *r, const char *reason, uint64_t now_ms)
{
    bool was_up = r->dc && derp_client_ready(r->dc);
    uint64_t began_ms = r->state == REGION_CONNECTING ? r->since_ms : now_ms;
    if (!r->failing)
        r->down_ms = was_up ? derp_client_heard_ms(r->dc) : began_ms;
    snprintf(r->reason, sizeof r->reason, "%s", reason);
    ms_region_drop(ms, r);
    r->down_due = true;
    r->failures = was_up ? 0 : r->failures + 1;
    if (was_up && now_ms - r->since_ms >= STABLE_MS)
        r->backoff_ms = BACKOFF_MIN_MS;
    uint8_t jitter;
    host_random(&jitter, 1);
    r->retry_ms =
        began_ms + r->backoff_ms + r->backoff_ms * jitter / 1024; /* up to a quarter more */
    if (r->retry_ms < now_ms + BACKOFF_MIN_MS) /* an attempt that hung has waited already */
        r->retry_ms = now_ms + BACKOFF_MIN_MS;
    r->backoff_ms = r->backoff_ms < BACKOFF_MAX_MS / 2 ? r->backoff_ms * 2 : BACKOFF_MAX_MS;
    r->failing = wanted(ms, r, now_ms);
    r->state = r->failing ? REGION_WAITING : REGION_IDLE;
    if (r == ms->home && r->failures >= HOME_MAX_FAILURES)
        ms_home_failing(ms, now_ms);
}

void ms_region_up(struct magicsock *ms, struct ms_region *r, uint64_t now_ms)
{
    (void)ms;
    r->since_ms = now_ms;
    r->failures = 0;
    r->failing = false;
}

struct ms_held *ms_region_hold(struct ms_region *r, const struct node_public *to, size_t len,
                               uint64_t now_ms)
{
    struct ms_held *slot = NULL;
    if (len == 0 || len > HELD_CAP)
        return NULL;
    if (!r->held)
        r->held = calloc(HELD_COUNT, sizeof *r->held);
    if (!r->held)
        return NULL;
    for (size_t i = 0; i < HELD_COUNT; i++) {
        struct ms_held *h = &r->held[i];
        bool fresh = h->len > 0 && now_ms - h->at_ms <= HELD_MAX_AGE_MS;
        if (fresh && len == INITIATION_LEN && h->len == len &&
            bytes_equal(h->to.b, to->b, KEY_LEN)) {
            slot = h;
            break;
        }
        if (!slot && !fresh)
            slot = h;
    }
    if (!slot)
        return NULL;
    slot->to = *to;
    slot->at_ms = now_ms;
    slot->len = 0; /* until committed */
    return slot;
}

void ms_region_flush_held(struct magicsock *ms, struct ms_region *r, uint64_t now_ms)
{
    for (size_t i = 0; r->held && i < HELD_COUNT; i++) {
        struct ms_held *h = &r->held[i];
        if (h->len == 0 || now_ms - h->at_ms > HELD_MAX_AGE_MS)
            continue;
        uint8_t *at = derp_client_reserve(r->dc, &h->to, h->len);
        if (!at)
            continue;
        memcpy(at, h->data, h->len);
        derp_client_commit(r->dc);
        ms->stats.packets_out++;
        ms->stats.bytes_out += h->len;
    }
    free(r->held);
    r->held = NULL;
}

uint64_t ms_region_next_deadline(const struct magicsock *ms, const struct ms_region *r)
{
    uint64_t at_ms = NEVER;
    if (r->state == REGION_WAITING)
        return r->retry_ms;
    if (r->state == REGION_CONNECTING)
        return r->since_ms + CONNECT_TIMEOUT_MS;
    if (r->state == REGION_OPEN)
        at_ms = derp_client_next_deadline(r->dc);
    if (r->state == REGION_OPEN && r != ms->home)
        at_ms = earlier(at_ms, r->used_ms + IDLE_MS);
    return at_ms;
}

void ms_region_tick(struct magicsock *ms, struct ms_region *r, uint64_t now_ms)
{
    switch (r->state) {
    case REGION_IDLE:
        break;
    case REGION_WAITING:
        if (now_ms < r->retry_ms)
            break;
        r->state = REGION_IDLE;
        r->failing = wanted(ms, r, now_ms);
        if (r->failing)
            ms_region_connect(ms, r, now_ms);
        break;
    case REGION_CONNECTING:
        if (now_ms >= r->since_ms + CONNECT_TIMEOUT_MS)
            ms_region_fail(ms, r, "the relay cannot be reached: no connection within 7 seconds",
                           now_ms);
        break;
    case REGION_OPEN:
        if (derp_client_tick(r->dc, now_ms) < 0)
            ms_region_fail(ms, r, "the relay does not answer", now_ms);
        else if (!wanted(ms, r, now_ms))
            ms_region_drop(ms, r);
        break;
    }
}
