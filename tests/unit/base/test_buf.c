/* The growing queue against a plain array under random appends, reservations and consumption. */
#include "test.h"

#include "base/buf.h"
#include "base/err.h"
#include "prng.h"

enum { TWIN_CAP = 5000 };

struct twin {
    uint8_t data[TWIN_CAP];
    size_t len;
};

static void twin_consume(struct twin *t, size_t len)
{
    memmove(t->data, t->data + len, t->len - len);
    t->len -= len;
}

static void put(struct buf *b, struct twin *t)
{
    uint8_t src[400];
    size_t len = prng_below(sizeof src + 1);
    int over = t->len + len > TWIN_CAP;

    prng_fill(src, len);
    if (prng_below(2)) {
        CHECK_EQ(buf_append(b, src, len), over ? IPN_ERR_FULL : 0);
    } else {
        uint8_t *room = buf_reserve(b, len);

        CHECK((room == NULL) == over);
        if (room) {
            size_t used = prng_below(len + 1);

            memcpy(room, src, len); /* all of the room is ours */
            buf_commit(b, used);
            len = used;
        }
    }
    if (!over) {
        memcpy(t->data + t->len, src, len);
        t->len += len;
    }
}

static void test_against_twin(void)
{
    static struct twin t;
    struct buf b;
    size_t largest = 0;

    buf_init(&b, TWIN_CAP);
    for (int step = 0; step < 50000; step++) {
        /* phases in which the queue fills, then phases in which it drains */
        if (prng_below(4) < (step / 1000 % 2 ? 3u : 1u)) {
            put(&b, &t);
        } else {
            size_t len = prng_below(2) ? t.len : prng_below(t.len + 1);

            len = prng_below(20) ? len / 4 : len;
            buf_consume(&b, len);
            twin_consume(&t, len);
        }
        if (!CHECK_EQ(b.len, t.len) || !CHECK(b.cap <= TWIN_CAP))
            break;
        if (b.len)
            CHECK_MEM(buf_head(&b), t.data, t.len);
        if (b.len > largest)
            largest = b.len;
    }
    CHECK(largest > TWIN_CAP - 400);
    buf_wipe(&b);
    CHECK(b.data == NULL && b.len == 0 && b.cap == 0);
    CHECK_EQ(buf_append(&b, "again", 5), 0);
    buf_wipe(&b);
}

static void test_limits(void)
{
    struct buf b;
    uint8_t *room;

    buf_init(&b, 10);
    CHECK_EQ(buf_append(&b, NULL, 0), 0);
    CHECK_EQ(buf_append(&b, "0123456789", 10), 0);
    CHECK_EQ(buf_append(&b, "x", 1), IPN_ERR_FULL);
    CHECK(buf_reserve(&b, SIZE_MAX) == NULL);
    CHECK(buf_reserve(&b, 0) != NULL);
    buf_consume(&b, 1);
    room = buf_reserve(&b, 1);
    CHECK(room != NULL);
    *room = 'a';
    buf_commit(&b, 1);
    CHECK_MEM(buf_head(&b), "123456789a", 10);
    CHECK_EQ(b.cap, 10);
    buf_wipe(&b);

    buf_init(&b, 0);
    CHECK(buf_reserve(&b, 1) == NULL);
    CHECK_EQ(buf_append(&b, "x", 1), IPN_ERR_FULL);
    buf_wipe(&b);
}

int main(void)
{
    prng_init(2);
    test_against_twin();
    test_limits();
    return TEST_DONE();
}
