/* See endpoint.h. */
#include "sim/netstack/endpoint.h"

#include "lwip/priv/tcp_priv.h"
#include "netstack/netstack_internal.h"

enum { BACKLOG = 4096 };

static struct tcp_pcb *listener4, *listener6;
static struct tcp_conn *accepted[BACKLOG];
static unsigned accepted_count, accepted_taken;

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct tcp_conn *tc;

    (void)arg;
    if (err != ERR_OK || accepted_count == BACKLOG)
        return ERR_MEM;
    tc = tcp_conn_create(pcb, NULL);
    if (!tc)
        return ERR_MEM;
    tc->connected = true;
    accepted[accepted_count++] = tc;
    return ERR_OK;
}

static struct tcp_pcb *listen_on(u8_t type, const ip_addr_t *any, uint16_t port)
{
    struct tcp_pcb *pcb = tcp_new_ip_type(type);

    tcp_bind(pcb, any, port);
    pcb = tcp_listen(pcb);
    tcp_accept(pcb, on_accept);
    return pcb;
}

static void endpoint_listen(uint16_t port)
{
    accepted_count = accepted_taken = 0;
    listener4 = listen_on(IPADDR_TYPE_V4, IP4_ADDR_ANY, port);
    listener6 = listen_on(IPADDR_TYPE_V6, IP6_ADDR_ANY, port);
}

static void endpoint_unlisten(void)
{
    tcp_close(listener4);
    tcp_close(listener6);
}

static struct tcp_conn *endpoint_accept(void)
{
    return accepted_taken < accepted_count ? accepted[accepted_taken++] : NULL;
}

static unsigned endpoint_pcb_count(void)
{
    struct tcp_pcb *lists[] = {tcp_active_pcbs, tcp_tw_pcbs, tcp_bound_pcbs};
    unsigned n = 0;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (const struct tcp_pcb *pcb = lists[i]; pcb; pcb = pcb->next)
            n++;
    }
    return n;
}

static bool endpoint_waits(void)
{
    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
        if (pcb->rtime >= 0 || pcb->persist_backoff > 0 || pcb->unsent || pcb->ooseq ||
            pcb->state == LAST_ACK || (pcb->flags & (TF_ACK_DELAY | TF_ACK_NOW)))
            return true;
    }
    return tcp_tw_pcbs != NULL;
}

__attribute__((visibility("default"))) extern const struct endpoint endpoint;

const struct endpoint endpoint = {
    .host_init = host_init,
    .init = netstack_init,
    .wipe = netstack_wipe,
    .set_addresses = netstack_set_addresses,
    .input = netstack_input,
    .flush = netstack_flush,
    .next_deadline = netstack_next_deadline,
    .tick = netstack_tick,
    .resume = netstack_resume,
    .next_ready = netstack_next_ready,
    .stats = netstack_stats,
    .open = tcp_conn_open,
    .release_syn = tcp_conn_release_syn,
    .state = tcp_conn_state,
    .error = tcp_conn_error,
    .read = tcp_conn_read,
    .readable = tcp_conn_readable,
    .write = tcp_conn_write,
    .writable = tcp_conn_writable,
    .shutdown = tcp_conn_shutdown,
    .free = tcp_conn_free,
    .listen = endpoint_listen,
    .unlisten = endpoint_unlisten,
    .accept = endpoint_accept,
    .pcb_count = endpoint_pcb_count,
    .waits = endpoint_waits,
};
