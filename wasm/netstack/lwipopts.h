/*
 * lwIP 2.2.1 as this project uses it: NO_SYS, raw API, TCP and ICMP echo over one point-to-point
 * interface, IPv4 and IPv6. Only what differs from lwIP's opt.h, each with its reason.
 */
#ifndef NETSTACK_LWIPOPTS_H
#define NETSTACK_LWIPOPTS_H

#include "netstack/netstack_heap.h"

/* One thread, no sockets, nothing below IP. */
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define LWIP_SINGLE_NETIF 1
#define LWIP_ARP 0
#define LWIP_ETHERNET 0
#define LWIP_DHCP 0
#define LWIP_DNS 0
#define LWIP_RAW 0
#define LWIP_STATS 0
#define LWIP_NETIF_LOOPBACK 0
#define LWIP_HAVE_LOOPIF 0

/* No cyclic timers: netstack_timers.c drives the TCP timers from the injected clock, only while
 * something waits for one. */
#define LWIP_TIMERS 0

/* UDP comes with udp_conn; until then such packets are dropped before lwIP. */
#define LWIP_UDP 0
#define LWIP_TCP 1
#define LWIP_ICMP 1
#define LWIP_IPV4 1
#define LWIP_IPV6 1

/* The tunnel has no neighbours, no routers, no multicast, and never fragments. */
#define LWIP_ICMP6 1
#define LWIP_IPV6_MLD 0
#define LWIP_IPV6_SEND_ROUTER_SOLICIT 0
#define LWIP_IPV6_AUTOCONFIG 0
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS 0
#define LWIP_IPV6_DHCP6 0
#define LWIP_IPV6_SCOPES 0
#define LWIP_IPV6_NUM_ADDRESSES 1
#define LWIP_ND6_ALLOW_RA_UPDATES 0
#define LWIP_ND6_TCP_REACHABILITY_HINTS 0
#define LWIP_ND6_QUEUEING 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define LWIP_IPV6_REASS 0
#define LWIP_IPV6_FRAG 0

/* Memory is malloc's, with a ceiling for all (netstack_heap.h); those below are per connection. */
#define MEM_CUSTOM_ALLOCATOR 1
#define MEM_CUSTOM_MALLOC netstack_heap_malloc
#define MEM_CUSTOM_CALLOC netstack_heap_calloc
#define MEM_CUSTOM_FREE netstack_heap_free
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8

/* 1280 (the tunnel's MTU) less the headers of IPv4 and TCP; over IPv6 lwIP takes 20 bytes less. */
#define TCP_MSS 1240
/* Window and send buffer as measured: tcp_write and tcp_output walk lists, so a longer send
 * buffer costs more than it brings (256 kB: 1161 MB/s both ends; 4 MB: 249). */
#define TCP_WND (4 * 1024 * 1024)
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 7
#define TCP_SND_BUF (256 * 1024)
/* Segments in the send buffer. Each small write is one with room for a whole MSS, so this bounds
 * a sender of single bytes to 1.3 MB. */
#define TCP_SND_QUEUELEN 1024
#define MEMP_NUM_TCP_SEG TCP_SND_QUEUELEN
#define TCP_SNDLOWAT (16 * 1024)
#define TCP_SNDQUEUELOWAT (TCP_SND_QUEUELEN / 2)
/* An update of its own for every 64 kB read; netstack_flush sends the urgent ones earlier. */
#define TCP_WND_UPDATE_THRESHOLD (64 * 1024)

/* What came out of order: a full window of whole segments, and no more of smaller ones. */
#define TCP_QUEUE_OOSEQ 1
#define TCP_OOSEQ_MAX_PBUFS 3600
#define LWIP_TCP_SACK_OUT 1
#define LWIP_TCP_MAX_SACK_NUM 4
#define LWIP_TCP_TIMESTAMPS 0

/* A slow tick of 100 ms: the retransmission timer is then 0.2-0.3 s on a short path (lwIP's
 * estimator never goes below 3 ticks), about what Linux does. The first SYN waits 1 s (RFC 6298),
 * then is sent again every second: how long to try is the owner's decision. lwIP allows at most
 * 12 retries; netstack_timers.c grants more, so that a connection outlives an outage. */
#define TCP_TMR_INTERVAL 50
#define LWIP_TCP_RTO_TIME 1000
#define TCP_SYNMAXRTX 12
#define TCP_MAXRTX 12
/* TIME_WAIT and LAST_ACK last twice this. */
#define TCP_MSL 30000UL

/* Segments leave in one piece, headers in front of the data, without a copy. */
#define LWIP_NETIF_TX_SINGLE_PBUF 1

/*
 * Checksums: all are verified, all are made. WireGuard authenticates what the peer sent, but the
 * peer may be a subnet router and the segment's author a host behind it: the TCP checksum is the
 * only thing that covers that way. It costs little with the routine in checksum.c (64 bits at a time, about
 * twenty times faster than the rest of lwIP's path for a segment). The IPv4 header's own checksum
 * is verified for the same reason.
 */
#define LWIP_CHECKSUM_ON_COPY 1

/* RFC 6528 sequence numbers, random ports, and the guard of netstack_hooks.c before a segment
 * reaches lwIP's state machine. */
#define LWIP_HOOK_FILENAME "netstack/lwip_hooks.h"
#define LWIP_HOOK_TCP_ISN netstack_tcp_isn
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, hdr, optlen, opt1len, opt2, p) \
    netstack_tcp_admit((pcb), (hdr), (p))

#endif
