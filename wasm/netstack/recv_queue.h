/*
 * Bytes received in order and not yet read, as the pbufs that they came in. Whole segments are
 * linked, not copied; small ones are gathered in blocks, so that a sender of single bytes cannot
 * make us hold a packet's overhead for each:
 *
 *   [segment 1240][segment 1240][block 2048: 1 + 1 + 40 + ... ][segment 1240]
 *
 * The bytes held are bounded by the TCP window (TCP_WND); with the overhead of pbufs and half
 * empty blocks the memory stays below 1.7 times that (worst case: segments of 256 bytes, or big
 * and small ones in turn).
 */
#ifndef NETSTACK_RECV_QUEUE_H
#define NETSTACK_RECV_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct pbuf;

struct recv_queue {
    struct pbuf *head, *tail; /* linked by ->next; tot_len means nothing here */
    size_t head_at;           /* bytes of head already read */
    size_t tail_room;         /* free bytes after tail's, if tail is a block of ours */
    size_t len;
};

/* Takes over p, a chain. */
void recv_queue_append(struct recv_queue *q, struct pbuf *p);

/* Copies out and consumes at most cap bytes; returns the count. */
size_t recv_queue_read(struct recv_queue *q, uint8_t *dst, size_t cap);

void recv_queue_wipe(struct recv_queue *q);

#endif
