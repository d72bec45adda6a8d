#include "wg/allowedips.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct wg_allowed_node {
    uint8_t bits;   /* length of the prefix */
    uint8_t key[16]; /* the prefix, host bits zero */
    struct wg_allowed_node *parent, *child[2];
    struct wg_allowed_owner *owner; /* NULL: only a fork */
    struct wg_allowed_node *owner_prev, *owner_next;
};

static unsigned bit_at(const uint8_t key[16], unsigned i)
{
    return key[i / 8] >> (7 - i % 8) & 1u;
}

/* How many of the first max bits two keys have in common. */
static unsigned common_bits(const uint8_t a[16], const uint8_t b[16], unsigned max)
{
    unsigned n = 0;
    while (n + 8 <= max && a[n / 8] == b[n / 8])
        n += 8;
    while (n < max && bit_at(a, n) == bit_at(b, n))
        n++;
    return n;
}

static void mask_key(uint8_t out[16], const uint8_t key[16], unsigned bits)
{
    memset(out, 0, 16);
    memcpy(out, key, bits / 8);
    if (bits % 8)
        out[bits / 8] = (uint8_t)(key[bits / 8] & (0xff00u >> (bits % 8)));
}

static struct wg_allowed_node *node_new(const uint8_t key[16], unsigned bits)
{
    struct wg_allowed_node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->bits = (uint8_t)bits;
    mask_key(node->key, key, bits);
    return node;
}

static void owner_unlink(struct wg_allowed_node *node)
{
    if (!node->owner)
        return;
    if (node->owner_prev)
        node->owner_prev->owner_next = node->owner_next;
    else
        node->owner->first = node->owner_next;
    if (node->owner_next)
        node->owner_next->owner_prev = node->owner_prev;
    node->owner->count--;
    node->owner = NULL;
    node->owner_prev = node->owner_next = NULL;
}

static void owner_link(struct wg_allowed_node *node, struct wg_allowed_owner *owner)
{
    owner_unlink(node);
    node->owner = owner;
    node->owner_next = owner->first;
    if (owner->first)
        owner->first->owner_prev = node;
    owner->first = node;
    owner->count++;
}

static void attach(struct wg_allowed_node *parent, struct wg_allowed_node *node)
{
    parent->child[bit_at(node->key, parent->bits)] = node;
    node->parent = parent;
}

/* Puts `node` where `old` was. */
static void replace(struct wg_allowed_node **root, struct wg_allowed_node *old,
                    struct wg_allowed_node *node)
{
    struct wg_allowed_node *parent = old->parent;
    if (!parent)
        *root = node;
    else
        parent->child[parent->child[1] == old] = node;
    if (node)
        node->parent = parent;
}

/* A new leaf beside or above `at`, which it shares `common` bits with. */
static int insert_split(struct wg_allowed_node **root, struct wg_allowed_node *at,
                        struct wg_allowed_node *leaf, unsigned common)
{
    if (common == leaf->bits) { /* the new prefix contains `at` */
        replace(root, at, leaf);
        attach(leaf, at);
        return 0;
    }
    struct wg_allowed_node *fork = node_new(leaf->key, common);
    if (!fork)
        return IPN_ERR_NOMEM;
    replace(root, at, fork);
    attach(fork, at);
    attach(fork, leaf);
    return 0;
}

int wg_allowedips_insert(struct wg_allowedips *t, const struct ipprefix *prefix,
                         struct wg_allowed_owner *owner)
{
    bool v4 = prefix->addr.family == 4;
    unsigned bits = prefix->bits;
    if ((!v4 && prefix->addr.family != 6) || bits > (v4 ? 32u : 128u))
        return IPN_ERR_ARG;
    struct wg_allowed_node **root = v4 ? &t->root4 : &t->root6;
    struct wg_allowed_node *parent = NULL, *at = *root;
    unsigned common = 0;
    while (at) {
        common = common_bits(at->key, prefix->addr.b, at->bits < bits ? at->bits : bits);
        if (common < at->bits || at->bits == bits)
            break;
        parent = at;
        at = at->child[bit_at(prefix->addr.b, at->bits)];
    }
    if (at && at->bits == bits && common == bits) {
        owner_link(at, owner);
        return 0;
    }
    struct wg_allowed_node *leaf = node_new(prefix->addr.b, bits);
    if (!leaf)
        return IPN_ERR_NOMEM;
    if (at) {
        int err = insert_split(root, at, leaf, common);
        if (err < 0) {
            free(leaf);
            return err;
        }
    } else if (parent) {
        attach(parent, leaf);
    } else {
        *root = leaf;
    }
    owner_link(leaf, owner);
    return 0;
}

/* Frees nodes that neither own nor fork, from `node` upwards. */
static void prune(struct wg_allowed_node **root, struct wg_allowed_node *node)
{
    while (node && !node->owner && !(node->child[0] && node->child[1])) {
        struct wg_allowed_node *parent = node->parent;
        replace(root, node, node->child[0] ? node->child[0] : node->child[1]);
        free(node);
        node = parent;
    }
}

void wg_allowedips_remove(struct wg_allowedips *t, struct wg_allowed_owner *owner)
{
    while (owner->first) {
        struct wg_allowed_node *node = owner->first, *top = node;
        while (top->parent)
            top = top->parent;
        owner_unlink(node);
        prune(top == t->root4 ? &t->root4 : &t->root6, node);
    }
}

struct wg_allowed_owner *wg_allowedips_find(const struct wg_allowedips *t, uint8_t *bits,
                                            const struct ipaddr *addr)
{
    unsigned max = addr->family == 4 ? 32 : 128;
    const struct wg_allowed_node *node = addr->family == 4   ? t->root4
                                         : addr->family == 6 ? t->root6
                                                             : NULL;
    struct wg_allowed_owner *best = NULL;
    while (node && common_bits(node->key, addr->b, node->bits) == node->bits) {
        if (node->owner) {
            best = node->owner;
            *bits = node->bits;
        }
        if (node->bits == max)
            break;
        node = node->child[bit_at(addr->b, node->bits)];
    }
    return best;
}
