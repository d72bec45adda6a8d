#include "wg/send.h"

#include <string.h>

#include "base/bytes.h"
#include "crypto/aead.h"

/* One whole message; false, and counted, if the sink has no room. */
static bool transmit(struct wg_device *dev, const struct node_public *to, const void *msg,
                     size_t len)
{
    uint8_t *slot = dev->hooks.reserve(dev->hooks.ctx, to, len);
    if (!slot) {
        wg_device_drop(dev, WG_DROP_SINK);
        return false;
    }
    memcpy(slot, msg, len);
    dev->hooks.commit(dev->hooks.ctx, len);
    return true;
}

/* Stamps never repeat or go back, whatever the clock does. */
static void next_timestamp(struct wg_device *dev, uint8_t out[WG_TIMESTAMP_LEN], uint64_t now_ms)
{
    int64_t wall_ms = host_wall_ms(now_ms);
    uint64_t stamp_ms = wall_ms > 0 ? (uint64_t)wall_ms : 0;
    if (stamp_ms <= dev->last_timestamp_ms)
        stamp_ms = dev->last_timestamp_ms + 1;
    dev->last_timestamp_ms = stamp_ms;
    wg_timestamp_encode(out, stamp_ms);
}

static uint64_t retransmit_delay(const struct wg_peer *peer, uint64_t now_ms)
{
    if (now_ms < peer->burst_until_ms) {
        if (!peer->answered)
            return FIRST_CONTACT_INTERVAL_MS;
        if (peer->unsettled)
            return peer->settle_ms;
    }
    return REKEY_TIMEOUT_MS + wg_timers_jitter();
}

/* Fills *msg and remembers what its answer needs, in place of the oldest remembered. */
static bool create_initiation(struct wg_device *dev, struct wg_peer *peer,
                              struct wg_msg_initiation *msg, uint64_t now_ms)
{
    uint64_t number = ++peer->initiation_count;
    struct wg_initiation *initiation = &peer->initiations[number % WG_INITIATIONS_KEPT];
    uint8_t timestamp[WG_TIMESTAMP_LEN];
    wg_index_remove(&dev->index, &initiation->entry);
    next_timestamp(dev, timestamp, now_ms);
    wg_index_insert(&dev->index, &initiation->entry, WG_INDEX_INITIATION, peer);
    initiation->number = number;
    initiation->sent_ms = now_ms;
    if (!wg_handshake_create_initiation(msg, &initiation->handshake, &dev->me, &peer->key,
                                        peer->static_static, timestamp, initiation->entry.index)) {
        wg_index_remove(&dev->index, &initiation->entry);
        wipe(initiation, sizeof *initiation);
        return false;
    }
    wg_cookie_add_macs(&peer->cookie, (uint8_t *)msg, sizeof *msg, now_ms);
    memcpy(initiation->mac1, msg->mac1, sizeof initiation->mac1);
    return true;
}

void wg_send_initiation(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms)
{
    struct wg_msg_initiation msg;
    uint8_t *slot = dev->hooks.reserve(dev->hooks.ctx, &peer->key, sizeof msg);
    if (!slot) {
        /* Nothing was sent, so the first contact has not begun: try again soon. */
        wg_device_drop(dev, WG_DROP_SINK);
        peer->burst_until_ms = now_ms + FIRST_CONTACT_TIME_MS;
        wg_timers_initiated(&peer->timers, now_ms, FIRST_CONTACT_INTERVAL_MS);
        wg_device_arm(dev, peer);
        return;
    }
    if (!create_initiation(dev, peer, &msg, now_ms))
        memset(&msg, 0, sizeof msg); /* cannot be: such a key makes no peer */
    memcpy(slot, &msg, sizeof msg);
    dev->hooks.commit(dev->hooks.ctx, sizeof msg);
    peer->initiation_sent_ms = peer->handshake_sent_ms = now_ms;
    wg_timers_any_sent(&peer->timers);
    wg_timers_initiated(&peer->timers, now_ms, retransmit_delay(peer, now_ms));
    wg_device_arm(dev, peer);
}

void wg_send_want_handshake(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms)
{
    peer->attempt_started_ms = now_ms;
    if (wg_timers_pending(&peer->timers, WG_TIMER_RETRANSMIT_HANDSHAKE))
        return;
    uint64_t wait_ms = peer->answered ? REKEY_TIMEOUT_MS + wg_timers_jitter() : SETTLE_TIME_MS;
    if (wg_within(now_ms, peer->handshake_sent_ms, wait_ms)) {
        /* Most likely our response is on its way and will be confirmed. */
        wg_timers_initiated(&peer->timers, peer->handshake_sent_ms, wait_ms);
        wg_device_arm(dev, peer);
        return;
    }
    peer->burst_until_ms = now_ms + FIRST_CONTACT_TIME_MS;
    wg_send_initiation(dev, peer, now_ms);
}

void wg_send_response(struct wg_device *dev, struct wg_peer *peer, struct wg_responder *hs,
                      uint64_t now_ms)
{
    struct wg_msg_response msg;
    struct wg_keypair *kp = wg_keypair_new(hs->sender, false, now_ms);
    if (!kp) {
        wipe(hs, sizeof *hs);
        return;
    }
    wg_index_insert(&dev->index, &kp->entry, WG_INDEX_KEYPAIR, peer);
    if (!wg_handshake_create_response(&msg, &kp->keys, hs, kp->entry.index)) {
        wg_device_drop(dev, WG_DROP_CRYPTO);
        wg_keypair_free(kp, &dev->index);
        return;
    }
    wg_cookie_add_macs(&peer->cookie, (uint8_t *)&msg, sizeof msg, now_ms);
    if (!transmit(dev, &peer->key, &msg, sizeof msg)) {
        wg_keypair_free(kp, &dev->index);
        return;
    }
    memcpy(peer->response_mac1, msg.mac1, sizeof peer->response_mac1);
    wg_keypairs_add(&peer->keypairs, kp, &dev->index);
    peer->handshake_sent_ms = now_ms;
    wg_timers_session_derived(&peer->timers, now_ms);
    wg_timers_responded(&peer->timers, now_ms, SETTLE_TIME_MS);
    wg_timers_any_sent(&peer->timers);
    wg_device_arm(dev, peer);
}

void wg_send_cookie(struct wg_device *dev, const uint8_t *msg, size_t len,
                    const struct node_public *to, uint64_t now_ms)
{
    struct wg_msg_cookie reply;
    wg_cookie_create_reply(&reply, &dev->cookie_checker, msg, len, to, now_ms);
    transmit(dev, to, &reply, sizeof reply);
}

/* A new session in good time: the initiator's duty, so that both do not ask at once. */
static void keep_key_fresh(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms)
{
    const struct wg_keypair *kp = peer->keypairs.current;
    if (kp->send_counter > REKEY_AFTER_MESSAGES ||
        (kp->is_initiator && now_ms - kp->created_ms > REKEY_AFTER_TIME_MS))
        wg_send_want_handshake(dev, peer, now_ms);
}

static_assert(WG_MTU % WG_PADDING == 0, "padding never goes beyond the MTU");

static size_t padded_len(size_t len)
{
    return (len + WG_PADDING - 1) / WG_PADDING * WG_PADDING;
}

void wg_send_packet(struct wg_device *dev, struct wg_peer *peer, const uint8_t *packet, size_t len,
                    uint64_t now_ms)
{
    struct wg_keypair *kp = peer->keypairs.current;
    size_t padded = padded_len(len), total = padded + WG_TRANSPORT_OVERHEAD;
    uint8_t *slot = dev->hooks.reserve(dev->hooks.ctx, &peer->key, total);
    if (!slot) {
        wg_device_drop(dev, WG_DROP_SINK);
        return;
    }
    struct wg_msg_transport *header = (struct wg_msg_transport *)(void *)slot;
    uint8_t *content = slot + sizeof *header;
    uint8_t nonce[AEAD_NONCE_LEN];
    store_le32(header->type, WG_MSG_TRANSPORT);
    memcpy(header->receiver, kp->remote_index, sizeof header->receiver);
    store_le64(header->counter, kp->send_counter);
    aead_nonce_le(nonce, kp->send_counter++);
    if (len == 0) {
        packet = content;
    } else if (padded != len) { /* full packets need no padding and are not copied first */
        memcpy(content, packet, len);
        memset(content + len, 0, padded - len);
        packet = content;
    }
    aead_seal(content, packet, padded, NULL, 0, nonce, kp->keys.send);
    dev->hooks.commit(dev->hooks.ctx, total);

    if (len > 0) {
        dev->stats.packets_out++;
        dev->stats.bytes_out += len;
        wg_timers_data_sent(&peer->timers, now_ms);
    }
    peer->last_used_ms = now_ms;
    wg_timers_any_sent(&peer->timers);
    keep_key_fresh(dev, peer, now_ms);
    wg_device_arm(dev, peer);
}

void wg_send_staged(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms)
{
    struct wg_staged *q = &peer->staged;
    while (q->unsent) {
        if (!wg_keypair_usable(peer->keypairs.current, now_ms)) {
            wg_send_want_handshake(dev, peer, now_ms);
            return;
        }
        struct wg_packet *p = q->unsent;
        q->unsent = p->next;
        wg_send_packet(dev, peer, p->data, p->len, now_ms);
    }
    if (!peer->unsettled)
        wg_peer_settle(dev, peer);
}

void wg_send_keepalive(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms)
{
    if (peer->staged.unsent)
        wg_send_staged(dev, peer, now_ms);
    else if (wg_keypair_usable(peer->keypairs.current, now_ms))
        wg_send_packet(dev, peer, NULL, 0, now_ms);
    else
        wg_send_want_handshake(dev, peer, now_ms);
}
