#include "support/relay.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/box.h"

uint64_t relay_seed = 1;

uint32_t relay_random(void)
{
    relay_seed = relay_seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(relay_seed >> 33);
}

void relay_random_bytes(uint8_t *dst, size_t len)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = (uint8_t)relay_random();
}

void relay_init(struct relay *s)
{
    memset(s, 0, sizeof *s);
    node_private_generate(&s->key);
    node_public_derive(&s->public_key, &s->key);
    for (size_t i = 0; i < RELAY_CONNS; i++) {
        buf_init(&s->conns[i].in, 4 << 20);
        buf_init(&s->conns[i].out, 64 << 20);
    }
}

void relay_put(struct relay_conn *c, uint8_t type, const void *body, size_t len)
{
    uint8_t header[5] = {type, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                         (uint8_t)len};
    if (buf_append(&c->out, header, 5) < 0 || (len > 0 && buf_append(&c->out, body, len) < 0))
        abort();
}

void relay_put_packet(struct relay_conn *c, const struct node_public *from, const uint8_t *packet,
                      size_t len)
{
    uint8_t *body = malloc(32 + len);
    if (!body)
        abort();
    memcpy(body, from->b, 32);
    if (len > 0)
        memcpy(body + 32, packet, len);
    relay_put(c, 0x05, body, 32 + len);
    free(body);
}

int relay_connect(struct relay *s)
{
    uint8_t hello[40] = {0x44, 0x45, 0x52, 0x50, 0xf0, 0x9f, 0x94, 0x91};
    for (int i = 0; i < RELAY_CONNS; i++) {
        struct relay_conn *c = &s->conns[i];
        if (c->open)
            continue;
        c->open = true;
        c->admitted = c->hung_up = c->preferred = false;
        c->pings = c->pongs = c->preferred_notes = 0;
        memcpy(hello + 8, s->public_key.b, 32);
        if (!s->mute)
            relay_put(c, 0x01, hello, sizeof hello);
        return i;
    }
    abort();
}

void relay_disconnect(struct relay *s, int conn)
{
    struct relay_conn *c = &s->conns[conn];
    uint8_t gone[33];
    memcpy(gone, c->key.b, 32);
    gone[32] = 0;
    bool was_admitted = c->admitted;
    buf_wipe(&c->in);
    buf_wipe(&c->out);
    c->open = c->admitted = false;
    for (int i = 0; was_admitted && i < RELAY_CONNS; i++)
        if (s->conns[i].admitted)
            relay_put(&s->conns[i], 0x08, gone, sizeof gone);
}

void relay_free(struct relay *s)
{
    for (int i = 0; i < RELAY_CONNS; i++) {
        buf_wipe(&s->conns[i].in);
        buf_wipe(&s->conns[i].out);
    }
}

static void relay_admit(struct relay *s, struct relay_conn *c, const uint8_t *body, size_t len)
{
    static const char json[] = "{\"version\":2}";
    uint8_t shared[32], info[24 + 16 + sizeof json - 1];
    size_t json_len = len - 32 - 24 - 16;
    if (len < 32 + 24 + 16 || json_len >= RELAY_INFO_CAP ||
        !box_precompute(shared, body, s->key.b) ||
        !box_open((uint8_t *)c->info, body + 56, len - 56, body + 32, shared)) {
        s->broken++;
        c->hung_up = true;
        return;
    }
    c->info[json_len] = '\0';
    memcpy(c->key.b, body, 32);
    if (s->refuse) {
        c->hung_up = true;
        return;
    }
    c->admitted = true;
    if (s->mute)
        return;
    relay_random_bytes(info, 24);
    box_seal(info + 24, (const uint8_t *)json, sizeof json - 1, info, shared);
    if (s->forge)
        info[30] ^= 1;
    relay_put(c, 0x03, info, sizeof info);
}

static void relay_forward(struct relay *s, struct relay_conn *from, const uint8_t *body, size_t len)
{
    uint8_t gone[33];
    for (int i = RELAY_CONNS - 1; i >= 0; i--) {
        struct relay_conn *to = &s->conns[i];
        if (!to->admitted || memcmp(to->key.b, body, 32) != 0)
            continue;
        relay_put_packet(to, &from->key, body + 32, len - 32);
        s->forwarded++;
        return;
    }
    s->lost++;
    if (len < 32 + 62 || memcmp(body + 32, "TS\xf0\x9f\x92\xac", 6) != 0)
        return;
    memcpy(gone, body, 32);
    gone[32] = 1; /* not here: said for disco only */
    relay_put(from, 0x08, gone, sizeof gone);
}

static void relay_frame(struct relay *s, struct relay_conn *c, uint8_t type, const uint8_t *body,
                        size_t len)
{
    if (!c->admitted && type != 0x02)
        s->broken++;
    else if (type == 0x02)
        relay_admit(s, c, body, len);
    else if (type == 0x04 && len >= 32 && len <= 32 + 65536)
        relay_forward(s, c, body, len);
    else if (type == 0x07 && len == 1) {
        c->preferred = body[0] == 1;
        c->preferred_notes++;
    } else if (type == 0x12 && len == 8) {
        c->pings++;
        if (!s->mute)
            relay_put(c, 0x13, body, 8);
    } else if (type == 0x13 && len == 8) {
        c->pongs++;
        memcpy(c->last_pong, body, 8);
    } else
        s->broken++;
}

void relay_input(struct relay *s, int conn, const uint8_t *data, size_t len)
{
    struct relay_conn *c = &s->conns[conn];
    if (!c->open || len == 0)
        return;
    if (len > 32768)
        s->broken++; /* a real one closes with 1009 */
    if (buf_append(&c->in, data, len) < 0)
        abort();
    while (c->open && !c->hung_up && c->in.len >= 5) {
        uint8_t *p = buf_head(&c->in);
        size_t body_len = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
        if (c->in.len - 5 < body_len)
            return;
        relay_frame(s, c, p[0], p + 5, body_len);
        buf_consume(&c->in, 5 + body_len);
    }
}
