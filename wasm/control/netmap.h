/*
 * What the control server told us: ourselves, our peers, relays, names. Built from
 * tailcfg.MapResponse and changed by its deltas (Tailscale: tailcfg/tailcfg.go). Look-ups are O(1)
 * or O(log n).
 */
#ifndef CONTROL_NETMAP_H
#define CONTROL_NETMAP_H

#include "base/ipaddr.h"
#include "crypto/key.h"

enum netmap_online { NETMAP_OFFLINE = 0, NETMAP_ONLINE = 1, NETMAP_ONLINE_UNKNOWN = -1 };

struct netmap_node {
    int64_t id;
    char *name;     /* FQDN with the final dot, as sent */
    char *hostname; /* Hostinfo.Hostname, "" if absent */
    char *os;       /* Hostinfo.OS, "" */
    struct node_public key;
    struct machine_public machine;
    struct disco_public disco; /* all zero: none */
    struct ipprefix *addresses, *allowed_ips;
    size_t address_count, allowed_ip_count;
    char **ssh_host_keys; /* Hostinfo.sshHostKeys: "type base64" lines; not empty = Tailscale SSH */
    size_t ssh_host_key_count;
    char **tags;
    size_t tag_count;
    int64_t user_id;
    int home_derp; /* region id, 0 unknown */
    enum netmap_online online;
    int64_t key_expiry_wall_ms; /* 0: never */
    int64_t last_seen_wall_ms; /* 0: unknown */
    bool expired, machine_authorized;
};

struct netmap_derp_node {
    char *host_name;
    int derp_port; /* 0: the scheme's default; -1: no DERP */
    bool insecure_http; /* not in tailcfg: host is loopback or the control url is http */
};

struct netmap_region {
    int id;
    char *code, *name;
    bool avoid;
    struct netmap_derp_node *nodes;
    size_t node_count;
};

struct netmap_record { /* DNSConfig.ExtraRecords of type A, AAAA or "" */
    char *name;
    struct ipaddr addr;
};

struct netmap {
    bool valid; /* the first full map has come */
    struct netmap_node self;
    struct netmap_node **peers; /* sorted by id */
    size_t peer_count;
    struct netmap_region *regions; /* sorted by id */
    size_t region_count;
    char *domain; /* MapResponse.Domain */
    char *dns_domain; /* MagicDNS suffix, without final dot; "" unknown */
    struct netmap_record *records;
    size_t record_count;
    char **user_names; /* display names beside user_ids */
    int64_t *user_ids;
    size_t user_count;
    uint64_t version; /* grows with every change */
    struct netmap_index *index;
};

/* What one map response changed. */
enum netmap_change {
    NETMAP_CHANGED_SELF = 1, /* the response carried Node, the same or another (it was our tick) */
    NETMAP_CHANGED_PEERS = 2,
    NETMAP_CHANGED_DERP = 4,
    NETMAP_CHANGED_DNS = 8,
    NETMAP_CHANGED_USERS = 16,
    NETMAP_REMOVED_PEERS = 32, /* a peer went or its key changed: netmap_next_removed tells */
    NETMAP_NEW_SELF = 64, /* with CHANGED_SELF: and it differs */
    NETMAP_MANY_PEERS = 128, /* with CHANGED_PEERS: more than netmap_next_changed can name */
    NETMAP_CHANGED_ROUTES = 256, /* some peer's key or addresses: ask anew who owns what */
};

void netmap_init(struct netmap *nm);
void netmap_wipe(struct netmap *nm);

/* NULL if there is none; of several with one key, disco key or name the newest. Pointers are valid
 * until the next map response. */
const struct netmap_node *netmap_find_key(const struct netmap *nm, const struct node_public *key);
const struct netmap_node *netmap_find_disco(const struct netmap *nm,
                                            const struct disco_public *disco);
const struct netmap_node *netmap_find_id(const struct netmap *nm, int64_t id);
/* The owner of the longest prefix over the peers' allowed IPs. A prefix has one owner: of those that
 * claim it one whose own address it is, else any; among such, the one with the highest id, for a node
 * that takes the place of another is newer. What the others say of it is void. */
const struct netmap_node *netmap_find_route(const struct netmap *nm, const struct ipaddr *dst);
bool netmap_owns(const struct netmap *nm, const struct netmap_node *node,
                 const struct ipprefix *prefix);
const struct netmap_region *netmap_find_region(const struct netmap *nm, int id);

/* Resolves an address literal, a short name, an FQDN with or without the final dot, in any case,
 * or an extra record: fills at most cap addresses (v4 before v6), returns the count, or
 * IPN_ERR_NOT_FOUND. */
int netmap_resolve(const struct netmap *nm, struct ipaddr *out, size_t cap, const char *name,
                   size_t len);

/* Keys that left the netmap since the last call, one at a time; false when there are no more. */
bool netmap_next_removed(struct netmap *nm, struct node_public *key);

/* Ids of the peers that came, went or differ since the last call, one at a time, some twice; false
 * when there are no more. After NETMAP_MANY_PEERS it may be any peer. */
bool netmap_next_changed(struct netmap *nm, int64_t *id);

#endif
