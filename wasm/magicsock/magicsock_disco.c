/*
 * disco over DERP: a ping of a known peer is answered by the region it came from; our own pings
 * are matched by their random id. Everything else is counted and dropped in silence.
 */
#include <string.h>

#include "base/err.h"
#include "base/host.h"
#include "magicsock/magicsock_internal.h"

/* The relay vouches for the node key, the netmap says which disco key belongs to it: only when
 * both agree is the message worth opening. */
static bool sender_known(struct magicsock *ms, const struct node_public *from,
                         const struct disco_public *disco)
{
    struct disco_public expected;
    struct node_public node;
    int home;
    if (ms->config.find_node(ms->config.ctx, from, &expected, &home) &&
        bytes_equal(expected.b, disco->b, KEY_LEN))
        return true;
    return ms->config.find_disco(ms->config.ctx, disco, &node) &&
           bytes_equal(node.b, from->b, KEY_LEN);
}

static bool send_disco(struct ms_region *r, const struct node_public *to, const uint8_t *datagram,
                       size_t len)
{
    uint8_t *at = derp_client_reserve(r->dc, to, len);
    if (!at)
        return false;
    memcpy(at, datagram, len);
    derp_client_commit(r->dc);
    return true;
}

static void answer_ping(struct magicsock *ms, struct ms_region *r, const struct node_public *from,
                        const struct disco_message *m)
{
    uint8_t pong[DISCO_MAX_LEN];
    if (m->has_node_key && !bytes_equal(m->node_key.b, from->b, KEY_LEN)) {
        ms->stats.disco_forged++;
        return;
    }
    size_t len = disco_seal_pong(pong, m->tx_id, r->config.id, &ms->config.disco_public,
                                 &ms->config.disco_key, &m->from);
    if (send_disco(r, from, pong, len))
        ms->stats.disco_pings_answered++;
}

static struct ms_ping *ping_find(struct magicsock *ms, const struct node_public *to,
                                 const uint8_t tx_id[DISCO_TX_ID_LEN])
{
    for (size_t i = 0; i < PING_COUNT; i++) {
        struct ms_ping *p = &ms->pings[i];
        if (p->region && bytes_equal(p->tx_id, tx_id, DISCO_TX_ID_LEN) &&
            bytes_equal(p->to.b, to->b, KEY_LEN))
            return p;
    }
    return NULL;
}

static bool take_pong(struct magicsock *ms, const struct node_public *from,
                      const struct disco_message *m, struct magicsock_event *ev, uint64_t now_ms)
{
    struct ms_ping *p = ping_find(ms, from, m->tx_id);
    if (!p) {
        ms->stats.disco_unexpected++;
        return false;
    }
    ev->type = MAGICSOCK_EVENT_PONG;
    ev->from = *from;
    ev->len = (size_t)(now_ms - p->sent_ms);
    p->region = NULL;
    ms->stats.disco_pongs++;
    return true;
}

bool ms_disco_receive(struct magicsock *ms, struct ms_region *r, const struct derp_event *packet,
                      struct magicsock_event *ev, uint64_t now_ms)
{
    struct disco_message m;
    struct disco_public sender;
    disco_sender(&sender, packet->data);
    if (!sender_known(ms, &packet->from, &sender)) {
        ms->stats.disco_unknown_sender++;
        return false;
    }
    if (disco_open(&m, packet->data, packet->len, &ms->config.disco_key) < 0) {
        ms->stats.disco_forged++;
        return false;
    }
    ms_path_learn(ms, &packet->from, r, now_ms);
    switch (m.type) {
    case DISCO_PING:
        answer_ping(ms, r, &packet->from, &m);
        return false;
    case DISCO_PONG:
        return take_pong(ms, &packet->from, &m, ev, now_ms);
    case DISCO_CALL_ME_MAYBE: /* asks for UDP, which a browser has not */
        ms->stats.disco_call_me_maybe++;
        return false;
    default:
        ms->stats.disco_unexpected++;
        return false;
    }
}

bool ms_disco_ping_gone(struct magicsock *ms, const struct node_public *node,
                        const struct ms_region *r)
{
    bool any = false;
    for (size_t i = 0; i < PING_COUNT; i++) {
        struct ms_ping *p = &ms->pings[i];
        if (p->region != r || !bytes_equal(p->to.b, node->b, KEY_LEN))
            continue;
        p->region = NULL;
        any = true;
    }
    return any;
}

void ms_disco_forget_region(struct magicsock *ms, const struct ms_region *r)
{
    for (size_t i = 0; i < PING_COUNT; i++)
        if (ms->pings[i].region == r)
            ms->pings[i].region = NULL;
}

/* A free entry of the table, else the oldest. */
static struct ms_ping *ping_slot(struct magicsock *ms, uint64_t now_ms)
{
    struct ms_ping *slot = &ms->pings[0];
    for (size_t i = 0; i < PING_COUNT; i++) {
        struct ms_ping *p = &ms->pings[i];
        if (!p->region || now_ms - p->sent_ms > PING_MAX_AGE_MS)
            return p;
        if (p->sent_ms < slot->sent_ms)
            slot = p;
    }
    return slot;
}

int magicsock_ping(struct magicsock *ms, const struct node_public *to, uint64_t now_ms)
{
    struct disco_public disco = {{0}};
    uint8_t datagram[DISCO_MAX_LEN];
    int home = 0;
    if (!ms->config.find_node(ms->config.ctx, to, &disco, &home) ||
        bytes_are_zero(disco.b, KEY_LEN))
        return IPN_ERR_NOT_FOUND;
    struct ms_region *r = ms_path_route(ms, to, now_ms);
    if (!r)
        return IPN_ERR_STATE;
    ms_region_use(ms, r, now_ms);
    if (r->state != REGION_OPEN || !derp_client_can_send(r->dc))
        return IPN_ERR_STATE;
    struct ms_ping *p = ping_slot(ms, now_ms);
    host_random(p->tx_id, sizeof p->tx_id);
    size_t len = disco_seal_ping(datagram, p->tx_id, &ms->config.node_public,
                                 &ms->config.disco_public, &ms->config.disco_key, &disco);
    p->region = NULL;
    if (!send_disco(r, to, datagram, len))
        return IPN_ERR_STATE;
    p->to = *to;
    p->sent_ms = now_ms;
    p->region = r;
    return 0;
}
