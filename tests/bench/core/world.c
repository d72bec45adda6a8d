/* See world.h: one transfer, from joining to its last byte. */
#include "bench/core/world.h"

#include <dlfcn.h>
#include <emscripten.h>
#include <string.h>

#include "sim/engine/world.h"

enum { MINUTE_MS = 60000, LATENCY_MS = 1, WRITE = 65536, PIECE = 4096 };

/* What is measured; the numbers are the driver's. */
enum bench_kind { SSH_DOWN, TCP_DOWN, SSH_UP, TCP_UP };

size_t bench_piece, bench_joined;
static struct world w;
static struct world_stream *stream;
static uint64_t wanted;

/* The far node's stack is linked, not loaded. */
extern const struct endpoint endpoint;

void *dlopen(const char *file, int flags)
{
    (void)file, (void)flags;
    return (void *)&endpoint;
}

void *dlsym(void *restrict module, const char *restrict name)
{
    (void)name;
    return module;
}

static bool is_open(const struct world *now)
{
    (void)now;
    return stream->open || stream->done;
}

static bool is_received(const struct world *now)
{
    (void)now;
    return stream->received >= wanted || stream->done;
}

/* world.c writes to TCP streams by itself; all is sent when it has been taken. */
static bool is_sent(const struct world *now)
{
    static uint8_t bytes[WRITE];
    while (stream->ssh && stream->sent < wanted && !stream->blocked) {
        int n = ipn_ssh_write(now->ipn, stream->id, bytes, sizeof bytes, now->now_ms);
        stream->blocked = n < (int)sizeof bytes;
        stream->sent += n > 0 ? (uint64_t)n : 0;
        world_drain(&w);
    }
    return stream->sent >= wanted || stream->done;
}

static bool all_open(const struct world *now)
{
    for (size_t i = 0; i < now->stream_count; i++)
        if (!now->streams[i].open)
            return false;
    return far_open_conns(now) == now->stream_count; /* each has its far_mode */
}

/* Connections that are open and silent while the transfer runs beside them. */
static bool open_idle(int count)
{
    w.far_mode = FAR_SILENT;
    for (int i = 0; i < count; i++)
        world_tcp(&w, "far", WORLD_PORT, 0);
    return world_run(&w, MINUTE_MS, all_open);
}

static struct world_stream *open_stream(enum bench_kind kind)
{
    if (kind == SSH_DOWN || kind == SSH_UP) {
        w.far_mode = FAR_SSH;
        return world_ssh_with(&w, kind == SSH_DOWN
                                      ? "host=far user=root askHostKey=1 command=flood"
                                      : "host=far user=root askHostKey=1 command=sink");
    }
    w.far_mode = kind == TCP_DOWN ? FAR_FLOOD : FAR_SINK;
    return world_tcp(&w, "far", WORLD_PORT, 0);
}

/* 0, or what went wrong: 1 joining, 2 opening, 3 the transfer. piece: of a message of the relay. */
EMSCRIPTEN_KEEPALIVE int bench_run(int kind, double bytes, size_t piece, size_t joined, int idle)
{
    bool down = kind == SSH_DOWN || kind == TCP_DOWN;
    wanted = (uint64_t)bytes;
    bench_piece = piece;
    bench_joined = 0;
    world_setup();
    world_start(&w, "key", PIECE);
    w.latency_ms = LATENCY_MS;
    if (!world_join(&w))
        return 1;
    if (!open_idle(idle))
        return 2;
    stream = open_stream((enum bench_kind)kind);
    if (!stream || !world_run(&w, MINUTE_MS, is_open) || !stream->open)
        return 2;
    bench_joined = joined;
    driver_mark();
    stream->to_send = kind == TCP_UP ? wanted : 0;
    bool ended = world_run(&w, 60 * MINUTE_MS, down ? is_received : is_sent);
    return ended && !stream->done && !stream->corrupt ? 0 : 3;
}

/* Room for the bytes of events, at least len; the driver copies them there. */
EMSCRIPTEN_KEEPALIVE uint8_t *bench_room(size_t len)
{
    static uint8_t *room;
    static size_t cap;
    if (len > cap) {
        free(room);
        room = malloc(cap = len);
    }
    return room;
}
