/* The HTTP/2 client against raw frames written by hand. The rest of it is tested through the
 * client. */
#include "control/control_h2.h"

#include <stdlib.h>

#include "base/err.h"
#include "test.h"

struct seen {
    int heads, ends;
    int status, retry_after_s;
    bool complete;
    char body[64];
};

static void see_head(void *user, int32_t stream, int status, int retry_after_s)
{
    struct seen *s = user;

    CHECK_EQ(stream, 1);
    s->heads++;
    s->status = status;
    s->retry_after_s = retry_after_s;
}

static void see_data(void *user, int32_t stream, const uint8_t *data, size_t len)
{
    struct seen *s = user;

    CHECK_EQ(stream, 1);
    CHECK(strlen(s->body) + len < sizeof s->body);
    strncat(s->body, (const char *)data, len);
}

static void see_end(void *user, int32_t stream, bool complete)
{
    struct seen *s = user;

    CHECK_EQ(stream, 1);
    s->ends++;
    s->complete = complete;
}

static struct control_h2 *make(struct seen *s)
{
    struct control_h2_handler handler = {s, see_head, see_data, see_end};
    struct control_h2 *h2;

    memset(s, 0, sizeof *s);
    h2 = control_h2_new(&handler, "example");
    if (h2 == NULL)
        exit(1);
    return h2;
}

static size_t drain(struct control_h2 *h2, uint8_t *out, size_t cap)
{
    const uint8_t *bytes;
    size_t len = 0;
    int n;

    while ((n = control_h2_output(h2, &bytes)) > 0) {
        if (len + (size_t)n > cap)
            exit(1);
        memcpy(out + len, bytes, (size_t)n);
        len += (size_t)n;
    }
    return len;
}

/* [len 3][type 1][flags 1][stream 4] */
static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
static const uint8_t settings_ack[] = {0, 0, 0, 4, 1, 0, 0, 0, 0};
static const uint8_t head_200[] = {0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88}; /* indexed :status 200 */
static const uint8_t head_404_end[] = {0, 0, 1, 1, 5, 0, 0, 0, 1, 0x8d};
static const uint8_t data_hi[] = {0, 0, 2, 0, 0, 0, 0, 0, 1, 'h', 'i'};
static const uint8_t data_end[] = {0, 0, 1, 0, 1, 0, 0, 0, 1, '!'};
static const uint8_t reset[] = {0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 2};

static void test_preface_and_request(void)
{
    uint8_t out[4096];
    struct seen s;
    struct control_h2 *h2 = make(&s);
    size_t len;

    CHECK_EQ(control_h2_post(h2, "/machine/map", (const uint8_t *)"{}", 2), 1);
    len = drain(h2, out, sizeof out);
    CHECK_MEM(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    CHECK_EQ(out[24 + 3], 4); /* SETTINGS at once */
    CHECK_MEM(out + len - 11, "\0\0\2\0\1\0\0\0\1{}", 11); /* DATA, END_STREAM */
    CHECK_EQ(drain(h2, out, sizeof out), 0);
    control_h2_free(h2);
    CHECK_EQ(s.ends, 0);
}

static struct control_h2 *with_request(struct seen *s)
{
    uint8_t out[4096];
    struct control_h2 *h2 = make(s);

    CHECK_EQ(control_h2_post(h2, "/x", (const uint8_t *)"{}", 2), 1);
    drain(h2, out, sizeof out);
    CHECK_EQ(control_h2_input(h2, settings, sizeof settings), 0);
    CHECK_EQ(control_h2_input(h2, settings_ack, sizeof settings_ack), 0);
    drain(h2, out, sizeof out);
    return h2;
}

static void test_answers(void)
{
    struct seen s;
    struct control_h2 *h2 = with_request(&s);

    CHECK_EQ(control_h2_input(h2, head_200, sizeof head_200), 0);
    CHECK(s.heads == 1 && s.status == 200 && s.retry_after_s == -1);
    CHECK_EQ(control_h2_input(h2, data_hi, sizeof data_hi), 0);
    CHECK_EQ(s.ends, 0);
    CHECK_EQ(control_h2_input(h2, data_end, sizeof data_end), 0);
    CHECK_STR(s.body, "hi!");
    CHECK(s.ends == 1 && s.complete);
    control_h2_free(h2);

    h2 = with_request(&s);
    for (size_t i = 0; i < sizeof head_404_end; i++)
        CHECK_EQ(control_h2_input(h2, head_404_end + i, 1), 0);
    CHECK(s.status == 404 && s.heads == 1 && s.ends == 1 && s.complete);
    control_h2_free(h2);

    h2 = with_request(&s);
    CHECK_EQ(control_h2_input(h2, head_200, sizeof head_200), 0);
    CHECK_EQ(control_h2_input(h2, reset, sizeof reset), 0);
    CHECK(s.ends == 1 && !s.complete);
    control_h2_free(h2);
}

static void test_cancel(void)
{
    uint8_t out[4096];
    struct seen s;
    struct control_h2 *h2 = with_request(&s);
    size_t len;

    control_h2_cancel(h2, 1);
    len = drain(h2, out, sizeof out);
    CHECK_EQ(len, 13);
    CHECK_EQ(out[3], 3); /* RST_STREAM */
    CHECK(s.ends == 1 && !s.complete);
    CHECK_EQ(control_h2_input(h2, head_200, sizeof head_200), 0); /* it was under way: ignored */
    CHECK_EQ(s.heads, 0);
    control_h2_free(h2);
}

static void test_ping(void)
{
    uint8_t out[4096];
    struct seen s;
    struct control_h2 *h2 = with_request(&s);

    CHECK(!control_h2_ping_pending(h2));
    control_h2_ping(h2);
    control_h2_ping(h2);
    CHECK(control_h2_ping_pending(h2));
    CHECK_EQ(drain(h2, out, sizeof out), 17); /* one */
    out[4] = 1; /* ACK */
    CHECK_EQ(control_h2_input(h2, out, 17), 0);
    CHECK(!control_h2_ping_pending(h2));
    control_h2_free(h2);
}

static void test_early_payload(void)
{
    static const struct {
        int number;
        uint8_t bytes[32];
        size_t len;
        int result;
    } cases[] = {
        {1,
         {0xff, 0xff, 0xff, 'T', 'S', 0, 0, 0, 3, '{', '}', ' ', 0, 0, 0, 4, 0, 0, 0, 0, 0},
         21,
         0},
        {2, {0xff, 0xff, 0xff, 'T', 'S', 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0}, 18, 0},
        {3, {0, 0, 0, 4, 0, 0, 0, 0, 0}, 9, 0},
        {4, {0xff, 0xff, 0xff, 'T', 'S', 0, 1, 0, 1}, 9, IPN_ERR_PROTOCOL}, /* 64 k and one */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t piece = 1; piece <= cases[i].len; piece++) {
            uint8_t out[4096];
            struct seen s;
            struct control_h2 *h2 = make(&s);
            int result = 0;

            drain(h2, out, sizeof out);
            for (size_t at = 0; at < cases[i].len && result == 0; at += piece) {
                size_t n = cases[i].len - at < piece ? cases[i].len - at : piece;

                result = control_h2_input(h2, cases[i].bytes + at, n);
            }
            if (!CHECK_EQ(result, cases[i].result))
                fprintf(stderr, "    case %d, piece %zu\n", cases[i].number, piece);
            if (result == 0)
                CHECK_EQ(drain(h2, out, sizeof out), 9); /* its SETTINGS are acknowledged */
            control_h2_free(h2);
        }
    }
}

/* What is no HTTP/2 is answered with a GOAWAY, and then it is over. */
static void test_nonsense(void)
{
    static const struct {
        int number;
        uint8_t bytes[40];
        size_t len;
    } cases[] = {
        {1, "HTTP/1.1 400 Bad Request\r\n\r\n", 28},
        {2, {0, 0, 1, 1, 4, 0, 0, 0, 1, 0xff}, 10}, /* headers that HPACK cannot read */
        {3, {0, 0, 8, 6, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8}, 17}, /* PING on a stream */
        {4, {0, 0, 2, 0, 0, 0, 0, 0, 0, 'h', 'i'}, 11}, /* DATA on stream 0 */
        {5, {0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 13}, /* WINDOW_UPDATE by 0 */
        {6,
         {0, 0, 8, 5, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0x88, 0, 0, 0},
         17}, /* a push, which is switched off */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t out[4096];
        const uint8_t *bytes;
        struct seen s;
        struct control_h2 *h2 = with_request(&s);
        int result = control_h2_input(h2, cases[i].bytes, cases[i].len);

        if (result == 0) {
            CHECK(drain(h2, out, sizeof out) > 0);
            result = control_h2_output(h2, &bytes);
        }
        if (!CHECK_EQ(result, IPN_ERR_PROTOCOL))
            fprintf(stderr, "    case %d\n", cases[i].number);
        control_h2_free(h2);
    }
}

int main(void)
{
    test_preface_and_request();
    test_answers();
    test_cancel();
    test_ping();
    test_early_payload();
    test_nonsense();
    return TEST_DONE();
}
