/*
 * mac1 and mac2, the two MACs at the end of the handshake messages (whitepaper 5.3, 5.4.4, 5.4.7).
 * mac1 proves that the sender knows whom it speaks to; mac2, asked for only under load, that it
 * receives what is sent to its address. Our addresses are node keys, as the relay names them.
 */
#ifndef WG_COOKIE_H
#define WG_COOKIE_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/key.h"
#include "wg/messages.h"

/* The receiving side; one per device. */
struct wg_cookie_checker {
    uint8_t mac1_key[WG_KEY_LEN];
    uint8_t cookie_key[WG_KEY_LEN]; /* encrypts cookies */
    uint8_t secret[WG_KEY_LEN];     /* cookies are MACs with it */
    uint64_t secret_until_ms;       /* 0: none yet */
};

/* The sending side; one per peer. */
struct wg_cookie_generator {
    uint8_t mac1_key[WG_KEY_LEN];
    uint8_t cookie_key[WG_KEY_LEN];
    uint8_t cookie[WG_COOKIE_LEN];
    uint64_t cookie_until_ms; /* 0: none yet */
};

void wg_cookie_checker_init(struct wg_cookie_checker *c, const struct node_public *me);
void wg_cookie_generator_init(struct wg_cookie_generator *g, const struct node_public *peer);

/* Fills mac1 and, with a cookie in hand, mac2: the last 32 of the len bytes. */
void wg_cookie_add_macs(const struct wg_cookie_generator *g, uint8_t *msg, size_t len,
                        uint64_t now_ms);

/* len is that of an initiation or a response. */
bool wg_cookie_check_mac1(const struct wg_cookie_checker *c, const uint8_t *msg, size_t len);
bool wg_cookie_check_mac2(const struct wg_cookie_checker *c, const uint8_t *msg, size_t len,
                          const struct node_public *from, uint64_t now_ms);

/* The answer to a message refused under load. Renews the secret every two minutes. */
void wg_cookie_create_reply(struct wg_msg_cookie *out, struct wg_cookie_checker *c,
                            const uint8_t *msg, size_t len, const struct node_public *from,
                            uint64_t now_ms);

/* Keeps the cookie. mac1 is that of our message which the reply names. false, with *g as it was,
 * unless authentic. */
bool wg_cookie_consume_reply(struct wg_cookie_generator *g, const struct wg_msg_cookie *reply,
                             const uint8_t mac1[WG_MAC_LEN], uint64_t now_ms);

#endif
