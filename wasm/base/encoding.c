/*
 * base64 and hex. Private keys pass through here as text, so letters and digits are told apart by
 * arithmetic, never by a branch or a table look-up on the secret.
 */
#include "base/encoding.h"

#include <limits.h>

#include "base/err.h"

/* All ones if lo <= c <= hi, else 0; for values below 256. */
static unsigned within(unsigned c, unsigned lo, unsigned hi)
{
    return (((lo - 1 - c) & (c - hi - 1)) >> 8) & 0xff ? ~0u : 0;
}

static char base64_char(unsigned v)
{
    unsigned c = (within(v, 0, 25) & (v + 'A')) | (within(v, 26, 51) & (v - 26 + 'a')) |
                 (within(v, 52, 61) & (v - 52 + '0')) | (within(v, 62, 62) & '+') |
                 (within(v, 63, 63) & '/');

    return (char)c;
}

/* 0..63, or over 255 if c is no base64 character. */
static unsigned base64_value(char ch)
{
    unsigned c = (unsigned char)ch;
    unsigned upper = within(c, 'A', 'Z'), lower = within(c, 'a', 'z');
    unsigned digit = within(c, '0', '9'), plus = within(c, '+', '+'), slash = within(c, '/', '/');

    return (upper & (c - 'A')) | (lower & (c - 'a' + 26)) | (digit & (c - '0' + 52)) | (plus & 62) |
           (slash & 63) | (~(upper | lower | digit | plus | slash) & 256);
}

size_t base64_encode(char *dst, const uint8_t *src, size_t len)
{
    char *out = dst;

    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned a = src[i], b = left > 1 ? src[i + 1] : 0, c = left > 2 ? src[i + 2] : 0;

        *out++ = base64_char(a >> 2);
        *out++ = base64_char((a & 3) << 4 | b >> 4);
        *out++ = left > 1 ? base64_char((b & 15) << 2 | c >> 6) : '=';
        *out++ = left > 2 ? base64_char(c & 63) : '=';
    }
    *out = '\0';
    return (size_t)(out - dst);
}

int base64_decode(uint8_t *dst, size_t cap, const char *src, size_t len)
{
    size_t pad = 0, out_len;
    unsigned bad = 0;

    if (len == 0)
        return 0;
    if (len % 4 != 0)
        return IPN_ERR_ARG;
    while (pad < 2 && src[len - 1 - pad] == '=')
        pad++;
    out_len = len / 4 * 3 - pad;
    if (out_len > cap || out_len > INT_MAX)
        return IPN_ERR_ARG;
    for (size_t i = 0, at = 0; i < len; i += 4) {
        size_t chars = i + 4 == len ? 4 - pad : 4;
        unsigned v[4] = {0};

        for (size_t j = 0; j < chars; j++) {
            v[j] = base64_value(src[i + j]);
            bad |= v[j];
        }
        dst[at++] = (uint8_t)(v[0] << 2 | v[1] >> 4);
        if (chars > 2)
            dst[at++] = (uint8_t)(v[1] << 4 | v[2] >> 2);
        else
            bad |= (v[1] & 15) << 8; /* bits that encode nothing must be zero */
        if (chars > 3)
            dst[at++] = (uint8_t)(v[2] << 6 | v[3]);
        else if (chars == 3)
            bad |= (v[2] & 3) << 8;
    }
    return bad > 255 ? IPN_ERR_ARG : (int)out_len;
}

static char hex_char(unsigned v)
{
    return (char)((within(v, 0, 9) & (v + '0')) | (within(v, 10, 15) & (v - 10 + 'a')));
}

/* 0..15, or over 255 if c is no hex digit. */
static unsigned hex_value(char ch)
{
    unsigned c = (unsigned char)ch;
    unsigned digit = within(c, '0', '9'), lower = within(c, 'a', 'f'), upper = within(c, 'A', 'F');

    return (digit & (c - '0')) | (lower & (c - 'a' + 10)) | (upper & (c - 'A' + 10)) |
           (~(digit | lower | upper) & 256);
}

void hex_encode(char *dst, const uint8_t *src, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        *dst++ = hex_char(src[i] >> 4);
        *dst++ = hex_char(src[i] & 15);
    }
    *dst = '\0';
}

int hex_decode(uint8_t *dst, size_t len, const char *src)
{
    unsigned bad = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned hi = hex_value(src[2 * i]), lo = hex_value(src[2 * i + 1]);

        bad |= hi | lo;
        dst[i] = (uint8_t)(hi << 4 | lo);
    }
    return bad > 255 ? IPN_ERR_ARG : 0;
}
