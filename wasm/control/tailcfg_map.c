/*
 * MapResponse to struct netmap_delta. A node is drafted from borrowed text and scratch arrays, then
 * copied into one block (netmap_node_copy). Exit routes (0.0.0.0/0 and ::/0) are left out: we never
 * send our traffic through an exit node, and its inbound packets may not claim every source.
 */
#include "control/tailcfg_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "control/netmap_index.h"
#include "control/tailcfg_json.h"

/* Room for one node's lists, reused from node to node. */
struct scratch {
    struct ipprefix addresses[NETMAP_MAX_PREFIXES], allowed_ips[NETMAP_MAX_PREFIXES];
    char *tags[NETMAP_MAX_TAGS], *host_keys[NETMAP_MAX_HOST_KEYS];
    size_t skipped;
};

/* calloc of at least one, so that NULL always means out of memory. */
static void *new_array(size_t count, size_t size)
{
    return calloc(count == 0 ? 1 : count, size);
}

static size_t at_most(size_t count, size_t max)
{
    return count < max ? count : max;
}

static size_t parse_prefixes(struct ipprefix *out, yyjson_val *list)
{
    size_t count = 0, i, n;
    yyjson_val *v;

    yyjson_arr_foreach(list, i, n, v)
    {
        const char *text = json_text(v, 64);

        if (count < NETMAP_MAX_PREFIXES && ipprefix_parse(&out[count], text, strlen(text)) == 0 &&
            out[count].bits > 0)
            count++;
    }
    return count;
}

static size_t parse_texts(char **out, size_t cap, yyjson_val *list, size_t max)
{
    size_t count = 0, i, n;
    yyjson_val *v;

    yyjson_arr_foreach(list, i, n, v)
    {
        const char *text = json_text(v, max);

        if (count < cap && text[0] != '\0')
            out[count++] = (char *)(uintptr_t)text; /* borrowed until netmap_node_copy */
    }
    return count;
}

static enum netmap_online parse_online(yyjson_val *v)
{
    if (!yyjson_is_bool(v))
        return NETMAP_ONLINE_UNKNOWN;
    return yyjson_get_bool(v) ? NETMAP_ONLINE : NETMAP_OFFLINE;
}

/* HomeDERP, or of old "127.3.3.40:region". */
static int parse_home_derp(yyjson_val *v)
{
    static const char magic[] = "127.3.3.40:";
    const char *old = json_get_text(v, "DERP", 24);
    int region = json_get_int(v, "HomeDERP", 1, INT32_MAX);

    if (region == 0 && strncmp(old, magic, sizeof magic - 1) == 0) {
        long n = strtol(old + sizeof magic - 1, NULL, 10);

        region = n > 0 && n <= 65535 ? (int)n : 0;
    }
    return region;
}

static bool parse_keys(struct netmap_node *draft, yyjson_val *v)
{
    const char *key = json_get_text(v, "Key", KEY_TEXT_CAP);
    const char *machine = json_get_text(v, "Machine", KEY_TEXT_CAP);
    const char *disco = json_get_text(v, "DiscoKey", KEY_TEXT_CAP);

    if (node_public_parse(&draft->key, key, strlen(key)) < 0 ||
        bytes_are_zero(draft->key.b, KEY_LEN))
        return false;
    if (machine_public_parse(&draft->machine, machine, strlen(machine)) < 0)
        memset(&draft->machine, 0, sizeof draft->machine);
    if (disco_public_parse(&draft->disco, disco, strlen(disco)) < 0)
        memset(&draft->disco, 0, sizeof draft->disco);
    return true;
}

static void parse_routes(struct netmap_node *draft, yyjson_val *v, struct scratch *s)
{
    yyjson_val *allowed = yyjson_obj_get(v, "AllowedIPs");

    draft->addresses = s->addresses;
    draft->address_count = parse_prefixes(s->addresses, yyjson_obj_get(v, "Addresses"));
    draft->allowed_ips = s->allowed_ips;
    if (yyjson_is_arr(allowed) && !json_get_bool(v, "UnsignedPeerAPIOnly")) {
        draft->allowed_ip_count = parse_prefixes(s->allowed_ips, allowed);
    } else { /* absent means the same as Addresses */
        draft->allowed_ips = s->addresses;
        draft->allowed_ip_count = draft->address_count;
    }
}

/* NULL with *err 0 for a node that is left out. */
static struct netmap_node *parse_node(yyjson_val *v, struct scratch *s, int *err)
{
    yyjson_val *host = yyjson_obj_get(v, "Hostinfo");
    struct netmap_node draft = {
        .id = json_int(yyjson_obj_get(v, "ID")), .tags = s->tags, .ssh_host_keys = s->host_keys};
    struct netmap_node *n;

    if (draft.id <= 0 || !parse_keys(&draft, v)) {
        s->skipped++;
        return NULL;
    }
    draft.name = (char *)(uintptr_t)json_get_text(v, "Name", NETMAP_MAX_NAME);
    draft.hostname = (char *)(uintptr_t)json_get_text(host, "Hostname", NETMAP_MAX_NAME);
    draft.os = (char *)(uintptr_t)json_get_text(host, "OS", NETMAP_MAX_NAME);
    parse_routes(&draft, v, s);
    draft.ssh_host_key_count =
        parse_texts(s->host_keys, NETMAP_MAX_HOST_KEYS, yyjson_obj_get(host, "sshHostKeys"),
                    NETMAP_MAX_HOST_KEY);
    draft.tag_count =
        parse_texts(s->tags, NETMAP_MAX_TAGS, yyjson_obj_get(v, "Tags"), NETMAP_MAX_NAME);
    draft.user_id = json_int(yyjson_obj_get(v, "User"));
    draft.home_derp = parse_home_derp(v);
    draft.online = parse_online(yyjson_obj_get(v, "Online"));
    json_get_time(&draft.key_expiry_wall_ms, v, "KeyExpiry");
    json_get_time(&draft.last_seen_wall_ms, v, "LastSeen");
    draft.expired = json_get_bool(v, "Expired");
    draft.machine_authorized = json_get_bool(v, "MachineAuthorized");
    n = netmap_node_copy(&draft);
    if (n == NULL)
        *err = IPN_ERR_NOMEM;
    return n;
}

static int parse_nodes(struct netmap_node ***out, size_t *count, yyjson_val *list,
                       struct scratch *s)
{
    size_t i, n, max = at_most(yyjson_arr_size(list), NETMAP_MAX_PEERS);
    yyjson_val *v;
    int err = 0;

    if (max == 0)
        return 0;
    *out = new_array(max, sizeof **out);
    if (*out == NULL)
        return IPN_ERR_NOMEM;
    s->skipped += yyjson_arr_size(list) - max;
    yyjson_arr_foreach(list, i, n, v)
    {
        struct netmap_node *node = *count < max && err == 0 ? parse_node(v, s, &err) : NULL;

        if (node != NULL)
            (*out)[(*count)++] = node;
    }
    return err;
}

static int parse_removed(struct netmap_delta *d, yyjson_val *list)
{
    size_t i, n, max = at_most(yyjson_arr_size(list), NETMAP_MAX_PEERS);
    yyjson_val *v;

    d->removed = new_array(max, sizeof *d->removed);
    if (d->removed == NULL)
        return IPN_ERR_NOMEM;
    yyjson_arr_foreach(list, i, n, v)
    {
        if (d->removed_count < max && json_int(v) > 0)
            d->removed[d->removed_count++] = json_int(v);
    }
    return 0;
}

static bool parse_patch(struct netmap_patch *p, yyjson_val *v)
{
    const char *key = json_get_text(v, "Key", KEY_TEXT_CAP);
    const char *disco = json_get_text(v, "DiscoKey", KEY_TEXT_CAP);
    yyjson_val *online = yyjson_obj_get(v, "Online");

    memset(p, 0, sizeof *p);
    p->id = json_int(yyjson_obj_get(v, "NodeID"));
    p->has_key =
        node_public_parse(&p->key, key, strlen(key)) == 0 && !bytes_are_zero(p->key.b, KEY_LEN);
    p->has_disco = disco_public_parse(&p->disco, disco, strlen(disco)) == 0;
    p->home_derp = json_get_int(v, "DERPRegion", 1, INT32_MAX);
    p->has_online = yyjson_is_bool(online);
    p->online = parse_online(online);
    p->has_last_seen = json_get_time(&p->last_seen_wall_ms, v, "LastSeen");
    p->has_key_expiry = json_get_time(&p->key_expiry_wall_ms, v, "KeyExpiry");
    return p->id > 0;
}

static int parse_patches(struct netmap_delta *d, yyjson_val *list)
{
    size_t i, n, max = at_most(yyjson_arr_size(list), NETMAP_MAX_PEERS);
    yyjson_val *v;

    d->patches = new_array(max, sizeof *d->patches);
    if (d->patches == NULL)
        return IPN_ERR_NOMEM;
    yyjson_arr_foreach(list, i, n, v)
    {
        if (d->patch_count < max && parse_patch(&d->patches[d->patch_count], v))
            d->patch_count++;
        else
            d->skipped++;
    }
    return 0;
}

/* {"12": true}: JSON object keys are text, node ids are numbers. */
static int parse_flags(struct netmap_flag **out, size_t *count, yyjson_val *obj)
{
    size_t i, n, max = at_most(yyjson_obj_size(obj), NETMAP_MAX_PEERS);
    yyjson_val *name, *v;

    *out = new_array(max, sizeof **out);
    if (*out == NULL)
        return IPN_ERR_NOMEM;
    yyjson_obj_foreach(obj, i, n, name, v)
    {
        char *end;
        long long id = strtoll(json_text(name, 20), &end, 10);

        if (*count < max && id > 0 && *end == '\0' && yyjson_is_bool(v))
            (*out)[(*count)++] = (struct netmap_flag){id, yyjson_get_bool(v)};
    }
    return 0;
}

static int parse_users(struct netmap_delta *d, yyjson_val *list)
{
    size_t i, n, max = at_most(yyjson_arr_size(list), NETMAP_MAX_USERS);
    yyjson_val *v;

    d->users = new_array(max, sizeof *d->users);
    if (d->users == NULL)
        return IPN_ERR_NOMEM;
    yyjson_arr_foreach(list, i, n, v)
    {
        const char *name = json_get_text(v, "DisplayName", NETMAP_MAX_NAME);
        int64_t id = json_int(yyjson_obj_get(v, "ID"));
        size_t size;
        char *copy;

        if (name[0] == '\0')
            name = json_get_text(v, "LoginName", NETMAP_MAX_NAME);
        if (d->user_count == max || id == 0)
            continue;
        size = strlen(name) + 1;
        copy = malloc(size);
        if (copy == NULL)
            return IPN_ERR_NOMEM;
        memcpy(copy, name, size);
        d->users[d->user_count++] = (struct netmap_user){id, copy};
    }
    return 0;
}

/* DERPMap */

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
           strcmp(host, "::1") == 0;
}

static int parse_derp_nodes(struct netmap_region *r, struct netmap_pool *pool, yyjson_val *list)
{
    size_t i, n, max = at_most(yyjson_arr_size(list), NETMAP_MAX_DERP_NODES);
    yyjson_val *v;

    r->nodes = netmap_pool_alloc(pool, max * sizeof *r->nodes);
    if (r->nodes == NULL)
        return IPN_ERR_NOMEM;
    yyjson_arr_foreach(list, i, n, v)
    {
        const char *host = json_get_text(v, "HostName", NETMAP_MAX_NAME);
        struct netmap_derp_node *node = &r->nodes[r->node_count];

        if (r->node_count == max || host[0] == '\0')
            continue;
        node->host_name = netmap_pool_copy(pool, host);
        if (node->host_name == NULL)
            return IPN_ERR_NOMEM;
        node->derp_port = json_get_int(v, "DERPPort", -1, 65535);
        if (json_get_bool(v, "STUNOnly"))
            node->derp_port = -1;
        node->insecure_http = is_loopback(host);
        r->node_count++;
    }
    return 0;
}

static int parse_region(struct netmap_region *r, struct netmap_pool *pool, yyjson_val *v)
{
    r->id = json_get_int(v, "RegionID", 1, INT32_MAX);
    r->avoid = json_get_bool(v, "Avoid") || json_get_bool(v, "NoMeasureNoHome");
    r->code = netmap_pool_copy(pool, json_get_text(v, "RegionCode", NETMAP_MAX_NAME));
    r->name = netmap_pool_copy(pool, json_get_text(v, "RegionName", NETMAP_MAX_NAME));
    if (r->code == NULL || r->name == NULL)
        return IPN_ERR_NOMEM;
    return parse_derp_nodes(r, pool, yyjson_obj_get(v, "Nodes"));
}

static int compare_regions(const void *a, const void *b)
{
    const struct netmap_region *left = a, *right = b;

    return (left->id > right->id) - (left->id < right->id);
}

static int parse_derp_map(struct netmap_delta *d, yyjson_val *map)
{
    yyjson_val *regions = yyjson_obj_get(map, "Regions"), *name, *v;
    size_t i, n, max = at_most(yyjson_obj_size(regions), NETMAP_MAX_REGIONS);

    if (!yyjson_is_obj(regions)) /* null: only other parameters changed */
        return 0;
    d->regions = netmap_pool_alloc(&d->region_pool, max * sizeof *d->regions);
    if (d->regions == NULL)
        return IPN_ERR_NOMEM;
    yyjson_obj_foreach(regions, i, n, name, v)
    {
        struct netmap_region *r = &d->regions[d->region_count];

        if (d->region_count == max || !yyjson_is_obj(v)) /* Headscale has sent null regions */
            continue;
        memset(r, 0, sizeof *r);
        if (parse_region(r, &d->region_pool, v) < 0)
            return IPN_ERR_NOMEM;
        if (r->id > 0)
            d->region_count++;
    }
    qsort(d->regions, d->region_count, sizeof *d->regions, compare_regions);
    d->has_regions = true;
    return 0;
}

/* DNSConfig */

static int compare_records(const void *a, const void *b)
{
    const struct netmap_record *left = a, *right = b;

    return strcmp(left->name, right->name);
}

static bool parse_record(struct netmap_record *r, char flat[NETMAP_MAX_NAME + 1], yyjson_val *v)
{
    const char *name = json_get_text(v, "Name", NETMAP_MAX_NAME);
    const char *type = json_get_text(v, "Type", 8), *value = json_get_text(v, "Value", 64);

    if (netmap_normalise_name(flat, name, strlen(name)) == 0 ||
        ipaddr_parse(&r->addr, value, strlen(value)) < 0)
        return false;
    return type[0] == '\0' || (strcmp(type, "A") == 0 && r->addr.family == 4) ||
           (strcmp(type, "AAAA") == 0 && r->addr.family == 6);
}

static int parse_dns(struct netmap_delta *d, yyjson_val *config)
{
    yyjson_val *list = yyjson_obj_get(config, "ExtraRecords"), *v;
    size_t i, n, max = at_most(yyjson_arr_size(list), NETMAP_MAX_RECORDS);

    d->records = netmap_pool_alloc(&d->record_pool, max * sizeof *d->records);
    if (d->records == NULL)
        return IPN_ERR_NOMEM;
    yyjson_arr_foreach(list, i, n, v)
    {
        char flat[NETMAP_MAX_NAME + 1];
        struct netmap_record r;

        if (d->record_count == max || !parse_record(&r, flat, v))
            continue;
        r.name = netmap_pool_copy(&d->record_pool, flat);
        if (r.name == NULL)
            return IPN_ERR_NOMEM;
        d->records[d->record_count++] = r;
    }
    qsort(d->records, d->record_count, sizeof *d->records, compare_records);
    d->has_dns = true;
    return 0;
}

static int parse_domain(struct netmap_delta *d, yyjson_val *root)
{
    const char *domain = json_get_text(root, "Domain", NETMAP_MAX_NAME);
    size_t size = strlen(domain) + 1;

    if (domain[0] == '\0')
        return 0;
    d->domain = malloc(size);
    if (d->domain == NULL)
        return IPN_ERR_NOMEM;
    memcpy(d->domain, domain, size);
    return 0;
}

static int parse_members(struct netmap_delta *d, yyjson_val *root, struct scratch *s)
{
    yyjson_val *self = yyjson_obj_get(root, "Node"), *v;
    int err = 0;

    d->keep_alive = json_get_bool(root, "KeepAlive");
    json_get_time(&d->control_time_wall_ms, root, "ControlTime");
    if (d->keep_alive)
        return 0;
    if (yyjson_is_obj(self))
        d->self = parse_node(self, s, &err);
    if (err == 0)
        err = parse_nodes(&d->peers, &d->peer_count, yyjson_obj_get(root, "Peers"), s);
    if (err == 0)
        err = parse_nodes(&d->upserts, &d->upsert_count, yyjson_obj_get(root, "PeersChanged"), s);
    if (err == 0 && (v = yyjson_obj_get(root, "PeersRemoved")) != NULL)
        err = parse_removed(d, v);
    if (err == 0 && (v = yyjson_obj_get(root, "PeersChangedPatch")) != NULL)
        err = parse_patches(d, v);
    if (err == 0 && (v = yyjson_obj_get(root, "PeerSeenChange")) != NULL)
        err = parse_flags(&d->seen, &d->seen_count, v);
    if (err == 0 && (v = yyjson_obj_get(root, "OnlineChange")) != NULL)
        err = parse_flags(&d->online, &d->online_count, v);
    if (err == 0 && (v = yyjson_obj_get(root, "UserProfiles")) != NULL)
        err = parse_users(d, v);
    if (err == 0)
        err = parse_derp_map(d, yyjson_obj_get(root, "DERPMap"));
    if (err == 0 && yyjson_is_obj(v = yyjson_obj_get(root, "DNSConfig")))
        err = parse_dns(d, v);
    if (err == 0)
        err = parse_domain(d, root);
    return err;
}

int tailcfg_parse_map(struct netmap_delta *d, const uint8_t *json, size_t len)
{
    struct scratch *s = malloc(sizeof *s);
    yyjson_read_err why = {0};
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json, len, 0, NULL, &why);
    yyjson_val *root = yyjson_doc_get_root(doc);
    int err = IPN_ERR_PROTOCOL;

    memset(d, 0, sizeof *d);
    if (s == NULL || (doc == NULL && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)) {
        err = IPN_ERR_NOMEM;
    } else if (yyjson_is_obj(root)) {
        s->skipped = 0;
        err = parse_members(d, root, s);
        d->skipped += s->skipped;
    }
    yyjson_doc_free(doc);
    free(s);
    return err;
}
