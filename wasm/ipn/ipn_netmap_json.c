/*
 * The JSON that the page gets: the netmap in tsconnect's shape (with more). Ids are strings:
 * JavaScript's numbers end at 2^53.
 */
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "ipn/ipn_internal.h"

static void add_key(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *name, const char *text,
                    size_t len)
{
    yyjson_mut_obj_add(obj, yyjson_mut_str(doc, name), yyjson_mut_strncpy(doc, text, len));
}

static void add_addresses(yyjson_mut_doc *doc, yyjson_mut_val *obj, const struct netmap_node *node)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, obj, "addresses");
    for (size_t i = 0; i < node->address_count; i++) {
        char text[IPADDR_TEXT_LEN];
        size_t len = ipaddr_format(text, &node->addresses[i].addr);
        yyjson_mut_arr_add_strncpy(doc, list, text, len);
    }
}

static void add_tags(yyjson_mut_doc *doc, yyjson_mut_val *obj, const struct netmap_node *node)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, obj, "tags");
    for (size_t i = 0; i < node->tag_count; i++)
        yyjson_mut_arr_add_str(doc, list, node->tags[i]);
}

static const char *user_name(const struct netmap *nm, int64_t id)
{
    for (size_t i = 0; i < nm->user_count; i++) {
        if (nm->user_ids[i] == id)
            return nm->user_names[i];
    }
    return "";
}

/* What self and peers have in common. Names lose their final dot, as tsconnect's do. */
static yyjson_mut_val *new_node(yyjson_mut_doc *doc, const struct netmap *nm,
                                const struct netmap_node *node)
{
    char key[KEY_TEXT_CAP];
    yyjson_mut_val *obj = yyjson_mut_obj(doc);
    const char *name = node->name ? node->name : "";
    size_t name_len = strlen(name);
    if (name_len && name[name_len - 1] == '.')
        name_len--;
    add_key(doc, obj, "name", name, name_len);
    add_addresses(doc, obj, node);
    add_key(doc, obj, "machineKey", key, machine_public_format(key, &node->machine));
    add_key(doc, obj, "nodeKey", key, node_public_format(key, &node->key));
    yyjson_mut_obj_add_str(doc, obj, "hostname", node->hostname ? node->hostname : "");
    yyjson_mut_obj_add_str(doc, obj, "os", node->os ? node->os : "");
    yyjson_mut_obj_add_str(doc, obj, "user", user_name(nm, node->user_id));
    add_tags(doc, obj, node);
    if (node->key_expiry_wall_ms)
        yyjson_mut_obj_add_sint(doc, obj, "keyExpiry", node->key_expiry_wall_ms);
    return obj;
}

static void add_peer(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct netmap *nm,
                     const struct netmap_node *node, int64_t wall_ms)
{
    yyjson_mut_val *obj = new_node(doc, nm, node);
    if (node->online != NETMAP_ONLINE_UNKNOWN)
        yyjson_mut_obj_add_bool(doc, obj, "online", node->online == NETMAP_ONLINE);
    yyjson_mut_obj_add_bool(doc, obj, "tailscaleSSHEnabled", node->ssh_host_key_count > 0);
    if (node->last_seen_wall_ms)
        yyjson_mut_obj_add_sint(doc, obj, "lastSeen", node->last_seen_wall_ms);
    bool expired =
        node->expired || (node->key_expiry_wall_ms && node->key_expiry_wall_ms < wall_ms);
    yyjson_mut_obj_add_bool(doc, obj, "expired", expired);
    yyjson_mut_obj_add_int(doc, obj, "derpRegion", node->home_derp);
    yyjson_mut_arr_append(list, obj);
}

char *ipn_netmap_json(struct ipn *ipn, size_t *len)
{
    const struct netmap *nm = control_client_netmap(ipn->cc);
    int64_t wall_ms = host_wall_ms(ipn->now_ms);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    if (!doc)
        return NULL;
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_val *self = new_node(doc, nm, &nm->self);
    yyjson_mut_obj_add_str(doc, self, "machineStatus",
                           nm->self.machine_authorized ? "MachineAuthorized"
                                                       : "MachineUnauthorized");
    yyjson_mut_obj_add_val(doc, root, "self", self);
    yyjson_mut_val *peers = yyjson_mut_obj_add_arr(doc, root, "peers");
    for (size_t i = 0; i < nm->peer_count; i++)
        add_peer(doc, peers, nm, nm->peers[i], wall_ms);
    yyjson_mut_obj_add_bool(doc, root, "lockedOut", false);
    yyjson_mut_obj_add_str(doc, root, "domain", nm->domain ? nm->domain : "");
    yyjson_mut_obj_add_str(doc, root, "magicDNSSuffix", nm->dns_domain ? nm->dns_domain : "");
    char *text = yyjson_mut_write(doc, 0, len);
    yyjson_mut_doc_free(doc);
    return text;
}
