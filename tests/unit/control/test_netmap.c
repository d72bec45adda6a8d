/* Names, our own node, and small changes. */
#include "control/netmap.h"

#include "base/err.h"
#include "unit/control/netmap_nodes.h"
#include "test.h"

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
    {26, "www.example..", NULL, 0},
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

/* The first map of a new stream without a list: nobody is there any more. */
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

int main(void)
{
    prng_init(0x6e65746d6170);
    prng_host_init();
    test_names();
    test_renamed_self();
    test_first_map_without_peers();
    test_small_deltas();
    test_same_again();
    return TEST_DONE();
}
