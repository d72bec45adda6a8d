/*
 * Two devices, with the n-th allocation failing, for every n: nothing crashes or leaks, and once
 * memory is there again packets flow. malloc and calloc of the core are wrapped by the linker.
 */
#include "test.h"

#include <stdlib.h>

#include "sim/wg_world.h"

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);

static bool armed;
static unsigned allocations, fail_from, fail_count;

static bool fails(void)
{
    return armed && allocations++ - fail_from < fail_count;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

/* The simulation's own allocations must not fail: only calls into a device are armed. */
static void send(struct world *w, int from, int to, unsigned number)
{
    armed = true;
    world_send(w, from, to, number, 60, number % 2);
    armed = false;
}

static void deliver(struct world *w)
{
    struct sim_datagram *d;
    while ((d = sim_receive(&w->net, w->now_ms))) {
        struct world_node *n = &w->node[d->to];
        struct wg_received got;
        armed = true;
        wg_device_receive(n->dev, &got, d->data, d->len, &w->node[d->from].public_key, w->now_ms);
        armed = false;
        free(d);
    }
}

static void scenario(struct world *w)
{
    for (unsigned n = 0; n < 30; n++) {
        send(w, 0, 1, n);
        send(w, 1, 0, n);
        for (int i = 0; i < 4; i++)
            deliver(w);
        w->now_ms += n == 10 ? 121000 : n == 20 ? 600000 : 100;
        for (int i = 0; i < 2; i++) {
            armed = true;
            wg_device_tick(w->node[i].dev, w->now_ms);
            armed = false;
        }
    }
}

/* The tap is called inside armed calls: its copies are the simulation's. */
static bool tap(struct world *w, int from, int to, uint8_t *data, size_t len)
{
    bool was = armed;
    armed = false;
    sim_send(&w->net, from, to, data, len, w->now_ms);
    armed = was;
    return false;
}

int main(void)
{
    unsigned total = 1;
    for (fail_from = 0; fail_from <= total; fail_from++) {
        for (fail_count = 1; fail_count <= 3; fail_count++) {
            struct world *w = world_new(2, 10, (struct sim_path){0, 0, 0, 0});
            w->tap = tap;
            allocations = 0;
            scenario(w);
            total = allocations > total ? allocations : total;
            world_send(w, 0, 1, 1000, 60, false);
            world_send(w, 1, 0, 1000, 60, false);
            world_run(w, w->now_ms + 6000);
            CHECK_EQ(w->node[1].seen[0][1000], 1);
            CHECK_EQ(w->node[0].seen[1][1000], 1);
            world_free(w);
        }
    }
    printf("%u allocations\n", total);
    CHECK(total > 10);
    return TEST_DONE();
}
