/*
 * The JSON that the page gets: the netmap in tsconnect's shape (with more). Ids are strings:
 * JavaScript's numbers end at 2^53.
 */
#include <stdio.h>
#include <string.h>

#include "ipn/ipn_internal.h"
#include "ipn/ipn_json.h"

enum { TYPICAL_PEER = 512 }; /* bytes */

static void add_text(struct ipn_json *j, const char *name, const char *text)
{
    ipn_json_text(j, name, text ? text : "", text ? strlen(text) : 0);
}

static void add_addresses(struct ipn_json *j, const struct netmap_node *node)
{
    ipn_json_open(j, "addresses", '[');
    for (size_t i = 0; i < node->address_count; i++) {
        char text[IPADDR_TEXT_LEN];
        ipn_json_text(j, NULL, text, ipaddr_format(text, &node->addresses[i].addr));
    }
    ipn_json_close(j, ']');
}

static void add_tags(struct ipn_json *j, const struct netmap_node *node)
{
    ipn_json_open(j, "tags", '[');
    for (size_t i = 0; i < node->tag_count; i++)
        add_text(j, NULL, node->tags[i]);
    ipn_json_close(j, ']');
}

static void add_id(struct ipn_json *j, const char *name, int64_t id)
{
    char text[24];
    ipn_json_text(j, name, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)id));
}

static const char *user_name(const struct netmap *nm, int64_t id)
{
    size_t from = 0, to = nm->user_count;
    while (from < to) { /* sorted by id */
        size_t mid = from + (to - from) / 2;
        if (nm->user_ids[mid] < id)
            from = mid + 1;
        else
            to = mid;
    }
    return from < nm->user_count && nm->user_ids[from] == id ? nm->user_names[from] : "";
}

/* What self and peers have in common. Names lose their final dot, as tsconnect's do. */
static void add_node(struct ipn_json *j, const struct netmap *nm, const struct netmap_node *node)
{
    char key[KEY_TEXT_CAP];
    const char *name = node->name ? node->name : "";
    size_t name_len = strlen(name);
    if (name_len && name[name_len - 1] == '.')
        name_len--;
    add_id(j, "id", node->id);
    ipn_json_text(j, "name", name, name_len);
    add_addresses(j, node);
    ipn_json_text(j, "machineKey", key, machine_public_format(key, &node->machine));
    ipn_json_text(j, "nodeKey", key, node_public_format(key, &node->key));
    add_text(j, "hostname", node->hostname);
    add_text(j, "os", node->os);
    add_text(j, "user", user_name(nm, node->user_id));
    add_tags(j, node);
    if (node->key_expiry_wall_ms)
        ipn_json_int(j, "keyExpiry", node->key_expiry_wall_ms);
}

static void add_self(struct ipn_json *j, const struct netmap *nm)
{
    ipn_json_open(j, "self", '{');
    add_node(j, nm, &nm->self);
    add_text(j, "machineStatus",
             nm->self.machine_authorized ? "MachineAuthorized" : "MachineUnauthorized");
    ipn_json_close(j, '}');
}

static void add_peer(struct ipn_json *j, const struct netmap *nm, const struct netmap_node *node,
                     int64_t wall_ms)
{
    ipn_json_open(j, NULL, '{');
    add_node(j, nm, node);
    if (node->online != NETMAP_ONLINE_UNKNOWN)
        ipn_json_bool(j, "online", node->online == NETMAP_ONLINE);
    ipn_json_bool(j, "tailscaleSSHEnabled", node->ssh_host_key_count > 0);
    if (node->last_seen_wall_ms)
        ipn_json_int(j, "lastSeen", node->last_seen_wall_ms);
    ipn_json_bool(j, "expired",
                  node->expired ||
                      (node->key_expiry_wall_ms && node->key_expiry_wall_ms < wall_ms));
    ipn_json_int(j, "derpRegion", node->home_derp);
    ipn_json_close(j, '}');
}

static void add_peers(struct ipn_json *j, const char *name, struct ipn *ipn)
{
    const struct netmap *nm = control_client_netmap(ipn->cc);
    int64_t wall_ms = host_wall_ms(ipn->now_ms);
    ipn_json_open(j, name, '[');
    for (size_t i = 0; i < nm->peer_count; i++)
        add_peer(j, nm, nm->peers[i], wall_ms);
    ipn_json_close(j, ']');
}

char *ipn_netmap_json(struct ipn *ipn, size_t *len)
{
    const struct netmap *nm = control_client_netmap(ipn->cc);
    struct ipn_json j;
    ipn_json_init(&j);
    buf_reserve(&j.out, (nm->peer_count + 1) * TYPICAL_PEER); /* if not, it grows */
    ipn_json_open(&j, NULL, '{');
    add_self(&j, nm);
    add_peers(&j, "peers", ipn);
    ipn_json_bool(&j, "lockedOut", false);
    add_text(&j, "domain", nm->domain);
    add_text(&j, "magicDNSSuffix", nm->dns_domain);
    ipn_json_close(&j, '}');
    return ipn_json_take(&j, len);
}

char *ipn_peers_json(struct ipn *ipn, const struct ipn_peers_news *news, size_t *len)
{
    const struct netmap *nm = control_client_netmap(ipn->cc);
    int64_t wall_ms = host_wall_ms(ipn->now_ms);
    struct ipn_json j;
    ipn_json_init(&j);
    ipn_json_open(&j, NULL, '{');
    ipn_json_bool(&j, "whole", news->whole);
    if (news->self || news->whole)
        add_self(&j, nm);
    if (news->whole) {
        add_peers(&j, "changed", ipn);
    } else {
        ipn_json_open(&j, "changed", '[');
        for (size_t i = 0; i < news->count; i++) {
            const struct netmap_node *node = netmap_find_id(nm, news->ids[i]);
            if (node)
                add_peer(&j, nm, node, wall_ms);
        }
        ipn_json_close(&j, ']');
    }
    ipn_json_open(&j, "removed", '[');
    for (size_t i = 0; i < news->count && !news->whole; i++) {
        if (!netmap_find_id(nm, news->ids[i]))
            add_id(&j, NULL, news->ids[i]);
    }
    ipn_json_close(&j, ']');
    ipn_json_close(&j, '}');
    return ipn_json_take(&j, len);
}
