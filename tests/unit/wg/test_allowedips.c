/* The trie against a list: the same prefixes, the same answers. */
#include "test.h"

#include <stdlib.h>

#include "base/err.h"
#include "wg/allowedips.h"

enum { OWNERS = 40, LIST_CAP = 4000 };

static struct wg_allowed_owner owners[OWNERS];
static struct {
    struct ipprefix prefix;
    int owner; /* -1: removed */
} list[LIST_CAP];
static size_t list_len;

static struct ipprefix prefix_of(const char *text)
{
    struct ipprefix p;
    if (ipprefix_parse(&p, text, strlen(text)) != 0)
        abort();
    return p;
}

static int find(const struct wg_allowedips *t, const char *text, uint8_t *bits)
{
    struct ipaddr a;
    if (ipaddr_parse(&a, text, strlen(text)) != 0)
        abort();
    struct wg_allowed_owner *o = wg_allowedips_find(t, bits, &a);
    return o ? (int)(o - owners) : -1;
}

static void test_table(void)
{
    static const struct {
        const char *prefix;
        int owner;
    } prefixes[] = {
        {"0.0.0.0/0", 0},     {"100.64.0.0/10", 1},         {"100.64.0.1/32", 2},
        {"100.64.0.2/32", 3}, {"192.168.4.0/24", 4},        {"192.168.4.128/25", 5},
        {"::/0", 6},          {"fd7a:115c:a1e0::1/128", 7}, {"fd7a:115c:a1e0::/48", 8},
        {"100.64.0.2/32", 9}, /* takes it from 3 */
    };
    static const struct {
        int number;
        const char *addr;
        int owner, bits;
    } cases[] = {
        {1, "8.8.8.8", 0, 0},
        {2, "100.64.0.0", 1, 10},
        {3, "100.64.0.1", 2, 32},
        {4, "100.64.0.2", 9, 32},
        {5, "100.127.255.255", 1, 10},
        {6, "100.128.0.0", 0, 0},
        {7, "192.168.4.127", 4, 24},
        {8, "192.168.4.128", 5, 25},
        {9, "192.168.5.1", 0, 0},
        {10, "fd7a:115c:a1e0::1", 7, 128},
        {11, "fd7a:115c:a1e0::2", 8, 48},
        {12, "fd7a:115c:a1e1::", 6, 0},
        {13, "::1", 6, 0},
    };
    struct wg_allowedips t = {0};
    uint8_t bits = 0;
    CHECK_EQ(find(&t, "1.2.3.4", &bits), -1);
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        struct ipprefix p = prefix_of(prefixes[i].prefix);
        CHECK_EQ(wg_allowedips_insert(&t, &p, &owners[prefixes[i].owner]), 0);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool ok = CHECK_EQ(find(&t, cases[i].addr, &bits), cases[i].owner);
        if (!(CHECK_EQ(bits, cases[i].bits) && ok))
            fprintf(stderr, "    case %d\n", cases[i].number);
    }
    CHECK_EQ(owners[3].count, 0);
    wg_allowedips_remove(&t, &owners[2]);
    CHECK_EQ(find(&t, "100.64.0.1", &bits), 1);
    wg_allowedips_remove(&t, &owners[0]);
    CHECK_EQ(find(&t, "8.8.8.8", &bits), -1);
    for (int i = 0; i < OWNERS; i++)
        wg_allowedips_remove(&t, &owners[i]);
    CHECK(t.root4 == NULL);
    CHECK(t.root6 == NULL);
}

static void test_arguments(void)
{
    struct wg_allowedips t = {0};
    struct ipaddr nothing = {0};
    struct ipprefix p = prefix_of("1.2.3.4/32");
    uint8_t bits = 0;
    p.bits = 33;
    CHECK_EQ(wg_allowedips_insert(&t, &p, &owners[0]), IPN_ERR_ARG);
    p = prefix_of("::1/128");
    p.bits = 129;
    CHECK_EQ(wg_allowedips_insert(&t, &p, &owners[0]), IPN_ERR_ARG);
    p.addr.family = 0;
    CHECK_EQ(wg_allowedips_insert(&t, &p, &owners[0]), IPN_ERR_ARG);
    CHECK_EQ(owners[0].count, 0);
    CHECK(wg_allowedips_find(&t, &bits, &nothing) == NULL);
    p = prefix_of("10.1.2.3/32"); /* host bits are ignored */
    p.bits = 8;
    CHECK_EQ(wg_allowedips_insert(&t, &p, &owners[1]), 0);
    CHECK_EQ(find(&t, "10.200.0.1", &bits), 1);
    CHECK_EQ(bits, 8);
    wg_allowedips_remove(&t, &owners[1]);
}

/* Addresses close to each other, so that prefixes nest. */
static void random_addr(struct ipaddr *a, bool v6)
{
    memset(a, 0, sizeof *a);
    a->family = v6 ? 6 : 4;
    for (int i = 0; i < (v6 ? 16 : 4); i++)
        a->b[i] = (uint8_t)(rand() % 4 == 0 ? rand() : rand() % 2 * 128);
}

static void list_insert(const struct ipprefix *p, int owner)
{
    for (size_t i = 0; i < list_len; i++)
        if (list[i].prefix.bits == p->bits && list[i].prefix.addr.family == p->addr.family &&
            ipprefix_contains(&list[i].prefix, &p->addr))
            list[i].owner = -1;
    list[list_len].prefix = *p;
    list[list_len++].owner = owner;
}

static int list_find(const struct ipaddr *a, uint8_t *bits)
{
    int best = -1;
    *bits = 0;
    for (size_t i = 0; i < list_len; i++) {
        if (list[i].owner >= 0 && ipprefix_contains(&list[i].prefix, a) &&
            (best < 0 || list[i].prefix.bits >= *bits)) {
            best = list[i].owner;
            *bits = list[i].prefix.bits;
        }
    }
    return best;
}

static void compare(const struct wg_allowedips *t, int times)
{
    for (int i = 0; i < times; i++) {
        struct ipaddr a;
        uint8_t bits = 0, expected_bits;
        random_addr(&a, rand() % 2);
        struct wg_allowed_owner *o = wg_allowedips_find(t, &bits, &a);
        CHECK_EQ(o ? (int)(o - owners) : -1, list_find(&a, &expected_bits));
        if (o)
            CHECK_EQ(bits, expected_bits);
    }
}

static void test_twin(unsigned seed)
{
    struct wg_allowedips t = {0};
    srand(seed);
    printf("seed %u\n", seed);
    list_len = 0;
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < LIST_CAP / 40; i++) {
            bool v6 = rand() % 2;
            struct ipprefix p;
            int owner = rand() % OWNERS;
            random_addr(&p.addr, v6);
            p.bits = (uint8_t)(rand() % (v6 ? 129 : 33));
            CHECK_EQ(wg_allowedips_insert(&t, &p, &owners[owner]), 0);
            list_insert(&p, owner);
        }
        compare(&t, 60);
        int gone = rand() % OWNERS;
        wg_allowedips_remove(&t, &owners[gone]);
        CHECK_EQ(owners[gone].count, 0);
        for (size_t i = 0; i < list_len; i++)
            if (list[i].owner == gone)
                list[i].owner = -1;
        compare(&t, 60);
    }
    for (int i = 0; i < OWNERS; i++)
        wg_allowedips_remove(&t, &owners[i]);
    CHECK(t.root4 == NULL);
    CHECK(t.root6 == NULL);
}

int main(void)
{
    test_table();
    test_arguments();
    for (unsigned seed = 1; seed <= 3; seed++)
        test_twin(seed);
    return TEST_DONE();
}
