/*
 * Time for lwIP's TCP. lwIP wants a call every 100 ms for ever; here ticks are counted from the
 * injected clock when something happens anyway, and acted on only in netstack_tick(), which is
 * due only if a connection waits for a timer:
 *
 *   netstack_input / _flush   count the ticks that have passed (retransmission timers grow), so
 *                             that round trips are measured and a late driver's acknowledgements
 *                             are read before any timer fires
 *   netstack_tick             counts all but one, then lets lwIP count the last and act: after a
 *                             long sleep each connection sends at most one retransmission
 *   netstack_next_deadline    the earliest tick at which lwIP would do something, or NEVER; asked
 *                             for after every message, so it looks only at connections to which
 *                             something has happened since they last waited for nothing
 */
#include "base/host.h"
#include "lwip/priv/tcp_priv.h"
#include "netstack/netstack_internal.h"

enum {
    RTT_SAMPLE_MAX_TICKS = 30, /* a gap of 3 s between calls: the driver slept, not the network */
    RTIME_MAX = 0x7ffe,
    PERSIST_MAX = 0xff,
    RESUME_SILENCE_MS = 1000, /* after which a segment says that the way is there again */
    LAST_RETRY = TCP_MAXRTX - 2, /* where lwIP's count is held while more are granted */
};

/* lwIP's backoff of window probes in ticks (tcp.c), the same numbers. */
static const uint8_t persist_backoff_ticks[] = {3, 6, 12, 24, 48, 96, 120};

/* lwIP gives up after TCP_MAXRTX retransmissions or window probes; a connection with an owner has
 * TCP_EXTRA_RETRIES more. */
static void pcb_grant_retries(struct tcp_pcb *pcb)
{
    struct tcp_conn *tc = pcb->callback_arg;

    if (!tc)
        return;
    if (pcb->nrtx < LAST_RETRY && pcb->persist_probe < LAST_RETRY) {
        tc->extra_retries = 0;
    } else if ((pcb->nrtx > LAST_RETRY || pcb->persist_probe > LAST_RETRY) &&
               tc->extra_retries < TCP_EXTRA_RETRIES) {
        tc->extra_retries++;
        pcb->nrtx = (u8_t)earlier(pcb->nrtx, LAST_RETRY);
        pcb->persist_probe = (u8_t)earlier(pcb->persist_probe, LAST_RETRY);
    }
}

/* The timer of window probes cuts the first unsent segment down to the window, if that is open at
 * all. It casts the window to 16 bits, and does not expect a segment acknowledged in part. */
static bool is_split_safe(const struct tcp_pcb *pcb)
{
    return pcb->snd_wnd == 0 || (pcb->snd_wnd <= 0xffff &&
                                 TCP_SEQ_GEQ(lwip_ntohl(pcb->unsent->tcphdr->seqno), pcb->lastack));
}

static void pcb_advance(struct tcp_pcb *pcb, uint64_t ticks)
{
    /* lwIP asserts both; an acknowledgement of all that a retransmission took back breaks them. */
    if (pcb->persist_backoff > 0 && (!pcb->unsent || pcb->unacked))
        pcb->persist_backoff = 0;
    if (pcb->persist_backoff > 0 && !is_split_safe(pcb)) {
        pcb->persist_backoff = 0;
        pcb->rtime = 0;
    }
    pcb_grant_retries(pcb);
    if (pcb->rto > TCP_RTO_MAX_TICKS)
        pcb->rto = TCP_RTO_MAX_TICKS;
    if (pcb->rto < TCP_RTO_MIN_TICKS)
        pcb->rto = TCP_RTO_MIN_TICKS;
    if (ticks > RTT_SAMPLE_MAX_TICKS)
        pcb->rttest = 0;
    if (pcb->persist_backoff > 0)
        pcb->persist_cnt = (u8_t)earlier(pcb->persist_cnt + ticks, PERSIST_MAX);
    else if (pcb->rtime >= 0)
        pcb->rtime = (s16_t)earlier((uint64_t)pcb->rtime + ticks, RTIME_MAX);
}

/* Lets the next tick send what has timed out before, or the next probe of a closed window, and puts
 * the backoff that followed back to its beginning. */
static void pcb_resume(struct tcp_pcb *pcb)
{
    if (pcb->persist_backoff > 0) {
        pcb->persist_backoff = 1;
        pcb->persist_cnt = PERSIST_MAX;
    } else if (pcb->nrtx > 0 && pcb->rtime >= 0) {
        if (pcb->state != SYN_SENT) /* those are not put off by backoff */
            pcb->nrtx = 1;
        pcb->rtime = pcb->rto;
    }
}

void netstack_resume(void)
{
    for (struct tcp_pcb *pcb = tcp_active_pcbs; netstack.running && pcb; pcb = pcb->next)
        pcb_resume(pcb);
    netstack.ownerless_changed = true;
}

void tcp_conn_note_heard(struct tcp_conn *tc)
{
    if (netstack.now_ms - tc->heard_ms >= RESUME_SILENCE_MS && tc->pcb->persist_backoff == 0)
        pcb_resume(tc->pcb); /* an answer to a probe is nothing new */
    tc->heard_ms = netstack.now_ms;
}

static void advance_ticks(uint64_t ticks)
{
    netstack.tick_ms += ticks * NETSTACK_TICK_MS;
    tcp_ticks += (u32_t)ticks;
    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next)
        pcb_advance(pcb, ticks);
}

static uint64_t ticks_due(uint64_t now_ms)
{
    if (now_ms > netstack.now_ms)
        netstack.now_ms = now_ms;
    return (netstack.now_ms - netstack.tick_ms) / NETSTACK_TICK_MS;
}

void netstack_advance(uint64_t now_ms)
{
    uint64_t ticks = ticks_due(now_ms);

    if (ticks > 0)
        advance_ticks(ticks);
}

static void flush_conn(struct tcp_conn *tc)
{
    const uint64_t packets = netstack.stats.packets_out;
    const bool stays = tc->linger_deadline_ms == NEVER; /* else it may be freed */

    tcp_conn_flush(tc);
    if (netstack.stats.packets_out == packets)
        return;
    netstack.burst += !stays || tc->sent_ms < netstack.burst_ms;
    if (stays)
        tc->sent_ms = netstack.now_ms;
}

static bool burst_is_over(void)
{
    return !netstack.hurries && netstack.burst >= BURST_CONNS &&
           netstack.now_ms - netstack.burst_ms < BURST_MS;
}

/* What is over a burst waits for the next one. */
static void flush_queued(void)
{
    struct tcp_conn *tc;

    if (netstack.now_ms - netstack.burst_ms >= BURST_MS) {
        netstack.burst_ms = netstack.now_ms;
        netstack.burst = 0;
    }
    while (!burst_is_over() && (tc = conn_queue_pop(CONN_QUEUE_FLUSH)) != NULL)
        flush_conn(tc);
}

/* Before lwIP's slow timer: of many that would send again in one burst, which loses most of them
 * again, the first do, and the others at the next ticks. */
static void postpone_crowd(void)
{
    unsigned due = 0;

    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
        if (pcb->persist_backoff > 0 || pcb->rtime < 0 || pcb->rtime + 1 < pcb->rto)
            continue;
        if (++due > BURST_CONNS)
            pcb->rtime = (s16_t)(pcb->rto - 2);
    }
}

/* Before lwIP's fast timer: who has to wait for a burst acknowledges in it. */
static void hold_acks(void)
{
    for (struct tcp_conn *tc = netstack.queues[CONN_QUEUE_FLUSH].head; tc;
         tc = tc->next[CONN_QUEUE_FLUSH]) {
        if (tc->pcb)
            tcp_ack_hold(&tc->ack, tc->pcb);
    }
}

/* At the end of TIME_WAIT lwIP frees a pcb without a word. */
static void detach_finished(void)
{
    for (struct tcp_pcb *pcb = tcp_tw_pcbs; pcb; pcb = pcb->next) {
        if (pcb->callback_arg)
            tcp_conn_flush(pcb->callback_arg);
    }
}

void netstack_flush(uint64_t now_ms)
{
    if (!netstack.running)
        return;
    netstack_advance(now_ms);
    flush_queued();
}

void netstack_hurry(void)
{
    netstack.hurries = true;
}

void netstack_tick(uint64_t now_ms)
{
    uint64_t ticks;

    if (!netstack.running)
        return;
    ticks = ticks_due(now_ms);
    if (ticks > 0) {
        advance_ticks(ticks - 1);
        netstack.tick_ms += NETSTACK_TICK_MS;
        flush_queued(); /* a window that has opened ends lwIP's probes before their timer is read */
        detach_finished();
        postpone_crowd();
        tcp_slowtmr();
        hold_acks();
        tcp_fasttmr();
        for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
            if (pcb->callback_arg)
                tcp_conn_after_timer(pcb->callback_arg);
        }
        advance_ticks(0); /* bounds what they set */
    }
    netstack.ownerless_changed = true;
    tcp_conn_tick(netstack.now_ms);
    netstack_flush(netstack.now_ms);
}

/* Ticks from the last counted one until lwIP acts on an active pcb, at least 1; NEVER if only a
 * packet can change it. */
static uint64_t pcb_ticks_left(const struct tcp_pcb *pcb)
{
    const uint32_t idle_ticks = tcp_ticks - pcb->tmr;
    uint64_t left = NEVER;

    if (pcb->flags & (TF_ACK_DELAY | TF_ACK_NOW | TF_CLOSEPEND | TF_NAGLEMEMERR))
        return 1;
    if (pcb->persist_backoff > 0) {
        uint8_t wait = persist_backoff_ticks[pcb->persist_backoff - 1];

        left = wait > pcb->persist_cnt ? wait - pcb->persist_cnt : 1;
    } else if (pcb->rtime >= 0) {
        left = pcb->rto > pcb->rtime ? (uint64_t)(pcb->rto - pcb->rtime) : 1;
    } else if (pcb->unsent) {
        left = 1;
    }
    if (pcb->ooseq) {
        uint64_t wait = (uint64_t)pcb->rto * TCP_OOSEQ_TIMEOUT;

        left = earlier(left, wait > idle_ticks ? wait - idle_ticks : 1);
    }
    if (pcb->state == LAST_ACK) {
        uint64_t wait = 2 * TCP_MSL / TCP_SLOW_INTERVAL + 1;

        left = earlier(left, wait > idle_ticks ? wait - idle_ticks : 1);
    }
    return left;
}

static uint64_t time_wait_ticks_left(const struct tcp_pcb *pcb)
{
    const uint32_t idle_ticks = tcp_ticks - pcb->tmr;
    const uint64_t wait = 2 * TCP_MSL / TCP_SLOW_INTERVAL + 1;

    return wait > idle_ticks ? wait - idle_ticks : 1;
}

static uint64_t tick_at(uint64_t ticks_left)
{
    return ticks_left == NEVER ? NEVER : netstack.tick_ms + ticks_left * NETSTACK_TICK_MS;
}

static uint64_t ownerless_deadline(void)
{
    uint64_t left = NEVER;

    if (!netstack.ownerless_changed)
        return netstack.ownerless_deadline_ms;
    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
        if (!pcb->callback_arg)
            left = earlier(left, pcb_ticks_left(pcb));
    }
    for (const struct tcp_pcb *pcb = tcp_tw_pcbs; pcb; pcb = pcb->next)
        left = earlier(left, time_wait_ticks_left(pcb));
    netstack.ownerless_changed = false;
    return netstack.ownerless_deadline_ms = tick_at(left);
}

static uint64_t conn_deadline(const struct tcp_conn *tc)
{
    const bool is_active = tc->pcb && tc->pcb->state != CLOSED && tc->pcb->state != TIME_WAIT;
    const uint64_t own =
        earlier(earlier(tc->ack.due_ms, tc->linger_deadline_ms), tc->sender.resume_ms);

    return is_active ? earlier(own, tick_at(pcb_ticks_left(tc->pcb))) : own;
}

uint64_t netstack_next_deadline(void)
{
    struct tcp_conn *last = netstack.queues[CONN_QUEUE_TIMED].tail, *tc = NULL;
    uint64_t at;

    if (!netstack.running)
        return NEVER;
    if (netstack.queues[CONN_QUEUE_FLUSH].head)
        return burst_is_over() ? netstack.burst_ms + BURST_MS : netstack.now_ms;
    at = ownerless_deadline();
    while (tc != last) {
        uint64_t due;

        tc = conn_queue_pop(CONN_QUEUE_TIMED);
        due = conn_deadline(tc);
        if (due != NEVER)
            conn_queue_push(CONN_QUEUE_TIMED, tc);
        at = earlier(at, due);
    }
    return at;
}
