/* See world.h. */
#include "sim/netstack/world.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAP_CAP = 1 << 16 };

struct flying {
    uint64_t at_ms, order;
    uint8_t *bytes;
    size_t len;
    int to;
};

/* A direction's bottleneck: packets wait here until the one before them is through. */
enum { QUEUE_CAP = 1024 };

static struct relay {
    struct flying waiting[QUEUE_CAP];
    size_t head, len;
    uint64_t free_us; /* when the packet under way is through */
} relays[2];

/* A binary heap by (at_ms, order). */
static struct flying heap[HEAP_CAP];
static size_t heap_len;
static uint64_t heap_order;
static uint32_t random_state;

struct world world;
const struct ipaddr world_addr4[2] = {{4, {100, 64, 0, 1}}, {4, {100, 64, 0, 2}}};
const struct ipaddr world_addr6[2] = {{6, {0xfd, 0x7a, [15] = 1}}, {6, {0xfd, 0x7a, [15] = 2}}};

unsigned world_random(unsigned below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return below ? random_state % below : 0;
}

static void random_bytes(uint8_t *dst, size_t len)
{
    while (len-- > 0)
        *dst++ = (uint8_t)world_random(256);
}

static bool earlier_than(const struct flying *a, const struct flying *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void heap_push(struct flying f)
{
    size_t i = heap_len++;

    if (heap_len > HEAP_CAP) {
        fprintf(stderr, "too many packets in flight\n");
        abort();
    }
    for (; i > 0 && earlier_than(&f, &heap[(i - 1) / 2]); i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = f;
}

static struct flying heap_pop(void)
{
    struct flying top = heap[0], last = heap[--heap_len];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < heap_len && earlier_than(&heap[child + 1], &heap[child]))
            child++;
        if (child >= heap_len || !earlier_than(&heap[child], &last))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return top;
}

static void relay_drop_head(struct relay *r)
{
    free(r->waiting[r->head].bytes);
    r->head = (r->head + 1) % QUEUE_CAP;
    r->len--;
}

/* Lets through what the bottleneck has time for until now. */
static void relay_run(struct relay *r)
{
    while (r->len > 0 && r->free_us <= world.now_ms * 1000) {
        struct flying f = r->waiting[r->head];

        r->head = (r->head + 1) % QUEUE_CAP;
        r->len--;
        r->free_us += f.len * 1000 / world.link.rate;
        f.at_ms = r->free_us / 1000 + world.link.delay_ms;
        heap_push(f);
    }
}

static void relay_enter(int from, struct flying f)
{
    struct relay *r = &relays[from];

    relay_run(r);
    if (r->len == 0 && r->free_us < world.now_ms * 1000)
        r->free_us = world.now_ms * 1000;
    if (r->len == world.link.queue) {
        world.overflows[from]++;
        if (world.link.queue_drop == DROP_TAIL) {
            free(f.bytes);
            return;
        }
        relay_drop_head(r);
    }
    r->waiting[(r->head + r->len++) % QUEUE_CAP] = f;
    relay_run(r);
}

static void launch(int from, const uint8_t *packet, size_t len)
{
    struct flying f = {.len = len, .to = !from, .order = heap_order++};

    f.at_ms = world.now_ms + world.link.delay_ms;
    if (world.link.jitter_ms)
        f.at_ms += world_random(world.link.jitter_ms + 1);
    f.bytes = malloc(len); /* exactly, for the sanitizer */
    memcpy(f.bytes, packet, len);
    if (world.link.rate)
        relay_enter(from, f);
    else
        heap_push(f);
}

static void send_from(int from, const uint8_t *packet, size_t len)
{
    world.packets[from]++;
    if (world_random(1000) < world.link.loss)
        return;
    if (world.link.drop && world.link.drop(from, packet, len))
        return;
    launch(from, packet, len);
    if (world_random(1000) < world.link.dup)
        launch(from, packet, len);
}

static void output_0(void *ctx, const uint8_t *packet, size_t len)
{
    (void)ctx;
    send_from(0, packet, len);
}

static void output_1(void *ctx, const uint8_t *packet, size_t len)
{
    (void)ctx;
    send_from(1, packet, len);
}

static const struct endpoint *load(const char *path)
{
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (!module) {
        fprintf(stderr, "%s\n", dlerror());
        return NULL;
    }
    return dlsym(module, "endpoint");
}

bool world_load(const char *path_a, const char *path_b)
{
    static const struct host_calls calls = {.random_bytes = random_bytes};

    world.side[0] = load(path_a);
    world.side[1] = load(path_b);
    if (!world.side[0] || !world.side[1] || world.side[0] == world.side[1])
        return false;
    world.side[0]->host_init(&calls);
    world.side[1]->host_init(&calls);
    return true;
}

void world_start(const struct link *link, unsigned seed)
{
    static const struct netstack_hooks hooks[2] = {{.output = output_0}, {.output = output_1}};

    random_state = seed * 2654435761u + 1;
    world.link = *link;
    world.now_ms = 1000000;
    world.late_ms = world.forgotten = 0;
    for (int i = 0; i < 2; i++) {
        world.ticks[i] = world.packets[i] = world.overflows[i] = 0;
        relays[i] = (struct relay){.len = 0};
        world.side[i]->init(&hooks[i], world.now_ms);
        world.side[i]->set_addresses(&world_addr4[i], &world_addr6[i]);
    }
    world.side[1]->listen(WORLD_PORT);
}

void world_stop(void)
{
    world.side[1]->unlisten();
    world.side[0]->wipe();
    world.side[1]->wipe();
    for (int i = 0; i < 2; i++) {
        while (relays[i].len > 0)
            relay_drop_head(&relays[i]);
    }
    while (heap_len > 0)
        free(heap_pop().bytes);
}

void world_flush(void)
{
    world.side[0]->flush(world.now_ms);
    world.side[1]->flush(world.now_ms);
}

static uint64_t due(int i)
{
    uint64_t at = world.side[i]->next_deadline();

    return at == NEVER ? NEVER : at + world.late_ms;
}

bool world_step(uint64_t until_ms)
{
    uint64_t next = earlier(due(0), due(1));

    if (heap_len > 0)
        next = earlier(next, heap[0].at_ms);
    for (int i = 0; i < 2; i++) {
        if (relays[i].len > 0)
            next = earlier(next, (relays[i].free_us + 999) / 1000);
    }
    if (next > until_ms) {
        world.now_ms = until_ms;
        return false;
    }
    if (next > world.now_ms)
        world.now_ms = next;
    relay_run(&relays[0]);
    relay_run(&relays[1]);
    while (heap_len > 0 && heap[0].at_ms <= world.now_ms) {
        struct flying f = heap_pop();

        world.side[f.to]->input(f.bytes, f.len, world.now_ms);
        free(f.bytes);
    }
    for (int i = 0; i < 2; i++) {
        if (due(i) > world.now_ms)
            continue;
        world.ticks[i]++;
        world.side[i]->tick(world.now_ms);
    }
    world_flush();
    for (int i = 0; i < 2; i++)
        world.forgotten += world.side[i]->waits() && world.side[i]->next_deadline() == NEVER;
    return true;
}
