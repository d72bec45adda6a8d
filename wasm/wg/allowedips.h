/*
 * Cryptokey routing (whitepaper 2): which peer owns an address. A binary trie with compressed
 * paths for each family; the deepest node on an address's path that has an owner wins.
 *
 *            0.0.0.0/0 (exit node)
 *                |
 *            100.64.0.0/13  (a fork, owned by nobody)
 *            /            \
 *     100.64.0.1/32    100.68.2.0/24
 *
 * At most 2n - 1 nodes for n prefixes; look-ups and changes take at most 33 or 129 steps.
 */
#ifndef WG_ALLOWEDIPS_H
#define WG_ALLOWEDIPS_H

#include "base/ipaddr.h"

struct wg_allowed_node;

/* Embedded in a peer: the prefixes it owns. Zero it before the first use. */
struct wg_allowed_owner {
    struct wg_allowed_node *first;
    size_t count;
};

struct wg_allowedips {
    struct wg_allowed_node *root4, *root6;
};

/* Makes owner the owner of that prefix, whoever had it before (host bits are ignored).
 * 0, IPN_ERR_ARG, IPN_ERR_NOMEM with nothing changed. */
int wg_allowedips_insert(struct wg_allowedips *t, const struct ipprefix *prefix,
                         struct wg_allowed_owner *owner);

/* Takes away every prefix of that owner. */
void wg_allowedips_remove(struct wg_allowedips *t, struct wg_allowed_owner *owner);

/* The owner of the longest prefix with that address, and the prefix's length; NULL if none. */
struct wg_allowed_owner *wg_allowedips_find(const struct wg_allowedips *t, uint8_t *bits,
                                            const struct ipaddr *addr);

#endif
