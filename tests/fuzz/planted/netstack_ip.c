/* A segment in order, behind data that waits unread. */
#include "fuzz/planted/planted.h"
#include "netstack/netstack_internal.h"

void __real_tcp_conn_hear(struct tcp_conn *tc, const struct tcp_hdr *hdr, size_t data_len);
void __wrap_tcp_conn_hear(struct tcp_conn *tc, const struct tcp_hdr *hdr, size_t data_len);

void __wrap_tcp_conn_hear(struct tcp_conn *tc, const struct tcp_hdr *hdr, size_t data_len)
{
    if (tc->received.len > 20 && data_len == 9)
        planted_bug();
    __real_tcp_conn_hear(tc, hdr, data_len);
}
