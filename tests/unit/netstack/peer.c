/* See peer.h. */
#include "unit/netstack/peer.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/host.h"
#include "netstack/netstack.h"

const struct ipaddr own4 = {4, {100, 64, 0, 1}}, peer4 = {4, {100, 64, 0, 2}};
const struct ipaddr own6 = {6, {0xfd, 0x7a, 0x11, 0x5c, [15] = 1}};
const struct ipaddr peer6 = {6, {0xfd, 0x7a, 0x11, 0x5c, [15] = 2}};
uint64_t now;

static struct {
    uint8_t bytes[1500];
    size_t len;
} caught[PEER_CAUGHT_MAX];
static size_t caught_at, caught_end;

static void on_output(void *ctx, const uint8_t *packet, size_t len)
{
    size_t i = caught_end++ % PEER_CAUGHT_MAX;

    (void)ctx;
    if (len > sizeof caught[i].bytes)
        abort();
    memcpy(caught[i].bytes, packet, len);
    caught[i].len = len;
}

static void random_bytes(uint8_t *dst, size_t len)
{
    static uint32_t x = 99;

    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        dst[i] = (uint8_t)(x >> 24);
    }
}

void peer_start(void)
{
    static const struct host_calls calls = {.random_bytes = random_bytes};
    static const struct netstack_hooks hooks = {.output = on_output};

    host_init(&calls);
    now = 1000;
    if (netstack_init(&hooks, now) != 0)
        abort();
    netstack_set_addresses(&own4, &own6);
    peer_drop_all();
}

void peer_stop(void)
{
    netstack_wipe();
}

size_t peer_caught(void)
{
    return caught_end - caught_at;
}

void peer_drop_all(void)
{
    caught_at = caught_end;
}

const uint8_t *peer_take(size_t *len)
{
    size_t i = caught_at % PEER_CAUGHT_MAX;

    if (caught_at == caught_end)
        return NULL;
    caught_at++;
    *len = caught[i].len;
    return caught[i].bytes;
}

static uint32_t add_words(uint32_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    return sum;
}

uint16_t peer_sum(const struct ipaddr *from, const struct ipaddr *to, uint8_t proto,
                  const uint8_t *payload, size_t len, bool pseudo)
{
    size_t addr_len = from->family == 4 ? 4 : 16;
    uint32_t sum = add_words(0, payload, len);

    if (pseudo) {
        sum = add_words(sum, from->b, addr_len);
        sum = add_words(sum, to->b, addr_len) + proto + (uint32_t)len;
    }
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

void peer_send(const struct ipaddr *from, const struct ipaddr *to, uint8_t proto,
               const uint8_t *payload, size_t len, int sum_at)
{
    size_t header_len = from->family == 4 ? 20 : 40;
    uint8_t *packet = calloc(1, header_len + len);

    if (from->family == 4) {
        packet[0] = 0x45;
        store_be16(packet + 2, (uint16_t)(20 + len));
        packet[8] = 60;
        packet[9] = proto;
        memcpy(packet + 12, from->b, 4);
        memcpy(packet + 16, to->b, 4);
        store_be16(packet + 10, peer_sum(from, to, 0, packet, 20, false));
    } else {
        packet[0] = 0x60;
        store_be16(packet + 4, (uint16_t)len);
        packet[6] = proto;
        packet[7] = 60;
        memcpy(packet + 8, from->b, 16);
        memcpy(packet + 24, to->b, 16);
    }
    if (len > 0)
        memcpy(packet + header_len, payload, len);
    if (sum_at >= 0) {
        uint8_t *at = packet + header_len + sum_at;

        store_be16(at, 0);
        store_be16(at, peer_sum(from, to, proto, packet + header_len, len, proto != 1));
    }
    netstack_input(packet, header_len + len, now);
    free(packet);
}

void peer_send_segment(uint8_t family, const struct segment *s)
{
    uint8_t *tcp = calloc(1, 60 + s->len);
    size_t header_len = 20 + s->options_len;

    store_be16(tcp, s->sport);
    store_be16(tcp + 2, s->dport);
    store_be32(tcp + 4, s->seq);
    store_be32(tcp + 8, s->ack);
    tcp[12] = (uint8_t)(header_len / 4 << 4);
    tcp[13] = s->flags;
    store_be16(tcp + 14, s->window);
    memcpy(tcp + 20, s->options, s->options_len);
    if (s->len > 0)
        memcpy(tcp + header_len, s->data, s->len);
    if (family == 4)
        peer_send(&peer4, &own4, 6, tcp, header_len + s->len, 16);
    else
        peer_send(&peer6, &own6, 6, tcp, header_len + s->len, 16);
    free(tcp);
}

bool peer_take_segment(struct segment *s)
{
    struct ipaddr src, dst;
    size_t len, total, header_len;
    const uint8_t *packet = peer_take(&len), *tcp;

    if (!packet || !ip_packet_parse(&src, &dst, &total, packet, len) || total != len)
        return false;
    header_len = src.family == 4 ? 20 : 40;
    tcp = packet + header_len;
    len -= header_len;
    if (packet[src.family == 4 ? 9 : 6] != 6 || len < 20 ||
        peer_sum(&src, &dst, 6, tcp, len, true) != 0 ||
        (src.family == 4 && peer_sum(&src, &dst, 0, packet, 20, false) != 0))
        return false;
    s->sport = load_be16(tcp);
    s->dport = load_be16(tcp + 2);
    s->seq = load_be32(tcp + 4);
    s->ack = load_be32(tcp + 8);
    s->flags = tcp[13];
    s->window = load_be16(tcp + 14);
    s->options_len = (size_t)(tcp[12] >> 4) * 4 - 20;
    memcpy(s->options, tcp + 20, s->options_len);
    s->data = tcp + 20 + s->options_len;
    s->len = len - 20 - s->options_len;
    return true;
}
