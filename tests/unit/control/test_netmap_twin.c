/*
 * The netmap against a naive twin: an array of peers that is searched from end to end. Random
 * deltas go into both; whatever can be looked up must agree.
 */
#include "control/netmap.h"

#include "base/bytes.h"
#include "unit/control/netmap_nodes.h"
#include "test.h"

enum { TWIN_MAX = 400 };

struct twin_peer {
    int64_t id;
    struct node_public key;
    struct disco_public disco;
    struct ipprefix routes[3];
    size_t route_count, address_count; /* the first ones are its own addresses */
    char name[64];
    enum netmap_online online;
    int home_derp;
};

static struct twin_peer twin[TWIN_MAX];
static size_t twin_count;

/* Random peers share few addresses' beginnings, so that prefixes lie inside each other. */
static struct netmap_node *random_node(int64_t id)
{
    struct ipprefix routes[3];
    size_t count = 1 + prng_below(3);
    char name[64];

    for (size_t i = 0; i < count; i++) {
        char text[64];

        if (prng_below(2) == 0)
            snprintf(text, sizeof text, "10.%d.%d.%d/%d", (int)prng_below(2), (int)prng_below(4),
                     (int)prng_below(64), (int)(i == 0 ? 32 : 9 + prng_below(24)));
        else
            snprintf(text, sizeof text, "fd00:%x::%x/%d", (int)prng_below(3), (int)prng_below(999),
                     (int)(i == 0 ? 128 : 16 + prng_below(113)));
        routes[i] = prefix(text);
    }
    snprintf(name, sizeof name, "Host-%lld.Tail.Example.", (long long)id);
    return make_node(id, name, routes, count, 1 + prng_below(count));
}

static size_t twin_at(int64_t id)
{
    size_t i = 0;

    while (i < twin_count && twin[i].id != id)
        i++;
    return i;
}

static void twin_put(const struct netmap_node *n)
{
    size_t at = twin_at(n->id);
    struct twin_peer *t = &twin[at];

    if (at == twin_count)
        twin_count++;
    memset(t, 0, sizeof *t);
    t->id = n->id;
    t->key = n->key;
    t->disco = n->disco;
    t->route_count = n->allowed_ip_count;
    t->address_count = n->address_count;
    memcpy(t->routes, n->allowed_ips, n->allowed_ip_count * sizeof *n->allowed_ips);
    snprintf(t->name, sizeof t->name, "%s", n->name);
    t->online = n->online;
    t->home_derp = n->home_derp;
}

static void twin_remove(int64_t id)
{
    size_t at = twin_at(id);

    if (at < twin_count)
        twin[at] = twin[--twin_count];
}

/* Longest matching prefix; of several that claim it one that has it as its address (the first ones
 * are), and of those the one with the highest id. Its id, or -1. */
static int64_t twin_route(const struct ipaddr *dst)
{
    const struct twin_peer *best = NULL;
    int best_bits = -1;
    bool best_own = false;

    for (size_t i = 0; i < twin_count; i++)
        for (size_t k = 0; k < twin[i].route_count; k++) {
            const struct ipprefix *p = &twin[i].routes[k];
            bool own = k < twin[i].address_count;

            if (!ipprefix_contains(p, dst) || p->bits < best_bits)
                continue;
            if (p->bits == best_bits && (own == best_own ? twin[i].id < best->id : best_own))
                continue;
            best = &twin[i];
            best_bits = p->bits;
            best_own = own;
        }
    return best == NULL ? -1 : best->id;
}

static void compare(const struct netmap *nm)
{
    CHECK_EQ(nm->peer_count, twin_count);
    for (size_t i = 1; i < nm->peer_count; i++)
        CHECK(nm->peers[i - 1]->id < nm->peers[i]->id);
    for (size_t i = 0; i < twin_count; i++) {
        const struct netmap_node *n = netmap_find_id(nm, twin[i].id);
        struct ipaddr out[4];

        if (!CHECK(n != NULL))
            continue;
        CHECK(netmap_find_key(nm, &twin[i].key) == n);
        if (!bytes_are_zero(twin[i].disco.b, KEY_LEN))
            CHECK(netmap_find_disco(nm, &twin[i].disco) == n);
        CHECK_EQ(n->online, twin[i].online);
        CHECK_EQ(n->home_derp, twin[i].home_derp);
        CHECK_EQ(netmap_resolve(nm, out, 4, twin[i].name, strlen(twin[i].name)), n->address_count);
    }
    for (int i = 0; i < 50; i++) {
        const struct netmap_node *n;
        char text[64];
        struct ipaddr dst;

        snprintf(text, sizeof text, i % 2 ? "10.%d.%d.%d" : "fd00:%x::%x:%x", (int)prng_below(2),
                 (int)prng_below(4), (int)prng_below(64));
        dst = addr(text);
        n = netmap_find_route(nm, &dst);
        CHECK_EQ(n == NULL ? -1 : n->id, twin_route(&dst));
    }
}

/* Fills the delta with changes and applies them to the twin as well. */
static void random_delta(struct netmap_delta *d)
{
    size_t count = 1 + prng_below(12);

    memset(d, 0, sizeof *d);
    if (prng_below(12) == 0) { /* a new list */
        d->peers = calloc(TWIN_MAX, sizeof *d->peers);
        twin_count = 0;
        for (int64_t id = 1; id < TWIN_MAX / 2; id++)
            if (prng_below(2) == 0) {
                d->peers[d->peer_count] = random_node(id);
                twin_put(d->peers[d->peer_count++]);
            }
        return;
    }
    d->upserts = calloc(count, sizeof *d->upserts);
    d->removed = calloc(count, sizeof *d->removed);
    d->patches = calloc(count, sizeof *d->patches);
    d->online = calloc(count, sizeof *d->online);
    for (size_t i = 0; i < count; i++) {
        d->removed[d->removed_count++] = 1 + (int64_t)prng_below(TWIN_MAX / 2);
        twin_remove(d->removed[i]);
    }
    for (size_t i = 0; i < count; i++) {
        d->upserts[i] = random_node(1 + (int64_t)prng_below(TWIN_MAX / 2));
        d->upsert_count++;
        twin_put(d->upserts[i]);
    }
    for (size_t i = 0; i < count; i++) {
        int64_t id = 1 + (int64_t)prng_below(TWIN_MAX / 2);
        size_t at = twin_at(id);

        d->online[d->online_count++] = (struct netmap_flag){id, prng_below(2) == 0};
        if (at < twin_count)
            twin[at].online = d->online[i].on ? NETMAP_ONLINE : NETMAP_OFFLINE;
    }
    for (size_t i = 0; i < count; i++) {
        struct netmap_patch *p = &d->patches[d->patch_count++];
        size_t at;

        p->id = 1 + (int64_t)prng_below(TWIN_MAX / 2);
        p->has_key = prng_below(2) == 0;
        prng_fill(p->key.b, KEY_LEN);
        p->has_disco = prng_below(2) == 0;
        prng_fill(p->disco.b, KEY_LEN);
        p->home_derp = (int)prng_below(3);
        at = twin_at(p->id);
        if (at == twin_count)
            continue;
        twin[at].key = p->has_key ? p->key : twin[at].key;
        twin[at].disco = p->has_disco ? p->disco : twin[at].disco;
        twin[at].home_derp = p->home_derp != 0 ? p->home_derp : twin[at].home_derp;
    }
}

/* Whoever differs from before, came or went must have been named. */
static void check_named(struct netmap *nm, const struct twin_peer *before, size_t before_count,
                        int changed)
{
    static bool named[TWIN_MAX];
    int64_t id;

    memset(named, 0, sizeof named);
    while (netmap_next_changed(nm, &id))
        named[id] = true;
    if (changed & NETMAP_MANY_PEERS)
        return;
    for (size_t i = 0; i < before_count; i++) {
        size_t at = twin_at(before[i].id);

        if (at == twin_count || memcmp(&twin[at], &before[i], sizeof before[i]) != 0)
            CHECK(named[before[i].id]);
    }
    for (size_t i = 0; i < twin_count; i++) {
        size_t at = 0;

        while (at < before_count && before[at].id != twin[i].id)
            at++;
        if (at == before_count)
            CHECK(named[twin[i].id]);
    }
}

static void apply_random(struct netmap *nm)
{
    static struct twin_peer before_all[TWIN_MAX];
    size_t before_all_count = twin_count;
    struct node_public before[TWIN_MAX], gone;
    size_t before_count = 0, left = 0, told = 0;
    struct netmap_delta d;
    int changed;

    for (size_t i = 0; i < twin_count; i++)
        before[before_count++] = twin[i].key;
    memcpy(before_all, twin, sizeof twin);
    random_delta(&d);
    changed = netmap_apply(nm, &d, false, 1000);
    CHECK(changed >= 0);
    check_named(nm, before_all, before_all_count, changed);
    netmap_delta_wipe(&d);
    for (size_t i = 0; i < before_count; i++)
        left += netmap_find_key(nm, &before[i]) == NULL;
    while (netmap_next_removed(nm, &gone)) {
        bool known = false;

        for (size_t i = 0; i < before_count; i++)
            known |= memcmp(&before[i], &gone, sizeof gone) == 0;
        CHECK(netmap_find_key(nm, &gone) == NULL);
        told += known; /* others came and went within the delta */
    }
    CHECK_EQ(told, left);
    if (left > 0)
        CHECK((changed & NETMAP_REMOVED_PEERS) != 0);
}

static void test_twin(void)
{
    struct netmap nm;

    netmap_init(&nm);
    twin_count = 0;
    for (int round = 0; round < 150; round++) {
        apply_random(&nm);
        compare(&nm);
    }
    netmap_wipe(&nm);
}

int main(void)
{
    prng_init(0x6e65746d6170);
    prng_host_init();
    test_twin();
    return TEST_DONE();
}
