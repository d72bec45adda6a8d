/*
 * A delta becomes part of the netmap. Everything that can fail comes first and changes nothing:
 * room in the tables, in the list and in the queue of removed keys; then it is committed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/host.h"
#include "control/netmap_index.h"

static int compare_ids(const void *a, const void *b)
{
    const struct netmap_node *const *left = a, *const *right = b;

    return ((*left)->id > (*right)->id) - ((*left)->id < (*right)->id);
}

static int ensure_index(struct netmap *nm)
{
    if (nm->index != NULL)
        return 0;
    nm->index = calloc(1, sizeof *nm->index);
    nm->dns_domain = calloc(1, 1);
    nm->domain = calloc(1, 1);
    if (nm->index == NULL || nm->dns_domain == NULL || nm->domain == NULL) {
        free(nm->index);
        free(nm->dns_domain);
        free(nm->domain);
        nm->index = NULL;
        nm->dns_domain = nm->domain = NULL;
        return IPN_ERR_NOMEM;
    }
    host_random((uint8_t *)&nm->index->seed, sizeof nm->index->seed);
    return 0;
}

/* Grows *items to hold want, doubling. */
static int grow(void **items, size_t *cap, size_t want, size_t size)
{
    size_t bigger = *cap < 8 ? 8 : *cap;
    void *p;

    if (want <= *cap)
        return 0;
    while (bigger < want)
        bigger *= 2;
    p = realloc(*items, bigger * size);
    if (p == NULL)
        return IPN_ERR_NOMEM;
    *items = p;
    *cap = bigger;
    return 0;
}

static int reserve_users(struct netmap *nm, size_t want)
{
    size_t cap = nm->index->user_cap, same = cap;
    void *ids = nm->user_ids, *names = nm->user_names;
    int err = grow(&ids, &cap, want, sizeof *nm->user_ids);

    nm->user_ids = ids;
    if (err == 0)
        err = grow(&names, &same, want, sizeof *nm->user_names);
    nm->user_names = names;
    if (err == 0)
        nm->index->user_cap = cap;
    return err;
}

/* Room for what a delta to the present list may need. */
static int reserve_changes(struct netmap *nm, const struct netmap_delta *d, bool replace)
{
    struct netmap_index *ix = nm->index;
    size_t gone = ix->removed_count + d->removed_count + d->upsert_count + d->patch_count +
                  (replace ? nm->peer_count : 0);
    void *peers = nm->peers, *removed = ix->removed;
    int err = grow(&peers, &ix->peer_cap, nm->peer_count + d->upsert_count, sizeof *nm->peers);

    nm->peers = peers;
    if (err == 0)
        err = grow(&removed, &ix->removed_cap, gone, sizeof *ix->removed);
    ix->removed = removed;
    if (err == 0)
        err = netmap_index_reserve(ix, d->upserts, d->upsert_count);
    if (err == 0)
        err = netmap_table_reserve(&ix->discos, d->patch_count + d->upsert_count);
    return err;
}

static void push_removed(struct netmap *nm, const struct node_public *key)
{
    struct netmap_index *ix = nm->index;

    ix->removed[ix->removed_count++] = *key;
}

/* The first position whose id is not below id. */
static size_t position(const struct netmap *nm, int64_t id)
{
    size_t from = 0, to = nm->peer_count;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (nm->peers[mid]->id < id)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static struct netmap_node *find_peer(const struct netmap *nm, int64_t id)
{
    size_t at = position(nm, id);

    return at < nm->peer_count && nm->peers[at]->id == id ? nm->peers[at] : NULL;
}

static uint32_t upsert(struct netmap *nm, struct netmap_node *n)
{
    size_t at = position(nm, n->id);
    uint32_t changed = NETMAP_CHANGED_PEERS;

    if (at < nm->peer_count && nm->peers[at]->id == n->id) {
        struct netmap_node *old = nm->peers[at];

        if (netmap_node_equal(old, n)) {
            free(n);
            return 0;
        }
        if (!bytes_equal(old->key.b, n->key.b, KEY_LEN)) {
            push_removed(nm, &old->key);
            changed |= NETMAP_REMOVED_PEERS;
        }
        if (!netmap_node_routes_equal(old, n))
            changed |= NETMAP_CHANGED_ROUTES;
        netmap_index_remove(nm->index, old);
        free(old);
    } else if (nm->peer_count >= NETMAP_MAX_PEERS) {
        free(n);
        return 0;
    } else {
        memmove(nm->peers + at + 1, nm->peers + at, (nm->peer_count - at) * sizeof *nm->peers);
        nm->peer_count++;
        changed |= NETMAP_CHANGED_ROUTES;
    }
    nm->peers[at] = n;
    netmap_index_add(nm->index, n);
    netmap_index_note_changed(nm->index, n->id);
    return changed;
}

static uint32_t remove_id(struct netmap *nm, int64_t id)
{
    size_t at = position(nm, id);
    struct netmap_node *n;

    if (at == nm->peer_count || nm->peers[at]->id != id)
        return 0;
    n = nm->peers[at];
    push_removed(nm, &n->key);
    netmap_index_remove(nm->index, n);
    netmap_index_note_changed(nm->index, id);
    free(n);
    nm->peer_count--;
    memmove(nm->peers + at, nm->peers + at + 1, (nm->peer_count - at) * sizeof *nm->peers);
    return NETMAP_CHANGED_PEERS | NETMAP_REMOVED_PEERS | NETMAP_CHANGED_ROUTES;
}

/* Only what is in the tables is taken out of them and put back. */
static uint32_t patch_keys(struct netmap *nm, struct netmap_node *n, const struct netmap_patch *p)
{
    uint32_t changed = 0;

    netmap_index_remove(nm->index, n);
    if (p->has_key && !bytes_equal(n->key.b, p->key.b, KEY_LEN)) {
        push_removed(nm, &n->key);
        n->key = p->key;
        changed |= NETMAP_REMOVED_PEERS | NETMAP_CHANGED_ROUTES;
    }
    if (p->has_disco)
        n->disco = p->disco;
    netmap_index_add(nm->index, n);
    return changed;
}

static uint32_t patch(struct netmap *nm, const struct netmap_patch *p)
{
    struct netmap_node *n = find_peer(nm, p->id);
    uint32_t changed = NETMAP_CHANGED_PEERS;

    if (n == NULL)
        return 0;
    if (p->has_key || p->has_disco)
        changed |= patch_keys(nm, n, p);
    if (p->home_derp != 0)
        n->home_derp = p->home_derp;
    if (p->has_online)
        n->online = p->online;
    if (p->has_last_seen)
        n->last_seen_wall_ms = p->last_seen_wall_ms;
    if (p->has_key_expiry)
        n->key_expiry_wall_ms = p->key_expiry_wall_ms;
    netmap_index_note_changed(nm->index, n->id);
    return changed;
}

static uint32_t apply_flags(struct netmap *nm, const struct netmap_delta *d, int64_t wall_ms)
{
    uint32_t changed = 0;

    for (size_t i = 0; i < d->seen_count + d->online_count; i++) {
        bool is_seen = i < d->seen_count;
        const struct netmap_flag *f = is_seen ? &d->seen[i] : &d->online[i - d->seen_count];
        struct netmap_node *n = find_peer(nm, f->id);

        if (n == NULL)
            continue;
        if (is_seen)
            n->last_seen_wall_ms = f->on ? wall_ms : 0;
        else
            n->online = f->on ? NETMAP_ONLINE : NETMAP_OFFLINE;
        netmap_index_note_changed(nm->index, n->id);
        changed |= NETMAP_CHANGED_PEERS;
    }
    return changed;
}

static uint32_t apply_changes(struct netmap *nm, struct netmap_delta *d, int64_t wall_ms)
{
    uint32_t changed = 0;

    for (size_t i = 0; i < d->removed_count; i++)
        changed |= remove_id(nm, d->removed[i]);
    for (size_t i = 0; i < d->upsert_count; i++)
        changed |= upsert(nm, d->upserts[i]);
    d->upsert_count = 0; /* they are the netmap's now */
    changed |= apply_flags(nm, d, wall_ms);
    for (size_t i = 0; i < d->patch_count; i++)
        changed |= patch(nm, &d->patches[i]);
    return changed;
}

/* Sorts by id; of two with one id the later in memory stays. */
static size_t sort_unique(struct netmap_node **nodes, size_t count)
{
    size_t kept = 0;

    if (count > 1)
        qsort(nodes, count, sizeof *nodes, compare_ids);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && nodes[kept - 1]->id == nodes[i]->id)
            free(nodes[--kept]);
        nodes[kept++] = nodes[i];
    }
    return kept;
}

/* Fresh tables for the whole list (or, on a new stream without one, for the upserts alone). */
static int reserve_replacement(struct netmap_index *fresh, struct netmap_delta *d)
{
    struct netmap_node **nodes = d->peer_count > 0 ? d->peers : d->upserts;
    size_t count = d->peer_count > 0 ? d->peer_count : d->upsert_count;

    if (netmap_index_reserve(fresh, nodes, count) == 0 &&
        netmap_table_reserve(&fresh->discos, count + d->patch_count) == 0)
        return 0;
    netmap_index_clear(fresh);
    return IPN_ERR_NOMEM;
}

static void replace_tables(struct netmap_index *ix, const struct netmap_index *fresh)
{
    struct netmap_node *self = ix->self;

    netmap_index_clear(ix);
    ix->keys = fresh->keys;
    ix->discos = fresh->discos;
    ix->prefixes = fresh->prefixes;
    ix->names = fresh->names;
    ix->self = NULL;
    if (self != NULL)
        netmap_index_set_self(ix, self); /* there is room for one more name */
}

/* Notes who differs between two lists that are sorted by id. */
static uint32_t note_differences(struct netmap *nm, struct netmap_node *const *old, size_t count)
{
    size_t at = 0, noted = 0;

    for (size_t i = 0; i < nm->peer_count || at < count;) {
        const struct netmap_node *a = at < count ? old[at] : NULL;
        const struct netmap_node *b = i < nm->peer_count ? nm->peers[i] : NULL;
        bool both = a != NULL && b != NULL && a->id == b->id;
        bool gone = !both && (b == NULL || (a != NULL && a->id < b->id));

        if (!both || !netmap_node_equal(a, b)) {
            netmap_index_note_changed(nm->index, gone ? a->id : b->id);
            noted++;
        }
        at += both || gone;
        i += both || !gone;
    }
    return noted > 0 ? NETMAP_CHANGED_PEERS | NETMAP_CHANGED_ROUTES : 0;
}

/* The old peers go, the list takes their place. Cannot fail: room was reserved. */
static uint32_t replace_peers(struct netmap *nm, struct netmap_delta *d,
                              const struct netmap_index *fresh)
{
    struct netmap_node **old = nm->peers;
    size_t old_count = nm->peer_count;
    uint32_t changed;

    replace_tables(nm->index, fresh);
    if (d->peer_count > 0) {
        nm->peers = d->peers;
        nm->index->peer_cap = d->peer_count;
    }
    nm->peer_count = sort_unique(d->peers, d->peer_count);
    for (size_t i = 0; i < nm->peer_count; i++)
        netmap_index_add(nm->index, nm->peers[i]);
    changed = note_differences(nm, old, old_count);
    for (size_t i = 0; i < old_count; i++) {
        if (netmap_find_key(nm, &old[i]->key) == NULL) {
            push_removed(nm, &old[i]->key);
            changed |= NETMAP_REMOVED_PEERS;
        }
        free(old[i]);
    }
    if (old != nm->peers)
        free(old);
    d->peers = nm->peers == d->peers ? NULL : d->peers;
    d->peer_count = 0;
    return changed;
}

/* "host.tail.example." > "tail.example" */
static char *domain_of(const char *name)
{
    const char *dot = strchr(name, '.');
    size_t len = strlen(name);
    char *domain = malloc(len + 1);

    if (domain != NULL)
        netmap_normalise_name(domain, dot == NULL ? "" : dot + 1,
                              dot == NULL ? 0 : strlen(dot + 1));
    return domain;
}

static uint32_t apply_self(struct netmap *nm, struct netmap_delta *d, char *domain)
{
    uint32_t changed = NETMAP_CHANGED_SELF;

    if (d->self == NULL)
        return 0;
    if (!nm->valid || !netmap_node_equal(&nm->self, d->self))
        changed |= NETMAP_NEW_SELF;
    netmap_index_set_self(nm->index, d->self); /* there is room */
    free(nm->dns_domain);
    nm->dns_domain = domain;
    nm->self = *d->self;
    d->self = NULL;
    nm->valid = true;
    return changed;
}

/* Peers show the names of their users. */
static void note_users_peers(struct netmap *nm, int64_t user_id)
{
    for (size_t i = 0; i < nm->peer_count; i++)
        if (nm->peers[i]->user_id == user_id)
            netmap_index_note_changed(nm->index, nm->peers[i]->id);
}

static uint32_t apply_users(struct netmap *nm, struct netmap_delta *d)
{
    uint32_t changed = 0;

    for (size_t i = 0; i < d->user_count; i++) {
        size_t at = 0, to = nm->user_count;

        while (at < to) { /* sorted by id */
            size_t mid = at + (to - at) / 2;

            if (nm->user_ids[mid] < d->users[i].id)
                at = mid + 1;
            else
                to = mid;
        }
        if (at < nm->user_count && nm->user_ids[at] == d->users[i].id) {
            if (strcmp(nm->user_names[at], d->users[i].name) == 0)
                continue;
            note_users_peers(nm, d->users[i].id);
            free(nm->user_names[at]);
        } else if (nm->user_count < NETMAP_MAX_USERS) {
            size_t tail = nm->user_count++ - at;

            memmove(nm->user_ids + at + 1, nm->user_ids + at, tail * sizeof *nm->user_ids);
            memmove(nm->user_names + at + 1, nm->user_names + at, tail * sizeof *nm->user_names);
        } else {
            continue;
        }
        nm->user_ids[at] = d->users[i].id;
        nm->user_names[at] = d->users[i].name;
        d->users[i].name = NULL;
        changed |= NETMAP_CHANGED_USERS;
    }
    return changed;
}

static uint32_t apply_tables(struct netmap *nm, struct netmap_delta *d)
{
    struct netmap_index *ix = nm->index;
    uint32_t changed = 0;

    if (d->has_regions) {
        netmap_pool_free(&ix->region_pool);
        ix->region_pool = d->region_pool;
        d->region_pool.chunks = NULL;
        nm->regions = d->regions;
        nm->region_count = d->region_count;
        changed |= NETMAP_CHANGED_DERP;
    }
    if (d->has_dns) {
        netmap_pool_free(&ix->record_pool);
        ix->record_pool = d->record_pool;
        d->record_pool.chunks = NULL;
        nm->records = d->records;
        nm->record_count = d->record_count;
        changed |= NETMAP_CHANGED_DNS;
    }
    if (d->domain != NULL) {
        free(nm->domain);
        nm->domain = d->domain;
        d->domain = NULL;
        changed |= NETMAP_CHANGED_DNS;
    }
    return changed;
}

static int reserve(struct netmap *nm, struct netmap_delta *d, bool replace)
{
    if (ensure_index(nm) < 0 || reserve_changes(nm, d, replace) < 0 ||
        reserve_users(nm, nm->user_count + d->user_count) < 0 ||
        netmap_table_reserve(&nm->index->names, 1) < 0)
        return IPN_ERR_NOMEM;
    return 0;
}

/* More than there are names for: none is given. */
static uint32_t take_many(struct netmap_index *ix)
{
    if (!ix->many_changed)
        return 0;
    ix->many_changed = false;
    ix->changed_count = 0;
    return NETMAP_CHANGED_PEERS | NETMAP_MANY_PEERS;
}

int netmap_apply(struct netmap *nm, struct netmap_delta *d, bool first, int64_t wall_ms)
{
    bool listed = d->peer_count > 0, replace = listed || (first && d->self != NULL);
    struct netmap_index fresh = {0};
    uint32_t changed = 0;
    char *domain = NULL;

    if (reserve(nm, d, replace) < 0)
        return IPN_ERR_NOMEM;
    fresh.seed = nm->index->seed;
    if (d->self != NULL && (domain = domain_of(d->self->name)) == NULL)
        return IPN_ERR_NOMEM;
    if (replace && reserve_replacement(&fresh, d) < 0) {
        free(domain);
        return IPN_ERR_NOMEM;
    }
    if (replace)
        changed |= replace_peers(nm, d, &fresh);
    changed |= apply_self(nm, d, domain);
    if (!listed) /* a list makes all the others void */
        changed |= apply_changes(nm, d, wall_ms);
    changed |= apply_users(nm, d);
    changed |= apply_tables(nm, d);
    changed |= take_many(nm->index);
    if (changed != 0)
        nm->version++;
    return (int)changed;
}
