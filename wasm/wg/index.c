#include "wg/index.h"

#include <stddef.h>

#include "base/bytes.h"
#include "base/host.h"

static void link_entry(struct wg_index_table *t, struct wg_index_entry *e)
{
    struct wg_index_entry **head = &t->bucket[e->index % WG_INDEX_BUCKETS];
    e->next = *head;
    *head = e;
}

void wg_index_insert(struct wg_index_table *t, struct wg_index_entry *e, enum wg_index_kind kind,
                     struct wg_peer *peer)
{
    uint8_t random[4];
    do {
        host_random(random, sizeof random);
        e->index = load_le32(random);
    } while (wg_index_find(t, e->index));
    e->kind = kind;
    e->peer = peer;
    link_entry(t, e);
}

void wg_index_remove(struct wg_index_table *t, struct wg_index_entry *e)
{
    if (e->kind == WG_INDEX_NONE)
        return;
    struct wg_index_entry **at = &t->bucket[e->index % WG_INDEX_BUCKETS];
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    e->kind = WG_INDEX_NONE;
    e->next = NULL;
}

void wg_index_move(struct wg_index_table *t, struct wg_index_entry *to, struct wg_index_entry *from,
                   enum wg_index_kind kind)
{
    wg_index_remove(t, from);
    to->kind = kind;
    to->index = from->index;
    to->peer = from->peer;
    link_entry(t, to);
}

struct wg_index_entry *wg_index_find(const struct wg_index_table *t, uint32_t index)
{
    struct wg_index_entry *e = t->bucket[index % WG_INDEX_BUCKETS];
    while (e && e->index != index)
        e = e->next;
    return e;
}
