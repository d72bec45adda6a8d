/*
 * What a relay and the network may do to magicsock, as a list of steps:
 *   [what 1][region 1][len 1][len bytes]
 * what: 0 opened, 1 closed, 2 bytes of its stream, 3 a packet from a known peer, 4 time passes,
 * 5 probed, 6 rebind, 7 a new map, 8 a datagram of ours, 9 a ping of ours.
 */
#include <string.h>

#include "support/relay_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void step(struct relay_world *w, unsigned what, int region, const uint8_t *data, size_t len)
{
    struct world_node *a = &w->nodes[0], *b = &w->nodes[1];
    uint8_t copy[256];
    memcpy(copy, data, len);
    switch (what) {
    case 0:
        magicsock_opened(a->ms, region, w->now_ms);
        break;
    case 1:
        magicsock_closed(a->ms, region, 1006, (char *)copy, len, w->now_ms);
        a->sockets[region].open = false;
        break;
    case 2:
        magicsock_input(a->ms, region, copy, len, w->now_ms);
        break;
    case 3:
        if (!a->sockets[region].open)
            break;
        relay_put_packet(&w->relays[region].conns[a->sockets[region].conn], &b->public_key, copy,
                         len);
        relay_world_flush_relay(w, region);
        break;
    case 4:
        relay_world_run(w, len * 100);
        break;
    case 5:
        magicsock_probed(a->ms, region, len > 0 ? copy[0] : -1, w->now_ms);
        break;
    case 6:
        magicsock_rebind(a->ms, w->now_ms);
        break;
    case 7: {
        int ids[] = {region, len % 2 ? 1 : 0, 0};
        relay_world_regions(a, ids, region, true);
        break;
    }
    case 8:
        relay_world_send(a, &b->public_key, copy, len);
        break;
    case 9:
        magicsock_ping(a->ms, &b->public_key, w->now_ms);
        break;
    default:
        break;
    }
    relay_world_drain_all(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct relay_world world;
    static const int all[] = {1, 2, 3, 4, 0};
    host_init(&(struct host_calls){.random_bytes = relay_random_bytes});
    relay_seed = 1;
    relay_world_init(&world);
    for (int i = 1; i <= 2; i++) {
        struct world_node *n = relay_world_add_node(&world);
        relay_world_regions(n, all, i, true);
        n->home_told = i;
    }
    relay_world_run(&world, 100);
    for (unsigned steps = 0; len >= 3 && steps < 200; steps++) {
        size_t n = data[2] < len - 3 ? data[2] : len - 3;
        step(&world, data[0] % 10, 1 + data[1] % WORLD_REGIONS, data + 3, n);
        data += 3 + n;
        len -= 3 + n;
    }
    relay_world_free(&world);
    return 0;
}
