/*
 * The other end of the tunnel, made by hand: packets are built and taken apart here without lwIP,
 * so that the stack is judged by a second reading of the RFCs.
 */
#ifndef TEST_PEER_H
#define TEST_PEER_H

#include "base/ipaddr.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, PEER_CAUGHT_MAX = 8192 };

struct segment {
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t window;
    uint8_t options[40];
    size_t options_len;
    const uint8_t *data;
    size_t len;
};

extern const struct ipaddr own4, own6, peer4, peer6;

/* Starts the stack at `now` = 1000 with own4 and own6. */
void peer_start(void);
void peer_stop(void);
extern uint64_t now;

/* Packets that the stack sent and that were not taken yet. */
size_t peer_caught(void);
/* The oldest; valid until the next but PEER_CAUGHT_MAX. NULL if there is none. */
const uint8_t *peer_take(size_t *len);
void peer_drop_all(void);

/* Takes the oldest packet, which has to be a TCP segment to the peer with right checksums. */
bool peer_take_segment(struct segment *s);

/* Gives a segment from the peer to the stack. family 4 or 6. */
void peer_send_segment(uint8_t family, const struct segment *s);
/* Gives any payload; header and, if sum_at is not negative, the pseudo-header checksum at sum_at
 * of the payload are made. */
void peer_send(const struct ipaddr *from, const struct ipaddr *to, uint8_t proto,
               const uint8_t *payload, size_t len, int sum_at);
/* The sum over pseudo header and payload; 0 if it carries a right checksum. */
uint16_t peer_sum(const struct ipaddr *from, const struct ipaddr *to, uint8_t proto,
                  const uint8_t *payload, size_t len, bool pseudo);

#endif
