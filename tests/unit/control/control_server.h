/*
 * A control server for tests: the responder's side of ts2021 on the core's own primitives, and an
 * nghttp2 server session. It answers nothing by itself; the test sees the requests and scripts the
 * answers.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include "base/buf.h"
#include "crypto/key.h"
#include "noise/noise_symmetric.h"

enum { SERVER_MAX_REQUESTS = 64 };

struct server_request {
    int32_t stream;
    char path[64], authority[64];
    struct buf body;      /* what the client sent */
    bool whole, reset;    /* its end came; the client cancelled it */
    struct buf answer;    /* what is still to be sent */
    bool answered, answer_ends; /* has its headers; is to end after what is there */
};

struct control_server {
    struct machine_private key;
    struct machine_public public_key, client; /* client: who connected last */
    uint16_t client_version;
    uint8_t tx_key[32], rx_key[32];
    uint64_t tx_counter, rx_counter;
    struct nghttp2_session *session;
    struct buf rx, out; /* out: bytes for the client */
    struct server_request requests[SERVER_MAX_REQUESTS];
    size_t request_count;
    uint64_t pings;
    size_t biggest_message;
    bool broken; /* the client's bytes were no ts2021 */
};

void server_init(struct control_server *s);
void server_free(struct control_server *s);

/* A connection with this path and query: true, and the Noise response is in out, if the initiation
 * in it is for our key. What an earlier connection left is forgotten, its requests too. */
bool server_accept(struct control_server *s, const char *path);

/* One WebSocket message of the client. */
void server_input(struct control_server *s, const uint8_t *data, size_t len);

/* The n-th (from 0) whole request with that path whose body contains part, or NULL. */
struct server_request *server_find(struct control_server *s, const char *path, const char *part,
                                   size_t n);

/* Headers; end: and nothing more. retry_after NULL: no such header. */
void server_head(struct control_server *s, struct server_request *r, int status,
                 const char *retry_after, bool end);
void server_body(struct control_server *s, struct server_request *r, const void *data, size_t len,
                 bool end);
/* Both at once, with text. */
void server_answer(struct control_server *s, struct server_request *r, int status,
                   const char *text);
void server_reset(struct control_server *s, struct server_request *r);
void server_goaway(struct control_server *s);

/* One map response, as one zstd frame of raw blocks behind its length. */
void server_map(struct control_server *s, struct server_request *r, const char *json);
/* That frame: the length is returned, out has room for len + 64 + len / 1024 bytes. */
size_t server_frame(uint8_t *out, const void *json, size_t len);

/* A record with these bytes, past HTTP/2. */
void server_record(struct control_server *s, const void *data, size_t len);

#endif
