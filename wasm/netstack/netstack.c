/*
 * The stack's one interface: packets in, packets out, addresses. What reaches lwIP is chosen here
 * so that little of it is exposed to the tunnel:
 *
 *   tunnel > ip_packet_parse > ours? > TSMP: tsmp.c
 *                                    > TCP, ICMP echo request: lwIP
 *                                    > all else (fragments, options, neighbour discovery, UDP): dropped
 */
#include "netstack/netstack.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "lwip/init.h"
#include "lwip/ip.h"
#include "lwip/priv/tcp_priv.h"
#include "netstack/netstack_internal.h"

enum {
    IP_PROTO_NUMBER_ICMP = 1,
    IP_PROTO_NUMBER_TCP = 6,
    IP_PROTO_NUMBER_ICMP6 = 58,
    ICMP4_TYPE_ECHO = 8,
    ICMP6_TYPE_ECHO = 128,
    IP4_HLEN_MIN = 20,
    IP6_HLEN_FIXED = 40,
};

struct netstack netstack;

static void output(const uint8_t *packet, size_t len)
{
    netstack.stats.packets_out++;
    netstack.hooks.output(netstack.hooks.ctx, packet, len);
}

static err_t output_pbuf(struct pbuf *p)
{
    uint8_t joined[NETSTACK_MTU];

    if (p->tot_len > NETSTACK_MTU) { /* an echo reply to a peer with a larger MTU */
        netstack.stats.dropped++;
        return ERR_OK;
    }
    if (p->next) {
        pbuf_copy_partial(p, joined, p->tot_len, 0);
        output(joined, p->tot_len);
    } else {
        output(p->payload, p->len);
    }
    return ERR_OK;
}

static err_t output_ip4(struct netif *netif, struct pbuf *p, const ip4_addr_t *to)
{
    (void)netif;
    (void)to;
    return output_pbuf(p);
}

static err_t output_ip6(struct netif *netif, struct pbuf *p, const ip6_addr_t *to)
{
    (void)netif;
    (void)to;
    return output_pbuf(p);
}

static err_t interface_init(struct netif *netif)
{
    netif->name[0] = 't';
    netif->name[1] = 's';
    netif->mtu = NETSTACK_MTU;
    netif->output = output_ip4;
    netif->output_ip6 = output_ip6;
    return ERR_OK;
}

void ip_addr_from_ipaddr(ip_addr_t *out, const struct ipaddr *a)
{
    u32_t words[4];

    memcpy(words, a->b, sizeof words);
    if (a->family == 4)
        ip_addr_set_ip4_u32(out, words[0]);
    else
        IP_ADDR6(out, words[0], words[1], words[2], words[3]);
}

int netstack_init(const struct netstack_hooks *hooks, uint64_t now_ms)
{
    static bool lwip_is_initialised; /* lwIP's tables, once per process */

    if (netstack.running)
        return IPN_ERR_STATE;
    memset(&netstack, 0, sizeof netstack);
    netstack.hooks = *hooks;
    netstack.now_ms = netstack.tick_ms = now_ms;
    netstack.ownerless_deadline_ms = NEVER;
    netstack.abort_error = IPN_ERR_TIMEOUT;
    host_random(netstack.isn_key, sizeof netstack.isn_key);
    if (!lwip_is_initialised) {
        lwip_init();
        lwip_is_initialised = true;
    }
    if (!netif_add(&netstack.netif, NULL, NULL, NULL, NULL, interface_init, ip_input))
        return IPN_ERR_NOMEM;
    netif_set_default(&netstack.netif);
    netif_set_link_up(&netstack.netif);
    netif_set_up(&netstack.netif);
    netstack.running = true;
    return 0;
}

void netstack_wipe(void)
{
    if (!netstack.running)
        return;
    tcp_conn_wipe_all();
    while (tcp_active_pcbs) /* those that finish without an owner */
        tcp_abort(tcp_active_pcbs);
    while (tcp_tw_pcbs)
        tcp_abort(tcp_tw_pcbs);
    netif_remove(&netstack.netif);
    wipe(&netstack, sizeof netstack);
}

/* lwIP aborts the connections bound to the address that goes. */
void netstack_set_addresses(const struct ipaddr *v4, const struct ipaddr *v6)
{
    struct netif *netif = &netstack.netif;
    ip_addr_t addr;

    if (!netstack.running)
        return;
    netstack.abort_error = IPN_ERR_CLOSED;
    if (!ipaddr_equal(v4, &netstack.v4)) {
        netstack.v4 = *v4;
        if (v4->family == 4) {
            ip4_addr_t netmask, gateway;

            ip_addr_from_ipaddr(&addr, v4);
            ip4_addr_set_u32(&netmask, 0xffffffff);
            ip4_addr_set_zero(&gateway);
            netif_set_addr(netif, ip_2_ip4(&addr), &netmask, &gateway);
        } else {
            netif_set_addr(netif, IP4_ADDR_ANY4, IP4_ADDR_ANY4, IP4_ADDR_ANY4);
        }
    }
    if (!ipaddr_equal(v6, &netstack.v6)) {
        netstack.v6 = *v6;
        netif_ip6_addr_set_state(netif, 0, IP6_ADDR_INVALID);
        if (v6->family == 6) {
            ip_addr_from_ipaddr(&addr, v6);
            netif_ip6_addr_set(netif, 0, ip_2_ip6(&addr));
            netif_ip6_addr_set_state(netif, 0, IP6_ADDR_PREFERRED);
        } else {
            netif_ip6_addr_set(netif, 0, IP6_ADDR_ANY6);
        }
    }
    netstack.abort_error = IPN_ERR_TIMEOUT;
}

/* payload: what follows the IP header. */
static void tsmp_input(const struct ipaddr *src, const struct ipaddr *dst, const uint8_t *payload,
                       size_t len)
{
    uint8_t pong[TSMP_PONG_MAX_LEN];
    struct tsmp_reject reject;
    size_t pong_len;

    if (tsmp_reject_parse(&reject, payload, len)) {
        netstack.stats.tsmp_rejects++;
        tcp_conn_reject(src, &reject);
        return;
    }
    pong_len = tsmp_pong_create(pong, dst, src, payload, len);
    if (pong_len > 0)
        output(pong, pong_len);
}

/* Length of the IP header, or 0 for a fragment or anything but a plain header; *proto is what
 * follows. */
static size_t plain_header_len(uint8_t *proto, const uint8_t *packet)
{
    if (packet[0] >> 4 == 6) {
        *proto = packet[6];
        return IP6_HLEN_FIXED;
    }
    *proto = packet[9];
    if (packet[0] != 0x45 || load_be16(packet + 6) & 0x3fff)
        return 0;
    return IP4_HLEN_MIN;
}

/* Counts an echo request; true if lwIP may see the packet. */
static bool admit(uint8_t family, uint8_t proto, const uint8_t *payload, size_t len)
{
    if (proto == IP_PROTO_NUMBER_TCP)
        return true;
    if (len < 8 || proto != (family == 4 ? IP_PROTO_NUMBER_ICMP : IP_PROTO_NUMBER_ICMP6) ||
        payload[0] != (family == 4 ? ICMP4_TYPE_ECHO : ICMP6_TYPE_ECHO))
        return false;
    netstack.stats.icmp_echoes++;
    return true;
}

/* True if the packet was taken by anyone. */
static bool input(const uint8_t *packet, size_t len)
{
    struct ipaddr src, dst;
    size_t total_len, header_len;
    uint8_t proto;
    struct pbuf *p;

    if (!ip_packet_parse(&src, &dst, &total_len, packet, len) || total_len > NETSTACK_MAX_INPUT)
        return false;
    if (!ipaddr_equal(&dst, dst.family == 4 ? &netstack.v4 : &netstack.v6) ||
        ipaddr_equal(&src, &dst))
        return false;
    header_len = plain_header_len(&proto, packet);
    if (header_len == 0 || header_len > total_len)
        return false;
    if (proto == TSMP_IP_PROTO) {
        tsmp_input(&src, &dst, packet + header_len, total_len - header_len);
        return true;
    }
    if (!admit(dst.family, proto, packet + header_len, total_len - header_len))
        return false;
    p = pbuf_alloc(PBUF_RAW, (u16_t)total_len, PBUF_RAM);
    if (!p)
        return false;
    memcpy(p->payload, packet, total_len);
    return netstack.netif.input(p, &netstack.netif) == ERR_OK;
}

void netstack_input(const uint8_t *packet, size_t len, uint64_t now_ms)
{
    if (!netstack.running)
        return;
    netstack_advance(now_ms);
    netstack.stats.packets_in++;
    if (!input(packet, len))
        netstack.stats.dropped++;
}

const struct netstack_stats *netstack_stats(void)
{
    return &netstack.stats;
}

struct tcp_conn *netstack_next_ready(void)
{
    return conn_queue_pop(CONN_QUEUE_READY);
}
