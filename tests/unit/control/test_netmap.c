/*
 * The netmap against a naive twin: an array of peers that is searched from end to end. Random
 * deltas go into both; whatever can be looked up must agree.
 */
#include "control/netmap.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "control/netmap_delta.h"
#include "prng.h"
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

static struct ipprefix prefix(const char *text)
{
    struct ipprefix p;

    if (ipprefix_parse(&p, text, strlen(text)) < 0)
        abort();
    return p;
}

static struct ipaddr addr(const char *text)
{
    struct ipaddr a;

    if (ipaddr_parse(&a, text, strlen(text)) < 0)
        abort();
    return a;
}

/* The first `own` routes are its addresses. */
static struct netmap_node *make_node(int64_t id, const char *name, struct ipprefix *routes,
                                     size_t count, size_t own)
{
    struct netmap_node draft = {
        .id = id,
        .name = (char *)(uintptr_t)name,
        .hostname = "",
        .os = "",
        .addresses = routes,
        .address_count = own,
        .allowed_ips = routes,
        .allowed_ip_count = count,
        .online = NETMAP_ONLINE_UNKNOWN,
    };

    prng_fill(draft.key.b, KEY_LEN);
    if (prng_below(4) != 0) /* some have no disco key yet */
        prng_fill(draft.disco.b, KEY_LEN);
    return netmap_node_copy(&draft);
}

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

static struct netmap_node *named(int64_t id, const char *name, const char *v4, const char *v6)
{
    struct ipprefix routes[2] = {prefix(v6), prefix(v4)};

    return make_node(id, name, routes, 2, 2);
}

static struct netmap_node *named_node(int64_t id)
{
    char name[32], v4[32], v6[32];

    snprintf(name, sizeof name, "n%d.x.", (int)id);
    snprintf(v4, sizeof v4, "100.64.0.%d", (int)id);
    snprintf(v6, sizeof v6, "fd7a::%d", (int)id);
    return named(id, name, v4, v6);
}

static void put_self(struct netmap_delta *d, const char *name)
{
    memset(d, 0, sizeof *d);
    d->self = named(1, name, "100.64.0.1", "fd7a::1");
}

static void names_map(struct netmap *nm)
{
    struct netmap_delta d;

    netmap_init(nm);
    put_self(&d, "Me.tail.example.");
    d.peers = calloc(4, sizeof *d.peers);
    d.peers[d.peer_count++] = named(2, "Web.tail.example.", "100.64.0.2", "fd7a::2");
    d.peers[d.peer_count++] = named(3, "web.other.example.", "100.64.0.3", "fd7a::3");
    d.peers[d.peer_count++] = named(4, "a.b.tail.example.", "100.64.0.4", "fd7a::4");
    d.peers[d.peer_count++] = named(5, "single.", "100.64.0.5", "fd7a::5");
    d.has_dns = true;
    d.records = netmap_pool_alloc(&d.record_pool, 4 * sizeof *d.records);
    d.records[d.record_count++] = (struct netmap_record){"grafana.tail.example", addr("fd7a::9")};
    d.records[d.record_count++] =
        (struct netmap_record){"grafana.tail.example", addr("100.64.0.9")};
    d.records[d.record_count++] = (struct netmap_record){"web.tail.example", addr("100.64.0.10")};
    d.records[d.record_count++] = (struct netmap_record){"www.example", addr("100.64.0.11")};
    CHECK(netmap_apply(nm, &d, true, 0) > 0);
    netmap_delta_wipe(&d);
    CHECK(nm->valid);
    CHECK_STR(nm->dns_domain, "tail.example");
}

static const struct {
    int number;
    const char *name;
    const char *first; /* NULL: not found */
    int count;
} name_cases[] = {
    {1, "web", "100.64.0.2",
     2}, /* v4 first, whatever order they came in; the peer, not the record */
    {2, "WEB", "100.64.0.2", 2},
    {3, "web.tail.example", "100.64.0.2", 2},
    {4, "Web.Tail.Example.", "100.64.0.2", 2},
    {5, "web.other.example", "100.64.0.3", 2},
    {6, "me", "100.64.0.1", 2},
    {7, "me.tail.example.", "100.64.0.1", 2},
    {8, "a.b", "100.64.0.4", 2},
    {9, "single", "100.64.0.5", 2},
    {10, "single.", "100.64.0.5", 2},
    {11, "grafana", "100.64.0.9", 2},
    {12, "GRAFANA.tail.example.", "100.64.0.9", 2},
    {13, "www.example", "100.64.0.11", 1},
    {14, "100.64.0.77", "100.64.0.77", 1},
    {15, "fd7a::77", "fd7a::77", 1},
    {16, "nobody", NULL, 0},
    {17, "web.", "100.64.0.2", 2}, /* one label with a dot: people type it, our domain is tried */
    {18, "www.example.tail", NULL, 0},
    {19, "web.tail.example.tail.example", NULL, 0},
    {20, ".", NULL, 0},
    {21, "", NULL, 0},
    {22, "web..", NULL, 0},
    {23, "web.tail", NULL, 0},
    {24, "999.1.1.1", NULL, 0},
    {25, "a.b.", NULL, 0}, /* absolute */
};

static void test_names(void)
{
    struct netmap nm;
    char longest[600];

    names_map(&nm);
    for (size_t i = 0; i < sizeof name_cases / sizeof *name_cases; i++) {
        struct ipaddr out[4];
        int n = netmap_resolve(&nm, out, 4, name_cases[i].name, strlen(name_cases[i].name));
        char text[IPADDR_TEXT_LEN] = "";

        if (n > 0)
            ipaddr_format(text, &out[0]);
        if (!(CHECK_EQ(n, name_cases[i].first == NULL ? IPN_ERR_NOT_FOUND : name_cases[i].count) &&
              CHECK_STR(text, name_cases[i].first == NULL ? "" : name_cases[i].first)))
            fprintf(stderr, "    case %d: %s\n", name_cases[i].number, name_cases[i].name);
    }
    memset(longest, 'x', sizeof longest);
    for (size_t len = 240; len < sizeof longest; len++) {
        struct ipaddr out;

        CHECK_EQ(netmap_resolve(&nm, &out, 1, longest, len), IPN_ERR_NOT_FOUND);
    }
    CHECK_EQ(netmap_resolve(&nm, &(struct ipaddr){0}, 1, "web", 3),
             1); /* no more than there is room for */
    CHECK_EQ(netmap_resolve(&nm, NULL, 0, "web", 3), IPN_ERR_NOT_FOUND);
    CHECK_EQ(netmap_resolve(&nm, &(struct ipaddr){0}, 1, "web\0x", 5), IPN_ERR_NOT_FOUND);
    netmap_wipe(&nm);
    CHECK_EQ(netmap_resolve(&nm, &(struct ipaddr){0}, 1, "web", 3), IPN_ERR_NOT_FOUND);
}

/* Our own name changes: the old one is forgotten. */
static void test_renamed_self(void)
{
    struct netmap nm;
    struct netmap_delta d;
    struct ipaddr out;

    names_map(&nm);
    put_self(&d, "you.new.example.");
    CHECK_EQ(netmap_apply(&nm, &d, false, 0), NETMAP_CHANGED_SELF | NETMAP_NEW_SELF);
    netmap_delta_wipe(&d);
    CHECK_EQ(nm.peer_count, 4);
    CHECK_STR(nm.dns_domain, "new.example");
    CHECK_EQ(netmap_resolve(&nm, &out, 1, "you", 3), 1);
    CHECK_EQ(netmap_resolve(&nm, &out, 1, "me.tail.example", 15), IPN_ERR_NOT_FOUND);
    netmap_wipe(&nm);
}

/* The first map of a new stream without a list: nobody is there any more (protocol fact 11). */
static void test_first_map_without_peers(void)
{
    struct netmap nm;
    struct netmap_delta d;
    struct node_public key;
    int gone = 0, changed;

    names_map(&nm);
    put_self(&d, "me.tail.example.");
    d.upserts = calloc(1, sizeof *d.upserts);
    d.upserts[d.upsert_count++] = named(9, "new.tail.example.", "100.64.0.12", "fd7a::12");
    changed = netmap_apply(&nm, &d, true, 0);
    CHECK_EQ(changed & ~NETMAP_NEW_SELF, NETMAP_CHANGED_SELF | NETMAP_CHANGED_PEERS |
                                             NETMAP_REMOVED_PEERS | NETMAP_CHANGED_ROUTES);
    netmap_delta_wipe(&d);
    CHECK_EQ(nm.peer_count, 1);
    while (netmap_next_removed(&nm, &key))
        gone++;
    CHECK_EQ(gone, 4);
    CHECK_EQ(netmap_resolve(&nm, &(struct ipaddr){0}, 1, "new", 3), 1);
    CHECK_EQ(netmap_resolve(&nm, &(struct ipaddr){0}, 1, "web", 3), 1); /* the record remains */
    netmap_wipe(&nm);
}

static void test_small_deltas(void)
{
    struct netmap nm;
    struct netmap_delta d = {0};
    uint64_t version;

    names_map(&nm);
    version = nm.version;
    CHECK_EQ(netmap_apply(&nm, &d, true, 0), 0); /* a bare ControlTime: no change, not even first */
    CHECK_EQ(nm.version, version);
    d.seen = calloc(2, sizeof *d.seen);
    d.seen[d.seen_count++] = (struct netmap_flag){2, true};
    d.seen[d.seen_count++] = (struct netmap_flag){77, true}; /* unknown ids are ignored */
    d.removed = calloc(1, sizeof *d.removed);
    d.removed[d.removed_count++] = 78;
    CHECK_EQ(netmap_apply(&nm, &d, false, 12345), NETMAP_CHANGED_PEERS);
    CHECK_EQ(netmap_find_id(&nm, 2)->last_seen_wall_ms, 12345);
    CHECK(nm.version > version);
    netmap_delta_wipe(&d);
    d.patches = calloc(1, sizeof *d.patches);
    d.patches[d.patch_count++] = (struct netmap_patch){.id = 77, .has_online = true};
    CHECK_EQ(netmap_apply(&nm, &d, false, 0), 0);
    netmap_delta_wipe(&d);
    d.users = calloc(2, sizeof *d.users);
    d.users[d.user_count++] = (struct netmap_user){7, strdup("seven")};
    d.users[d.user_count++] = (struct netmap_user){3, strdup("three")};
    CHECK_EQ(netmap_apply(&nm, &d, false, 0), NETMAP_CHANGED_USERS);
    netmap_delta_wipe(&d);
    d.users = calloc(1, sizeof *d.users);
    d.users[d.user_count++] = (struct netmap_user){7, strdup("SEVEN")};
    CHECK_EQ(netmap_apply(&nm, &d, false, 0), NETMAP_CHANGED_USERS);
    netmap_delta_wipe(&d);
    CHECK_EQ(nm.user_count, 2);
    CHECK_EQ(nm.user_ids[0], 3);
    CHECK_STR(nm.user_names[1], "SEVEN");
    netmap_wipe(&nm);
}

/* A list with an id twice, and one key held by two nodes: nothing breaks. */
static void test_duplicates(void)
{
    struct netmap nm;
    struct netmap_delta d = {0};
    struct node_public key;

    netmap_init(&nm);
    d.peers = calloc(3, sizeof *d.peers);
    for (int i = 0; i < 3; i++)
        d.peers[d.peer_count++] = named(i == 2 ? 6 : 5, "twice.x.", "100.64.0.5", "fd7a::5");
    d.peers[1]->key = d.peers[2]->key = d.peers[0]->key;
    key = d.peers[0]->key;
    CHECK(netmap_apply(&nm, &d, false, 0) > 0);
    netmap_delta_wipe(&d);
    CHECK_EQ(nm.peer_count, 2);
    d.removed = calloc(1, sizeof *d.removed);
    d.removed[d.removed_count++] = 5;
    CHECK(netmap_apply(&nm, &d, false, 0) > 0);
    netmap_delta_wipe(&d);
    CHECK_EQ(netmap_find_key(&nm, &key)->id, 6);
    CHECK(!netmap_next_removed(&nm, &key)); /* the other still has it */
    netmap_wipe(&nm);
}

/* Ten thousand peers, then ten thousand deltas of one peer each. */
static void test_many(void)
{
    enum { MANY = 10000 };
    struct netmap nm;
    struct netmap_delta d = {0};
    size_t found = 0;

    netmap_init(&nm);
    d.peers = calloc(MANY, sizeof *d.peers);
    for (int64_t id = 1; id <= MANY; id++) {
        struct ipprefix route = {.addr = {4, {100, 64, (uint8_t)(id >> 8), (uint8_t)id}},
                                 .bits = 32};
        char name[64];

        snprintf(name, sizeof name, "n%lld.x.", (long long)id);
        d.peers[d.peer_count++] = make_node(id, name, &route, 1, 1);
    }
    CHECK(netmap_apply(&nm, &d, false, 0) > 0);
    netmap_delta_wipe(&d);
    for (int64_t id = 1; id <= MANY; id++) {
        struct netmap_patch *p = calloc(1, sizeof *p);

        p->id = id;
        p->has_key = true;
        prng_fill(p->key.b, KEY_LEN);
        d.patches = p;
        d.patch_count = 1;
        CHECK(netmap_apply(&nm, &d, false, 0) > 0);
        found += netmap_find_key(&nm, &p->key) == netmap_find_id(&nm, id);
        netmap_delta_wipe(&d);
    }
    CHECK_EQ(found, MANY);
    found = 0;
    for (struct node_public key; netmap_next_removed(&nm, &key);)
        found++;
    CHECK_EQ(found, MANY);
    netmap_wipe(&nm);
}

/* What was there is there again, as after a connection was lost: nobody is named; nor by a delta
 * that says nothing new. One that differs is. */
static void test_same_again(void)
{
    struct netmap nm;
    struct netmap_delta d = {0};
    struct netmap_node *copies[3];
    int64_t id, named = 0;
    int changed;

    netmap_init(&nm);
    for (int i = 0; i < 3; i++)
        copies[i] = named_node(2 + i);
    d.peers = calloc(3, sizeof *d.peers);
    for (int i = 0; i < 3; i++)
        d.peers[d.peer_count++] = netmap_node_copy(copies[i]);
    CHECK(netmap_apply(&nm, &d, true, 0) > 0);
    netmap_delta_wipe(&d);
    while (netmap_next_changed(&nm, &id))
        named++;
    CHECK_EQ(named, 3);

    d.peers = calloc(3, sizeof *d.peers);
    for (int i = 0; i < 3; i++)
        d.peers[d.peer_count++] = netmap_node_copy(copies[i]);
    CHECK_EQ(netmap_apply(&nm, &d, true, 0), 0);
    netmap_delta_wipe(&d);
    d.upserts = calloc(1, sizeof *d.upserts);
    d.upserts[d.upsert_count++] = netmap_node_copy(copies[1]);
    CHECK_EQ(netmap_apply(&nm, &d, false, 0), 0);
    netmap_delta_wipe(&d);
    CHECK(!netmap_next_changed(&nm, &id));

    d.peers = calloc(3, sizeof *d.peers);
    d.peers[d.peer_count++] = netmap_node_copy(copies[0]);
    copies[2]->online = NETMAP_OFFLINE;
    d.peers[d.peer_count++] = netmap_node_copy(copies[2]);
    changed = netmap_apply(&nm, &d, true, 0);
    CHECK_EQ(changed, NETMAP_CHANGED_PEERS | NETMAP_REMOVED_PEERS | NETMAP_CHANGED_ROUTES);
    netmap_delta_wipe(&d);
    for (named = 0; netmap_next_changed(&nm, &id); named |= 1 << id)
        ;
    CHECK_EQ(named, 1 << 3 | 1 << 4); /* gone, and offline */
    for (int i = 0; i < 3; i++)
        free(copies[i]);
    netmap_wipe(&nm);
}

/* An address is its owner's, whatever others say, in any order; what a node says of a free one holds
 * until an owner comes. */
static void test_spoofed_addresses(void)
{
    struct ipprefix own = prefix("100.64.0.2/32"), other = prefix("100.64.0.3/32");
    struct ipprefix greedy[] = {other, own, prefix("10.0.0.0/8")};
    struct ipaddr dst = addr("100.64.0.2"), lan = addr("10.1.2.3");

    for (int order = 0; order < 4; order++) {
        struct netmap nm;
        struct netmap_delta d = {0};
        int64_t victim = order & 1 ? 9 : 2, thief = order & 1 ? 2 : 9;

        netmap_init(&nm);
        d.upserts = calloc(2, sizeof *d.upserts);
        for (int i = 0; i < 2; i++)
            d.upserts[d.upsert_count++] = i == order / 2
                                              ? make_node(victim, "victim.x.", &own, 1, 1)
                                              : make_node(thief, "thief.x.", greedy, 3, 1);
        CHECK(netmap_apply(&nm, &d, false, 0) > 0);
        netmap_delta_wipe(&d);
        CHECK_EQ(netmap_find_route(&nm, &dst)->id, victim);
        CHECK_EQ(netmap_find_route(&nm, &lan)->id, thief);
        CHECK(netmap_owns(&nm, netmap_find_id(&nm, victim), &own));
        CHECK(!netmap_owns(&nm, netmap_find_id(&nm, thief), &own));
        CHECK(netmap_owns(&nm, netmap_find_id(&nm, thief), &other));
        d.removed = calloc(1, sizeof *d.removed);
        d.removed[d.removed_count++] = victim;
        CHECK(netmap_apply(&nm, &d, false, 0) & NETMAP_CHANGED_ROUTES);
        netmap_delta_wipe(&d);
        CHECK_EQ(netmap_find_route(&nm, &dst)->id, thief);
        netmap_wipe(&nm);
    }
}

/* One address, one key and one name claimed by thousands: found in constant time, removed for good. */
static void test_thousands_of_claims(void)
{
    enum { CLAIMS = 20000 };
    struct ipprefix route = prefix("10.9.0.0/16");
    struct ipaddr dst = addr("10.9.8.7");
    struct netmap nm;
    struct netmap_delta d = {0};

    netmap_init(&nm);
    d.peers = calloc(CLAIMS, sizeof *d.peers);
    for (int64_t id = 1; id <= CLAIMS; id++) {
        d.peers[d.peer_count] = make_node(id, "same.x.", &route, 1, 0);
        memset(d.peers[d.peer_count]->key.b, 7, KEY_LEN);
        memset(d.peers[d.peer_count++]->disco.b, 9, KEY_LEN);
    }
    CHECK(netmap_apply(&nm, &d, true, 0) & NETMAP_MANY_PEERS);
    netmap_delta_wipe(&d);
    CHECK(netmap_find_route(&nm, &dst) != NULL);
    d.removed = calloc(CLAIMS, sizeof *d.removed);
    for (int64_t id = 1; id <= CLAIMS; id++)
        d.removed[d.removed_count++] = id;
    CHECK(netmap_apply(&nm, &d, false, 0) > 0);
    netmap_delta_wipe(&d);
    CHECK(netmap_find_route(&nm, &dst) == NULL);
    CHECK_EQ(nm.peer_count, 0);
    netmap_wipe(&nm);
}

int main(void)
{
    prng_init(0x6e65746d6170);
    prng_host_init();
    test_twin();
    test_names();
    test_renamed_self();
    test_first_map_without_peers();
    test_small_deltas();
    test_duplicates();
    test_many();
    test_same_again();
    test_spoofed_addresses();
    test_thousands_of_claims();
    return TEST_DONE();
}
