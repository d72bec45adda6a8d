/*
 * The input as an address, as a prefix and as an IP packet. What parses must survive a round trip
 * through its text, and a packet's length must lie inside the packet.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ipaddr.h"

static void fuzz_address(const char *text, size_t len)
{
    struct ipaddr a, again;
    char out[IPADDR_TEXT_LEN];

    if (ipaddr_parse(&a, text, len) < 0)
        return;
    if (ipaddr_parse(&again, out, ipaddr_format(out, &a)) < 0 || !ipaddr_equal(&a, &again))
        abort();
}

static void fuzz_prefix(const char *text, size_t len)
{
    struct ipprefix p;

    if (ipprefix_parse(&p, text, len) == 0 && !ipprefix_contains(&p, &p.addr))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ipaddr src, dst;
    size_t total_len;

    fuzz_address((const char *)data, len);
    fuzz_prefix((const char *)data, len);
    if (ip_packet_parse(&src, &dst, &total_len, data, len) &&
        (total_len > len || total_len < 20 || src.family != dst.family))
        abort();
    return 0;
}
