/* The window: a numbered table of edges, then a naive twin that remembers every counter. */
#include "test.h"

#include <stdlib.h>

#include "wg/messages.h"
#include "wg/replay.h"

#define W ((uint64_t)WG_REPLAY_WINDOW)
#define LIMIT REJECT_AFTER_MESSAGES

static const struct {
    int number;
    uint64_t counter;
    bool accepted;
} steps[] = {
    {1, 0, true},
    {2, 1, true},
    {3, 1, false},
    {4, 9, true},
    {5, 8, true},
    {6, 7, true},
    {7, 7, false},
    {8, 0, false},
    {9, 63, true},
    {10, 64, true},
    {11, 63, false},
    {12, W, true},
    {13, 2, true},  /* W - 2 behind */
    {14, 2, false},
    {15, W + 3, true},
    {16, 3, true},  /* exactly W behind */
    {17, W + 5, true},
    {18, 4, false}, /* W + 1 behind */
    {19, 5, true},
    {20, 3 * W, true},
    {21, 3 * W - W - 1, false},
    {22, 2 * W, true},
    {23, 2 * W + 1, true},
    {24, 2 * W, false},
    {25, 3 * W + 200 * 64 * 129, true}, /* the ring around more than once */
    {26, 3 * W, false},
    {27, 3 * W + 200 * 64 * 129 - 1, true},
    {28, LIMIT - 1, true},
    {29, LIMIT - 1, false},
    {30, LIMIT, false},
    {31, LIMIT + 1, false},
    {32, UINT64_MAX, false},
    {33, LIMIT - 2, true},
    {34, 0, false},
    {35, LIMIT - 1 - W, true},
    {36, LIMIT - 2 - W, false},
};

static void test_steps(void)
{
    static struct wg_replay r;
    wg_replay_init(&r);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (!CHECK_EQ(wg_replay_accept(&r, steps[i].counter), steps[i].accepted))
            fprintf(stderr, "    step %d\n", steps[i].number);
}

enum { TWIN_COUNTERS = 1 << 17, TWIN_STEPS = 300000 };

static void test_twin(unsigned seed)
{
    static struct wg_replay r;
    static uint8_t seen[TWIN_COUNTERS];
    uint64_t last = 0, accepted = 0;
    wg_replay_init(&r);
    memset(seen, 0, sizeof seen);
    srand(seed);
    printf("seed %u\n", seed);
    for (int i = 0; i < TWIN_STEPS; i++) {
        int64_t c = (int64_t)last + rand() % 100 - 90;
        if (rand() % 8 == 0)
            c = (int64_t)last - rand() % (WG_REPLAY_WINDOW + 200);
        else if (rand() % 20000 == 0)
            c = (int64_t)last + rand() % (2 * WG_REPLAY_WINDOW);
        if (c < 0 || c >= TWIN_COUNTERS)
            continue;
        uint64_t counter = (uint64_t)c;
        bool expected = !seen[counter] && (counter > last || last - counter <= W);
        if (!CHECK_EQ(wg_replay_accept(&r, counter), expected)) {
            fprintf(stderr, "    step %d, counter %llu, last %llu\n", i,
                    (unsigned long long)counter, (unsigned long long)last);
            return;
        }
        seen[counter] |= expected;
        accepted += expected;
        if (expected && counter > last)
            last = counter;
    }
    CHECK(accepted > 10000);
}

int main(void)
{
    test_steps();
    for (unsigned seed = 1; seed <= 5; seed++)
        test_twin(seed);
    return TEST_DONE();
}
