/*
 * What lwIP's sender lacks: selective acknowledgements, recovery of many losses in one round trip,
 * and a bound on bursts. Loss detection and congestion control are those of RFC 9002, with the
 * order of transmissions in place of packet numbers; lwIP keeps the lists and the last resort, its
 * retransmission timer.
 *
 *   tcp_sender_ack      before lwIP sees a segment: what arrived, what is lost, the window
 *   tcp_sender_output   in a flush: lost segments first, then new ones, a burst at most
 *   tcp_sender_timeout  after lwIP's slow timer: takes back what it queued to send again
 */
#ifndef NETSTACK_TCP_SENDER_H
#define NETSTACK_TCP_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tcp_hdr;
struct tcp_pcb;

struct tcp_sender {
    uint32_t cwnd, ssthresh; /* bytes; cwnd 0: nothing was sent yet */
    uint32_t grown;          /* bytes acknowledged towards the next segment of cwnd */
    uint32_t order;          /* transmissions so far; a segment carries its own */
    uint32_t delivered;      /* the latest one known to have arrived */
    uint32_t cut;            /* the latest one at the last cut of cwnd */
    uint32_t sacked, lost;   /* bytes of unacknowledged segments: arrived; lost, not sent again */
    bool owed;               /* a cut lets one lost segment out, whatever is under way */
    bool sacks;              /* the peer acknowledges selectively */
    bool limited;            /* cwnd was what ended the last output */
    uint64_t resume_ms;      /* the rest of a burst is due; NEVER: nothing waits for time */
};

/* An acknowledgement, header in host order with its options behind it, that lwIP will see next. */
void tcp_sender_ack(struct tcp_sender *s, struct tcp_pcb *pcb, const struct tcp_hdr *hdr,
                    size_t data_len);
/* Sends what the window allows, and leaves pcb so that lwIP alone sends nothing. */
void tcp_sender_output(struct tcp_sender *s, struct tcp_pcb *pcb, uint64_t now_ms);
void tcp_sender_timeout(struct tcp_sender *s, struct tcp_pcb *pcb);
/* lwIP's own congestion control takes over. */
void tcp_sender_release(struct tcp_sender *s, struct tcp_pcb *pcb);

#endif
