/*
 * Servers that mean harm: every case must end in an error and CLOSED, or be shrugged off, without
 * touching memory that is not ours and without leaving any behind (the sanitizers watch).
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "ssh/ssh_session_internal.h"
#include "support/ssh/ssh_world.h"
#include "test.h"
#include "prng.h"

/* ---- bytes before any key ---- */

#define VERSION "SSH-2.0-bad\r\n"
#define BYTES(text) text, sizeof text - 1

static void expect_error(const uint8_t *raw, size_t len, size_t chunk, const char *name)
{
    struct ssh_world w;
    struct ssh_config config;

    world_raw(&w, raw, len, &config);
    w.chunk = chunk;
    w.raw_ends = true;
    world_start(&w, &config);
    if (!CHECK(world_closes(&w)) || !CHECK_EQ(w.count[SSH_EVENT_ERROR], 1) ||
        !CHECK(strlen(w.error) > 20) || !CHECK_EQ(w.count[SSH_EVENT_OPEN], 0))
        fprintf(stderr, "    %s: %s\n", name, w.error);
    world_free(&w);
}

static void test_raw(void)
{
    static const struct {
        const char *name;
        const char *bytes;
        size_t len;
    } cases[] = {
        {"nothing", BYTES("")},
        {"version only", BYTES(VERSION)},
        {"NUL in the version", BYTES("SSH-2.0-a\0b\r\n")},
        {"length zero", BYTES(VERSION "\0\0\0\0\0\0\0\0")},
        {"length one", BYTES(VERSION "\0\0\0\1\0\0\0\0")},
        {"padding longer than the packet", BYTES(VERSION "\0\0\0\x0c\x20\x14"
                                                         "12345678901234567890")},
        {"length 2^32 - 1", BYTES(VERSION "\xff\xff\xff\xff\4\x14"
                                          "1234567890")},
        {"length 40001", BYTES(VERSION "\0\0\x9c\x41\4\x14"
                                       "1234567890")},
        {"KEXINIT of one byte", BYTES(VERSION "\0\0\0\x0c\x0a\x14"
                                              "1234567890")},
        {"KEXINIT with a list of 2^32 - 1", BYTES(VERSION "\0\0\0\x24\4\x14"
                                                          "1234567890123456"
                                                          "\xff\xff\xff\xff"
                                                          "12345678901234")},
        {"DISCONNECT", BYTES(VERSION "\0\0\0\x19\6\1\0\0\0\2\0\0\0\5hello\0\0\0\0"
                                     "123456")},
        {"DISCONNECT with a long text",
         BYTES(VERSION "\0\0\0\x15\6\1\0\0\0\2\xff\xff\xff\xffhello123456")},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t chunk = 0; chunk < 2; chunk++)
            expect_error((const uint8_t *)cases[i].bytes, cases[i].len, chunk, cases[i].name);
    }
}

/* A line without an end, lines without end, and lines before a version that does come. */
static void test_preamble(void)
{
    size_t len = 1 << 20;
    uint8_t *raw = malloc(len);
    struct ssh_world w;
    struct ssh_config config;

    memset(raw, 'a', len);
    expect_error(raw, len, 0, "a line without an end");
    for (size_t i = 79; i < len; i += 80)
        raw[i] = '\n';
    world_raw(&w, raw, len, &config);
    world_start(&w, &config);
    CHECK(world_closes(&w));
    CHECK(strstr(w.error, "not an SSH server: it says \"aaaa") != NULL);
    CHECK(w.raw_at < 20000); /* it did not read all of it */
    world_free(&w);

    memcpy(raw, "welcome\r\n" VERSION, 22);
    expect_error(raw, 22, 1, "a greeting, then a version");
    free(raw);
}

static void test_random_bytes(void)
{
    uint8_t raw[4096];

    prng_init(20260901);
    for (int i = 0; i < 300; i++) {
        size_t len = prng_below(sizeof raw);

        prng_fill(raw, len);
        if (i % 3)
            memcpy(raw, VERSION, len < 13 ? len : 13);
        if (i % 3 == 2 && len > 30) { /* a sane length, then KEXINIT */
            memcpy(raw + 13, "\0\0\1\0\4\x14", 6);
        }
        expect_error(raw, len, i % 5 ? 0 : 1, "random");
    }
}

/* ---- packets under keys ---- */

static void open_world(struct ssh_world *w, enum mini_cipher cipher)
{
    world_open(w, cipher, MINI_NO_FAULT);
    CHECK_EQ(w->count[SSH_EVENT_OPEN], 1);
}

/* transport.c takes the padding off the length unchecked with EtM; none of them may get through. */
static void test_padding_lies(enum mini_cipher cipher)
{
    static const uint8_t data[] = {94, 0, 0, 0, 0, 0, 0, 0, 3, 'a', 'b', 'c'};

    for (unsigned padding = 1; padding < 256; padding += padding < 40 ? 1 : 43) {
        struct ssh_world w;

        open_world(&w, cipher);
        mini_send_padding(w.server, data, sizeof data, (uint8_t)padding);
        world_settle(&w);
        CHECK(w.data_len <= 32);
        w.read_ends = true;
        CHECK(world_closes(&w));
        world_free(&w);
    }
}

static void test_damage(enum mini_cipher cipher)
{
    for (size_t at = 0; at < 60; at += 3) {
        struct ssh_world w;
        uint8_t text[20] = {0};
        size_t start;

        open_world(&w, cipher);
        start = w.server->out_len;
        mini_send_data(w.server, false, text, sizeof text);
        if (start + at >= w.server->out_len) {
            world_free(&w);
            break;
        }
        w.server->out[start + at] ^= 0x40;
        for (int i = 0; i < 50; i++) /* so that a wrong length finds enough behind it */
            mini_send_data(w.server, false, text, sizeof text);
        world_settle(&w);
        w.read_ends = true;
        CHECK(world_closes(&w));
        CHECK_EQ(w.count[SSH_EVENT_ERROR], 1);
        CHECK_EQ(w.data_len, 0);
        world_free(&w);
    }
}

/* Single packets, all of them well sealed, none of them well meant. */
static void test_packets(void)
{
    static const struct {
        const char *name;
        const char *bytes;
        size_t len;
    } cases[] = {
        {"an empty type", BYTES("\0")},
        {"DATA cut off", BYTES("\x5e\0\0\0\0")},
        {"DATA for another channel", BYTES("\x5e\0\0\0\x63\0\0\0\3abc")},
        {"DATA with a long length", BYTES("\x5e\0\0\0\0\xff\xff\xff\xff"
                                          "abc")},
        {"EXTENDED_DATA cut off", BYTES("\x5f\0\0\0\0\0\0\0\1")},
        {"EXTENDED_DATA of a stream that is none", BYTES("\x5f\0\0\0\0\0\0\0\x63\0\0\0\3abc")},
        {"EOF cut off", BYTES("\x60\0")},
        {"CLOSE for another channel", BYTES("\x61\0\0\0\x63")},
        {"WINDOW_ADJUST cut off", BYTES("\x5d\0\0\0\0\0")},
        {"WINDOW_ADJUST of 2^32 - 1", BYTES("\x5d\0\0\0\0\xff\xff\xff\xff")},
        {"exit-status cut off", BYTES("\x62\0\0\0\0\0\0\0\x0b"
                                      "exit-status\0\0")},
        {"exit-signal with a long name", BYTES("\x62\0\0\0\0\0\0\0\x0b"
                                               "exit-signal\0\xff\xff\xff\xffTERM")},
        {"exit-signal with 1 GB of name", BYTES("\x62\0\0\0\0\0\0\0\x0b"
                                                "exit-signal\0\x40\0\0\0TERM")},
        {"a request with a long name", BYTES("\x62\0\0\0\0\xff\xff\xff\xff"
                                             "exit")},
        {"a request cut off", BYTES("\x62\0\0\0\0")},
        {"GLOBAL_REQUEST with a long name", BYTES("\x50\xff\xff\xff\xff"
                                                  "keep")},
        {"GLOBAL_REQUEST cut off", BYTES("\x50\0")},
        {"CHANNEL_OPEN forwarded-tcpip", BYTES("\x5a\0\0\0\x0f"
                                               "forwarded-tcpip\0\0\0\1\0\0\0\1\0\0\0\1")},
        {"CHANNEL_OPEN x11", BYTES("\x5a\0\0\0\3x11\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1h\0\0\0\1")},
        {"CHANNEL_OPEN auth-agent", BYTES("\x5a\0\0\0\x16"
                                          "auth-agent@openssh.com\0\0\0\1\0\0\0\1\0\0\0\1")},
        {"CHANNEL_OPEN of a kind unheard of", BYTES("\x5a\0\0\0\4abcd\0\0\0\1\0\0\0\1\0\0\0\1")},
        {"CHANNEL_SUCCESS out of the blue", BYTES("\x63\0\0\0\0")},
        {"OPEN_CONFIRMATION again", BYTES("\x5b\0\0\0\0\0\0\0\7\0\1\0\0\0\0\x40\0")},
        {"USERAUTH_SUCCESS again", BYTES("\x34")},
        {"USERAUTH_BANNER late and cut off", BYTES("\x35\0\0\0\x63"
                                                   "abc")},
        {"EXT_INFO with too many", BYTES("\7\xff\xff\xff\xff\0\0\0\1a\0\0\0\1b")},
        {"EXT_INFO server-sig-algs long",
         BYTES("\7\0\0\0\1\0\0\0\x0fserver-sig-algs\xff\xff\xff\xff")},
        {"DEBUG with a long text", BYTES("\4\1\xff\xff\xff\xff"
                                         "abc")},
        {"DEBUG cut off", BYTES("\4")},
        {"IGNORE cut off", BYTES("\2")},
        {"UNIMPLEMENTED", BYTES("\3\0\0\0\1")},
        {"NEWKEYS out of the blue", BYTES("\x15")},
        {"ECDH_REPLY out of the blue", BYTES("\x1f\0\0\0\1a")},
        {"SERVICE_ACCEPT again", BYTES("\6\0\0\0\1a")},
        {"type 255", BYTES("\xff")},
        {"KEXINIT cut off", BYTES("\x14"
                                  "12345")},
        {"KEXINIT without common algorithms",
         BYTES("\x14"
               "1234567890123456\0\0\0\1a\0\0\0\1a\0\0\0\1a\0\0\0\1a\0\0\0\1a\0\0\0\1a\0\0\0\1a"
               "\0\0\0\1a\0\0\0\0\0\0\0\0\0\0\0\0\0")},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t chunk = 0; chunk < 2; chunk++) {
            struct ssh_world w;

            open_world(&w, MINI_CHACHA20);
            w.chunk = chunk;
            mini_send(w.server, (const uint8_t *)cases[i].bytes, cases[i].len);
            world_settle(&w);
            mini_send_exit_status(w.server, 0);
            mini_send_close(w.server);
            world_settle(&w);
            w.read_ends = true;
            if (!CHECK(world_closes(&w)) || !CHECK(w.data_len <= 3) || !CHECK(w.held <= 3))
                fprintf(stderr, "    %s\n", cases[i].name);
            world_free(&w);
        }
    }
}

/* More than the window, floods, and memory that has an end. */
static void test_floods(void)
{
    static uint8_t text[30000];
    struct ssh_world w;
    size_t sent = 0;

    open_world(&w, MINI_CHACHA20);
    w.hold_credit = true;
    for (int i = 0; i < 400; i++) {
        w.server->client_window = 1 << 30; /* it does not care */
        sent += mini_send_data(w.server, i % 2, text, sizeof text);
        world_turn(&w);
    }
    CHECK(sent > 8 << 20);
    CHECK(w.data_len + w.stderr_len <= SSH_INITIAL_CREDIT);
    CHECK(w.session->hooks.heap.in_use < 6 << 20);
    w.read_ends = true;
    w.hold_credit = false;
    CHECK(world_closes(&w));
    world_free(&w);

    open_world(&w, MINI_CHACHA20); /* packets that nobody will ever ask for */
    text[0] = 200;
    for (int i = 0; i < 2000 && !w.count[SSH_EVENT_CLOSED]; i++) {
        mini_send(w.server, text, 20000);
        world_turn(&w);
        CHECK(w.session->hooks.heap.in_use <= SSH_MAX_HEAP_LEN);
    }
    CHECK(world_closes(&w));
    CHECK_EQ(w.error_code, SSH_PROBLEM_NOMEM);
    world_free(&w);
}

static void test_banner_flood(void)
{
    static char text[20001];
    struct ssh_world w;
    struct ssh_config config;

    memset(text, 'b', 20000);
    world_init(&w, MINI_CHACHA20, MINI_HOLD_AUTH, &config);
    world_start(&w, &config);
    world_settle(&w);
    for (int i = 0; i < 100; i++)
        mini_send_banner(w.server, text);
    ssh_session_run(w.session, w.now_ms); /* all in one turn: the queue has an end */
    CHECK(w.session->events_len <= SSH_MAX_EVENT_LEN);
    CHECK_EQ(w.server->out_at, w.server->out_len);
    world_settle(&w);
    CHECK_EQ(w.count[SSH_EVENT_BANNER], 3);
    for (int i = 0; i < 20000; i++)
        mini_send_banner(w.server, "b");
    ssh_session_run(w.session, w.now_ms);
    world_settle(&w);
    CHECK(w.count[SSH_EVENT_BANNER] < 3 + SSH_MAX_EVENT_LEN / (int)sizeof(struct ssh_event_node));
    mini_send(w.server, (const uint8_t[]){52}, 1);
    world_settle(&w);
    CHECK_EQ(w.count[SSH_EVENT_OPEN], 1);
    world_free(&w);
}

/* Every amount of memory that is too little ends in an error, never in a crash or a leak. */
static void test_little_memory(void)
{
    unsigned opened = 0;

    for (size_t max = 0; max < 130000; max += max < 3000 ? 97 : 1009) {
        struct ssh_world w;
        struct ssh_config config;

        world_init(&w, MINI_CHACHA20, MINI_NO_FAULT, &config);
        w.shell.pty = true;
        world_start(&w, &config);
        w.session->hooks.heap.max = w.session->hooks.heap.in_use + max;
        world_settle(&w);
        if (!w.count[SSH_EVENT_CLOSED] && w.count[SSH_EVENT_OPEN])
            opened++;
        ssh_session_close(w.session);
        CHECK(world_closes(&w));
        CHECK(w.count[SSH_EVENT_OPEN] || w.error_code == SSH_PROBLEM_NOMEM);
        world_free(&w);
    }
    CHECK(opened > 10);
}

int main(void)
{
    static const enum mini_cipher ciphers[] = {MINI_CHACHA20, MINI_AES128_GCM, MINI_AES128_CTR_ETM};

    world_random(2);
    test_raw();
    test_preamble();
    test_random_bytes();
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        test_padding_lies(ciphers[i]);
        test_damage(ciphers[i]);
    }
    test_packets();
    test_floods();
    test_banner_flood();
    test_little_memory();
    return TEST_DONE();
}
