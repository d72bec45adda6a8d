/* Addresses and prefixes in text (the C library as the twin), and IP headers. */
#include "test.h"

#include <arpa/inet.h>

#include "base/err.h"
#include "base/ipaddr.h"
#include "prng.h"

static int parse(struct ipaddr *out, const char *text)
{
    return ipaddr_parse(out, text, strlen(text));
}

static void test_text(void)
{
    static const struct {
        const char *text, *canonical; /* NULL: refused */
    } cases[] = {
        {"1.2.3.4", "1.2.3.4"},
        {"255.255.255.255", "255.255.255.255"},
        {"0.0.0.0", "0.0.0.0"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"fd7a:115c:a1e0::1", "fd7a:115c:a1e0::1"},
        {"FD7A:115C:A1E0:0:0:0:0:1", "fd7a:115c:a1e0::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
        {"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
        {"::1.2.3.4", "::102:304"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"00ab::000c", "ab::c"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"", NULL},
        {"1.2.3", NULL},
        {"1.2.3.4.5", NULL},
        {"1.2.3.256", NULL},
        {"01.2.3.4", NULL},
        {"1.2.3.4 ", NULL},
        {" 1.2.3.4", NULL},
        {"1..3.4", NULL},
        {"+1.2.3.4", NULL},
        {"1.2.3.", NULL},
        {":", NULL},
        {":::", NULL},
        {"1:", NULL},
        {":1", NULL},
        {"1::2::3", NULL},
        {"1:2:3:4:5:6:7", NULL},
        {"1:2:3:4:5:6:7:8:9", NULL},
        {"1:2:3:4:5:6:7:8::", NULL},
        {"::1:2:3:4:5:6:7:8", NULL},
        {"1:2:3:4::5:6:7:8", NULL},
        {"12345::", NULL},
        {"g::", NULL},
        {"fe80::1%eth0", NULL},
        {"1:2:3:4:5:6:7:1.2.3.4", NULL},
        {"::1.2.3", NULL},
        {"::1.2.3.4:5", NULL},
        {"1.2.3.4::", NULL},
        {"1:2:3:4:5:6:7:", NULL},
        {"::/0", NULL},
        {"1:2:3:4:5:6:7:8:", NULL},
        {"::1:", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ipaddr a;
        char text[IPADDR_TEXT_LEN];
        int rc = parse(&a, cases[i].text);

        if (!CHECK_EQ(rc, cases[i].canonical ? 0 : IPN_ERR_ARG))
            fprintf(stderr, "case %zu: %s\n", i, cases[i].text);
        if (rc < 0)
            continue;
        CHECK_EQ(ipaddr_format(text, &a), strlen(cases[i].canonical));
        CHECK_STR(text, cases[i].canonical);
    }
}

/* Random addresses with many zero groups: our text against inet_ntop's, and back. */
static void test_against_libc(void)
{
    for (int i = 0; i < 20000; i++) {
        struct ipaddr a = {.family = prng_below(4) ? 6 : 4}, back;
        char ours[IPADDR_TEXT_LEN], theirs[INET6_ADDRSTRLEN];
        size_t len;

        prng_fill(a.b, a.family == 4 ? 4 : 16);
        for (size_t group = 0; a.family == 6 && group < 8; group++)
            if (prng_below(2))
                memset(a.b + 2 * group, 0, prng_below(3));
        len = ipaddr_format(ours, &a);
        inet_ntop(a.family == 4 ? AF_INET : AF_INET6, a.b, theirs, sizeof theirs);
#ifdef __GLIBC__ /* others choose another of two equal runs of zeros than RFC 5952 4.2.3 */
        /* It writes ::1.2.3.4 for addresses that begin with 96 zero bits; nobody else does. */
        if (!(a.family == 6 && strchr(theirs, '.')))
            CHECK_STR(ours, theirs);
#endif
        CHECK_EQ(ipaddr_parse(&back, ours, len), 0);
        CHECK(ipaddr_equal(&a, &back));
        CHECK_EQ(parse(&back, theirs), 0);
        CHECK(ipaddr_equal(&a, &back));
    }
}

static void test_equal(void)
{
    struct ipaddr v4, v6, other;

    CHECK_EQ(parse(&v4, "1.2.3.4"), 0);
    CHECK_EQ(parse(&v6, "102:304::"), 0);
    CHECK_EQ(parse(&other, "1.2.3.5"), 0);
    CHECK(ipaddr_equal(&v4, &v4));
    CHECK(!ipaddr_equal(&v4, &v6));
    CHECK(!ipaddr_equal(&v4, &other));
}

static void test_prefixes(void)
{
    static const struct {
        const char *prefix, *inside, *outside;
    } cases[] = {
        {"100.64.0.0/10", "100.127.255.255", "100.128.0.0"},
        {"10.1.2.3", "10.1.2.3", "10.1.2.2"},
        {"10.1.2.3/32", "10.1.2.3", "10.1.2.2"},
        {"10.1.2.3/31", "10.1.2.2", "10.1.2.4"},
        {"0.0.0.0/0", "255.0.0.1", "::"},
        {"255.255.255.255/1", "128.0.0.0", "127.255.255.255"},
        {"::/0", "ffff::", "0.0.0.0"},
        {"fd7a:115c:a1e0::/48", "fd7a:115c:a1e0:ffff::1", "fd7a:115c:a1e1::"},
        {"fd7a:115c:a1e0::5", "fd7a:115c:a1e0::5", "fd7a:115c:a1e0::4"},
        {"fd7a:115c:a1e0::5/127", "fd7a:115c:a1e0::4", "fd7a:115c:a1e0::6"},
    };
    static const char *const refused[] = {
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0.0/-1",
        "10.0.0.0/8 ",
        "::/129",
        "10.0.0.0/8/8",
        "10.0.0.0/4294967297",
        "10.0.0/8",
        "10.0.0.0/a",
    };
    struct ipprefix p;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ipaddr inside, outside;

        CHECK_EQ(ipprefix_parse(&p, cases[i].prefix, strlen(cases[i].prefix)), 0);
        CHECK_EQ(parse(&inside, cases[i].inside), 0);
        CHECK_EQ(parse(&outside, cases[i].outside), 0);
        if (!CHECK(ipprefix_contains(&p, &inside)) || !CHECK(!ipprefix_contains(&p, &outside)))
            fprintf(stderr, "case %zu\n", i);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (!CHECK_EQ(ipprefix_parse(&p, refused[i], strlen(refused[i])), IPN_ERR_ARG))
            fprintf(stderr, "refused %zu\n", i);
}

/* Bit by bit, as slowly as possible. */
static bool twin_contains(const struct ipprefix *p, const struct ipaddr *a)
{
    for (unsigned i = 0; i < p->bits; i++)
        if ((p->addr.b[i / 8] ^ a->b[i / 8]) & 0x80 >> i % 8)
            return false;
    return p->addr.family == a->family;
}

static void test_contains_against_twin(void)
{
    int inside = 0;

    for (int i = 0; i < 20000; i++) {
        uint8_t family = prng_below(2) ? 4 : 6;
        size_t bits = family == 4 ? 32 : 128;
        struct ipprefix p = {.addr.family = family, .bits = (uint8_t)prng_below(bits + 1)};
        struct ipaddr a;

        prng_fill(p.addr.b, bits / 8);
        a = p.addr;
        if (prng_below(4)) {
            size_t flip = prng_below(bits);

            a.b[flip / 8] ^= (uint8_t)(0x80 >> flip % 8);
        }
        CHECK_EQ(ipprefix_contains(&p, &a), twin_contains(&p, &a));
        inside += ipprefix_contains(&p, &a);
    }
    CHECK(inside > 1000 && inside < 19000);
}

static void test_packets(void)
{
    uint8_t v4[64] = {0x45, [3] = 40, [12] = 10, 0, 0, 1, 10, 0, 0, 2};
    uint8_t v6[64] = {0x60, [5] = 10, [8] = 0xfd, [23] = 1, [24] = 0xfd, [39] = 2};
    struct ipaddr src, dst, expect;
    size_t total = 0;

    CHECK(ip_packet_parse(&src, &dst, &total, v4, sizeof v4));
    CHECK_EQ(total, 40);
    CHECK_EQ(parse(&expect, "10.0.0.1"), 0);
    CHECK(ipaddr_equal(&src, &expect));
    CHECK_EQ(parse(&expect, "10.0.0.2"), 0);
    CHECK(ipaddr_equal(&dst, &expect));
    CHECK(ip_packet_parse(&src, &dst, &total, v4, 40));
    CHECK(!ip_packet_parse(&src, &dst, &total, v4, 39)); /* length field over the packet */
    v4[3] = 20;
    CHECK(ip_packet_parse(&src, &dst, &total, v4, 20));
    CHECK(!ip_packet_parse(&src, &dst, &total, v4, 19));
    v4[3] = 19; /* length field under the header */
    CHECK(!ip_packet_parse(&src, &dst, &total, v4, sizeof v4));
    v4[0] = 0x44; /* header under 20 bytes */
    CHECK(!ip_packet_parse(&src, &dst, &total, v4, sizeof v4));
    v4[0] = 0x46; /* options */
    v4[3] = 23;
    CHECK(!ip_packet_parse(&src, &dst, &total, v4, sizeof v4));
    v4[3] = 24;
    CHECK(ip_packet_parse(&src, &dst, &total, v4, sizeof v4));

    CHECK(ip_packet_parse(&src, &dst, &total, v6, sizeof v6));
    CHECK_EQ(total, 50);
    CHECK_EQ(parse(&expect, "fd00::1"), 0);
    CHECK(ipaddr_equal(&src, &expect));
    CHECK_EQ(parse(&expect, "fd00::2"), 0);
    CHECK(ipaddr_equal(&dst, &expect));
    CHECK(ip_packet_parse(&src, &dst, &total, v6, 50));
    CHECK(!ip_packet_parse(&src, &dst, &total, v6, 49));
    CHECK(!ip_packet_parse(&src, &dst, &total, v6, 39));
    v6[0] = 0x50;
    CHECK(!ip_packet_parse(&src, &dst, &total, v6, sizeof v6));
    CHECK(!ip_packet_parse(&src, &dst, &total, v6, 0));
}

int main(void)
{
    prng_init(5);
    test_text();
    test_against_libc();
    test_equal();
    test_prefixes();
    test_contains_against_twin();
    test_packets();
    return TEST_DONE();
}
