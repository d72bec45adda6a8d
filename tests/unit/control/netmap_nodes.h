/* Nodes for tests of the netmap. A header, so that each test's random numbers are its own (prng.h). */
#ifndef NETMAP_NODES_H
#define NETMAP_NODES_H

#include <stdlib.h>
#include <string.h>

#include "control/netmap.h"
#include "control/netmap_delta.h"
#include "prng.h"

static inline struct ipprefix prefix(const char *text)
{
    struct ipprefix p;

    if (ipprefix_parse(&p, text, strlen(text)) < 0)
        abort();
    return p;
}

static inline struct ipaddr addr(const char *text)
{
    struct ipaddr a;

    if (ipaddr_parse(&a, text, strlen(text)) < 0)
        abort();
    return a;
}

/* The first `own` routes are its addresses. */
static inline struct netmap_node *make_node(int64_t id, const char *name, struct ipprefix *routes,
                                            size_t count, size_t own)
{
    struct netmap_node draft = {
        .id = id,
        .name = (char *)(uintptr_t)name,
        .hostname = "",
        .os = "",
        .addresses = routes,
        .address_count = own,
        .allowed_ips = routes,
        .allowed_ip_count = count,
        .online = NETMAP_ONLINE_UNKNOWN,
    };

    prng_fill(draft.key.b, KEY_LEN);
    if (prng_below(4) != 0) /* some have no disco key yet */
        prng_fill(draft.disco.b, KEY_LEN);
    return netmap_node_copy(&draft);
}

static inline struct netmap_node *named(int64_t id, const char *name, const char *v4,
                                        const char *v6)
{
    struct ipprefix routes[2] = {prefix(v6), prefix(v4)};

    return make_node(id, name, routes, 2, 2);
}

static inline struct netmap_node *named_node(int64_t id)
{
    char name[32], v4[32], v6[32];

    snprintf(name, sizeof name, "n%d.x.", (int)id);
    snprintf(v4, sizeof v4, "100.64.0.%d", (int)id);
    snprintf(v6, sizeof v6, "fd7a::%d", (int)id);
    return named(id, name, v4, v6);
}

#endif
