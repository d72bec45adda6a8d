/*
 * SSH ids over shared connections: how many connections the far node sees, what they live through,
 * and how they end.
 */
#include "sim/engine/until.h"
#include "sim/engine/world.h"
#include "unit/test.h"

#define SHELL "host=far user=root timeout=5000 askHostKey=1 pty=1"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static struct world w;

static void begin(void)
{
    world_start(&w, "key", 0);
    CHECK(world_join(&w));
    world_run(&w, 10 * SECOND, NULL); /* the first seconds have ways of their own: ssh.c */
    w.far_mode = FAR_SSH;
}

static void finish(void)
{
    CHECK_EQ(w.unknown_ids, 0);
    CHECK_EQ(w.busy, 0);
    for (size_t i = 0; i < w.stream_count; i++)
        CHECK(w.streams[i].dones <= 1 && w.streams[i].errors <= 1 && w.streams[i].opens <= 1);
    world_stop(&w);
}

static struct world_stream *opened(const char *fields)
{
    struct world_stream *s = world_ssh_with(&w, fields);
    CHECK(s != NULL);
    CHECK(world_run(&w, 10 * SECOND, all_open_or_done));
    CHECK(s->open);
    if (!s->open)
        fprintf(stderr, "    %s: %s: %s\n", fields, s->code, s->text);
    return s;
}

/* What is typed comes back. */
static void check_echo(struct world_stream *s, const char *text)
{
    s->seen[0] = '\0';
    int n;
    IPN_CALL(n = ipn_ssh_write(w.ipn, s->id, (const uint8_t *)text, strlen(text), w.now_ms));
    CHECK_EQ(n, (int)strlen(text));
    world_drain(&w);
    world_run(&w, SECOND, NULL);
    CHECK_STR(s->seen, text);
}

static void test_two_shells_one_connection(void)
{
    begin();
    struct world_stream *a = opened(SHELL);
    CHECK_EQ(a->steps, 0xfe); /* each of the seven */
    uint64_t before = w.now_ms;
    struct world_stream *b = opened(SHELL);
    CHECK(w.now_ms - before <= 20 * w.latency_ms);
    CHECK_EQ(b->steps, 0);
    CHECK_EQ(b->host_keys, 0);
    CHECK_EQ(w.conn_count, 1);
    CHECK_EQ(w.ssh_ways.logins, 1);
    check_echo(a, "one");
    check_echo(b, "two");
    world_close_stream(&w, a);
    CHECK(a->done);
    check_echo(b, "three");
    struct world_stream *c = opened("host=100.64.0.2 user=root timeout=5000 askHostKey=1");
    CHECK_EQ(w.conn_count, 1); /* the same node by its address */
    check_echo(c, "four");
    finish();
}

static void test_both_at_once(void)
{
    begin();
    struct world_stream *a = world_ssh_with(&w, SHELL), *b = world_ssh_with(&w, SHELL);
    CHECK(world_run(&w, 10 * SECOND, all_open_or_done));
    CHECK(a->open && b->open);
    CHECK_EQ(a->host_keys + b->host_keys, 1);
    CHECK_EQ(w.conn_count, 1);
    finish();
}

/* A page that asks nobody about host keys does not answer for one that does. */
static void test_who_answers(void)
{
    begin();
    w.no_answers = true;
    struct world_stream *a = world_ssh_with(&w, "host=far user=root askHostKey=2");
    struct world_stream *b = world_ssh_with(&w, "host=far user=root askHostKey=1");
    world_run(&w, 10 * SECOND, NULL);
    CHECK_EQ(w.conn_count, 2);
    CHECK_EQ(a->host_keys, 1);
    CHECK_EQ(b->host_keys, 1);
    IPN_CALL(CHECK_EQ(ipn_ssh_answer_host_key(w.ipn, a->id, false, w.now_ms), 0));
    world_drain(&w);
    world_run(&w, 5 * SECOND, NULL);
    CHECK(a->errors == 1 && !b->errors);
    IPN_CALL(CHECK_EQ(ipn_ssh_answer_host_key(w.ipn, b->id, true, w.now_ms), 0));
    world_drain(&w);
    CHECK(world_run(&w, 5 * SECOND, all_open_or_done));
    check_echo(b, "mine");
    finish();
}

/* Banners make us wait for a person, all together no longer than one does. */
static void test_endless_banners(void)
{
    begin();
    w.ssh_ways.fault = MINI_HOLD_AUTH;
    w.ssh_ways.banner = "visit https://login.test/a";
    struct world_stream *s = world_ssh_with(&w, SHELL);
    unsigned minutes = 0;
    while (minutes < 120 && !s->done) {
        world_run(&w, MINUTE, all_done);
        minutes++;
        if (w.conns[0].ssh && w.conns[0].tc)
            far_ssh_banner(w.conns[0].ssh, "still here");
        far_drain(&w);
    }
    CHECK(minutes >= 29 && minutes <= 31);
    CHECK_STR(s->code, "ssh-timeout");
    finish();
}

/* A server that closes no channel costs a connection now and then, and no shell. */
static void test_never_closed(void)
{
    begin();
    w.ssh_ways.no_close = true;
    for (int i = 0; i < 250; i++)
        world_close_stream(&w, opened(SHELL));
    CHECK(w.conn_count >= 2 && w.conn_count <= 4);
    world_run(&w, 10 * SECOND, NULL);
    CHECK(far_open_conns(&w) <= 1); /* one that is full is not kept */
    finish();
}

/* The one that was asked leaves before it answers: the other one is asked. */
static void test_question_passed_on(void)
{
    begin();
    w.no_answers = true;
    struct world_stream *a = world_ssh_with(&w, SHELL), *b = world_ssh_with(&w, SHELL);
    CHECK(!world_run(&w, 10 * MINUTE, all_done)); /* a person may take long */
    CHECK_EQ(a->host_keys, 1);
    CHECK_EQ(b->host_keys, 0);
    world_close_stream(&w, a);
    world_run(&w, SECOND, NULL);
    CHECK(a->done && !a->errors);
    CHECK_EQ(b->host_keys, 1);
    CHECK_EQ(ipn_ssh_answer_host_key(w.ipn, a->id, true, w.now_ms), IPN_ERR_NOT_FOUND);
    CHECK_EQ(ipn_ssh_answer_host_key(w.ipn, b->id, true, w.now_ms), 0);
    CHECK_EQ(ipn_ssh_answer_host_key(w.ipn, b->id, true, w.now_ms), IPN_ERR_STATE);
    world_drain(&w);
    CHECK(world_run(&w, 5 * SECOND, all_open_or_done));
    check_echo(b, "yes");
    CHECK_EQ(w.conn_count, 1);
    struct world_stream *c = world_ssh_with(&w, SHELL " reuse=0");
    CHECK(world_run(&w, 5 * SECOND, all_open_or_done)); /* the host is known now */
    CHECK_EQ(c->host_keys, 0);
    finish();
}

/* Nobody is left to ask: the connection goes. */
static void test_question_unanswered(void)
{
    begin();
    w.no_answers = true;
    struct world_stream *a = world_ssh_with(&w, SHELL);
    world_run(&w, 5 * SECOND, NULL);
    CHECK_EQ(far_open_conns(&w), 1);
    world_close_stream(&w, a);
    CHECK(a->done);
    world_run(&w, 3 * SECOND, NULL);
    CHECK_EQ(far_open_conns(&w), 0);
    a = world_ssh_with(&w, SHELL); /* half an hour, then it is given up */
    CHECK(world_run(&w, 31 * MINUTE, all_done));
    CHECK_STR(a->code, "ssh-timeout");
    finish();
}

static void test_who_shares(void)
{
    static const struct {
        const char *fields;
        size_t conns; /* so many more */
    } CASES[] = {{SHELL, 1},
                 {SHELL, 0},
                 {SHELL " reuse=0", 1},
                 {SHELL, 0},
                 {"host=far user=other askHostKey=1", 1},
                 {SHELL " password=a", 1},
                 {SHELL " password=b", 1},
                 {SHELL " password=a", 0},
                 {SHELL " agent=1", 1},
                 {SHELL " term=vt100 command=hi env.A=b", 0}};
    begin();
    size_t conns = 0;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        opened(CASES[i].fields);
        conns += CASES[i].conns;
        if (!CHECK_EQ(w.conn_count, conns))
            fprintf(stderr, "    case %zu: %s\n", i, CASES[i].fields);
    }
    finish();
}

static void test_idle(void)
{
    begin();
    struct world_stream *a = opened(SHELL " keepAlive=0");
    (void)a;
    world_close_stream(&w, a);
    world_run(&w, 4 * MINUTE, NULL);
    CHECK_EQ(far_open_conns(&w), 1);
    struct world_stream *b = opened(SHELL " keepAlive=0");
    CHECK_EQ(w.conn_count, 1);
    world_close_stream(&w, b);
    world_run(&w, 4 * MINUTE, NULL);
    CHECK_EQ(far_open_conns(&w), 1);
    world_run(&w, 2 * MINUTE, NULL);
    CHECK_EQ(far_open_conns(&w), 0);
    opened(SHELL);
    CHECK_EQ(w.conn_count, 2);
    finish();
}

static void test_idle_ceiling(void)
{
    char fields[100];
    begin();
    for (int i = 0; i < 20; i++) {
        snprintf(fields, sizeof fields, "host=far user=u%d askHostKey=1", i);
        world_close_stream(&w, opened(fields));
    }
    world_run(&w, 5 * SECOND, NULL);
    CHECK_EQ(w.conn_count, 20);
    CHECK_EQ(far_open_conns(&w), 16);
    finish();
}

static void test_exit_status(void)
{
    begin();
    struct world_stream *s = world_ssh_with(&w, "host=far user=root askHostKey=1 command=none");
    CHECK(s != NULL);
    world_close_stream(&w, s);
    s = world_ssh_with(&w, "host=far user=root askHostKey=1 reuse=0");
    CHECK(world_run(&w, 10 * SECOND, all_open_or_done));
    IPN_CALL(ipn_ssh_eof(w.ipn, s->id, w.now_ms));
    world_drain(&w);
    CHECK(world_run(&w, 10 * SECOND, all_done));
    CHECK_EQ(s->exits, 1);
    CHECK_EQ(s->exit_code, 0);
    CHECK(s->eof && !s->errors);
    world_run(&w, 5 * SECOND, NULL);
    CHECK_EQ(far_open_conns(&w), 0); /* reuse=0 ends with its only shell, the other never began */
    finish();
}

static void test_test(void)
{
    begin();
    struct world_stream *s = world_ssh_with(&w, SHELL " kind=test");
    CHECK(world_run(&w, 10 * SECOND, all_done));
    CHECK_EQ(s->steps, 0xfe);
    CHECK(!s->errors && !s->opens);
    world_run(&w, 5 * SECOND, NULL);
    CHECK_EQ(far_open_conns(&w), 0);
    CHECK_EQ(w.ssh_ways.sessions, 0);
    w.ssh_ways.fault = MINI_REFUSE_AUTH;
    s = world_ssh_with(&w, SHELL " kind=test");
    CHECK(world_run(&w, 10 * SECOND, all_done));
    CHECK_EQ(s->steps, 0x7e);
    CHECK_STR(s->code, "ssh-refused");
    CHECK_EQ(s->error_early, 0);
    finish();
}

static void test_connection_breaks(void)
{
    begin();
    struct world_stream *a = opened(SHELL), *b = opened(SHELL);
    far_drop_conns(&w);
    CHECK(world_run(&w, 10 * SECOND, all_done));
    CHECK_STR(a->code, "connection-lost");
    CHECK_STR(b->code, "connection-lost");
    CHECK_EQ(a->error_early, 0);
    opened(SHELL);
    CHECK_EQ(w.conn_count, 2);
    finish();
}

/* A connection that broke while it was idle, or that nobody answers on, costs no new shell. */
static void test_dead_idle(bool frozen)
{
    begin();
    world_close_stream(&w, opened(SHELL " keepAlive=0"));
    world_run(&w, SECOND, NULL);
    if (frozen) {
        w.conns[0].mode = FAR_SILENT;
        far_ssh_free(w.conns[0].ssh);
        w.conns[0].ssh = NULL;
    } else {
        far_drop_conns(&w);
    }
    struct world_stream *s = opened(SHELL " keepAlive=0");
    CHECK(!s->errors);
    CHECK_EQ(w.conn_count, 2);
    check_echo(s, "fresh");
    finish();
}

static void test_max_sessions(unsigned limit, unsigned count, size_t conns)
{
    begin();
    w.ssh_ways.max_sessions = limit;
    for (unsigned i = 0; i < count; i++)
        opened(SHELL);
    CHECK_EQ(w.conn_count, conns);
    for (unsigned i = 0; i < count; i++)
        CHECK(w.streams[i].open);
    finish();
}

static void test_hundred_at_once(void)
{
    begin();
    w.ssh_ways.max_sessions = 10;
    for (int i = 0; i < 100; i++)
        world_ssh_with(&w, SHELL);
    CHECK(world_run(&w, 20 * SECOND, all_open_or_done));
    for (int i = 0; i < 100; i++)
        CHECK(w.streams[i].open);
    CHECK_EQ(w.conn_count, 10);
    CHECK_EQ(w.ssh_ways.refused, 0);
    check_echo(&w.streams[0], "first");
    check_echo(&w.streams[99], "last");
    IPN_CALL(ipn_close_streams(w.ipn, w.now_ms));
    world_drain(&w);
    CHECK(world_run(&w, 3 * SECOND, all_done));
    world_run(&w, SECOND, NULL);
    CHECK_EQ(far_open_conns(&w), 0);
    finish();
}

static void test_retries(void)
{
    begin();
    w.far_mode = FAR_RESET;
    struct world_stream *s = world_ssh_with(&w, SHELL " retries=3 retryDelay=2000");
    uint64_t start_ms = w.now_ms;
    CHECK(world_run(&w, 60 * SECOND, all_done));
    CHECK_EQ(w.conn_count, 4);
    CHECK(w.now_ms - start_ms >= 6 * SECOND && w.now_ms - start_ms < 8 * SECOND);
    CHECK_EQ(s->error_early, 1);
    s = world_ssh_with(&w, SHELL " retries=3 retryDelay=2000");
    world_run(&w, 3 * SECOND, NULL);
    w.far_mode = FAR_SSH;
    CHECK(world_run(&w, 10 * SECOND, all_open_or_done));
    CHECK(s->open);
    w.ssh_ways.fault = MINI_REFUSE_AUTH; /* what was refused is refused again */
    size_t conns = w.conn_count;
    s = world_ssh_with(&w, SHELL " reuse=0 retries=3");
    CHECK(world_run(&w, 10 * SECOND, all_done) || s->done);
    CHECK_EQ(w.conn_count, conns + 1);
    s = world_ssh_with(&w, "host=nobody user=root retries=3");
    world_run(&w, SECOND, NULL);
    CHECK_STR(s->code, "unknown-host");
    finish();
}

/* A banner may be Tailscale's check: whatever comes after it is never answered by a new one. */
static void test_no_second_check(void)
{
    begin();
    w.ssh_ways.fault = MINI_HOLD_AUTH;
    w.ssh_ways.banner = "visit https://login.example/a/1\r\n";
    struct world_stream *s = world_ssh_with(&w, SHELL " retries=3 retryDelay=100");
    CHECK(!world_run(&w, 20 * MINUTE, all_done)); /* it waits for the person */
    far_drop_conns(&w);
    CHECK(world_run(&w, 10 * SECOND, all_done));
    CHECK_EQ(w.conn_count, 1);
    CHECK_EQ(s->errors, 1);
    finish();
}

static void test_forward(void)
{
    char fields[100];
    begin();
    struct world_stream *a = opened(SHELL);
    snprintf(fields, sizeof fields, "kind=forward on=%u destHost=inside destPort=22",
             (unsigned)a->id);
    struct world_stream *f = opened(fields);
    world_run(&w, SECOND, NULL);
    CHECK_STR(f->seen, ""); /* held until somebody reads */
    IPN_CALL(ipn_ssh_credit(w.ipn, f->id, 0, w.now_ms));
    world_drain(&w);
    CHECK(strncmp(f->seen, "SSH-2.0-", 8) == 0);
    CHECK_EQ(w.conn_count, 1);
    CHECK_EQ(w.ssh_ways.forwards, 1);
    world_close_stream(&w, a);
    world_run(&w, SECOND, NULL);
    CHECK(!f->done); /* it keeps the connection */
    finish();
}

/* hops connections, one inside the other; the last one's shell echoes. */
static struct world_stream *build_hops(int hops)
{
    char fields[200], via[40] = "";
    struct world_stream *shell = NULL;
    for (int i = 0; i < hops; i++) {
        snprintf(fields, sizeof fields, SHELL "%s", via);
        shell = opened(fields);
        if (i == hops - 1)
            break;
        snprintf(fields, sizeof fields, "kind=forward on=%u destHost=inside destPort=22",
                 (unsigned)shell->id);
        snprintf(via, sizeof via, " via=%u", (unsigned)opened(fields)->id);
    }
    return shell;
}

static void test_jump_hosts(void)
{
    begin();
    struct world_stream *s = build_hops(3);
    CHECK_EQ(w.conn_count, 1);
    CHECK_EQ(w.ssh_ways.logins, 3);
    CHECK_EQ(w.ssh_ways.forwards, 2);
    check_echo(s, "from far away");
    /* A second shell at the end of the chain shares its connection. */
    char fields[200];
    snprintf(fields, sizeof fields, SHELL " via=%u", (unsigned)w.streams[3].id);
    struct world_stream *t = opened(fields);
    CHECK_EQ(w.ssh_ways.logins, 3);
    check_echo(t, "me too");
    far_drop_conns(&w);
    CHECK(world_run(&w, 10 * SECOND, all_done));
    for (size_t i = 0; i < w.stream_count; i++)
        CHECK_EQ(w.streams[i].errors, 1);
    finish();
}

/* From the middle, from the end, and a forward that the page ends under a connection. */
static void test_jump_teardown(int which)
{
    begin();
    struct world_stream *s = build_hops(2);
    check_echo(s, "here");
    world_close_stream(&w, &w.streams[which]);
    CHECK(w.streams[which].done);
    world_run(&w, 10 * SECOND, NULL);
    CHECK_EQ(s->done, which != 0); /* the first shell is not needed */
    if (which == 0)
        check_echo(s, "still");
    IPN_CALL(ipn_logout(w.ipn, w.now_ms));
    world_drain(&w);
    CHECK(world_run(&w, 10 * SECOND, all_done));
    finish();
}

static void test_jump_refused(void)
{
    char fields[200];
    begin();
    struct world_stream *a = opened(SHELL);
    snprintf(fields, sizeof fields, SHELL " via=%u", (unsigned)a->id);
    struct world_stream *s = world_ssh_with(&w, fields);
    world_run(&w, SECOND, NULL);
    CHECK(s->done);
    CHECK_STR(s->code, "bad-jump");
    s = world_ssh_with(&w, SHELL " via=12345");
    world_run(&w, SECOND, NULL);
    CHECK_STR(s->code, "connection-lost");
    s = world_ssh_with(&w, "kind=forward on=12345 destHost=a destPort=1");
    world_run(&w, SECOND, NULL);
    CHECK_STR(s->code, "connection-lost");
    finish();
}

/* An idle shell on a node that died is told so by the keep-alive. */
static void test_dead_node(void)
{
    begin();
    struct world_stream *s = opened(SHELL " keepAlive=30000");
    world_run(&w, 5 * MINUTE, NULL);
    CHECK(!s->done); /* alive and quiet is fine */
    w.ssh_ways.frozen = true;
    CHECK(world_run(&w, 4 * MINUTE, all_done));
    CHECK_STR(s->code, "connection-lost");
    finish();
}

static void test_channel_timeout(void)
{
    begin();
    struct world_stream *s = world_ssh_with(&w, SHELL " command=hang");
    uint64_t start_ms = w.now_ms;
    CHECK(world_run(&w, 30 * SECOND, all_done));
    CHECK(w.now_ms - start_ms <= 7 * SECOND);
    CHECK_STR(s->code, "ssh-timeout");
    finish();
}

/* A connection that is busy with something else is not taken for a dead one. */
static void test_slow_channel(void)
{
    begin();
    struct world_stream *a = opened(SHELL);
    struct world_stream *b = world_ssh_with(&w, SHELL " timeout=9000 command=hang");
    for (int i = 0; i < 8; i++) {
        check_echo(a, "busy");
        CHECK(!b->done);
    }
    CHECK(world_run(&w, 3 * SECOND, all_open_or_done));
    CHECK_STR(b->code, "ssh-timeout");
    CHECK_EQ(w.conn_count, 1);
    check_echo(a, "unharmed");
    finish();
}

static void test_calls(void)
{
    begin();
    struct world_stream *s = opened(SHELL);
    CHECK_EQ(ipn_ssh_signal(w.ipn, s->id, "INT", w.now_ms), 0);
    CHECK_EQ(ipn_ssh_answer_prompt(w.ipn, s->id, NULL, 0, w.now_ms), IPN_ERR_STATE);
    CHECK_EQ(ipn_ssh_answer_host_key(w.ipn, s->id, true, w.now_ms), IPN_ERR_STATE);
    ipn_ssh_answer_agent(w.ipn, s->id, 7, true, w.now_ms);
    world_run(&w, SECOND, NULL);
    CHECK_EQ(w.ssh_ways.signals, 1);
    CHECK_EQ(ipn_ssh_signal(w.ipn, 999, "INT", w.now_ms), IPN_ERR_NOT_FOUND);
    CHECK_EQ(ipn_sftp_cancel(w.ipn, s->id, 1, w.now_ms), IPN_ERR_STATE);
    finish();
}

int main(void)
{
    world_setup();
    test_two_shells_one_connection();
    test_both_at_once();
    test_who_answers();
    test_endless_banners();
    test_never_closed();
    test_question_passed_on();
    test_question_unanswered();
    test_who_shares();
    test_idle();
    test_idle_ceiling();
    test_exit_status();
    test_test();
    test_connection_breaks();
    test_dead_idle(false);
    test_dead_idle(true);
    test_max_sessions(10, 25, 3);
    test_max_sessions(2, 5, 3);
    test_hundred_at_once();
    test_retries();
    test_no_second_check();
    test_forward();
    test_jump_hosts();
    for (int which = 0; which < 3; which++)
        test_jump_teardown(which);
    test_jump_refused();
    test_dead_node();
    test_channel_timeout();
    test_slow_channel();
    test_calls();
    return TEST_DONE();
}
