#include "ipn/ipn_event.h"

#include "test.h"

static void test_order_and_lifetime(void)
{
    struct ipn_event_queue q = {0};
    struct ipn_event ev;
    CHECK(!ipn_event_pop(&q, &ev));
    char text[] = "first";
    CHECK_EQ(ipn_event_push(&q, IPN_EVENT_STORE, 1, -2, text, 5, "aux", 3), 0);
    memset(text, 'x', 5); /* the queue has its own copy */
    CHECK_EQ(ipn_event_push(&q, IPN_EVENT_STATE, 2, 3, NULL, 0, NULL, 0), 0);
    CHECK(ipn_event_pop(&q, &ev));
    CHECK_EQ(ev.type, IPN_EVENT_STORE);
    CHECK_EQ(ev.id, 1);
    CHECK_EQ(ev.code, -2);
    CHECK_EQ(ev.text_len, 5);
    CHECK_MEM(ev.text, "first", 5);
    CHECK_EQ(ev.aux_len, 3);
    CHECK_MEM(ev.aux, "aux", 3);
    CHECK(ipn_event_pop(&q, &ev));
    CHECK_EQ(ev.type, IPN_EVENT_STATE);
    CHECK_EQ(ev.text_len, 0);
    CHECK(!ipn_event_pop(&q, &ev));
    CHECK_EQ(ipn_event_push(&q, IPN_EVENT_STATE, 9, 0, NULL, 0, NULL, 0), 0);
    CHECK(ipn_event_pop(&q, &ev));
    CHECK_EQ(ev.id, 9);
    ipn_event_wipe(&q);
}

static void test_ceiling(void)
{
    struct ipn_event_queue q = {0};
    struct ipn_event ev;
    for (int i = 0; i < IPN_EVENT_MAX_QUEUED; i++)
        CHECK_EQ(ipn_event_push(&q, IPN_EVENT_STATE, (uint32_t)i, 0, "x", 1, NULL, 0), 0);
    CHECK_EQ(ipn_event_push(&q, IPN_EVENT_STATE, 0, 0, NULL, 0, NULL, 0), IPN_ERR_FULL);
    CHECK(ipn_event_pop(&q, &ev));
    CHECK_EQ(ipn_event_push(&q, IPN_EVENT_STATE, 77, 0, NULL, 0, NULL, 0), 0);
    ipn_event_wipe(&q);
    CHECK_EQ(q.count, 0);
    CHECK(!ipn_event_pop(&q, &ev));
}

int main(void)
{
    test_order_and_lifetime();
    test_ceiling();
    return TEST_DONE();
}
