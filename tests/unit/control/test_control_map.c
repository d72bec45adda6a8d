/* The map stream's frames: lengths, zstd, ceilings. */
#include "control/control_map.h"

#include <stdlib.h>

#include "base/err.h"
#include "control_server.h"
#include "test.h"

/* {"KeepAlive":true} as the zstd tool writes it: zstd -19 --no-check. */
static const uint8_t keep_alive_zstd[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x12, 0x91, 0x00, 0x00,
                                          0x7b, 0x22, 0x4b, 0x65, 0x65, 0x70, 0x41, 0x6c, 0x69,
                                          0x76, 0x65, 0x22, 0x3a, 0x74, 0x72, 0x75, 0x65, 0x7d};

/* Feeds all of src in pieces; the responses are counted, the last result is returned. */
static int feed(struct control_map *cm, const uint8_t *src, size_t len, size_t piece,
                const char *want, size_t *responses)
{
    int result = 0;

    for (size_t at = 0; at < len && result >= 0; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        uint8_t *copy = malloc(n);
        struct bytes in = {copy, n}, json;

        memcpy(copy, src + at, n);
        while ((result = control_map_input(cm, &in, &json)) > 0) {
            ++*responses;
            CHECK_EQ(json.len, strlen(want));
            CHECK_MEM(json.data, want, json.len);
        }
        free(copy);
    }
    return result;
}

static void test_streams(bool zstd, size_t piece)
{
    static const char json[] = "{\"Domain\":\"some text that is not short\"}";
    uint8_t frame[256], stream[1024];
    size_t frame_len, responses = 0;
    struct control_map cm;

    if (zstd) {
        frame_len = server_frame(frame, json, strlen(json));
    } else {
        store_le32(frame, sizeof json - 1);
        memcpy(frame + 4, json, sizeof json - 1);
        frame_len = 4 + sizeof json - 1;
    }
    for (int i = 0; i < 3; i++)
        memcpy(stream + i * frame_len, frame, frame_len);
    control_map_init(&cm, zstd);
    CHECK_EQ(feed(&cm, stream, 3 * frame_len, piece, json, &responses), 0);
    CHECK_EQ(responses, 3);
    control_map_wipe(&cm);
}

static void test_compressed(void)
{
    uint8_t stream[64];
    size_t responses = 0;
    struct control_map cm;

    store_le32(stream, sizeof keep_alive_zstd);
    memcpy(stream + 4, keep_alive_zstd, sizeof keep_alive_zstd);
    control_map_init(&cm, true);
    CHECK_EQ(feed(&cm, stream, 4 + sizeof keep_alive_zstd, 64, "{\"KeepAlive\":true}", &responses),
             0);
    CHECK_EQ(responses, 1);
    control_map_wipe(&cm);
}

/* A frame of blocks that each repeat one byte 128 k times, of which 256 fit. */
static size_t bomb(uint8_t *out, size_t blocks, bool promise)
{
    size_t at = 4;

    store_le32(out + at, 0xfd2fb528);
    out[at + 4] = promise ? 0xa0 : 0x00; /* single segment and a size, or a window */
    out[at + 5] = 0x70;                  /* 16 MB */
    at += 6;
    if (promise) {
        store_le32(out + at - 1, (uint32_t)(blocks << 17));
        at += 3;
    }
    for (size_t i = 0; i < blocks; i++) {
        uint32_t header = (i + 1 == blocks) | 1u << 1 | 1u << 20; /* [last 1][rle 2][size 21] */

        out[at++] = (uint8_t)header;
        out[at++] = (uint8_t)(header >> 8);
        out[at++] = (uint8_t)(header >> 16);
        out[at++] = 'x';
    }
    store_le32(out, (uint32_t)(at - 4));
    return at;
}

static void test_bombs(void)
{
    static const struct {
        int number;
        size_t blocks; /* of 128 kB */
        bool promise;
        int result;
    } cases[] = {
        {1, 8, true, 1},
        {2, 8, false, 1},
        {3, 256, true, 1},
        {4, 256, false, 1},
        {5, 257, true, IPN_ERR_PROTOCOL},
        {6, 257, false, IPN_ERR_PROTOCOL},
        {7, 4000, false, IPN_ERR_PROTOCOL},
    };
    uint8_t *stream = malloc(20000);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes src = {stream, bomb(stream, cases[i].blocks, cases[i].promise)}, json;
        struct control_map cm;

        control_map_init(&cm, true);
        if (!CHECK_EQ(control_map_input(&cm, &src, &json), cases[i].result))
            fprintf(stderr, "    case %d\n", cases[i].number);
        if (cases[i].result == 1)
            CHECK_EQ(json.len, cases[i].blocks << 17);
        control_map_wipe(&cm);
    }
    free(stream);
}

static void test_hostile(void)
{
    static const struct {
        int number;
        bool zstd;
        uint8_t bytes[16];
        size_t len;
        int result;
    } cases[] = {
        {1, false, {0, 0, 0, 0}, 4, IPN_ERR_PROTOCOL},
        {2, false, {1, 0, 0, 2}, 4, IPN_ERR_PROTOCOL}, /* 32 MB and one byte */
        {3, false, {0xff, 0xff, 0xff, 0xff}, 4, IPN_ERR_PROTOCOL},
        {4, false, {0, 0, 0, 2}, 4, 0}, /* 32 MB to come: nothing is allocated yet */
        {5, true, {2, 0, 0, 0, '{', '}'}, 6, IPN_ERR_PROTOCOL}, /* not compressed */
        {6,
         true,
         {4, 0, 0, 0, 0x28, 0xb5, 0x2f, 0xfd},
         8,
         IPN_ERR_PROTOCOL}, /* a magic number alone */
        {7, false, {2, 0, 0}, 3, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes src = {cases[i].bytes, cases[i].len}, json;
        struct control_map cm;

        control_map_init(&cm, cases[i].zstd);
        if (!CHECK_EQ(control_map_input(&cm, &src, &json), cases[i].result))
            fprintf(stderr, "    case %d\n", cases[i].number);
        control_map_wipe(&cm);
    }
}

int main(void)
{
    for (int zstd = 0; zstd < 2; zstd++)
        for (size_t piece = 1; piece < 200; piece += piece < 10 ? 1 : 37)
            test_streams(zstd, piece);
    test_compressed();
    test_bombs();
    test_hostile();
    return TEST_DONE();
}
