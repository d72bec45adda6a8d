/*
 * A map stream into a netmap. Input: [bit 0: zstd, bit 1: a new stream's first map][stream].
 * Afterwards whatever the netmap says must be readable and its look-ups must agree with its list.
 */
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "control/control_map.h"
#include "control/tailcfg_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void random_bytes(uint8_t *dst, size_t len)
{
    memset(dst, 0x5a, len);
}

static void inspect(struct netmap *nm)
{
    struct node_public key;
    struct ipaddr out[4];

    for (size_t i = 0; i < nm->peer_count; i++) {
        const struct netmap_node *n = nm->peers[i];

        if (netmap_find_id(nm, n->id) != n || netmap_find_key(nm, &n->key) == NULL)
            abort();
        if (i > 0 && nm->peers[i - 1]->id >= n->id)
            abort();
        for (size_t k = 0; k < n->allowed_ip_count; k++)
            if (netmap_find_route(nm, &n->allowed_ips[k].addr) == NULL)
                abort();
        netmap_resolve(nm, out, 4, n->name, strlen(n->name));
    }
    for (size_t i = 0; i < nm->record_count; i++)
        if (netmap_resolve(nm, out, 4, nm->records[i].name, strlen(nm->records[i].name)) <= 0)
            abort();
    for (size_t i = 0; i < nm->region_count; i++)
        if (netmap_find_region(nm, nm->regions[i].id) == NULL)
            abort();
    while (netmap_next_removed(nm, &key))
        if (netmap_find_key(nm, &key) != NULL)
            abort();
}

static int apply(struct netmap *nm, struct bytes json, bool first)
{
    struct netmap_delta d;
    int result = tailcfg_parse_map(&d, json.data, json.len);

    if (result == 0)
        result = netmap_apply(nm, &d, first, 1);
    netmap_delta_wipe(&d);
    inspect(nm);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct bytes src, json;
    struct control_map cm;
    struct netmap nm;
    int result = 0;

    if (len < 1)
        return 0;
    host_init(&(struct host_calls){.random_bytes = random_bytes});
    src = (struct bytes){data + 1, len - 1};
    control_map_init(&cm, data[0] & 1);
    netmap_init(&nm);
    while (result >= 0 && (result = control_map_input(&cm, &src, &json)) > 0)
        result = apply(&nm, json, data[0] & 2);
    control_map_wipe(&cm);
    netmap_wipe(&nm);
    return 0;
}
