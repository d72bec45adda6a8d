/* What lwIP calls while it works: random numbers, sequence numbers, and a guard before its TCP
 * state machine. */
#include "netstack/lwip_hooks.h"

#include <string.h>

#include "base/bytes.h"
#include "crypto/blake2s.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/sys.h"
#include "netstack/netstack_internal.h"

u32_t sys_now(void)
{
    return (u32_t)netstack.now_ms;
}

uint32_t netstack_random(void)
{
    uint8_t b[4];

    host_random(b, sizeof b);
    return load_le32(b);
}

u32_t netstack_tcp_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote,
                       u16_t remote_port)
{
    const size_t key_len = sizeof netstack.isn_key;
    uint8_t tuple[2 * sizeof(ip_addr_t) + 4], hash[4];

    memset(tuple, 0, sizeof tuple);
    if (IP_IS_V4(local)) {
        memcpy(tuple, ip_2_ip4(local), sizeof(ip4_addr_t));
        memcpy(tuple + sizeof(ip_addr_t), ip_2_ip4(remote), sizeof(ip4_addr_t));
    } else {
        memcpy(tuple, ip_2_ip6(local)->addr, 16);
        memcpy(tuple + sizeof(ip_addr_t), ip_2_ip6(remote)->addr, 16);
    }
    store_le16(tuple + 2 * sizeof(ip_addr_t), local_port);
    store_le16(tuple + 2 * sizeof(ip_addr_t) + 2, remote_port);
    blake2s(hash, sizeof hash, netstack.isn_key, key_len, tuple, sizeof tuple);
    return load_le32(hash) + (u32_t)(netstack.now_ms * 250);
}

static bool has_queued_fin(const struct tcp_pcb *pcb)
{
    for (const struct tcp_seg *seg = pcb->ooseq; seg; seg = seg->next) {
        if (TCPH_FLAGS(seg->tcphdr) & TCP_FIN)
            return true;
    }
    return false;
}

/* lwIP takes an MSS option from any segment, and a smaller one than before breaks its sums over
 * what is queued already. None of the options it reads belongs on anything but a SYN. */
static void blank_options(struct tcp_hdr *hdr)
{
    memset(hdr + 1, LWIP_TCP_OPT_NOP, TCPH_HDRLEN_BYTES(hdr) - sizeof *hdr);
}

/* lwIP trims what overruns the receive window, but not always: the first segment out of order is
 * stored whole, and a stored FIN can be given to a segment that ends at the window's edge. Either
 * breaks its invariant rcv_wnd >= length once the hole is filled, with a window near its end. */
static bool overruns_window(const struct tcp_pcb *pcb, const struct tcp_hdr *hdr, u16_t len)
{
    const u32_t edge = pcb->rcv_nxt + pcb->rcv_wnd, end = hdr->seqno + len;

    if (len == 0 || TCP_SEQ_LT(end, edge))
        return false; /* a lone FIN is checked by lwIP as any empty segment */
    return TCP_SEQ_GT(hdr->seqno, pcb->rcv_nxt) || has_queued_fin(pcb);
}

/* More than memory is for: data that nobody reads, or that cannot be read yet. */
static bool is_too_much(const struct tcp_pcb *pcb, const struct tcp_hdr *hdr, u16_t len)
{
    const struct tcp_conn *tc = pcb->callback_arg;

    if (len == 0 || netstack_heap_in_use() < NETSTACK_HEAP_PRESSURE)
        return false;
    return TCP_SEQ_GT(hdr->seqno, pcb->rcv_nxt) ||
           (tc && tc->received.len > NETSTACK_UNREAD_UNDER_PRESSURE);
}

/* What would break lwIP's invariants ends here: an honest peer sends none of it. */
err_t netstack_tcp_admit(struct tcp_pcb *pcb, struct tcp_hdr *hdr, const struct pbuf *p)
{
    const u8_t flags = TCPH_FLAGS(hdr);
    const bool is_open = pcb->state >= ESTABLISHED && pcb->state != TIME_WAIT;

    if (pcb->callback_arg)
        conn_queue_push(CONN_QUEUE_TIMED, pcb->callback_arg);
    else
        netstack.ownerless_changed = true;
    if (is_open && pcb->state < CLOSE_WAIT && !(flags & (TCP_RST | TCP_SYN)) &&
        overruns_window(pcb, hdr, p->tot_len)) {
        netstack.stats.dropped++;
        tcp_send_empty_ack(pcb);
        return ERR_MEM;
    }
    if (is_open && is_too_much(pcb, hdr, p->tot_len)) {
        netstack.stats.dropped++;
        return ERR_MEM;
    }
    if (is_open && pcb->callback_arg && !(flags & (TCP_RST | TCP_SYN)))
        tcp_conn_hear(pcb->callback_arg, hdr, p->tot_len);
    if (!(flags & TCP_SYN))
        blank_options(hdr);
    return ERR_OK;
}
