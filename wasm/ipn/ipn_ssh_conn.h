/*
 * SSH ids of the page and the connections under them.
 *
 *   id ---+
 *   id ---+--- connection: ssh_session --- TCP stream to a node's port
 *   id ---+                             \- or the bytes of an open forward (via), a jump host
 *
 * Ids that want the same (node, port, user, credentials, way) share a connection; one that nobody
 * uses is kept IPN_SSH_IDLE_KEEP_MS. Both are streams of the one table (ipn_stream.h). An id points
 * to its connection until one of them ends; the connection ends its ids with its own reason.
 */
#ifndef IPN_IPN_SSH_CONN_H
#define IPN_IPN_SSH_CONN_H

#include "base/buf.h"
#include "ipn/ipn_internal.h"
#include "ipn/ipn_ssh_options.h"
#include "ipn/ipn_ssh_turns.h"
#include "ssh/ssh_session.h"

enum {
    IPN_SSH_IDLE_KEEP_MS = 5 * 60 * 1000, /* ControlPersist's usual value */
    IPN_SSH_MAX_IDLE = 16,      /* connections kept; some 150 kB each: beyond, the oldest goes */
    IPN_SSH_MAX_SESSIONS = 10,  /* shells and files per connection: OpenSSH's MaxSessions */
    IPN_SSH_MAX_HOPS = 8,       /* a connection inside a connection inside …: each seals again */
    IPN_SSH_BANNER_CAP = 1024,
    IPN_SSH_PERSON_WAIT_MS = 30 * 60 * 1000, /* Tailscale's check mode gives a person as long */
    IPN_SSH_REUSE_PATIENCE_MS = 4000 /* of silence: dead for new ids, if shared */
};

struct ipn_ssh {
    struct ipn_stream st; /* first: one pointer for both */
    struct ipn *ipn;
    struct ipn_ssh_conn *conn;
    struct ipn_ssh *next; /* of conn */
    struct ipn_ssh_options *o; /* NULL once OPEN, and its secrets with it */
    enum ipn_ssh_kind kind;
    int channel;   /* of conn's session; 0 = not asked for yet */
    bool opened, before_auth;
    bool joined_live; /* conn was there, logged in, before us */
    bool moved;       /* and failed us once: we are on one of our own */
    int rows, cols;
    uint64_t open_deadline_ms, open_end_ms; /* for the channel: when to look, when to give up */

    /* Forwards: what came before the page or a connection over it began to read. */
    struct buf held;
    bool reading, far_eof, eof_told;
    struct ipn_ssh_conn *carried; /* the connection whose transport we are */
};

/* What a person was asked, kept so that another id can be asked the same. */
struct ipn_ssh_ask {
    uint32_t type; /* IPN_EVENT_SSH_HOST_KEY or _PROMPT; 0 = nothing */
    uint32_t id;   /* who was asked */
    int code;
    uint8_t *bytes;
    size_t text_len, aux_len;
};

struct ipn_ssh_conn {
    struct ipn_stream st; /* first; its id is never told */
    struct ipn *ipn;
    struct ssh_session *session;
    struct ipn_ssh *ids; /* in the order they came */
    struct ipn_ssh *via; /* a forward of another connection; NULL: TCP */
    unsigned hops;
    struct ipn_ssh_options *o;  /* of the id that made us; NULL once authenticated */
    uint8_t identity[32];       /* who we are there: keyed hash of user and credentials */
    bool shareable;             /* not reuse=0, not a test */
    bool stale;                 /* takes no new ids */
    bool closing;               /* told to end */
    bool key_accepted, authenticated;
    bool person;                /* somebody was asked something: never begin anew */
    bool in_grace, refused_once;
    int steps_told;
    unsigned retries_left;
    uint64_t retry_at_ms, open_deadline_ms, banner_due_ms, idle_end_ms, heard_ms;
    uint64_t banner_end_ms; /* banners make us wait until then, however many; 0: none */
    struct ipn_ssh_turn turn;
    struct ipn_ssh_ask ask;
    uint8_t banner[IPN_SSH_BANNER_CAP]; /* held back while in_grace */
    size_t banner_len;
};

static inline struct ipn_ssh *ipn_ssh_of(struct ipn_stream *st)
{
    return (struct ipn_ssh *)(void *)st;
}

static inline struct ipn_ssh_conn *ipn_ssh_conn_of(struct ipn_stream *st)
{
    return (struct ipn_ssh_conn *)(void *)st;
}

/* ---- ipn_ssh_conn.c: the table of connections ---- */

/* A connection for ssh: one that fits, or a new one. 0, or an error of ipn_stream_add; failures in
 * words go to ssh itself. */
int ipn_ssh_conn_join(struct ipn *ipn, struct ipn_ssh *ssh);
/* Its channel is closed; an unused connection becomes idle or ends. */
void ipn_ssh_conn_leave(struct ipn *ipn, struct ipn_ssh *ssh);
/* Off a connection that fails it before OPEN, onto one of its own. False: it had its chance. */
bool ipn_ssh_conn_move(struct ipn *ipn, struct ipn_ssh *ssh);
void ipn_ssh_conn_close(struct ipn *ipn, struct ipn_ssh_conn *conn);
void ipn_ssh_conns_distrust(struct ipn *ipn); /* after a change of the known hosts */
/* Ends each id with this reason (code NULL: quietly) and frees; conn is gone afterwards. */
void ipn_ssh_conn_end(struct ipn *ipn, struct ipn_ssh_conn *conn, const char *code,
                      const char *text);
void ipn_ssh_conn_open_channel(struct ipn *ipn, struct ipn_ssh_conn *conn, struct ipn_ssh *ssh);

/* ---- ipn_ssh_dial.c: up to a session that runs ---- */

void ipn_ssh_dial_advance(struct ipn *ipn, struct ipn_ssh_conn *conn);
void ipn_ssh_dial_start_session(struct ipn *ipn, struct ipn_ssh_conn *conn);
/* True: conn begins anew after a while, its ids wait on. lost: what was wrong, a sentence. */
bool ipn_ssh_dial_retry(struct ipn *ipn, struct ipn_ssh_conn *conn, const char *code,
                        const char *lost);
/* The same for a first refusal right after the join. */
bool ipn_ssh_dial_retry_refusal(struct ipn *ipn, struct ipn_ssh_conn *conn, int problem);

/* ---- ipn_ssh_ask.c: what a person is asked ---- */

void ipn_ssh_ask_put(struct ipn *ipn, struct ipn_ssh_conn *conn, uint32_t type,
                     const struct ssh_event *from);
/* The asked id left: another one, if there is one. */
void ipn_ssh_ask_pass_on(struct ipn *ipn, struct ipn_ssh_conn *conn);
void ipn_ssh_ask_answered(struct ipn *ipn, struct ipn_ssh_conn *conn);
void ipn_ssh_ask_wipe(struct ipn_ssh_ask *ask);

/* ---- ipn_ssh_pump.c and ipn_sftp.c: the session's events as ours ---- */

/* To every id that is not open yet. */
void ipn_ssh_tell_waiting(struct ipn *ipn, struct ipn_ssh_conn *conn, uint32_t type, int code,
                          struct bytes text);
int ipn_ssh_give(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev, uint32_t type,
                 int code, struct bytes text, struct bytes aux);
int ipn_sftp_give(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev,
                  const struct ssh_event *from);

struct ssh_sftp_request;
/* The fields of ipn_sftp_request, which out points into; IPN_ERR_ARG. */
int ipn_sftp_parse(struct ssh_sftp_request *out, const uint8_t *fields, size_t len);

/* ERROR unless code is NULL, and DONE follow. */
void ipn_ssh_end(struct ipn *ipn, struct ipn_ssh *ssh, const char *code, const char *text);

/* A call of the page on one of its ids; NULL: no such id. */
struct ipn_ssh *ipn_ssh_begin(struct ipn *ipn, uint32_t id, uint64_t now_ms);

#endif
