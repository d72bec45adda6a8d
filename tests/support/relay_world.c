#include "support/relay_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void world_add(struct relay_world *w, struct world_item item, const uint8_t *data)
{
    struct world_item *it = malloc(sizeof *it), **at = &w->items;
    if (!it)
        abort();
    *it = item;
    it->data = malloc(item.len ? item.len : 1); /* its own block: an overrun is seen */
    if (!it->data)
        abort();
    if (item.len > 0)
        memcpy(it->data, data, item.len);
    while (*at && (*at)->at_ms <= it->at_ms)
        at = &(*at)->next;
    it->next = *at;
    *at = it;
}

static struct world_item world_item(const struct world_node *n, int region,
                                    enum world_item_type type, uint64_t delay_ms)
{
    return (struct world_item){.type = type,
                               .at_ms = n->world->now_ms + delay_ms,
                               .node = n->index,
                               .region = region,
                               .generation = n->sockets[region].generation};
}

static bool world_find_node(void *ctx, const struct node_public *key, struct disco_public *disco,
                            int *home)
{
    struct world_node *self = ctx;
    for (int i = 0; i < WORLD_NODES; i++) {
        struct world_node *n = &self->world->nodes[i];
        if (!n->used || n->hidden || n == self || memcmp(n->public_key.b, key->b, 32) != 0)
            continue;
        *disco = n->disco_public;
        *home = n->home_told;
        return true;
    }
    return false;
}

static bool world_find_disco(void *ctx, const struct disco_public *disco, struct node_public *key)
{
    struct world_node *self = ctx;
    for (int i = 0; i < WORLD_NODES; i++) {
        struct world_node *n = &self->world->nodes[i];
        if (!n->used || n->hidden || n == self || memcmp(n->disco_public.b, disco->b, 32) != 0)
            continue;
        *key = n->public_key;
        return true;
    }
    return false;
}

void relay_world_init(struct relay_world *w)
{
    memset(w, 0, sizeof *w);
    w->now_ms = 100000;
    w->piece = 4096;
    for (int i = 1; i <= WORLD_REGIONS; i++) {
        relay_init(&w->relays[i]);
        w->latency_ms[i] = 10;
    }
}

struct world_node *relay_world_add_node(struct relay_world *w)
{
    int i = 0;
    while (w->nodes[i].used)
        i++;
    struct world_node *n = &w->nodes[i];
    memset(n, 0, sizeof *n);
    n->world = w;
    n->index = i;
    n->used = true;
    node_private_generate(&n->key);
    node_public_derive(&n->public_key, &n->key);
    disco_private_generate(&n->disco);
    disco_public_derive(&n->disco_public, &n->disco);
    n->ms = magicsock_new(&(struct magicsock_config){.node_key = n->key,
                                                     .node_public = n->public_key,
                                                     .disco_key = n->disco,
                                                     .disco_public = n->disco_public,
                                                     .ctx = n,
                                                     .find_node = world_find_node,
                                                     .find_disco = world_find_disco});
    if (!n->ms)
        abort();
    return n;
}

void relay_world_regions(struct world_node *n, const int *ids, int hint, bool probeable)
{
    struct magicsock_region regions[WORLD_REGIONS];
    size_t count = 0;
    for (; ids[count] != 0; count++) {
        struct magicsock_region *r = &regions[count];
        memset(r, 0, sizeof *r);
        r->id = ids[count];
        snprintf(r->url, sizeof r->url, "ws://relay%d.test/derp", r->id);
        if (probeable)
            snprintf(r->probe_url, sizeof r->probe_url, "http://relay%d.test/derp/probe", r->id);
    }
    magicsock_set_regions(n->ms, regions, count, hint, n->world->now_ms);
}

void relay_world_flush_relay(struct relay_world *w, int region)
{
    for (int i = 0; i < WORLD_NODES; i++) {
        struct world_node *n = &w->nodes[i];
        struct world_socket *s = &n->sockets[region];
        if (!n->used || !s->open)
            continue;
        struct relay_conn *c = &w->relays[region].conns[s->conn];
        while (c->out.len > 0) {
            size_t len = w->piece ? w->piece : relay_random() % 5000 + 1;
            if (len > c->out.len)
                len = c->out.len;
            struct world_item it = world_item(n, region, ITEM_INPUT, w->latency_ms[region]);
            it.len = len;
            if (w->links[region] == LINK_UP)
                world_add(w, it, buf_head(&c->out));
            buf_consume(&c->out, len);
        }
        if (c->hung_up) {
            struct world_item it = world_item(n, region, ITEM_CLOSED, w->latency_ms[region]);
            it.value = 1000;
            world_add(w, it, NULL);
            relay_disconnect(&w->relays[region], s->conn);
            s->open = false;
        }
    }
}

void relay_world_cut(struct world_node *n, int region)
{
    struct world_socket *s = &n->sockets[region];
    if (!s->open)
        return;
    s->open = false;
    relay_disconnect(&n->world->relays[region], s->conn);
    struct world_item it = world_item(n, region, ITEM_CLOSED, 0);
    it.value = 1006;
    world_add(n->world, it, NULL);
    relay_world_flush_relay(n->world, region);
}

void relay_world_connect(struct world_node *n, int region)
{
    struct relay_world *w = n->world;
    struct world_item it;
    n->connects[region]++;
    n->sockets[region].generation++;
    if (w->links[region] == LINK_SILENT)
        return;
    it = world_item(n, region, w->links[region] == LINK_UP ? ITEM_OPENED : ITEM_CLOSED,
                    3 * w->latency_ms[region]);
    it.value = 1006;
    world_add(w, it, NULL);
}

static void world_probe(struct world_node *n, int region)
{
    struct relay_world *w = n->world;
    n->probes[region]++;
    if (w->links[region] == LINK_SILENT)
        return;
    uint64_t rtt_ms = 2 * w->latency_ms[region];
    if (n->probes[region] == 1)
        rtt_ms += w->cold_ms[region];
    struct world_item it = world_item(n, region, ITEM_PROBED, rtt_ms);
    it.value = w->links[region] == LINK_UP ? (int)rtt_ms : -1;
    world_add(w, it, NULL);
}

void relay_world_event(struct world_node *n, const struct magicsock_event *ev)
{
    struct relay_world *w = n->world;
    struct world_item it = world_item(n, ev->region, ITEM_TO_RELAY, w->latency_ms[ev->region]);
    switch (ev->type) {
    case MAGICSOCK_EVENT_CONNECT:
        relay_world_connect(n, ev->region);
        break;
    case MAGICSOCK_EVENT_CLOSE:
        n->closes[ev->region]++;
        it.type = ITEM_GONE;
        world_add(w, it, NULL);
        n->sockets[ev->region].generation++;
        break;
    case MAGICSOCK_EVENT_SEND:
        it.len = ev->len;
        world_add(w, it, ev->data);
        break;
    case MAGICSOCK_EVENT_PROBE:
        world_probe(n, ev->region);
        break;
    case MAGICSOCK_EVENT_WIREGUARD:
        if (n->packets++ == 0 && ev->len > 0)
            n->first[0] = ev->data[0];
        n->last_from = ev->from;
        n->last_len = ev->len < sizeof n->last ? ev->len : 0;
        memcpy(n->last, ev->data, n->last_len);
        if (w->on_datagram)
            w->on_datagram(n, ev);
        else /* nobody tells truth from lie */
            magicsock_heard(n->ms, &ev->from, ev->region, w->now_ms);
        break;
    case MAGICSOCK_EVENT_HOME:
        n->homes++, n->home = ev->region;
        break;
    case MAGICSOCK_EVENT_PEER_GONE:
        n->gones++, n->last_from = ev->from;
        break;
    case MAGICSOCK_EVENT_PONG:
        n->pongs++, n->last_from = ev->from, n->pong_ms = (int)ev->len;
        break;
    case MAGICSOCK_EVENT_REGION_UP:
        n->ups[ev->region]++;
        break;
    case MAGICSOCK_EVENT_REGION_DOWN:
        n->downs[ev->region]++;
        snprintf(n->reason, sizeof n->reason, "%.*s", (int)ev->len, (char *)ev->data);
        break;
    case MAGICSOCK_EVENT_NONE:
        abort();
    }
}

void relay_world_drain(struct world_node *n)
{
    struct magicsock_event ev;
    while (magicsock_next(n->ms, &ev, n->world->now_ms) == 1)
        relay_world_event(n, &ev);
}

void relay_world_drain_all(struct relay_world *w)
{
    for (int i = 0; i < WORLD_NODES; i++)
        if (w->nodes[i].used)
            relay_world_drain(&w->nodes[i]);
}

static void world_item_free(struct world_item *it)
{
    free(it->data);
    free(it);
}

/* What the wire has next happens at its time. */
static void world_happen(struct relay_world *w, struct world_item *it)
{
    struct world_node *n = &w->nodes[it->node];
    struct world_socket *s = &n->sockets[it->region];
    bool current = it->generation == s->generation;
    if (it->type == ITEM_PROBED) {
        magicsock_probed(n->ms, it->region, it->value, w->now_ms);
    } else if (it->type == ITEM_GONE) {
        if (s->open)
            relay_disconnect(&w->relays[it->region], s->conn);
        s->open = false;
    } else if (!current) {
        return;
    } else if (it->type == ITEM_OPENED) {
        s->conn = relay_connect(&w->relays[it->region]);
        s->open = true;
        magicsock_opened(n->ms, it->region, w->now_ms);
    } else if (it->type == ITEM_CLOSED) {
        magicsock_closed(n->ms, it->region, it->value, "", 0, w->now_ms);
    } else if (it->type == ITEM_INPUT) {
        magicsock_input(n->ms, it->region, it->data, it->len, w->now_ms);
    } else if (s->open && w->links[it->region] == LINK_UP) {
        relay_input(&w->relays[it->region], s->conn, it->data, it->len);
    }
    relay_world_drain(n); /* before its input goes away */
    relay_world_flush_relay(w, it->region);
}

void relay_world_run(struct relay_world *w, uint64_t duration_ms)
{
    uint64_t end_ms = w->now_ms + duration_ms;
    relay_world_drain_all(w);
    for (;;) {
        uint64_t next_ms = w->items ? w->items->at_ms : NEVER;
        for (int i = 0; i < WORLD_NODES; i++)
            if (w->nodes[i].used)
                next_ms = earlier(next_ms, magicsock_next_deadline(w->nodes[i].ms));
        if (w->extra_deadline)
            next_ms = earlier(next_ms, w->extra_deadline(w));
        if (next_ms > end_ms)
            break;
        if (next_ms > w->now_ms)
            w->now_ms = next_ms;
        if (w->items && w->items->at_ms <= w->now_ms) {
            struct world_item *it = w->items;
            w->items = it->next;
            world_happen(w, it);
            world_item_free(it);
        } else {
            for (int i = 0; i < WORLD_NODES; i++)
                if (w->nodes[i].used)
                    magicsock_tick(w->nodes[i].ms, w->now_ms);
            if (w->extra_tick)
                w->extra_tick(w);
        }
        relay_world_drain_all(w);
    }
    w->now_ms = end_ms;
}

bool relay_world_send(struct world_node *n, const struct node_public *to, const uint8_t *src,
                      size_t len)
{
    uint8_t *at = magicsock_reserve(n->ms, to, len, n->world->now_ms);
    if (!at)
        return false;
    memcpy(at, src, len);
    magicsock_commit(n->ms);
    return true;
}

void relay_world_free(struct relay_world *w)
{
    for (int i = 0; i < WORLD_NODES; i++)
        if (w->nodes[i].used)
            magicsock_free(w->nodes[i].ms);
    for (int i = 1; i <= WORLD_REGIONS; i++)
        relay_free(&w->relays[i]);
    while (w->items) {
        struct world_item *it = w->items;
        w->items = it->next;
        world_item_free(it);
    }
}
