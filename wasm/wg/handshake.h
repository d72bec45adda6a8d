/*
 * Noise_IKpsk2 as WireGuard uses it (whitepaper 5.4.2, 5.4.3, 5.4.5), as pure functions over two
 * small states. Nothing here knows peers, indices or time: the caller looks up, checks the
 * timestamp, and commits. The pre-shared key is zero, as it always is in a tailnet.
 *
 *   initiator                                   responder
 *   create_initiation  --- e, es, s, ss, t --->  consume_static, consume_timestamp
 *   consume_response   <-- e, ee, se, psk -----  create_response
 */
#ifndef WG_HANDSHAKE_H
#define WG_HANDSHAKE_H

#include <stdbool.h>

#include "crypto/key.h"
#include "noise/noise_symmetric.h"
#include "wg/messages.h"

struct wg_identity {
    struct node_private private_key;
    struct node_public public_key;
};

/* What a device remembers between an initiation it sent and the response. */
struct wg_initiator {
    struct noise_symmetric noise;
    uint8_t ephemeral[WG_KEY_LEN]; /* private */
};

/* What a responder knows of an initiation while it decides. */
struct wg_responder {
    struct noise_symmetric noise;
    struct node_public initiator;        /* after consume_static: claimed */
    uint8_t ephemeral[WG_KEY_LEN];       /* the initiator's, public */
    uint8_t sender[4];                   /* the initiator's index, as sent */
    uint8_t timestamp[WG_TIMESTAMP_LEN]; /* after consume_timestamp: proven */
};

struct wg_session_keys {
    uint8_t send[WG_KEY_LEN], receive[WG_KEY_LEN];
};

/* DH of both static keys, computed once per peer. false for a public key of low order, with which
 * no handshake is possible. */
bool wg_handshake_precompute(uint8_t static_static[WG_KEY_LEN], const struct wg_identity *me,
                             const struct node_public *peer);

/* Fills *msg but the MACs, and *hs. False only where precompute says so too. */
bool wg_handshake_create_initiation(struct wg_msg_initiation *msg, struct wg_initiator *hs,
                                    const struct wg_identity *me, const struct node_public *peer,
                                    const uint8_t static_static[WG_KEY_LEN],
                                    const uint8_t timestamp[WG_TIMESTAMP_LEN], uint32_t sender);

/* The first half: who claims to initiate. False unless it opens; wipe *hs in any case. */
bool wg_handshake_consume_static(struct wg_responder *hs, const struct wg_msg_initiation *msg,
                                 const struct wg_identity *me);

/* The second half: proof of it, and when. False unless authentic. */
bool wg_handshake_consume_timestamp(struct wg_responder *hs, const struct wg_msg_initiation *msg,
                                    const uint8_t static_static[WG_KEY_LEN]);

/* Fills *msg but the MACs, and *keys; *hs is used up. */
bool wg_handshake_create_response(struct wg_msg_response *msg, struct wg_session_keys *keys,
                                  struct wg_responder *hs, uint32_t sender);

/* False, with *keys wiped, unless authentic; *hs stays as it was. */
bool wg_handshake_consume_response(struct wg_session_keys *keys, const struct wg_initiator *hs,
                                   const struct wg_msg_response *msg, const struct wg_identity *me);

/* TAI64N (whitepaper 5.1): stamps compare as byte strings. */
void wg_timestamp_encode(uint8_t out[WG_TIMESTAMP_LEN], uint64_t wall_ms);

#endif
