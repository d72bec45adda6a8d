/*
 * When received data is acknowledged. At the end of each turn by default, so that a key's echo or a
 * short answer is never late. While bytes pour in, only for each 16 kB, or 5 ms after the first
 * byte that waits: on this path an acknowledgement costs a WebSocket message, a relayed packet and
 * a decryption, as much as the data it speaks of. RFC 9293 section 3.8.6.3 asks for one for at
 * least every second segment as a SHOULD; senders that count bytes (RFC 3465) or packets
 * acknowledged lose nothing by fewer of them. Gaps and duplicates are answered at once, by lwIP.
 */
#ifndef NETSTACK_TCP_ACK_H
#define NETSTACK_TCP_ACK_H

#include <stdbool.h>
#include <stdint.h>

#include "lwip/tcp.h"

struct tcp_ack {
    bool owed;
    uint32_t from;         /* rcv_nxt when the first byte that waits came */
    uint64_t due_ms;       /* NEVER if none is put off */
    uint64_t heard_ms;     /* the last data */
    uint32_t run_len;      /* bytes since the last pause */
};

void tcp_ack_init(struct tcp_ack *a);
/* A segment with len > 0 bytes that lwIP will see next: keeps lwIP from answering every second. */
void tcp_ack_hear(struct tcp_ack *a, struct tcp_pcb *pcb, uint32_t len, uint64_t now_ms);
/* It will be acknowledged at the end of a turn, and not by lwIP's timer. */
void tcp_ack_hold(struct tcp_ack *a, struct tcp_pcb *pcb);
/* At the end of a turn: whether to acknowledge now; otherwise due_ms may have been set. */
bool tcp_ack_is_due(struct tcp_ack *a, const struct tcp_pcb *pcb, uint64_t now_ms);

#endif
