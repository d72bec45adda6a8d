#include "wg/peer.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/blake2s.h"
#include "wg/device_internal.h"

/* Keys are chosen by others: a secret hash keeps them from choosing their bucket. */
static struct wg_peer **bucket_of(const struct wg_device *dev, const struct node_public *key)
{
    uint8_t hash[1];
    blake2s(hash, sizeof hash, dev->peer_hash_key, sizeof dev->peer_hash_key, key->b,
            sizeof key->b);
    return (struct wg_peer **)&dev->peer_bucket[hash[0] % WG_PEER_BUCKETS];
}

struct wg_peer *wg_peer_find(const struct wg_device *dev, const struct node_public *key)
{
    struct wg_peer *peer = *bucket_of(dev, key);
    while (peer && memcmp(&peer->key, key, sizeof *key) != 0)
        peer = peer->hash_next;
    return peer;
}

struct wg_peer *wg_peer_find_or_create(struct wg_device *dev, const struct node_public *key,
                                       uint64_t now_ms)
{
    struct wg_peer *peer = wg_peer_find(dev, key);
    struct wg_peer_config config;
    if (peer || !dev->hooks.find_by_key(dev->hooks.ctx, key, &config))
        return peer;
    return wg_peer_create(dev, &config, true, now_ms);
}

/* Frees the peer that was used least recently, to make room. */
static bool evict_one(struct wg_device *dev, bool solicited, uint64_t now_ms)
{
    struct wg_peer *oldest = NULL;
    for (struct wg_peer *p = dev->peers; p; p = p->next) {
        if (!solicited && wg_keypair_usable(p->keypairs.current, now_ms))
            continue;
        if (!oldest || p->last_used_ms < oldest->last_used_ms)
            oldest = p;
    }
    if (oldest)
        wg_peer_free(dev, oldest);
    return oldest != NULL;
}

static void peer_init(struct wg_peer *peer, const struct node_public *key, uint64_t now_ms)
{
    peer->key = *key;
    wg_cookie_generator_init(&peer->cookie, key);
    wg_timers_init(&peer->timers);
    /* So that a peer that never gets a session is freed as well. */
    wg_timers_session_derived(&peer->timers, now_ms);
    peer->initiation_sent_ms = NEVER;
    peer->handshake_sent_ms = NEVER;
    peer->initiation_consumed_ms = NEVER;
    peer->last_received_ms = NEVER;
    peer->last_used_ms = now_ms;
}

struct wg_peer *wg_peer_create(struct wg_device *dev, const struct wg_peer_config *config,
                               bool solicited, uint64_t now_ms)
{
    if (memcmp(&config->key, &dev->me.public_key, sizeof config->key) == 0)
        return NULL;
    if (dev->peer_count >= WG_MAX_PEERS && !evict_one(dev, solicited, now_ms))
        return NULL;
    struct wg_peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    if (!wg_handshake_precompute(peer->static_static, &dev->me, &config->key)) {
        free(peer);
        return NULL;
    }
    peer_init(peer, &config->key, now_ms);
    struct wg_peer **bucket = bucket_of(dev, &peer->key);
    peer->hash_next = *bucket;
    *bucket = peer;
    peer->next = dev->peers;
    if (dev->peers)
        dev->peers->prev = peer;
    dev->peers = peer;
    dev->peer_count++;
    if (wg_peer_set_allowed(dev, peer, config) == IPN_ERR_NOMEM) {
        wg_peer_free(dev, peer);
        return NULL;
    }
    wg_device_arm(dev, peer);
    return peer;
}

void wg_peer_free(struct wg_device *dev, struct wg_peer *peer)
{
    struct wg_peer **at = bucket_of(dev, &peer->key);
    while (*at != peer)
        at = &(*at)->hash_next;
    *at = peer->hash_next;
    if (peer->prev)
        peer->prev->next = peer->next;
    else
        dev->peers = peer->next;
    if (peer->next)
        peer->next->prev = peer->prev;
    dev->peer_count--;

    wg_allowedips_remove(&dev->allowedips, &peer->allowed);
    wg_keypairs_wipe(&peer->keypairs, &dev->index);
    wg_peer_forget_initiations(dev, peer, UINT64_MAX);
    wg_peer_flush_staged(dev, peer);
    wipe(peer, sizeof *peer);
    free(peer);
}

static void hash_allowed(uint8_t hash[8], const struct wg_device *dev,
                         const struct wg_peer_config *config)
{
    blake2s(hash, 8, dev->peer_hash_key, sizeof dev->peer_hash_key,
            (const uint8_t *)config->allowed, config->allowed_count * sizeof *config->allowed);
}

bool wg_peer_is_configured(const struct wg_device *dev, const struct wg_peer *peer,
                           const struct wg_peer_config *config)
{
    uint8_t hash[8];
    hash_allowed(hash, dev, config);
    return memcmp(hash, peer->allowed_hash, sizeof hash) == 0;
}

int wg_peer_set_allowed(struct wg_device *dev, struct wg_peer *peer,
                        const struct wg_peer_config *config)
{
    int result = 0;
    hash_allowed(peer->allowed_hash, dev, config);
    wg_allowedips_remove(&dev->allowedips, &peer->allowed);
    for (size_t i = 0; i < config->allowed_count && i < WG_MAX_ALLOWED_IPS; i++) {
        int err = wg_allowedips_insert(&dev->allowedips, &config->allowed[i], &peer->allowed);
        if (err < 0)
            result = err;
    }
    if (result == IPN_ERR_NOMEM)
        memset(peer->allowed_hash, 0, sizeof peer->allowed_hash); /* the next refresh tries again */
    return result;
}

static struct wg_peer *peer_of(struct wg_allowed_owner *owner)
{
    return (struct wg_peer *)(void *)((char *)owner - offsetof(struct wg_peer, allowed));
}

/* The trie holds only peers in use, so only a host route in it is surely the longest prefix; for
 * anything shorter the owner, who knows all peers, has the word. */
static bool is_host_route(const struct ipaddr *addr, uint8_t bits)
{
    return bits == (addr->family == 4 ? 32 : 128);
}

struct wg_peer *wg_peer_route(struct wg_device *dev, const struct ipaddr *dst, uint64_t now_ms)
{
    uint8_t bits = 0;
    struct wg_allowed_owner *owner = wg_allowedips_find(&dev->allowedips, &bits, dst);
    if (owner && is_host_route(dst, bits))
        return peer_of(owner);
    struct wg_peer_config config;
    if (!dev->hooks.find_by_ip(dev->hooks.ctx, dst, &config))
        return NULL;
    struct wg_peer *peer = wg_peer_find(dev, &config.key);
    return peer ? peer : wg_peer_create(dev, &config, true, now_ms);
}

bool wg_peer_owns(const struct wg_device *dev, const struct wg_peer *peer, const struct ipaddr *src)
{
    uint8_t bits = 0;
    struct wg_allowed_owner *owner = wg_allowedips_find(&dev->allowedips, &bits, src);
    bool has_more = peer->allowed.count >= WG_MAX_ALLOWED_IPS; /* than the trie was given */
    if (owner && is_host_route(src, bits))
        return peer_of(owner) == peer;
    if ((!owner || peer_of(owner) != peer) && !has_more)
        return false;
    struct wg_peer_config config;
    return dev->hooks.find_by_ip(dev->hooks.ctx, src, &config) &&
           memcmp(&config.key, &peer->key, sizeof config.key) == 0;
}

void wg_peer_forget_initiations(struct wg_device *dev, struct wg_peer *peer, uint64_t number)
{
    for (int i = 0; i < WG_INITIATIONS_KEPT; i++) {
        struct wg_initiation *initiation = &peer->initiations[i];
        if (initiation->number == 0 || initiation->number > number)
            continue;
        wg_index_remove(&dev->index, &initiation->entry);
        wipe(initiation, sizeof *initiation);
    }
}

static void pop_staged(struct wg_device *dev, struct wg_peer *peer)
{
    if (peer->staged.first == peer->staged.unsent)
        wg_device_drop(dev, WG_DROP_QUEUE); /* else it was sent once already */
    dev->staged_bytes -= peer->staged.first->len;
    wg_staged_pop(&peer->staged);
}

int wg_peer_stage(struct wg_device *dev, struct wg_peer *peer, const uint8_t *packet, size_t len)
{
    struct wg_staged *q = &peer->staged;
    while (q->first &&
           (q->count >= WG_MAX_STAGED_PACKETS || dev->staged_bytes + len > WG_MAX_STAGED_BYTES))
        pop_staged(dev, peer);
    if (dev->staged_bytes + len > WG_MAX_STAGED_BYTES) {
        wg_device_drop(dev, WG_DROP_QUEUE);
        return 0;
    }
    int err = wg_staged_push(q, packet, len);
    if (err == 0)
        dev->staged_bytes += len;
    return err;
}

void wg_peer_flush_staged(struct wg_device *dev, struct wg_peer *peer)
{
    dev->staged_bytes -= peer->staged.bytes;
    wg_staged_wipe(&peer->staged);
    peer->unsettled = false;
}

void wg_peer_settle(struct wg_device *dev, struct wg_peer *peer)
{
    size_t before = peer->staged.bytes;
    wg_staged_drop_sent(&peer->staged);
    dev->staged_bytes -= before - peer->staged.bytes;
    peer->unsettled = false;
}
