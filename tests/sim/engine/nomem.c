/*
 * The n-th allocation inside the engine fails, alone or with the next one or two, for n up to the
 * count of a whole life: join, a TCP stream, SSH sessions, a new node key, logout, free. Whatever
 * comes of it, nothing crashes, leaks or hangs, every stream ends, and ipn_new says why it gave up.
 * NOMEM_STRIDE=10 tries every tenth.
 */
#include <errno.h>

#include "sim/engine/world.h"
#include "unit/test.h"

enum { SECOND = 1000 };

static struct world w;
static uint64_t calls, fail_at, fail_count; /* fail_at 0: never */
static bool failed;

void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *at, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *at, size_t len);

static bool fails(void)
{
    if (!world_inside)
        return false;
    calls++;
    bool now = fail_at && calls >= fail_at && calls - fail_at < fail_count;
    failed |= now;
    return now;
}

void *__wrap_malloc(size_t len)
{
    return fails() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len)
{
    return fails() ? NULL : __real_calloc(count, len);
}

void *__wrap_realloc(void *at, size_t len)
{
    return fails() ? NULL : __real_realloc(at, len);
}

static bool finished(const struct world *now)
{
    for (size_t i = 0; i < now->stream_count; i++) {
        const struct world_stream *s = &now->streams[i];
        if (!s->done && (s->ssh || s->received < s->to_send))
            return false;
    }
    return true;
}

static bool is_out(const struct world *now)
{
    return now->logged_out;
}

/* Two shells on one connection, and a third through a forward of it. */
static bool live_ssh(void)
{
    char fields[200];
    bool all = false;
    w.far_mode = FAR_SSH;
    struct world_stream *a =
        world_ssh_with(&w, "host=far user=u askHostKey=1 password=p retries=1");
    world_run(&w, 4 * SECOND, NULL);
    struct world_stream *b =
        world_ssh_with(&w, "host=far user=u askHostKey=1 password=p retries=1");
    if (a && b) {
        snprintf(fields, sizeof fields, "kind=forward on=%u destHost=in destPort=22",
                 (unsigned)a->id);
        struct world_stream *f = world_ssh_with(&w, fields);
        world_run(&w, 2 * SECOND, NULL);
        snprintf(fields, sizeof fields, "host=in user=u askHostKey=1 via=%u",
                 f ? (unsigned)f->id : 1);
        struct world_stream *c = world_ssh_with(&w, fields);
        world_run(&w, 6 * SECOND, NULL);
        if (c && c->open)
            IPN_CALL(ipn_ssh_write(w.ipn, c->id, (const uint8_t *)"x", 1, w.now_ms));
        world_drain(&w);
        all = c && c->open && b->open && a->open;
        world_close_stream(&w, b);
    }
    for (size_t i = 0; i < w.stream_count; i++)
        if (w.streams[i].ssh)
            world_close_stream(&w, &w.streams[i]);
    world_run(&w, 2 * SECOND, NULL);
    return all;
}

/* A whole life; true if it went as if nothing had been missing. */
static bool live(uint64_t n)
{
    bool joined;
    calls = 0;
    failed = false;
    fail_at = n;
    fail_count = 1 + n % 3;
    world_start(&w, "key", 0);
    if (!w.ipn) {
        world_stop(&w);
        return false;
    }
    joined = world_join(&w);
    struct world_stream *s = world_tcp(&w, "far", WORLD_PORT, 50000);
    world_run(&w, 8 * SECOND, finished);
    w.far_mode = FAR_BANNER_GARBAGE;
    world_ssh(&w, "far", 3000);
    world_run(&w, 20 * SECOND, finished);
    bool shells = live_ssh();
    script_send_map(&w, "{\"PeersChangedPatch\":[{\"NodeID\":2,\"Online\":false}]}");
    world_cut(&w, WORLD_RELAY);
    world_cut(&w, WORLD_CONTROL);
    world_run(&w, 20 * SECOND, NULL);
    script_expire_self(&w);
    world_run(&w, 2 * SECOND, NULL);
    bool whole = joined && shells && s && s->received == s->to_send && !s->corrupt;
    IPN_CALL(ipn_logout(w.ipn, w.now_ms));
    bool out = world_run(&w, 10 * SECOND, is_out);
    bool ok = CHECK(out) & CHECK_EQ(w.busy, 0) & CHECK_EQ(w.unknown_ids, 0);
    for (size_t i = 0; i < w.stream_count; i++)
        ok &= CHECK_EQ(w.streams[i].dones, 1) & CHECK(!w.streams[i].corrupt);
    if (!ok)
        fprintf(stderr, "    allocation %llu failed\n", (unsigned long long)n);
    world_stop(&w);
    return whole;
}

int main(void)
{
    unsigned bore = 0, runs = 0;
    world_setup();
    CHECK(live(0));
    uint64_t total = calls;
    const char *given = getenv("NOMEM_STRIDE");
    uint64_t stride = given ? strtoull(given, NULL, 10) : 1;
    for (uint64_t n = 1; n <= total; n += stride) {
        runs++;
        bore += live(n);
        CHECK(failed || n > total - total / 10);
    }
    printf("%llu allocations; one failed in %u runs: %u joined and echoed all the same\n",
           (unsigned long long)total, runs, bore);
    return TEST_DONE();
}
