/*
 * Hash tables from a key, an address or a name to a node, private to the netmap. A slot holds 32
 * bits of hash and the node; whoever looks up compares with the node's own fields, so a table
 * stores no keys and two nodes may even claim the same one.
 */
#ifndef CONTROL_NETMAP_INDEX_H
#define CONTROL_NETMAP_INDEX_H

#include "control/netmap_delta.h"

struct netmap_slot {
    struct netmap_node *node; /* NULL: free */
    uint32_t hash;
};

struct netmap_table {
    struct netmap_slot *slots;
    size_t cap, used; /* cap is 0 or a power of two; at most three quarters are used */
};

struct netmap_index {
    uint32_t seed;
    struct netmap_table keys, discos, prefixes, names; /* names: peers and ourselves */
    size_t bits4[33], bits6[129]; /* how many prefixes have that length */
    struct netmap_node *self;     /* the block that netmap.self points into */
    struct netmap_pool region_pool, record_pool;
    size_t peer_cap, user_cap;
    struct node_public *removed; /* keys for netmap_next_removed */
    size_t removed_count, removed_cap;
    int64_t changed[NETMAP_MAX_CHANGED]; /* ids for netmap_next_changed */
    size_t changed_count;
    bool many_changed; /* and more */
};

/* Room for so many more entries, so that insert cannot fail. 0 or IPN_ERR_NOMEM. */
int netmap_table_reserve(struct netmap_table *t, size_t extra);
/* False, and it is not in, if NETMAP_MAX_CLAIMS others have that hash. */
bool netmap_table_insert(struct netmap_table *t, uint32_t hash, struct netmap_node *node);
/* False if it was not in. */
bool netmap_table_remove(struct netmap_table *t, uint32_t hash, const struct netmap_node *node);
/* The nodes stored under hash, one after the other: start with *at = 0. NULL at the end. */
struct netmap_node *netmap_table_next(const struct netmap_table *t, uint32_t hash, size_t *at);

uint32_t netmap_hash(const struct netmap_index *ix, const void *data, size_t len);
uint32_t netmap_hash_prefix(const struct netmap_index *ix, const struct ipprefix *p);

/* Lower case without final dot into out[NETMAP_MAX_NAME + 1]; the length, 0 if it is too long or has
 * two final dots: no resolver knows such a name. */
size_t netmap_normalise_name(char *out, const char *name, size_t len);

void netmap_index_note_changed(struct netmap_index *ix, int64_t id);

/* Room for these nodes in every table. 0 or IPN_ERR_NOMEM. */
int netmap_index_reserve(struct netmap_index *ix, struct netmap_node *const *nodes, size_t count);
void netmap_index_add(struct netmap_index *ix, struct netmap_node *n);
void netmap_index_remove(struct netmap_index *ix, struct netmap_node *n);
/* Only the name: for ourselves. */
int netmap_index_set_self(struct netmap_index *ix, struct netmap_node *self);
/* Empties the four tables and frees them. */
void netmap_index_clear(struct netmap_index *ix);

#endif
