#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"

static const int64_t wall_at_start_ms = INT64_C(1790000000000);

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t host_state;

static void host_bytes(uint8_t *dst, size_t len)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = (uint8_t)(splitmix(&host_state) >> 56);
}

void sim_init(struct sim *s, uint64_t default_seed)
{
    const char *text = getenv("SIM_SEED");
    struct host_calls calls = {host_bytes, NULL};
    memset(s, 0, sizeof *s);
    s->seed = s->random = text ? strtoull(text, NULL, 0) : default_seed;
    host_state = s->seed ^ UINT64_C(0x5eed);
    printf("SIM_SEED=%llu\n", (unsigned long long)s->seed);
    host_init(&calls);
    host_set_wall_offset(wall_at_start_ms);
}

void sim_wipe(struct sim *s)
{
    while (s->queue) {
        struct sim_datagram *d = s->queue;
        s->queue = d->next;
        free(d);
    }
}

uint64_t sim_random(struct sim *s)
{
    return splitmix(&s->random);
}

void sim_inject(struct sim *s, int from, int to, const uint8_t *data, size_t len, uint64_t at_ms)
{
    struct sim_datagram *d = malloc(sizeof *d + len), **at = &s->queue;
    if (!d)
        abort();
    d->at_ms = at_ms;
    d->from = from;
    d->to = to;
    d->len = len;
    memcpy(d->data, data, len);
    while (*at && (*at)->at_ms <= at_ms)
        at = &(*at)->next;
    d->next = *at;
    *at = d;
}

static uint64_t delay_ms(struct sim *s)
{
    unsigned span = s->path.delay_max_ms - s->path.delay_min_ms;
    return s->path.delay_min_ms + (span ? sim_random(s) % (span + 1) : 0);
}

void sim_send(struct sim *s, int from, int to, const uint8_t *data, size_t len, uint64_t now_ms)
{
    s->sent++;
    if (sim_chance(s, s->path.loss_permille)) {
        s->lost++;
        return;
    }
    sim_inject(s, from, to, data, len, now_ms + delay_ms(s));
    if (sim_chance(s, s->path.duplicate_permille))
        sim_inject(s, from, to, data, len, now_ms + delay_ms(s));
}

uint64_t sim_next_ms(const struct sim *s)
{
    return s->queue ? s->queue->at_ms : NEVER;
}

struct sim_datagram *sim_receive(struct sim *s, uint64_t now_ms)
{
    struct sim_datagram *d = s->queue;
    if (!d || d->at_ms > now_ms)
        return NULL;
    s->queue = d->next;
    s->delivered++;
    return d;
}
