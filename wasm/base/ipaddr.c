/*
 * Addresses in text and in IP headers. An IPv4-mapped IPv6 address stays an IPv6 address.
 */
#include "base/ipaddr.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

enum { IPV4_HEADER_LEN = 20, IPV6_HEADER_LEN = 40 };

/* Text that is being read. */
struct cursor {
    const char *at, *end;
};

static bool take_char(struct cursor *c, char want)
{
    if (c->at == c->end || *c->at != want)
        return false;
    c->at++;
    return true;
}

/* A decimal number up to max without leading zeros. */
static bool take_decimal(struct cursor *c, unsigned max, unsigned *out)
{
    const char *start = c->at;
    unsigned v = 0;

    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        v = v * 10 + (unsigned)(*c->at++ - '0');
        if (v > max)
            return false;
    }
    *out = v;
    return c->at > start && (*start != '0' || c->at == start + 1);
}

static bool take_quad(struct cursor *c, uint8_t out[4])
{
    for (int i = 0; i < 4; i++) {
        unsigned v;

        if ((i > 0 && !take_char(c, '.')) || !take_decimal(c, 255, &v))
            return false;
        out[i] = (uint8_t)v;
    }
    return true;
}

static int hex_digit(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    if (ch >= 'a' && ch <= 'f')
        return ch - 'a' + 10;
    if (ch >= 'A' && ch <= 'F')
        return ch - 'A' + 10;
    return -1;
}

/* One to four hex digits. */
static bool take_group(struct cursor *c, unsigned *out)
{
    const char *start = c->at;
    unsigned v = 0;

    while (c->at < c->end && c->at - start < 4 && hex_digit(*c->at) >= 0)
        v = v << 4 | (unsigned)hex_digit(*c->at++);
    *out = v;
    return c->at > start;
}

/* Reads groups and perhaps a "::" into out; the groups after the gap move to the end at last. */
static bool take_ipv6(struct cursor *c, uint8_t out[16])
{
    size_t len = 0, gap = SIZE_MAX;

    memset(out, 0, 16);
    if (take_char(c, ':')) {
        if (!take_char(c, ':'))
            return false;
        gap = 0;
    }
    while (len < 16 && c->at < c->end) {
        struct cursor before = *c;
        unsigned v;

        if (!take_group(c, &v))
            return false;
        if (c->at < c->end && *c->at == '.') { /* the last 32 bits as a dotted quad */
            *c = before;
            if (len > 12 || !take_quad(c, out + len))
                return false;
            len += 4;
            break;
        }
        store_be16(out + len, (uint16_t)v);
        len += 2;
        if (c->at == c->end)
            break;
        if (!take_char(c, ':'))
            return false;
        if (gap == SIZE_MAX && take_char(c, ':'))
            gap = len;
        else if (len == 16 || c->at == c->end)
            return false;
    }
    if (gap == SIZE_MAX)
        return len == 16;
    if (len == 16) /* "::" must stand for at least one group */
        return false;
    memmove(out + 16 - (len - gap), out + gap, len - gap);
    memset(out + gap, 0, 16 - len);
    return true;
}

int ipaddr_parse(struct ipaddr *out, const char *text, size_t len)
{
    struct cursor c = {text, text + len};
    struct ipaddr a = {0};

    if (len == 0 || len >= IPADDR_TEXT_LEN)
        return IPN_ERR_ARG;
    if (memchr(text, ':', len)) {
        a.family = 6;
        if (!take_ipv6(&c, a.b))
            return IPN_ERR_ARG;
    } else {
        a.family = 4;
        if (!take_quad(&c, a.b))
            return IPN_ERR_ARG;
    }
    if (c.at != c.end)
        return IPN_ERR_ARG;
    *out = a;
    return 0;
}

static unsigned family_bits(const struct ipaddr *a)
{
    return a->family == 4 ? 32 : 128;
}

int ipprefix_parse(struct ipprefix *out, const char *text, size_t len)
{
    const char *slash = len ? memchr(text, '/', len) : NULL;
    struct ipprefix p;
    unsigned bits;

    if (ipaddr_parse(&p.addr, text, slash ? (size_t)(slash - text) : len) < 0)
        return IPN_ERR_ARG;
    bits = family_bits(&p.addr);
    if (slash) {
        struct cursor c = {slash + 1, text + len};

        if (!take_decimal(&c, bits, &bits) || c.at != c.end)
            return IPN_ERR_ARG;
    }
    p.bits = (uint8_t)bits;
    for (unsigned i = bits; i < 128; i++)
        p.addr.b[i / 8] &= (uint8_t)~(0x80u >> i % 8);
    *out = p;
    return 0;
}

static size_t format_decimal(char *out, unsigned v)
{
    size_t len = 0;

    if (v >= 100)
        out[len++] = (char)('0' + v / 100);
    if (v >= 10)
        out[len++] = (char)('0' + v / 10 % 10);
    out[len++] = (char)('0' + v % 10);
    return len;
}

static size_t format_quad(char *out, const uint8_t b[4])
{
    size_t len = 0;

    for (int i = 0; i < 4; i++) {
        if (i > 0)
            out[len++] = '.';
        len += format_decimal(out + len, b[i]);
    }
    return len;
}

static size_t format_group(char *out, unsigned v)
{
    size_t len = 0;

    for (int shift = 12; shift >= 0; shift -= 4)
        if (len > 0 || v >> shift != 0 || shift == 0)
            out[len++] = "0123456789abcdef"[v >> shift & 15];
    return len;
}

/* The first of the longest runs of two or more zero groups; len 0 if there is none. */
static void find_gap(const uint8_t b[16], int *at, int *len)
{
    *at = *len = 0;
    for (int i = 0; i < 8; i++) {
        int n = 0;

        while (i + n < 8 && load_be16(b + 2 * (i + n)) == 0)
            n++;
        if (n > *len && n > 1) {
            *at = i;
            *len = n;
        }
        i += n;
    }
}

static size_t format_ipv6(char *out, const uint8_t b[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    size_t len = 0;
    int gap_at, gap_len;

    if (memcmp(b, mapped, sizeof mapped) == 0) {
        memcpy(out, "::ffff:", 7);
        return 7 + format_quad(out + 7, b + 12);
    }
    find_gap(b, &gap_at, &gap_len);
    for (int i = 0; i < 8; i++) {
        if (gap_len > 0 && i == gap_at) {
            out[len++] = ':';
            out[len++] = ':';
            i += gap_len - 1;
            continue;
        }
        if (len > 0 && out[len - 1] != ':')
            out[len++] = ':';
        len += format_group(out + len, load_be16(b + 2 * i));
    }
    return len;
}

size_t ipaddr_format(char out[IPADDR_TEXT_LEN], const struct ipaddr *a)
{
    size_t len = 0;

    if (a->family == 4)
        len = format_quad(out, a->b);
    else if (a->family == 6)
        len = format_ipv6(out, a->b);
    out[len] = '\0';
    return len;
}

bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b)
{
    return a->family == b->family && memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool ipprefix_contains(const struct ipprefix *p, const struct ipaddr *a)
{
    unsigned whole = p->bits / 8u, rest = p->bits % 8u;

    if (a->family == 0 || p->addr.family != a->family || p->bits > family_bits(a))
        return false;
    if (memcmp(p->addr.b, a->b, whole) != 0)
        return false;
    return rest == 0 || (p->addr.b[whole] ^ a->b[whole]) >> (8 - rest) == 0;
}

static void set_address(struct ipaddr *out, uint8_t family, const uint8_t *src)
{
    *out = (struct ipaddr){.family = family};
    memcpy(out->b, src, family == 4 ? 4 : 16);
}

bool ip_packet_parse(struct ipaddr *src, struct ipaddr *dst, size_t *total_len,
                     const uint8_t *packet, size_t len)
{
    size_t total;

    if (len >= IPV4_HEADER_LEN && packet[0] >> 4 == 4) {
        size_t header_len = (size_t)(packet[0] & 15) * 4;

        total = load_be16(packet + 2);
        if (header_len < IPV4_HEADER_LEN || header_len > total || total > len)
            return false;
        set_address(src, 4, packet + 12);
        set_address(dst, 4, packet + 16);
    } else if (len >= IPV6_HEADER_LEN && packet[0] >> 4 == 6) {
        total = IPV6_HEADER_LEN + (size_t)load_be16(packet + 4);
        if (total > len)
            return false;
        set_address(src, 6, packet + 8);
        set_address(dst, 6, packet + 24);
    } else {
        return false;
    }
    *total_len = total;
    return true;
}
