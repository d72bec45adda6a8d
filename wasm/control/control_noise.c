/*
 * Handshake and records of ts2021. The layout of every message is drawn in the header; the tokens
 * below are those of the Noise specification (revision 34, section 7.5), pattern IK:
 *
 *   <- s    ...    -> e, es, s, ss    <- e, ee, se
 */
#include "control/control_noise.h"

#include <string.h>

#include "base/err.h"
#include "base/host.h"
#include "control/control_text.h"
#include "crypto/aead.h"
#include "crypto/dh.h"

#define PROTOCOL_NAME "Noise_IK_25519_ChaChaPoly_BLAKE2s"
#define PROLOGUE_PREFIX "Tailscale Control Protocol v"

enum message_type { MESSAGE_INITIATION = 1, MESSAGE_RESPONSE, MESSAGE_ERROR, MESSAGE_RECORD };

/* The version stands in the prologue as decimal text, and in the message as an integer. */
static void mix_prologue(struct noise_symmetric *s, uint16_t version)
{
    char text[sizeof PROLOGUE_PREFIX + 5] = PROLOGUE_PREFIX;
    size_t len = sizeof PROLOGUE_PREFIX - 1, digits = 1;

    for (uint32_t v = version; v >= 10; v /= 10)
        digits++;
    for (size_t i = digits, v = version; i > 0; i--, v /= 10)
        text[len + i - 1] = (char)('0' + v % 10);
    noise_mix_hash(s, (const uint8_t *)text, len + digits);
}

static void start(struct control_noise *cn, const struct machine_private *machine,
                  const uint8_t ephemeral[KEY_LEN])
{
    uint8_t key[KEY_LEN];

    memcpy(key, ephemeral, KEY_LEN);
    control_noise_wipe(cn);
    memcpy(cn->ephemeral, key, KEY_LEN);
    memcpy(cn->machine, machine->b, KEY_LEN);
    wipe(key, sizeof key);
}

int control_noise_create_initiation_with(struct control_noise *cn,
                                         uint8_t out[CONTROL_NOISE_INITIATION_LEN],
                                         uint16_t version, const struct machine_private *machine,
                                         const struct machine_public *server,
                                         const uint8_t ephemeral[KEY_LEN])
{
    struct noise_symmetric *s = &cn->handshake;
    struct machine_public self;
    uint8_t *e = out + 5, *sealed_key = e + KEY_LEN, *tag = sealed_key + KEY_LEN + NOISE_TAG_LEN;

    start(cn, machine, ephemeral);
    store_be16(out, version);
    out[2] = MESSAGE_INITIATION;
    store_be16(out + 3, CONTROL_NOISE_INITIATION_LEN - 5);

    noise_symmetric_init(s, PROTOCOL_NAME);
    mix_prologue(s, version);
    noise_mix_hash(s, server->b, KEY_LEN); /* <- s */

    dh_public(e, cn->ephemeral); /* -> e */
    noise_mix_hash(s, e, KEY_LEN);
    if (!noise_mix_dh(s, cn->ephemeral, server->b)) /* es */
        return IPN_ERR_CRYPTO;
    machine_public_derive(&self, machine);
    noise_encrypt_and_hash(s, sealed_key, self.b, KEY_LEN); /* s */
    if (!noise_mix_dh(s, cn->machine, server->b))           /* ss */
        return IPN_ERR_CRYPTO;
    noise_encrypt_and_hash(s, tag, NULL, 0);
    cn->state = CONTROL_NOISE_EXPECT_RESPONSE;
    return 0;
}

int control_noise_create_initiation(struct control_noise *cn,
                                    uint8_t out[CONTROL_NOISE_INITIATION_LEN], uint16_t version,
                                    const struct machine_private *machine,
                                    const struct machine_public *server)
{
    uint8_t ephemeral[KEY_LEN], unused[KEY_LEN];
    int err;

    dh_generate(ephemeral, unused);
    err = control_noise_create_initiation_with(cn, out, version, machine, server, ephemeral);
    wipe(ephemeral, sizeof ephemeral);
    return err;
}

static int consume_response(struct control_noise *cn)
{
    struct noise_symmetric *s = &cn->handshake;
    const uint8_t *e = cn->rx + CONTROL_NOISE_HEADER_LEN;
    uint8_t nothing[1];

    noise_mix_hash(s, e, KEY_LEN);             /* <- e */
    if (!noise_mix_dh(s, cn->ephemeral, e) ||  /* ee */
        !noise_mix_dh(s, cn->machine, e) ||    /* se */
        !noise_decrypt_and_hash(s, nothing, e + KEY_LEN, NOISE_TAG_LEN))
        return IPN_ERR_CRYPTO;
    noise_split(s, cn->tx_key, cn->rx_key);
    noise_symmetric_wipe(s);
    wipe(cn->ephemeral, sizeof cn->ephemeral);
    wipe(cn->machine, sizeof cn->machine);
    cn->state = CONTROL_NOISE_EXPECT_RECORDS;
    return CONTROL_NOISE_READY;
}

static int consume_record(struct control_noise *cn, size_t len, struct bytes *plain)
{
    uint8_t nonce[AEAD_NONCE_LEN], *at = cn->rx + CONTROL_NOISE_HEADER_LEN;

    if (cn->rx_counter == UINT64_MAX)
        return IPN_ERR_CRYPTO;
    aead_nonce_be(nonce, cn->rx_counter++);
    if (!aead_open(at, at, len, NULL, 0, nonce, cn->rx_key))
        return IPN_ERR_CRYPTO;
    plain->data = at;
    plain->len = len - NOISE_TAG_LEN;
    return CONTROL_NOISE_RECORD;
}

/* The length of the message whose header is in rx, or IPN_ERR_PROTOCOL if such a message may not
 * come now. */
static int message_len(const struct control_noise *cn)
{
    size_t len = load_be16(cn->rx + 1);
    bool handshaking = cn->state == CONTROL_NOISE_EXPECT_RESPONSE;

    switch (cn->rx[0]) {
    case MESSAGE_RESPONSE:
        if (!handshaking || len != CONTROL_NOISE_RESPONSE_LEN - CONTROL_NOISE_HEADER_LEN)
            return IPN_ERR_PROTOCOL;
        break;
    case MESSAGE_ERROR: /* longer texts are cut, the connection is over anyway */
        if (len > CONTROL_NOISE_MAX_RECORD - CONTROL_NOISE_HEADER_LEN)
            len = CONTROL_NOISE_MAX_RECORD - CONTROL_NOISE_HEADER_LEN;
        break;
    case MESSAGE_RECORD:
        if (handshaking || len < NOISE_TAG_LEN ||
            len > CONTROL_NOISE_MAX_RECORD - CONTROL_NOISE_HEADER_LEN)
            return IPN_ERR_PROTOCOL;
        break;
    default:
        return IPN_ERR_PROTOCOL;
    }
    return (int)len;
}

static int consume_message(struct control_noise *cn, size_t len, struct bytes *plain)
{
    cn->rx_len = 0;
    switch (cn->rx[0]) {
    case MESSAGE_RESPONSE:
        return consume_response(cn);
    case MESSAGE_RECORD:
        return consume_record(cn, len, plain);
    default:
        control_text_sanitise(cn->hint, sizeof cn->hint, cn->rx + CONTROL_NOISE_HEADER_LEN, len);
        return IPN_ERR_PROTOCOL;
    }
}

/* Moves bytes from *src until rx holds want; false if *src was not enough. */
static bool gather(struct control_noise *cn, size_t want, struct bytes *src)
{
    size_t n = want - cn->rx_len < src->len ? want - cn->rx_len : src->len;

    if (n > 0)
        memcpy(cn->rx + cn->rx_len, src->data, n);
    cn->rx_len += n;
    src->data += n;
    src->len -= n;
    return cn->rx_len == want;
}

static int fail(struct control_noise *cn, int err)
{
    char hint[CONTROL_NOISE_HINT_CAP];

    memcpy(hint, cn->hint, sizeof hint);
    control_noise_wipe(cn);
    memcpy(cn->hint, hint, sizeof hint);
    cn->state = CONTROL_NOISE_FAILED;
    return err;
}

int control_noise_input(struct control_noise *cn, struct bytes *src, struct bytes *plain)
{
    int len, result;

    if (cn->state != CONTROL_NOISE_EXPECT_RESPONSE && cn->state != CONTROL_NOISE_EXPECT_RECORDS)
        return IPN_ERR_STATE;
    if (cn->rx_len < CONTROL_NOISE_HEADER_LEN && !gather(cn, CONTROL_NOISE_HEADER_LEN, src))
        return CONTROL_NOISE_MORE;
    len = message_len(cn);
    if (len < 0)
        return fail(cn, len);
    if (!gather(cn, CONTROL_NOISE_HEADER_LEN + (size_t)len, src))
        return CONTROL_NOISE_MORE;
    result = consume_message(cn, (size_t)len, plain);
    return result < 0 ? fail(cn, result) : result;
}

int control_noise_seal(struct control_noise *cn, uint8_t *dst, const uint8_t *src, size_t len)
{
    uint8_t nonce[AEAD_NONCE_LEN];

    if (cn->state != CONTROL_NOISE_EXPECT_RECORDS || cn->tx_counter == UINT64_MAX)
        return IPN_ERR_STATE;
    if (len > CONTROL_NOISE_MAX_PLAIN)
        return IPN_ERR_ARG;
    dst[0] = MESSAGE_RECORD;
    store_be16(dst + 1, (uint16_t)(len + NOISE_TAG_LEN));
    aead_nonce_be(nonce, cn->tx_counter++);
    aead_seal(dst + CONTROL_NOISE_HEADER_LEN, src, len, NULL, 0, nonce, cn->tx_key);
    return (int)(len + CONTROL_NOISE_OVERHEAD);
}

void control_noise_wipe(struct control_noise *cn)
{
    wipe(cn, sizeof *cn);
}
