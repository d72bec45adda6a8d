#include "wg/load.h"

#include <string.h>

#include "base/host.h"
#include "crypto/blake2s.h"

enum { COST_MS = 1000 / WG_SOURCE_PER_S, FULL_MS = COST_MS * WG_SOURCE_BURST };

void wg_load_init(struct wg_load *l)
{
    memset(l, 0, sizeof *l);
    host_random(l->hash_key, sizeof l->hash_key);
    for (int i = 0; i < WG_SOURCE_BUCKETS; i++)
        l->source[i].tokens_ms = FULL_MS;
}

bool wg_load_count(struct wg_load *l, uint64_t now_ms)
{
    if (now_ms - l->window_ms >= 1000) {
        l->window_ms = now_ms;
        l->count = 0;
    }
    if (++l->count > WG_LOAD_MESSAGES_PER_S)
        l->until_ms = now_ms + WG_LOAD_AFTER_MS;
    return l->forced || now_ms < l->until_ms;
}

bool wg_load_admit(struct wg_load *l, const struct node_public *from, uint64_t now_ms)
{
    uint8_t hash[1];
    blake2s(hash, sizeof hash, l->hash_key, sizeof l->hash_key, from->b, sizeof from->b);
    unsigned i = hash[0] % WG_SOURCE_BUCKETS;
    uint64_t tokens = l->source[i].tokens_ms + (now_ms - l->source[i].last_ms);
    if (tokens > FULL_MS)
        tokens = FULL_MS;
    bool ok = tokens >= COST_MS;
    l->source[i].tokens_ms = (unsigned)(ok ? tokens - COST_MS : tokens);
    l->source[i].last_ms = now_ms;
    return ok;
}
