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

#define CHECK_SLOTS(k, p, c, n) \
    (CHECK((k).previous == (p)), CHECK((k).current == (c)), CHECK((k).next == (n)), \
     CHECK_EQ(table_count(), ((p) != NULL) + ((c) != NULL) + ((n) != NULL)))

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
    CHECK_SLOTS(k, b, c, NULL); /* a is gone */
    CHECK(!wg_keypairs_received_with(&k, b, &table));
    CHECK(!wg_keypairs_received_with(&k, c, &table));
    CHECK_SLOTS(k, b, c, NULL);
    wg_keypairs_wipe(&k, &table);
    CHECK_EQ(table_count(), 0);
}

static void test_responder(void)
{
    struct wg_keypairs k = {0};
    struct wg_keypair *a = make(false, 0);
    wg_keypairs_add(&k, a, &table);
    CHECK_SLOTS(k, NULL, NULL, a); /* not to be sent with before it is confirmed */
    CHECK(wg_keypairs_received_with(&k, a, &table));
    CHECK_SLOTS(k, NULL, a, NULL);
    CHECK(!wg_keypairs_received_with(&k, a, &table));

    struct wg_keypair *b = make(false, 0);
    wg_keypairs_add(&k, b, &table);
    CHECK_SLOTS(k, NULL, a, b);
    struct wg_keypair *c = make(false, 0);
    wg_keypairs_add(&k, c, &table); /* the unconfirmed one gives way */
    CHECK_SLOTS(k, NULL, a, c);
    CHECK(!wg_keypairs_received_with(&k, a, &table));
    CHECK(wg_keypairs_received_with(&k, c, &table));
    CHECK_SLOTS(k, a, c, NULL);
    struct wg_keypair *d = make(false, 0);
    wg_keypairs_add(&k, d, &table); /* previous goes when next comes */
    CHECK_SLOTS(k, NULL, c, d);
    wg_keypairs_wipe(&k, &table);
}

static void test_both_at_once(void)
{
    struct wg_keypairs k = {0};
    struct wg_keypair *a = make(true, 0), *b = make(false, 0), *c = make(true, 0);
    wg_keypairs_add(&k, a, &table);
    wg_keypairs_add(&k, b, &table);
    wg_keypairs_add(&k, c, &table); /* our response came too: next may be in use, keep it */
    CHECK_SLOTS(k, b, c, NULL);
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
    test_usable();
    return TEST_DONE();
}
