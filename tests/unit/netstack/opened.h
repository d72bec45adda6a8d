/* A connection of the stack under test, as its hand-made peer sees it. */
#ifndef TEST_OPENED_H
#define TEST_OPENED_H

#include "netstack/tcp_conn.h"
#include "unit/netstack/peer.h"

/* MSS: of a tunnel's 1280 over IPv6; over IPv4 it has 20 more. */
enum { PEER_ISN = 5000, MSS = 1220, WINDOW = 4 * 1024 * 1024, BIG = 65536 };

struct opened {
    struct tcp_conn *tc;
    uint8_t family;
    uint16_t port;
    uint32_t snd; /* the peer's next byte */
    uint32_t rcv; /* ours */
};

extern struct opened at;
extern uint8_t big[BIG];

/* A segment of the peer's with everything in order. */
struct segment reply(uint8_t flags);

/* Answers the SYN of at.port, with window scaling or without. */
void send_syn_ack(bool scaled);

/* Starts a stack and opens a connection with nothing outstanding on either side; aborts the
 * program if any packet is not the expected one. */
void open_conn(uint8_t family, bool scaled);
void close_conn(void);

/* len bytes of data from the peer, offset bytes after at.snd. */
void peer_data(uint32_t offset, size_t len, uint8_t flags);

/* Ticks when due until `ms` have passed; returns how often. */
unsigned pass(uint64_t ms);

#endif
