/*
 * Two devices with a session and a stranger's bytes. Input: [mode 1], then records of
 * [operation 1][len 1][len * step bytes], step as the mode has it:
 *
 *   0  datagrams as they are
 *   1  handshake messages, given a right mac1
 *   2  transport messages, sealed with the session's keys: what an authentic peer may put inside
 *   3  operations on both ends, and datagrams that are dropped, changed and repeated between them
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/aead.h"
#include "wg/device_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { ENDS = 2, QUEUE = 64, SLOT = 2048 };

struct end {
    struct wg_device *dev;
    struct node_private private_key;
    struct wg_peer_config config; /* as the other sees it */
    struct end *other;
    uint8_t queue[QUEUE][SLOT];
    size_t len[QUEUE], head, count;
};

static struct end ends[ENDS];
static uint64_t now_ms, random_state;

static void random_bytes(uint8_t *dst, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
        dst[i] = (uint8_t)(random_state >> 56);
    }
}

static bool find_by_key(void *ctx, const struct node_public *key, struct wg_peer_config *out)
{
    *out = ((struct end *)ctx)->other->config;
    return memcmp(key, &out->key, sizeof *key) == 0;
}

static bool find_by_ip(void *ctx, const struct ipaddr *dst, struct wg_peer_config *out)
{
    *out = ((struct end *)ctx)->other->config;
    return ipprefix_contains(&out->allowed[0], dst) || ipprefix_contains(&out->allowed[1], dst);
}

static uint8_t *reserve(void *ctx, const struct node_public *to, size_t len)
{
    struct end *e = ctx;
    (void)to;
    return e->count < QUEUE && len <= SLOT ? e->queue[(e->head + e->count) % QUEUE] : NULL;
}

static void commit(void *ctx, size_t len)
{
    struct end *e = ctx;
    e->len[(e->head + e->count++) % QUEUE] = len;
}

static void restart(struct end *e)
{
    struct wg_hooks hooks = {.ctx = e,
                             .find_by_key = find_by_key,
                             .find_by_ip = find_by_ip,
                             .reserve = reserve,
                             .commit = commit};
    uint64_t stamp = e->dev ? wg_device_last_timestamp_ms(e->dev) : 0;
    wg_device_free(e->dev);
    e->dev = wg_device_new(&e->private_key, stamp, &hooks);
    if (!e->dev)
        abort();
}

/* What was delivered: no transport message may be delivered twice. */
static uint64_t delivered[512];
static size_t delivered_count;

static void note_delivered(const uint8_t *datagram, size_t len)
{
    uint64_t mark =
        load_le64(datagram + len - 8) ^ load_le64(datagram + 4); /* tag, index, counter */
    for (size_t i = 0; i < delivered_count; i++)
        if (delivered[i] == mark)
            abort();
    if (delivered_count < sizeof delivered / sizeof *delivered)
        delivered[delivered_count++] = mark;
}

/* An exact copy, so that one byte too far is seen. */
static void receive(struct end *e, const uint8_t *src, size_t len)
{
    struct wg_received got;
    uint8_t *datagram = malloc(len ? len : 1);
    if (!datagram)
        abort();
    memcpy(datagram, src, len);
    wg_device_receive(e->dev, &got, datagram, len, &e->other->config.key, now_ms);
    if (got.len > 0 && (got.packet < datagram || got.packet + got.len > datagram + len))
        abort();
    if (got.len > 0)
        note_delivered(datagram, len);
    free(datagram);
}

/* The oldest datagram that the other end sent; bent: one bit of it is changed. */
static void deliver(struct end *e, bool keep, unsigned bend)
{
    struct end *from = e->other;
    if (from->count == 0)
        return;
    size_t at = from->head;
    if (bend)
        from->queue[at][bend % from->len[at]] ^= (uint8_t)(1u << bend % 8);
    if (!keep) {
        from->head = (from->head + 1) % QUEUE;
        from->count--;
    }
    receive(e, from->queue[at], from->len[at]);
}

static void settle(void)
{
    for (int i = 0; i < 8; i++) {
        deliver(&ends[0], false, 0);
        deliver(&ends[1], false, 0);
    }
}

static void setup(void)
{
    static const struct ipprefix any4 = {{4, {0}}, 0};
    random_state = 1;
    delivered_count = 0;
    now_ms = 1000;
    host_init(&(struct host_calls){.random_bytes = random_bytes});
    for (int i = 0; i < ENDS; i++) {
        struct end *e = &ends[i];
        memset(e, 0, sizeof *e);
        e->other = &ends[1 - i];
        node_private_generate(&e->private_key);
        node_public_derive(&e->config.key, &e->private_key);
        e->config.allowed[0] = any4;
        e->config.allowed[1] = (struct ipprefix){{6, {0xfd, (uint8_t)i}}, 16};
        e->config.allowed_count = 2;
        restart(e);
    }
    wg_device_initiate(ends[0].dev, &ends[1].config.key, false, now_ms);
    settle();
    if (!wg_device_has_session(ends[1].dev, &ends[0].config.key, now_ms))
        abort();
    now_ms += 1000; /* so that an initiation is taken again */
}

static void with_mac1(struct end *e, const uint8_t *src, size_t len)
{
    uint8_t msg[SLOT];
    struct wg_cookie_generator g;
    memcpy(msg, src, len);
    if (len >= 2 * WG_MAC_LEN) {
        wg_cookie_generator_init(&g, &e->config.key);
        wg_cookie_add_macs(&g, msg, len, now_ms);
    }
    receive(e, msg, len);
}

/* [counter 2][inner]: the counter moves forwards and backwards around the last. */
static void sealed(struct end *e, const uint8_t *src, size_t len)
{
    struct wg_keypair *kp = e->other->dev->peers ? e->other->dev->peers->keypairs.current : NULL;
    uint8_t msg[SLOT] = {WG_MSG_TRANSPORT}, nonce[AEAD_NONCE_LEN];
    if (!kp || len < 2)
        return;
    uint64_t counter = kp->send_counter + load_le16(src);
    memcpy(msg + 4, kp->remote_index, 4);
    store_le64(msg + 8, counter);
    aead_nonce_le(nonce, counter);
    aead_seal(msg + 16, src + 2, len - 2, NULL, 0, nonce, kp->keys.send);
    receive(e, msg, len - 2 + WG_TRANSPORT_OVERHEAD);
}

static void operate(uint8_t op, const uint8_t *src, size_t len)
{
    struct end *e = &ends[op & 1];
    const struct node_public *peer = &e->other->config.key;
    unsigned arg = len > 1 ? load_le16(src) : len;
    switch (op >> 1 & 15) {
    case 0:
        now_ms += arg * 4;
        break;
    case 1:
        wg_device_tick(e->dev, now_ms);
        break;
    case 2:
        wg_device_send(e->dev, src, len, now_ms);
        break;
    case 3:
        wg_device_initiate(e->dev, peer, arg & 1, now_ms);
        break;
    case 4:
        wg_device_kick_unanswered(e->dev, now_ms);
        break;
    case 5:
        wg_device_remove_peer(e->dev, peer);
        break;
    case 6:
        e->other->config.allowed[0].bits = (uint8_t)(arg % 40);
        wg_device_refresh(e->dev);
        break;
    case 7:
        wg_device_force_load(e->dev, arg & 1);
        break;
    case 8:
        restart(e);
        break;
    case 9:
        deliver(e, true, 0);
        break;
    case 10:
        deliver(e, arg & 1, arg);
        break;
    case 11:
        e->count = 0;
        break;
    case 12:
        sealed(e, src, len);
        break;
    default:
        deliver(e, false, 0);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1)
        return 0;
    unsigned mode = data[0] % 4;
    setup();
    for (size_t at = 1; at + 2 <= len;) {
        uint8_t op = data[at];
        size_t n = data[at + 1] * (mode == 2 ? 6u : 1u);
        const uint8_t *src = data + at + 2;
        n = n < len - at - 2 ? n : len - at - 2;
        if (mode == 0)
            receive(&ends[op & 1], src, n);
        else if (mode == 1)
            with_mac1(&ends[op & 1], src, n);
        else if (mode == 2)
            sealed(&ends[op & 1], src, n);
        else
            operate(op, src, n);
        at += 2 + n;
    }
    for (int i = 0; i < ENDS; i++) {
        wg_device_tick(ends[i].dev, now_ms + 3600 * 1000);
        wg_device_free(ends[i].dev);
        ends[i].dev = NULL;
    }
    return 0;
}
