#include "sim/wg_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static void node_addr(struct ipaddr *a, int i, bool v6)
{
    static const uint8_t ula[6] = {0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0};
    memset(a, 0, sizeof *a);
    a->family = v6 ? 6 : 4;
    if (v6) {
        memcpy(a->b, ula, sizeof ula);
        a->b[15] = (uint8_t)(i + 1);
    } else {
        a->b[0] = 100;
        a->b[1] = 64;
        a->b[3] = (uint8_t)(i + 1);
    }
}

static void node_config(struct wg_peer_config *out, const struct world_node *n)
{
    memset(out, 0, sizeof *out);
    out->key = n->public_key;
    out->allowed_count = 2;
    node_addr(&out->allowed[0].addr, n->id, false);
    out->allowed[0].bits = 32;
    node_addr(&out->allowed[1].addr, n->id, true);
    out->allowed[1].bits = 128;
    for (int i = 0; n->moved && i < 2; i++)
        out->allowed[i].addr.b[1] ^= 1;
}

static bool knows(const struct world_node *n, int other)
{
    return other != n->id && n->world->now_ms >= n->knows_from_ms[other];
}

static bool find_by_key(void *ctx, const struct node_public *key, struct wg_peer_config *out)
{
    struct world_node *n = ctx;
    for (int i = 0; i < n->world->count; i++) {
        if (knows(n, i) && memcmp(&n->world->node[i].public_key, key, sizeof *key) == 0) {
            node_config(out, &n->world->node[i]);
            return true;
        }
    }
    return false;
}

static bool find_by_ip(void *ctx, const struct ipaddr *dst, struct wg_peer_config *out)
{
    struct world_node *n = ctx;
    for (int i = 0; i < n->world->count; i++) {
        struct ipaddr addr;
        node_addr(&addr, i, dst->family == 6);
        if (knows(n, i) && memcmp(addr.b, dst->b, sizeof addr.b) == 0) {
            node_config(out, &n->world->node[i]);
            return true;
        }
    }
    return false;
}

static int node_of(const struct world *w, const struct node_public *key)
{
    for (int i = 0; i < w->count; i++)
        if (memcmp(&w->node[i].public_key, key, sizeof *key) == 0)
            return i;
    return -1;
}

static uint8_t *reserve(void *ctx, const struct node_public *to, size_t len)
{
    struct world_node *n = ctx;
    if (n->sink_closed || len > sizeof n->slot)
        return NULL;
    n->slot_to = node_of(n->world, to);
    memset(n->slot, 0xee, len); /* the device has to write all of it */
    return n->slot;
}

static void commit(void *ctx, size_t len)
{
    struct world_node *n = ctx;
    struct world *w = n->world;
    uint8_t type = n->slot[0] < 5 ? n->slot[0] : 0;
    w->messages[type]++;
    memcpy(w->last[n->id][type], n->slot, len);
    w->last_len[n->id][type] = len;
    if (!w->tap || w->tap(w, n->id, n->slot_to, n->slot, len))
        sim_send(&w->net, n->id, n->slot_to, n->slot, len, w->now_ms);
}

void world_restart(struct world *w, int i, uint64_t last_timestamp_ms)
{
    struct world_node *n = &w->node[i];
    struct wg_hooks hooks = {.ctx = n,
                             .find_by_key = find_by_key,
                             .find_by_ip = find_by_ip,
                             .reserve = reserve,
                             .commit = commit};
    wg_device_free(n->dev);
    n->dev = wg_device_new(&n->private_key, last_timestamp_ms, &hooks);
    if (!n->dev)
        abort();
}

void world_stop(struct world *w, int i)
{
    wg_device_free(w->node[i].dev);
    w->node[i].dev = NULL;
}

struct world *world_new(int count, uint64_t seed, struct sim_path path)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        abort();
    sim_init(&w->net, seed);
    w->net.path = path;
    w->count = count;
    for (int i = 0; i < count; i++) {
        struct world_node *n = &w->node[i];
        n->world = w;
        n->id = i;
        node_private_generate(&n->private_key);
        node_public_derive(&n->public_key, &n->private_key);
        world_restart(w, i, 0);
    }
    return w;
}

void world_free(struct world *w)
{
    for (int i = 0; i < w->count; i++)
        wg_device_free(w->node[i].dev);
    sim_wipe(&w->net);
    free(w);
}

int world_send(struct world *w, int from, int to, unsigned number, size_t len, bool v6)
{
    uint8_t packet[WG_MTU + 64] = {0};
    struct ipaddr src, dst;
    size_t header = v6 ? 40 : 20;
    node_addr(&src, from, v6);
    node_addr(&dst, to, v6);
    if (v6) {
        packet[0] = 0x60;
        store_be16(packet + 4, (uint16_t)(len - header));
        memcpy(packet + 8, src.b, 16);
        memcpy(packet + 24, dst.b, 16);
    } else {
        packet[0] = 0x45;
        store_be16(packet + 2, (uint16_t)len);
        memcpy(packet + 12, src.b, 4);
        memcpy(packet + 16, dst.b, 4);
    }
    store_le32(packet + header, number);
    for (size_t i = header + 4; i < len; i++)
        packet[i] = (uint8_t)(number + i);
    w->node[from].sent_to[to]++;
    return wg_device_send(w->node[from].dev, packet, len, w->now_ms);
}

/* Whole, from the address of the node that it is said to be from, and how often seen? */
static void accept_packet(struct world_node *n, const struct wg_received *got)
{
    bool v6 = got->packet[0] >> 4 == 6;
    size_t header = v6 ? 40 : 20;
    struct ipaddr src;
    unsigned number = load_le32(got->packet + header);
    int from = node_of(n->world, &got->from);
    bool ok = number < WORLD_NUMBERS && from >= 0;
    node_addr(&src, from, v6);
    ok &= memcmp(got->packet + (v6 ? 8 : 12), src.b, v6 ? 16 : 4) == 0;
    for (size_t i = header + 4; i < got->len; i++)
        ok &= got->packet[i] == (uint8_t)(number + i);
    if (!ok) {
        n->garbled++;
        return;
    }
    n->last_received_ms = n->world->now_ms;
    if (n->seen[from][number]++)
        n->duplicates++;
    else
        n->received_from[from]++;
}

static void deliver(struct world *w, struct sim_datagram *d)
{
    struct world_node *n = &w->node[d->to];
    struct wg_received got;
    if (n->dev) {
        wg_device_receive(n->dev, &got, d->data, d->len,
                          d->from < 0 ? NULL : &w->node[d->from].public_key, w->now_ms);
        if (got.len > 0)
            accept_packet(n, &got);
        for (struct wg_peer *p = n->dev->peers; p && n->forgetful; p = p->next)
            wg_keypairs_wipe_retired(&p->keypairs, &n->dev->index);
    }
    free(d);
}

/* One step: to the next thing that happens, or to until_ms. */
static void step(struct world *w, uint64_t until_ms)
{
    uint64_t next = earlier(until_ms, sim_next_ms(&w->net));
    for (int i = 0; i < w->count; i++)
        if (w->node[i].dev)
            next = earlier(next, wg_device_next_deadline(w->node[i].dev));
    if (next > w->now_ms)
        w->now_ms = next;
    struct sim_datagram *d = sim_receive(&w->net, w->now_ms);
    if (d)
        deliver(w, d);
    for (int i = 0; i < w->count; i++)
        if (w->node[i].dev)
            wg_device_tick(w->node[i].dev, w->now_ms);
}

void world_run(struct world *w, uint64_t until_ms)
{
    while (w->now_ms < until_ms || sim_next_ms(&w->net) <= until_ms)
        step(w, until_ms);
}

bool world_run_until_received(struct world *w, int from, int to, uint64_t until_ms)
{
    uint64_t before = w->node[to].received_from[from];
    while (w->now_ms < until_ms && w->node[to].received_from[from] == before)
        step(w, until_ms);
    return w->node[to].received_from[from] != before;
}

size_t world_waiting(const struct world *w, int i)
{
    size_t sum = 0;
    for (const struct wg_peer *p = w->node[i].dev->peers; p; p = p->next)
        for (int at = 0; at < WG_INITIATIONS_KEPT; at++)
            sum += p->initiations[at].number != 0;
    return sum;
}

size_t world_retired(const struct world *w, int i)
{
    size_t sum = 0;
    for (const struct wg_peer *p = w->node[i].dev->peers; p; p = p->next)
        for (int at = 0; at < WG_KEYPAIRS_RETIRED; at++)
            sum += p->keypairs.retired[at] != NULL;
    return sum;
}

bool world_session(const struct world *w, int from, int to)
{
    return wg_device_has_session(w->node[from].dev, &w->node[to].public_key, w->now_ms);
}

uint64_t world_drops(const struct world *w, int i, enum wg_drop why)
{
    return wg_device_stats(w->node[i].dev)->drops[why];
}
