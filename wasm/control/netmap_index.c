#include "control/netmap_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

enum { MIN_CAP = 16 };

static void place(struct netmap_table *t, uint32_t hash, struct netmap_node *node)
{
    size_t mask = t->cap - 1, at = hash & mask;

    while (t->slots[at].node != NULL)
        at = (at + 1) & mask;
    t->slots[at] = (struct netmap_slot){node, hash};
}

int netmap_table_reserve(struct netmap_table *t, size_t extra)
{
    struct netmap_table bigger = {NULL, t->cap == 0 ? MIN_CAP : t->cap, t->used};

    if (extra == 0 || (t->cap > 0 && (t->used + extra) * 4 <= t->cap * 3))
        return 0;
    while ((t->used + extra) * 4 > bigger.cap * 3)
        bigger.cap *= 2;
    bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return IPN_ERR_NOMEM;
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].node != NULL)
            place(&bigger, t->slots[i].hash, t->slots[i].node);
    free(t->slots);
    *t = bigger;
    return 0;
}

bool netmap_table_insert(struct netmap_table *t, uint32_t hash, struct netmap_node *node)
{
    size_t claims = 0, at = 0;

    while (netmap_table_next(t, hash, &at) != NULL)
        if (++claims == NETMAP_MAX_CLAIMS)
            return false;
    place(t, hash, node);
    t->used++;
    return true;
}

/* Closes the gap at `at` by moving back every later entry of the run that may stand there. */
static void close_gap(struct netmap_table *t, size_t at)
{
    size_t mask = t->cap - 1;

    for (size_t i = (at + 1) & mask; t->slots[i].node != NULL; i = (i + 1) & mask) {
        size_t home = t->slots[i].hash & mask;

        if (((i - home) & mask) >= ((i - at) & mask)) {
            t->slots[at] = t->slots[i];
            at = i;
        }
    }
    t->slots[at].node = NULL;
}

bool netmap_table_remove(struct netmap_table *t, uint32_t hash, const struct netmap_node *node)
{
    size_t mask = t->cap - 1;

    if (t->cap == 0)
        return false;
    for (size_t at = hash & mask; t->slots[at].node != NULL; at = (at + 1) & mask) {
        if (t->slots[at].hash == hash && t->slots[at].node == node) {
            close_gap(t, at);
            t->used--;
            return true;
        }
    }
    return false;
}

struct netmap_node *netmap_table_next(const struct netmap_table *t, uint32_t hash, size_t *at)
{
    if (t->cap == 0)
        return NULL;
    for (;;) {
        const struct netmap_slot *slot = &t->slots[(hash + (*at)++) & (t->cap - 1)];

        if (slot->node == NULL || slot->hash == hash)
            return slot->node;
    }
}

/* FNV-1a from a random start, then mixed: nobody outside can aim for one slot. */
uint32_t netmap_hash(const struct netmap_index *ix, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint32_t h = ix->seed;

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 16777619u;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return h ^ h >> 16;
}

uint32_t netmap_hash_prefix(const struct netmap_index *ix, const struct ipprefix *p)
{
    uint8_t flat[18] = {p->addr.family, p->bits};

    memcpy(flat + 2, p->addr.b, sizeof p->addr.b);
    return netmap_hash(ix, flat, sizeof flat);
}

size_t netmap_normalise_name(char *out, const char *name, size_t len)
{
    if (len > 0 && name[len - 1] == '.')
        len--;
    if (len > NETMAP_MAX_NAME || (len > 0 && name[len - 1] == '.'))
        len = 0;
    for (size_t i = 0; i < len; i++)
        out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 'a' - 'A') : name[i];
    out[len] = '\0';
    return len;
}

static uint32_t hash_name(const struct netmap_index *ix, const char *name)
{
    char flat[NETMAP_MAX_NAME + 1];
    size_t len = netmap_normalise_name(flat, name, strlen(name));

    return netmap_hash(ix, flat, len);
}

static size_t *count_of_bits(struct netmap_index *ix, const struct ipprefix *p)
{
    return p->addr.family == 4 ? &ix->bits4[p->bits] : &ix->bits6[p->bits];
}

static bool has_disco(const struct netmap_node *n)
{
    return !bytes_are_zero(n->disco.b, KEY_LEN);
}

int netmap_index_reserve(struct netmap_index *ix, struct netmap_node *const *nodes, size_t count)
{
    size_t prefixes = 0;

    for (size_t i = 0; i < count; i++)
        prefixes += nodes[i]->allowed_ip_count;
    if (netmap_table_reserve(&ix->keys, count) < 0 ||
        netmap_table_reserve(&ix->discos, count) < 0 ||
        netmap_table_reserve(&ix->names, count + 1) < 0 ||
        netmap_table_reserve(&ix->prefixes, prefixes) < 0)
        return IPN_ERR_NOMEM;
    return 0;
}

void netmap_index_note_changed(struct netmap_index *ix, int64_t id)
{
    if (ix->changed_count > 0 && ix->changed[ix->changed_count - 1] == id)
        return;
    if (ix->changed_count == NETMAP_MAX_CHANGED)
        ix->many_changed = true;
    else
        ix->changed[ix->changed_count++] = id;
}

void netmap_index_add(struct netmap_index *ix, struct netmap_node *n)
{
    netmap_table_insert(&ix->keys, netmap_hash(ix, n->key.b, KEY_LEN), n);
    if (has_disco(n))
        netmap_table_insert(&ix->discos, netmap_hash(ix, n->disco.b, KEY_LEN), n);
    if (n->name[0] != '\0')
        netmap_table_insert(&ix->names, hash_name(ix, n->name), n);
    for (size_t i = 0; i < n->allowed_ip_count; i++)
        if (netmap_table_insert(&ix->prefixes, netmap_hash_prefix(ix, &n->allowed_ips[i]), n))
            ++*count_of_bits(ix, &n->allowed_ips[i]);
}

void netmap_index_remove(struct netmap_index *ix, struct netmap_node *n)
{
    netmap_table_remove(&ix->keys, netmap_hash(ix, n->key.b, KEY_LEN), n);
    if (has_disco(n))
        netmap_table_remove(&ix->discos, netmap_hash(ix, n->disco.b, KEY_LEN), n);
    if (n->name[0] != '\0')
        netmap_table_remove(&ix->names, hash_name(ix, n->name), n);
    for (size_t i = 0; i < n->allowed_ip_count; i++)
        if (netmap_table_remove(&ix->prefixes, netmap_hash_prefix(ix, &n->allowed_ips[i]), n))
            --*count_of_bits(ix, &n->allowed_ips[i]);
}

int netmap_index_set_self(struct netmap_index *ix, struct netmap_node *self)
{
    if (netmap_table_reserve(&ix->names, 1) < 0)
        return IPN_ERR_NOMEM;
    if (ix->self != NULL && ix->self->name[0] != '\0')
        netmap_table_remove(&ix->names, hash_name(ix, ix->self->name), ix->self);
    if (self->name[0] != '\0')
        netmap_table_insert(&ix->names, hash_name(ix, self->name), self);
    free(ix->self);
    ix->self = self;
    return 0;
}

void netmap_index_clear(struct netmap_index *ix)
{
    struct netmap_table *tables[] = {&ix->keys, &ix->discos, &ix->prefixes, &ix->names};

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        free(tables[i]->slots);
        memset(tables[i], 0, sizeof *tables[i]);
    }
    memset(ix->bits4, 0, sizeof ix->bits4);
    memset(ix->bits6, 0, sizeof ix->bits6);
}
