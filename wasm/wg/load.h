/*
 * How many handshake messages are worth their Diffie-Hellman (whitepaper 5.3, 5.4.7). Above a rate
 * the device is under load: then only senders that return a cookie are heard, each at a rate.
 */
#ifndef WG_LOAD_H
#define WG_LOAD_H

#include <stdbool.h>

#include "crypto/key.h"

enum {
    /* Messages with a valid mac1 in one second before cookies are asked for. Each costs up to
     * five X25519, about half a millisecond in wasm. */
    WG_LOAD_MESSAGES_PER_S = 64,
    WG_LOAD_AFTER_MS = 1000, /* how long the device stays under load */
    WG_SOURCE_PER_S = 20,
    WG_SOURCE_BURST = 5,
    WG_SOURCE_BUCKETS = 64,
};

struct wg_load {
    uint64_t window_ms; /* start of the second that is counted */
    uint64_t until_ms;
    unsigned count;
    bool forced;
    uint8_t hash_key[16];
    struct {
        uint64_t last_ms;
        unsigned tokens_ms; /* a message costs 1000 / WG_SOURCE_PER_S */
    } source[WG_SOURCE_BUCKETS];
};

void wg_load_init(struct wg_load *l);

/* Counts one message; true if the device is under load. */
bool wg_load_count(struct wg_load *l, uint64_t now_ms);

/* Under load, with a valid cookie: false if that sender sends too much. Senders share buckets by a
 * secret hash, so memory is constant. */
bool wg_load_admit(struct wg_load *l, const struct node_public *from, uint64_t now_ms);

#endif
