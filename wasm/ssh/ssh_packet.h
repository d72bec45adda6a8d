/* A packet of ours for a channel, written in place: all but its data. Private to ssh/. */
#ifndef SSH_SSH_PACKET_H
#define SSH_SSH_PACKET_H

#include <string.h>

#include "ssh/ssh_channel.h"

/* RFC 4254 section 9. */
enum ssh_message {
    SSH_GLOBAL_REQUEST = 80,
    SSH_REQUEST_SUCCESS = 81,
    SSH_REQUEST_FAILURE = 82,
    SSH_CHANNEL_OPEN = 90,
    SSH_CHANNEL_OPEN_CONFIRMATION = 91,
    SSH_CHANNEL_OPEN_FAILURE = 92,
    SSH_CHANNEL_WINDOW_ADJUST = 93,
    SSH_CHANNEL_DATA = 94,
    SSH_CHANNEL_EXTENDED_DATA = 95,
    SSH_CHANNEL_EOF = 96,
    SSH_CHANNEL_CLOSE = 97,
    SSH_CHANNEL_REQUEST = 98,
    SSH_CHANNEL_SUCCESS = 99,
    SSH_CHANNEL_FAILURE = 100
};

struct ssh_packet {
    size_t len;
    bool overflow;
    uint8_t data[640];
};

static inline void ssh_packet_put(struct ssh_packet *p, const void *src, size_t len)
{
    if (len > sizeof p->data - p->len) {
        p->overflow = true;
        return;
    }
    if (len)
        memcpy(p->data + p->len, src, len);
    p->len += len;
}

static inline void ssh_packet_put_u8(struct ssh_packet *p, uint8_t v)
{
    ssh_packet_put(p, &v, 1);
}

static inline void ssh_packet_put_u32(struct ssh_packet *p, uint32_t v)
{
    uint8_t bytes[4];

    store_be32(bytes, v);
    ssh_packet_put(p, bytes, 4);
}

static inline void ssh_packet_put_text(struct ssh_packet *p, const char *text)
{
    ssh_packet_put_u32(p, (uint32_t)strlen(text));
    ssh_packet_put(p, text, strlen(text));
}

/* [type][recipient channel] */
static inline void ssh_packet_begin(struct ssh_packet *p, enum ssh_message type,
                                    const struct ssh_channel *c)
{
    p->len = 0;
    p->overflow = false;
    ssh_packet_put_u8(p, (uint8_t)type);
    ssh_packet_put_u32(p, c->remote_id);
}

/* [98][recipient channel][string name][want reply] */
static inline void ssh_packet_begin_request(struct ssh_packet *p, const struct ssh_channel *c,
                                            const char *name, bool want_reply)
{
    ssh_packet_begin(p, SSH_CHANNEL_REQUEST, c);
    ssh_packet_put_text(p, name);
    ssh_packet_put_u8(p, want_reply);
}

/* 0, LIBSSH2_ERROR_EAGAIN when nothing can be sent now, or another error of libssh2's. */
int ssh_packet_send(struct ssh_session *s, const struct ssh_packet *p, struct bytes body);
static inline int ssh_packet_send_short(struct ssh_session *s, const struct ssh_packet *p)
{
    return ssh_packet_send(s, p, (struct bytes){NULL, 0});
}

/* Of the server's: the string at *at, which moves behind it; data is NULL when there is none. */
struct bytes ssh_packet_string(struct bytes packet, size_t *at);

#endif
