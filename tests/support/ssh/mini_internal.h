/* What the parts of the server in mini_server.h share: the messages' numbers, payloads being written and
 * read, and what each part does for another. */
#ifndef MINI_INTERNAL_H
#define MINI_INTERNAL_H

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "support/ssh/mini_server.h"

enum {
    DISCONNECT = 1,
    IGNORE = 2,
    SERVICE_REQUEST = 5,
    SERVICE_ACCEPT = 6,
    KEXINIT = 20,
    NEWKEYS = 21,
    ECDH_INIT = 30,
    ECDH_REPLY = 31,
    USERAUTH_REQUEST = 50,
    USERAUTH_FAILURE = 51,
    USERAUTH_SUCCESS = 52,
    USERAUTH_BANNER = 53,
    GLOBAL_REQUEST = 80,
    REQUEST_SUCCESS = 81,
    REQUEST_FAILURE = 82,
    CHANNEL_OPEN = 90,
    CHANNEL_OPEN_CONFIRMATION = 91,
    CHANNEL_OPEN_FAILURE = 92,
    CHANNEL_WINDOW_ADJUST = 93,
    CHANNEL_DATA = 94,
    CHANNEL_EXTENDED_DATA = 95,
    CHANNEL_EOF = 96,
    CHANNEL_CLOSE = 97,
    CHANNEL_REQUEST = 98,
    CHANNEL_SUCCESS = 99,
    CHANNEL_FAILURE = 100
};

extern const char mini_version[];

/* ---- a payload ---- */

struct writer {
    size_t len;
    uint8_t data[40000];
};

/* Not zeroed: a keep-alive need not cost 40 kB. */
#define WRITER(name)    \
    struct writer name; \
    name.len = 0

static inline void put(struct writer *w, const void *src, size_t len)
{
    if (len > sizeof w->data - w->len)
        abort();
    memcpy(w->data + w->len, src, len);
    w->len += len;
}

static inline void put_u8(struct writer *w, uint8_t v)
{
    put(w, &v, 1);
}

static inline void put_u32(struct writer *w, uint32_t v)
{
    uint8_t bytes[4];

    store_be32(bytes, v);
    put(w, bytes, 4);
}

static inline void put_string(struct writer *w, const void *src, size_t len)
{
    put_u32(w, (uint32_t)len);
    put(w, src, len);
}

static inline void put_text(struct writer *w, const char *text)
{
    put_string(w, text, strlen(text));
}

/* The string at *at of a client's payload; empty where there is none. */
static inline struct bytes get_string(struct bytes p, size_t *at)
{
    struct bytes none = {p.data, 0};
    uint32_t len;

    if (*at + 4 > p.len)
        return none;
    len = load_be32(p.data + *at);
    if (len > p.len - *at - 4)
        return none;
    *at += 4 + (size_t)len;
    return (struct bytes){p.data + *at - len, len};
}

static inline bool is(struct bytes text, const char *name)
{
    return text.len == strlen(name) && memcmp(text.data, name, text.len) == 0;
}

static inline struct bytes text_bytes(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static inline void keep(char *dst, size_t cap, struct bytes text)
{
    size_t len = text.len < cap - 1 ? text.len : cap - 1;

    memcpy(dst, text.data, len);
    dst[len] = '\0';
}

/* ---- mini_packets.c ---- */

void mini_send_writer(struct mini_server *m, struct writer *w);
/* Opens the packet at the front of m->in in place: its whole length, 0 when more is needed. */
size_t mini_open_packet(struct mini_server *m, struct bytes *payload);

/* ---- mini_kex.c ---- */

void mini_put_host_key(const struct mini_server *m, struct writer *w);
void mini_send_kexinit(struct mini_server *m);
void mini_on_kexinit(struct mini_server *m, struct bytes p);
void mini_answer_ecdh(struct mini_server *m, struct bytes q_c);
void mini_on_newkeys(struct mini_server *m);

/* ---- mini_channels.c ---- */

void mini_on_channel_open(struct mini_server *m, struct bytes p);
/* [type][our number]... */
void mini_on_channel_packet(struct mini_server *m, struct bytes p);

#endif
