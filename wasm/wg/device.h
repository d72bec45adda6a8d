/*
 * A WireGuard device without I/O: one private key, peers made on demand, IP packets on one side
 * and datagrams on the other. Names follow the WireGuard whitepaper and wireguard-go.
 *
 *   IP packet --wg_device_send--> [allowed IPs pick the peer] [pad, seal, count] --> sink
 *   datagram --wg_device_receive--> [index > keypair, open, replay, timers, allowed IPs] --> IP packet
 *
 * The device knows only peers in use. Who else may exist it asks its peer source, so a netmap of
 * 10,000 costs nothing here.
 */
#ifndef WG_DEVICE_H
#define WG_DEVICE_H

#include "base/ipaddr.h"
#include "crypto/key.h"

#define WG_MTU 1280
#define WG_MAX_ALLOWED_IPS 64 /* per peer */

struct wg_peer_config {
    struct node_public key;
    struct ipprefix allowed[WG_MAX_ALLOWED_IPS];
    size_t allowed_count;
};

/* What the device asks its owner. None of these may call back into the device, save that reserve
 * and commit bracket each datagram. */
struct wg_hooks {
    void *ctx;
    /* The peer with that key, or that owns that destination (longest prefix): true and *out. */
    bool (*find_by_key)(void *ctx, const struct node_public *key, struct wg_peer_config *out);
    bool (*find_by_ip)(void *ctx, const struct ipaddr *dst, struct wg_peer_config *out);
    /* Room for one datagram of exactly len bytes to that peer, or NULL to drop it (an initiation is
     * then tried again every 100 ms). The device fills it and calls commit before anything else. */
    uint8_t *(*reserve)(void *ctx, const struct node_public *to, size_t len);
    void (*commit)(void *ctx, size_t len);
    /* NULL, or: the datagram being received is from that peer, proven, and no replay; told before it
     * is answered. */
    void (*heard)(void *ctx, const struct node_public *from);
};

enum wg_drop {
    WG_DROP_MALFORMED, /* wrong length or type */
    WG_DROP_MAC, /* mac1 wrong */
    WG_DROP_UNKNOWN_PEER,
    WG_DROP_CRYPTO, /* did not open */
    WG_DROP_REPLAY, /* counter or timestamp seen before */
    WG_DROP_RATE, /* initiation flood */
    WG_DROP_INDEX, /* no keypair of that index, or expired */
    WG_DROP_SPOOF, /* inner source not in the peer's allowed IPs */
    WG_DROP_QUEUE, /* staged queue full, oldest dropped */
    WG_DROP_NO_ROUTE,
    WG_DROP_SINK, /* reserve said NULL */
    WG_DROP_COUNT
};

struct wg_stats {
    uint64_t packets_in, packets_out, bytes_in, bytes_out, handshakes;
    uint64_t unanswered; /* initiations that were repeated to a peer silent for REKEY_TIMEOUT */
    uint64_t drops[WG_DROP_COUNT];
};

struct wg_device;

/* last_timestamp_ms: the newest TAI64N stamp (as wall ms) ever sent with this key, 0 if none: stamps
 * never go back. NULL when out of memory. */
struct wg_device *wg_device_new(const struct node_private *key, uint64_t last_timestamp_ms,
                                const struct wg_hooks *hooks);
void wg_device_free(struct wg_device *dev); /* wipes */

/* Sends one IP packet; the bytes are only read. Without a session it is staged (a bounded copy, 128 packets a
 * peer) and a handshake starts. 0 (a full sink or queue drops and counts, like any network), or
 * IPN_ERR_NOT_FOUND (no route), IPN_ERR_ARG (malformed, or longer than WG_MTU), IPN_ERR_NOMEM. */
int wg_device_send(struct wg_device *dev, const uint8_t *packet, size_t len, uint64_t now_ms);

struct wg_received {
    const uint8_t *packet; /* inside the datagram, valid as long as that */
    size_t len; /* 0: nothing for the netstack (handshake, keep-alive, dropped) */
    struct node_public from; /* set if len > 0 */
};

/* One datagram from the network, decrypted in place. `from` is the relay's word on who sent it
 * (NULL if unknown), used only for cookies. Never fails: forged input is silence and a counter. */
void wg_device_receive(struct wg_device *dev, struct wg_received *out, uint8_t *datagram,
                       size_t len, const struct node_public *from, uint64_t now_ms);

/* Asks anew, for every peer in use, what addresses it may use: one that moved to another peer moves
 * for good. Peers that are gone are left to wg_device_remove_peer. */
void wg_device_refresh(struct wg_device *dev);
/* The peer is gone. Unknown keys are ignored. */
void wg_device_remove_peer(struct wg_device *dev, const struct node_public *key);

/* Starts a handshake with a peer of the source even if nothing is to be sent; a session that is up, or
 * a handshake under way, is left alone. With `restart`, drops its backoff and
 * sends a fresh initiation now, even with a session, unless one went out less than 20 ms ago.
 * IPN_ERR_NOT_FOUND for an unknown key. */
int wg_device_initiate(struct wg_device *dev, const struct node_public *key, bool restart,
                       uint64_t now_ms);
/* The same for every peer whose first handshake has not been answered. */
void wg_device_kick_unanswered(struct wg_device *dev, uint64_t now_ms);
/* The way to the peers is there again: a fresh handshake at once with each that owes an answer. It may
 * have restarted meanwhile, and its keys with it. */
void wg_device_resume(struct wg_device *dev, uint64_t now_ms);

/* True once a session is up with that peer, i.e. packets flow without a handshake. */
bool wg_device_has_session(const struct wg_device *dev, const struct node_public *key,
                           uint64_t now_ms);
/* now - time of the peer's last authenticated packet; NEVER if none. */
uint64_t wg_device_silence_ms(const struct wg_device *dev, const struct node_public *key,
                              uint64_t now_ms);

/* May be earlier than there is something to do, never later. */
uint64_t wg_device_next_deadline(const struct wg_device *dev);
void wg_device_tick(struct wg_device *dev, uint64_t now_ms);

/* Newest timestamp sent, to be stored by the owner (see wg_device_new). */
uint64_t wg_device_last_timestamp_ms(const struct wg_device *dev);
const struct wg_stats *wg_device_stats(const struct wg_device *dev);

/* Tests and simulations: treat every initiation as if under load, so cookies are asked for. */
void wg_device_force_load(struct wg_device *dev, bool under_load);

#endif
