/* The rotation of previous, current and next, as the reference implementations do it. */
#include "test.h"

#include "base/bytes.h"
#include "wg/keypair.h"

#include "scripted_random.h"

static struct wg_index_table table;

static struct wg_keypair *make(bool is_initiator, uint64_t now_ms)
{
    static const uint8_t remote[4] = {1, 2, 3, 4};
    struct wg_keypair *kp = wg_keypair_new(remote, is_initiator, now_ms);
    wg_index_insert(&table, &kp->entry, WG_INDEX_KEYPAIR, NULL);
    return kp;
}

static size_t table_count(void)
{
    size_t n = 0;
    for (int i = 0; i < WG_INDEX_BUCKETS; i++)
        for (struct wg_index_entry *e = table.bucket[i]; e; e = e->next)
            n++;
    return n;
}

static size_t retired_count(const struct wg_keypairs *k)
{
    size_t n = 0;
    for (int i = 0; i < WG_KEYPAIRS_RETIRED; i++)
        n += k->retired[i] != NULL;
    return n;
}

/* What is in no slot is retired; what is in none of both is not in the table. */
#define CHECK_SLOTS(k, p, c, n, retired_ones)                                       \
    (CHECK((k).previous == (p)), CHECK((k).current == (c)), CHECK((k).next == (n)), \
     CHECK_EQ(retired_count(&(k)), retired_ones),                                   \
     CHECK_EQ(table_count(), ((p) != NULL) + ((c) != NULL) + ((n) != NULL) + (retired_ones)))

static void test_initiator(void)
{
    struct wg_keypairs k = {0};
    struct wg_keypair *a = make(true, 0), *b = make(true, 0), *c = make(true, 0);
    CHECK_EQ(table_count(), 3);
    wg_keypairs_add(&k, a, &table);
    CHECK(k.current == a);
    wg_keypairs_add(&k, b, &table);
    CHECK(k.previous == a);
    wg_keypairs_add(&k, c, &table);
    CHECK_SLOTS(k, b, c, NULL, 1);
    CHECK(!wg_keypairs_received_with(&k, b, &table));
    CHECK(!wg_keypairs_received_with(&k, c, &table));
    CHECK_SLOTS(k, b, c, NULL, 1);
    wg_keypairs_wipe_retired(&k, &table);
    CHECK_SLOTS(k, b, c, NULL, 0);
    wg_keypairs_wipe(&k, &table);
    CHECK_EQ(table_count(), 0);
}

static void test_responder(void)
{
    struct wg_keypairs k = {0};
    struct wg_keypair *a = make(false, 0);
    wg_keypairs_add(&k, a, &table);
    CHECK_SLOTS(k, NULL, NULL, a, 0); /* not to be sent with before it is confirmed */
    CHECK(wg_keypairs_received_with(&k, a, &table));
    CHECK_SLOTS(k, NULL, a, NULL, 0);
    CHECK(!wg_keypairs_received_with(&k, a, &table));

    struct wg_keypair *b = make(false, 0);
    wg_keypairs_add(&k, b, &table);
    CHECK_SLOTS(k, NULL, a, b, 0);
    struct wg_keypair *c = make(false, 0);
    wg_keypairs_add(&k, c, &table); /* the unconfirmed one gives way */
    CHECK_SLOTS(k, NULL, a, c, 1);
    CHECK(!wg_keypairs_received_with(&k, a, &table));
    CHECK(wg_keypairs_received_with(&k, c, &table));
    CHECK_SLOTS(k, a, c, NULL, 1);
    struct wg_keypair *d = make(false, 0);
    wg_keypairs_add(&k, d, &table); /* previous goes when next comes */
    CHECK_SLOTS(k, NULL, c, d, 2);
    wg_keypairs_wipe(&k, &table);
}

static void test_both_at_once(void)
{
    struct wg_keypairs k = {0};
    struct wg_keypair *a = make(true, 0), *b = make(false, 0), *c = make(true, 0);
    wg_keypairs_add(&k, a, &table);
    wg_keypairs_add(&k, b, &table);
    wg_keypairs_add(&k, c, &table); /* our response came too: next may be in use, keep it */
    CHECK_SLOTS(k, b, c, NULL, 1);
    wg_keypairs_wipe(&k, &table);
    CHECK_EQ(table_count(), 0);
}

/* A retired keypair that is heard is in use at the far end. */
static void test_retired(void)
{
    struct wg_keypairs k = {0};
    struct wg_keypair *a = make(false, 10), *b = make(false, 20);
    wg_keypairs_add(&k, a, &table);
    wg_keypairs_add(&k, b, &table);
    CHECK_SLOTS(k, NULL, NULL, b, 1);
    CHECK(wg_keypairs_received_with(&k, a, &table)); /* better than none */
    CHECK_SLOTS(k, NULL, a, b, 0);
    struct wg_keypair *c = make(true, 30);
    wg_keypairs_add(&k, c, &table);
    CHECK_SLOTS(k, b, c, NULL, 1);
    CHECK(!wg_keypairs_received_with(&k, a, &table)); /* older than current: kept beside it */
    CHECK_SLOTS(k, a, c, NULL, 1);
    struct wg_keypair *d = make(false, 40), *e = make(false, 50);
    wg_keypairs_add(&k, d, &table);
    wg_keypairs_add(&k, e, &table);
    CHECK_SLOTS(k, NULL, c, e, 3);
    CHECK(wg_keypairs_received_with(&k, d, &table)); /* newer: confirmed after all */
    CHECK_SLOTS(k, c, d, e, 2);
    for (int i = 0; i < 3 * WG_KEYPAIRS_RETIRED; i++)
        wg_keypairs_add(&k, make(i % 2, 60), &table);
    CHECK_EQ(retired_count(&k), WG_KEYPAIRS_RETIRED);
    CHECK(table_count() <= WG_KEYPAIRS_RETIRED + 3);
    wg_keypairs_wipe(&k, &table);
    CHECK_EQ(table_count(), 0);
}

static void test_usable(void)
{
    static const struct {
        int number;
        uint64_t counter, now_ms;
        bool usable, fresh;
    } cases[] = {
        {1, 0, 1000, true, true},
        {2, 0, 1000 + REJECT_AFTER_TIME_MS - 1, true, true},
        {3, 0, 1000 + REJECT_AFTER_TIME_MS, false, false},
        {4, REJECT_AFTER_MESSAGES - 1, 1000, true, true},
        {5, REJECT_AFTER_MESSAGES, 1000, false, true},
        {6, UINT64_MAX, 1000, false, true},
    };
    struct wg_keypair *kp = make(true, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kp->send_counter = cases[i].counter;
        bool ok = CHECK_EQ(wg_keypair_usable(kp, cases[i].now_ms), cases[i].usable);
        if (!(CHECK_EQ(wg_keypair_fresh(kp, cases[i].now_ms), cases[i].fresh) && ok))
            fprintf(stderr, "    case %d\n", cases[i].number);
    }
    CHECK(!wg_keypair_usable(NULL, 0));
    CHECK(!wg_keypair_fresh(NULL, 0));
    wg_keypair_free(kp, &table);
    wg_keypair_free(NULL, &table);
}

int main(void)
{
    scripted_init();
    test_initiator();
    test_responder();
    test_both_at_once();
    test_retired();
    test_usable();
    return TEST_DONE();
}
