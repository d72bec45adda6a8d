/* DERP's codec: see derp_frame.h for the drawing. */
#include "derp/derp_frame.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"

static const uint8_t DERP_MAGIC[DERP_MAGIC_LEN] = {'D', 'E', 'R', 'P', 0xf0, 0x9f, 0x94, 0x91};
static const char CLIENT_INFO_JSON[] = "{\"version\":2,\"CanAckPings\":true}";

enum { CLIENT_INFO_JSON_LEN = sizeof CLIENT_INFO_JSON - 1 };

/* The longest ServerInfo that is looked at; today's are under 100 bytes. */
enum { SERVER_INFO_MAX_LEN = 4096 };

static_assert(DERP_HEADER_LEN + KEY_LEN + BOX_NONCE_LEN + BOX_OVERHEAD + CLIENT_INFO_JSON_LEN <=
                  DERP_CLIENT_INFO_CAP,
              "ClientInfo fits");

void derp_reader_init(struct derp_reader *r)
{
    memset(r, 0, sizeof *r);
    buf_init(&r->carry, DERP_HEADER_LEN + DERP_MAX_BODY);
}

void derp_reader_wipe(struct derp_reader *r)
{
    buf_wipe(&r->carry);
    derp_reader_init(r);
}

int derp_reader_input(struct derp_reader *r, uint8_t *data, size_t len)
{
    if (r->in_len > 0)
        return IPN_ERR_STATE;
    r->in = data;
    r->in_len = len;
    return 0;
}

/* Moves input to the carry until that holds want bytes: 1, or 0 when the input ends before. */
static int carry_fill(struct derp_reader *r, size_t want)
{
    size_t n = want - r->carry.len;
    if (n > r->in_len)
        n = r->in_len;
    if (n > 0 && buf_append(&r->carry, r->in, n) < 0)
        return IPN_ERR_NOMEM;
    r->in += n;
    r->in_len -= n;
    return r->carry.len == want;
}

static int next_from_carry(struct derp_reader *r, struct derp_frame *frame)
{
    if (r->carry.len < DERP_HEADER_LEN) {
        int rv = carry_fill(r, DERP_HEADER_LEN);
        if (rv <= 0)
            return rv;
    }
    size_t len = load_be32(buf_head(&r->carry) + 1);
    if (len > DERP_MAX_BODY)
        return IPN_ERR_PROTOCOL;
    int rv = carry_fill(r, DERP_HEADER_LEN + len);
    if (rv <= 0)
        return rv;
    frame->type = buf_head(&r->carry)[0];
    frame->body = buf_head(&r->carry) + DERP_HEADER_LEN;
    frame->len = len;
    r->carry_used = true;
    return 1;
}

int derp_reader_next(struct derp_reader *r, struct derp_frame *frame)
{
    if (r->carry_used) {
        buf_consume(&r->carry, r->carry.len);
        r->carry_used = false;
    }
    if (r->in_len == 0)
        return 0;
    if (r->carry.len > 0 || r->in_len < DERP_HEADER_LEN)
        return next_from_carry(r, frame);
    size_t len = load_be32(r->in + 1);
    if (len > DERP_MAX_BODY)
        return IPN_ERR_PROTOCOL;
    if (r->in_len - DERP_HEADER_LEN < len)
        return next_from_carry(r, frame);
    frame->type = r->in[0];
    frame->body = r->in + DERP_HEADER_LEN;
    frame->len = len;
    r->in += DERP_HEADER_LEN + len;
    r->in_len -= DERP_HEADER_LEN + len;
    return 1;
}

void derp_frame_header(uint8_t out[DERP_HEADER_LEN], enum derp_frame_type type, size_t len)
{
    out[0] = (uint8_t)type;
    store_be32(out + 1, (uint32_t)len);
}

void derp_frame_send_header(uint8_t out[DERP_SEND_HEADER_LEN], const struct node_public *to,
                            size_t len)
{
    derp_frame_header(out, DERP_FRAME_SEND_PACKET, KEY_LEN + len);
    memcpy(out + DERP_HEADER_LEN, to->b, KEY_LEN);
}

int derp_frame_parse_server_key(struct node_public *out, const uint8_t *body, size_t len)
{
    if (len < DERP_MAGIC_LEN + KEY_LEN)
        return IPN_ERR_PROTOCOL; /* longer: future use */
    if (memcmp(body, DERP_MAGIC, DERP_MAGIC_LEN) != 0)
        return IPN_ERR_PROTOCOL;
    memcpy(out->b, body + DERP_MAGIC_LEN, KEY_LEN);
    return 0;
}

size_t derp_frame_client_info(uint8_t out[DERP_CLIENT_INFO_CAP], const struct node_public *our_key,
                              const uint8_t nonce[BOX_NONCE_LEN],
                              const uint8_t shared[BOX_SHARED_LEN])
{
    size_t len = KEY_LEN + BOX_NONCE_LEN + BOX_OVERHEAD + CLIENT_INFO_JSON_LEN;
    uint8_t *at = out + DERP_HEADER_LEN;
    derp_frame_header(out, DERP_FRAME_CLIENT_INFO, len);
    memcpy(at, our_key->b, KEY_LEN);
    memcpy(at + KEY_LEN, nonce, BOX_NONCE_LEN);
    box_seal(at + KEY_LEN + BOX_NONCE_LEN, (const uint8_t *)CLIENT_INFO_JSON, CLIENT_INFO_JSON_LEN,
             nonce, shared);
    return DERP_HEADER_LEN + len;
}

bool derp_frame_open_server_info(const uint8_t *body, size_t len,
                                 const uint8_t shared[BOX_SHARED_LEN])
{
    uint8_t json[SERVER_INFO_MAX_LEN];
    if (len < BOX_NONCE_LEN + BOX_OVERHEAD || len > sizeof json)
        return false;
    return box_open(json, body + BOX_NONCE_LEN, len - BOX_NONCE_LEN, body, shared);
}
