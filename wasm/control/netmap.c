/* The netmap as its readers see it: look-ups, and names to addresses. */
#include "control/netmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/host.h"
#include "control/netmap_index.h"

void netmap_init(struct netmap *nm)
{
    memset(nm, 0, sizeof *nm);
}

static void free_users(struct netmap *nm)
{
    for (size_t i = 0; i < nm->user_count; i++)
        free(nm->user_names[i]);
    free(nm->user_names);
    free(nm->user_ids);
}

void netmap_wipe(struct netmap *nm)
{
    for (size_t i = 0; i < nm->peer_count; i++)
        free(nm->peers[i]);
    free(nm->peers);
    free_users(nm);
    free(nm->domain);
    free(nm->dns_domain);
    if (nm->index != NULL) {
        netmap_index_clear(nm->index);
        netmap_pool_free(&nm->index->region_pool);
        netmap_pool_free(&nm->index->record_pool);
        free(nm->index->removed);
        free(nm->index->self);
        free(nm->index);
    }
    netmap_init(nm);
}

const struct netmap_node *netmap_find_key(const struct netmap *nm, const struct node_public *key)
{
    const struct netmap_node *n, *newest = NULL;
    size_t at = 0;
    uint32_t hash;

    if (nm->index == NULL)
        return NULL;
    hash = netmap_hash(nm->index, key->b, KEY_LEN);
    while ((n = netmap_table_next(&nm->index->keys, hash, &at)) != NULL)
        if (bytes_equal(n->key.b, key->b, KEY_LEN) && (newest == NULL || n->id > newest->id))
            newest = n;
    return newest;
}

const struct netmap_node *netmap_find_disco(const struct netmap *nm,
                                            const struct disco_public *disco)
{
    const struct netmap_node *n, *newest = NULL;
    size_t at = 0;
    uint32_t hash;

    if (nm->index == NULL)
        return NULL;
    hash = netmap_hash(nm->index, disco->b, KEY_LEN);
    while ((n = netmap_table_next(&nm->index->discos, hash, &at)) != NULL)
        if (bytes_equal(n->disco.b, disco->b, KEY_LEN) && (newest == NULL || n->id > newest->id))
            newest = n;
    return newest;
}

const struct netmap_node *netmap_find_id(const struct netmap *nm, int64_t id)
{
    size_t from = 0, to = nm->peer_count;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (nm->peers[mid]->id < id)
            from = mid + 1;
        else
            to = mid;
    }
    return from < nm->peer_count && nm->peers[from]->id == id ? nm->peers[from] : NULL;
}

static void clear_host_bits(struct ipprefix *p)
{
    for (unsigned bit = p->bits; bit < 128; bit++)
        p->addr.b[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
}

static bool is_among(const struct ipprefix *list, size_t count, const struct ipprefix *p)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].bits == p->bits && ipaddr_equal(&list[i].addr, &p->addr))
            return true;
    return false;
}

/* Of two that claim p, whether a goes before b. */
static bool precedes(const struct netmap_node *a, const struct netmap_node *b,
                     const struct ipprefix *p)
{
    bool a_has = is_among(a->addresses, a->address_count, p);

    return a_has == is_among(b->addresses, b->address_count, p) ? a->id > b->id : a_has;
}

static const struct netmap_node *find_prefix(const struct netmap_index *ix,
                                             const struct ipprefix *p)
{
    uint32_t hash = netmap_hash_prefix(ix, p);
    const struct netmap_node *n, *owner = NULL;
    size_t at = 0;

    while ((n = netmap_table_next(&ix->prefixes, hash, &at)) != NULL)
        if (is_among(n->allowed_ips, n->allowed_ip_count, p) &&
            (owner == NULL || precedes(n, owner, p)))
            owner = n;
    return owner;
}

bool netmap_owns(const struct netmap *nm, const struct netmap_node *node,
                 const struct ipprefix *prefix)
{
    return nm->index != NULL && find_prefix(nm->index, prefix) == node;
}

/* One look-up per prefix length that is in use, the longest first. */
const struct netmap_node *netmap_find_route(const struct netmap *nm, const struct ipaddr *dst)
{
    const struct netmap_index *ix = nm->index;
    struct ipprefix p = {*dst, dst->family == 4 ? 32 : 128};
    const struct netmap_node *n;

    if (ix == NULL || (dst->family != 4 && dst->family != 6))
        return NULL;
    for (int bits = p.bits; bits >= 0; bits--) {
        if ((dst->family == 4 ? ix->bits4[bits] : ix->bits6[bits]) == 0)
            continue;
        p.bits = (uint8_t)bits;
        clear_host_bits(&p);
        n = find_prefix(ix, &p);
        if (n != NULL)
            return n;
    }
    return NULL;
}

const struct netmap_region *netmap_find_region(const struct netmap *nm, int id)
{
    size_t from = 0, to = nm->region_count;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (nm->regions[mid].id < id)
            from = mid + 1;
        else
            to = mid;
    }
    return from < nm->region_count && nm->regions[from].id == id ? &nm->regions[from] : NULL;
}

/* Names */

struct answer {
    struct ipaddr *out;
    size_t cap, count;
};

static void answer_node(struct answer *a, const struct netmap_node *n)
{
    for (int family = 4; family <= 6; family += 2)
        for (size_t i = 0; i < n->address_count && a->count < a->cap; i++)
            if (n->addresses[i].addr.family == family)
                a->out[a->count++] = n->addresses[i].addr;
}

static const struct netmap_node *find_name(const struct netmap *nm, const char *name, size_t len)
{
    uint32_t hash = netmap_hash(nm->index, name, len);
    const struct netmap_node *n, *newest = NULL;
    char flat[NETMAP_MAX_NAME + 1];
    size_t at = 0;

    while ((n = netmap_table_next(&nm->index->names, hash, &at)) != NULL)
        if (netmap_normalise_name(flat, n->name, strlen(n->name)) == len &&
            memcmp(flat, name, len) == 0 && (newest == NULL || n->id > newest->id))
            newest = n;
    return newest;
}

/* The first record of that name; they are sorted. */
static size_t first_record(const struct netmap *nm, const char *name)
{
    size_t from = 0, to = nm->record_count;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (strcmp(nm->records[mid].name, name) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static void answer_records(struct answer *a, const struct netmap *nm, const char *name)
{
    size_t first = first_record(nm, name);

    for (int family = 4; family <= 6; family += 2)
        for (size_t i = first; i < nm->record_count && a->count < a->cap; i++) {
            if (strcmp(nm->records[i].name, name) != 0)
                break;
            if (nm->records[i].addr.family == family)
                a->out[a->count++] = nm->records[i].addr;
        }
}

static bool answer_name(struct answer *a, const struct netmap *nm, const char *name, size_t len)
{
    const struct netmap_node *n = find_name(nm, name, len);

    if (n != NULL)
        answer_node(a, n);
    if (a->count == 0)
        answer_records(a, nm, name);
    return a->count > 0;
}

/* As a resolver with our domain as its one search domain: a name without a dot is looked for there
 * first, one with dots there last, one with a final dot nowhere else. */
static bool resolve_name(struct answer *a, const struct netmap *nm, const char *name, size_t len)
{
    char flat[2 * NETMAP_MAX_NAME + 2];
    size_t flat_len = netmap_normalise_name(flat, name, len), domain_len = strlen(nm->dns_domain);
    bool dotted = memchr(flat, '.', flat_len) != NULL, absolute = name[len - 1] == '.';
    size_t full_len = flat_len + 1 + domain_len;

    if (flat_len == 0)
        return false;
    if ((dotted || absolute) && answer_name(a, nm, flat, flat_len))
        return true;
    if ((!absolute || !dotted) && domain_len > 0 && full_len <= NETMAP_MAX_NAME) {
        flat[flat_len] = '.';
        memcpy(flat + flat_len + 1, nm->dns_domain, domain_len + 1);
        if (answer_name(a, nm, flat, full_len))
            return true;
        flat[flat_len] = '\0';
    }
    return !dotted && answer_name(a, nm, flat, flat_len);
}

int netmap_resolve(const struct netmap *nm, struct ipaddr *out, size_t cap, const char *name,
                   size_t len)
{
    struct answer a = {out, cap, 0};

    if (cap == 0 || len == 0)
        return IPN_ERR_NOT_FOUND;
    if (ipaddr_parse(out, name, len) == 0)
        return 1;
    if (nm->index == NULL || memchr(name, '\0', len) != NULL || !resolve_name(&a, nm, name, len))
        return IPN_ERR_NOT_FOUND;
    return (int)a.count;
}

bool netmap_next_removed(struct netmap *nm, struct node_public *key)
{
    struct netmap_index *ix = nm->index;

    while (ix != NULL && ix->removed_count > 0) {
        *key = ix->removed[--ix->removed_count];
        if (netmap_find_key(nm, key) == NULL) /* it may have come back meanwhile */
            return true;
    }
    return false;
}

bool netmap_next_changed(struct netmap *nm, int64_t *id)
{
    struct netmap_index *ix = nm->index;

    if (ix == NULL || ix->changed_count == 0)
        return false;
    *id = ix->changed[--ix->changed_count];
    return true;
}
