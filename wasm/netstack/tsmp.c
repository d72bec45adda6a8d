/* See tsmp.h. No lwIP here. */
#include "netstack/tsmp.h"

#include <string.h>

#include "base/bytes.h"
#include "netstack/checksum.h"

enum {
    TSMP_TYPE_REJECT = '!',
    TSMP_TYPE_PING = 'p',
    TSMP_TYPE_PONG = 'o',
    TSMP_REJECT_LEN = 7,
    TSMP_REJECT_MAYBE_BROKEN = 0x01,
    TSMP_PING_LEN = 9,
    TSMP_PONG_LEN = 11,
    IP4_HEADER_LEN = 20,
    IP6_HEADER_LEN = 40,
    HOP_LIMIT = 64,
};

bool tsmp_reject_parse(struct tsmp_reject *out, const uint8_t *payload, size_t len)
{
    if (len < TSMP_REJECT_LEN || payload[0] != TSMP_TYPE_REJECT)
        return false;
    out->ip_proto = payload[1];
    out->reason = payload[2];
    out->our_port = load_be16(payload + 3);
    out->their_port = load_be16(payload + 5);
    out->maybe_broken = len > TSMP_REJECT_LEN && (payload[7] & TSMP_REJECT_MAYBE_BROKEN);
    return true;
}

static void ip4_header_create(uint8_t out[IP4_HEADER_LEN], const struct ipaddr *from,
                              const struct ipaddr *to, size_t payload_len)
{
    uint16_t sum;

    memset(out, 0, IP4_HEADER_LEN);
    out[0] = 0x45;
    store_be16(out + 2, (uint16_t)(IP4_HEADER_LEN + payload_len));
    out[6] = 0x40; /* don't fragment */
    out[8] = HOP_LIMIT;
    out[9] = TSMP_IP_PROTO;
    memcpy(out + 12, from->b, 4);
    memcpy(out + 16, to->b, 4);
    sum = (uint16_t)~netstack_checksum(out, IP4_HEADER_LEN);
    memcpy(out + 10, &sum, sizeof sum);
}

static void ip6_header_create(uint8_t out[IP6_HEADER_LEN], const struct ipaddr *from,
                              const struct ipaddr *to, size_t payload_len)
{
    memset(out, 0, IP6_HEADER_LEN);
    out[0] = 0x60;
    store_be16(out + 4, (uint16_t)payload_len);
    out[6] = TSMP_IP_PROTO;
    out[7] = HOP_LIMIT;
    memcpy(out + 8, from->b, 16);
    memcpy(out + 24, to->b, 16);
}

size_t tsmp_pong_create(uint8_t out[TSMP_PONG_MAX_LEN], const struct ipaddr *from,
                        const struct ipaddr *to, const uint8_t *payload, size_t len)
{
    size_t header_len = from->family == 4 ? IP4_HEADER_LEN : IP6_HEADER_LEN;

    if (len < TSMP_PING_LEN || payload[0] != TSMP_TYPE_PING || from->family != to->family)
        return 0;
    if (from->family == 4)
        ip4_header_create(out, from, to, TSMP_PONG_LEN);
    else
        ip6_header_create(out, from, to, TSMP_PONG_LEN);
    out[header_len] = TSMP_TYPE_PONG;
    memcpy(out + header_len + 1, payload + 1, TSMP_PING_LEN - 1);
    store_be16(out + header_len + TSMP_PING_LEN, 0);
    return header_len + TSMP_PONG_LEN;
}
