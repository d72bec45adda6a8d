/* What each event does to each timer; times from whitepaper 6. */
#include "test.h"

#include "wg/messages.h"
#include "wg/timers.h"

#include "scripted_random.h"

enum { T = 50000 };

static struct wg_timers fresh(void)
{
    struct wg_timers t;
    wg_timers_init(&t);
    return t;
}

static void test_empty(void)
{
    struct wg_timers t = fresh();
    CHECK(wg_timers_next(&t) == NEVER);
    CHECK_EQ(wg_timers_take(&t, NEVER - 1), WG_TIMER_NONE);
    for (int i = 0; i < WG_TIMER_COUNT; i++)
        CHECK(!wg_timers_pending(&t, (enum wg_timer)i));
}

static void test_keepalive(void)
{
    struct wg_timers t = fresh();
    wg_timers_data_received(&t, T);
    CHECK_EQ(t.due_ms[WG_TIMER_SEND_KEEPALIVE], T + 10000);
    CHECK(!t.need_another_keepalive);
    wg_timers_data_received(&t, T + 9000); /* the first deadline stays */
    CHECK_EQ(wg_timers_next(&t), T + 10000);
    CHECK(t.need_another_keepalive);
    CHECK_EQ(wg_timers_take(&t, T + 9999), WG_TIMER_NONE);
    CHECK_EQ(wg_timers_take(&t, T + 10000), WG_TIMER_SEND_KEEPALIVE);
    wg_timers_keepalive_sent(&t, T + 10000);
    CHECK_EQ(t.due_ms[WG_TIMER_SEND_KEEPALIVE], T + 20000);
    CHECK_EQ(wg_timers_take(&t, T + 20000), WG_TIMER_SEND_KEEPALIVE);
    wg_timers_keepalive_sent(&t, T + 20000);
    CHECK(wg_timers_next(&t) == NEVER);
    wg_timers_data_received(&t, T);
    wg_timers_any_sent(&t); /* whatever is sent does a keepalive's work */
    CHECK(wg_timers_next(&t) == NEVER);
}

static void test_new_handshake(void)
{
    struct wg_timers t = fresh();
    wg_timers_data_sent(&t, T);
    uint64_t due = t.due_ms[WG_TIMER_NEW_HANDSHAKE];
    CHECK(due >= T + 15000 && due <= T + 15333);
    wg_timers_data_sent(&t, T + 5000); /* the oldest unanswered packet counts */
    CHECK_EQ(t.due_ms[WG_TIMER_NEW_HANDSHAKE], due);
    CHECK_EQ(wg_timers_take(&t, due), WG_TIMER_NEW_HANDSHAKE);
    CHECK(wg_timers_next(&t) == NEVER);
    wg_timers_data_sent(&t, T);
    wg_timers_any_received(&t);
    CHECK(wg_timers_next(&t) == NEVER);
}

static void test_handshake(void)
{
    struct wg_timers t = fresh();
    wg_timers_initiated(&t, T, REKEY_TIMEOUT_MS);
    CHECK_EQ(t.due_ms[WG_TIMER_RETRANSMIT_HANDSHAKE], T + 5000);
    t.sent_last_minute_handshake = true;
    wg_timers_handshake_complete(&t, T + 50);
    CHECK(!wg_timers_pending(&t, WG_TIMER_RETRANSMIT_HANDSHAKE));
    CHECK(!t.sent_last_minute_handshake);
    CHECK_EQ(t.due_ms[WG_TIMER_FORGET_HANDSHAKE], T + 5050);
    wg_timers_initiated(&t, T + 100, 100); /* what is waited for must not be forgotten */
    CHECK(!wg_timers_pending(&t, WG_TIMER_FORGET_HANDSHAKE));
    wg_timers_responded(&t, T + 110, 500);
    CHECK_EQ(t.due_ms[WG_TIMER_RETRANSMIT_HANDSHAKE], T + 610);
    wg_timers_responded(&t, T + 110, 100); /* only ever later */
    CHECK_EQ(t.due_ms[WG_TIMER_RETRANSMIT_HANDSHAKE], T + 610);
    t.due_ms[WG_TIMER_RETRANSMIT_HANDSHAKE] = NEVER;
    wg_timers_responded(&t, T + 110, 500); /* and it starts none */
    CHECK(!wg_timers_pending(&t, WG_TIMER_RETRANSMIT_HANDSHAKE));
    wg_timers_session_derived(&t, T);
    CHECK_EQ(t.due_ms[WG_TIMER_ZERO_KEY_MATERIAL], T + 540000);
    wg_timers_session_derived(&t, T + 1);
    CHECK_EQ(t.due_ms[WG_TIMER_ZERO_KEY_MATERIAL], T + 540001);
}

static void test_jitter(void)
{
    unsigned seen[REKEY_TIMEOUT_JITTER_MAX_MS + 2] = {0}, distinct = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t j = wg_timers_jitter();
        if (CHECK(j <= REKEY_TIMEOUT_JITTER_MAX_MS) && !seen[j]++)
            distinct++;
    }
    CHECK(distinct > 20);
}

int main(void)
{
    scripted_init();
    test_empty();
    test_keepalive();
    test_new_handshake();
    test_handshake();
    test_jitter();
    return TEST_DONE();
}
