#include "ipn/ipn_news.h"

#include <stdlib.h>

#include "ipn/ipn_internal.h"

enum { RETRY_MS = 1000 }; /* after memory ran out */

void ipn_news_init(struct ipn_news *news)
{
    *news = (struct ipn_news){.wanted = IPN_WANT_NETMAP, .peers.whole = true};
}

void ipn_news_wipe(struct ipn_news *news)
{
    free(news->peers.ids);
    ipn_news_init(news);
}

static void name_peer(struct ipn_peers_news *p, int64_t id)
{
    if (p->whole)
        return;
    if (p->count == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 16;
        int64_t *ids = cap > IPN_MAX_NEWS ? NULL : realloc(p->ids, cap * sizeof *ids);
        if (!ids) { /* too many, or no memory to name them */
            p->whole = true;
            return;
        }
        p->ids = ids;
        p->cap = cap;
    }
    p->ids[p->count++] = id;
}

void ipn_news_note(struct ipn *ipn, uint32_t changed)
{
    const uint32_t told = NETMAP_NEW_SELF | NETMAP_CHANGED_PEERS | NETMAP_CHANGED_USERS |
                          NETMAP_CHANGED_DNS; /* a relay is none of the map's JSON */
    struct ipn_news *news = &ipn->news;
    int64_t id;
    if (changed & told)
        news->netmap_due = true;
    if (changed & NETMAP_NEW_SELF)
        news->peers.self = true;
    if (changed & NETMAP_MANY_PEERS)
        news->peers.whole = true;
    while (netmap_next_changed(control_client_netmap(ipn->cc), &id))
        name_peer(&news->peers, id);
}

void ipn_want(struct ipn *ipn, uint32_t wanted)
{
    struct ipn_news *news = &ipn->news;
    uint32_t fresh = wanted & ~news->wanted;
    news->wanted = wanted;
    if (fresh & IPN_WANT_NETMAP) {
        news->netmap_due = true;
        news->netmap_at_ms = 0;
    }
    if (fresh & IPN_WANT_PEERS)
        news->peers.whole = true;
}

static int compare(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* Each once. */
static void sort_ids(struct ipn_peers_news *p)
{
    size_t kept = 0;
    if (p->count > 1)
        qsort(p->ids, p->count, sizeof *p->ids, compare);
    for (size_t i = 0; i < p->count; i++) {
        if (kept == 0 || p->ids[kept - 1] != p->ids[i])
            p->ids[kept++] = p->ids[i];
    }
    p->count = kept;
}

static bool netmap_is_due(const struct ipn *ipn)
{
    return ipn->news.netmap_due && ipn->news.wanted & IPN_WANT_NETMAP &&
           ipn->now_ms >= ipn->news.netmap_at_ms;
}

static bool have_peers_news(const struct ipn *ipn)
{
    const struct ipn_peers_news *p = &ipn->news.peers;
    return (p->whole || p->self || p->count) && ipn->news.wanted & IPN_WANT_PEERS;
}

static bool peers_are_due(const struct ipn *ipn)
{
    return have_peers_news(ipn) && ipn->now_ms >= ipn->news.peers.at_ms;
}

bool ipn_news_due(const struct ipn *ipn)
{
    return control_client_netmap(ipn->cc)->valid && (netmap_is_due(ipn) || peers_are_due(ipn));
}

static int lend(struct ipn *ipn, struct ipn_event *ev, uint32_t type, char *text, size_t len)
{
    if (!text)
        return IPN_ERR_NOMEM;
    free(ipn->netmap_json);
    ipn->netmap_json = text;
    *ev = (struct ipn_event){.type = type, .text = (const uint8_t *)text, .text_len = len};
    return 1;
}

static int tell_peers(struct ipn *ipn, struct ipn_event *ev)
{
    struct ipn_peers_news *p = &ipn->news.peers;
    size_t len = 0;
    sort_ids(p);
    char *text = ipn_peers_json(ipn, p, &len);
    p->count = 0;
    p->whole = !text;
    p->self = false;
    p->at_ms = text ? 0 : ipn->now_ms + RETRY_MS;
    return lend(ipn, ev, IPN_EVENT_PEERS, text, len);
}

static int tell_netmap(struct ipn *ipn, struct ipn_event *ev)
{
    size_t peers = control_client_netmap(ipn->cc)->peer_count, len = 0;
    char *text = ipn_netmap_json(ipn, &len);
    ipn->news.netmap_due = !text;
    if (!text)
        ipn->news.netmap_at_ms = ipn->now_ms + RETRY_MS;
    else if (peers > IPN_NETMAP_UNPACED)
        ipn->news.netmap_at_ms = ipn->now_ms + peers * IPN_NETMAP_PACE_US / 1000;
    return lend(ipn, ev, IPN_EVENT_NETMAP, text, len);
}

int ipn_news_pump(struct ipn *ipn, struct ipn_event *ev)
{
    if (!ipn_news_due(ipn))
        return 0;
    return peers_are_due(ipn) ? tell_peers(ipn, ev) : tell_netmap(ipn, ev);
}

uint64_t ipn_news_next_deadline(const struct ipn *ipn)
{
    const struct ipn_news *news = &ipn->news;
    if (!control_client_netmap(ipn->cc)->valid)
        return NEVER;
    bool waits = news->netmap_due && news->wanted & IPN_WANT_NETMAP;
    return earlier(waits ? news->netmap_at_ms : NEVER,
                   have_peers_news(ipn) ? news->peers.at_ms : NEVER);
}
