/*
 * What of the netmap the page has still to be told, in the two forms that it may ask for: the whole
 * of it on every change, and only who changed. Nothing is written for nobody.
 */
#ifndef IPN_IPN_NEWS_H
#define IPN_IPN_NEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole map is told to a page at once, then at most once in so long per peer: at 10,000 peers
 * once a second. Writing and reading it takes a fiftieth of that. */
#define IPN_NETMAP_PACE_US 100
#define IPN_NETMAP_UNPACED 250 /* peers; so few are told at once, always */
#define IPN_MAX_NEWS 4096 /* peers by name; beyond them it is told as a whole */

struct ipn_peers_news {
    bool whole, self; /* all of it; our own node differs */
    int64_t *ids;
    size_t count, cap;
    uint64_t at_ms; /* not before */
};

struct ipn_news {
    uint32_t wanted; /* enum ipn_want */
    bool netmap_due;
    uint64_t netmap_at_ms; /* not before */
    struct ipn_peers_news peers;
};

struct ipn;
struct ipn_event;

void ipn_news_init(struct ipn_news *news);
void ipn_news_wipe(struct ipn_news *news);
/* The netmap changed in that way (enum netmap_change). */
void ipn_news_note(struct ipn *ipn, uint32_t changed);
/* 1 and *ev, whose text is ipn->netmap_json; 0; IPN_ERR_NOMEM. */
int ipn_news_pump(struct ipn *ipn, struct ipn_event *ev);
/* True if ipn_news_pump has something now. */
bool ipn_news_due(const struct ipn *ipn);
uint64_t ipn_news_next_deadline(const struct ipn *ipn);

#endif
