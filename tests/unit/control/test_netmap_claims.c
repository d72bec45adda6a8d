/* Keys, names and addresses that several nodes claim; many nodes. */
#include "control/netmap.h"

#include "unit/control/netmap_nodes.h"
#include "test.h"

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
    test_duplicates();
    test_many();
    test_spoofed_addresses();
    test_thousands_of_claims();
    return TEST_DONE();
}
