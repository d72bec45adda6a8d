/*
 * An HTTP/2 client on a byte stream, as far as the control protocol needs it: POSTs whose answers
 * come in pieces, PING, nothing else. The only file with nghttp2.h is control_h2.c.
 *
 * Before HTTP/2 begins a server may send an early payload: ff ff ff 'T' 'S' [len 4 BE][JSON]
 * (Headscale: hscontrol/noise.go); it is skipped.
 */
#ifndef CONTROL_CONTROL_H2_H
#define CONTROL_CONTROL_H2_H

#include "base/bytes.h"

/* What control_h2_input reports while it runs. The functions may post, cancel and ping, but not
 * call input, output or free. */
struct control_h2_handler {
    void *user;
    /* The final response's status; retry_after_s is -1 without such a header. */
    void (*head)(void *user, int32_t stream, int status, int retry_after_s);
    /* Bytes of the body, valid during the call. */
    void (*data)(void *user, int32_t stream, const uint8_t *data, size_t len);
    /* The last call for this stream; complete: the server ended it in order. */
    void (*end)(void *user, int32_t stream, bool complete);
};

struct control_h2;

/* Queues preface, SETTINGS and a wide connection window for output. authority is the Host that
 * requests carry. Both are copied. NULL when out of memory. */
struct control_h2 *control_h2_new(const struct control_h2_handler *handler, const char *authority);
void control_h2_free(struct control_h2 *h2); /* reports no end */

/* Queues one POST of JSON; the body is copied. The stream's id (> 0), or IPN_ERR_CLOSED if the
 * server takes no more requests on this connection, IPN_ERR_NOMEM. */
int32_t control_h2_post(struct control_h2 *h2, const char *path, const uint8_t *body, size_t len);

/* Resets the stream; its end is reported from a later output. */
void control_h2_cancel(struct control_h2 *h2, int32_t stream);

/* Queues a PING, unless one is on its way. */
void control_h2_ping(struct control_h2 *h2);
bool control_h2_ping_pending(const struct control_h2 *h2);

/* Bytes from the server. 0, or IPN_ERR_PROTOCOL, IPN_ERR_NOMEM, IPN_ERR_CLOSED (the server ended
 * the connection): free it. */
int control_h2_input(struct control_h2 *h2, const uint8_t *data, size_t len);

/* The next bytes for the server, valid until the next call on h2; 0 when there are none; < 0 as
 * input. */
int control_h2_output(struct control_h2 *h2, const uint8_t **bytes);

#endif
