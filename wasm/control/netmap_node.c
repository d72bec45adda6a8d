/*
 * The memory of nodes and deltas. A node is one block: the struct, its prefixes, its pointer
 * arrays, then all text; patches only change numbers and keys in place.
 */
#include <stdlib.h>
#include <string.h>

#include "control/netmap_delta.h"

enum { POOL_CHUNK = 2048, ALIGN = 16 };

struct netmap_pool_chunk {
    struct netmap_pool_chunk *next;
    size_t used, cap;
    _Alignas(ALIGN) uint8_t bytes[];
};

void *netmap_pool_alloc(struct netmap_pool *pool, size_t size)
{
    struct netmap_pool_chunk *chunk = pool->chunks;

    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (chunk == NULL || chunk->cap - chunk->used < size) {
        size_t cap = size > POOL_CHUNK ? size : POOL_CHUNK;

        chunk = calloc(1, sizeof *chunk + cap);
        if (chunk == NULL)
            return NULL;
        chunk->cap = cap;
        chunk->next = pool->chunks;
        pool->chunks = chunk;
    }
    chunk->used += size;
    return chunk->bytes + chunk->used - size;
}

char *netmap_pool_copy(struct netmap_pool *pool, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = netmap_pool_alloc(pool, size);

    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

void netmap_pool_free(struct netmap_pool *pool)
{
    while (pool->chunks != NULL) {
        struct netmap_pool_chunk *chunk = pool->chunks;

        pool->chunks = chunk->next;
        free(chunk);
    }
}

static size_t text_size(const struct netmap_node *n)
{
    size_t size = strlen(n->name) + strlen(n->hostname) + strlen(n->os) + 3;

    for (size_t i = 0; i < n->ssh_host_key_count; i++)
        size += strlen(n->ssh_host_keys[i]) + 1;
    for (size_t i = 0; i < n->tag_count; i++)
        size += strlen(n->tags[i]) + 1;
    return size;
}

static char *put_text(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);

    *at += size;
    return copy;
}

static struct ipprefix *put_prefixes(struct ipprefix **at, const struct ipprefix *src, size_t count)
{
    struct ipprefix *copy = *at;

    if (count > 0)
        memcpy(copy, src, count * sizeof *src);
    *at += count;
    return copy;
}

struct netmap_node *netmap_node_copy(const struct netmap_node *draft)
{
    size_t prefixes = draft->address_count + draft->allowed_ip_count;
    size_t pointers = draft->ssh_host_key_count + draft->tag_count;
    struct netmap_node *n = malloc(sizeof *n + pointers * sizeof(char *) +
                                   prefixes * sizeof(struct ipprefix) + text_size(draft));
    struct ipprefix *prefix_at;
    char **pointer_at, *text_at;

    if (n == NULL)
        return NULL;
    *n = *draft;
    pointer_at = (char **)(n + 1);
    prefix_at = (struct ipprefix *)(pointer_at + pointers);
    text_at = (char *)(prefix_at + prefixes);

    n->addresses = put_prefixes(&prefix_at, draft->addresses, draft->address_count);
    n->allowed_ips = put_prefixes(&prefix_at, draft->allowed_ips, draft->allowed_ip_count);
    n->name = put_text(&text_at, draft->name);
    n->hostname = put_text(&text_at, draft->hostname);
    n->os = put_text(&text_at, draft->os);
    n->ssh_host_keys = pointer_at;
    for (size_t i = 0; i < draft->ssh_host_key_count; i++)
        *pointer_at++ = put_text(&text_at, draft->ssh_host_keys[i]);
    n->tags = pointer_at;
    for (size_t i = 0; i < draft->tag_count; i++)
        *pointer_at++ = put_text(&text_at, draft->tags[i]);
    return n;
}

static bool equal_prefixes(const struct ipprefix *a, const struct ipprefix *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (a[i].bits != b[i].bits || !ipaddr_equal(&a[i].addr, &b[i].addr))
            return false;
    return true;
}

static bool equal_texts(char *const *a, char *const *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

static bool equal_numbers(const struct netmap_node *a, const struct netmap_node *b)
{
    return a->id == b->id && a->user_id == b->user_id && a->home_derp == b->home_derp &&
           a->online == b->online && a->key_expiry_wall_ms == b->key_expiry_wall_ms &&
           a->last_seen_wall_ms == b->last_seen_wall_ms && a->expired == b->expired &&
           a->machine_authorized == b->machine_authorized;
}

bool netmap_node_routes_equal(const struct netmap_node *a, const struct netmap_node *b)
{
    return memcmp(&a->key, &b->key, sizeof a->key) == 0 && a->address_count == b->address_count &&
           a->allowed_ip_count == b->allowed_ip_count &&
           equal_prefixes(a->addresses, b->addresses, a->address_count) &&
           equal_prefixes(a->allowed_ips, b->allowed_ips, a->allowed_ip_count);
}

bool netmap_node_equal(const struct netmap_node *a, const struct netmap_node *b)
{
    return equal_numbers(a, b) && netmap_node_routes_equal(a, b) &&
           memcmp(&a->machine, &b->machine, sizeof a->machine) == 0 &&
           memcmp(&a->disco, &b->disco, sizeof a->disco) == 0 && strcmp(a->name, b->name) == 0 &&
           strcmp(a->hostname, b->hostname) == 0 && strcmp(a->os, b->os) == 0 &&
           a->ssh_host_key_count == b->ssh_host_key_count && a->tag_count == b->tag_count &&
           equal_texts(a->ssh_host_keys, b->ssh_host_keys, a->ssh_host_key_count) &&
           equal_texts(a->tags, b->tags, a->tag_count);
}

static void free_nodes(struct netmap_node **nodes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(nodes[i]);
    free(nodes);
}

void netmap_delta_wipe(struct netmap_delta *d)
{
    free(d->self);
    free_nodes(d->peers, d->peer_count);
    free_nodes(d->upserts, d->upsert_count);
    free(d->removed);
    free(d->patches);
    free(d->seen);
    free(d->online);
    netmap_pool_free(&d->region_pool);
    netmap_pool_free(&d->record_pool);
    for (size_t i = 0; i < d->user_count; i++)
        free(d->users[i].name);
    free(d->users);
    free(d->domain);
    memset(d, 0, sizeof *d);
}
