#include "wg/device.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "wg/device_internal.h"
#include "wg/receive.h"
#include "wg/send.h"

struct wg_device *wg_device_new(const struct node_private *key, uint64_t last_timestamp_ms,
                                const struct wg_hooks *hooks)
{
    struct wg_device *dev = calloc(1, sizeof *dev);
    if (!dev)
        return NULL;
    dev->me.private_key = *key;
    node_public_derive(&dev->me.public_key, key);
    dev->hooks = *hooks;
    dev->last_timestamp_ms = last_timestamp_ms;
    dev->deadline_ms = NEVER;
    wg_cookie_checker_init(&dev->cookie_checker, &dev->me.public_key);
    wg_load_init(&dev->load);
    host_random(dev->peer_hash_key, sizeof dev->peer_hash_key);
    return dev;
}

void wg_device_free(struct wg_device *dev)
{
    if (!dev)
        return;
    while (dev->peers)
        wg_peer_free(dev, dev->peers);
    wipe(dev, sizeof *dev);
    free(dev);
}

int wg_device_send(struct wg_device *dev, const uint8_t *packet, size_t len, uint64_t now_ms)
{
    struct ipaddr src, dst;
    size_t total_len;
    if (!ip_packet_parse(&src, &dst, &total_len, packet, len) || total_len > WG_MTU)
        return IPN_ERR_ARG;
    struct wg_peer *peer = wg_peer_route(dev, &dst, now_ms);
    if (!peer) {
        wg_device_drop(dev, WG_DROP_NO_ROUTE);
        return IPN_ERR_NOT_FOUND;
    }
    if (!peer->staged.first && !peer->unsettled &&
        wg_keypair_usable(peer->keypairs.current, now_ms)) {
        wg_send_packet(dev, peer, packet, total_len, now_ms);
        return 0;
    }
    peer->last_used_ms = now_ms;
    int err = wg_peer_stage(dev, peer, packet, total_len);
    wg_send_staged(dev, peer, now_ms);
    return err;
}

void wg_device_receive(struct wg_device *dev, struct wg_received *out, uint8_t *datagram,
                       size_t len, const struct node_public *from, uint64_t now_ms)
{
    memset(out, 0, sizeof *out);
    uint32_t type = len < 4 ? 0 : load_le32(datagram);
    if (type == WG_MSG_TRANSPORT && len >= WG_TRANSPORT_OVERHEAD)
        wg_receive_transport(dev, out, datagram, len, now_ms);
    else if ((type == WG_MSG_INITIATION && len == sizeof(struct wg_msg_initiation)) ||
             (type == WG_MSG_RESPONSE && len == sizeof(struct wg_msg_response)))
        wg_receive_handshake(dev, datagram, len, from, now_ms);
    else if (type == WG_MSG_COOKIE && len == sizeof(struct wg_msg_cookie))
        wg_receive_cookie(dev, (const struct wg_msg_cookie *)(void *)datagram, now_ms);
    else
        wg_device_drop(dev, WG_DROP_MALFORMED);
}

void wg_device_refresh(struct wg_device *dev)
{
    struct wg_peer_config config;
    for (struct wg_peer *peer = dev->peers; peer; peer = peer->next) {
        if (dev->hooks.find_by_key(dev->hooks.ctx, &peer->key, &config) &&
            !wg_peer_is_configured(dev, peer, &config))
            wg_peer_set_allowed(dev, peer, &config);
    }
}

void wg_device_remove_peer(struct wg_device *dev, const struct node_public *key)
{
    struct wg_peer *peer = wg_peer_find(dev, key);
    if (peer)
        wg_peer_free(dev, peer);
}

/* A fresh initiation at once, and the first contact's quick repetition anew. */
static void restart_handshake(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms)
{
    peer->attempt_started_ms = now_ms;
    peer->burst_until_ms = now_ms + FIRST_CONTACT_TIME_MS;
    if (!wg_within(now_ms, peer->initiation_sent_ms, INITIATION_INTERVAL_MS))
        wg_send_initiation(dev, peer, now_ms);
}

int wg_device_initiate(struct wg_device *dev, const struct node_public *key, bool restart,
                       uint64_t now_ms)
{
    struct wg_peer *peer = wg_peer_find_or_create(dev, key, now_ms);
    if (!peer)
        return IPN_ERR_NOT_FOUND;
    peer->last_used_ms = now_ms;
    if (restart)
        restart_handshake(dev, peer, now_ms);
    else if (!wg_keypair_usable(peer->keypairs.current, now_ms))
        wg_send_want_handshake(dev, peer, now_ms);
    return 0;
}

void wg_device_kick_unanswered(struct wg_device *dev, uint64_t now_ms)
{
    for (struct wg_peer *peer = dev->peers; peer; peer = peer->next) {
        if (!peer->answered && wg_timers_pending(&peer->timers, WG_TIMER_RETRANSMIT_HANDSHAKE))
            restart_handshake(dev, peer, now_ms);
    }
}

/* Something was sent, or is to be, and nothing came since. */
static bool awaits_answer(const struct wg_peer *peer)
{
    return wg_timers_pending(&peer->timers, WG_TIMER_RETRANSMIT_HANDSHAKE) ||
           wg_timers_pending(&peer->timers, WG_TIMER_NEW_HANDSHAKE) || peer->staged.first;
}

void wg_device_resume(struct wg_device *dev, uint64_t now_ms)
{
    for (struct wg_peer *peer = dev->peers; peer; peer = peer->next) {
        if (!awaits_answer(peer) || wg_within(now_ms, peer->last_received_ms, RESUME_SILENCE_MS))
            continue;
        peer->answered = false; /* as at first contact: every 100 ms for a while */
        restart_handshake(dev, peer, now_ms);
    }
}

bool wg_device_has_session(const struct wg_device *dev, const struct node_public *key,
                           uint64_t now_ms)
{
    const struct wg_peer *peer = wg_peer_find(dev, key);
    return peer && wg_keypair_usable(peer->keypairs.current, now_ms);
}

uint64_t wg_device_silence_ms(const struct wg_device *dev, const struct node_public *key,
                              uint64_t now_ms)
{
    const struct wg_peer *peer = wg_peer_find(dev, key);
    if (!peer || peer->last_received_ms == NEVER)
        return NEVER;
    return now_ms - peer->last_received_ms;
}

uint64_t wg_device_next_deadline(const struct wg_device *dev)
{
    return dev->deadline_ms;
}

static void retransmit_handshake(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms)
{
    struct wg_timers *t = &peer->timers;
    dev->stats.unanswered += now_ms - peer->attempt_started_ms >= REKEY_TIMEOUT_MS;
    if (now_ms - peer->attempt_started_ms < REKEY_ATTEMPT_TIME_MS) {
        wg_send_initiation(dev, peer, now_ms);
        return;
    }
    /* Given up: nothing is tried again before somebody wants to send. */
    wg_timers_any_sent(t);
    wg_peer_flush_staged(dev, peer);
    t->due_ms[WG_TIMER_FORGET_HANDSHAKE] = now_ms + REKEY_TIMEOUT_MS;
    if (!wg_timers_pending(t, WG_TIMER_ZERO_KEY_MATERIAL))
        wg_timers_session_derived(t, now_ms);
}

/* True if the peer is gone. */
static bool zero_key_material(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms)
{
    if (!wg_timers_pending(&peer->timers, WG_TIMER_RETRANSMIT_HANDSHAKE)) {
        wg_peer_free(dev, peer);
        return true;
    }
    wg_keypairs_wipe(&peer->keypairs, &dev->index); /* a handshake is under way: go on with it */
    wg_timers_session_derived(&peer->timers, now_ms);
    return false;
}

/* Does what one timer asks for. True if the peer is gone. */
static bool timer_expired(struct wg_device *dev, struct wg_peer *peer, enum wg_timer which,
                          uint64_t now_ms)
{
    switch (which) {
    case WG_TIMER_RETRANSMIT_HANDSHAKE:
        retransmit_handshake(dev, peer, now_ms);
        return false;
    case WG_TIMER_SEND_KEEPALIVE:
        wg_send_keepalive(dev, peer, now_ms);
        wg_timers_keepalive_sent(&peer->timers, now_ms);
        return false;
    case WG_TIMER_NEW_HANDSHAKE:
        wg_send_want_handshake(dev, peer, now_ms);
        return false;
    case WG_TIMER_FORGET_HANDSHAKE:
        wg_peer_forget_initiations(dev, peer, UINT64_MAX);
        wg_keypairs_wipe_retired(&peer->keypairs, &dev->index);
        wg_peer_settle(dev, peer);
        return false;
    case WG_TIMER_ZERO_KEY_MATERIAL:
        return zero_key_material(dev, peer, now_ms);
    case WG_TIMER_NONE:
    case WG_TIMER_COUNT:
        break;
    }
    return false;
}

static void tick_peer(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms)
{
    enum wg_timer which;
    while ((which = wg_timers_take(&peer->timers, now_ms)) != WG_TIMER_NONE) {
        if (timer_expired(dev, peer, which, now_ms))
            return;
    }
    wg_device_arm(dev, peer);
}

void wg_device_tick(struct wg_device *dev, uint64_t now_ms)
{
    if (now_ms < dev->deadline_ms)
        return;
    dev->deadline_ms = NEVER;
    for (struct wg_peer *peer = dev->peers, *next; peer; peer = next) {
        next = peer->next;
        tick_peer(dev, peer, now_ms);
    }
}

uint64_t wg_device_last_timestamp_ms(const struct wg_device *dev)
{
    return dev->last_timestamp_ms;
}

const struct wg_stats *wg_device_stats(const struct wg_device *dev)
{
    return &dev->stats;
}

void wg_device_force_load(struct wg_device *dev, bool under_load)
{
    dev->load.forced = under_load;
}
