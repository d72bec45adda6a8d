/*
 * See tcp_sender.h. A DERP server queues 32 packets for a client and drops the oldest beyond that,
 * so a burst loses dozens at once; each such loss costs lwIP alone a timeout.
 *
 *   pcb->unacked:  [arrived][lost][lost][sent again][arrived][sent][sent]   pcb->unsent: [new]...
 *                  order 7   8     9     31          11       29    30
 *
 * A segment is lost once one sent REORDERING or more transmissions later has arrived. lwIP lets
 * go of a sent segment's header until it sends it again, when it writes the acknowledgement number
 * anew: in between that field holds the segment's order. Bits of seg->flags that lwIP has no use
 * for tell the rest.
 */
#include "netstack/tcp_sender.h"

#include "base/bytes.h"
#include "base/host.h"
#include "lwip/priv/tcp_priv.h"

enum {
    SEG_ARRIVED = 0x20, /* acknowledged selectively */
    SEG_LOST = 0x40,    /* to be sent again */
    SEG_ORDERED = 0x80, /* its header holds its order */
    SEG_MARKS = SEG_ARRIVED | SEG_LOST | SEG_ORDERED,

    INITIAL_WINDOW_SEGMENTS = 10, /* RFC 6928 */
    MIN_WINDOW_SEGMENTS = 2,
    WINDOW_MAX = 2 * TCP_SND_BUF,
    REORDERING = 3, /* RFC 9002, kPacketThreshold */
    /* Below a DERP server's queue of 32, with room for another sender. */
    BURST_SEGMENTS = 24,
    BURST_PAUSE_MS = 4, /* the finest timer of a page; acknowledgements come earlier */

    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_SACK = 5,
    SACK_BLOCKS_MAX = 4,
};

struct sack_block {
    uint32_t left, right;
};

static u32_t seg_seq(const struct tcp_seg *seg)
{
    return lwip_ntohl(seg->tcphdr->seqno);
}

static u32_t seg_end(const struct tcp_seg *seg)
{
    return seg_seq(seg) + TCP_TCPLEN(seg);
}

/* What has no number yet was sent after all that has. */
static u32_t seg_order(const struct tcp_sender *s, const struct tcp_seg *seg)
{
    return seg->flags & SEG_ORDERED ? seg->tcphdr->ackno : s->order;
}

static uint32_t segments(const struct tcp_pcb *pcb, unsigned n)
{
    return (uint32_t)n * pcb->mss;
}

/* Numbers what has just been sent. */
static void number_sent(struct tcp_sender *s, struct tcp_pcb *pcb)
{
    for (struct tcp_seg *seg = pcb->unacked; seg; seg = seg->next) {
        if (seg->flags & SEG_ORDERED)
            continue;
        seg->tcphdr->ackno = ++s->order;
        seg->flags |= SEG_ORDERED;
    }
}

static uint32_t in_flight(const struct tcp_sender *s, const struct tcp_pcb *pcb)
{
    uint32_t span = pcb->snd_nxt - pcb->lastack, gone = s->sacked + s->lost;

    return span > gone ? span - gone : 0;
}

/* --- acknowledgements ---------------------------------------------------------------------- */

static size_t parse_sack(struct sack_block out[SACK_BLOCKS_MAX], const struct tcp_hdr *hdr)
{
    const uint8_t *opt = (const uint8_t *)(hdr + 1);
    size_t len = TCPH_HDRLEN_BYTES(hdr) - sizeof *hdr, n = 0;

    while (len > 0 && opt[0] != OPTION_END) {
        size_t opt_len = opt[0] == OPTION_NOP ? 1 : len >= 2 ? opt[1] : 0;

        if (opt_len == 0 || (opt_len == 1 && opt[0] != OPTION_NOP) || opt_len > len)
            break;
        for (size_t at = 2; opt[0] == OPTION_SACK && at + 8 <= opt_len && n < SACK_BLOCKS_MAX;
             at += 8) {
            out[n].left = load_be32(opt + at);
            out[n++].right = load_be32(opt + at + 4);
        }
        opt += opt_len;
        len -= opt_len;
    }
    return n;
}

static void grow(struct tcp_sender *s, const struct tcp_pcb *pcb, uint32_t len)
{
    if (!s->limited || s->cwnd >= WINDOW_MAX)
        return;
    if (s->cwnd < s->ssthresh) {
        s->cwnd += len;
        return;
    }
    s->grown += len;
    if (s->grown >= s->cwnd) {
        s->grown -= s->cwnd;
        s->cwnd += pcb->mss;
    }
}

/* seg has arrived. */
static void deliver(struct tcp_sender *s, const struct tcp_pcb *pcb, const struct tcp_seg *seg)
{
    u32_t order = seg_order(s, seg);

    if (TCP_SEQ_GT(order, s->delivered))
        s->delivered = order;
    if (TCP_SEQ_GT(order, s->cut)) /* what was sent before a cut says nothing about the window */
        grow(s, pcb, seg->len);
}

static bool covered(const struct tcp_seg *seg, const struct sack_block *blocks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (TCP_SEQ_LEQ(blocks[i].left, seg_seq(seg)) && TCP_SEQ_GEQ(blocks[i].right, seg_end(seg)))
            return true;
    }
    return false;
}

static void mark_arrived(struct tcp_sender *s, const struct tcp_pcb *pcb, struct tcp_seg *seg)
{
    deliver(s, pcb, seg);
    seg->flags = (u8_t)((seg->flags & ~SEG_LOST) | SEG_ARRIVED);
}

/* A peer without SACK: an acknowledgement that repeats the last one says that some segment behind
 * the first arrived; taken for the next one in line until the number moves on. */
static bool is_repeated(const struct tcp_pcb *pcb, const struct tcp_hdr *hdr, size_t data_len)
{
    return hdr->ackno == pcb->lastack && data_len == 0 &&
           !(TCPH_FLAGS(hdr) & (TCP_SYN | TCP_FIN)) &&
           (u32_t)SND_WND_SCALE(pcb, hdr->wnd) == pcb->snd_wnd;
}

static void guess_arrived(struct tcp_sender *s, const struct tcp_pcb *pcb, struct tcp_seg *head)
{
    for (struct tcp_seg *seg = head ? head->next : NULL; seg; seg = seg->next) {
        if (!(seg->flags & (SEG_ARRIVED | SEG_LOST))) {
            mark_arrived(s, pcb, seg);
            return;
        }
    }
}

static void forget_arrived(struct tcp_seg *seg)
{
    for (; seg; seg = seg->next)
        seg->flags &= (u8_t)~SEG_ARRIVED;
}

static void cut_window(struct tcp_sender *s, const struct tcp_pcb *pcb)
{
    /* Slow start has overshot by up to two. */
    uint32_t cut = s->cwnd < s->ssthresh ? s->cwnd / 2 : s->cwnd / 10 * 7;
    uint32_t least = segments(pcb, MIN_WINDOW_SEGMENTS);

    s->cwnd = s->ssthresh = cut > least ? cut : least;
    s->grown = 0;
    s->cut = s->order;
    s->owed = true;
}

static bool is_overtaken(const struct tcp_sender *s, const struct tcp_seg *seg)
{
    return TCP_SEQ_GEQ(s->delivered, seg_order(s, seg) + REORDERING);
}

/* Marks what is lost and sums the marks, from head on. */
static void find_lost(struct tcp_sender *s, struct tcp_pcb *pcb, struct tcp_seg *head)
{
    bool cut = false;

    s->sacked = s->lost = 0;
    for (struct tcp_seg *seg = head; seg; seg = seg->next) {
        if (!(seg->flags & (SEG_ARRIVED | SEG_LOST)) && (s->sacks || seg == head) &&
            is_overtaken(s, seg)) {
            seg->flags |= SEG_LOST;
            cut |= TCP_SEQ_GT(seg_order(s, seg), s->cut);
        }
        if (seg->flags & SEG_ARRIVED)
            s->sacked += TCP_TCPLEN(seg);
        else if (seg->flags & SEG_LOST)
            s->lost += TCP_TCPLEN(seg);
    }
    if (cut)
        cut_window(s, pcb);
}

/* Marks what hdr says about segments behind head, the first that it does not acknowledge. */
static void take_selective(struct tcp_sender *s, const struct tcp_pcb *pcb,
                           const struct tcp_hdr *hdr, struct tcp_seg *head, bool repeated)
{
    struct sack_block blocks[SACK_BLOCKS_MAX];
    size_t n = pcb->flags & TF_SACK ? parse_sack(blocks, hdr) : 0;

    /* A peer may take back what it told selectively; and without SACK all was guessed. */
    if (s->sacks ? head && head->flags & SEG_ARRIVED : n > 0 || !repeated)
        forget_arrived(head);
    s->sacks |= n > 0;
    for (struct tcp_seg *seg = head; n > 0 && seg; seg = seg->next) {
        if (!(seg->flags & SEG_ARRIVED) && covered(seg, blocks, n))
            mark_arrived(s, pcb, seg);
    }
    if (repeated && !s->sacks)
        guess_arrived(s, pcb, head);
}

/* While lwIP takes an acknowledgement of so many bytes, its fast retransmission does not start and
 * its window neither opens nor lets anything out. */
static void hold_lwip(struct tcp_pcb *pcb, uint32_t acked)
{
    pcb->dupacks = 0;
    pcb->ssthresh = 0;
    pcb->bytes_acked = 0;
    pcb->cwnd = acked > 0 && acked < pcb->mss ? acked + 1 : 0;
}

void tcp_sender_ack(struct tcp_sender *s, struct tcp_pcb *pcb, const struct tcp_hdr *hdr,
                    size_t data_len)
{
    const bool repeated = is_repeated(pcb, hdr, data_len);
    struct tcp_seg *head = pcb->unacked;

    hold_lwip(pcb, hdr->ackno - pcb->lastack);
    if (!(TCPH_FLAGS(hdr) & TCP_ACK) || TCP_SEQ_LT(hdr->ackno, pcb->lastack) ||
        TCP_SEQ_GT(hdr->ackno, pcb->snd_nxt))
        return;
    for (; head && TCP_SEQ_LEQ(seg_end(head), hdr->ackno); head = head->next) {
        if (!(head->flags & SEG_ARRIVED))
            deliver(s, pcb, head);
    }
    if (repeated || TCPH_HDRLEN_BYTES(hdr) > sizeof *hdr || s->sacked + s->lost > 0 ||
        (head && is_overtaken(s, head))) {
        take_selective(s, pcb, hdr, head, repeated);
        find_lost(s, pcb, head);
    }
}

/* --- sending ------------------------------------------------------------------------------- */

/* Moves lost segments, `allowed` bytes at most, to the head of the unsent list; returns their
 * bytes. At least one right after a cut, or if nothing is under way. */
static uint32_t queue_lost(struct tcp_sender *s, struct tcp_pcb *pcb, uint32_t allowed)
{
    struct tcp_seg *first = NULL, **tail = &first, **at = &pcb->unacked;
    bool must = s->owed || in_flight(s, pcb) == 0;
    uint32_t sum = 0;

    if (pcb->unacked && pcb->unacked->flags & SEG_LOST)
        pcb->rtime = 0; /* the first of all is on its way again */
    while (*at && s->lost > 0) {
        struct tcp_seg *seg = *at;

        if (!(seg->flags & SEG_LOST)) {
            at = &seg->next;
            continue;
        }
        if (sum + TCP_TCPLEN(seg) > allowed && !(must && sum == 0))
            break;
        *at = seg->next;
        *tail = seg;
        tail = &seg->next;
        seg->flags &= (u8_t) ~(SEG_LOST | SEG_ORDERED);
        s->lost -= TCP_TCPLEN(seg);
        sum += TCP_TCPLEN(seg);
    }
    if (!*at)
        s->lost = 0;
    s->owed = false;
    *tail = pcb->unsent;
    pcb->unsent = first ? first : pcb->unsent;
    return sum;
}

/* lwIP's lists stay in order: what it did not send again, for the peer has shrunk its window,
 * returns to those that are under way. If none is, lwIP probes for the first. */
static void unqueue_lost(struct tcp_sender *s, struct tcp_pcb *pcb, uint32_t new_seq)
{
    struct tcp_seg **at = &pcb->unacked;

    while (pcb->unacked && pcb->unsent && TCP_SEQ_LT(seg_seq(pcb->unsent), new_seq)) {
        struct tcp_seg *seg = pcb->unsent;

        pcb->unsent = seg->next;
        while (*at && TCP_SEQ_LT(seg_seq(*at), seg_seq(seg)))
            at = &(*at)->next;
        seg->next = *at;
        *at = seg;
        at = &seg->next;
        seg->flags = (u8_t)((seg->flags & ~SEG_MARKS) | SEG_LOST | SEG_ORDERED);
        seg->tcphdr->ackno = s->cut;
        s->lost += TCP_TCPLEN(seg);
    }
}

static void start(struct tcp_sender *s, struct tcp_pcb *pcb)
{
    tcp_clear_flags(pcb, TF_RTO); /* a SYN's */
    s->cwnd = segments(pcb, INITIAL_WINDOW_SEGMENTS);
    s->ssthresh = UINT32_MAX;
}

/* Something waits, and not for the peer's window. */
static bool is_waiting(const struct tcp_sender *s, const struct tcp_pcb *pcb)
{
    return s->lost > 0 || (pcb->unsent && seg_end(pcb->unsent) - pcb->lastack <= pcb->snd_wnd);
}

/* After an output, of a whole burst or less. */
static void look_back(struct tcp_sender *s, struct tcp_pcb *pcb, bool burst_ended, uint64_t now_ms)
{
    uint32_t flight = in_flight(s, pcb);
    bool waiting = is_waiting(s, pcb);

    if (s->cwnd < s->ssthresh)
        s->limited = 2 * flight >= s->cwnd;
    else
        s->limited = waiting && flight + pcb->mss > s->cwnd;
    s->resume_ms = waiting && burst_ended ? now_ms + BURST_PAUSE_MS : NEVER;
}

void tcp_sender_output(struct tcp_sender *s, struct tcp_pcb *pcb, uint64_t now_ms)
{
    const struct tcp_seg *before;
    uint32_t flight, allowed, again, new_seq;
    bool burst_ended;

    if (s->cwnd == 0)
        start(s, pcb);
    flight = in_flight(s, pcb);
    allowed = s->cwnd > flight ? s->cwnd - flight : 0;
    burst_ended = allowed > segments(pcb, BURST_SEGMENTS);
    if (burst_ended)
        allowed = segments(pcb, BURST_SEGMENTS);
    new_seq = pcb->unsent ? seg_seq(pcb->unsent) : pcb->snd_nxt;
    again = queue_lost(s, pcb, allowed);
    allowed = allowed > again ? allowed - again : 0;
    before = pcb->unsent;
    pcb->cwnd = pcb->snd_nxt - pcb->lastack + (s->lost > 0 ? 0 : allowed);
    tcp_output(pcb);
    pcb->cwnd = 0;
    if (pcb->unsent != before)
        number_sent(s, pcb);
    if (again > 0) {
        pcb->rttest = 0; /* Karn */
        unqueue_lost(s, pcb, new_seq);
    }
    look_back(s, pcb, burst_ended, now_ms);
}

/* --- the last resort ----------------------------------------------------------------------- */

/* lwIP has put all that was under way back into the unsent list and sent the first segment. */
void tcp_sender_timeout(struct tcp_sender *s, struct tcp_pcb *pcb)
{
    struct tcp_seg **tail = &pcb->unacked;

    if (s->cwnd == 0 || !(pcb->flags & TF_RTO))
        return;
    tcp_clear_flags(pcb, TF_RTO);
    if (pcb->nrtx <= 1) { /* lwIP counts up to it */
        uint32_t least = segments(pcb, MIN_WINDOW_SEGMENTS);

        s->ssthresh = s->cwnd / 2 > least ? s->cwnd / 2 : least;
    }
    s->cwnd = pcb->mss;
    s->grown = s->sacked = s->lost = 0;
    s->cut = s->order;
    for (; *tail; tail = &(*tail)->next)
        (*tail)->flags &= (u8_t)~SEG_MARKS;
    while (pcb->unacked && pcb->unsent && TCP_SEQ_LT(seg_seq(pcb->unsent), pcb->rto_end)) {
        struct tcp_seg *seg = pcb->unsent;

        pcb->unsent = seg->next;
        seg->next = NULL;
        seg->tcphdr->ackno = s->cut;
        seg->flags = (u8_t)((seg->flags & ~SEG_MARKS) | SEG_LOST | SEG_ORDERED);
        s->lost += TCP_TCPLEN(seg);
        *tail = seg;
        tail = &seg->next;
    }
    pcb->cwnd = 0;
    number_sent(s, pcb);
}

void tcp_sender_release(struct tcp_sender *s, struct tcp_pcb *pcb)
{
    if (s->cwnd == 0)
        start(s, pcb);
    pcb->cwnd = s->cwnd;
    pcb->ssthresh = s->cwnd;
    s->resume_ms = NEVER;
}
