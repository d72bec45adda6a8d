/* TSMP messages; the bytes of the rejects are those that tailscale's Marshal writes. */
#include "netstack/tsmp.h"

#include <stdlib.h>

#include "test.h"

static const struct {
    int number;
    const char *payload;
    size_t len;
    bool ok;
    struct tsmp_reject want;
} rejects[] = {
    {1,
     "!\x06"
     "A\xc0\x01\x00\x16",
     7,
     true,
     {6, 'A', 0xc001, 22, false}},
    {2,
     "!\x06"
     "S\x80\x00\x1f\x90\x00",
     8,
     true,
     {6, 'S', 0x8000, 8080, false}},
    {3,
     "!\x11"
     "W\x00\x01\xff\xff\x01",
     8,
     true,
     {17, 'W', 1, 65535, true}},
    {4,
     "!\x06"
     "F\x00\x01\x00\x02\xfe",
     8,
     true,
     {6, 'F', 1, 2, false}},
    {5,
     "!\x06"
     "A\xc0\x01\x00\x16\x01zz",
     10,
     true,
     {6, 'A', 0xc001, 22, true}},
    {6,
     "!\x06"
     "A\xc0\x01\x00",
     6,
     false,
     {0}},
    {7,
     "p\x06"
     "A\xc0\x01\x00\x16",
     7,
     false,
     {0}},
    {8, "", 0, false, {0}},
};

static void test_rejects(void)
{
    for (size_t i = 0; i < sizeof rejects / sizeof *rejects; i++) {
        struct tsmp_reject r;
        uint8_t *exact = malloc(rejects[i].len + 1); /* a read past the end shows */
        bool ok;

        memcpy(exact + 1, rejects[i].payload, rejects[i].len);
        ok = tsmp_reject_parse(&r, exact + 1, rejects[i].len);
        if (!CHECK_EQ(ok, rejects[i].ok))
            fprintf(stderr, "    case %d\n", rejects[i].number);
        if (ok && rejects[i].ok) {
            CHECK_EQ(r.ip_proto, rejects[i].want.ip_proto);
            CHECK_EQ(r.reason, rejects[i].want.reason);
            CHECK_EQ(r.our_port, rejects[i].want.our_port);
            CHECK_EQ(r.their_port, rejects[i].want.their_port);
            CHECK_EQ(r.maybe_broken, rejects[i].want.maybe_broken);
        }
        free(exact);
    }
}

static void test_pong(void)
{
    static const struct ipaddr a4 = {4, {100, 64, 0, 1}}, b4 = {4, {100, 64, 0, 2}};
    static const struct ipaddr a6 = {6, {0xfd, 0x7a, [15] = 1}}, b6 = {6, {0xfd, 0x7a, [15] = 2}};
    static const uint8_t want4[31] = {0x45, 0,   0,   31,  0,   0,   0x40, 0, 64, 99,  0x71,
                                      0xf9, 100, 64,  0,   1,   100, 64,   0, 2,  'o', '1',
                                      '2',  '3', '4', '5', '6', '7', '8',  0, 0};
    static const uint8_t want6_head[8] = {0x60, 0, 0, 0, 0, 11, 99, 64};
    static const uint8_t ping[] = "p12345678";
    uint8_t out[TSMP_PONG_MAX_LEN];

    CHECK_EQ(tsmp_pong_create(out, &a4, &b4, ping, 9), 31);
    CHECK_MEM(out, want4, 31);
    CHECK_EQ(tsmp_pong_create(out, &a6, &b6, ping, 9), 51);
    CHECK_MEM(out, want6_head, 8);
    CHECK_MEM(out + 8, a6.b, 16);
    CHECK_MEM(out + 24, b6.b, 16);
    CHECK_MEM(out + 40, want4 + 20, 11);
    CHECK_EQ(tsmp_pong_create(out, &a4, &b4, ping, 8), 0);
    CHECK_EQ(tsmp_pong_create(out, &a4, &b6, ping, 9), 0);
    CHECK_EQ(tsmp_pong_create(out, &a4, &b4, (const uint8_t *)"o12345678", 9), 0);
}

int main(void)
{
    test_rejects();
    test_pong();
    return TEST_DONE();
}
