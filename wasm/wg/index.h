/*
 * Sender indices (whitepaper 5.4.1): 32 random bits by which the far end names one of our handshakes
 * or keypairs. The entries live inside what they name; the table only chains them.
 */
#ifndef WG_INDEX_H
#define WG_INDEX_H

#include <stdint.h>

struct wg_peer;

enum wg_index_kind {
    WG_INDEX_NONE = 0, /* not in the table */
    WG_INDEX_INITIATION,
    WG_INDEX_KEYPAIR,
};

struct wg_index_entry {
    enum wg_index_kind kind;
    uint32_t index;
    struct wg_peer *peer;
    struct wg_index_entry *next;
};

/* Buckets, not a limit: chains stay short up to a few thousand peers. A power of two. */
enum { WG_INDEX_BUCKETS = 1024 };

struct wg_index_table {
    struct wg_index_entry *bucket[WG_INDEX_BUCKETS];
};

/* Gives *e a fresh index and puts it into the table, where it stays until removed. */
void wg_index_insert(struct wg_index_table *t, struct wg_index_entry *e, enum wg_index_kind kind,
                     struct wg_peer *peer);
/* Does nothing if *e is not in the table. */
void wg_index_remove(struct wg_index_table *t, struct wg_index_entry *e);
/* `to`, not in the table, takes the place and the index of `from`, which leaves it. */
void wg_index_move(struct wg_index_table *t, struct wg_index_entry *to, struct wg_index_entry *from,
                   enum wg_index_kind kind);
/* NULL if nothing has that index. */
struct wg_index_entry *wg_index_find(const struct wg_index_table *t, uint32_t index);

#endif
