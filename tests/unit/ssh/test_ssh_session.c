/* ssh_session against mini_server: the life of a session, and every way to end. */
#include "unit/ssh/session_world.h"

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
    }
    test_command_and_signal();
    test_close_without_status();
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
