/* ssh_session against mini_server: the life of a session, flow control, and every way to end. */
#include <stdlib.h>

#include "base/err.h"
#include "support/ssh/ssh_world.h"
#include "test.h"

static const enum mini_cipher ciphers[] = {MINI_CHACHA20, MINI_AES128_GCM, MINI_AES128_CTR_ETM};

static void fill(uint8_t *dst, size_t len)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + (i >> 16));
}

/* Open and idle. */
static void open_world(struct ssh_world *w, enum mini_cipher cipher)
{
    world_open(w, cipher, MINI_NO_FAULT);
    CHECK_EQ(w->count[SSH_EVENT_OPEN], 1);
}

static void test_life(enum mini_cipher cipher, size_t chunk, enum mini_fault fault)
{
    static const char env[] = "LANG\0C.UTF-8\0COLORTERM\0truecolor";
    struct ssh_world w;
    struct ssh_config config;

    world_init(&w, cipher, fault, &config);
    w.chunk = chunk;
    w.shell.pty = true;
    w.shell.env = env;
    w.shell.env_len = sizeof env;
    world_start(&w, &config);
    world_settle(&w);
    CHECK_EQ(w.count[SSH_EVENT_HOST_KEY], 1);
    CHECK(strncmp(w.host_key, "ssh-ed25519 SHA256:", 19) == 0);
    CHECK_EQ(w.count[SSH_EVENT_OPEN], 1);
    CHECK_STR(w.server->user, "user");
    CHECK_STR(w.server->term, "xterm-256color");
    CHECK_STR(w.server->env, "LANG=C.UTF-8;COLORTERM=truecolor;");
    CHECK_EQ(w.server->rows, 24);
    CHECK_EQ(w.server->cols, 80);
    CHECK_STR(ssh_session_info(w.session)->server_version, "SSH-2.0-mini");
    CHECK_STR(ssh_session_info(w.session)->host_key_type, "ssh-ed25519");

    CHECK_EQ(ssh_session_write(w.session, w.channel, (const uint8_t *)"ls\n", 3), 3);
    ssh_session_resize(w.session, w.channel, 50, 132);
    world_settle(&w);
    mini_send_data(w.server, false, (const uint8_t *)"one", 3);
    mini_send_data(w.server, true, (const uint8_t *)"two", 3);
    mini_send_data(w.server, false, (const uint8_t *)"three", 5);
    mini_send_exit_status(w.server, 41);
    mini_send_eof(w.server);
    mini_send_close(w.server);
    CHECK(world_closes(&w));
    CHECK_EQ(w.server->received_len, 3);
    CHECK_MEM(w.server->received, "ls\n", 3);
    CHECK_EQ(w.server->rows, 50);
    CHECK_EQ(w.data_len, 8);
    CHECK_MEM(w.data, "onethree", 8);
    CHECK_STR(w.stderr_text, "two");
    CHECK_EQ(w.exit_code, 41);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    CHECK(w.server->client_closed && w.server->disconnected);
    CHECK_EQ(w.order[w.order_len - 1], SSH_EVENT_CLOSED);
    CHECK_EQ(w.order[w.order_len - 2], SSH_EVENT_CHANNEL_CLOSED);
    CHECK_EQ(w.order[w.order_len - 3], SSH_EVENT_EXIT);
    CHECK_EQ(w.order[w.order_len - 4], SSH_EVENT_EOF);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
}

/* libssh2 says EAGAIN with bytes still to read; nobody would call again for those. */
static void test_one_run_reads_all(enum mini_cipher cipher)
{
    static uint8_t text[20000];
    struct ssh_world w;

    open_world(&w, cipher);
    for (int i = 0; i < 40; i++)
        mini_send_data(w.server, false, text, sizeof text - (size_t)i);
    ssh_session_run(w.session, w.now_ms);
    CHECK_EQ(w.server->out_at, w.server->out_len);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
}

static void test_command_and_signal(void)
{
    struct ssh_world w;
    struct ssh_config config;

    world_init(&w, MINI_CHACHA20, MINI_NO_FAULT, &config);
    w.shell.command = "uname -a";
    world_start(&w, &config);
    world_settle(&w);
    CHECK_STR(w.server->command, "uname -a");
    CHECK_EQ(w.server->rows, 0);
    CHECK_EQ(w.server->requests, 1);
    mini_send_exit_signal(w.server, "KILL");
    mini_send_close(w.server);
    CHECK(world_closes(&w));
    CHECK_STR(w.exit_signal, "KILL");
    CHECK_EQ(w.exit_code, 0);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
}

/* No status at all: -1 says that nobody told. */
static void test_close_without_status(void)
{
    struct ssh_world w;

    open_world(&w, MINI_CHACHA20);
    mini_send_close(w.server);
    CHECK(world_closes(&w));
    CHECK_EQ(w.exit_code, -1);
    CHECK_EQ(w.count[SSH_EVENT_EXIT], 1);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
}

/* Without a terminal: the window is large. */
static void open_bulk(struct ssh_world *w, enum mini_cipher cipher)
{
    struct ssh_config config;

    world_init(w, cipher, MINI_NO_FAULT, &config);
    w->shell.command = "cat";
    world_start(w, &config);
    world_settle(w);
    CHECK_EQ(w->count[SSH_EVENT_OPEN], 1);
}

/* Sends until total bytes have come, with a page that keeps up: the window grows. */
static void stream(struct ssh_world *w, const uint8_t *src, size_t total, size_t *at)
{
    for (int i = 0; i < 4000 && w->data_len < total; i++) {
        size_t n = total - *at < 65536 ? total - *at : 65536;

        if (n)
            *at += mini_send_data(w->server, false, src + *at, n);
        w->now_ms += 5;
        world_turn(w);
    }
    CHECK_EQ(w->data_len, total);
    world_settle(w); /* credit for the last of it */
}

/* Without credit the server can send a window and no more; then all of it arrives. */
static void test_window_stalls(enum mini_cipher cipher)
{
    enum { TOTAL = 6 << 20 };
    uint8_t *sent = malloc(TOTAL);
    struct ssh_world w;
    size_t at = 0;

    fill(sent, TOTAL);
    open_bulk(&w, cipher);
    w.hold_credit = true;
    for (int i = 0; i < 400; i++) {
        at += mini_send_data(w.server, false, sent + at, TOTAL - at < 65536 ? TOTAL - at : 65536);
        world_turn(&w);
    }
    CHECK_EQ(at, 1 << 20);
    CHECK_EQ(w.data_len, at);
    mini_send_keepalive(w.server); /* answered all the same */
    world_settle(&w);
    CHECK_EQ(w.server->replies, 1);
    w.hold_credit = false;
    stream(&w, sent, TOTAL, &at);
    CHECK_MEM(w.data, sent, TOTAL);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
    free(sent);
}

/* With a terminal it holds what the page takes in 150 ms: ^C is seen soon. */
static void test_window_terminal(void)
{
    enum { SLOW = 64 << 10 };
    static uint8_t sent[3 << 20];
    struct ssh_world w;
    size_t at = 0, window;

    open_world(&w, MINI_CHACHA20);
    CHECK_EQ(w.server->client_window, 64 << 10);
    stream(&w, sent, sizeof sent, &at); /* 64 kB per 5 ms */
    window = w.server->client_window;
    CHECK(window > 1 << 20 && window <= 2 << 20);
    w.hold_credit = true;
    for (int i = 0; i < 30; i++) { /* and now 64 kB per 100 ms */
        mini_send_data(w.server, false, sent, 1 << 20);
        world_turn(&w);
        w.now_ms += 100;
        ssh_session_credit(w.session, w.channel, w.held < SLOW ? w.held : SLOW);
        w.held -= w.held < SLOW ? w.held : SLOW;
    }
    world_turn(&w);
    CHECK(w.server->client_window + w.held <= 96 << 10);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    world_free(&w);
}

/* Data in front of a close waits for the credit; EXIT and CLOSED wait with it. */
static void test_close_behind_data(void)
{
    enum { TOTAL = 8 << 20 };
    uint8_t *sent = malloc(TOTAL);
    struct ssh_world w;
    size_t at = 0, total;

    fill(sent, TOTAL);
    open_bulk(&w, MINI_CHACHA20);
    stream(&w, sent, 6 << 20, &at);
    w.hold_credit = true;
    at += mini_send_data(w.server, false, sent + at, 1 << 20);
    world_settle(&w);
    at += mini_send_data(w.server, false, sent + at, 100000);
    total = at;
    CHECK_EQ(total, (7 << 20) + 100000);
    mini_send_exit_status(w.server, 0);
    mini_send_close(w.server);
    world_settle(&w);
    w.read_ends = true;
    world_pass(&w, 60000);
    CHECK_EQ(w.data_len, (6 << 20) + SSH_INITIAL_CREDIT);
    CHECK_EQ(w.count[SSH_EVENT_EXIT], 0);
    w.hold_credit = false;
    CHECK(world_closes(&w));
    CHECK_EQ(w.data_len, total);
    CHECK_MEM(w.data, sent, total);
    CHECK_EQ(w.exit_code, 0);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
    free(sent);
}

/* A bounded queue: the count taken, 0 when full, WRITABLE when there is room again. */
static void test_write_bounded(void)
{
    uint8_t chunk[40000];
    struct ssh_world w;
    struct ssh_config config;
    size_t taken = 0, sent_before;
    int n;

    fill(chunk, sizeof chunk);
    world_init(&w, MINI_CHACHA20, MINI_NO_FAULT, &config);
    w.server->window = 1000;
    world_start(&w, &config);
    CHECK_EQ(ssh_session_write(w.session, w.channel, chunk, 1), IPN_ERR_STATE);
    world_settle(&w);
    while ((n = ssh_session_write(w.session, w.channel, chunk, sizeof chunk)) > 0)
        taken += (size_t)n;
    CHECK_EQ(n, 0);
    CHECK_EQ(taken, 256 << 10);
    world_settle(&w);
    CHECK_EQ(w.server->received_len, 1000);
    CHECK_EQ(w.count[SSH_EVENT_WRITABLE], 0);
    ssh_session_send_eof(w.session, w.channel);
    sent_before = w.server->received_len;
    while (w.server->received_len < taken) {
        mini_send_window(w.server, 50000);
        world_settle(&w);
        if (!CHECK(w.server->received_len > sent_before))
            break;
        sent_before = w.server->received_len;
    }
    CHECK_EQ(w.count[SSH_EVENT_WRITABLE], 1);
    CHECK(w.server->client_eof);
    CHECK_EQ(ssh_session_write(w.session, w.channel, chunk, 1), IPN_ERR_STATE);
    for (size_t i = 0; i < taken; i += sizeof chunk) {
        size_t len = taken - i < sizeof chunk ? taken - i : sizeof chunk;

        CHECK_MEM(w.server->received + i, chunk, len);
    }
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
}

/* A transport that takes nothing: memory stays bounded, and nothing is lost afterwards. */
static void test_transport_full(void)
{
    uint8_t chunk[40000];
    struct ssh_world w;
    size_t taken = 0;
    int n;

    fill(chunk, sizeof chunk);
    open_world(&w, MINI_CHACHA20);
    w.write_full = true;
    for (int i = 0; i < 100; i++) {
        n = ssh_session_write(w.session, w.channel, chunk, sizeof chunk);
        taken += n > 0 ? (size_t)n : 0;
        world_turn(&w);
    }
    CHECK(taken <= 640 << 10);
    for (int i = 0; i < 5000; i++)
        mini_send_keepalive(w.server); /* each answer would add to the queue */
    world_settle(&w);
    w.write_full = false;
    world_settle(&w);
    CHECK_EQ(w.server->received_len, taken);
    CHECK_EQ(w.server->replies, 5000);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
}

static void test_rekey(enum mini_cipher cipher, size_t chunk)
{
    enum { TOTAL = 200000 };
    uint8_t *sent = malloc(TOTAL);
    struct ssh_world w;

    fill(sent, TOTAL);
    open_world(&w, cipher);
    w.chunk = chunk;
    for (int i = 0; i < 4; i++) {
        mini_send_data(w.server, false, sent + i * 50000, 50000);
        CHECK_EQ(ssh_session_write(w.session, w.channel, sent, 30000), 30000);
        mini_start_rekey(w.server); /* no data behind it until it is done */
        world_turn(&w);
        CHECK_EQ(ssh_session_write(w.session, w.channel, sent, 1000), 1000);
        ssh_session_resize(w.session, w.channel, 30 + i, 90);
        world_settle(&w);
    }
    CHECK_EQ(w.data_len, TOTAL);
    CHECK_MEM(w.data, sent, TOTAL);
    CHECK_EQ(w.server->received_len, 4 * 31000);
    CHECK_EQ(w.server->rows, 33);
    CHECK_EQ(w.server->rekeys, 4);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
    free(sent);
}

static void test_host_key(void)
{
    static const char other[] =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a "
        "comment";
    static const struct {
        const char *pins[2]; /* NULL: the right one */
        size_t count;
        bool ok;
    } cases[] = {{{NULL}, 1, true},
                 {{other, NULL}, 2, true},
                 {{other}, 1, false},
                 {{"ssh-rsa AAAA", "ssh-ed25519 not base64"}, 2, false},
                 {{"", "ssh-ed25519"}, 2, false}};
    char pin[128];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ssh_world w;
        struct ssh_config config;

        world_init(&w, MINI_CHACHA20, MINI_NO_FAULT, &config);
        mini_pin(w.server, pin);
        for (size_t k = 0; k < cases[i].count; k++)
            config.pinned[k] = cases[i].pins[k] ? cases[i].pins[k] : pin;
        config.pinned_count = cases[i].count;
        world_start(&w, &config);
        world_settle(&w);
        CHECK_EQ(w.count[SSH_EVENT_HOST_KEY], 0);
        CHECK_EQ(w.count[SSH_EVENT_OPEN], cases[i].ok);
        if (!cases[i].ok) {
            CHECK(world_closes(&w));
            CHECK_EQ(w.error_code, SSH_PROBLEM_HOST_KEY_CHANGED);
            CHECK(strstr(w.error, "SHA256:") != NULL);
            CHECK_EQ(w.server->user[0], 0); /* the user name stayed here */
        }
        if (cases[i].pins[0] == other && !cases[i].ok)
            CHECK(strstr(strstr(w.error, "SHA256:") + 1, "SHA256:") != NULL);
        CHECK(!w.server || !w.server->broken);
        world_free(&w);
    }
}

static void test_host_key_asked(void)
{
    for (int accept = 0; accept < 2; accept++) {
        struct ssh_world w;
        struct ssh_config config;

        world_init(&w, MINI_CHACHA20, MINI_NO_FAULT, &config);
        w.hold_host_key = true;
        world_start(&w, &config);
        world_pass(&w, 40 * 60 * 1000); /* as long as it takes */
        CHECK_EQ(w.count[SSH_EVENT_HOST_KEY], 1);
        CHECK_EQ(w.server->user[0], 0);
        ssh_session_answer_host_key(w.session, accept);
        world_settle(&w);
        CHECK_EQ(w.count[SSH_EVENT_OPEN], accept);
        if (!accept) {
            CHECK(world_closes(&w));
            CHECK_EQ(w.error_code, SSH_PROBLEM_HOST_KEY_CHANGED);
        }
        CHECK(!w.server || !w.server->broken);
        world_free(&w);
    }
}

/* Tailscale's check mode: a banner at once, an answer half an hour later. */
static void test_check_mode(void)
{
    struct ssh_world w;
    struct ssh_config config;

    world_init(&w, MINI_CHACHA20, MINI_HOLD_AUTH, &config);
    world_start(&w, &config);
    world_settle(&w);
    mini_send_banner(w.server, "visit https://a\n");
    world_settle(&w);
    CHECK_STR(w.banner, "visit https://a\n");
    world_pass(&w, 35 * 60 * 1000);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    mini_send_banner(w.server, "thanks\n");
    mini_send(w.server, (const uint8_t[]){52}, 1); /* USERAUTH_SUCCESS */
    world_settle(&w);
    CHECK_STR(w.banner, "visit https://a\nthanks\n");
    CHECK_EQ(w.count[SSH_EVENT_OPEN], 1);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
}

/* A banner belongs to the login: one that comes later is none. */
static void test_banner_late(void)
{
    struct ssh_world w;
    struct ssh_config config;

    world_init(&w, MINI_CHACHA20, MINI_NO_FAULT, &config);
    world_start(&w, &config);
    world_settle(&w);
    CHECK_EQ(w.count[SSH_EVENT_OPEN], 1);
    mini_send_banner(w.server, "click here\n");
    world_settle(&w);
    CHECK_EQ(w.count[SSH_EVENT_BANNER], 0);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    world_free(&w);
}

/* Tailscale's refusal: two banners and the end, all in one piece. */
static void test_refused(void)
{
    struct ssh_world w;
    struct ssh_config config;

    world_init(&w, MINI_CHACHA20, MINI_HOLD_AUTH, &config);
    world_start(&w, &config);
    world_settle(&w);
    mini_send_banner(w.server, "one\n");
    mini_send_banner(w.server, "two\n");
    w.read_ends = true;
    CHECK(world_closes(&w));
    CHECK_STR(w.banner, "one\ntwo\n");
    CHECK_EQ(w.error_code, SSH_PROBLEM_AUTH);
    CHECK(strstr(w.error, "message above") != NULL);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
}

static void test_close_early(void)
{
    /* After n turns, whatever is awaited then. */
    for (int turns = 0; turns < 40; turns++) {
        struct ssh_world w;
        struct ssh_config config;

        world_init(&w, MINI_CHACHA20, turns % 2 ? MINI_NO_FAULT : MINI_HOLD_CHANNEL, &config);
        w.chunk = 211;
        w.shell.pty = true;
        world_start(&w, &config);
        for (int i = 0; i < turns; i++)
            world_turn(&w);
        ssh_session_close(w.session);
        world_pass(&w, 1000);
        CHECK_EQ(w.count[SSH_EVENT_CLOSED], 1);
        CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
        CHECK(!w.server || !w.server->broken);
        world_free(&w);
    }
}

/* The server never closes its side: CLOSED comes within a second, EOF and CLOSE went out. */
static void test_close_deadline(void)
{
    struct ssh_world w;

    open_world(&w, MINI_CHACHA20);
    ssh_session_close(w.session);
    world_settle(&w);
    CHECK(w.server->client_eof && w.server->client_closed);
    CHECK_EQ(w.count[SSH_EVENT_CLOSED], 0);
    world_pass(&w, 1000);
    CHECK_EQ(w.count[SSH_EVENT_CLOSED], 1);
    CHECK(w.server->disconnected);
    CHECK_EQ(w.order[w.order_len - 1], SSH_EVENT_CLOSED);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);

    open_world(&w, MINI_CHACHA20); /* and with a transport that takes nothing */
    w.write_full = true;
    ssh_session_close(w.session);
    world_pass(&w, 1000);
    CHECK_EQ(w.count[SSH_EVENT_CLOSED], 1);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
}

static void test_lost(void)
{
    struct ssh_world w;

    open_world(&w, MINI_CHACHA20);
    mini_send_data(w.server, false, (const uint8_t *)"last words", 10);
    w.read_ends = true;
    CHECK(world_closes(&w));
    CHECK_EQ(w.data_len, 10);
    CHECK_EQ(w.error_code, SSH_PROBLEM_LOST);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);

    open_world(&w, MINI_CHACHA20);
    mini_send_data(w.server, false, (const uint8_t *)"last words", 10);
    mini_send_disconnect(w.server, "going down for maintenance");
    CHECK(world_closes(&w));
    CHECK_EQ(w.data_len, 10);
    CHECK(strstr(w.error, "going down for maintenance") != NULL);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
}

static void test_faults(void)
{
    static const struct {
        enum mini_fault fault;
        int problem;
        const char *text;
    } cases[] = {
        {MINI_BAD_SIGNATURE, SSH_PROBLEM_HANDSHAKE, "could not prove"},
        {MINI_ZERO_POINT, SSH_PROBLEM_HANDSHAKE, "key exchange failed"},
        {MINI_NO_COMMON_KEX, SSH_PROBLEM_HANDSHAKE, "no algorithm in common"},
        {MINI_SHORT_KEXINIT, SSH_PROBLEM_HANDSHAKE, "SSH-2.0-mini"},
        {MINI_WRONG_HOST_KEY_BLOB, SSH_PROBLEM_HANDSHAKE, "key exchange failed"},
        {MINI_IGNORE_BEFORE_KEX, SSH_PROBLEM_HANDSHAKE, "broke the SSH protocol"},
        {MINI_NO_SERVICE, SSH_PROBLEM_HANDSHAKE, "no such service"},
        {MINI_REFUSE_AUTH, SSH_PROBLEM_AUTH, "publickey,password"},
        {MINI_REFUSE_REQUESTS, SSH_PROBLEM_CHANNEL, "no terminal"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t chunk = 0; chunk < 2; chunk++) {
            struct ssh_world w;
            struct ssh_config config;

            world_init(&w, MINI_CHACHA20, cases[i].fault, &config);
            w.chunk = chunk;
            w.shell.pty = true;
            world_start(&w, &config);
            CHECK(world_closes(&w));
            CHECK_EQ(w.count[SSH_EVENT_OPEN], 0);
            CHECK_EQ(w.count[SSH_EVENT_ERROR], 1);
            if (!CHECK_EQ(w.error_code, cases[i].problem) ||
                !CHECK(strstr(w.error, cases[i].text) != NULL))
                fprintf(stderr, "    case %zu: %s\n", i, w.error);
            CHECK(!w.server || !w.server->broken);
            world_free(&w);
        }
    }
}

/* A server that says nothing at all, and one that stops in the middle. */
static void test_silence(void)
{
    struct ssh_world w;
    struct ssh_config config;

    world_raw(&w, NULL, 0, &config);
    world_start(&w, &config);
    world_pass(&w, 31000);
    CHECK_EQ(w.count[SSH_EVENT_CLOSED], 1);
    CHECK(strstr(w.error, "no SSH server answers") != NULL);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);

    world_raw(&w, (const uint8_t *)"SSH-2.0-sleepy\r\n", 16, &config);
    world_start(&w, &config);
    world_pass(&w, 31000);
    CHECK_EQ(w.count[SSH_EVENT_CLOSED], 1);
    CHECK(strstr(w.error, "SSH-2.0-sleepy") != NULL);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
}

int main(void)
{
    world_random(1);
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        test_life(ciphers[i], 0, MINI_NO_FAULT);
        test_life(ciphers[i], 0, MINI_NO_STRICT);
        test_life(ciphers[i], 1, MINI_NO_FAULT);
        test_life(ciphers[i], 700, MINI_NO_STRICT);
        test_one_run_reads_all(ciphers[i]);
        test_window_stalls(ciphers[i]);
        test_rekey(ciphers[i], 0);
        test_rekey(ciphers[i], 97);
    }
    test_command_and_signal();
    test_close_without_status();
    test_window_terminal();
    test_close_behind_data();
    test_write_bounded();
    test_transport_full();
    test_host_key();
    test_host_key_asked();
    test_check_mode();
    test_banner_late();
    test_refused();
    test_close_early();
    test_close_deadline();
    test_lost();
    test_faults();
    test_silence();
    return TEST_DONE();
}
