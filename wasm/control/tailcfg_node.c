/*
 * A node is drafted from borrowed text and scratch arrays, then copied into one block
 * (netmap_node_copy). Exit routes (0.0.0.0/0 and ::/0) are left out: we never send our traffic
 * through an exit node, and its inbound packets may not claim every source.
 */
#include "control/tailcfg_node.h"

#include <stdlib.h>

#include "base/err.h"
#include "control/json_split.h"

/* Members are asked for in the order in which Go writes them, so that a search goes on where the
 * last one ended (tailcfg.Node, tailcfg.Hostinfo). */
static yyjson_val *take(yyjson_obj_iter *it, const char *name)
{
    return it->obj ? yyjson_obj_iter_get(it, name) : NULL; /* NULL: not an object */
}

static const char *take_text(yyjson_obj_iter *it, const char *name, size_t max)
{
    return json_text(take(it, name), max);
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

enum netmap_online tailcfg_online(yyjson_val *v)
{
    if (!yyjson_is_bool(v))
        return NETMAP_ONLINE_UNKNOWN;
    return yyjson_get_bool(v) ? NETMAP_ONLINE : NETMAP_OFFLINE;
}

/* HomeDERP, or of old "127.3.3.40:region". */
static int parse_home_derp(const char *old, yyjson_val *home)
{
    static const char magic[] = "127.3.3.40:";
    int64_t region = json_int(home);

    if (region > 0 && region <= INT32_MAX)
        return (int)region;
    if (strncmp(old, magic, sizeof magic - 1) != 0)
        return 0;
    region = strtol(old + sizeof magic - 1, NULL, 10);
    return region > 0 && region <= 65535 ? (int)region : 0;
}

static bool parse_keys(struct netmap_node *draft, yyjson_obj_iter *it)
{
    const char *key = take_text(it, "Key", KEY_TEXT_CAP), *machine, *disco;
    yyjson_val *expiry = take(it, "KeyExpiry");

    if (node_public_parse(&draft->key, key, strlen(key)) < 0 ||
        bytes_are_zero(draft->key.b, KEY_LEN))
        return false;
    json_time(&draft->key_expiry_wall_ms, expiry);
    machine = take_text(it, "Machine", KEY_TEXT_CAP);
    if (machine_public_parse(&draft->machine, machine, strlen(machine)) < 0)
        memset(&draft->machine, 0, sizeof draft->machine);
    disco = take_text(it, "DiscoKey", KEY_TEXT_CAP);
    if (disco_public_parse(&draft->disco, disco, strlen(disco)) < 0)
        memset(&draft->disco, 0, sizeof draft->disco);
    return true;
}

/* AllowedIPs that are absent are the same as Addresses. */
static void parse_routes(struct netmap_node *draft, yyjson_obj_iter *it, struct tailcfg_scratch *s)
{
    yyjson_val *allowed;

    draft->addresses = draft->allowed_ips = s->addresses;
    draft->address_count = parse_prefixes(s->addresses, take(it, "Addresses"));
    draft->allowed_ip_count = draft->address_count;
    allowed = take(it, "AllowedIPs");
    if (!yyjson_is_arr(allowed))
        return;
    draft->allowed_ips = s->allowed_ips;
    draft->allowed_ip_count = parse_prefixes(s->allowed_ips, allowed);
}

static void parse_host(struct netmap_node *draft, yyjson_val *host, struct tailcfg_scratch *s)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(host);

    draft->os = (char *)(uintptr_t)take_text(&it, "OS", NETMAP_MAX_NAME);
    draft->hostname = (char *)(uintptr_t)take_text(&it, "Hostname", NETMAP_MAX_NAME);
    draft->ssh_host_key_count = parse_texts(s->host_keys, NETMAP_MAX_HOST_KEYS,
                                            take(&it, "sshHostKeys"), NETMAP_MAX_HOST_KEY);
}

static int parse_draft(struct netmap_node **out, yyjson_val *root, struct tailcfg_scratch *s)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(root);
    struct netmap_node draft = {
        .id = json_int(take(&it, "ID")), .tags = s->tags, .ssh_host_keys = s->host_keys};
    const char *old_derp;

    draft.name = (char *)(uintptr_t)take_text(&it, "Name", NETMAP_MAX_NAME);
    draft.user_id = json_int(take(&it, "User"));
    if (draft.id <= 0 || !parse_keys(&draft, &it)) {
        s->skipped++;
        return 0;
    }
    parse_routes(&draft, &it, s);
    old_derp = take_text(&it, "DERP", 24);
    draft.home_derp = parse_home_derp(old_derp, take(&it, "HomeDERP"));
    parse_host(&draft, take(&it, "Hostinfo"), s);
    draft.tag_count = parse_texts(s->tags, NETMAP_MAX_TAGS, take(&it, "Tags"), NETMAP_MAX_NAME);
    json_time(&draft.last_seen_wall_ms, take(&it, "LastSeen"));
    draft.online = tailcfg_online(take(&it, "Online"));
    draft.machine_authorized = yyjson_get_bool(take(&it, "MachineAuthorized"));
    if (yyjson_get_bool(take(&it, "UnsignedPeerAPIOnly"))) {
        draft.allowed_ips = draft.addresses;
        draft.allowed_ip_count = draft.address_count;
    }
    draft.expired = yyjson_get_bool(take(&it, "Expired"));
    *out = netmap_node_copy(&draft);
    return *out == NULL ? IPN_ERR_NOMEM : 0;
}

int tailcfg_read(yyjson_doc **doc, struct tailcfg_scratch *s, struct bytes json)
{
    char *text = (char *)(uintptr_t)json.data; /* only read: without YYJSON_READ_INSITU */
    yyjson_read_err why = {0};
    yyjson_alc pool;

    *doc = NULL;
    if (json.len < sizeof s->doc / 4 && yyjson_alc_pool_init(&pool, s->doc, sizeof s->doc))
        *doc = yyjson_read_opts(text, json.len, 0, &pool, &why);
    if (*doc == NULL && (why.code == 0 || why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION))
        *doc = yyjson_read_opts(text, json.len, 0, NULL, &why);
    if (*doc != NULL)
        return 0;
    return why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? IPN_ERR_NOMEM : IPN_ERR_PROTOCOL;
}

int tailcfg_parse_node(struct netmap_node **out, struct bytes json, struct tailcfg_scratch *s)
{
    yyjson_doc *doc;
    int err = tailcfg_read(&doc, s, json);

    *out = NULL;
    if (err == 0)
        err = parse_draft(out, yyjson_doc_get_root(doc), s);
    yyjson_doc_free(doc);
    return err;
}

/* Room for one more, doubling. */
static int grow(struct netmap_node ***list, size_t count)
{
    struct netmap_node **bigger;

    if (count > 0 && (count < 8 || (count & (count - 1)) != 0))
        return 0; /* 8, 16, 32 … are full */
    bigger = realloc(*list, (count < 8 ? 8 : 2 * count) * sizeof **list);
    if (bigger == NULL)
        return IPN_ERR_NOMEM;
    *list = bigger;
    return 0;
}

/* The next of an array. */
static int parse_next(struct netmap_node ***list, size_t *count, struct json_split *split,
                      struct tailcfg_scratch *s)
{
    struct netmap_node *node = NULL;
    struct bytes value;
    int err = json_split_value(split, &value);

    if (err == 0 && *count == NETMAP_MAX_PEERS) {
        s->skipped++;
        return 0;
    }
    if (err == 0)
        err = grow(list, *count);
    if (err == 0)
        err = tailcfg_parse_node(&node, value, s);
    if (node != NULL)
        (*list)[(*count)++] = node;
    return err;
}

int tailcfg_parse_nodes(struct netmap_node ***list, size_t *count, struct json_split *split,
                        struct tailcfg_scratch *s)
{
    struct json_split inner;
    struct bytes unused;
    int got, err = 0;

    if (!json_split_enter(split, &inner))
        return json_split_value(split, &unused);
    while (err == 0 && (got = json_split_next(&inner, NULL)) != 0)
        err = got < 0 ? got : parse_next(list, count, &inner, s);
    json_split_leave(split, &inner);
    return err;
}
