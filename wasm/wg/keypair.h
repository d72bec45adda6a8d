/*
 * The keys of one session and the rotation of a peer's three (whitepaper 6.3, and the rules of
 * the reference implementations):
 *
 *   next      made as responder; used for sending only once the initiator was heard with it
 *   current   what we send with
 *   previous  still opens what was under way when current took over
 *   retired   what would have been deleted. First contact repeats its initiation, so both ends
 *             may supersede several keypairs within a round trip while the other already sends
 *             with them; for a few seconds they still open, and one that is heard comes back.
 */
#ifndef WG_KEYPAIR_H
#define WG_KEYPAIR_H

#include <stdbool.h>

#include "wg/handshake.h"
#include "wg/index.h"
#include "wg/replay.h"

struct wg_keypair {
    struct wg_index_entry entry; /* our index; first */
    uint8_t remote_index[4];
    struct wg_session_keys keys;
    uint64_t send_counter; /* of the next packet */
    uint64_t created_ms;
    bool is_initiator;
    struct wg_replay replay;
};

enum { WG_KEYPAIRS_RETIRED = 8 }; /* as many as there may be initiations under way */

struct wg_keypairs {
    struct wg_keypair *previous, *current, *next;
    struct wg_keypair *retired[WG_KEYPAIRS_RETIRED]; /* the newest first */
};

/* NULL when out of memory. Without keys, and its index entry is not in the table yet. */
struct wg_keypair *wg_keypair_new(const uint8_t remote_index[4], bool is_initiator,
                                  uint64_t now_ms);
/* Out of the table, wiped, freed; NULL is fine. */
void wg_keypair_free(struct wg_keypair *kp, struct wg_index_table *t);

/* True if packets may be sent with kp: younger than REJECT_AFTER_TIME and counters left. */
bool wg_keypair_usable(const struct wg_keypair *kp, uint64_t now_ms);

/* True if packets may be received with kp. */
bool wg_keypair_fresh(const struct wg_keypair *kp, uint64_t now_ms);

/* A handshake is done. The initiator's keypair becomes current at once, the responder's next. */
void wg_keypairs_add(struct wg_keypairs *k, struct wg_keypair *kp, struct wg_index_table *t);

/* A packet opened with kp: it leaves next or retired. True if it is current now and was not. */
bool wg_keypairs_received_with(struct wg_keypairs *k, struct wg_keypair *kp,
                               struct wg_index_table *t);

void wg_keypairs_wipe_retired(struct wg_keypairs *k, struct wg_index_table *t);
void wg_keypairs_wipe(struct wg_keypairs *k, struct wg_index_table *t);

#endif
