#include "wg/handshake.h"

#include <string.h>

#include "base/bytes.h"
#include "crypto/dh.h"

static const char construction[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";

/* The state before the first token: prologue and the responder's static key. */
static void noise_begin(struct noise_symmetric *s, const struct node_public *responder)
{
    noise_symmetric_init(s, construction);
    noise_mix_hash(s, (const uint8_t *)identifier, sizeof identifier - 1);
    noise_mix_hash(s, responder->b, sizeof responder->b);
}

/* "e": sent in the clear, mixed into both hash and key. */
static void noise_mix_ephemeral(struct noise_symmetric *s, const uint8_t ephemeral[WG_KEY_LEN])
{
    noise_mix_chain(s, ephemeral, WG_KEY_LEN);
    noise_mix_hash(s, ephemeral, WG_KEY_LEN);
}

/* "psk": always zero here. */
static void noise_mix_psk(struct noise_symmetric *s)
{
    static const uint8_t psk[WG_KEY_LEN];
    noise_mix_key_and_hash(s, psk);
}

bool wg_handshake_precompute(uint8_t static_static[WG_KEY_LEN], const struct wg_identity *me,
                             const struct node_public *peer)
{
    return dh(static_static, me->private_key.b, peer->b);
}

bool wg_handshake_create_initiation(struct wg_msg_initiation *msg, struct wg_initiator *hs,
                                    const struct wg_identity *me, const struct node_public *peer,
                                    const uint8_t static_static[WG_KEY_LEN],
                                    const uint8_t timestamp[WG_TIMESTAMP_LEN], uint32_t sender)
{
    struct noise_symmetric *s = &hs->noise;
    memset(msg, 0, sizeof *msg);
    msg->type[0] = WG_MSG_INITIATION;
    store_le32(msg->sender, sender);
    noise_begin(s, peer);

    /* e */
    dh_generate(hs->ephemeral, msg->ephemeral);
    noise_mix_ephemeral(s, msg->ephemeral);
    /* es */
    if (!noise_mix_dh(s, hs->ephemeral, peer->b)) {
        wipe(hs, sizeof *hs);
        return false;
    }
    /* s */
    noise_encrypt_and_hash(s, msg->encrypted_static, me->public_key.b, WG_KEY_LEN);
    /* ss */
    noise_mix_key(s, static_static, WG_KEY_LEN);
    /* payload */
    noise_encrypt_and_hash(s, msg->encrypted_timestamp, timestamp, WG_TIMESTAMP_LEN);
    return true;
}

bool wg_handshake_consume_static(struct wg_responder *hs, const struct wg_msg_initiation *msg,
                                 const struct wg_identity *me)
{
    struct noise_symmetric *s = &hs->noise;
    memcpy(hs->sender, msg->sender, sizeof hs->sender);
    memcpy(hs->ephemeral, msg->ephemeral, sizeof hs->ephemeral);
    noise_begin(s, &me->public_key);

    /* e */
    noise_mix_ephemeral(s, msg->ephemeral);
    /* es */
    if (!noise_mix_dh(s, me->private_key.b, msg->ephemeral))
        return false;
    /* s */
    return noise_decrypt_and_hash(s, hs->initiator.b, msg->encrypted_static,
                                  sizeof msg->encrypted_static);
}

bool wg_handshake_consume_timestamp(struct wg_responder *hs, const struct wg_msg_initiation *msg,
                                    const uint8_t static_static[WG_KEY_LEN])
{
    struct noise_symmetric *s = &hs->noise;
    /* ss */
    noise_mix_key(s, static_static, WG_KEY_LEN);
    /* payload */
    return noise_decrypt_and_hash(s, hs->timestamp, msg->encrypted_timestamp,
                                  sizeof msg->encrypted_timestamp);
}

bool wg_handshake_create_response(struct wg_msg_response *msg, struct wg_session_keys *keys,
                                  struct wg_responder *hs, uint32_t sender)
{
    struct noise_symmetric *s = &hs->noise;
    uint8_t ephemeral[WG_KEY_LEN];
    memset(msg, 0, sizeof *msg);
    msg->type[0] = WG_MSG_RESPONSE;
    store_le32(msg->sender, sender);
    memcpy(msg->receiver, hs->sender, sizeof msg->receiver);

    /* e */
    dh_generate(ephemeral, msg->ephemeral);
    noise_mix_ephemeral(s, msg->ephemeral);
    /* ee, se */
    bool ok =
        noise_mix_dh(s, ephemeral, hs->ephemeral) && noise_mix_dh(s, ephemeral, hs->initiator.b);
    if (ok) {
        /* psk, payload: nothing */
        noise_mix_psk(s);
        noise_encrypt_and_hash(s, msg->encrypted_nothing, NULL, 0);
        noise_split(s, keys->receive, keys->send);
    }
    wipe(ephemeral, sizeof ephemeral);
    wipe(hs, sizeof *hs);
    return ok;
}

bool wg_handshake_consume_response(struct wg_session_keys *keys, const struct wg_initiator *hs,
                                   const struct wg_msg_response *msg, const struct wg_identity *me)
{
    struct noise_symmetric copy = hs->noise, *s = &copy;
    uint8_t nothing[1];
    /* e, ee, se */
    noise_mix_ephemeral(s, msg->ephemeral);
    bool ok = noise_mix_dh(s, hs->ephemeral, msg->ephemeral) &&
              noise_mix_dh(s, me->private_key.b, msg->ephemeral);
    if (ok) {
        /* psk, payload: nothing */
        noise_mix_psk(s);
        ok = noise_decrypt_and_hash(s, nothing, msg->encrypted_nothing,
                                    sizeof msg->encrypted_nothing);
    }
    if (ok)
        noise_split(s, keys->send, keys->receive);
    else
        wipe(keys, sizeof *keys);
    noise_symmetric_wipe(s);
    return ok;
}

void wg_timestamp_encode(uint8_t out[WG_TIMESTAMP_LEN], uint64_t wall_ms)
{
    const uint64_t tai_of_1970 = UINT64_C(0x400000000000000a);
    store_be64(out, tai_of_1970 + wall_ms / 1000);
    store_be32(out + 8, (uint32_t)(wall_ms % 1000) * 1000000u);
}
