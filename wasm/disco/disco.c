/*
 * disco messages in the words of Tailscale's disco/disco.go:
 *
 *   header   [magic 6][sender's disco key 32][nonce 24]            in the clear
 *   boxed    [type 1][version 1, always 0][body]                   NaCl box, 16 bytes longer
 *   ping     [transaction 12][node key 32, absent in old clients][padding]
 *   pong     [transaction 12][address 16, IPv4 mapped][port 2 BE]
 *
 * Bytes after a known body are ignored: that is how the protocol grows.
 */
#include "disco/disco.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/host.h"

enum {
    MAGIC_LEN = 6,
    SENDER_AT = MAGIC_LEN,
    NONCE_AT = SENDER_AT + KEY_LEN,
    BOX_AT = NONCE_AT + BOX_NONCE_LEN,
    TYPE_LEN = 2, /* type and version */
    PING_LEN = DISCO_TX_ID_LEN + KEY_LEN,
    ADDRESS_LEN = 16,
    PONG_LEN = DISCO_TX_ID_LEN + ADDRESS_LEN + 2,
    /* The largest datagram that is opened; a ping's padding probes at most the path's MTU. */
    OPEN_MAX_LEN = 2048,
};

static_assert(BOX_AT == 62, "wire size");
static_assert(BOX_AT + BOX_OVERHEAD + TYPE_LEN + PING_LEN <= DISCO_MAX_LEN, "a ping fits");

static const uint8_t disco_magic[MAGIC_LEN] = {0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac};

bool disco_is_message(const uint8_t *datagram, size_t len)
{
    return len >= BOX_AT && memcmp(datagram, disco_magic, MAGIC_LEN) == 0;
}

void disco_sender(struct disco_public *out, const uint8_t *datagram)
{
    memcpy(out->b, datagram + SENDER_AT, KEY_LEN);
}

/* Reads what was boxed into *m. 0 or IPN_ERR_PROTOCOL. */
static int parse_boxed(struct disco_message *m, const uint8_t *boxed, size_t len)
{
    const uint8_t *body = boxed + TYPE_LEN;
    size_t body_len = len - TYPE_LEN;

    m->type = boxed[0];
    if (boxed[1] != 0)
        return IPN_ERR_PROTOCOL;
    if (m->type == DISCO_PING || m->type == DISCO_PONG) {
        if (body_len < (m->type == DISCO_PONG ? (size_t)PONG_LEN : DISCO_TX_ID_LEN))
            return IPN_ERR_PROTOCOL;
        memcpy(m->tx_id, body, DISCO_TX_ID_LEN);
    }
    if (m->type == DISCO_PING && body_len >= PING_LEN) {
        m->has_node_key = true;
        memcpy(m->node_key.b, body + DISCO_TX_ID_LEN, KEY_LEN);
    }
    return 0;
}

int disco_open(struct disco_message *out, const uint8_t *datagram, size_t len,
               const struct disco_private *key)
{
    struct disco_message m = {0};
    uint8_t shared[BOX_SHARED_LEN], boxed[OPEN_MAX_LEN];
    int rc = IPN_ERR_CRYPTO;

    if (len < BOX_AT + BOX_OVERHEAD + TYPE_LEN || len > OPEN_MAX_LEN ||
        !disco_is_message(datagram, len))
        return IPN_ERR_PROTOCOL;
    disco_sender(&m.from, datagram);
    if (box_precompute(shared, m.from.b, key->b) &&
        box_open(boxed, datagram + BOX_AT, len - BOX_AT, datagram + NONCE_AT, shared))
        rc = parse_boxed(&m, boxed, len - BOX_AT - BOX_OVERHEAD);
    if (rc == 0)
        *out = m;
    wipe(shared, sizeof shared);
    return rc;
}

/* Header and box around len boxed bytes; 0 if the receiver's key is a point of low order. */
static size_t seal(uint8_t out[DISCO_MAX_LEN], const uint8_t *boxed, size_t len,
                   const struct disco_public *my_public, const struct disco_private *my_private,
                   const struct disco_public *to)
{
    uint8_t shared[BOX_SHARED_LEN];

    if (!box_precompute(shared, to->b, my_private->b))
        return 0;
    memcpy(out, disco_magic, MAGIC_LEN);
    memcpy(out + SENDER_AT, my_public->b, KEY_LEN);
    host_random(out + NONCE_AT, BOX_NONCE_LEN);
    box_seal(out + BOX_AT, boxed, len, out + NONCE_AT, shared);
    wipe(shared, sizeof shared);
    return BOX_AT + BOX_OVERHEAD + len;
}

size_t disco_seal_ping(uint8_t out[DISCO_MAX_LEN], const uint8_t tx_id[DISCO_TX_ID_LEN],
                       const struct node_public *my_node, const struct disco_public *my_public,
                       const struct disco_private *my_private, const struct disco_public *to)
{
    uint8_t boxed[TYPE_LEN + PING_LEN] = {DISCO_PING, 0};

    memcpy(boxed + TYPE_LEN, tx_id, DISCO_TX_ID_LEN);
    memcpy(boxed + TYPE_LEN + DISCO_TX_ID_LEN, my_node->b, KEY_LEN);
    return seal(out, boxed, sizeof boxed, my_public, my_private, to);
}

size_t disco_seal_pong(uint8_t out[DISCO_MAX_LEN], const uint8_t tx_id[DISCO_TX_ID_LEN], int region,
                       const struct disco_public *my_public, const struct disco_private *my_private,
                       const struct disco_public *to)
{
    static const uint8_t derp_address[ADDRESS_LEN] = {[10] = 0xff, 0xff, 127, 3, 3, 40};
    uint8_t boxed[TYPE_LEN + PONG_LEN] = {DISCO_PONG, 0};

    memcpy(boxed + TYPE_LEN, tx_id, DISCO_TX_ID_LEN);
    memcpy(boxed + TYPE_LEN + DISCO_TX_ID_LEN, derp_address, ADDRESS_LEN);
    store_be16(boxed + TYPE_LEN + DISCO_TX_ID_LEN + ADDRESS_LEN, (uint16_t)region);
    return seal(out, boxed, sizeof boxed, my_public, my_private, to);
}
