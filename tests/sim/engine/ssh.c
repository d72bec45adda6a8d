/* SSH to servers that send garbage, nothing, or hang up: one error, one DONE, in time. */
#include "sim/engine/world.h"
#include "unit/test.h"

enum { TIMEOUT_MS = 4000 };

static struct world w;

static bool first_done(const struct world *now)
{
    return now->streams[0].done;
}

static void finish(const struct world_stream *s, const char *what)
{
    bool ok = CHECK_EQ(s->errors, 1) & CHECK_EQ(s->dones, 1) & CHECK_EQ(s->opens, 0);
    ok &= CHECK(strlen(s->text) > 10);
    ok &= CHECK_EQ(w.unknown_ids, 0) & CHECK_EQ(w.busy, 0);
    if (!ok)
        fprintf(stderr, "    %s: %s: %s\n", what, s->code, s->text);
    world_stop(&w);
}

/* late: the session starts when the first seconds after the join, with their retry, are over. */
static void test_hostile(enum far_mode mode, bool late, size_t piece, const char *what)
{
    world_start(&w, "key", piece);
    CHECK(world_join(&w));
    if (late)
        world_run(&w, 10000, NULL);
    w.far_mode = mode;
    uint64_t start_ms = w.now_ms;
    struct world_stream *s = world_ssh(&w, "far", TIMEOUT_MS);
    CHECK(world_run(&w, 60000, first_done));
    uint64_t took_ms = w.now_ms - start_ms;
    printf("  %s%s: %s after %llu ms\n", what, late ? ", late" : "", s->code,
           (unsigned long long)took_ms);
    CHECK(took_ms <= (late ? 1 : 2) * TIMEOUT_MS + 1000);
    finish(s, what);
}

static void test_cut(void)
{
    world_start(&w, "key", 0);
    CHECK(world_join(&w));
    w.far_mode = FAR_SILENT;
    struct world_stream *s = world_ssh(&w, "far", TIMEOUT_MS);
    world_run(&w, 1000, NULL);
    script_remove_far(&w);
    CHECK(world_run(&w, 1000, first_done));
    CHECK_STR(s->code, "node-removed");
    finish(s, "removed");
}

static void test_calls_before_open(void)
{
    uint8_t byte = 1;
    world_start(&w, "key", 0);
    CHECK(world_join(&w));
    w.far_mode = FAR_SILENT;
    struct world_stream *s = world_ssh(&w, "far", TIMEOUT_MS);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(ipn_ssh_write(w.ipn, s->id, &byte, 1, w.now_ms), IPN_ERR_STATE);
        ipn_ssh_eof(w.ipn, s->id, w.now_ms);
        CHECK_EQ(ipn_ssh_resize(w.ipn, s->id, 30, 90, w.now_ms), 0);
        CHECK_EQ(ipn_ssh_resize(w.ipn, s->id, 0, 90, w.now_ms), IPN_ERR_ARG);
        CHECK_EQ(ipn_ssh_credit(w.ipn, s->id, SIZE_MAX, w.now_ms), 0);
        world_run(&w, 50, NULL);
    }
    CHECK(world_run(&w, 60000, first_done));
    finish(s, "calls before open");
}

/* An answer that nobody asked for must not move the deadline for ever. */
static void test_unasked_answers(void)
{
    world_start(&w, "key", 0);
    CHECK(world_join(&w));
    w.far_mode = FAR_SILENT;
    struct world_stream *s = world_ssh(&w, "far", TIMEOUT_MS);
    for (int i = 0; i < 20 && !s->done; i++) {
        IPN_CALL(ipn_ssh_answer_host_key(w.ipn, s->id, true, w.now_ms));
        world_run(&w, 1000, NULL);
    }
    CHECK(s->done);
    finish(s, "unasked answers");
}

int main(void)
{
    world_setup();
    for (int late = 0; late < 2; late++) {
        test_hostile(FAR_SILENT, late, 0, "silence");
        test_hostile(FAR_CLOSE, late, 0, "hangs up");
        test_hostile(FAR_RESET, late, 0, "resets");
        test_hostile(FAR_GARBAGE, late, 0, "garbage");
        test_hostile(FAR_GARBAGE, late, 1, "garbage, byte by byte");
        test_hostile(FAR_BANNER_GARBAGE, late, 0, "garbage after a banner");
        test_hostile(FAR_ECHO, late, 0, "echo");
    }
    test_cut();
    test_calls_before_open();
    test_unasked_answers();
    return TEST_DONE();
}
