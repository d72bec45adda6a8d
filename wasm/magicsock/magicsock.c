/*
 * The datagram layer over DERP: what goes in and out. See magicsock_internal.h for its parts.
 *
 * Events are not queued: each is made when it is asked for, from flags, from the input that was
 * lent and from what waits in the DERP clients. So nothing is copied and nothing can overflow.
 */
#include "magicsock/magicsock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/host.h"
#include "magicsock/magicsock_internal.h"

struct magicsock *magicsock_new(const struct magicsock_config *config)
{
    struct magicsock *ms = calloc(1, sizeof *ms);
    if (!ms)
        return NULL;
    ms->config = *config;
    ms->next_round_ms = NEVER;
    return ms;
}

void magicsock_free(struct magicsock *ms)
{
    if (!ms)
        return;
    for (size_t i = 0; i < ms->region_count; i++)
        ms_region_remove(ms, ms->regions[i]);
    wipe(ms, sizeof *ms);
    free(ms);
}

int magicsock_home(const struct magicsock *ms)
{
    return ms->home ? ms->home->config.id : 0;
}

bool magicsock_region_ready(const struct magicsock *ms, int region)
{
    const struct ms_region *r = ms_region_find(ms, region);
    return r && r->dc && derp_client_ready(r->dc);
}

bool magicsock_region_status(const struct magicsock *ms, int region,
                             struct magicsock_region_status *out)
{
    const struct ms_region *r = ms_region_find(ms, region);
    memset(out, 0, sizeof *out);
    out->reason = "";
    if (!r)
        return false;
    if (r->state == REGION_OPEN && derp_client_ready(r->dc))
        out->link = MAGICSOCK_CONNECTED;
    else if (r->state != REGION_IDLE)
        out->link = MAGICSOCK_CONNECTING;
    out->lost = r->failing;
    if (!r->failing)
        return true;
    out->lost_ms = r->down_ms;
    out->retry_ms = r->state == REGION_WAITING ? r->retry_ms : 0;
    out->reason = r->reason;
    return true;
}

void magicsock_set_eager(struct magicsock *ms, bool eager)
{
    if (ms->eager == eager)
        return;
    ms->eager = eager;
    for (size_t i = 0; i < ms->region_count; i++)
        if (ms->regions[i]->dc)
            derp_client_set_eager(ms->regions[i]->dc, eager);
}

int magicsock_region_rtt_ms(const struct magicsock *ms, int region)
{
    const struct ms_region *r = ms_region_find(ms, region);
    if (!r)
        return -1;
    int rtt_ms = r->dc ? derp_client_rtt_ms(r->dc) : -1;
    return rtt_ms >= 0 ? rtt_ms : r->probed_ms;
}

const struct magicsock_stats *magicsock_stats(const struct magicsock *ms)
{
    return &ms->stats;
}

void magicsock_opened(struct magicsock *ms, int region, uint64_t now_ms)
{
    struct ms_region *r = ms_region_find(ms, region);
    if (!r || r->state != REGION_CONNECTING || r->connect_due)
        return;
    derp_client_open(r->dc, now_ms);
    r->state = REGION_OPEN;
}

/* Appends what the other side gave as its reason, without control characters. */
static void append_reason(char out[REASON_CAP], const char *reason, size_t len)
{
    size_t at = strlen(out);
    if (len == 0 || len > 123 || at + 2 + len >= REASON_CAP)
        return; /* RFC 6455: at most 123 */
    out[at++] = ':';
    out[at++] = ' ';
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)reason[i];
        out[at++] = c < 0x20 || c == 0x7f ? ' ' : reason[i];
    }
    out[at] = '\0';
}

void magicsock_closed(struct magicsock *ms, int region, int code, const char *reason, size_t len,
                      uint64_t now_ms)
{
    struct ms_region *r = ms_region_find(ms, region);
    char words[REASON_CAP];
    if (!r || r->connect_due)
        return; /* an older socket of that region */
    if (r->state == REGION_CONNECTING)
        snprintf(words, sizeof words, "the relay cannot be reached");
    else if (r->state != REGION_OPEN)
        return;
    else if (derp_client_introduced(r->dc))
        snprintf(words, sizeof words, "the relay refused this node");
    else if (derp_client_ready(r->dc))
        snprintf(words, sizeof words, "the relay closed the connection (%d)", code);
    else
        snprintf(words, sizeof words, "the relay closed the connection before login (%d)", code);
    append_reason(words, reason, len);
    ms_region_fail(ms, r, words, now_ms);
    r->close_due = false; /* it is closed */
}

void magicsock_input(struct magicsock *ms, int region, uint8_t *data, size_t len, uint64_t now_ms)
{
    struct ms_region *r = ms_region_find(ms, region);
    if (!r || r->state != REGION_OPEN || len == 0)
        return;
    if (derp_client_input(r->dc, data, len, now_ms) < 0) {
        ms_region_fail(ms, r, "bytes of the relay were lost inside this client", now_ms);
        return;
    }
    r->has_input = true;
}

static bool deliver_packet(struct magicsock *ms, struct ms_region *r,
                           const struct derp_event *packet, struct magicsock_event *ev,
                           uint64_t now_ms)
{
    ms->stats.packets_in++;
    ms->stats.bytes_in += packet->len;
    r->used_ms = now_ms;
    if (disco_is_message(packet->data, packet->len))
        return ms_disco_receive(ms, r, packet, ev, now_ms);
    ev->type = MAGICSOCK_EVENT_WIREGUARD;
    ev->from = packet->from;
    ev->data = packet->data;
    ev->len = packet->len;
    return true;
}

/* A node left r: news only if it is by r that we would have reached it. */
static bool deliver_gone(struct magicsock *ms, struct ms_region *r, const struct node_public *node,
                         struct magicsock_event *ev, uint64_t now_ms)
{
    ms->stats.peers_gone++;
    ms_path_forget(ms, node, r);
    bool pinged = ms_disco_ping_gone(ms, node, r);
    if (!pinged && ms_path_route(ms, node, now_ms) != r)
        return false;
    ev->type = MAGICSOCK_EVENT_PEER_GONE;
    ev->from = *node;
    return true;
}

static bool deliver(struct magicsock *ms, struct ms_region *r, const struct derp_event *de,
                    struct magicsock_event *ev, uint64_t now_ms)
{
    ev->region = r->config.id;
    switch (de->type) {
    case DERP_EVENT_READY:
        ms_region_up(ms, r, now_ms);
        ev->type = MAGICSOCK_EVENT_REGION_UP;
        return true;
    case DERP_EVENT_PACKET:
        return deliver_packet(ms, r, de, ev, now_ms);
    case DERP_EVENT_PEER_GONE:
        return deliver_gone(ms, r, &de->from, ev, now_ms);
    case DERP_EVENT_HEALTH:
        if (de->len > 0)
            ms->stats.health_warnings++;
        return false;
    case DERP_EVENT_RESTARTING: /* believed by nobody: a relay that was up for a while is tried again
                                   at once in any case, one that never is must not ask for it */
    case DERP_EVENT_NONE:
        break;
    }
    return false;
}

/* What derp_client_next's error means to a person. */
static const char *error_words(int err)
{
    switch (err) {
    case IPN_ERR_CRYPTO:
        return "the relay does not hold the key that it shows";
    case IPN_ERR_NOMEM:
        return "this client is out of memory";
    default:
        return "the relay sent something that is not DERP";
    }
}

/* The next event out of the bytes lent to r. */
static bool next_from_input(struct magicsock *ms, struct ms_region *r, struct magicsock_event *ev,
                            uint64_t now_ms)
{
    struct derp_event de;
    int rv;
    while ((rv = derp_client_next(r->dc, &de, now_ms)) > 0)
        if (deliver(ms, r, &de, ev, now_ms))
            return true;
    r->has_input = false;
    if (rv < 0)
        ms_region_fail(ms, r, error_words(rv), now_ms);
    else if (r->held && derp_client_can_send(r->dc))
        ms_region_flush_held(ms, r, now_ms);
    return false;
}

static void event_text(struct magicsock_event *ev, enum magicsock_event_type type, char *text)
{
    ev->type = type;
    ev->data = (uint8_t *)text;
    ev->len = strlen(text);
}

/* An event that r's flags hold; in this order, so that CLOSE comes before a new CONNECT. */
static bool next_from_flags(struct ms_region *r, struct magicsock_event *ev)
{
    ev->region = r->config.id;
    if (r->close_due) {
        r->close_due = false;
        ev->type = MAGICSOCK_EVENT_CLOSE;
    } else if (r->down_due) {
        r->down_due = false;
        event_text(ev, MAGICSOCK_EVENT_REGION_DOWN, r->reason);
    } else if (r->connect_due) {
        r->connect_due = false;
        event_text(ev, MAGICSOCK_EVENT_CONNECT, r->config.url);
    } else if (r->probe_due) {
        r->probe_due = false;
        event_text(ev, MAGICSOCK_EVENT_PROBE, r->config.probe_url);
    } else {
        return false;
    }
    return true;
}

static bool next_from_output(struct ms_region *r, struct magicsock_event *ev)
{
    const uint8_t *bytes;
    if (r->state != REGION_OPEN)
        return false;
    size_t len = derp_client_output(r->dc, &bytes);
    if (len == 0)
        return false;
    ev->type = MAGICSOCK_EVENT_SEND;
    ev->region = r->config.id;
    ev->data = (uint8_t *)bytes;
    ev->len = len;
    return true;
}

int magicsock_next_input(struct magicsock *ms, struct magicsock_event *ev, uint64_t now_ms)
{
    memset(ev, 0, sizeof *ev);
    for (size_t i = 0; i < ms->region_count; i++)
        if (ms->regions[i]->has_input && next_from_input(ms, ms->regions[i], ev, now_ms))
            return 1;
    return 0;
}

int magicsock_next(struct magicsock *ms, struct magicsock_event *ev, uint64_t now_ms)
{
    if (magicsock_next_input(ms, ev, now_ms))
        return 1;
    if (ms->doomed_count > 0) {
        ev->type = MAGICSOCK_EVENT_CLOSE;
        ev->region = ms->doomed[--ms->doomed_count];
        return 1;
    }
    for (size_t i = 0; i < ms->region_count; i++)
        if (next_from_flags(ms->regions[i], ev))
            return 1;
    ev->region = magicsock_home(ms);
    if (ms->home_due) {
        ms->home_due = false;
        ev->type = MAGICSOCK_EVENT_HOME;
        return 1;
    }
    for (size_t i = 0; i < ms->region_count; i++)
        if (next_from_output(ms->regions[i], ev))
            return 1;
    return 0;
}

void magicsock_heard(struct magicsock *ms, const struct node_public *from, int region,
                     uint64_t now_ms)
{
    struct ms_region *r = ms_region_find(ms, region);
    if (r)
        ms_path_learn(ms, from, r, now_ms);
}

uint8_t *magicsock_reserve(struct magicsock *ms, const struct node_public *to, size_t len,
                           uint64_t now_ms)
{
    struct ms_region *r = ms_path_route(ms, to, now_ms);
    uint8_t *room = NULL;
    ms->reserved = NULL;
    if (!r) {
        ms->stats.dropped_no_region++;
        return NULL;
    }
    ms_region_use(ms, r, now_ms);
    ms->reserved_held = NULL;
    ms->reserved_len = len;
    if (r->state == REGION_OPEN && derp_client_can_send(r->dc)) {
        room = derp_client_reserve(r->dc, to, len);
        if (!room)
            ms->stats.dropped_full++;
    } else {
        ms->reserved_held = ms_region_hold(r, to, len, now_ms);
        if (ms->reserved_held)
            room = ms->reserved_held->data;
        if (!room)
            ms->stats.dropped_not_up++;
    }
    if (room)
        ms->reserved = r;
    return room;
}

void magicsock_commit(struct magicsock *ms)
{
    if (!ms->reserved)
        return;
    if (ms->reserved_held) {
        ms->reserved_held->len = ms->reserved_len;
    } else {
        derp_client_commit(ms->reserved->dc);
        ms->stats.packets_out++;
        ms->stats.bytes_out += ms->reserved_len;
    }
    ms->reserved = NULL;
}

void magicsock_rebind(struct magicsock *ms, uint64_t now_ms)
{
    for (size_t i = 0; i < ms->region_count; i++) {
        struct ms_region *r = ms->regions[i];
        r->backoff_ms = BACKOFF_MIN_MS;
        if (r->state == REGION_OPEN) {
            derp_client_check(r->dc, now_ms);
        } else if (r->state == REGION_WAITING) {
            ms_region_connect(ms, r, now_ms);
        } else if (r->state == REGION_CONNECTING && now_ms - r->since_ms >= 1000) {
            ms_region_drop(ms, r); /* it began in the old network */
            ms_region_connect(ms, r, now_ms);
        }
    }
    if (now_ms >= ms->round_ms + PROBE_LEAST_MS)
        ms_home_start_round(ms, now_ms);
}

void magicsock_check(struct magicsock *ms, uint64_t now_ms)
{
    for (size_t i = 0; i < ms->region_count; i++)
        if (ms->regions[i]->state == REGION_OPEN)
            derp_client_check(ms->regions[i]->dc, now_ms);
}

uint64_t magicsock_next_deadline(const struct magicsock *ms)
{
    uint64_t at_ms = ms_home_next_deadline(ms);
    for (size_t i = 0; i < ms->region_count; i++)
        at_ms = earlier(at_ms, ms_region_next_deadline(ms, ms->regions[i]));
    return at_ms;
}

void magicsock_tick(struct magicsock *ms, uint64_t now_ms)
{
    for (size_t i = 0; i < ms->region_count; i++)
        ms_region_tick(ms, ms->regions[i], now_ms);
    ms_home_tick(ms, now_ms);
}
