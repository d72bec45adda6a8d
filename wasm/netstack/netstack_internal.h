/* What the files of netstack/ share. lwIP keeps globals, so this is the one module with a state
 * of its own: `netstack`, one per process or module instance. */
#ifndef NETSTACK_NETSTACK_INTERNAL_H
#define NETSTACK_NETSTACK_INTERNAL_H

#include "base/host.h"
#include "lwip/netif.h"
#include "lwip/tcp.h"
#include "netstack/netstack.h"
#include "netstack/recv_queue.h"
#include "netstack/tcp_ack.h"
#include "netstack/tcp_conn.h"
#include "netstack/tcp_sender.h"
#include "netstack/tsmp.h"

enum {
    NETSTACK_MTU = 1280,
    NETSTACK_MAX_INPUT = 1500,     /* our MSS asks for less; bigger packets are dropped */
    NETSTACK_TICK_MS = 2 * TCP_TMR_INTERVAL,
    TCP_RTO_MAX_TICKS = 15 * 1000 / NETSTACK_TICK_MS,
    TCP_RTO_MIN_TICKS = 3,
    TCP_EXTRA_RETRIES = 110, /* of SYN: two minutes; of data: 15 s apart, far over ten minutes */
    /* How many connections may send in how long: a relay queues 32 packets for a client and drops
     * what is over, and what answers the last burst may go with this one. */
    BURST_CONNS = 16,
    BURST_MS = 4,
    TCP_CONN_LINGER_MS = 60 * 1000, /* a freed connection may finish sending for so long */
};

/* A connection stands at most once in each queue. */
enum conn_queue_id {
    CONN_QUEUE_READY, /* the owner should look */
    CONN_QUEUE_FLUSH, /* lwIP should be asked to send; such a one is in TIMED, too */
    CONN_QUEUE_TIMED, /* it may wait for a timer: an idle one is left out */
    CONN_QUEUE_COUNT,
};

struct conn_queue {
    struct tcp_conn *head, *tail;
};

struct netstack {
    bool running;
    struct netstack_hooks hooks;
    uint64_t now_ms;
    uint64_t tick_ms; /* when the last slow tick was counted */
    struct netif netif;
    struct ipaddr v4, v6;
    uint8_t isn_key[32];
    int abort_error; /* what a connection that lwIP aborts is told: IPN_ERR_TIMEOUT by default */
    struct tcp_conn *conns; /* all of them, freed but lingering ones included */
    struct conn_queue queues[CONN_QUEUE_COUNT];
    uint64_t burst_ms; /* since when `burst` connections have sent */
    unsigned burst;
    bool hurries; /* nobody waits for a burst */
    bool ownerless_changed; /* pcbs that lwIP finishes alone: when the next is due is not known */
    uint64_t ownerless_deadline_ms;
    struct netstack_stats stats;
};

extern struct netstack netstack;

struct tcp_conn {
    struct tcp_conn *prev, *next_conn; /* netstack.conns */
    struct tcp_conn *next[CONN_QUEUE_COUNT];
    bool queued[CONN_QUEUE_COUNT];
    struct tcp_pcb *pcb; /* NULL once lwIP has let go of it, or we of it */
    void *owner;
    struct ipaddr remote;
    uint16_t remote_port;
    struct recv_queue received;
    struct tcp_sender sender;
    struct tcp_ack ack;
    uint64_t heard_ms; /* the last segment */
    uint64_t sent_ms; /* the last flush that sent anything */
    uint64_t linger_deadline_ms; /* NEVER until freed by its owner */
    unsigned extra_retries; /* beyond lwIP's, since the peer was last heard */
    int error;
    bool held; /* no SYN yet */
    bool connected; /* the SYN was answered */
    bool fin_received; /* after what is in `received` */
    bool fin_wanted; /* the owner has shut its side down */
    bool dead; /* reset, timed out or finished: nothing more will come */
    bool wants_room; /* a write was cut short */
};

/* tcp_conn.c, for the rest of netstack/ */
/* A connection around pcb, which calls back from now on; NULL when out of memory. */
struct tcp_conn *tcp_conn_create(struct tcp_pcb *pcb, void *owner);
void conn_queue_push(enum conn_queue_id id, struct tcp_conn *tc);
struct tcp_conn *conn_queue_pop(enum conn_queue_id id);
/* Sends what tc has waiting: its SYN, a delayed acknowledgement, a window update, data. */
void tcp_conn_flush(struct tcp_conn *tc);
/* Ends every connection waiting for its SYN to be answered that matches. */
void tcp_conn_reject(const struct ipaddr *remote, const struct tsmp_reject *reject);
/* A segment for tc that lwIP will see next. */
void tcp_conn_hear(struct tcp_conn *tc, const struct tcp_hdr *hdr, size_t data_len);
/* After lwIP's slow timer. */
void tcp_conn_after_timer(struct tcp_conn *tc);
/* Aborts lingering connections whose time is up, and lets paced ones send on. */
void tcp_conn_tick(uint64_t now_ms);
void tcp_conn_wipe_all(void);

/* netstack_timers.c: a segment came; after a silence it collapses the backoff. */
void tcp_conn_note_heard(struct tcp_conn *tc);

/* netstack_timers.c: counts the slow ticks up to now_ms without acting on them. */
void netstack_advance(uint64_t now_ms);

void ip_addr_from_ipaddr(ip_addr_t *out, const struct ipaddr *a);

#endif
