/* From ipn_new to ipn_free: refusals, logins, logouts, and the end at any moment. */
#include "ipn/ipn_internal.h"
#include "sim/engine/until.h"
#include "sim/engine/world.h"
#include "unit/test.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static struct world w;

static void leave(void)
{
    CHECK_EQ(w.unknown_ids, 0);
    CHECK_EQ(w.busy, 0);
    CHECK_EQ(w.forgotten, 0);
    CHECK(!w.after_logout);
    world_stop(&w);
}

static bool last_state_is(const struct world *now, int state)
{
    return now->state_count && now->states[now->state_count - 1] == state;
}

static bool needs_login(const struct world *now)
{
    return last_state_is(now, IPN_STATE_NEEDS_LOGIN);
}

static bool needs_machine(const struct world *now)
{
    return last_state_is(now, IPN_STATE_NEEDS_MACHINE_AUTH);
}

static bool is_out(const struct world *now)
{
    return now->logged_out;
}

static bool echoed(const struct world *now)
{
    return now->streams[0].received == now->streams[0].to_send;
}

static void test_bad_config(void)
{
    static const struct {
        const char *url, *key;
    } cases[] = {{"ftp://x", ""}, {"http://", ""},         {"http://a b", ""}, {"http://a:0", ""},
                 {"", ""},        {"http://a", "mkey:12"}, {"http://a", "x"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *err = NULL;
        struct ipn_config config = {.control_url = cases[i].url, .control_key = cases[i].key};
        CHECK(ipn_new(&config, &err, 1) == NULL);
        CHECK(err && strlen(err) > 10);
    }
}

static void test_invalid_key(void)
{
    world_start(&w, "wrong", 0);
    w.script = SCRIPT_INVALID_KEY;
    IPN_CALL(ipn_run(w.ipn, w.now_ms));
    CHECK_EQ(ipn_run(w.ipn, w.now_ms), IPN_ERR_STATE);
    struct world_stream *s = world_tcp(&w, "far", WORLD_PORT, 1);
    CHECK(world_run(&w, MINUTE, needs_login));
    CHECK_STR(w.problem, "auth-key-invalid");
    CHECK(world_run(&w, SECOND, all_done));
    CHECK_STR(s->code, "needs-login");
    world_run(&w, 10 * MINUTE, NULL);
    CHECK_EQ(w.registers, 1); /* no busy loop of refused keys */

    w.script = SCRIPT_ACCEPT;
    IPN_CALL(ipn_login(w.ipn, "", w.now_ms));
    CHECK(world_run(&w, MINUTE, world_joined));
    leave();
}

static void test_interactive(void)
{
    world_start(&w, "", 0);
    w.script = SCRIPT_LOGIN;
    IPN_CALL(ipn_run(w.ipn, w.now_ms));
    CHECK(world_run(&w, SECOND, needs_login));
    CHECK_EQ(w.browses, 0);
    IPN_CALL(ipn_login(w.ipn, "", w.now_ms));
    CHECK(world_run(&w, MINUTE, world_joined));
    CHECK_EQ(w.browses, 1);
    leave();
}

static void test_machine_approval(void)
{
    world_start(&w, "key", 0);
    w.script = SCRIPT_UNAUTHORIZED;
    IPN_CALL(ipn_run(w.ipn, w.now_ms));
    CHECK(world_run(&w, MINUTE, needs_machine));
    leave();
}

/* The server wants another node key: the relay that knows the old one is left. */
static void test_new_node_key(void)
{
    world_start(&w, "key", 0);
    CHECK(world_join(&w));
    world_tcp(&w, "far", WORLD_PORT, 1000);
    CHECK(world_run(&w, MINUTE, echoed));
    struct node_public before = w.node_key;
    world_run(&w, 2 * MINUTE, NULL);
    script_expire_self(&w);
    world_run(&w, MINUTE, NULL);
    CHECK(memcmp(before.b, w.node_key.b, sizeof before.b) != 0);
    CHECK(world_joined(&w));
    w.streams[0].to_send += 1000;
    CHECK(world_run(&w, 2 * MINUTE, echoed));
    world_tcp(&w, "far", WORLD_PORT, 0);
    world_run(&w, 5 * SECOND, NULL);
    CHECK(w.streams[1].open);
    leave();
}

static void test_logout(void)
{
    world_start(&w, "key", 0);
    CHECK(world_join(&w));
    for (int i = 0; i < 5; i++)
        world_tcp(&w, "far", WORLD_PORT, 5000);
    world_ssh(&w, "far", 5000);
    world_run(&w, SECOND, NULL);
    IPN_CALL(ipn_logout(w.ipn, w.now_ms));
    struct world_stream *late = world_tcp(&w, "far", WORLD_PORT, 1);
    CHECK(late != NULL);
    CHECK(world_run(&w, 10 * SECOND, is_out));
    CHECK(all_done(&w));
    CHECK_STR(late->code, "logged-out");
    CHECK_EQ(w.logouts, 1);
    CHECK(last_state_is(&w, IPN_STATE_STOPPED));
    CHECK(world_tcp(&w, "far", WORLD_PORT, 1) == NULL);
    IPN_CALL(ipn_logout(w.ipn, w.now_ms));
    CHECK_EQ(ipn_login(w.ipn, "", w.now_ms), IPN_ERR_STATE);
    world_run(&w, MINUTE, NULL);
    CHECK(ipn_next_deadline(w.ipn) == NEVER);
    leave();
}

/* A server that does not answer the logout delays it by seconds at most. */
static void test_logout_unanswered(void)
{
    world_start(&w, "key", 0);
    CHECK(world_join(&w));
    w.script = SCRIPT_DEAF;
    IPN_CALL(ipn_logout(w.ipn, w.now_ms));
    CHECK(world_run(&w, 5 * SECOND, is_out));
    leave();
}

/* Streams are opened at several moments of a join; one more step later comes `end`. */
static void at_every_moment(void (*end)(void), size_t piece, uint64_t step_ms)
{
    for (uint64_t ms = 0; ms < 700; ms += step_ms) {
        world_start(&w, "key", piece);
        IPN_CALL(ipn_run(w.ipn, w.now_ms));
        world_tcp(&w, "far", WORLD_PORT, 300);
        world_ssh(&w, "far", 5000);
        world_run(&w, ms / 2, NULL);
        world_tcp(&w, "quiet", WORLD_PORT, 300);
        world_tcp(&w, "gone", WORLD_PORT, 300);
        world_ssh(&w, "nobody", 5000);
        world_run(&w, ms - ms / 2, NULL);
        end();
        leave();
    }
}

static void end_nothing(void) {}

static void end_close(void)
{
    for (size_t i = 0; i < w.stream_count; i++)
        if (!w.streams[i].done)
            world_close_stream(&w, &w.streams[i]);
    CHECK(world_run(&w, 3 * SECOND, all_done));
}

static void end_logout(void)
{
    IPN_CALL(ipn_logout(w.ipn, w.now_ms));
    CHECK(world_run(&w, 5 * SECOND, is_out));
    CHECK(all_done(&w));
}

/* Left alone each one opens or ends in words. */
static void end_wait(void)
{
    world_run(&w, 40 * SECOND, NULL);
    for (size_t i = 0; i < w.stream_count; i++) {
        struct world_stream *s = &w.streams[i];
        CHECK(s->ssh || s->opens + s->errors == 1);
        CHECK(!s->ssh || (s->errors == 1 && s->dones == 1));
        CHECK(s->errors == s->dones);
    }
}

static void end_cut_all(void)
{
    world_cut(&w, WORLD_CONTROL);
    world_cut(&w, WORLD_RELAY);
    CHECK(world_run(&w, MINUTE, world_joined));
}

static void end_rebind(void)
{
    IPN_CALL(ipn_rebind(w.ipn, 1767225600000, w.now_ms));
    CHECK(world_run(&w, MINUTE, world_joined));
}

static void test_before_run(void)
{
    world_start(&w, "key", 0);
    struct world_stream *s = world_tcp(&w, "far", WORLD_PORT, 1);
    IPN_CALL(ipn_rebind(w.ipn, 0, w.now_ms));
    CHECK_EQ(ipn_login(w.ipn, "", w.now_ms), IPN_ERR_STATE);
    CHECK(world_run(&w, MINUTE, all_done));
    CHECK_STR(s->code, "not-joined");
    leave();

    world_start(&w, "key", 0);
    world_tcp(&w, "far", WORLD_PORT, 1);
    world_ssh(&w, "far", 0);
    end_logout();
    leave();
}

static void test_idle(void)
{
    world_start(&w, "key", 0);
    CHECK(world_join(&w));
    world_run(&w, MINUTE, NULL);
    unsigned before = w.wakeups;
    uint64_t polls = w.polls;
    world_run(&w, 10 * MINUTE, NULL);
    printf("  10 idle minutes after a join: %u wake-ups, %llu events\n", w.wakeups - before,
           (unsigned long long)(w.polls - polls));
    CHECK(w.wakeups - before <= 60);
    CHECK(ipn_next_deadline(w.ipn) > w.now_ms);

    world_tcp(&w, "far", WORLD_PORT, 1000);
    CHECK(world_run(&w, MINUTE, echoed));
    world_run(&w, MINUTE, NULL);
    before = w.wakeups;
    world_run(&w, 10 * MINUTE, NULL);
    printf("  10 idle minutes with an open stream: %u wake-ups\n", w.wakeups - before);
    CHECK(w.wakeups - before <= 10 * 60 / 2); /* a ping every 5 s, and what WireGuard wants */
    leave();
}

static bool all_echoed(const struct world *now)
{
    for (size_t i = 0; i < now->stream_count; i++)
        if (now->streams[i].received < now->streams[i].to_send)
            return false;
    return true;
}

/* A thousand open streams that say nothing wake the engine as often as one of them. */
static void test_many_idle(void)
{
    enum { COUNT = 1000 };
    world_start(&w, "key", 0);
    CHECK(world_join(&w));
    for (int i = 0; i < COUNT; i++)
        CHECK(world_tcp(&w, "far", WORLD_PORT, 20) != NULL);
    CHECK(world_run(&w, MINUTE, all_echoed));
    world_run(&w, MINUTE, NULL);
    unsigned before = w.wakeups;
    world_run(&w, 10 * MINUTE, NULL);
    printf("  10 idle minutes with %d open streams: %u wake-ups\n", COUNT, w.wakeups - before);
    CHECK(w.wakeups - before <= 10 * 60 / 2);
    for (int i = 0; i < COUNT; i++)
        w.streams[i].to_send += 20;
    CHECK(world_run(&w, MINUTE, all_echoed));
    uint64_t packets = netstack_stats()->packets_out;
    IPN_CALL(ipn_close_streams(w.ipn, w.now_ms));
    world_drain(&w);
    CHECK(all_done(&w)); /* so the page may end, and each far end has been told */
    CHECK(netstack_stats()->packets_out >= packets + COUNT);
    CHECK(world_run(&w, MINUTE, NULL));
    leave();
}

static void test_ceiling(void)
{
    int id, count = 0;
    world_start(&w, "key", 0);
    while ((id = ipn_tcp_open(w.ipn, "far", WORLD_PORT, 5000, w.now_ms)) > 0)
        count++;
    CHECK_EQ(count, IPN_MAX_STREAMS);
    CHECK_EQ(id, IPN_ERR_FULL);
    world_stop(&w);
}

int main(void)
{
    world_setup();
    test_bad_config();
    test_invalid_key();
    test_interactive();
    test_machine_approval();
    test_new_node_key();
    test_logout();
    test_logout_unanswered();
    test_before_run();
    at_every_moment(end_nothing, 0, 10);
    at_every_moment(end_nothing, 1, 50);
    at_every_moment(end_close, 0, 20);
    at_every_moment(end_logout, 0, 20);
    at_every_moment(end_wait, 0, 100);
    at_every_moment(end_cut_all, 0, 30);
    at_every_moment(end_rebind, 0, 30);
    test_idle();
    test_many_idle();
    test_ceiling();
    return TEST_DONE();
}
