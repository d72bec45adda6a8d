/* When the device is under load, and how often one sender is heard then. */
#include "test.h"

#include "wg/load.h"

#include "scripted_random.h"

static void test_threshold(void)
{
    struct wg_load l;
    wg_load_init(&l);
    for (int i = 0; i < WG_LOAD_MESSAGES_PER_S; i++)
        CHECK(!wg_load_count(&l, 5000 + (unsigned)i));
    CHECK(wg_load_count(&l, 5100));
    CHECK(wg_load_count(&l, 6050)); /* a new second, but still under load */
    CHECK(!wg_load_count(&l, 6101));
    for (unsigned s = 10; s < 40; s++) /* a steady rate below it is never load */
        for (unsigned i = 0; i < WG_LOAD_MESSAGES_PER_S; i++)
            CHECK(!wg_load_count(&l, s * 1000 + i * 15));
    l.forced = true;
    CHECK(wg_load_count(&l, 90000));
}

static void test_sources(void)
{
    struct wg_load l;
    struct node_public flooder = {{1}}, other = {{2}};
    wg_load_init(&l);
    unsigned admitted = 0, admitted_other = 0;
    for (unsigned ms = 0; ms < 10000; ms++) {
        admitted += wg_load_admit(&l, &flooder, 1000 + ms);
        if (ms % 100 == 0)
            admitted_other += wg_load_admit(&l, &other, 1000 + ms);
    }
    CHECK(admitted >= 10 * WG_SOURCE_PER_S);
    CHECK(admitted <= 10 * WG_SOURCE_PER_S + WG_SOURCE_BURST);
    CHECK_EQ(admitted_other, 100);
}

int main(void)
{
    scripted_init();
    test_threshold();
    test_sources();
    return TEST_DONE();
}
