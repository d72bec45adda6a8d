#include "wg/cookie.h"

#include <string.h>

#include "base/bytes.h"
#include "base/host.h"
#include "crypto/aead.h"
#include "crypto/blake2s.h"

static const char label_mac1[8] = {'m', 'a', 'c', '1', '-', '-', '-', '-'};
static const char label_cookie[8] = {'c', 'o', 'o', 'k', 'i', 'e', '-', '-'};

/* HASH(label || key): the keys that everyone who knows a public key can derive. */
static void derive_key(uint8_t out[WG_KEY_LEN], const char label[8], const struct node_public *key)
{
    struct blake2s h;
    blake2s_init(&h, BLAKE2S_LEN, NULL, 0);
    blake2s_update(&h, (const uint8_t *)label, 8);
    blake2s_update(&h, key->b, sizeof key->b);
    blake2s_final(&h, out);
}

static void mac(uint8_t out[WG_MAC_LEN], const uint8_t *key, size_t key_len, const uint8_t *src,
                size_t len)
{
    blake2s(out, WG_MAC_LEN, key, key_len, src, len);
}

void wg_cookie_checker_init(struct wg_cookie_checker *c, const struct node_public *me)
{
    memset(c, 0, sizeof *c);
    derive_key(c->mac1_key, label_mac1, me);
    derive_key(c->cookie_key, label_cookie, me);
}

void wg_cookie_generator_init(struct wg_cookie_generator *g, const struct node_public *peer)
{
    memset(g, 0, sizeof *g);
    derive_key(g->mac1_key, label_mac1, peer);
    derive_key(g->cookie_key, label_cookie, peer);
}

void wg_cookie_add_macs(const struct wg_cookie_generator *g, uint8_t *msg, size_t len,
                        uint64_t now_ms)
{
    uint8_t *mac1 = msg + len - 2 * WG_MAC_LEN, *mac2 = msg + len - WG_MAC_LEN;
    mac(mac1, g->mac1_key, WG_KEY_LEN, msg, len - 2 * WG_MAC_LEN);
    if (now_ms < g->cookie_until_ms)
        mac(mac2, g->cookie, WG_COOKIE_LEN, msg, len - WG_MAC_LEN);
    else
        memset(mac2, 0, WG_MAC_LEN);
}

bool wg_cookie_check_mac1(const struct wg_cookie_checker *c, const uint8_t *msg, size_t len)
{
    uint8_t expected[WG_MAC_LEN];
    mac(expected, c->mac1_key, WG_KEY_LEN, msg, len - 2 * WG_MAC_LEN);
    return bytes_equal(expected, msg + len - 2 * WG_MAC_LEN, WG_MAC_LEN);
}

static void make_cookie(uint8_t out[WG_COOKIE_LEN], const struct wg_cookie_checker *c,
                        const struct node_public *from)
{
    mac(out, c->secret, sizeof c->secret, from->b, sizeof from->b);
}

bool wg_cookie_check_mac2(const struct wg_cookie_checker *c, const uint8_t *msg, size_t len,
                          const struct node_public *from, uint64_t now_ms)
{
    if (now_ms >= c->secret_until_ms)
        return false;
    uint8_t cookie[WG_COOKIE_LEN], expected[WG_MAC_LEN];
    make_cookie(cookie, c, from);
    mac(expected, cookie, sizeof cookie, msg, len - WG_MAC_LEN);
    bool ok = bytes_equal(expected, msg + len - WG_MAC_LEN, WG_MAC_LEN);
    wipe(cookie, sizeof cookie);
    wipe(expected, sizeof expected);
    return ok;
}

void wg_cookie_create_reply(struct wg_msg_cookie *out, struct wg_cookie_checker *c,
                            const uint8_t *msg, size_t len, const struct node_public *from,
                            uint64_t now_ms)
{
    if (now_ms >= c->secret_until_ms) {
        host_random(c->secret, sizeof c->secret);
        c->secret_until_ms = now_ms + COOKIE_REFRESH_TIME_MS;
    }
    uint8_t cookie[WG_COOKIE_LEN];
    make_cookie(cookie, c, from);
    memset(out, 0, sizeof *out);
    out->type[0] = WG_MSG_COOKIE;
    memcpy(out->receiver, msg + 4, sizeof out->receiver); /* both kinds have their sender there */
    host_random(out->nonce, sizeof out->nonce);
    xaead_seal(out->encrypted_cookie, cookie, sizeof cookie, msg + len - 2 * WG_MAC_LEN, WG_MAC_LEN,
               out->nonce, c->cookie_key);
    wipe(cookie, sizeof cookie);
}

bool wg_cookie_consume_reply(struct wg_cookie_generator *g, const struct wg_msg_cookie *reply,
                             const uint8_t mac1[WG_MAC_LEN], uint64_t now_ms)
{
    uint8_t cookie[WG_COOKIE_LEN];
    bool ok = xaead_open(cookie, reply->encrypted_cookie, sizeof reply->encrypted_cookie, mac1,
                         WG_MAC_LEN, reply->nonce, g->cookie_key);
    if (ok) {
        memcpy(g->cookie, cookie, sizeof g->cookie);
        g->cookie_until_ms = now_ms + COOKIE_REFRESH_TIME_MS - COOKIE_SECRET_LATENCY_MS;
    }
    wipe(cookie, sizeof cookie);
    return ok;
}
