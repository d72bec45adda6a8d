/*
 * One map response, parsed and owned, on its way from tailcfg to the netmap. What the server did
 * not send, or sent as null, is absent here: NULL, 0 or false.
 */
#ifndef CONTROL_NETMAP_DELTA_H
#define CONTROL_NETMAP_DELTA_H

#include "control/netmap.h"

enum {
    NETMAP_MAX_PEERS = 100000,    /* ten times the largest tailnet we promise to serve */
    NETMAP_MAX_USERS = 100000,
    NETMAP_MAX_REGIONS = 1024,    /* Tailscale runs about thirty, own ones are 900..999 */
    NETMAP_MAX_DERP_NODES = 64,   /* of one region */
    NETMAP_MAX_RECORDS = 100000,
    NETMAP_MAX_PREFIXES = 1024,   /* of one node; a big subnet router has dozens */
    NETMAP_MAX_TAGS = 256,
    NETMAP_MAX_HOST_KEYS = 16,
    NETMAP_MAX_NAME = 255,        /* a DNS name; host, user and region names too */
    NETMAP_MAX_HOST_KEY = 4096,   /* a line with an RSA key of 16,384 bits has 2,800 */
    NETMAP_MAX_CLAIMS = 64, /* nodes found under one key, name or prefix; of more, some are not */
    NETMAP_MAX_CHANGED = 1024, /* ids that are named; of more, all peers may have changed */
};

struct netmap_patch { /* PeersChangedPatch */
    int64_t id;
    bool has_key, has_disco, has_online, has_last_seen, has_key_expiry;
    struct node_public key;
    struct disco_public disco;
    int home_derp; /* 0: unchanged */
    enum netmap_online online;
    int64_t last_seen_wall_ms, key_expiry_wall_ms;
};

struct netmap_flag { /* PeerSeenChange, OnlineChange */
    int64_t id;
    bool on;
};

struct netmap_user {
    int64_t id;
    char *name; /* malloc */
};

/* Memory that is freed all at once. */
struct netmap_pool {
    struct netmap_pool_chunk *chunks;
};

void *netmap_pool_alloc(struct netmap_pool *pool, size_t size); /* zeroed; NULL: out of memory */
char *netmap_pool_copy(struct netmap_pool *pool, const char *text);
void netmap_pool_free(struct netmap_pool *pool);

struct netmap_delta {
    bool keep_alive;
    struct netmap_node *self;
    struct netmap_node **peers; /* the whole list */
    size_t peer_count;
    struct netmap_node **upserts; /* PeersChanged */
    size_t upsert_count;
    int64_t *removed;
    size_t removed_count;
    struct netmap_patch *patches;
    size_t patch_count;
    struct netmap_flag *seen, *online;
    size_t seen_count, online_count;
    bool has_regions;
    struct netmap_region *regions;
    size_t region_count;
    struct netmap_pool region_pool;
    bool has_dns;
    struct netmap_record *records; /* names in lower case without final dot, sorted */
    size_t record_count;
    struct netmap_pool record_pool;
    struct netmap_user *users;
    size_t user_count;
    char *domain;
    int64_t control_time_wall_ms;
    size_t skipped; /* malformed or too many: left out */
};

void netmap_delta_wipe(struct netmap_delta *d);

/* A deep copy of draft in one block: free() it. NULL when out of memory. */
struct netmap_node *netmap_node_copy(const struct netmap_node *draft);
/* Whether two say the same of a node. */
bool netmap_node_equal(const struct netmap_node *a, const struct netmap_node *b);
/* The same of its key and of what it may own. */
bool netmap_node_routes_equal(const struct netmap_node *a, const struct netmap_node *b);

/* Applies *d in the order of tailcfg.MapResponse and takes what it owns (wipe it all the same).
 * first: the first response with a Node on its stream, so peers it does not name are gone. Returns
 * enum netmap_change bits; IPN_ERR_NOMEM, with *nm as it was. */
int netmap_apply(struct netmap *nm, struct netmap_delta *d, bool first, int64_t wall_ms);

#endif
