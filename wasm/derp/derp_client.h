/*
 * One connection to a DERP server: login, keep-alive, packets both ways. A byte stream: the
 * boundaries of WebSocket messages mean nothing (Tailscale: derp/derp.go, derp/derp_client.go).
 */
#ifndef DERP_DERP_CLIENT_H
#define DERP_DERP_CLIENT_H

#include "base/bytes.h"
#include "crypto/key.h"

#define DERP_MAX_PACKET (64 << 10)      /* SendPacket's payload */
#define DERP_MAX_MESSAGE 32768          /* one WebSocket message towards a server */
#define DERP_MAX_QUEUED (1 << 20)       /* bytes waiting for output; beyond it packets drop */

enum derp_event_type {
    DERP_EVENT_NONE = 0,
    DERP_EVENT_READY,   /* login done, packets flow */
    DERP_EVENT_PACKET,  /* from, data */
    DERP_EVENT_PEER_GONE, /* from; reason as on the wire (0 disconnected, 1 not here) */
    DERP_EVENT_HEALTH,  /* data: text, empty = healthy again */
    DERP_EVENT_RESTARTING, /* the server announced a restart */
};

struct derp_event {
    enum derp_event_type type;
    struct node_public from;
    /* Mutable (WireGuard decrypts in place): inside the input, or a copy of dc's for a frame that
     * came in pieces. Valid until the next derp_client_next, _input, _open, _close or _free on dc;
     * reserve, commit and output leave it alone. */
    uint8_t *data;
    size_t len;
    uint8_t reason;
};

struct derp_client;

struct derp_client *derp_client_new(const struct node_private *key);
void derp_client_free(struct derp_client *dc);

/* The transport is open (again): forget the old stream, await ServerKey. */
void derp_client_open(struct derp_client *dc, uint64_t now_ms);
/* The transport is gone: forget the stream and all that waits for output. Also done by next and
 * tick when they fail. */
void derp_client_close(struct derp_client *dc);

/* Bytes from the server. They are borrowed and changed in place: call derp_client_next until it
 * returns 0 before they go away. 0, or IPN_ERR_STATE if the last input was not drained or the
 * transport is not open. */
int derp_client_input(struct derp_client *dc, uint8_t *data, size_t len, uint64_t now_ms);

/* 1 and *ev, 0 when the input is used up, IPN_ERR_PROTOCOL / IPN_ERR_CRYPTO / IPN_ERR_NOMEM:
 * close the connection. */
int derp_client_next(struct derp_client *dc, struct derp_event *ev, uint64_t now_ms);

/* Room for the payload of one SendPacket of exactly len bytes, or NULL (cannot send yet, or the
 * queue is at its ceiling). Fill it, then commit before any other call. */
uint8_t *derp_client_reserve(struct derp_client *dc, const struct node_public *to, size_t len);
void derp_client_commit(struct derp_client *dc);

/* Tells the server whether this is the home region. */
void derp_client_note_preferred(struct derp_client *dc, bool preferred);

/* The next message for the socket: up to DERP_MAX_MESSAGE bytes, valid until the next call on dc;
 * 0 when there is none. What is returned counts as sent. */
size_t derp_client_output(struct derp_client *dc, const uint8_t **bytes);

/* True from DERP_EVENT_READY until the next open/free. */
bool derp_client_ready(const struct derp_client *dc);
/* True once we have introduced ourselves: packets may be queued, a round trip before READY. */
bool derp_client_can_send(const struct derp_client *dc);
/* True between the two: a server that closes now has refused our key, it gives no reason. */
bool derp_client_introduced(const struct derp_client *dc);
/* Round trip of the last answered ping in ms, -1 if unknown. */
int derp_client_rtt_ms(const struct derp_client *dc);

/* While somebody waits for bytes a connection that is dead is noticed within 9 s, otherwise within
 * 35 s. Survives open and close. */
void derp_client_set_eager(struct derp_client *dc, bool eager);
/* When the last bytes came, or the transport opened. */
uint64_t derp_client_heard_ms(const struct derp_client *dc);

/* The network may have changed: ping now and give up within seconds unless something comes back. */
void derp_client_check(struct derp_client *dc, uint64_t now_ms);

uint64_t derp_client_next_deadline(const struct derp_client *dc);
/* 0, or IPN_ERR_TIMEOUT: login took over 7 s, or a ping went unanswered: close and reconnect. */
int derp_client_tick(struct derp_client *dc, uint64_t now_ms);

#endif
