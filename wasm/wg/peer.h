/*
 * A peer in use: made when a packet is to go to it or a valid initiation comes from it, freed
 * when its key material was zeroed and nothing waits. Also the ways to find one: by key, by the
 * address a packet goes to, and whether it may send from an address.
 */
#ifndef WG_PEER_H
#define WG_PEER_H

#include "wg/allowedips.h"
#include "wg/cookie.h"
#include "wg/device.h"
#include "wg/keypair.h"
#include "wg/staged.h"
#include "wg/timers.h"

enum {
    /* A peer in use takes about 4 kB with its keypairs, so 16 MB at most. A page speaks with a
     * few; the rest could only be unsolicited. Beyond it the longest unheard one gives way. */
    WG_MAX_PEERS = 4096,
    WG_MAX_STAGED_PACKETS = 128,     /* per peer */
    WG_MAX_STAGED_BYTES = 2 << 20,   /* of all peers: a dozen full queues */
    /* Initiations whose answer is still accepted. At one per 100 ms it is the round trip, in
     * tenths of a second, up to which first contact works at once. */
    WG_INITIATIONS_KEPT = 8,
    FIRST_CONTACT_INTERVAL_MS = 100,
    FIRST_CONTACT_TIME_MS = 2000,
    /* A handshake that ought to be complete within a round trip is waited for so long, or twice
     * the round trip where that is known. */
    SETTLE_TIME_MS = 500,
    RESUME_SILENCE_MS = 1000, /* a peer that was heard less long ago needs no new handshake */
};

struct wg_initiation {
    struct wg_index_entry entry; /* first */
    uint64_t number; /* of all to that peer, from 1; 0: unused */
    uint64_t sent_ms;
    struct wg_initiator handshake;
    uint8_t mac1[WG_MAC_LEN]; /* a cookie reply names the message by it */
};

struct wg_peer {
    struct wg_peer *prev, *next; /* of all peers */
    struct wg_peer *hash_next;
    struct node_public key;
    uint8_t static_static[WG_KEY_LEN];
    struct wg_allowed_owner allowed;
    uint8_t allowed_hash[8]; /* of the configuration they come from */
    struct wg_keypairs keypairs;
    struct wg_cookie_generator cookie;
    struct wg_timers timers;
    struct wg_staged staged;

    /* As initiator. */
    struct wg_initiation initiations[WG_INITIATIONS_KEPT]; /* number % KEPT */
    uint64_t initiation_count;
    uint64_t attempt_started_ms; /* of the handshake under way */
    uint64_t burst_until_ms; /* first contact: every 100 ms until then */
    uint64_t initiation_sent_ms; /* NEVER: none yet */
    uint64_t handshake_sent_ms; /* initiation or response; NEVER: none yet */
    bool answered; /* there was a session since the peer is in use */
    /* The session comes from an initiation that was not our newest. If the far end takes a newer
     * one it forgets this session, until it has heard us with it; so what is sent is also kept
     * to be sent again, until the far end is heard or the newest answer is in. */
    bool unsettled;
    uint64_t settle_ms; /* how long to wait for that */

    /* As responder. */
    uint8_t last_timestamp[WG_TIMESTAMP_LEN];
    uint64_t initiation_consumed_ms; /* NEVER: none yet */
    uint8_t response_mac1[WG_MAC_LEN];

    uint64_t last_received_ms; /* anything authenticated; NEVER: nothing yet */
    uint64_t last_used_ms; /* made, sent to or received from */
};

/* The peer in use with that key, or NULL. */
struct wg_peer *wg_peer_find(const struct wg_device *dev, const struct node_public *key);

/* The peer with that key, made from the owner's configuration if it is not in use. NULL: unknown to the
 * owner, or out of memory. */
struct wg_peer *wg_peer_find_or_create(struct wg_device *dev, const struct node_public *key,
                                       uint64_t now_ms);

/* Makes a peer that is not in use. At the ceiling, an older one gives way: with `solicited` any,
 * else only one without session. NULL: no room, out of memory, or an impossible key. */
struct wg_peer *wg_peer_create(struct wg_device *dev, const struct wg_peer_config *config,
                               bool solicited, uint64_t now_ms);
void wg_peer_free(struct wg_device *dev, struct wg_peer *peer);

/* Replaces the allowed IPs. 0, or IPN_ERR_NOMEM, IPN_ERR_ARG with some of them missing. */
int wg_peer_set_allowed(struct wg_device *dev, struct wg_peer *peer,
                        const struct wg_peer_config *config);
/* Whether the allowed IPs are those of that configuration. */
bool wg_peer_is_configured(const struct wg_device *dev, const struct wg_peer *peer,
                           const struct wg_peer_config *config);

/* The peer that a packet to dst goes to, made if need be; NULL: no route. */
struct wg_peer *wg_peer_route(struct wg_device *dev, const struct ipaddr *dst, uint64_t now_ms);

/* Cryptokey routing inwards: true if src is the peer's. */
bool wg_peer_owns(const struct wg_device *dev, const struct wg_peer *peer,
                  const struct ipaddr *src);

/* Forgets the initiations up to and including that number. */
void wg_peer_forget_initiations(struct wg_device *dev, struct wg_peer *peer, uint64_t number);

/* Stages a copy; drops the oldest where there is no room. 0 or IPN_ERR_NOMEM. */
int wg_peer_stage(struct wg_device *dev, struct wg_peer *peer, const uint8_t *packet, size_t len);
/* Drops everything staged, or what was sent already. */
void wg_peer_flush_staged(struct wg_device *dev, struct wg_peer *peer);
void wg_peer_settle(struct wg_device *dev, struct wg_peer *peer);

#endif
