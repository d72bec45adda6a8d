/*
 * IPv4 and IPv6 addresses and prefixes, and the few fields of an IP header that routing needs.
 */
#ifndef BASE_IPADDR_H
#define BASE_IPADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ipaddr {
    uint8_t family; /* 4, 6, or 0 for none */
    uint8_t b[16];  /* network order; an IPv4 address is in b[0..3], the rest zero */
};

struct ipprefix {
    struct ipaddr addr;
    uint8_t bits; /* 0..32 or 0..128 */
};

#define IPADDR_TEXT_LEN 46 /* longest text with its NUL */

/* Parses exactly len characters: dotted quad, or RFC 4291 text without zone. 0 or IPN_ERR_ARG. */
int ipaddr_parse(struct ipaddr *out, const char *text, size_t len);

/* As above with an optional /bits; without it, the whole address. Host bits are zeroed. */
int ipprefix_parse(struct ipprefix *out, const char *text, size_t len);

/* RFC 5952 text; returns its length. */
size_t ipaddr_format(char out[IPADDR_TEXT_LEN], const struct ipaddr *a);

bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b);
bool ipprefix_contains(const struct ipprefix *p, const struct ipaddr *a);

/* Source and destination of an IP packet whose header is whole and whose length field does not
 * exceed len; *total_len is that length field. false otherwise. */
bool ip_packet_parse(struct ipaddr *src, struct ipaddr *dst, size_t *total_len,
                     const uint8_t *packet, size_t len);

#endif
