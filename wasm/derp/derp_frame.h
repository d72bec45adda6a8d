/*
 * DERP's frames (Tailscale: derp/derp.go) and a reader that takes them out of a byte stream.
 *
 *   [type 1][len 4 BE][body len]          a frame; all integers are big-endian
 *
 *   ServerKey   [magic 8][server key 32][…]
 *   ClientInfo  [our key 32][nonce 24][box of JSON]
 *   ServerInfo  [nonce 24][box of JSON]
 *   SendPacket  [to 32][packet]           RecvPacket  [from 32][packet]
 *   PeerGone    [peer 32][reason 1]       Ping, Pong  [8 bytes, echoed]
 *   NotePreferred [0 or 1]                Health      [text]
 *   Restarting  [reconnect in ms 4][try for ms 4]
 */
#ifndef DERP_DERP_FRAME_H
#define DERP_DERP_FRAME_H

#include "base/buf.h"
#include "crypto/box.h"
#include "crypto/key.h"

enum derp_frame_type {
    DERP_FRAME_SERVER_KEY = 0x01,
    DERP_FRAME_CLIENT_INFO = 0x02,
    DERP_FRAME_SERVER_INFO = 0x03,
    DERP_FRAME_SEND_PACKET = 0x04,
    DERP_FRAME_RECV_PACKET = 0x05,
    DERP_FRAME_KEEP_ALIVE = 0x06,
    DERP_FRAME_NOTE_PREFERRED = 0x07,
    DERP_FRAME_PEER_GONE = 0x08,
    DERP_FRAME_PING = 0x12,
    DERP_FRAME_PONG = 0x13,
    DERP_FRAME_HEALTH = 0x14,
    DERP_FRAME_RESTARTING = 0x15,
};

enum {
    DERP_HEADER_LEN = 5,
    DERP_MAGIC_LEN = 8,
    DERP_PING_LEN = 8,
    /* The longest body a reader takes: a packet of 64 KiB and its sender. */
    DERP_MAX_BODY = (64 << 10) + KEY_LEN,
    DERP_SEND_HEADER_LEN = DERP_HEADER_LEN + KEY_LEN,
};

struct derp_frame {
    uint8_t type; /* enum derp_frame_type or unknown */
    uint8_t *body;
    size_t len;
};

/* Takes frames out of input that is cut anywhere. A frame that lies whole in one input is handed
 * out in place; only one that straddles two inputs is copied together. */
struct derp_reader {
    uint8_t *in; /* borrowed */
    size_t in_len;
    struct buf carry; /* the beginning of a frame whose end has not come */
    bool carry_used;  /* its frame was handed out; empty it first */
};

void derp_reader_init(struct derp_reader *r);
void derp_reader_wipe(struct derp_reader *r); /* usable again, as after init */

/* Lends the reader data until derp_reader_next returns 0. IPN_ERR_STATE if input is left over. */
int derp_reader_input(struct derp_reader *r, uint8_t *data, size_t len);

/* 1 and *frame, its body valid until the next call on r or until the input goes away; 0 when the
 * input is used up; IPN_ERR_PROTOCOL (body over DERP_MAX_BODY) or IPN_ERR_NOMEM: wipe r. */
int derp_reader_next(struct derp_reader *r, struct derp_frame *frame);

void derp_frame_header(uint8_t out[DERP_HEADER_LEN], enum derp_frame_type type, size_t len);

/* [header][to]: what stands before the payload of a SendPacket of len bytes. */
void derp_frame_send_header(uint8_t out[DERP_SEND_HEADER_LEN], const struct node_public *to,
                            size_t len);

/* The server's key from the body of a ServerKey; IPN_ERR_PROTOCOL if that is not what it is. */
int derp_frame_parse_server_key(struct node_public *out, const uint8_t *body, size_t len);

/* A whole ClientInfo frame; returns its length. shared is box_precompute(server, ours). */
#define DERP_CLIENT_INFO_CAP 192
size_t derp_frame_client_info(uint8_t out[DERP_CLIENT_INFO_CAP], const struct node_public *our_key,
                              const uint8_t nonce[BOX_NONCE_LEN],
                              const uint8_t shared[BOX_SHARED_LEN]);

/* True if the body of a ServerInfo opens, which proves that the server holds its key. What it says
 * (a version, at times a rate that a server enforces by itself) is not needed. */
bool derp_frame_open_server_info(const uint8_t *body, size_t len,
                                 const uint8_t shared[BOX_SHARED_LEN]);

#endif
