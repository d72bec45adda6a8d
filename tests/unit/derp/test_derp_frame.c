/* The frame codec: layout, and the reader against a naive twin over streams cut anywhere. */
#include "derp/derp_frame.h"

#include <stdlib.h>

#include "support/relay.h"
#include "test.h"
#include "base/err.h"

static void test_headers(void)
{
    static const struct {
        enum derp_frame_type type;
        size_t len;
        uint8_t want[DERP_HEADER_LEN];
    } table[] = {
        {DERP_FRAME_PING, 8, {0x12, 0, 0, 0, 8}},
        {DERP_FRAME_SEND_PACKET, 0x10020, {0x04, 0, 1, 0, 0x20}},
        {DERP_FRAME_KEEP_ALIVE, 0, {0x06, 0, 0, 0, 0}},
    };
    uint8_t out[DERP_SEND_HEADER_LEN];
    struct node_public to;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        derp_frame_header(out, table[i].type, table[i].len);
        CHECK_MEM(out, table[i].want, DERP_HEADER_LEN);
    }
    memset(to.b, 0xab, sizeof to.b);
    derp_frame_send_header(out, &to, 100);
    CHECK_MEM(out, ((uint8_t[]){4, 0, 0, 0, 132, 0xab}), 6);
    CHECK_MEM(out + 5, to.b, KEY_LEN);
}

static void test_server_key(void)
{
    uint8_t body[48] = {0x44, 0x45, 0x52, 0x50, 0xf0, 0x9f, 0x94, 0x91};
    struct node_public key;
    memset(body + 8, 7, 32);
    CHECK_EQ(derp_frame_parse_server_key(&key, body, 40), 0);
    CHECK_MEM(key.b, body + 8, KEY_LEN);
    CHECK_EQ(derp_frame_parse_server_key(&key, body, 48), 0);
    CHECK_EQ(derp_frame_parse_server_key(&key, body, 39), IPN_ERR_PROTOCOL);
    CHECK_EQ(derp_frame_parse_server_key(&key, body, 0), IPN_ERR_PROTOCOL);
    body[7] ^= 1;
    CHECK_EQ(derp_frame_parse_server_key(&key, body, 40), IPN_ERR_PROTOCOL);
}

static void test_server_info(void)
{
    static const char json[] = "{\"version\":2}";
    uint8_t shared[32], body[24 + 16 + sizeof json - 1], big[8192] = {0};
    relay_random_bytes(shared, 32);
    relay_random_bytes(body, 24);
    box_seal(body + 24, (const uint8_t *)json, sizeof json - 1, body, shared);
    CHECK(derp_frame_open_server_info(body, sizeof body, shared));
    for (size_t len = 0; len < sizeof body; len++)
        CHECK(!derp_frame_open_server_info(body, len, shared));
    for (size_t at = 0; at < sizeof body; at++) {
        body[at] ^= 0x10;
        CHECK(!derp_frame_open_server_info(body, sizeof body, shared));
        body[at] ^= 0x10;
    }
    CHECK(!derp_frame_open_server_info(big, sizeof big, shared));
}

enum { STREAM_CAP = 1 << 20, FRAMES = 400 };

struct expected {
    uint8_t type;
    size_t at, len; /* of the body in the stream */
};

static size_t make_stream(uint8_t *stream, struct expected *want)
{
    size_t at = 0;
    for (size_t i = 0; i < FRAMES; i++) {
        size_t len = relay_random() % 100;
        if (i % 8 == 0)
            len = relay_random() % 6000;
        if (i == 77)
            len = DERP_MAX_BODY;
        if (i % 5 == 0)
            len = 0;
        want[i] = (struct expected){(uint8_t)relay_random(), at + 5, len};
        derp_frame_header(stream + at, want[i].type, len);
        relay_random_bytes(stream + at + 5, len);
        at += 5 + len;
    }
    return at;
}

/* Feeds the stream in pieces of at most `piece` bytes (0: random sizes); every frame must come out
 * once, in order, whole, and in place where it lay whole in its piece. */
static void run_stream(const uint8_t *stream, size_t total, const struct expected *want,
                       size_t piece)
{
    struct derp_reader r;
    struct derp_frame f;
    size_t at = 0, got = 0, in_place = 0, could = 0;
    derp_reader_init(&r);
    while (at < total) {
        size_t n = piece ? piece : relay_random() % 5000 + 1;
        if (n > total - at)
            n = total - at;
        uint8_t *input = malloc(n); /* its own block: an overrun is seen */
        memcpy(input, stream + at, n);
        CHECK_EQ(derp_reader_input(&r, input, n), 0);
        if (got == 0)
            CHECK_EQ(derp_reader_input(&r, input, n), IPN_ERR_STATE);
        while (derp_reader_next(&r, &f) == 1 && got < FRAMES) {
            const struct expected *w = &want[got++];
            CHECK_EQ(f.type, w->type);
            CHECK_EQ(f.len, w->len);
            CHECK_MEM(f.body, stream + w->at, w->len);
            bool whole = w->at - 5 >= at && w->at + w->len <= at + n;
            could += whole;
            in_place += f.body >= input && f.body <= input + n;
            memset(f.body, 0xee, f.len); /* may be changed in place */
        }
        free(input);
        at += n;
    }
    CHECK_EQ(got, FRAMES);
    CHECK(in_place >= could);
    derp_reader_wipe(&r);
}

static void test_streams(void)
{
    static const size_t pieces[] = {1, 2, 5, 6, 37, 1400, 4096, 65536 + 37, STREAM_CAP, 0, 0, 0};
    uint8_t *stream = malloc(STREAM_CAP);
    struct expected *want = calloc(FRAMES, sizeof *want);
    size_t total = make_stream(stream, want);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        run_stream(stream, total, want, pieces[i]);
    free(stream);
    free(want);
}

static void test_hostile_lengths(void)
{
    static const struct {
        uint32_t len;
        int want;
    } table[] = {
        {DERP_MAX_BODY, 0},
        {DERP_MAX_BODY + 1, IPN_ERR_PROTOCOL},
        {1 << 20, IPN_ERR_PROTOCOL},
        {0x7fffffff, IPN_ERR_PROTOCOL},
        {0x80000000, IPN_ERR_PROTOCOL},
        {0xfffffffb, IPN_ERR_PROTOCOL},
        {0xffffffff, IPN_ERR_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (size_t piece = 1; piece <= 9; piece++) {
            struct derp_reader r;
            struct derp_frame f;
            uint8_t input[9] = {5};
            int rv = 0;
            derp_reader_init(&r);
            store_be32(input + 1, table[i].len);
            for (size_t at = 0; at < sizeof input && rv == 0; at += piece) {
                size_t n = sizeof input - at < piece ? sizeof input - at : piece;
                CHECK_EQ(derp_reader_input(&r, input + at, n), 0);
                rv = derp_reader_next(&r, &f);
            }
            CHECK_EQ(rv, table[i].want);
            CHECK(r.carry.cap < 1024); /* a claim alone allocates nothing */
            derp_reader_wipe(&r);
        }
    }
}

/* The ceiling holds for a frame that lies whole in its input, too. */
static void test_longest_in_place(void)
{
    for (size_t over = 0; over < 2; over++) {
        struct derp_reader r;
        struct derp_frame f;
        size_t len = DERP_HEADER_LEN + DERP_MAX_BODY + over;
        uint8_t *input = calloc(1, len);
        derp_frame_header(input, DERP_FRAME_RECV_PACKET, DERP_MAX_BODY + over);
        derp_reader_init(&r);
        CHECK_EQ(derp_reader_input(&r, input, len), 0);
        CHECK_EQ(derp_reader_next(&r, &f), over ? IPN_ERR_PROTOCOL : 1);
        CHECK(over || (f.body == input + DERP_HEADER_LEN && f.len == DERP_MAX_BODY));
        derp_reader_wipe(&r);
        free(input);
    }
}

int main(void)
{
    host_init(&(struct host_calls){.random_bytes = relay_random_bytes});
    printf("seed %llu\n", (unsigned long long)relay_seed);
    test_headers();
    test_server_key();
    test_server_info();
    test_streams();
    test_hostile_lengths();
    test_longest_in_place();
    return TEST_DONE();
}
