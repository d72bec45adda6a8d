/* The nodes of a MapResponse, one after the other. Private to tailcfg_map.c. */
#ifndef CONTROL_TAILCFG_NODE_H
#define CONTROL_TAILCFG_NODE_H

#include "control/json_split.h"
#include "control/netmap_delta.h"
#include "control/tailcfg_json.h"

/* Room for one node's document and lists, reused from node to node. */
struct tailcfg_scratch {
    uint8_t doc[32 << 10]; /* a node's: its values have 16 bytes each, its text comes on top */
    struct ipprefix addresses[NETMAP_MAX_PREFIXES], allowed_ips[NETMAP_MAX_PREFIXES];
    char *tags[NETMAP_MAX_TAGS], *host_keys[NETMAP_MAX_HOST_KEYS];
    size_t skipped;
};

/* Reads one value, in s->doc if there is room. Free the document; *root lives as long. 0,
 * IPN_ERR_PROTOCOL, IPN_ERR_NOMEM. */
int tailcfg_read(yyjson_doc **doc, struct tailcfg_scratch *s, struct bytes json);

enum netmap_online tailcfg_online(yyjson_val *v);

/* One node: *out is NULL and s->skipped grows for one that is left out. 0, IPN_ERR_PROTOCOL,
 * IPN_ERR_NOMEM. */
int tailcfg_parse_node(struct netmap_node **out, struct bytes json, struct tailcfg_scratch *s);

/* The array of them at which split stands, appended to *list; anything else counts as an empty one.
 */
int tailcfg_parse_nodes(struct netmap_node ***list, size_t *count, struct json_split *split,
                        struct tailcfg_scratch *s);

#endif
