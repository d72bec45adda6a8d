#include "wg/timers.h"

#include "base/bytes.h"
#include "wg/messages.h"

void wg_timers_init(struct wg_timers *t)
{
    for (int i = 0; i < WG_TIMER_COUNT; i++)
        t->due_ms[i] = NEVER;
    t->need_another_keepalive = false;
    t->sent_last_minute_handshake = false;
}

uint64_t wg_timers_next(const struct wg_timers *t)
{
    uint64_t next = NEVER;
    for (int i = 0; i < WG_TIMER_COUNT; i++)
        next = earlier(next, t->due_ms[i]);
    return next;
}

enum wg_timer wg_timers_take(struct wg_timers *t, uint64_t now_ms)
{
    for (int i = 0; i < WG_TIMER_COUNT; i++) {
        if (t->due_ms[i] <= now_ms) {
            t->due_ms[i] = NEVER;
            return (enum wg_timer)i;
        }
    }
    return WG_TIMER_NONE;
}

void wg_timers_data_sent(struct wg_timers *t, uint64_t now_ms)
{
    if (!wg_timers_pending(t, WG_TIMER_NEW_HANDSHAKE))
        t->due_ms[WG_TIMER_NEW_HANDSHAKE] =
            now_ms + KEEPALIVE_TIMEOUT_MS + REKEY_TIMEOUT_MS + wg_timers_jitter();
}

void wg_timers_data_received(struct wg_timers *t, uint64_t now_ms)
{
    if (wg_timers_pending(t, WG_TIMER_SEND_KEEPALIVE))
        t->need_another_keepalive = true;
    else
        t->due_ms[WG_TIMER_SEND_KEEPALIVE] = now_ms + KEEPALIVE_TIMEOUT_MS;
}

void wg_timers_any_sent(struct wg_timers *t)
{
    t->due_ms[WG_TIMER_SEND_KEEPALIVE] = NEVER;
}

void wg_timers_any_received(struct wg_timers *t)
{
    t->due_ms[WG_TIMER_NEW_HANDSHAKE] = NEVER;
}

void wg_timers_initiated(struct wg_timers *t, uint64_t now_ms, uint64_t delay_ms)
{
    t->due_ms[WG_TIMER_RETRANSMIT_HANDSHAKE] = now_ms + delay_ms;
    t->due_ms[WG_TIMER_FORGET_HANDSHAKE] = NEVER;
}

void wg_timers_responded(struct wg_timers *t, uint64_t now_ms, uint64_t delay_ms)
{
    uint64_t *due_ms = &t->due_ms[WG_TIMER_RETRANSMIT_HANDSHAKE];
    if (*due_ms < now_ms + delay_ms)
        *due_ms = now_ms + delay_ms;
}

void wg_timers_handshake_complete(struct wg_timers *t, uint64_t now_ms)
{
    t->due_ms[WG_TIMER_RETRANSMIT_HANDSHAKE] = NEVER;
    t->due_ms[WG_TIMER_FORGET_HANDSHAKE] = now_ms + REKEY_TIMEOUT_MS;
    t->sent_last_minute_handshake = false;
}

void wg_timers_session_derived(struct wg_timers *t, uint64_t now_ms)
{
    t->due_ms[WG_TIMER_ZERO_KEY_MATERIAL] = now_ms + ZERO_KEY_MATERIAL_MS;
}

void wg_timers_keepalive_sent(struct wg_timers *t, uint64_t now_ms)
{
    if (!t->need_another_keepalive)
        return;
    t->need_another_keepalive = false;
    t->due_ms[WG_TIMER_SEND_KEEPALIVE] = now_ms + KEEPALIVE_TIMEOUT_MS;
}

uint64_t wg_timers_jitter(void)
{
    uint8_t random[4];
    host_random(random, sizeof random);
    return load_le32(random) % (REKEY_TIMEOUT_JITTER_MAX_MS + 1);
}
