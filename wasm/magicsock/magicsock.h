/*
 * The datagram layer: owns one DERP client per region in use, knows by which region each node is
 * reached, and tells disco from WireGuard. Home region by latency; others on demand, closed when
 * idle. It opens no socket: it asks for one (MAGICSOCK_EVENT_CONNECT) and is told what happened.
 */
#ifndef MAGICSOCK_MAGICSOCK_H
#define MAGICSOCK_MAGICSOCK_H

#include "base/bytes.h"
#include "crypto/key.h"

#define MAGICSOCK_MAX_REGIONS 64
#define MAGICSOCK_URL_CAP 300

struct magicsock_region {
    int id;
    char url[MAGICSOCK_URL_CAP]; /* ws(s)://host[:port][/prefix]/derp, made by the owner */
    char probe_url[MAGICSOCK_URL_CAP]; /* http(s)://…/derp/probe, "" = cannot be probed */
};

struct magicsock_config {
    struct node_private node_key;
    struct node_public node_public; /* of node_key */
    struct disco_private disco_key;
    struct disco_public disco_public; /* of disco_key */
    void *ctx;
    /* Asked when a disco message or a packet needs it; false if unknown. home_region 0: unknown. */
    bool (*find_node)(void *ctx, const struct node_public *key, struct disco_public *disco,
                      int *home_region);
    bool (*find_disco)(void *ctx, const struct disco_public *disco, struct node_public *key);
};

enum magicsock_event_type {
    MAGICSOCK_EVENT_NONE = 0,
    MAGICSOCK_EVENT_CONNECT, /* region, data = url: open a WebSocket, subprotocol "derp" */
    MAGICSOCK_EVENT_CLOSE, /* region: close its socket */
    MAGICSOCK_EVENT_SEND, /* region, data: one message for its socket */
    MAGICSOCK_EVENT_PROBE, /* region, data = url: GET it and report the time */
    MAGICSOCK_EVENT_WIREGUARD, /* region, from (the relay's word), data (mutable): a datagram */
    MAGICSOCK_EVENT_HOME, /* region: the home region changed (tell control) */
    MAGICSOCK_EVENT_PEER_GONE, /* from: not connected to its region */
    MAGICSOCK_EVENT_PONG, /* from: answered our ping; len = round trip in ms */
    MAGICSOCK_EVENT_REGION_UP, /* region: logged in */
    MAGICSOCK_EVENT_REGION_DOWN, /* region; data = reason in words: closed, will be retried */
};

struct magicsock_event {
    enum magicsock_event_type type;
    int region;
    struct node_public from;
    /* Valid until the next magicsock_next or _input; that of WIREGUARD stays while datagrams are
     * reserved and committed, that of SEND does not. */
    uint8_t *data;
    size_t len;
};

/* Everything that was dropped, by reason, and what passed. */
struct magicsock_stats {
    uint64_t packets_in, packets_out, bytes_in, bytes_out;
    uint64_t connects; /* sockets asked for */
    uint64_t peers_gone; /* reports of relays */
    uint64_t health_warnings; /* of relays: they see a second connection with our key */
    uint64_t dropped_no_region; /* before the DERP map */
    uint64_t dropped_not_up; /* its region is still opening */
    uint64_t dropped_full; /* its region's queue is at its ceiling */
    uint64_t disco_pings_answered, disco_pongs;
    uint64_t disco_call_me_maybe; /* ignored: no UDP here */
    uint64_t disco_unexpected; /* a pong to no ping of ours, a type not known */
    uint64_t disco_unknown_sender; /* not in the netmap, or not with that node key */
    uint64_t disco_forged; /* does not open, or claims another node key */
};

struct magicsock;

struct magicsock *magicsock_new(const struct magicsock_config *config);
void magicsock_free(struct magicsock *ms);

/* The DERP map. The first call picks a provisional home (hint, else the first) at once and connects
 * to it; probes follow where several regions exist. Removed regions are closed, changed urls
 * reconnected. Ends what an event's data is valid for. */
void magicsock_set_regions(struct magicsock *ms, const struct magicsock_region *regions,
                           size_t count, int home_hint, uint64_t now_ms);
int magicsock_home(const struct magicsock *ms); /* 0 before set_regions */
bool magicsock_region_ready(const struct magicsock *ms, int region);
int magicsock_region_rtt_ms(const struct magicsock *ms, int region); /* -1 unknown */

enum magicsock_link { MAGICSOCK_UNUSED, MAGICSOCK_CONNECTING, MAGICSOCK_CONNECTED };

struct magicsock_region_status {
    enum magicsock_link link;
    bool lost; /* not connected although it should be: */
    uint64_t lost_ms; /* since then, */
    uint64_t retry_ms; /* the next attempt; 0: it is under way, */
    const char *reason; /* what was wrong last. Valid until the next call on ms; "" none */
};
/* False for a region that is not in the map. */
bool magicsock_region_status(const struct magicsock *ms, int region,
                             struct magicsock_region_status *out);

/* Whether somebody waits for bytes: then a dead connection is noticed sooner, at the price of a ping
 * every 5 s. */
void magicsock_set_eager(struct magicsock *ms, bool eager);

const struct magicsock_stats *magicsock_stats(const struct magicsock *ms);

/* What became of a socket or a probe. closed: reason may be empty. A socket that magicsock asked to
 * CLOSE is forgotten: report nothing of it, its region may have a new one already. */
void magicsock_opened(struct magicsock *ms, int region, uint64_t now_ms);
void magicsock_closed(struct magicsock *ms, int region, int code, const char *reason, size_t len,
                      uint64_t now_ms);
void magicsock_probed(struct magicsock *ms, int region, int latency_ms /* -1 failed */,
                      uint64_t now_ms);

/* Bytes from a region's socket, borrowed and changed in place until magicsock_next returns 0. */
void magicsock_input(struct magicsock *ms, int region, uint8_t *data, size_t len, uint64_t now_ms);

/* 1 and *ev, or 0 when drained. */
int magicsock_next(struct magicsock *ms, struct magicsock_event *ev, uint64_t now_ms);

/* The same, but only what the input gave; 0 when that is used up. For whoever feeds several
 * messages before it drains the rest. */
int magicsock_next_input(struct magicsock *ms, struct magicsock_event *ev, uint64_t now_ms);

/* A datagram by that region was from that node, WireGuard says so: it is reached there from now on.
 * A relay's word alone changes no path. Messages of disco are known here. */
void magicsock_heard(struct magicsock *ms, const struct node_public *from, int region,
                     uint64_t now_ms);

/* Room for one datagram to a node, on the region it is reached by (the one it last wrote from, else
 * its home, else ours; opened if needed); NULL: dropped (queue full, no region). While the region
 * opens, the first 16 datagrams are kept, and of initiations to one node only the newest. Fill all
 * of it, then commit before any other call. */
uint8_t *magicsock_reserve(struct magicsock *ms, const struct node_public *to, size_t len,
                           uint64_t now_ms);
void magicsock_commit(struct magicsock *ms);

/* A disco ping; answered by MAGICSOCK_EVENT_PONG or PEER_GONE. IPN_ERR_NOT_FOUND without a disco
 * key, IPN_ERR_STATE while the region is not up. */
int magicsock_ping(struct magicsock *ms, const struct node_public *to, uint64_t now_ms);

/* The network came back or the machine slept: drop every connection that does not answer a ping
 * soon, retry closed ones now. */
void magicsock_rebind(struct magicsock *ms, uint64_t now_ms);
/* The same, but only for what is open: something else was found dead. */
void magicsock_check(struct magicsock *ms, uint64_t now_ms);

uint64_t magicsock_next_deadline(const struct magicsock *ms);
void magicsock_tick(struct magicsock *ms, uint64_t now_ms);

#endif
