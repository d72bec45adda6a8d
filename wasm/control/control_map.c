#include "control/control_map.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/err.h"

enum {
    FIRST_ROOM = 16 << 10, /* most responses are deltas of a kilobyte or two */
    RATIO_GUESS = 8,       /* JSON of many nodes compresses about that well */
};

void control_map_init(struct control_map *cm, bool zstd)
{
    memset(cm, 0, sizeof *cm);
    cm->zstd = zstd;
    buf_init(&cm->frame, CONTROL_MAP_MAX_FRAME);
    buf_init(&cm->json, CONTROL_MAP_MAX_FRAME);
}

void control_map_wipe(struct control_map *cm)
{
    buf_wipe(&cm->frame);
    buf_wipe(&cm->json);
    control_map_init(cm, cm->zstd);
}

/* Room to start with. What the frame says of its content is a hint that it must be worth. */
static size_t first_room(const uint8_t *frame, size_t len)
{
    unsigned long long content = ZSTD_getFrameContentSize(frame, len);
    size_t room =
        len > CONTROL_MAP_MAX_FRAME / RATIO_GUESS ? CONTROL_MAP_MAX_FRAME : len * RATIO_GUESS;

    if (room < FIRST_ROOM)
        room = FIRST_ROOM;
    return content > 0 && content < room ? (size_t)content : room;
}

/* Decompresses at one go into room that is doubled until it suffices: no window is kept beside
 * the output, and what a frame promises is never allocated on its word. */
static int decompress(struct control_map *cm, ZSTD_DCtx *ctx)
{
    const uint8_t *frame = buf_head(&cm->frame);
    size_t len = cm->frame.len, room = first_room(frame, len);

    for (;;) {
        uint8_t *out = buf_reserve(&cm->json, room);
        size_t n;

        if (out == NULL)
            return IPN_ERR_NOMEM;
        n = ZSTD_decompressDCtx(ctx, out, room, frame, len);
        if (!ZSTD_isError(n)) {
            buf_commit(&cm->json, n);
            return 0;
        }
        if (ZSTD_getErrorCode(n) != ZSTD_error_dstSize_tooSmall || room == CONTROL_MAP_MAX_FRAME)
            return IPN_ERR_PROTOCOL;
        room = room > CONTROL_MAP_MAX_FRAME / 2 ? CONTROL_MAP_MAX_FRAME : room * 2;
    }
}

static int open_frame(struct control_map *cm, struct bytes *json)
{
    ZSTD_DCtx *ctx;
    int err;

    if (!cm->zstd) {
        json->data = buf_head(&cm->frame);
        json->len = cm->frame.len;
        return 1;
    }
    ctx = ZSTD_createDCtx(); /* 160 kB, needed once a minute: not kept */
    if (ctx == NULL)
        return IPN_ERR_NOMEM;
    err = decompress(cm, ctx);
    ZSTD_freeDCtx(ctx);
    if (err < 0)
        return err;
    json->data = buf_head(&cm->json);
    json->len = cm->json.len;
    return 1;
}

static size_t take(struct bytes *src, size_t want, const uint8_t **at)
{
    size_t n = want < src->len ? want : src->len;

    *at = src->data;
    src->data += n;
    src->len -= n;
    return n;
}

/* The last response is not needed any more: its memory goes, maps are rare and may be large. */
static void drop_last(struct control_map *cm)
{
    if (cm->header_len < sizeof cm->header || cm->frame.len < load_le32(cm->header))
        return;
    cm->header_len = 0;
    buf_wipe(&cm->frame);
    buf_wipe(&cm->json);
}

int control_map_input(struct control_map *cm, struct bytes *src, struct bytes *json)
{
    const uint8_t *at;
    size_t len, n;
    int err;

    drop_last(cm);
    while (cm->header_len < sizeof cm->header && src->len > 0) {
        take(src, 1, &at);
        cm->header[cm->header_len++] = *at;
    }
    if (cm->header_len < sizeof cm->header)
        return 0;
    len = load_le32(cm->header);
    if (len > CONTROL_MAP_MAX_FRAME || len == 0)
        return IPN_ERR_PROTOCOL;
    n = take(src, len - cm->frame.len, &at);
    err = n == 0 ? 0 : buf_append(&cm->frame, at, n);
    if (err < 0)
        return err == IPN_ERR_FULL ? IPN_ERR_PROTOCOL : err;
    return cm->frame.len < len ? 0 : open_frame(cm, json);
}
