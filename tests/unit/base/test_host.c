/* What reaches the injected calls: random bytes, cut log lines, the wall clock. */
#include "test.h"

#include "base/host.h"

static size_t random_len, log_len;
static int log_level, log_calls;
static char logged[1024];

static void fake_random(uint8_t *dst, size_t len)
{
    random_len = len;
    memset(dst, 0x5a, len);
}

static void fake_log(int level, const char *line, size_t len)
{
    log_calls++;
    log_level = level;
    log_len = len;
    memcpy(logged, line, len);
    logged[len] = '\0';
}

static void test_log_cut(void)
{
    static const struct {
        int number, ascii; /* this many ASCII characters, then the text */
        const char *text;
        size_t expect;
    } cases[] = {
        {1, 511, "x", 512},
        {2, 511, "xy", 512},
        {3, 510, "\xc3\xa9", 512},         /* fits exactly */
        {4, 511, "\xc3\xa9", 511},         /* two bytes, one fits */
        {5, 510, "\xe2\x82\xac", 510},     /* three bytes, two fit */
        {6, 509, "\xe2\x82\xac", 512},
        {7, 509, "\xf0\x9f\x92\xac", 509}, /* four bytes, three fit */
        {8, 508, "\xf0\x9f\x92\xac", 512},
        {9, 0, "", 0},
    };
    char ascii[600];

    memset(ascii, 'a', sizeof ascii);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        host_log(HOST_LOG_INFO, "%.*s%s", cases[i].ascii, ascii, cases[i].text);
        if (!CHECK_EQ(log_len, cases[i].expect))
            fprintf(stderr, "case %d\n", cases[i].number);
    }
}

int main(void)
{
    uint8_t bytes[7] = {0};

    host_init(&(struct host_calls){.random_bytes = fake_random});
    host_log(HOST_LOG_ERROR, "nobody listens");
    CHECK_EQ(log_calls, 0);

    host_init(&(struct host_calls){.random_bytes = fake_random, .log = fake_log});
    host_random(bytes, 6);
    CHECK_EQ(random_len, 6);
    CHECK_MEM(bytes, "\x5a\x5a\x5a\x5a\x5a\x5a\0", 7);
    host_log(HOST_LOG_DEBUG, "%s %d", "number", 42);
    CHECK_STR(logged, "number 42");
    CHECK_EQ(log_level, HOST_LOG_DEBUG);
    test_log_cut();

    CHECK_EQ(host_wall_ms(5), 5);
    host_set_wall_offset(1700000000000);
    CHECK_EQ(host_wall_ms(5), 1700000000005);
    host_set_wall_offset(-10);
    CHECK_EQ(host_wall_ms(5), -5);
    CHECK(earlier(3, NEVER) == 3 && earlier(NEVER, NEVER) == NEVER && earlier(4, 2) == 2);
    return TEST_DONE();
}
