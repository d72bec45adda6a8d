/*
 * The four messages of WireGuard on the wire (whitepaper 5.4) and the protocol's constants
 * (6.1), in the paper's words. Integers are little-endian byte arrays; read them with load_le32.
 *
 *   initiation  [1 000][sender][ephemeral 32][static 32+16][timestamp 12+16][mac1 16][mac2 16]
 *   response    [2 000][sender][receiver][ephemeral 32][empty 16][mac1 16][mac2 16]
 *   cookie      [3 000][receiver][nonce 24][cookie 16+16]
 *   transport   [4 000][receiver][counter 8][padded IP packet + 16]
 */
#ifndef WG_MESSAGES_H
#define WG_MESSAGES_H

#include <assert.h>
#include <stdint.h>

enum wg_constants {
    REKEY_AFTER_TIME_MS = 120 * 1000,
    REJECT_AFTER_TIME_MS = 180 * 1000,
    REKEY_ATTEMPT_TIME_MS = 90 * 1000,
    REKEY_TIMEOUT_MS = 5 * 1000,
    REKEY_TIMEOUT_JITTER_MAX_MS = 333,
    KEEPALIVE_TIMEOUT_MS = 10 * 1000,
    COOKIE_REFRESH_TIME_MS = 120 * 1000,
    COOKIE_SECRET_LATENCY_MS = 5 * 1000,  /* a cookie is not used in its last five seconds */
    INITIATION_INTERVAL_MS = 20,          /* a peer takes one initiation per 20 ms */
    ZERO_KEY_MATERIAL_MS = 3 * REJECT_AFTER_TIME_MS,

    WG_KEY_LEN = 32,
    WG_MAC_LEN = 16,
    WG_TAG_LEN = 16,
    WG_TIMESTAMP_LEN = 12, /* TAI64N */
    WG_COOKIE_LEN = 16,
    WG_PADDING = 16,
};
#define REKEY_AFTER_MESSAGES (UINT64_C(1) << 60)
#define REJECT_AFTER_MESSAGES (UINT64_MAX - (UINT64_C(1) << 13))

enum wg_message_type {
    WG_MSG_INITIATION = 1,
    WG_MSG_RESPONSE = 2,
    WG_MSG_COOKIE = 3,
    WG_MSG_TRANSPORT = 4,
};

struct wg_msg_initiation {
    uint8_t type[4];
    uint8_t sender[4];
    uint8_t ephemeral[WG_KEY_LEN];
    uint8_t encrypted_static[WG_KEY_LEN + WG_TAG_LEN];
    uint8_t encrypted_timestamp[WG_TIMESTAMP_LEN + WG_TAG_LEN];
    uint8_t mac1[WG_MAC_LEN];
    uint8_t mac2[WG_MAC_LEN];
};
static_assert(sizeof(struct wg_msg_initiation) == 148, "wire size");

struct wg_msg_response {
    uint8_t type[4];
    uint8_t sender[4];
    uint8_t receiver[4];
    uint8_t ephemeral[WG_KEY_LEN];
    uint8_t encrypted_nothing[WG_TAG_LEN];
    uint8_t mac1[WG_MAC_LEN];
    uint8_t mac2[WG_MAC_LEN];
};
static_assert(sizeof(struct wg_msg_response) == 92, "wire size");

struct wg_msg_cookie {
    uint8_t type[4];
    uint8_t receiver[4];
    uint8_t nonce[24];
    uint8_t encrypted_cookie[WG_COOKIE_LEN + WG_TAG_LEN];
};
static_assert(sizeof(struct wg_msg_cookie) == 64, "wire size");

struct wg_msg_transport {
    uint8_t type[4];
    uint8_t receiver[4];
    uint8_t counter[8];
};
static_assert(sizeof(struct wg_msg_transport) == 16, "wire size");

enum { WG_TRANSPORT_OVERHEAD = sizeof(struct wg_msg_transport) + WG_TAG_LEN };

#endif
