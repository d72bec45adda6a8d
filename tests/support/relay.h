/*
 * A DERP server for tests, in memory: admits clients, forwards packets between them, says who is
 * gone. It shares no codec with the code under test. Bytes towards a client wait in its buf `out`,
 * to be taken in pieces of any size.
 */
#ifndef SUPPORT_RELAY_H
#define SUPPORT_RELAY_H

#include "base/buf.h"
#include "base/host.h"
#include "crypto/key.h"

enum { RELAY_CONNS = 16, RELAY_INFO_CAP = 256 };

struct relay_conn {
    bool open, admitted, preferred;
    bool hung_up; /* the server wants to close; the driver tells the client */
    struct node_public key;
    struct buf in, out;
    char info[RELAY_INFO_CAP]; /* the JSON of its ClientInfo */
    unsigned pings, pongs, preferred_notes;
    uint8_t last_pong[8];
};

struct relay {
    struct node_private key;
    struct node_public public_key;
    struct relay_conn conns[RELAY_CONNS];
    bool refuse; /* closes after ClientInfo, as a server does with an unknown key */
    bool mute;   /* reads, never answers */
    bool forge;  /* its ServerInfo does not open */
    unsigned forwarded, lost, broken;
};

/* A repeatable source of bytes: tests print the seed. */
extern uint64_t relay_seed;

uint32_t relay_random(void);
void relay_random_bytes(uint8_t *dst, size_t len);
void relay_init(struct relay *s);

void relay_put(struct relay_conn *c, uint8_t type, const void *body, size_t len);
void relay_put_packet(struct relay_conn *c, const struct node_public *from, const uint8_t *packet,
                      size_t len);

/* A new connection; the server speaks first. */
int relay_connect(struct relay *s);

/* The client is gone; those it wrote to would be told, here everyone admitted is. */
void relay_disconnect(struct relay *s, int conn);
void relay_free(struct relay *s);

/* One message from a client's socket. */
void relay_input(struct relay *s, int conn, const uint8_t *data, size_t len);

#endif
