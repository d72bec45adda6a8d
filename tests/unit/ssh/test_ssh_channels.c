/* Channels of a connection, one by one: kinds, requests, ends. Against mini_server. */
#include <stdio.h>

#include "base/err.h"
#include "unit/ssh/channel_world.h"

/* ---- kinds, requests, ends ---- */

static void test_forward(void)
{
    struct ssh_world w;
    int channel;

    open_world(&w, MINI_NO_FAULT);
    channel = open_channel(&w, &forward);
    CHECK_EQ(seen[channel].count[SSH_EVENT_OPEN], 1);
    CHECK_STR(w.server->kind, "direct-tcpip");
    CHECK_STR(w.server->target, "db.example");
    CHECK_EQ(w.server->requests, 0);

    /* Our end first, then theirs: bytes still come in between. */
    CHECK_EQ(ssh_session_write(w.session, channel, (const uint8_t *)"ask", 3), 3);
    ssh_session_send_eof(w.session, channel);
    world_settle(&w);
    CHECK_EQ(w.server->received_len, 3);
    CHECK(w.server->client_eof && !w.server->client_closed);
    CHECK_EQ(ssh_session_write(w.session, channel, (const uint8_t *)"x", 1), IPN_ERR_STATE);
    mini_send_data(w.server, false, (const uint8_t *)"answer", 6);
    mini_send_eof(w.server);
    world_settle(&w);
    CHECK_EQ(seen[channel].data_len, 6);
    CHECK_EQ(seen[channel].last, SSH_EVENT_EOF);
    mini_send_close(w.server);
    world_settle(&w);
    CHECK_EQ(seen[channel].last, SSH_EVENT_CHANNEL_CLOSED);
    CHECK_EQ(seen[channel].count[SSH_EVENT_EXIT], 0);
    CHECK(w.server->client_closed);

    /* Their end first: ours stays open. */
    w.server->kind[0] = '\0';
    channel = open_channel(&w, &forward);
    w.server->client_eof = w.server->client_closed = false;
    mini_send_eof(w.server);
    world_settle(&w);
    CHECK_EQ(seen[channel].last, SSH_EVENT_EOF);
    CHECK_EQ(ssh_session_write(w.session, channel, (const uint8_t *)"more", 4), 4);
    world_settle(&w);
    CHECK_EQ(w.server->received_len, 7);
    ssh_session_close_channel(w.session, channel);
    world_settle(&w);
    CHECK_EQ(seen[channel].last, SSH_EVENT_CHANNEL_CLOSED);
    CHECK(w.server->client_closed);
    close_world(&w);
}

/* [92][our number][reason][string text][string language] */
static void send_open_failure(struct mini_server *m, uint32_t reason, const char *text)
{
    uint8_t packet[200] = {92};
    size_t len = strlen(text);

    store_be32(packet + 1, m->client_channel);
    store_be32(packet + 5, reason);
    store_be32(packet + 9, (uint32_t)len);
    memcpy(packet + 13, text, len);
    mini_send(m, packet, 17 + len);
}

static void test_refused(void)
{
    static const struct {
        const struct ssh_channel_config *config;
        uint32_t reason;
        const char *text, *says;
    } cases[] = {
        {&forward, 2, "Connection refused", "connect to db.example:5432: Connection refused"},
        {&forward, 1, "", "not allow forwards to db.example:5432 (it is prohibited)"},
        {&forward, 99, "", "does not connect to db.example:5432."},
        {&command, 4, "", "opens no session: the server has no room for more"},
        {&command, 1, "no sessions\r\n", "opens no session: no sessions"}};
    struct ssh_world w;

    open_world(&w, MINI_HOLD_CHANNEL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int channel = open_channel(&w, cases[i].config);

        CHECK_EQ(seen[channel].count[SSH_EVENT_CHANNEL_CLOSED], 0);
        send_open_failure(w.server, cases[i].reason, cases[i].text);
        world_settle(&w);
        CHECK_EQ(seen[channel].error_code, SSH_PROBLEM_CHANNEL);
        if (!CHECK(strstr(seen[channel].error, cases[i].says) != NULL))
            fprintf(stderr, "    %s\n", seen[channel].error);
        CHECK_EQ(seen[channel].last, SSH_EVENT_CHANNEL_CLOSED);
        CHECK_EQ(w.session->channels.count, 0);
        w.server->kind[0] = '\0';
    }
    CHECK_EQ(seen[0].count[SSH_EVENT_ERROR], 0);
    close_world(&w);
}

/* A refused terminal or subsystem ends its channel, not the others. */
static void test_requests_refused(void)
{
    struct ssh_channel_config sub = {.kind = SSH_CHANNEL_SHELL, .subsystem = "netconf"};
    struct ssh_channel_config pty = {.kind = SSH_CHANNEL_SHELL, .pty = true, .rows = 2, .cols = 3};
    struct ssh_world w;
    int first, channel;

    open_world(&w, MINI_NO_FAULT);
    first = open_channel(&w, &command);
    w.server->fault = MINI_REFUSE_REQUESTS;
    channel = open_channel(&w, &sub);
    CHECK(strstr(seen[channel].error, "does not offer \"netconf\" to \"user\"") != NULL);
    CHECK_EQ(seen[channel].count[SSH_EVENT_OPEN], 0);
    channel = open_channel(&w, &pty);
    CHECK(strstr(seen[channel].error, "gives no terminal") != NULL);
    CHECK_EQ(seen[channel].count[SSH_EVENT_ERROR], 1);
    channel = open_channel(&w, &command);
    CHECK(strstr(seen[channel].error, "does not start the command") != NULL);
    CHECK_EQ(seen[first].count[SSH_EVENT_ERROR] + seen[first].count[SSH_EVENT_CHANNEL_CLOSED], 0);
    CHECK_EQ(ssh_session_write(w.session, first, (const uint8_t *)"x", 1), 1);
    close_world(&w);
}

/* Nothing waits for an answer that it does not need: one round trip to open, one to start. */
static void test_requests_together(void)
{
    static const char env[] = "A\0"
                              "1\0B\0"
                              "2";
    struct ssh_channel_config shell = {.kind = SSH_CHANNEL_SHELL,
                                       .pty = true,
                                       .rows = 24,
                                       .cols = 80,
                                       .env = env,
                                       .env_len = sizeof env};
    struct ssh_world w;
    struct ssh_config config;

    seen_reset();
    world_init(&w, MINI_CHACHA20, MINI_NO_FAULT, &config);
    w.on_event = seen_event;
    w.shell = shell;
    world_start(&w, &config);
    while (!w.server->channel_open)
        ssh_session_run(w.session, w.now_ms), world_turn(&w);
    ssh_session_run(w.session, w.now_ms);
    CHECK_EQ(w.server->requests, 4);
    CHECK(w.server->shell);
    world_settle(&w);
    CHECK_STR(w.server->env, "A=1;B=2;");
    CHECK_EQ(seen[w.channel].count[SSH_EVENT_OPEN], 1);
    close_world(&w);
}

static void test_signals(void)
{
    struct ssh_world w;
    int shell, other;

    open_world(&w, MINI_NO_FAULT);
    shell = open_channel(&w, &command);
    other = open_channel(&w, &forward);
    CHECK_EQ(ssh_session_signal(w.session, shell, "INT"), 0);
    CHECK_EQ(ssh_session_signal(w.session, shell, "USR1"), 0);
    world_settle(&w);
    CHECK_STR(w.server->signals, "INT;USR1;");
    CHECK_EQ(ssh_session_signal(w.session, shell, ""), IPN_ERR_ARG);
    CHECK_EQ(ssh_session_signal(w.session, shell, "a b"), IPN_ERR_ARG);
    CHECK_EQ(ssh_session_signal(w.session, shell, "A-name-of-more-than-23-letters"), IPN_ERR_ARG);
    CHECK_EQ(ssh_session_signal(w.session, other, "INT"), IPN_ERR_STATE);
    CHECK_EQ(ssh_session_signal(w.session, 99, "INT"), IPN_ERR_NOT_FOUND);
    for (int i = 0; i < SSH_MAX_SIGNALS; i++)
        CHECK_EQ(ssh_session_signal(w.session, shell, "TERM"), 0);
    CHECK_EQ(ssh_session_signal(w.session, shell, "TERM"), IPN_ERR_FULL);
    world_settle(&w);
    CHECK_STR(w.server->signals, "INT;USR1;TERM;TERM;TERM;TERM;");
    close_world(&w);
}

static void test_arguments(void)
{
    static char longest[33000];
    struct ssh_channel_config bad[] = {
        {.kind = SSH_CHANNEL_FORWARD, .port = 80},
        {.kind = SSH_CHANNEL_FORWARD, .host = "", .port = 80},
        {.kind = SSH_CHANNEL_FORWARD, .host = "h"},
        {.kind = SSH_CHANNEL_FORWARD, .host = longest, .port = 80},
        {.kind = SSH_CHANNEL_SHELL, .command = longest},
        {.kind = SSH_CHANNEL_SHELL, .term = longest},
        {.kind = SSH_CHANNEL_SHELL, .subsystem = longest},
        {.kind = SSH_CHANNEL_AGENT},
    };
    struct ssh_world w;

    memset(longest, 'x', sizeof longest - 1);
    open_world(&w, MINI_NO_FAULT);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_EQ(ssh_session_open_channel(w.session, &bad[i]), IPN_ERR_ARG);
    CHECK_EQ(ssh_session_write(w.session, 0, (const uint8_t *)"x", 1), IPN_ERR_NOT_FOUND);
    CHECK_EQ(ssh_session_write(w.session, 7, (const uint8_t *)"x", 1), IPN_ERR_NOT_FOUND);
    ssh_session_credit(w.session, -1, 5);
    ssh_session_close_channel(w.session, 1 << 30);
    longest[32000] = '\0'; /* as long as it may be: it fits into one packet */
    CHECK_EQ(open_channel(&w, &bad[4]), 1);
    CHECK_EQ(seen[1].count[SSH_EVENT_OPEN], 1);
    close_world(&w);
}

/* Closed at every moment of its life. */
static void test_close_channel_early(void)
{
    for (int turns = 0; turns < 30; turns++) {
        struct ssh_world w;
        int channel, other;

        open_world(&w, MINI_NO_FAULT);
        w.chunk = 29;
        other = ssh_session_open_channel(w.session, &command);
        channel = ssh_session_open_channel(w.session, &command);
        for (int i = 0; i < turns; i++)
            world_turn(&w);
        ssh_session_close_channel(w.session, channel);
        ssh_session_close_channel(w.session, channel);
        world_settle(&w);
        CHECK_EQ(seen[channel].last, SSH_EVENT_CHANNEL_CLOSED);
        CHECK_EQ(seen[channel].count[SSH_EVENT_ERROR] + seen[channel].count[SSH_EVENT_EXIT], 0);
        CHECK_EQ(seen[other].count[SSH_EVENT_OPEN], 1);
        if (w.server->opens == 2) { /* the slot stays taken until the server closes too */
            CHECK_EQ(w.session->channels.count, 2);
            mini_select(w.server, 1);
            CHECK(w.server->client_closed);
            mini_send_close(w.server);
            world_settle(&w);
        }
        CHECK_EQ(w.session->channels.count, 1);
        close_world(&w);
    }
}

/* Each channel of a lost connection says why; one that had ended well says that. */
static void test_lost(void)
{
    struct ssh_world w;
    int ended, running, waiting;

    open_world(&w, MINI_NO_FAULT);
    ended = open_channel(&w, &command);
    running = open_channel(&w, &forward);
    w.server->fault = MINI_HOLD_CHANNEL;
    waiting = open_channel(&w, &command);
    seen[running].hold_credit = true;
    mini_select(w.server, 0);
    mini_send_exit_status(w.server, 3);
    mini_select(w.server, 1);
    mini_send_data(w.server, false, (const uint8_t *)"last words", 10);
    mini_send_disconnect(w.server, "maintenance");
    CHECK(world_closes(&w));
    CHECK_EQ(seen[ended].exit_code, 3);
    CHECK_EQ(seen[ended].count[SSH_EVENT_ERROR], 0);
    CHECK_EQ(seen[running].data_len, 10);
    CHECK_EQ(seen[running].error_code, SSH_PROBLEM_LOST);
    CHECK(strstr(seen[running].error, "maintenance") != NULL);
    CHECK_STR(seen[waiting].error, seen[running].error);
    CHECK_STR(seen[0].error, seen[running].error);
    for (int i = 1; i <= 3; i++)
        CHECK_EQ(seen[i].last, SSH_EVENT_CHANNEL_CLOSED);
    CHECK_EQ(seen[0].last, SSH_EVENT_CLOSED);
    CHECK_EQ(ssh_session_open_channel(w.session, &command), IPN_ERR_STATE);
    world_free(&w);
}

/* A channel that was to be opened after a log-in that never was. */
static void test_no_login(void)
{
    struct ssh_world w;
    struct ssh_config config;

    seen_reset();
    world_init(&w, MINI_CHACHA20, MINI_REFUSE_AUTH, &config);
    w.on_event = seen_event;
    world_start(&w, &config);
    CHECK(world_closes(&w));
    CHECK_EQ(seen[w.channel].error_code, SSH_PROBLEM_AUTH);
    CHECK_EQ(seen[w.channel].last, SSH_EVENT_CHANNEL_CLOSED);
    CHECK_STR(seen[0].error, seen[w.channel].error);
    CHECK_EQ(seen[0].count[SSH_EVENT_AUTHENTICATED], 0);
    world_free(&w);
}

/* ---- what the server begins ---- */

static void test_server_opens(void)
{
    static const char *const kinds[] = {"x11", "forwarded-tcpip", "auth-agent@openssh.com",
                                        "session", "nobody-knows"};
    struct ssh_world w;
    int channel;

    open_world(&w, MINI_NO_FAULT);
    channel = open_channel(&w, &command);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        mini_open(w.server, kinds[i], 20 + (int)i);
        world_settle(&w);
        CHECK_EQ(w.server->refused_opens, i + 1);
    }
    CHECK_EQ(w.server->accepted_opens, 0);
    for (int i = 0; i < 1000; i++) /* more than we remember: some stay without an answer */
        mini_open(w.server, "x11", 30);
    world_settle(&w);
    CHECK(w.server->refused_opens >= SSH_MAX_REFUSALS);
    CHECK_EQ(seen[channel].count[SSH_EVENT_ERROR], 0);
    CHECK_EQ(w.session->channels.count, 1);
    close_world(&w);
}

static void test_keep_alive(void)
{
    for (int silent = 0; silent < 2; silent++) {
        struct ssh_world w;
        struct ssh_config config;

        seen_reset();
        world_init(&w, MINI_CHACHA20, MINI_NO_FAULT, &config);
        w.on_event = seen_event;
        w.shell = command;
        config.keep_alive_ms = 30000;
        world_start(&w, &config);
        world_settle(&w);
        if (silent) {
            w.server->broken = true; /* it reads nothing any more */
            world_pass(&w, 119000);
            CHECK_EQ(seen[w.channel].count[SSH_EVENT_ERROR], 0);
            world_pass(&w, 2000);
            CHECK_EQ(seen[w.channel].error_code, SSH_PROBLEM_LOST);
            CHECK(strstr(seen[w.channel].error, "has not answered for 120 s") != NULL);
            CHECK_EQ(seen[0].last, SSH_EVENT_CLOSED);
            world_free(&w);
            continue;
        }
        world_pass(&w, 3000 * 1000); /* an hour would bring new keys */
        CHECK_EQ(w.server->asked_alive, 100);
        CHECK_EQ(seen[w.channel].count[SSH_EVENT_ERROR], 0);
        close_world(&w);
    }
}

static void test_info(void)
{
    struct ssh_world w;
    const struct ssh_info *info;

    open_world(&w, MINI_NO_FAULT);
    info = ssh_session_info(w.session);
    CHECK_STR(info->server_version, "SSH-2.0-mini");
    CHECK_STR(info->host_key_type, "ssh-ed25519");
    CHECK_EQ(strlen(info->host_key_fingerprint), 50);
    CHECK_STR(info->host_key_trust, "accepted");
    CHECK_STR(info->kex, "curve25519-sha256");
    CHECK_STR(info->cipher_in, "chacha20-poly1305@openssh.com");
    CHECK_STR(info->cipher_out, "chacha20-poly1305@openssh.com");
    CHECK_STR(info->mac_in, "");
    CHECK_STR(info->auth_method, "none");
    CHECK_EQ(seen[0].count[SSH_EVENT_STEP], 4);
    close_world(&w);
}

int main(void)
{
    world_random(9);
    test_forward();
    test_refused();
    test_requests_refused();
    test_requests_together();
    test_signals();
    test_arguments();
    test_close_channel_early();
    test_lost();
    test_no_login();
    test_server_opens();
    test_keep_alive();
    test_info();
    seen_reset();
    return TEST_DONE();
}
