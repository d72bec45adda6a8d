#include "wg/receive.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/aead.h"
#include "wg/send.h"

static void note_received(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms)
{
    if (dev->hooks.heard)
        dev->hooks.heard(dev->hooks.ctx, &peer->key);
    peer->last_received_ms = now_ms;
    peer->last_used_ms = now_ms;
    wg_timers_any_received(&peer->timers);
}

/* Does the peer's last word hold: newer than all before, and not too soon after it? */
static bool initiation_is_timely(struct wg_device *dev, const struct wg_peer *peer,
                                 const struct wg_responder *hs, uint64_t now_ms)
{
    if (memcmp(hs->timestamp, peer->last_timestamp, WG_TIMESTAMP_LEN) <= 0) {
        wg_device_drop(dev, WG_DROP_REPLAY);
        return false;
    }
    if (wg_within(now_ms, peer->initiation_consumed_ms, INITIATION_INTERVAL_MS)) {
        wg_device_drop(dev, WG_DROP_RATE);
        return false;
    }
    return true;
}

/* The peer that authenticated the initiation, made if it was not in use: only now, since until
 * here anyone who knows a public key could have claimed it. */
static struct wg_peer *authenticate_initiator(struct wg_device *dev, struct wg_responder *hs,
                                              const struct wg_msg_initiation *msg, uint64_t now_ms)
{
    struct wg_peer *peer = wg_peer_find(dev, &hs->initiator);
    struct wg_peer_config config;
    uint8_t static_static[WG_KEY_LEN];
    if (peer) {
        memcpy(static_static, peer->static_static, sizeof static_static);
    } else if (!dev->hooks.find_by_key(dev->hooks.ctx, &hs->initiator, &config) ||
               !wg_handshake_precompute(static_static, &dev->me, &hs->initiator)) {
        wg_device_drop(dev, WG_DROP_UNKNOWN_PEER);
        return NULL;
    }
    bool ok = wg_handshake_consume_timestamp(hs, msg, static_static);
    wipe(static_static, sizeof static_static);
    if (!ok) {
        wg_device_drop(dev, WG_DROP_CRYPTO);
        return NULL;
    }
    if (peer)
        return peer;
    config.key = hs->initiator;
    peer = wg_peer_create(dev, &config, false, now_ms);
    if (!peer)
        wg_device_drop(dev, WG_DROP_RATE);
    return peer;
}

static void consume_initiation(struct wg_device *dev, const struct wg_msg_initiation *msg,
                               uint64_t now_ms)
{
    struct wg_responder hs;
    if (!wg_handshake_consume_static(&hs, msg, &dev->me)) {
        wg_device_drop(dev, WG_DROP_CRYPTO);
        wipe(&hs, sizeof hs);
        return;
    }
    struct wg_peer *peer = authenticate_initiator(dev, &hs, msg, now_ms);
    if (peer && initiation_is_timely(dev, peer, &hs, now_ms)) {
        memcpy(peer->last_timestamp, hs.timestamp, WG_TIMESTAMP_LEN);
        peer->initiation_consumed_ms = now_ms;
        note_received(dev, peer, now_ms);
        wg_send_response(dev, peer, &hs, now_ms);
    }
    wipe(&hs, sizeof hs);
}

/* What an accepted response, or the confirmation of ours, means for the peer. */
static void session_established(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms)
{
    dev->stats.handshakes++;
    peer->answered = true;
    wg_timers_handshake_complete(&peer->timers, now_ms);
}

static void begin_session(struct wg_device *dev, struct wg_peer *peer,
                          struct wg_initiation *initiation, struct wg_keypair *kp, uint64_t now_ms)
{
    uint64_t number = initiation->number, round_trip_ms = now_ms - initiation->sent_ms;
    wg_index_move(&dev->index, &kp->entry, &initiation->entry, WG_INDEX_KEYPAIR);
    wg_peer_forget_initiations(dev, peer, number);
    wg_keypairs_add(&peer->keypairs, kp, &dev->index);
    note_received(dev, peer, now_ms);
    if (!peer->answered)
        peer->burst_until_ms = now_ms + FIRST_CONTACT_TIME_MS; /* once, so that it ends */
    session_established(dev, peer, now_ms);
    wg_timers_session_derived(&peer->timers, now_ms);

    peer->unsettled = number < peer->initiation_count;
    if (peer->unsettled) {
        peer->attempt_started_ms = now_ms;
        peer->settle_ms = 2 * round_trip_ms > SETTLE_TIME_MS ? 2 * round_trip_ms : SETTLE_TIME_MS;
        wg_timers_initiated(&peer->timers, now_ms, peer->settle_ms);
    }
    wg_staged_rewind(&peer->staged);
    wg_send_keepalive(dev, peer, now_ms);
    wg_device_arm(dev, peer);
}

static void consume_response(struct wg_device *dev, const struct wg_msg_response *msg,
                             uint64_t now_ms)
{
    struct wg_index_entry *entry = wg_index_find(&dev->index, load_le32(msg->receiver));
    if (!entry || entry->kind != WG_INDEX_INITIATION) {
        wg_device_drop(dev, WG_DROP_INDEX);
        return;
    }
    struct wg_initiation *initiation = (struct wg_initiation *)entry;
    struct wg_keypair *kp = wg_keypair_new(msg->sender, true, now_ms);
    if (!kp)
        return;
    if (!wg_handshake_consume_response(&kp->keys, &initiation->handshake, msg, &dev->me)) {
        wg_device_drop(dev, WG_DROP_CRYPTO);
        wg_keypair_free(kp, &dev->index);
        return;
    }
    begin_session(dev, entry->peer, initiation, kp, now_ms);
}

/* True if the message may cost Diffie-Hellman. Under load, only for those who return a cookie. */
static bool admit(struct wg_device *dev, const uint8_t *msg, size_t len,
                  const struct node_public *from, uint64_t now_ms)
{
    if (!wg_load_count(&dev->load, now_ms))
        return true;
    if (from && !wg_cookie_check_mac2(&dev->cookie_checker, msg, len, from, now_ms))
        wg_send_cookie(dev, msg, len, from, now_ms);
    else if (from && wg_load_admit(&dev->load, from, now_ms))
        return true;
    wg_device_drop(dev, WG_DROP_RATE);
    return false;
}

void wg_receive_handshake(struct wg_device *dev, const uint8_t *msg, size_t len,
                          const struct node_public *from, uint64_t now_ms)
{
    if (!wg_cookie_check_mac1(&dev->cookie_checker, msg, len)) {
        wg_device_drop(dev, WG_DROP_MAC);
        return;
    }
    if (!admit(dev, msg, len, from, now_ms))
        return;
    if (msg[0] == WG_MSG_INITIATION)
        consume_initiation(dev, (const struct wg_msg_initiation *)(const void *)msg, now_ms);
    else
        consume_response(dev, (const struct wg_msg_response *)(const void *)msg, now_ms);
}

/* False for a session that began with our initiation: that message is done with, and the mac1 of a
 * response that was never sent is one that anybody can seal for. */
static bool awaits_cookie(const struct wg_index_entry *entry)
{
    return entry->kind == WG_INDEX_INITIATION || !((const struct wg_keypair *)entry)->is_initiator;
}

void wg_receive_cookie(struct wg_device *dev, const struct wg_msg_cookie *msg, uint64_t now_ms)
{
    struct wg_index_entry *entry = wg_index_find(&dev->index, load_le32(msg->receiver));
    if (!entry || !awaits_cookie(entry)) {
        wg_device_drop(dev, WG_DROP_INDEX);
        return;
    }
    const uint8_t *mac1 = entry->kind == WG_INDEX_INITIATION
                              ? ((const struct wg_initiation *)entry)->mac1
                              : entry->peer->response_mac1;
    if (!wg_cookie_consume_reply(&entry->peer->cookie, msg, mac1, now_ms))
        wg_device_drop(dev, WG_DROP_CRYPTO);
}

/* The session nears its end and we hear the peer without sending: the initiator renews it once. */
static void keep_key_fresh_receiving(struct wg_device *dev, struct wg_peer *peer, uint64_t now_ms)
{
    const struct wg_keypair *kp = peer->keypairs.current;
    if (peer->timers.sent_last_minute_handshake || !kp || !kp->is_initiator)
        return;
    if (now_ms - kp->created_ms <= REJECT_AFTER_TIME_MS - KEEPALIVE_TIMEOUT_MS - REKEY_TIMEOUT_MS)
        return;
    peer->timers.sent_last_minute_handshake = true;
    wg_send_want_handshake(dev, peer, now_ms);
}

/* The inner packet: cut to the length that its own header says, and from an allowed source. */
static void deliver(struct wg_device *dev, struct wg_received *out, const struct wg_peer *peer,
                    const uint8_t *packet, size_t len)
{
    struct ipaddr src, dst;
    size_t total_len;
    if (!ip_packet_parse(&src, &dst, &total_len, packet, len)) {
        wg_device_drop(dev, WG_DROP_MALFORMED);
        return;
    }
    if (!wg_peer_owns(dev, peer, &src)) {
        wg_device_drop(dev, WG_DROP_SPOOF);
        return;
    }
    dev->stats.packets_in++;
    dev->stats.bytes_in += total_len;
    out->packet = packet;
    out->len = total_len;
    out->from = peer->key;
}

/* The keypair of that index, if it still opens anything. */
static struct wg_keypair *find_keypair(struct wg_device *dev, const uint8_t receiver[4],
                                       uint64_t now_ms)
{
    struct wg_index_entry *entry = wg_index_find(&dev->index, load_le32(receiver));
    if (!entry || entry->kind != WG_INDEX_KEYPAIR)
        return NULL;
    struct wg_keypair *kp = (struct wg_keypair *)entry;
    return wg_keypair_fresh(kp, now_ms) ? kp : NULL;
}

void wg_receive_transport(struct wg_device *dev, struct wg_received *out, uint8_t *datagram,
                          size_t len, uint64_t now_ms)
{
    const struct wg_msg_transport *header = (const struct wg_msg_transport *)(void *)datagram;
    struct wg_keypair *kp = find_keypair(dev, header->receiver, now_ms);
    if (!kp) {
        wg_device_drop(dev, WG_DROP_INDEX);
        return;
    }
    uint8_t *content = datagram + sizeof *header;
    size_t inner_len = len - WG_TRANSPORT_OVERHEAD;
    uint64_t counter = load_le64(header->counter);
    uint8_t nonce[AEAD_NONCE_LEN];
    aead_nonce_le(nonce, counter);
    if (!aead_open(content, content, len - sizeof *header, NULL, 0, nonce, kp->keys.receive)) {
        wg_device_drop(dev, WG_DROP_CRYPTO);
        return;
    }
    if (!wg_replay_accept(&kp->replay, counter)) {
        wg_device_drop(dev, WG_DROP_REPLAY);
        return;
    }

    struct wg_peer *peer = kp->entry.peer;
    note_received(dev, peer, now_ms);
    if (inner_len > 0)
        wg_timers_data_received(&peer->timers, now_ms);
    if (wg_keypairs_received_with(&peer->keypairs, kp, &dev->index)) {
        /* What the far end sends with, it can open: answers under way need not replace it. */
        wg_peer_forget_initiations(dev, peer, UINT64_MAX);
        session_established(dev, peer, now_ms);
        if (peer->unsettled)
            wg_staged_rewind(&peer->staged);
        peer->unsettled = false;
        wg_send_staged(dev, peer, now_ms);
    } else if (peer->unsettled && kp == peer->keypairs.current) {
        wg_peer_settle(dev, peer);
        wg_timers_handshake_complete(&peer->timers, now_ms);
    }
    keep_key_fresh_receiving(dev, peer, now_ms);
    if (inner_len > 0)
        deliver(dev, out, peer, content, inner_len);
    wg_device_arm(dev, peer);
}
