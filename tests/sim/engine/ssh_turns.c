/*
 * SSH connections that begin by turns (ipn_ssh_turns.h): who begins when, what ends a turn, and
 * what those that wait live through.
 */
#include "ipn/ipn_ssh_conn.h"
#include "sim/engine/until.h"
#include "sim/engine/world.h"
#include "unit/test.h"

/* Nobody shares: each its own connection. */
#define OWN "host=far user=root askHostKey=1 reuse=0 timeout=60000"
#define SHELL OWN " pty=1"

enum { SECOND = 1000, MINUTE = 60 * SECOND, LOGIN_MS = 400, AT_ONCE = IPN_SSH_MAX_STARTING };

static struct world w;

/* The tunnel is up, and nothing is in it any more. */
static void begin(void)
{
    world_start(&w, "key", 0);
    CHECK(world_join(&w));
    world_run(&w, 10 * SECOND, NULL);
    w.far_mode = FAR_CLOSE;
    world_tcp(&w, "far", WORLD_PORT, 0);
    world_run(&w, SECOND, NULL);
    CHECK(w.streams[0].eof && far_open_conns(&w) == 0);
    world_close_stream(&w, &w.streams[0]);
    world_run(&w, SECOND, NULL);
    CHECK(w.streams[0].done);
    w.streams[0] = (struct world_stream){0};
    w.stream_count = w.conn_count = 0;
    w.far_mode = FAR_SSH;
    w.ssh_ways.greeting = "Welcome.\r\nfar$ ";
}

static void finish(void)
{
    CHECK_EQ(w.unknown_ids, 0);
    CHECK_EQ(w.busy, 0);
    for (size_t i = 0; i < w.stream_count; i++)
        CHECK(w.streams[i].dones <= 1 && w.streams[i].errors <= 1 && w.streams[i].opens <= 1);
    if (w.ipn)
        CHECK(w.ipn->ssh_lines == NULL || w.ipn->streams.count > 0);
    world_stop(&w);
}

static struct world_stream *dial(unsigned n, const char *fields)
{
    struct world_stream *first = &w.streams[w.stream_count];
    while (n--)
        CHECK(world_ssh_with(&w, fields) != NULL);
    return first;
}

static bool one_more(const struct world *now)
{
    return now->conn_count > AT_ONCE;
}

static unsigned count_open(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < w.stream_count; i++)
        n += w.streams[i].open;
    return n;
}

/* The earliest end of a turn that somebody waits for. */
static uint64_t next_end(void)
{
    uint64_t next = NEVER;
    for (size_t i = 0; i < w.ipn->streams.slot_count; i++) {
        struct ipn_stream *st = w.ipn->streams.slots[i];
        if (st && st->kind == IPN_STREAM_SSH_CONN)
            next = earlier(next, ipn_ssh_turn_deadline(ipn_ssh_conn_of(st)));
    }
    return next;
}

/* Forty at once: never more than eight on the way, in their order, and without a pause. */
static void test_order(void)
{
    enum { N = 40 };
    begin();
    dial(N, SHELL);
    for (unsigned i = 0; i < AT_ONCE; i++)
        CHECK_EQ(w.streams[i].steps & ~1u, 6); /* name and route; TCP is under way */
    for (unsigned i = AT_ONCE; i < N; i++) {
        CHECK_EQ(w.streams[i].steps, 0);
        CHECK_EQ(w.streams[i].progress, 1);
        CHECK_STR(w.streams[i].said, "Waiting for a turn: 8 connections to far are starting…");
    }
    uint64_t start_ms = w.now_ms;
    while (!all_open_or_done(&w) && w.now_ms < start_ms + MINUTE) {
        world_run(&w, 5, NULL);
        CHECK(w.conn_count <= count_open() + AT_ONCE);
        for (size_t i = w.conn_count + AT_ONCE; i < N; i++)
            CHECK_EQ(w.streams[i].steps, 0); /* whoever came first is first */
    }
    CHECK_EQ(count_open(), N);
    CHECK(w.now_ms - start_ms <= N / AT_ONCE * LOGIN_MS);
    CHECK_EQ(next_end(), NEVER);
    finish();
}

/* The ninth begins when the first of eight has come so far. */
static void test_ends(void)
{
    static const struct {
        const char *what, *fields, *banner, *greeting;
        enum mini_fault fault;
        bool frozen, asked;
        unsigned from_ms, to_ms; /* after the first of eight began */
    } CASES[] = {
        {"prompt", SHELL, NULL, "Hi.\r\n$ ", MINI_NO_FAULT, false, false, 0, LOGIN_MS},
        {"greeting", SHELL, NULL, "Hi.\r\n", MINI_NO_FAULT, false, false, 2000, 2000 + LOGIN_MS},
        {"silent shell", SHELL, NULL, NULL, MINI_NO_FAULT, false, false, 2000, 2000 + LOGIN_MS},
        {"command", OWN " pty=0 command=sink", NULL, NULL, MINI_NO_FAULT, false, false, 0,
         LOGIN_MS},
        {"test", OWN " kind=test", NULL, NULL, MINI_NO_FAULT, false, false, 0, LOGIN_MS},
        {"sftp", OWN " kind=sftp", NULL, NULL, MINI_NO_FAULT, false, false, 0, LOGIN_MS},
        {"refused", SHELL, NULL, NULL, MINI_REFUSE_AUTH, false, false, 0, LOGIN_MS},
        {"mute server", SHELL, NULL, NULL, MINI_NO_FAULT, true, false, 2000, 2000 + LOGIN_MS},
        {"login", SHELL, NULL, NULL, MINI_HOLD_AUTH, false, false, 10000, 10000 + LOGIN_MS},
        {"channel", SHELL, NULL, NULL, MINI_HOLD_CHANNEL, false, false, 10000, 10000 + LOGIN_MS},
        {"asked", SHELL, NULL, NULL, MINI_NO_FAULT, false, true, 300, 300 + LOGIN_MS},
        {"visit", SHELL, "visit https://in.test/a", NULL, MINI_HOLD_AUTH, false, false, 0,
         LOGIN_MS},
        {"notice", SHELL, "members only", NULL, MINI_HOLD_AUTH, false, false, 10000,
         10000 + LOGIN_MS},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        begin();
        w.ssh_ways.fault = CASES[i].fault;
        w.ssh_ways.frozen = CASES[i].frozen;
        w.ssh_ways.banner = CASES[i].banner;
        w.ssh_ways.greeting = CASES[i].greeting;
        w.no_answers = CASES[i].asked;
        uint64_t start_ms = w.now_ms;
        dial(AT_ONCE, CASES[i].fields);
        CHECK_EQ(next_end(), NEVER); /* nobody waits: no timer */
        dial(1, CASES[i].fields);
        CHECK(next_end() <= w.now_ms + IPN_SSH_TURN_MS);
        bool ok = CHECK(world_run(&w, MINUTE, one_more));
        uint64_t took_ms = w.now_ms - start_ms;
        ok &= CHECK(took_ms >= CASES[i].from_ms && took_ms <= CASES[i].to_ms);
        if (!ok)
            fprintf(stderr, "    %s: %u ms\n", CASES[i].what, (unsigned)took_ms);
        finish();
    }
}

/* A connection's time is counted from its own beginning; one that ended lets the next begin. */
static void test_own_time(void)
{
    begin();
    w.ssh_ways.fault = MINI_HOLD_AUTH;
    uint64_t start_ms = w.now_ms;
    dial(2 * AT_ONCE, SHELL " timeout=6000");
    world_run(&w, 7 * SECOND, NULL);
    for (unsigned i = 0; i < 2 * AT_ONCE; i++)
        CHECK_EQ(w.streams[i].done, i < AT_ONCE);
    CHECK(world_run(&w, MINUTE, all_done));
    CHECK(w.now_ms - start_ms >= 12 * SECOND && w.now_ms - start_ms <= 13 * SECOND);
    CHECK_STR(w.streams[AT_ONCE].code, "ssh-timeout");
    finish();
}

/* A port that swallows what comes: nobody waits for those in front to give up. */
static void test_black_hole(void)
{
    begin();
    dial(1, SHELL);
    CHECK(world_run(&w, SECOND, all_open_or_done));
    w.loss = 1000;
    uint64_t start_ms = w.now_ms;
    dial(3 * AT_ONCE, SHELL " timeout=5000");
    world_close_stream(&w, &w.streams[0]);
    CHECK(world_run(&w, MINUTE, all_done));
    CHECK(w.now_ms - start_ms <= 2 * IPN_SSH_TURN_SILENT_MS + 5000);
    CHECK_STR(w.streams[3 * AT_ONCE].code, "connect-timeout");
    finish();
}

static void test_close_while_waiting(void)
{
    begin();
    w.ssh_ways.fault = MINI_HOLD_AUTH;
    struct world_stream *s = dial(AT_ONCE + 4, SHELL);
    for (unsigned i = AT_ONCE; i < AT_ONCE + 4; i += 3) { /* the first and the last in line */
        world_close_stream(&w, &s[i]);
        CHECK(s[i].done && !s[i].errors);
    }
    world_run(&w, 5 * SECOND, NULL);
    CHECK_EQ(w.conn_count, AT_ONCE);
    world_close_stream(&w, &s[3]); /* one that had its turn */
    world_run(&w, SECOND, NULL);
    CHECK_EQ(w.conn_count, AT_ONCE + 1);
    CHECK(s[AT_ONCE + 1].steps && !s[AT_ONCE + 2].steps);
    far_drop_conns(&w);
    world_run(&w, SECOND, NULL);
    CHECK(s[AT_ONCE + 2].steps != 0);
    CHECK_EQ(w.conn_count, AT_ONCE + 2);
    finish();
}

/* The page leaves: what waits ends with the rest and never begins. */
static void test_leave(bool logout)
{
    begin();
    w.ssh_ways.fault = MINI_HOLD_AUTH;
    dial(3 * AT_ONCE, SHELL);
    world_run(&w, SECOND, NULL);
    if (logout)
        IPN_CALL(CHECK_EQ(ipn_logout(w.ipn, w.now_ms), 0));
    else
        IPN_CALL(CHECK_EQ(ipn_close_streams(w.ipn, w.now_ms), 0));
    world_drain(&w);
    CHECK(world_run(&w, 2 * SECOND, all_done));
    CHECK_EQ(w.conn_count, AT_ONCE);
    CHECK(w.ipn->ssh_lines == NULL);
    finish();
}

static void test_node_removed(void)
{
    begin();
    w.ssh_ways.fault = MINI_HOLD_AUTH;
    dial(3 * AT_ONCE, SHELL);
    world_run(&w, SECOND, NULL);
    script_remove_far(&w);
    CHECK(world_run(&w, SECOND, all_done));
    CHECK_STR(w.streams[0].code, "node-removed");
    CHECK_STR(w.streams[3 * AT_ONCE - 1].code, "unknown-host");
    finish();
}

/* Another address, and what comes through a jump host, do not wait for this one's. */
static void test_other_ends(void)
{
    char fields[100];
    begin();
    struct world_stream *jump =
        dial(1, "host=far user=root askHostKey=1 kind=forward destHost=in destPort=22");
    CHECK(world_run(&w, SECOND, all_open_or_done));
    w.ssh_ways.fault = MINI_HOLD_AUTH;
    dial(AT_ONCE + 1, SHELL);
    struct world_stream *six = dial(1, "host=fd7a::2 user=root askHostKey=1");
    snprintf(fields, sizeof fields, "host=in user=root askHostKey=1 via=%u", (unsigned)jump->id);
    struct world_stream *in = dial(1, fields);
    world_run(&w, SECOND, NULL);
    CHECK_EQ(w.conn_count, 1 + AT_ONCE + 1);
    CHECK_EQ(six->steps & 0x70, 0x70); /* its server spoke, keys were made, ours was shown */
    CHECK(in->opens == 1 || (in->steps & 0x70) == 0x70);
    finish();
}

/* Tried again, they stand in line again. */
static void test_retries(void)
{
    begin();
    w.far_mode = FAR_RESET;
    dial(2 * AT_ONCE, SHELL " retries=2 retryDelay=500");
    CHECK(world_run(&w, MINUTE, all_done));
    CHECK_EQ(w.conn_count, 3 * 2 * AT_ONCE);
    finish();
}

/* Nobody knows the node yet, or reaches it: that costs it nothing, and all wait alike. */
static void test_before_the_tunnel(void)
{
    world_start(&w, "key", 0);
    w.far_mode = FAR_SSH;
    w.ssh_ways.greeting = "far$ ";
    dial(AT_ONCE + 2, SHELL);
    world_run(&w, 5 * SECOND, NULL);
    CHECK(w.ipn->ssh_lines == NULL);
    CHECK(world_join(&w));
    CHECK(world_run(&w, 10 * SECOND, all_open_or_done));
    CHECK_EQ(count_open(), AT_ONCE + 2);
    finish();
}

/* n before the join: all have the tunnel to wait for, then eight begin and stay on the way. */
static void begin_before_the_tunnel(unsigned n)
{
    world_start(&w, "key", 0);
    w.far_mode = FAR_SSH;
    w.ssh_ways.greeting = "far$ ";
    w.ssh_ways.fault = MINI_HOLD_AUTH;
    dial(n, SHELL);
    CHECK(world_join(&w));
    world_run(&w, SECOND, NULL);
    CHECK(w.streams[n - 1].progress > 0 && !w.streams[n - 1].done);
}

/* What was true of the node when the wait began is not held against it at its end. */
static void test_node_comes_back(void)
{
    enum { N = AT_ONCE + 3 };
    begin_before_the_tunnel(N);
    script_send_map(&w, "{\"OnlineChange\":{\"2\":false}}");
    world_run(&w, 100, NULL);
    world_cut(&w, WORLD_FAR);
    CHECK(world_run(&w, 20 * SECOND, one_more));
    world_run(&w, SECOND, NULL);
    for (unsigned i = 0; i < N; i++)
        CHECK(!w.streams[i].done);
    finish();
}

/* Those that wait have no connection yet that a new address of ours could break. */
static void test_new_address(void)
{
    enum { N = AT_ONCE + 3 };
    begin_before_the_tunnel(N);
    w.page_id = 77;
    world_cut(&w, WORLD_CONTROL);
    world_run(&w, 30 * SECOND, NULL);
    for (unsigned i = 0; i < AT_ONCE; i++)
        CHECK_STR(w.streams[i].code, "address-changed");
    for (unsigned i = AT_ONCE; i < N; i++)
        CHECK(!w.streams[i].done);
    finish();
}

/* Names of one node share a connection that waits, and whoever joins it hears that it does. */
static void test_joined(void)
{
    struct world_stream *ids[3];
    begin();
    w.ssh_ways.fault = MINI_HOLD_AUTH;
    dial(AT_ONCE, SHELL);
    w.ssh_ways.fault = MINI_NO_FAULT;
    ids[0] = dial(1, "host=far user=root askHostKey=1 pty=1");
    ids[1] = dial(1, "host=far.tail.test user=root askHostKey=1 pty=1");
    ids[2] = dial(1, "host=100.64.0.2 user=root askHostKey=1 pty=1");
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(ids[i]->progress, 1);
        CHECK_STR(ids[i]->said, "Waiting for a turn: 8 connections to far are starting…");
    }
    world_run(&w, MINUTE, NULL);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(ids[i]->opens, 1);
    CHECK_EQ(w.conn_count, AT_ONCE + 1);
    finish();
}

int main(void)
{
    world_setup();
    test_order();
    test_ends();
    test_own_time();
    test_black_hole();
    test_close_while_waiting();
    test_leave(true);
    test_leave(false);
    test_node_removed();
    test_other_ends();
    test_retries();
    test_before_the_tunnel();
    test_node_comes_back();
    test_new_address();
    test_joined();
    return TEST_DONE();
}
