/* See world.h: the node at the other end. */
#include <dlfcn.h>
#include <stdio.h>

#include "magicsock/magicsock.h"
#include "sim/engine/world.h"
#include "wg/device.h"

static const struct endpoint *stack;

static const struct ipaddr far4 = {4, {100, 64, 0, 2}}, far6 = {6, {0xfd, 0x7a, [15] = 2}};

void far_setup(void)
{
    static const struct host_calls calls = {.random_bytes = world_random_bytes};
    void *module = dlopen(ENDPOINT, RTLD_NOW | RTLD_LOCAL);
    stack = module ? dlsym(module, "endpoint") : NULL;
    if (!stack) {
        fprintf(stderr, "%s\n", dlerror());
        abort();
    }
    stack->host_init(&calls);
}

/* ---- whom it knows: the engine, once it is registered ---- */

static bool fill(struct world *w, struct wg_peer_config *out)
{
    if (!w->have_node)
        return false;
    out->key = w->node_key;
    out->allowed[0] = (struct ipprefix){{4, {100, 64, 0, 1}}, 32};
    out->allowed[1] = (struct ipprefix){{6, {0xfd, 0x7a, [15] = 1}}, 128};
    out->allowed_count = 2;
    return true;
}

static bool by_key(void *ctx, const struct node_public *key, struct wg_peer_config *out)
{
    struct world *w = ctx;
    return memcmp(key->b, w->node_key.b, sizeof key->b) == 0 && fill(w, out);
}

static bool by_ip(void *ctx, const struct ipaddr *dst, struct wg_peer_config *out)
{
    (void)dst;
    return fill(ctx, out);
}

static bool find_node(void *ctx, const struct node_public *key, struct disco_public *disco,
                      int *region)
{
    (void)ctx, (void)key;
    memset(disco, 0, sizeof *disco);
    *region = 1;
    return true;
}

static bool find_disco(void *ctx, const struct disco_public *disco, struct node_public *key)
{
    struct world *w = ctx;
    (void)disco;
    *key = w->node_key;
    return w->have_node;
}

/* ---- datagrams, lost and late ---- */

static bool is_lost(struct world *w)
{
    return world_random(1000) < w->loss;
}

static uint64_t delay(struct world *w)
{
    return w->jitter_ms ? world_random(w->jitter_ms + 1) : 0;
}

static uint8_t *reserve(void *ctx, const struct node_public *to, size_t len)
{
    struct world *w = ctx;
    (void)to;
    w->reserved_len = len;
    return w->reserved = malloc(len);
}

static void happen_sent(struct world_item *it)
{
    struct world *w = world;
    uint8_t *at = magicsock_reserve(w->far_ms, &w->node_key, it->len, w->now_ms);
    if (!at)
        return;
    memcpy(at, it->data, it->len);
    magicsock_commit(w->far_ms);
}

static void commit(void *ctx, size_t len)
{
    struct world *w = ctx;
    (void)len;
    for (int n = 0; n < 1 + (world_random(1000) < w->dup); n++)
        if (!is_lost(w))
            world_later(delay(w), happen_sent, WORLD_FAR, w->reserved, w->reserved_len);
    free(w->reserved);
    w->reserved = NULL;
}

/* A SYN answered by the packet filter (TSMP '!', policy). */
static bool reject(struct world *w, const uint8_t *p, size_t len)
{
    if (!w->reject || len < 40 || p[0] != 0x45 || p[9] != 6 || (p[33] & 0x12) != 2)
        return false;
    uint8_t out[28] = {0x45, 0, 0, sizeof out, 0, 0, 0, 0, 64, 99};
    uint32_t sum = 0;
    memcpy(out + 12, p + 16, 4);
    memcpy(out + 16, p + 12, 4);
    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)(out[i] << 8 | out[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    out[10] = (uint8_t)(sum >> 8);
    out[11] = (uint8_t)sum;
    out[20] = '!';
    out[21] = 6;
    out[22] = 'A';
    memcpy(out + 23, p + 20, 4);
    wg_device_send(w->far_wg, out, sizeof out, w->now_ms);
    return true;
}

static void happen_received(struct world_item *it)
{
    struct world *w = world;
    struct wg_received got;
    wg_device_receive(w->far_wg, &got, it->data, it->len, &w->node_key, w->now_ms);
    if (got.len && !reject(w, got.packet, got.len))
        stack->input(got.packet, got.len, w->now_ms);
}

static void output(void *ctx, const uint8_t *packet, size_t len)
{
    struct world *w = ctx;
    wg_device_send(w->far_wg, packet, len, w->now_ms);
}

/* ---- its TCP server ---- */

static void greet(struct far_conn *c)
{
    static const char banner[] = "SSH-2.0-OpenSSH_9.2\r\n";
    uint8_t garbage[3000];
    switch (c->mode) {
    case FAR_CLOSE:
    case FAR_RESET:
        stack->free(c->tc, c->mode == FAR_RESET);
        c->tc = NULL;
        break;
    case FAR_SSH:
        c->ssh = far_ssh_new(&world->ssh_ways);
        break;
    case FAR_BANNER_GARBAGE:
        stack->write(c->tc, (const uint8_t *)banner, sizeof banner - 1); /* fall through */
    case FAR_GARBAGE:
        world_random_bytes(garbage, sizeof garbage);
        stack->write(c->tc, garbage, sizeof garbage);
        break;
    default:
        break;
    }
}

static void end_conn(struct far_conn *c, bool abort)
{
    stack->free(c->tc, abort);
    c->tc = NULL;
    far_ssh_free(c->ssh);
    c->ssh = NULL;
}

static void serve_ssh(struct far_conn *c)
{
    static uint8_t bytes[65536];
    size_t room, n;
    if (world->ssh_ways.frozen)
        return;
    while ((n = stack->read(c->tc, bytes, sizeof bytes)) > 0)
        far_ssh_input(c->ssh, bytes, n);
    while ((room = stack->writable(c->tc)) > 0) {
        n = far_ssh_output(c->ssh, bytes, room < sizeof bytes ? room : sizeof bytes);
        if (n == 0)
            break;
        stack->write(c->tc, bytes, n);
    }
    c->stalled = false;
    enum tcp_conn_state state = stack->state(c->tc);
    if (state == TCP_CONN_REMOTE_CLOSED || state == TCP_CONN_CLOSED)
        end_conn(c, false);
}

static void flood(struct far_conn *c)
{
    uint8_t bytes[8192];
    size_t room;
    while ((room = stack->writable(c->tc)) > 0) {
        size_t n = room < sizeof bytes ? room : sizeof bytes;
        for (size_t i = 0; i < n; i++)
            bytes[i] = world_pattern(c->flooded + i);
        stack->write(c->tc, bytes, n);
        c->flooded += n;
    }
}

static void echo(struct far_conn *c)
{
    static uint8_t bytes[65536];
    size_t room, n = 0;
    if (c->mode == FAR_SILENT)
        return;
    while ((room = stack->writable(c->tc)) > 0) {
        n = stack->read(c->tc, bytes, room < sizeof bytes ? room : sizeof bytes);
        if (n == 0)
            break;
        if (c->mode == FAR_ECHO)
            stack->write(c->tc, bytes, n);
    }
    c->stalled = stack->readable(c->tc) > 0;
    enum tcp_conn_state state = stack->state(c->tc);
    if (state == TCP_CONN_REMOTE_CLOSED && !c->stalled)
        stack->shutdown(c->tc);
    if (state == TCP_CONN_CLOSED && !c->stalled) {
        stack->free(c->tc, false);
        c->tc = NULL;
    }
}

static void serve(struct world *w)
{
    struct tcp_conn *tc;
    while (w->conn_count < WORLD_MAX_CONNS && (tc = stack->accept())) {
        struct far_conn *c = &w->conns[w->conn_count++];
        *c = (struct far_conn){.tc = tc, .mode = w->far_mode, .stalled = true};
        greet(c);
    }
    while ((tc = stack->next_ready())) {
        for (size_t i = 0; i < w->conn_count; i++)
            if (w->conns[i].tc == tc)
                w->conns[i].stalled = true;
    }
    for (size_t i = 0; i < w->conn_count; i++)
        if (w->conns[i].tc && w->conns[i].ssh)
            serve_ssh(&w->conns[i]); /* a test may have made it speak */
        else if (w->conns[i].tc && w->conns[i].mode == FAR_FLOOD)
            flood(&w->conns[i]);
        else if (w->conns[i].tc && w->conns[i].stalled)
            echo(&w->conns[i]);
}

size_t far_open_conns(const struct world *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->conn_count; i++)
        n += w->conns[i].tc != NULL;
    return n;
}

void far_drop_conns(struct world *w)
{
    for (size_t i = 0; i < w->conn_count; i++)
        if (w->conns[i].tc)
            end_conn(&w->conns[i], true);
    far_drain(w);
}

/* ---- its relay ---- */

void far_opened(struct world *w)
{
    magicsock_opened(w->far_ms, 1, w->now_ms);
}

void far_closed(struct world *w)
{
    magicsock_closed(w->far_ms, 1, 1006, "", 0, w->now_ms);
}

static void far_event(struct world *w, struct magicsock_event *ev)
{
    switch (ev->type) {
    case MAGICSOCK_EVENT_CONNECT:
        world_socket_open(WORLD_FAR, "", 0);
        break;
    case MAGICSOCK_EVENT_CLOSE:
        world_socket_forget(WORLD_FAR);
        break;
    case MAGICSOCK_EVENT_SEND:
        world_socket_send(WORLD_FAR, ev->data, ev->len);
        break;
    case MAGICSOCK_EVENT_WIREGUARD:
        if (!is_lost(w))
            world_later(delay(w), happen_received, WORLD_FAR, ev->data, ev->len);
        break;
    default:
        break;
    }
}

void far_drain(struct world *w)
{
    struct magicsock_event ev;
    serve(w);
    stack->flush(w->now_ms);
    while (magicsock_next(w->far_ms, &ev, w->now_ms) == 1)
        far_event(w, &ev);
}

void far_input(struct world *w, uint8_t *data, size_t len)
{
    magicsock_input(w->far_ms, 1, data, len, w->now_ms);
    far_drain(w); /* the bytes are lent */
}

uint64_t far_deadline(const struct world *w)
{
    uint64_t next = earlier(magicsock_next_deadline(w->far_ms), wg_device_next_deadline(w->far_wg));
    return earlier(next, stack->next_deadline());
}

void far_tick(struct world *w)
{
    magicsock_tick(w->far_ms, w->now_ms);
    wg_device_tick(w->far_wg, w->now_ms);
    stack->tick(w->now_ms);
}

/* ---- life ---- */

/* A node key, and what is made of it. */
static void far_make_tunnel(struct world *w)
{
    struct wg_hooks wg_hooks = {
        .ctx = w, .find_by_key = by_key, .find_by_ip = by_ip, .reserve = reserve, .commit = commit};
    struct magicsock_region region = {.id = 1, .url = "ws://relay.test/derp"};
    node_private_generate(&w->far_key);
    node_public_derive(&w->far_public, &w->far_key);
    disco_private_generate(&w->far_disco);
    struct disco_public far_disco;
    disco_public_derive(&far_disco, &w->far_disco);
    w->far_ms = magicsock_new(&(struct magicsock_config){.node_key = w->far_key,
                                                         .node_public = w->far_public,
                                                         .disco_key = w->far_disco,
                                                         .disco_public = far_disco,
                                                         .ctx = w,
                                                         .find_node = find_node,
                                                         .find_disco = find_disco});
    w->far_wg = wg_device_new(&w->far_key, 0, &wg_hooks);
    if (!w->far_ms || !w->far_wg)
        abort();
    magicsock_set_regions(w->far_ms, &region, 1, 1, w->now_ms);
}

void far_start(struct world *w)
{
    struct netstack_hooks hooks = {w, output};
    w->stack = stack;
    if (stack->init(&hooks, w->now_ms) < 0)
        abort();
    far_make_tunnel(w);
    stack->set_addresses(&far4, &far6);
    stack->listen(WORLD_PORT);
}

void far_rotate(struct world *w)
{
    world_cut(w, WORLD_FAR);
    magicsock_free(w->far_ms);
    wg_device_free(w->far_wg);
    far_make_tunnel(w);
    far_drain(w);
}

void far_stop(struct world *w)
{
    for (size_t i = 0; i < w->conn_count; i++)
        far_ssh_free(w->conns[i].ssh);
    stack->unlisten();
    stack->wipe();
    magicsock_free(w->far_ms);
    wg_device_free(w->far_wg);
}
