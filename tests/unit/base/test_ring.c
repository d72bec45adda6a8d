/* The ring against a plain array under random writes, reads, peeks and consumption. */
#include "test.h"

#include "base/err.h"
#include "base/ring.h"
#include "prng.h"

enum { CAP = 64 };

static void test_against_twin(void)
{
    struct ring r;
    uint8_t twin[CAP];
    size_t twin_len = 0;

    if (!CHECK_EQ(ring_init(&r, CAP), 0))
        return;
    for (int step = 0; step < 50000; step++) {
        uint8_t bytes[CAP + 10];
        size_t len = prng_below(sizeof bytes + 1), n;

        if (prng_below(2)) {
            prng_fill(bytes, len);
            n = ring_write(&r, bytes, len);
            CHECK_EQ(n, len < CAP - twin_len ? len : CAP - twin_len);
            memcpy(twin + twin_len, bytes, n);
            twin_len += n;
        } else if (prng_below(2)) {
            n = ring_read(&r, bytes, len);
            CHECK_EQ(n, len < twin_len ? len : twin_len);
            CHECK_MEM(bytes, twin, n);
            memmove(twin, twin + n, twin_len - n);
            twin_len -= n;
        } else {
            struct bytes run = ring_peek(&r);

            if (!CHECK(run.len <= twin_len && (run.len > 0) == (twin_len > 0)))
                break;
            CHECK_MEM(run.data, twin, run.len);
            n = prng_below(run.len + 1);
            ring_consume(&r, n);
            memmove(twin, twin + n, twin_len - n);
            twin_len -= n;
        }
        if (!CHECK_EQ(r.len, twin_len) || !CHECK_EQ(ring_room(&r), CAP - twin_len))
            break;
    }
    ring_wipe(&r);
    CHECK(r.data == NULL && r.cap == 0 && r.len == 0);
    CHECK_EQ(ring_write(&r, twin, 1), 0);
}

int main(void)
{
    struct ring r;

    prng_init(3);
    CHECK_EQ(ring_init(&r, 0), IPN_ERR_ARG);
    CHECK_EQ(ring_init(&r, 48), IPN_ERR_ARG);
    CHECK_EQ(ring_init(&r, 1), 0);
    CHECK_EQ(ring_write(&r, (const uint8_t *)"ab", 2), 1);
    ring_wipe(&r);
    test_against_twin();
    return TEST_DONE();
}
