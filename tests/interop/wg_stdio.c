/*
 * One wg_device as a program, for a driver that owns its time and its network (wireguard_go/world_test.go).
 *
 *   request  [kind 1][now ms 8][len 4][payload]     little-endian, on standard input
 *   reply    [kind 1][len 4][payload] ...           until one of kind 'e'
 *
 *   k  a new device: private key 32, peer's public key 32, last timestamp ms 8
 *   d  a datagram came             s  an IP packet is to be sent     t  tick
 *   i  initiate: restart 1         l  force load: on 1
 *
 *   d  a datagram for the peer     p  an IP packet came
 *   e  end: next deadline 8, session 1, result 4, last timestamp 8, handshakes 8
 *
 * The device is 10.0.0.1 and fd00::1, its peer 10.0.0.2 and fd00::2.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/host.h"
#include "wg/device.h"

enum { MAX_PAYLOAD = 65536, KIND_INIT = 'k' };

static struct wg_device *dev;
static struct wg_peer_config peer;
static uint8_t slot[MAX_PAYLOAD];

static void host_bytes(uint8_t *dst, size_t len)
{
    static FILE *urandom;
    if (!urandom)
        urandom = fopen("/dev/urandom", "rb");
    if (!urandom || fread(dst, 1, len, urandom) != len)
        abort();
}

static void reply(char kind, const uint8_t *payload, size_t len)
{
    uint8_t head[5] = {(uint8_t)kind};
    store_le32(head + 1, (uint32_t)len);
    if (fwrite(head, 1, sizeof head, stdout) != sizeof head ||
        fwrite(payload, 1, len, stdout) != len)
        exit(1);
}

static bool find_by_key(void *ctx, const struct node_public *key, struct wg_peer_config *out)
{
    (void)ctx;
    *out = peer;
    return memcmp(key, &peer.key, sizeof *key) == 0;
}

static bool find_by_ip(void *ctx, const struct ipaddr *dst, struct wg_peer_config *out)
{
    (void)ctx;
    *out = peer;
    return ipprefix_contains(&peer.allowed[0], dst) || ipprefix_contains(&peer.allowed[1], dst);
}

static uint8_t *reserve(void *ctx, const struct node_public *to, size_t len)
{
    (void)ctx, (void)to;
    return len <= sizeof slot ? slot : NULL;
}

static void commit(void *ctx, size_t len)
{
    (void)ctx;
    reply('d', slot, len);
}

static void init(const uint8_t *payload)
{
    static const char *const prefixes[2] = {"10.0.0.2/32", "fd00::2/128"};
    struct wg_hooks hooks = {.ctx = NULL,
                             .find_by_key = find_by_key,
                             .find_by_ip = find_by_ip,
                             .reserve = reserve,
                             .commit = commit};
    struct node_private key;
    memcpy(key.b, payload, 32);
    memcpy(peer.key.b, payload + 32, 32);
    peer.allowed_count = 2;
    for (int i = 0; i < 2; i++)
        if (ipprefix_parse(&peer.allowed[i], prefixes[i], strlen(prefixes[i])) != 0)
            exit(1);
    wg_device_free(dev);
    dev = wg_device_new(&key, load_le64(payload + 64), &hooks);
    if (!dev)
        exit(1);
}

static int handle(int kind, uint8_t *payload, size_t len, uint64_t now_ms)
{
    struct wg_received got;
    switch (kind) {
    case KIND_INIT:
        init(payload);
        return 0;
    case 'd':
        wg_device_receive(dev, &got, payload, len, &peer.key, now_ms);
        if (got.len > 0)
            reply('p', got.packet, got.len);
        return 0;
    case 's':
        return wg_device_send(dev, payload, len, now_ms);
    case 't':
        wg_device_tick(dev, now_ms);
        return 0;
    case 'i':
        return wg_device_initiate(dev, &peer.key, payload[0], now_ms);
    case 'l':
        wg_device_force_load(dev, payload[0]);
        return 0;
    default:
        exit(1);
    }
}

int main(void)
{
    static uint8_t payload[MAX_PAYLOAD];
    struct host_calls calls = {host_bytes, NULL};
    uint8_t head[13], end[29];
    host_init(&calls);
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        uint64_t now_ms = load_le64(head + 1);
        size_t len = load_le32(head + 9);
        if (len > sizeof payload || fread(payload, 1, len, stdin) != len ||
            (!dev && head[0] != KIND_INIT))
            return 1;
        int result = handle(head[0], payload, len, now_ms);
        store_le64(end, wg_device_next_deadline(dev));
        end[8] = wg_device_has_session(dev, &peer.key, now_ms);
        store_le32(end + 9, (uint32_t)result);
        store_le64(end + 13, wg_device_last_timestamp_ms(dev));
        store_le64(end + 21, wg_device_stats(dev)->handshakes);
        reply('e', end, sizeof end);
        fflush(stdout);
    }
    wg_device_free(dev);
    return 0;
}
