/*
 * A server that breaks the protocol: whatever it sends, every request has one DONE, there is one
 * sentence, and nothing is sent any more.
 */
#include <stdlib.h>

#include "prng.h"
#include "support/sftp/sftp_script.h"
#include "test.h"

enum { READ = 1, WRITE, LIST, STAT, LINK, COUNT = LINK };

/* One request of each kind is under way: handles are given, READ and WRITE and READDIR are out. */
static struct script *busy(void)
{
    static const enum ssh_sftp_op ops[] = {SSH_SFTP_READ, SSH_SFTP_WRITE, SSH_SFTP_LIST,
                                           SSH_SFTP_STAT, SSH_SFTP_READLINK};
    struct script *s = script_new();
    struct ssh_event ev;
    struct asked *a;

    script_pull(s);
    script_version(s, true);
    CHECK(ssh_sftp_next(s->sf, &ev) && ev.type == SSH_EVENT_OPEN);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct ssh_sftp_request q = {
            .request = i + 1, .op = ops[i], .path = "f", .flags = i == 1 ? SSH_SFTP_CREATE : 0};

        CHECK_EQ(ssh_sftp_request(s->sf, &q), 0);
    }
    script_pull(s);
    while ((a = script_find(s, FXP_OPEN)) || (a = script_find(s, FXP_OPENDIR)))
        script_handle(s, a, "h");
    CHECK_EQ(ssh_sftp_write(s->sf, WRITE, (const uint8_t *)"abc", 3), 3);
    script_pull(s);
    CHECK_EQ(script_waiting(s, 0), 6);
    return s;
}

/* All is over, and was told once. */
static void check_over(struct script *s)
{
    unsigned done[COUNT + 1] = {0}, errors = 0;
    struct ssh_event ev;

    while (ssh_sftp_next(s->sf, &ev)) {
        if (ev.type == SSH_EVENT_SFTP_DONE) {
            CHECK(ev.code < 0 && ev.text.len > 10 && ev.text.data[ev.text.len - 1] == '.');
            done[ev.request]++;
        } else if (CHECK(ev.type == SSH_EVENT_ERROR || ev.type == SSH_EVENT_SFTP_ATTRS)) {
            errors += ev.type == SSH_EVENT_ERROR;
        }
    }
    for (uint32_t i = 1; i <= COUNT; i++)
        CHECK_EQ(done[i], 1);
    CHECK_EQ(errors, 1);
    CHECK(!ssh_sftp_output(s->sf).len);
    CHECK(!ssh_sftp_input(s->sf, (const uint8_t *)"more", 4));
    CHECK_EQ(ssh_sftp_write(s->sf, WRITE, (const uint8_t *)"abc", 3), IPN_ERR_NOT_FOUND);
    script_free(s);
}

/* ---- frames ---- */

static void test_frames(void)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"\0\0\0\0", 4},                                /* too short for a type */
        {"\0\0\0\4\x65\0\0\0", 8},                      /* ... and an id */
        {"\0\4\0\1", 4},                                /* 256 kB and one */
        {"\xff\xff\xff\xff", 4},                        /* 4 GB */
        {"HTTP", 4},                                    /* text, but not at the beginning */
        {"\0\0\0\5\x65\0\0\x10\0", 9},                  /* an id nobody used */
        {"\0\0\0\x11\x65\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0", 21},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script *s = busy();

        script_raw(s, cases[i].bytes, cases[i].len);
        check_over(s);
    }
}

/* ---- answers that do not fit their question ---- */

static void test_answers(void)
{
    static const struct {
        uint8_t to, type;
        const char *body;
        size_t len;
    } cases[] = {
        {FXP_READ, FXP_DATA, "\0\0\0\0", 4},                /* no bytes */
        {FXP_READ, FXP_DATA, "\0\0\0\5abcd", 8},            /* fewer than it says */
        {FXP_READ, FXP_DATA, "\xff\xff\xff\xff", 4},
        {FXP_READ, FXP_DATA, "\0\0\0\1ab", 6}, /* more than it says */
        {FXP_READ, FXP_DATA, "\0\0", 2},
        {FXP_READ, FXP_NAME, "\0\0\0\0", 4},
        {FXP_READ, FXP_HANDLE, "\0\0\0\1h", 5},
        {FXP_READ, FXP_STATUS, "\0\0\1", 3},                /* no number */
        {FXP_READ, FXP_READ, "", 0},                        /* a question */
        {FXP_FSTAT, FXP_ATTRS, "\0\0\0\1\0\0\0", 7},
        {FXP_FSTAT, FXP_DATA, "\0\0\0\1a", 5},
        {FXP_FSTAT, FXP_ATTRS, "\x80\0\0\0\xff\xff\xff\xff", 8}, /* 2^32 extensions */
        {FXP_WRITE, FXP_DATA, "\0\0\0\1a", 5},
        {FXP_WRITE, FXP_STATUS, "", 0},
        {FXP_WRITE, 0, "", 0},
        {FXP_READDIR, FXP_NAME, "\xff\xff\xff\xff", 4},
        {FXP_READDIR, FXP_NAME, "\0\0\0\1\0\0\0\1a\0\0\0\1a\0\0\0", 17},
        {FXP_READDIR, FXP_NAME, "\0\0\0\2\0\0\0\1a\0\0\0\1a\0\0\0\0", 18},
        {FXP_READDIR, FXP_NAME, "\0\0\0\1\0\0\0\2a", 9},
        {FXP_READDIR, FXP_STATUS, "\0\0\0\0", 4},           /* OK is no answer to it */
        {FXP_READDIR, FXP_ATTRS, "\0\0\0\0", 4},
        {FXP_STAT, FXP_STATUS, "\0\0\0\0", 4},
        {FXP_STAT, FXP_NAME, "\0\0\0\0", 4},
        {FXP_STAT, FXP_ATTRS, "", 0},
        {FXP_READLINK, FXP_NAME, "\0\0\0\0", 4},            /* no name */
        {FXP_READLINK, FXP_NAME, "\0\0\0\1\0\0\1\0a", 9},
        {FXP_READLINK, FXP_STATUS, "\0\0\0\0", 4},
        {FXP_READLINK, FXP_EXTENDED + 1, "", 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script *s = busy();

        script_packet(s, script_find(s, cases[i].to), cases[i].type, cases[i].body, cases[i].len);
        check_over(s);
    }
}

/* More than was asked for. */
static void test_too_much_data(void)
{
    struct script *s = busy();
    struct asked *a = script_find(s, FXP_READ);
    uint8_t *bytes = calloc(1, a->len + 1);

    script_data(s, a, bytes, a->len + 1);
    free(bytes);
    check_over(s);
}

/* The same answer twice. */
static void test_twice(void)
{
    struct script *s = busy();
    struct asked *a = script_find(s, FXP_STAT);
    struct ssh_event ev;

    script_attrs(s, a, 0100644, 1);
    CHECK(ssh_sftp_next(s->sf, &ev) && ev.request == STAT && ev.code == 0);
    script_attrs(s, a, 0100644, 1);
    while (ssh_sftp_next(s->sf, &ev))
        CHECK(ev.request != STAT && (ev.code < 0 || ev.type == SSH_EVENT_ERROR));
    script_free(s);
}

static void test_handles(void)
{
    static const struct {
        uint8_t type;
        size_t handle_len;
    } cases[] = {{FXP_HANDLE, 0}, {FXP_HANDLE, 257}, {FXP_STATUS, 0}, {FXP_DATA, 1}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script *s = script_new();
        struct ssh_sftp_request q = {.request = 1, .op = SSH_SFTP_READ, .path = "f"};
        struct ssh_event ev;
        uint8_t body[300] = {0};

        script_pull(s);
        script_version(s, true);
        CHECK_EQ(ssh_sftp_request(s->sf, &q), 0);
        script_pull(s);
        store_be32(body, (uint32_t)cases[i].handle_len);
        script_packet(s, script_find(s, FXP_OPEN), cases[i].type, body, 4 + cases[i].handle_len);
        CHECK(ssh_sftp_next(s->sf, &ev) && ev.type == SSH_EVENT_OPEN);
        CHECK(ssh_sftp_next(s->sf, &ev) && ev.type == SSH_EVENT_SFTP_DONE && ev.code < 0);
        CHECK(ssh_sftp_next(s->sf, &ev) && ev.type == SSH_EVENT_ERROR);
        script_free(s);
    }
}

/* A byte at a time, and no word of the size that would let the page have them. */
static void test_crumbs(void)
{
    struct script *s = busy();
    unsigned crumbs = 0, data = 0, done = 0, errors = 0;
    struct ssh_event ev;
    struct asked *a;

    while ((a = script_find(s, FXP_READ)) && !s->sf->ended && crumbs < 5000) {
        script_data(s, a, (const uint8_t *)"x", 1);
        crumbs++;
    }
    CHECK(s->sf->ended && crumbs < 1100);
    while (ssh_sftp_next(s->sf, &ev)) {
        data += ev.type == SSH_EVENT_SFTP_DATA;
        done += ev.type == SSH_EVENT_SFTP_DONE;
        errors += ev.type == SSH_EVENT_ERROR;
    }
    CHECK_EQ(data, crumbs);
    CHECK_EQ(done, COUNT);
    CHECK_EQ(errors, 1);
    script_free(s);
}

/* ---- noise in the place of any one byte ---- */

static void test_noise(void)
{
    for (int i = 0; i < 3000; i++) {
        struct script *s = busy();
        struct asked *a = &s->asked[1 + prng_below(s->count - 1)];
        uint8_t bytes[200];
        struct ssh_event ev;
        size_t len = 9 + prng_below(60);

        prng_fill(bytes, sizeof bytes);
        store_be32(bytes, (uint32_t)(len - 4));
        bytes[4] = (uint8_t)(101 + prng_below(5));
        store_be32(bytes + 5, a->id);
        if (prng_below(2))
            store_be32(bytes + 9, (uint32_t)prng_below(20));
        if (prng_below(2))
            store_be32(bytes + 13, (uint32_t)prng_below(20));
        a->answered = true;
        script_raw(s, bytes, len);
        while (ssh_sftp_next(s->sf, &ev))
            ;
        script_pull(s);
        script_free(s);
    }
    CHECK(true); /* the sanitizers have seen nothing */
}

int main(void)
{
    prng_init(0x5f7c);
    test_frames();
    test_answers();
    test_too_much_data();
    test_twice();
    test_handles();
    test_crumbs();
    test_noise();
    return TEST_DONE();
}
