/* Many channels over one connection: ssh_channels.c and what it is made of, against mini_server. */
#include <stdio.h>

#include "base/err.h"
#include "prng.h"
#include "ssh/ssh_session_internal.h"
#include "support/ssh/ssh_seen.h"
#include "test.h"

static const struct ssh_channel_config command = {.kind = SSH_CHANNEL_SHELL, .command = "cat"};
static const struct ssh_channel_config forward = {
    .kind = SSH_CHANNEL_FORWARD, .host = "db.example", .port = 5432};

/* Logged in, no channel yet. */
static void open_world(struct ssh_world *w, enum mini_fault fault)
{
    struct ssh_config config;

    seen_reset();
    world_init(w, MINI_CHACHA20, fault, &config);
    w->no_channel = true;
    w->on_event = seen_event;
    world_start(w, &config);
    world_settle(w);
}

static int open_channel(struct ssh_world *w, const struct ssh_channel_config *config)
{
    int channel = ssh_session_open_channel(w->session, config);

    world_settle(w);
    return channel;
}

static void close_world(struct ssh_world *w)
{
    CHECK(!w->server->broken);
    ssh_session_close(w->session);
    CHECK(world_closes(w));
    CHECK_EQ(seen[0].last, SSH_EVENT_CLOSED);
    world_free(w);
}

static void fill(uint8_t *dst, size_t len, int salt)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + (size_t)salt * 31);
}

static void server_ends(struct mini_server *m, int place, uint32_t status)
{
    mini_select(m, place);
    mini_send_exit_status(m, status);
    mini_send_eof(m);
    mini_send_close(m);
}

/* ---- as many as there may be ---- */

/* Pieces of every channel's bytes in any order; each gets its own, all of them, in order. */
static void mixed_transfers(struct ssh_world *w, const int *numbers, int count)
{
    enum { LEN = 20000 };
    static uint8_t bytes[SSH_MAX_CHANNELS][LEN];
    size_t sent[SSH_MAX_CHANNELS] = {0}, left = (size_t)count * LEN;

    for (int i = 0; i < count; i++)
        fill(bytes[i], LEN, numbers[i]);
    while (left) {
        int i = (int)prng_below((uint32_t)count);
        size_t n = 1 + prng_below(3000);

        if (n > LEN - sent[i])
            n = LEN - sent[i];
        mini_select(w->server, i);
        CHECK_EQ(mini_send_data(w->server, false, bytes[i] + sent[i], n), n);
        sent[i] += n;
        left -= n;
        if (prng_below(10) == 0)
            world_turn(w);
    }
    world_settle(w);
    for (int i = 0; i < count; i++) {
        CHECK_EQ(seen[numbers[i]].data_len, LEN);
        CHECK_MEM(seen[numbers[i]].data, bytes[i], LEN);
    }
}

static void test_as_many_as_may_be(void)
{
    int numbers[SSH_MAX_CHANNELS];
    struct ssh_world w;
    char text[16];

    open_world(&w, MINI_NO_FAULT);
    CHECK_EQ(seen[0].count[SSH_EVENT_AUTHENTICATED], 1);
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        numbers[i] = ssh_session_open_channel(w.session, i % 3 ? &command : &forward);
        CHECK(numbers[i] > (i ? numbers[i - 1] : 0));
    }
    CHECK_EQ(ssh_session_open_channel(w.session, &command), IPN_ERR_FULL);
    world_settle(&w);
    CHECK_EQ(w.server->opens, SSH_MAX_CHANNELS);
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        CHECK_EQ(seen[numbers[i]].count[SSH_EVENT_OPEN], 1);
        snprintf(text, sizeof text, "to %d", i);
        CHECK_EQ(ssh_session_write(w.session, numbers[i], (uint8_t *)text, strlen(text)),
                 (int)strlen(text));
    }
    mixed_transfers(&w, numbers, SSH_MAX_CHANNELS);
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        snprintf(text, sizeof text, "to %d", i);
        mini_select(w.server, i);
        CHECK_EQ(w.server->received_len, strlen(text));
        CHECK_MEM(w.server->received, text, strlen(text));
        server_ends(w.server, i, (uint32_t)i);
    }
    world_settle(&w);
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        const struct seen *c = &seen[numbers[i]];

        CHECK_EQ(c->count[SSH_EVENT_EOF], 1);
        CHECK_EQ(c->count[SSH_EVENT_EXIT], i % 3 != 0);
        CHECK_EQ(c->exit_code, i % 3 ? i : 0);
        CHECK_EQ(c->last, SSH_EVENT_CHANNEL_CLOSED);
        mini_select(w.server, i);
        CHECK(w.server->client_closed);
        w.server->kind[0] = '\0'; /* its place is free again */
    }
    CHECK_EQ(w.session->channels.count, 0);

    /* Nobody is told that the connection ends: it does not, and new ones get new numbers. */
    CHECK_EQ(seen[0].count[SSH_EVENT_CLOSED], 0);
    world_pass(&w, 3600 * 1000);
    CHECK_EQ(open_channel(&w, &command), numbers[SSH_MAX_CHANNELS - 1] + 1);
    CHECK_EQ(seen[numbers[SSH_MAX_CHANNELS - 1] + 1].count[SSH_EVENT_OPEN], 1);
    close_world(&w);
}

/* Whatever the server sends while no page reads: bounded, and told to the server beforehand. */
static void test_windows_together(void)
{
    static uint8_t bytes[SSH_MAX_WINDOW];
    struct ssh_world w;
    size_t windows = 0, taken = 0;

    open_world(&w, MINI_NO_FAULT);
    for (int i = 0; i < SSH_MAX_CHANNELS; i++)
        seen[ssh_session_open_channel(w.session, &command)].hold_credit = true;
    world_settle(&w);
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        mini_select(w.server, i);
        windows += w.server->client_window;
        CHECK(w.server->client_window >= SSH_MIN_WINDOW);
    }
    CHECK(windows <= SSH_ALL_WINDOWS + SSH_MAX_CHANNELS * SSH_MIN_WINDOW);
    for (int turn = 0; turn < 20; turn++) {
        for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
            mini_select(w.server, i);
            taken += mini_send_data(w.server, false, bytes, 100000);
            world_turn(&w);
        }
        w.now_ms += 50;
    }
    CHECK_EQ(taken, windows);
    CHECK(w.session->hooks.heap.in_use < 1 << 20); /* all of it is at the page */
    CHECK_EQ(seen[0].count[SSH_EVENT_ERROR], 0);
    close_world(&w);
}

/* ---- one must not stop another ---- */

static void test_stalled_beside_running(void)
{
    enum { TOTAL = 6 << 20, PIECE = 50000 };
    uint8_t *bytes = malloc(TOTAL);
    int stalled, running;
    struct ssh_world w;
    size_t at = 0, stalled_at = 0;

    fill(bytes, TOTAL, 1);
    open_world(&w, MINI_NO_FAULT);
    stalled = open_channel(&w, &command);
    running = open_channel(&w, &command);
    seen[stalled].hold_credit = true;
    for (int i = 0; i < 3000 && at < TOTAL; i++) {
        mini_select(w.server, 0);
        stalled_at += mini_send_data(w.server, false, bytes + stalled_at, PIECE);
        mini_select(w.server, 1);
        at += mini_send_data(w.server, false, bytes + at, TOTAL - at < PIECE ? TOTAL - at : PIECE);
        w.now_ms += 2;
        world_turn(&w);
    }
    world_settle(&w);
    CHECK_EQ(stalled_at, SSH_FIRST_WINDOW);
    CHECK_EQ(seen[stalled].data_len, stalled_at);
    CHECK_EQ(seen[running].data_len, TOTAL);
    CHECK_MEM(seen[running].data, bytes, TOTAL);

    /* It goes on where it stopped. */
    ssh_session_credit(w.session, stalled, seen[stalled].held);
    seen[stalled].hold_credit = false;
    world_settle(&w);
    mini_select(w.server, 0);
    CHECK_EQ(mini_send_data(w.server, false, bytes + stalled_at, 100000), 100000);
    world_settle(&w);
    CHECK_EQ(seen[stalled].data_len, stalled_at + 100000);
    CHECK_MEM(seen[stalled].data, bytes, stalled_at + 100000);
    close_world(&w);
    free(bytes);
}

/* Events of two that have much to tell alternate, and so do their packets. */
static void test_turns(void)
{
    static uint8_t bytes[200000];
    struct ssh_world w;
    int a, b, changes = 0;
    size_t first;

    open_world(&w, MINI_NO_FAULT);
    a = open_channel(&w, &command);
    b = open_channel(&w, &command);
    for (int place = 0; place < 2; place++) {
        mini_select(w.server, place);
        mini_send_data(w.server, false, bytes, sizeof bytes);
    }
    world_settle(&w);
    CHECK_EQ(seen[a].data_len + seen[b].data_len, 2 * sizeof bytes);
    for (int i = 1; i < seen_order_len; i++)
        changes += seen_order[i] != seen_order[i - 1];
    CHECK(changes >= seen_order_len - 2);

    /* A transport that takes little: what went out is half of each. */
    w.write_full = true;
    CHECK_EQ(ssh_session_write(w.session, a, bytes, sizeof bytes), sizeof bytes);
    CHECK_EQ(ssh_session_write(w.session, b, bytes, sizeof bytes), sizeof bytes);
    world_settle(&w);
    first = w.session->channels.slot[0]->input.len;
    CHECK(first < sizeof bytes - 90000);
    CHECK(w.session->channels.slot[1]->input.len < sizeof bytes - 90000);
    w.write_full = false;
    world_settle(&w);
    for (int place = 0; place < 2; place++) {
        mini_select(w.server, place);
        CHECK_EQ(w.server->received_len, sizeof bytes);
    }
    close_world(&w);
}

/* Their queues are bounded together; each hears when it may go on. */
static void test_input_together(void)
{
    static uint8_t bytes[SSH_MAX_INPUT_LEN];
    struct ssh_world w;
    int numbers[40], n;
    size_t taken = 0, got = 0;

    open_world(&w, MINI_NO_FAULT);
    w.server->window = 0;
    for (int i = 0; i < 40; i++)
        numbers[i] = open_channel(&w, &command);
    for (int i = 0; i < 40; i++) {
        n = ssh_session_write(w.session, numbers[i], bytes, sizeof bytes);
        CHECK(n >= 0);
        taken += n > 0 ? (size_t)n : 0;
        CHECK_EQ(ssh_session_write(w.session, numbers[i], bytes, 1), 0);
    }
    CHECK_EQ(taken, SSH_MAX_ALL_INPUT_LEN);
    for (int i = 0; i < 40; i++) {
        mini_select(w.server, i);
        mini_send_window(w.server, 1 << 20);
    }
    world_settle(&w);
    for (int i = 0; i < 40; i++) {
        mini_select(w.server, i);
        got += w.server->received_len;
        CHECK_EQ(seen[numbers[i]].count[SSH_EVENT_WRITABLE], 1);
    }
    CHECK_EQ(got, taken);
    CHECK_EQ(w.session->channels.input_len, 0);
    close_world(&w);
}

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

/* More than the window, for one channel: the connection ends, no byte is dropped in silence. */
static void test_beyond_window(void)
{
    static uint8_t bytes[40000];
    struct ssh_world w;
    int channel, other;

    open_world(&w, MINI_NO_FAULT);
    channel = open_channel(&w, &command);
    other = open_channel(&w, &command);
    seen[channel].hold_credit = true;
    mini_select(w.server, 0);
    for (int i = 0; i < 40; i++) {
        w.server->client_window = 1 << 30;
        mini_send_data(w.server, false, bytes, sizeof bytes);
    }
    CHECK(world_closes(&w));
    CHECK_EQ(seen[channel].error_code, SSH_PROBLEM_LOST);
    CHECK_EQ(seen[other].error_code, SSH_PROBLEM_LOST);
    CHECK(seen[channel].data_len <= SSH_FIRST_WINDOW);
    world_free(&w);
}

/* One byte at a time on both streams in turn: memory stays in proportion. */
static void test_small_packets(void)
{
    struct ssh_world w;
    int channel;

    open_world(&w, MINI_NO_FAULT);
    channel = open_channel(&w, &command);
    seen[channel].hold_credit = true;
    for (int i = 0; i < 60000; i++)
        mini_send_data(w.server, false, (const uint8_t *)"a", 1);
    ssh_session_run(w.session, w.now_ms);
    CHECK_EQ(w.session->channels.slot[0]->received.len, 60000);
    CHECK(w.session->hooks.heap.in_use < 400000);
    world_settle(&w);
    CHECK_EQ(seen[channel].data_len, 60000);
    CHECK_EQ(seen[channel].count[SSH_EVENT_DATA], 2); /* 32 kB each, at most */
    for (int i = 0; i < 2000; i++)
        mini_send_data(w.server, i % 2, (const uint8_t *)"a", 1);
    world_settle(&w);
    CHECK_EQ(seen[channel].data_len, 61000);
    CHECK_EQ(seen[channel].stderr_len, 1000);
    close_world(&w);
}

/* New keys while channels open, write, are closed and run. */
static void test_rekey(void)
{
    static uint8_t bytes[50000];
    struct ssh_world w;
    int numbers[12], count = 0;

    fill(bytes, sizeof bytes, 5);
    open_world(&w, MINI_NO_FAULT);
    w.chunk = 997;
    for (int i = 0; i < 6; i++) {
        numbers[count++] = ssh_session_open_channel(w.session, &command);
        mini_start_rekey(w.server);
        world_turn(&w);
        numbers[count++] = ssh_session_open_channel(w.session, &forward);
        for (int k = 0; k < count; k++)
            ssh_session_write(w.session, numbers[k], bytes, 1000);
        world_settle(&w);
        for (int k = 0; k < count; k++) {
            mini_select(w.server, k);
            mini_send_data(w.server, false, bytes + i * 1000, 1000);
        }
    }
    world_settle(&w);
    CHECK_EQ(w.server->rekeys, 6);
    for (int k = 0; k < count; k++) {
        mini_select(w.server, k);
        CHECK_EQ(seen[numbers[k]].count[SSH_EVENT_OPEN], 1);
        CHECK_EQ(seen[numbers[k]].data_len % 1000, 0);
        CHECK_EQ(seen[numbers[k]].data_len, (size_t)(6 - k / 2) * 1000);
        CHECK_EQ(w.server->received_len % 1000, 0);
    }
    CHECK_EQ(seen[0].count[SSH_EVENT_ERROR], 0);
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
    prng_init(20261121);
    test_as_many_as_may_be();
    test_windows_together();
    test_stalled_beside_running();
    test_turns();
    test_input_together();
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
    test_beyond_window();
    test_small_packets();
    test_rekey();
    test_keep_alive();
    test_info();
    seen_reset();
    return TEST_DONE();
}
