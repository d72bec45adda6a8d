/*
 * A way to a TCP port of a node, step by step, and the table of them all. What SSH sessions and
 * plain TCP streams have in common:
 *
 *   RESOLVING (netmap, name) > TUNNEL (WireGuard session) > CONNECTING (TCP) > OPEN
 *
 * Each step has its own words for the page and its own reason when the time is up.
 */
#ifndef IPN_IPN_STREAM_H
#define IPN_IPN_STREAM_H

#include "base/ipaddr.h"
#include "crypto/key.h"
#include "include/ipn.h"
#include "netstack/tcp_conn.h"

#define IPN_STREAM_HOST_CAP 256
#define IPN_STREAM_TEXT_CAP 400

enum ipn_stream_kind { IPN_STREAM_SSH, IPN_STREAM_SSH_CONN, IPN_STREAM_TCP };

enum ipn_stream_phase {
    IPN_STREAM_RESOLVING,
    IPN_STREAM_TUNNEL,
    IPN_STREAM_CONNECTING,
    IPN_STREAM_OPEN,
    IPN_STREAM_FAILED,
};

struct ipn_stream {
    uint32_t id;
    enum ipn_stream_kind kind;
    enum ipn_stream_phase phase;
    bool dirty, pinged, peer_gone, progress_due, failure_told;
    struct ipn_stream *next_dirty;
    struct ipn_stream **timed_at, *next_timed; /* timed_at: what points to it; NULL: not listed */
    char host[IPN_STREAM_HOST_CAP]; /* as the page wrote it */
    uint16_t port;
    uint32_t timeout_ms;
    uint64_t deadline_ms;   /* of the steps up to OPEN, then NEVER */
    uint64_t budget_end_ms; /* start + timeout, for what comes after OPEN */
    struct ipaddr addr;
    struct node_public peer;
    struct tcp_conn *tc;
    const char *error_code; /* static; set with phase FAILED */
    char error_text[IPN_STREAM_TEXT_CAP];
    char progress[IPN_STREAM_TEXT_CAP]; /* to be told while progress_due */
};

struct ipn;

struct ipn_streams {
    struct ipn_stream **slots;
    size_t slot_count, count;
    uint32_t next_id;
    struct ipn_stream *dirty_head, *dirty_tail;
    struct ipn_stream *timed; /* those that may have a deadline: not a TCP stream once it is open */
};

/* Sets up the common part. IPN_ERR_ARG for an empty or overlong host or port 0, IPN_ERR_FULL,
 * IPN_ERR_NOMEM, IPN_ERR_STATE after LOGGED_OUT. On success the stream is in the table and dirty. */
int ipn_stream_add(struct ipn *ipn, struct ipn_stream *st, enum ipn_stream_kind kind,
                   const char *host, uint16_t port, uint32_t timeout_ms);
/* Takes it out of the table and drops its connection; the caller frees what it embedded st in. */
void ipn_stream_remove(struct ipn *ipn, struct ipn_stream *st, bool abort);
struct ipn_stream *ipn_stream_find(struct ipn *ipn, uint32_t id, enum ipn_stream_kind kind);

void ipn_stream_touch(struct ipn *ipn, struct ipn_stream *st);
struct ipn_stream *ipn_stream_next_dirty(struct ipn *ipn);

/* It has no deadline any more, unless it is restarted. */
void ipn_stream_untime(struct ipn_stream *st);

/* Goes as far as it can; phase says where it stands. */
void ipn_stream_advance(struct ipn *ipn, struct ipn_stream *st);
void ipn_stream_fail(struct ipn_stream *st, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Back to the first step with a fresh deadline; the old connection is dropped. */
void ipn_stream_restart(struct ipn *ipn, struct ipn_stream *st);

/* Every stream that waits for the netmap, a tunnel or this peer should look again. */
void ipn_streams_touch_waiting(struct ipn *ipn);
void ipn_streams_peer_gone(struct ipn *ipn, const struct node_public *peer);
/* The peer of that key left the netmap: its streams end, or go on with its new key. */
void ipn_streams_peer_removed(struct ipn *ipn, const struct node_public *peer);
/* Our own address of that family is another now: what was open from the old one ends. */
void ipn_streams_address_lost(struct ipn *ipn, int family);
uint64_t ipn_streams_next_deadline(const struct ipn *ipn);
void ipn_streams_tick(struct ipn *ipn);
void ipn_streams_free_all(struct ipn *ipn);
/* As if the page had closed each one, idle SSH connections included: what the far end must hear is
 * sent, DONE follows; with wait, once it answered or a second has passed. */
void ipn_streams_close_all(struct ipn *ipn, bool wait);

/* The address that a name of the tailnet stands for now, if a node routes to it. */
bool ipn_stream_lookup(struct ipn *ipn, const char *host, struct ipaddr *addr);

/* ipn_ssh.c (ids), ipn_ssh_pump.c (their connections), ipn_tcp.c: 1 and *ev, or 0 when that stream
 * has nothing more to say, or has put it into the queue of events. */
int ipn_ssh_pump(struct ipn *ipn, struct ipn_stream *st, struct ipn_event *ev);
int ipn_ssh_conn_pump(struct ipn *ipn, struct ipn_stream *st, struct ipn_event *ev);
int ipn_tcp_pump(struct ipn *ipn, struct ipn_stream *st, struct ipn_event *ev);
uint64_t ipn_ssh_deadline(const struct ipn_stream *st);
uint64_t ipn_ssh_conn_deadline(const struct ipn_stream *st);
void ipn_ssh_tick(struct ipn *ipn, struct ipn_stream *st);
void ipn_ssh_conn_tick(struct ipn *ipn, struct ipn_stream *st);
/* Ends the connection: with wait, what the far end answers is awaited for a second; without, what
 * it must hear is sent and that was it. */
void ipn_ssh_conn_shut(struct ipn *ipn, struct ipn_stream *st, bool wait);
void ipn_ssh_free(struct ipn *ipn, struct ipn_stream *st);
void ipn_ssh_conn_free(struct ipn *ipn, struct ipn_stream *st);
void ipn_tcp_free(struct ipn *ipn, struct ipn_stream *st);

#endif
