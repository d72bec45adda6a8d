/*
 * A peer's timers (whitepaper 6) as deadlines, moved by events. One function per event; what to
 * do when one is due, the device decides. NEVER means not set.
 */
#ifndef WG_TIMERS_H
#define WG_TIMERS_H

#include <stdbool.h>

#include "base/host.h"

enum wg_timer {
    WG_TIMER_NONE = -1,
    WG_TIMER_RETRANSMIT_HANDSHAKE = 0, /* no response to our initiation */
    WG_TIMER_SEND_KEEPALIVE,           /* received data, sent nothing for KEEPALIVE_TIMEOUT */
    WG_TIMER_NEW_HANDSHAKE,            /* sent data, received nothing for 15 s */
    WG_TIMER_FORGET_HANDSHAKE,         /* a late response is not waited for any longer */
    WG_TIMER_ZERO_KEY_MATERIAL,        /* no new session for three times REJECT_AFTER_TIME */
    WG_TIMER_COUNT
};

struct wg_timers {
    uint64_t due_ms[WG_TIMER_COUNT];
    bool need_another_keepalive;
    bool sent_last_minute_handshake;
};

void wg_timers_init(struct wg_timers *t);

/* The earliest deadline. */
uint64_t wg_timers_next(const struct wg_timers *t);

/* One timer that is due, no longer set now; WG_TIMER_NONE if there is none. */
enum wg_timer wg_timers_take(struct wg_timers *t, uint64_t now_ms);

static inline bool wg_timers_pending(const struct wg_timers *t, enum wg_timer which)
{
    return t->due_ms[which] != NEVER;
}

/* A packet with data was sent (authenticated, not a keepalive). */
void wg_timers_data_sent(struct wg_timers *t, uint64_t now_ms);
/* A packet with data was received. */
void wg_timers_data_received(struct wg_timers *t, uint64_t now_ms);
/* Anything authenticated was sent, or received: data, keepalive or handshake. */
void wg_timers_any_sent(struct wg_timers *t);
void wg_timers_any_received(struct wg_timers *t);
/* An initiation was sent; the next one is due after delay_ms. */
void wg_timers_initiated(struct wg_timers *t, uint64_t now_ms, uint64_t delay_ms);
/* A response of ours was sent: its confirmation comes first, our own initiation can wait so long. */
void wg_timers_responded(struct wg_timers *t, uint64_t now_ms, uint64_t delay_ms);
/* A response was accepted, or our own response was confirmed by data. */
void wg_timers_handshake_complete(struct wg_timers *t, uint64_t now_ms);
/* New keys exist, as initiator or responder. */
void wg_timers_session_derived(struct wg_timers *t, uint64_t now_ms);
/* The keepalive timer fired and a keepalive was sent. */
void wg_timers_keepalive_sent(struct wg_timers *t, uint64_t now_ms);

/* 0 to REKEY_TIMEOUT_JITTER_MAX ms, at random. */
uint64_t wg_timers_jitter(void);

#endif
