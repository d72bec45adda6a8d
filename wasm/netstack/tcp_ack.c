#include "netstack/tcp_ack.h"

#include "base/host.h"
#include "lwip/priv/tcp_priv.h"

enum {
    EVERY_LEN = 16 * 1024,
    DELAY_MS = 5,
    RUN_MIN_LEN = 64 * 1024, /* bytes in one go, and room for as many */
    PAUSE_MS = 50,           /* ends a run */
};

void tcp_ack_init(struct tcp_ack *a)
{
    *a = (struct tcp_ack){.due_ms = NEVER};
}

/* Bytes pour in, and the peer has room to send on without hearing from us. */
static bool may_wait(const struct tcp_ack *a, const struct tcp_pcb *pcb)
{
    return a->run_len >= RUN_MIN_LEN && pcb->rcv_wnd >= RUN_MIN_LEN &&
           pcb->rcv_nxt - a->from < EVERY_LEN;
}

void tcp_ack_hear(struct tcp_ack *a, struct tcp_pcb *pcb, uint32_t len, uint64_t now_ms)
{
    if (now_ms - a->heard_ms > PAUSE_MS)
        a->run_len = 0;
    a->heard_ms = now_ms;
    if (a->run_len < RUN_MIN_LEN)
        a->run_len += len;
    if (!a->owed && !(pcb->flags & TF_ACK_DELAY)) {
        a->from = pcb->rcv_nxt;
    } else if (may_wait(a, pcb)) {
        a->owed = true;
        tcp_clear_flags(pcb, TF_ACK_DELAY); /* lwIP acknowledges when it finds it set */
    } else if (a->owed) {
        a->owed = false;
        tcp_set_flags(pcb, TF_ACK_DELAY);
    }
}

void tcp_ack_hold(struct tcp_ack *a, struct tcp_pcb *pcb)
{
    a->owed |= (pcb->flags & TF_ACK_DELAY) != 0;
    tcp_clear_flags(pcb, TF_ACK_DELAY);
}

bool tcp_ack_is_due(struct tcp_ack *a, const struct tcp_pcb *pcb, uint64_t now_ms)
{
    bool waits = pcb->state == ESTABLISHED && may_wait(a, pcb);

    if (!a->owed && !(pcb->flags & TF_ACK_DELAY)) {
        a->due_ms = NEVER;
        return false;
    }
    if (waits && a->due_ms == NEVER)
        a->due_ms = now_ms + DELAY_MS;
    if (waits && now_ms < a->due_ms)
        return false;
    a->owed = false;
    a->due_ms = NEVER;
    return true;
}
