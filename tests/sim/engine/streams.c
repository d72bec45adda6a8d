/* TCP streams through everything that may happen to the sockets below and the peer beyond. */
#include "sim/engine/until.h"
#include "sim/engine/world.h"
#include "unit/test.h"

enum { MB = 1 << 20, SECOND = 1000, MINUTE = 60 * SECOND };

static struct world w;

static void join(void)
{
    world_start(&w, "key", 0);
    CHECK(world_join(&w));
}

static void leave(void)
{
    for (size_t i = 0; i < w.stream_count; i++)
        CHECK(w.streams[i].dones <= 1 && w.streams[i].errors <= 1);
    CHECK_EQ(w.unknown_ids, 0);
    CHECK_EQ(w.busy, 0);
    CHECK_EQ(w.forgotten, 0);
    CHECK_EQ(w.relay.broken, 0);
    world_stop(&w);
}

static bool all_settled(const struct world *now)
{
    for (size_t i = 0; i < now->stream_count; i++) {
        const struct world_stream *s = &now->streams[i];
        if (!s->done && (!s->open || s->received < s->to_send))
            return false;
    }
    return true;
}

/* Everything was echoed; then both sides say goodbye. */
static void check_echoed(struct world_stream *s)
{
    CHECK_EQ(s->received, s->to_send);
    CHECK(!s->corrupt);
    CHECK_STR(s->code, "");
}

static void test_links(void)
{
    static const struct {
        unsigned loss, dup, jitter_ms;
    } links[] = {{0, 0, 0}, {20, 20, 5}, {50, 0, 30}, {0, 100, 60}};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        join();
        w.loss = links[i].loss;
        w.dup = links[i].dup;
        w.jitter_ms = links[i].jitter_ms;
        struct world_stream *s = world_tcp(&w, "far", WORLD_PORT, MB);
        s->shut_after = true;
        CHECK(world_run(&w, 10 * MINUTE, all_done));
        check_echoed(s);
        CHECK(s->eof);
        printf("  1 MB, loss %u/1000: %.1f s\n", w.loss, (double)(w.now_ms - 1000000) / SECOND);
        leave();
    }
}

static void test_names(void)
{
    static const char *const names[] = {"far",        "FAR",    "far.tail.test", "Far.Tail.Test.",
                                        "100.64.0.2", "fd7a::2"};
    join();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        world_tcp(&w, names[i], WORLD_PORT, 1000);
    CHECK(world_run(&w, MINUTE, all_settled));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_echoed(&w.streams[i]);
    leave();
}

/* Ten minutes of a talking stream: several rekeys, nothing lost. */
static void test_rekey(void)
{
    join();
    struct world_stream *s = world_tcp(&w, "far", WORLD_PORT, 1000);
    for (int i = 0; i < 600; i++) {
        CHECK(world_run(&w, SECOND, NULL));
        s->to_send += 1000;
    }
    CHECK(world_run(&w, MINUTE, all_settled));
    check_echoed(s);
    CHECK_EQ(w.problems, 0);
    leave();
}

/* Relay and control are cut again and again, alone and together, under traffic. */
static void test_cuts(void)
{
    join();
    struct world_stream *s = world_tcp(&w, "far", WORLD_PORT, 1000);
    CHECK(world_run(&w, MINUTE, all_settled));
    for (int i = 0; i < 30; i++) {
        s->to_send += 100000;
        world_run(&w, 50 + world_random(100), NULL);
        if (i % 3 != 1)
            world_cut(&w, WORLD_RELAY);
        if (i % 3 != 0)
            world_cut(&w, WORLD_CONTROL);
        if (i % 7 == 0)
            world_cut(&w, WORLD_FAR);
        CHECK(world_run(&w, 2 * MINUTE, all_settled));
    }
    check_echoed(s);
    CHECK(w.maps >= 5 && w.netmaps >= 5);
    CHECK(world_joined(&w));
    leave();
}

/* The relay is away for half a minute: what was written meanwhile arrives afterwards. */
static void test_relay_away(void)
{
    join();
    struct world_stream *s = world_tcp(&w, "far", WORLD_PORT, 1000);
    CHECK(world_run(&w, MINUTE, all_settled));
    w.sockets[WORLD_RELAY].link = LINK_REFUSED;
    world_cut(&w, WORLD_RELAY);
    s->to_send += 100000;
    world_run(&w, 30 * SECOND, NULL);
    CHECK_EQ(s->received, 1000);
    CHECK_STR(w.problem, "relay-unreachable");
    w.sockets[WORLD_RELAY].link = LINK_UP;
    CHECK(world_run(&w, 2 * MINUTE, all_settled));
    check_echoed(s);
    leave();
}

/* A reason longer than we keep, cut in the middle of a character: the page is told all the same. */
static void test_long_reason(void)
{
    char reason[401];
    memset(reason, 'x', sizeof reason);
    for (size_t i = 1; i < sizeof reason; i += 2)
        memcpy(reason + i, "\xc3\xa9", 2);
    for (size_t from = 0; from < 2; from++) {
        join();
        unsigned statuses = w.statuses;
        world_socket_forget(WORLD_RELAY);
        IPN_CALL(ipn_socket_closed(w.ipn, 1001, 1006, reason + from, sizeof reason - 1, w.now_ms));
        world_drain(&w);
        CHECK(w.statuses > statuses);
        CHECK_STR(w.problem, "relay-unreachable");
        CHECK(world_run(&w, MINUTE, world_joined));
        leave();
    }
}

/* The wire goes dead without a word and the page sleeps for an hour: rebind brings all back. */
static void test_sleep(void)
{
    join();
    struct world_stream *s = world_tcp(&w, "far", WORLD_PORT, 1000);
    CHECK(world_run(&w, MINUTE, all_settled));
    w.sockets[WORLD_RELAY].link = w.sockets[WORLD_CONTROL].link = LINK_SILENT;
    s->to_send += 50000;
    world_drain(&w);
    w.now_ms += 5 * MINUTE;
    w.sockets[WORLD_RELAY].link = w.sockets[WORLD_CONTROL].link = LINK_UP;
    world_cut(&w, WORLD_RELAY);
    IPN_CALL(ipn_rebind(w.ipn, 1767225600000 + 5, w.now_ms));
    CHECK(world_run(&w, 3 * MINUTE, all_settled));
    check_echoed(s);
    leave();
}

static bool first_done(const struct world *now)
{
    return now->streams[0].done;
}

static void test_refusals(void)
{
    static const struct {
        const char *host;
        uint16_t port;
        const char *code;
        unsigned max_ms;
    } cases[] = {
        {"nobody", WORLD_PORT, "unknown-host", 100}, {"gone", WORLD_PORT, "node-offline", 1000},
        {"quiet", WORLD_PORT, "node-silent", 5100},  {"far", 1234, "connection-refused", 1000},
        {"page", WORLD_PORT, "self", 100},           {"100.64.0.1", WORLD_PORT, "self", 100},
        {"8.8.8.8", WORLD_PORT, "no-route", 100},    {"100.64.0.99", WORLD_PORT, "no-route", 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        join();
        uint64_t start_ms = w.now_ms;
        struct world_stream *s = world_tcp(&w, cases[i].host, cases[i].port, 1);
        CHECK(world_run(&w, MINUTE, first_done));
        if (!CHECK_STR(s->code, cases[i].code) || !CHECK(w.now_ms - start_ms <= cases[i].max_ms))
            fprintf(stderr, "    %s after %llu ms\n", cases[i].host,
                    (unsigned long long)(w.now_ms - start_ms));
        CHECK(s->errors == 1 && s->dones == 1 && s->opens == 0);
        CHECK(strlen(s->text) > 10);
        leave();
    }
}

static void test_policy(void)
{
    join();
    w.reject = true;
    uint64_t start_ms = w.now_ms;
    struct world_stream *s = world_tcp(&w, "far", WORLD_PORT, 1);
    CHECK(world_run(&w, MINUTE, first_done));
    CHECK_STR(s->code, "policy-refused");
    CHECK(w.now_ms - start_ms < SECOND);
    leave();
}

/* A relay that cannot be reached at all has its own words. */
static void test_no_relay(void)
{
    world_start(&w, "key", 0);
    w.sockets[WORLD_RELAY].link = LINK_SILENT;
    CHECK(world_join(&w));
    struct world_stream *s = world_tcp(&w, "far", WORLD_PORT, 1);
    CHECK(world_run(&w, MINUTE, first_done));
    CHECK_STR(s->code, "relay-unreachable");
    leave();
}

/* Its node leaves the netmap: a stream ends with a reason, at any step. */
static void test_peer_removed(void)
{
    join();
    struct world_stream *open = world_tcp(&w, "far", WORLD_PORT, 1000);
    CHECK(world_run(&w, MINUTE, all_settled));
    script_remove_far(&w);
    CHECK(world_run(&w, 5 * SECOND, first_done));
    CHECK_STR(open->code, "node-removed");
    CHECK(open->errors == 1 && open->dones == 1);
    leave();

    world_start(&w, "key", 0);
    w.sockets[WORLD_FAR].link = LINK_SILENT;
    w.latency_ms = 200;
    CHECK(world_join(&w));
    struct world_stream *early = world_tcp(&w, "far", WORLD_PORT, 1000);
    world_run(&w, 100, NULL);
    script_remove_far(&w);
    CHECK(world_run(&w, 3 * SECOND, first_done));
    CHECK_STR(early->code, "node-removed");
    leave();
}

static void test_many(void)
{
    join();
    for (int i = 0; i < 300; i++)
        CHECK(world_tcp(&w, i % 2 ? "far" : "fd7a::2", WORLD_PORT, 3000) != NULL);
    CHECK(world_run(&w, MINUTE, all_settled));
    for (int i = 0; i < 300; i++)
        check_echoed(&w.streams[i]);
    for (int i = 0; i < 300; i += 2)
        world_close_stream(&w, &w.streams[i]);
    for (int i = 1; i < 300; i += 2)
        IPN_CALL(ipn_tcp_shutdown(w.ipn, w.streams[i].id, w.now_ms));
    CHECK(world_run(&w, MINUTE, all_done));
    printf("  300 streams: %.1f s, %u wake-ups\n", (double)(w.now_ms - 1000000) / SECOND,
           w.wakeups);
    leave();
}

/* Every call with an id that is done, was never given, or belongs to the other kind. */
static void check_stale(uint32_t id, bool tcp_lives, bool ssh_lives)
{
    uint8_t byte = 1;
    uint64_t now = w.now_ms;
    if (!tcp_lives) {
        CHECK_EQ(ipn_tcp_write(w.ipn, id, &byte, 1, now), IPN_ERR_NOT_FOUND);
        CHECK_EQ(ipn_tcp_shutdown(w.ipn, id, now), IPN_ERR_NOT_FOUND);
        CHECK_EQ(ipn_tcp_credit(w.ipn, id, 1, now), IPN_ERR_NOT_FOUND);
        CHECK_EQ(ipn_tcp_close(w.ipn, id, now), IPN_ERR_NOT_FOUND);
    }
    if (!ssh_lives) {
        CHECK_EQ(ipn_ssh_write(w.ipn, id, &byte, 1, now), IPN_ERR_NOT_FOUND);
        CHECK_EQ(ipn_ssh_eof(w.ipn, id, now), IPN_ERR_NOT_FOUND);
        CHECK_EQ(ipn_ssh_resize(w.ipn, id, 2, 2, now), IPN_ERR_NOT_FOUND);
        CHECK_EQ(ipn_ssh_credit(w.ipn, id, 1, now), IPN_ERR_NOT_FOUND);
        CHECK_EQ(ipn_ssh_answer_host_key(w.ipn, id, true, now), IPN_ERR_NOT_FOUND);
        CHECK_EQ(ipn_ssh_close(w.ipn, id, now), IPN_ERR_NOT_FOUND);
    }
}

static void test_stale_ids(void)
{
    static const uint32_t ids[] = {0, 1, 2, 1000, 1001, 4095, 4096, 0x80000000u, 0xffffffffu};
    uint8_t bytes[3] = {1, 2, 3};
    join();
    struct world_stream *a = world_tcp(&w, "far", WORLD_PORT, 10);
    CHECK(world_run(&w, MINUTE, all_settled));
    check_stale(a->id, true, false);
    world_close_stream(&w, a);
    CHECK(world_run(&w, MINUTE, all_done));
    struct world_stream *b = world_tcp(&w, "far", WORLD_PORT, 10); /* in the same slot */
    CHECK(a->id != b->id && (a->id & 0xfff) == (b->id & 0xfff));
    check_stale(a->id, false, false);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        check_stale(ids[i], false, false);
        if (ids[i] == 1 || ids[i] == 1001)
            continue;
        ipn_socket_opened(w.ipn, ids[i], w.now_ms);
        ipn_socket_input(w.ipn, ids[i], bytes, sizeof bytes, w.now_ms);
        ipn_socket_closed(w.ipn, ids[i], 1006, "x", 1, w.now_ms);
        ipn_http_done(w.ipn, ids[i], 200, bytes, sizeof bytes, w.now_ms);
    }
    CHECK(world_run(&w, MINUTE, all_settled));
    check_echoed(b);
    leave();
}

/* A page that gives no credit back: the sender stops, nothing is lost when it goes on. */
static void test_no_credit(void)
{
    join();
    struct world_stream *s = world_tcp(&w, "far", WORLD_PORT, 12 * MB);
    s->no_credit = true;
    world_run(&w, MINUTE, NULL);
    CHECK_EQ(s->received, MB);
    CHECK(s->sent < 12 * MB);
    s->no_credit = false;
    IPN_CALL(ipn_tcp_credit(w.ipn, s->id, SIZE_MAX, w.now_ms));
    CHECK(world_run(&w, 10 * MINUTE, all_settled));
    check_echoed(s);
    leave();
}

static void test_far_resets(void)
{
    static const enum far_mode modes[] = {FAR_CLOSE, FAR_RESET};
    for (size_t i = 0; i < 2; i++) {
        join();
        w.far_mode = modes[i];
        struct world_stream *s = world_tcp(&w, "far", WORLD_PORT, 10);
        world_run(&w, 5 * SECOND, NULL);
        if (modes[i] == FAR_RESET)
            CHECK(s->done && s->errors == 1);
        else
            CHECK(s->eof || s->done);
        leave();
    }
}

static void test_ping(void)
{
    join();
    CHECK(world_run(&w, SECOND, NULL));
    CHECK(ipn_ping(w.ipn, "far", w.now_ms) > 0);
    world_run(&w, SECOND, NULL);
    CHECK_EQ(w.pongs, 1);
    CHECK(w.pong_code >= 0 && w.pong_code < 200);
    CHECK(ipn_ping(w.ipn, "quiet", w.now_ms) > 0);
    world_run(&w, 10 * SECOND, NULL);
    CHECK_EQ(w.pongs, 2);
    CHECK_EQ(w.pong_code, IPN_ERR_TIMEOUT);
    CHECK_EQ(ipn_ping(w.ipn, "nobody", w.now_ms), IPN_ERR_NOT_FOUND);
    for (int i = 0; i < 64; i++)
        CHECK(ipn_ping(w.ipn, "quiet", w.now_ms) > 0);
    CHECK_EQ(ipn_ping(w.ipn, "quiet", w.now_ms), IPN_ERR_FULL);
    world_run(&w, 10 * SECOND, NULL);
    CHECK_EQ(w.pongs, 66);
    leave();
}

int main(void)
{
    world_setup();
    test_links();
    test_names();
    test_rekey();
    test_cuts();
    test_relay_away();
    test_long_reason();
    test_sleep();
    test_refusals();
    test_policy();
    test_no_relay();
    test_peer_removed();
    test_many();
    test_stale_ids();
    test_no_credit();
    test_far_resets();
    test_ping();
    return TEST_DONE();
}
