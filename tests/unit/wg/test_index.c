/* The index table: unique, findable, and an index moves with what it names. */
#include "test.h"

#include "wg/index.h"

#include "scripted_random.h"

enum { ENTRIES = 5000 };

static struct wg_index_table table;
static struct wg_index_entry entries[ENTRIES];
static void test_collision(void)
{
    /* The second draw repeats the first: it has to be drawn again. */
    static const uint8_t draws[12] = {1, 2, 3, 4, 1, 2, 3, 4, 9, 9, 9, 9};
    struct wg_index_entry a = {0}, b = {0};
    scripted_init();
    scripted_push(draws, sizeof draws);
    wg_index_insert(&table, &a, WG_INDEX_KEYPAIR, NULL);
    wg_index_insert(&table, &b, WG_INDEX_INITIATION, NULL);
    CHECK_EQ(a.index, 0x04030201);
    CHECK_EQ(b.index, 0x09090909);
    struct wg_index_entry c = {0};
    wg_index_move(&table, &c, &b, WG_INDEX_KEYPAIR);
    CHECK(wg_index_find(&table, 0x09090909) == &c);
    CHECK_EQ(c.kind, WG_INDEX_KEYPAIR);
    CHECK_EQ(b.kind, WG_INDEX_NONE);
    wg_index_remove(&table, &b); /* nothing */
    CHECK(wg_index_find(&table, 0x09090909) == &c);
    wg_index_remove(&table, &c);
    wg_index_remove(&table, &a);
    CHECK(wg_index_find(&table, 0x09090909) == NULL);
    CHECK(wg_index_find(&table, 0x04030201) == NULL);
}

static void test_many(void)
{
    for (int i = 0; i < ENTRIES; i++)
        wg_index_insert(&table, &entries[i], WG_INDEX_KEYPAIR, NULL);
    for (int i = 0; i < ENTRIES; i++)
        CHECK(wg_index_find(&table, entries[i].index) == &entries[i]);
    for (int i = 0; i < ENTRIES; i += 2)
        wg_index_remove(&table, &entries[i]);
    for (int i = 0; i < ENTRIES; i++)
        CHECK(wg_index_find(&table, entries[i].index) == (i % 2 ? &entries[i] : NULL));
    for (int i = 1; i < ENTRIES; i += 2)
        wg_index_remove(&table, &entries[i]);
    for (int i = 0; i < WG_INDEX_BUCKETS; i++)
        CHECK(table.bucket[i] == NULL);
}

int main(void)
{
    test_collision();
    test_many();
    return TEST_DONE();
}
