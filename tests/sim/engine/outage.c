/*
 * Outages of seconds to twenty minutes under a shell and a stream, in virtual time: what a person
 * typed and what the far end wrote arrives afterwards, once, and soon after the network is back.
 */
#include "sim/engine/world.h"
#include "unit/test.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, NOTICE_MS = 10 * SECOND };

static struct world w;
static struct world_stream *tcp, *shell;

/* How the network goes away, and what is left of the sockets when it is back. */
enum way {
    WAY_REFUSED,   /* closed at once, new ones refused */
    WAY_SILENT,    /* nothing is closed, nothing arrives; afterwards the old ones work on */
    WAY_HALF_OPEN, /* the same, but the old ones stay dead */
    WAY_SLEEP,     /* the machine itself stands still, then is told of the jump of its clock */
    WAY_COUNT
};

static const char *const ways[] = {"refused", "silent", "half-open", "sleep"};

static void type(const char *text)
{
    int n;
    IPN_CALL(n = ipn_ssh_write(w.ipn, shell->id, (const uint8_t *)text, strlen(text), w.now_ms));
    CHECK_EQ(n, (int)strlen(text));
    world_drain(&w);
}

static bool is_open(const struct world *now)
{
    return now->streams[0].open && now->streams[1].open;
}

static bool all_echoed(const struct world *now)
{
    return now->streams[0].received >= now->streams[0].to_send &&
           strstr(now->streams[1].seen, "after") != NULL;
}

static void begin(void)
{
    world_start(&w, "key", 0);
    CHECK(world_join(&w));
    tcp = world_tcp(&w, "far", WORLD_PORT, 1000);
    world_run(&w, SECOND, NULL);
    w.far_mode = FAR_SSH;
    shell =
        world_ssh_with(&w, "host=far user=root pty=1 askHostKey=1 timeout=5000 keepAlive=30000");
    CHECK(world_run(&w, 10 * SECOND, is_open));
    world_run(&w, SECOND, NULL);
    type("before ");
    world_run(&w, SECOND, NULL);
    CHECK(strstr(shell->seen, "before ") != NULL);
}

static void finish(const char *what, uint64_t outage_ms, uint64_t back_ms)
{
    bool ok = CHECK_EQ(tcp->received, tcp->to_send) & CHECK(!tcp->corrupt) & CHECK(!tcp->done);
    ok &= CHECK(!shell->done) & CHECK_STR(shell->code, "");
    ok &= CHECK(strstr(shell->seen, "before during after") != NULL);
    ok &= CHECK_EQ(w.unknown_ids, 0) & CHECK_EQ(w.busy, 0) & CHECK_EQ(w.forgotten, 0);
    ok &= CHECK(world_joined(&w));
    if (!ok)
        fprintf(stderr, "    %s of %llu s: '%s' %s\n", what, (unsigned long long)outage_ms / SECOND,
                shell->seen, shell->text);
    printf("  %s of %llu s: echoed %.1f s after the return\n", what,
           (unsigned long long)outage_ms / SECOND, (double)(w.now_ms - back_ms) / SECOND);
    world_stop(&w);
}

static void set_links(enum link_state link)
{
    w.sockets[WORLD_RELAY].link = w.sockets[WORLD_CONTROL].link = link;
}

static void test_outage(enum way way, uint64_t outage_ms)
{
    begin();
    set_links(way == WAY_REFUSED ? LINK_REFUSED : LINK_SILENT);
    if (way == WAY_REFUSED) {
        world_cut(&w, WORLD_RELAY);
        world_cut(&w, WORLD_CONTROL);
    }
    tcp->to_send += 50000; /* echoed: the far end has something to send as well */
    type("during ");
    if (way == WAY_SLEEP)
        w.now_ms += outage_ms;
    else
        world_run(&w, outage_ms, NULL);
    if (way == WAY_HALF_OPEN || way == WAY_SLEEP)
        w.sockets[WORLD_RELAY].open = w.sockets[WORLD_CONTROL].open = false;
    set_links(LINK_UP);
    uint64_t back_ms = w.now_ms;
    if (way == WAY_SLEEP)
        IPN_CALL(ipn_rebind(w.ipn, 1767225600000 + 5, w.now_ms));
    type("after");
    CHECK(world_run(&w, NOTICE_MS + 2 * SECOND, all_echoed));
    finish(ways[way], outage_ms, back_ms);
}

/* The page is told of the return (`online`): nothing waits for a timer that grew meanwhile, neither
 * TCP's nor WireGuard's, at whatever moment of them it comes. */
static void test_told_of_return(uint64_t outage_ms)
{
    begin();
    set_links(LINK_REFUSED);
    world_cut(&w, WORLD_RELAY);
    world_cut(&w, WORLD_CONTROL);
    tcp->to_send += 50000;
    type("during ");
    world_run(&w, outage_ms, NULL);
    set_links(LINK_UP);
    uint64_t back_ms = w.now_ms;
    IPN_CALL(ipn_rebind(w.ipn, 1767225600000, w.now_ms));
    type("after");
    CHECK(world_run(&w, 1500, all_echoed));
    finish("refused, then online,", outage_ms, back_ms);
}

/* The far end's output waits when the network goes: its own backoff decides when it comes. */
static void test_far_sends(uint64_t outage_ms)
{
    begin();
    tcp->to_send += 50000;
    world_drain(&w);
    world_run(&w, 25, NULL); /* the first segments are there, the echo is on its way */
    set_links(LINK_SILENT);
    type("during ");
    world_run(&w, outage_ms, NULL);
    set_links(LINK_UP);
    uint64_t back_ms = w.now_ms;
    type("after");
    CHECK(world_run(&w, outage_ms + MINUTE, all_echoed));
    finish("far sends, silent", outage_ms, back_ms);
}

/* Both ends lose the relay, as when it restarts, and the far end comes back later than we do. */
static void test_relay_restarts(uint64_t far_later_ms)
{
    begin();
    w.sockets[WORLD_FAR].link = LINK_REFUSED;
    world_cut(&w, WORLD_FAR);
    world_cut(&w, WORLD_RELAY);
    tcp->to_send += 50000;
    type("during ");
    world_run(&w, far_later_ms, NULL);
    w.sockets[WORLD_FAR].link = LINK_UP;
    uint64_t back_ms = w.now_ms;
    type("after");
    CHECK(world_run(&w, 2 * far_later_ms + 20 * SECOND, all_echoed));
    finish("relay restarted, far end later,", far_later_ms, back_ms);
}

/* Nobody answers, but the node below does: that is the server's silence, and ends the session. */
static void test_silent_server(void)
{
    begin();
    w.ssh_ways.frozen = true;
    world_run(&w, 110 * SECOND, NULL);
    CHECK(!shell->done);
    world_run(&w, 40 * SECOND, NULL);
    CHECK(shell->done);
    CHECK_STR(shell->code, "connection-lost");
    world_stop(&w);
}

int main(void)
{
    static const uint64_t lengths[] = {3, 20, 60, 200, 600, 1200};
    world_setup();
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (int way = 0; way < WAY_COUNT; way++)
            test_outage((enum way)way, lengths[i] * SECOND);
        test_far_sends(lengths[i] * SECOND);
    }
    for (uint64_t ms = 100 * SECOND; ms <= 115 * SECOND; ms += 1500)
        test_told_of_return(ms);
    test_told_of_return(600 * SECOND);
    test_relay_restarts(2 * SECOND);
    test_relay_restarts(30 * SECOND);
    test_silent_server();
    return TEST_DONE();
}
