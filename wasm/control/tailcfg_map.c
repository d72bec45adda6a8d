/*
 * MapResponse to struct netmap_delta, member by member and node by node: the text of a large map is
 * cut into pieces (json_split.h), so that no document of the whole is ever built.
 */
#include "control/tailcfg_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "control/json_split.h"
#include "control/netmap_index.h"
#include "control/tailcfg_node.h"

/* calloc of at least one, so that NULL always means out of memory. */
static void *new_array(size_t count, size_t size)
{
    return calloc(count == 0 ? 1 : count, size);
}

static size_t at_most(size_t count, size_t max)
{
    return count < max ? count : max;
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
    p->online = tailcfg_online(online);
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

    if (!yyjson_is_obj(config))
        return 0;
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

static int parse_domain(struct netmap_delta *d, yyjson_val *v)
{
    const char *domain = json_text(v, NETMAP_MAX_NAME);
    size_t size = strlen(domain) + 1;

    if (domain[0] == '\0')
        return 0;
    d->domain = malloc(size);
    if (d->domain == NULL)
        return IPN_ERR_NOMEM;
    memcpy(d->domain, domain, size);
    return 0;
}

static int parse_keep_alive(struct netmap_delta *d, yyjson_val *v)
{
    d->keep_alive = yyjson_get_bool(v);
    return 0;
}

static int parse_control_time(struct netmap_delta *d, yyjson_val *v)
{
    json_time(&d->control_time_wall_ms, v);
    return 0;
}

static int parse_seen(struct netmap_delta *d, yyjson_val *v)
{
    return parse_flags(&d->seen, &d->seen_count, v);
}

static int parse_online(struct netmap_delta *d, yyjson_val *v)
{
    return parse_flags(&d->online, &d->online_count, v);
}

static const struct member {
    const char *name;
    int (*parse)(struct netmap_delta *d, yyjson_val *v);
} members[] = {
    {"KeepAlive", parse_keep_alive}, {"ControlTime", parse_control_time},
    {"PeersRemoved", parse_removed}, {"PeersChangedPatch", parse_patches},
    {"PeerSeenChange", parse_seen},  {"OnlineChange", parse_online},
    {"UserProfiles", parse_users},   {"DERPMap", parse_derp_map},
    {"DNSConfig", parse_dns},        {"Domain", parse_domain},
};

static bool is_named(struct bytes name, const char *text)
{
    return name.len == strlen(text) && memcmp(name.data, text, name.len) == 0;
}

static bool is_null(struct bytes value)
{
    return value.len == 4 && memcmp(value.data, "null", 4) == 0;
}

/* The small ones. *seen: a bit for each that came, for twice is once too often. */
static int parse_member(struct netmap_delta *d, uint32_t *seen, struct bytes name,
                        struct bytes value, struct tailcfg_scratch *s)
{
    size_t i = 0, count = sizeof members / sizeof *members;
    yyjson_doc *doc;
    int err;

    if (is_named(name, "Node"))
        return d->self == NULL ? tailcfg_parse_node(&d->self, value, s) : IPN_ERR_PROTOCOL;
    while (i < count && !is_named(name, members[i].name))
        i++;
    if (i == count)
        return 0; /* not for us */
    if (*seen & 1u << i)
        return IPN_ERR_PROTOCOL;
    *seen |= 1u << i;
    err = tailcfg_read(&doc, s, value);
    if (err == 0)
        err = members[i].parse(d, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return err;
}

static int parse_members(struct netmap_delta *d, struct json_split *split,
                         struct tailcfg_scratch *s)
{
    struct bytes name = {NULL, 0}, value;
    uint32_t seen = 0;
    int got, err = 0;

    while (err == 0 && (got = json_split_next(split, &name)) != 0) {
        if (got < 0)
            return got;
        if (is_named(name, "Peers")) {
            err = tailcfg_parse_nodes(&d->peers, &d->peer_count, split, s);
        } else if (is_named(name, "PeersChanged")) {
            err = tailcfg_parse_nodes(&d->upserts, &d->upsert_count, split, s);
        } else {
            err = json_split_value(split, &value);
            if (err == 0 && !is_null(value))
                err = parse_member(d, &seen, name, value, s);
        }
    }
    return err < 0 || json_split_ended(split) ? err : IPN_ERR_PROTOCOL;
}

int tailcfg_parse_map(struct netmap_delta *d, const uint8_t *json, size_t len)
{
    struct tailcfg_scratch *s = malloc(sizeof *s);
    struct json_split split;
    int err = IPN_ERR_PROTOCOL;

    memset(d, 0, sizeof *d);
    if (s == NULL)
        return IPN_ERR_NOMEM;
    s->skipped = 0;
    if (json_split_open(&split, (struct bytes){json, len}, '{'))
        err = parse_members(d, &split, s);
    d->skipped += s->skipped;
    free(s);
    return err;
}
