/*
 * Tailscale's disco messages, as far as a node without UDP needs them: open, seal, ping > pong.
 *
 *   [magic 6 "TS💬"][sender's disco key 32][nonce 24][box: type 1, version 1, body]
 */
#ifndef DISCO_DISCO_H
#define DISCO_DISCO_H

#include "crypto/box.h"
#include "crypto/key.h"

#define DISCO_TX_ID_LEN 12

enum disco_type { DISCO_PING = 1, DISCO_PONG = 2, DISCO_CALL_ME_MAYBE = 3 };

struct disco_message {
    uint8_t type; /* enum disco_type or unknown */
    struct disco_public from;
    uint8_t tx_id[DISCO_TX_ID_LEN]; /* ping, pong */
    bool has_node_key;
    struct node_public node_key; /* ping: the sender's claim */
};

/* True if the datagram begins with the magic and is long enough to be looked at as disco. */
bool disco_is_message(const uint8_t *datagram, size_t len);

/* The sender's disco key as written in the clear (to look up the peer). */
void disco_sender(struct disco_public *out, const uint8_t *datagram);

/* Opens one message of at most 2048 bytes. 0, or *out as it was and IPN_ERR_PROTOCOL (too short or
 * long, unknown version) or IPN_ERR_CRYPTO. */
int disco_open(struct disco_message *out, const uint8_t *datagram, size_t len,
               const struct disco_private *key);

/* Build a ping or a pong; return the datagram's length, or 0 if the receiver's key is no good. out
 * has DISCO_MAX_LEN bytes. A pong over DERP carries the address 127.3.3.40 (tailcfg.DerpMagicIP)
 * and the region as port. */
#define DISCO_MAX_LEN 256
size_t disco_seal_ping(uint8_t out[DISCO_MAX_LEN], const uint8_t tx_id[DISCO_TX_ID_LEN],
                       const struct node_public *my_node, const struct disco_public *my_public,
                       const struct disco_private *my_private, const struct disco_public *to);
size_t disco_seal_pong(uint8_t out[DISCO_MAX_LEN], const uint8_t tx_id[DISCO_TX_ID_LEN], int region,
                       const struct disco_public *my_public, const struct disco_private *my_private,
                       const struct disco_public *to);

#endif
