/*
 * SSH connections begin by turns: at one far end (address and port) IPN_SSH_MAX_STARTING at once,
 * the others wait in the order they came.
 *
 *   [far end] starting: c1 … c8    waiting: c9 <-> c10 <-> …
 *
 * To begin is what a connection costs its server most, and a hundred that begin at once are ready
 * later than eight at a time. A turn begins when nothing but TCP is left to wait for (the tunnel is
 * up) and ends when a session runs, when a person is asked, when the connection ends, or by time.
 * The wait is not part of the connection's own time. What comes through a jump host takes no turn:
 * its TCP connection is there before we hear of it.
 */
#ifndef IPN_IPN_SSH_TURNS_H
#define IPN_IPN_SSH_TURNS_H

#include <stdbool.h>
#include <stdint.h>

struct ipn;
struct ipn_ssh;
struct ipn_ssh_conn;
struct ipn_ssh_line; /* of one far end; there while somebody starts or waits */
struct ipaddr;

enum {
    /* OpenSSH drops connections at random beyond ten that are not logged in (MaxStartups), and a
     * server with two cores has its last prompt out soonest with four to sixteen. */
    IPN_SSH_MAX_STARTING = 8,
    IPN_SSH_TURN_MS = 10000, /* at most: a stuck one does not stop the others */
    IPN_SSH_TURN_SILENT_MS = 2000, /* until the server says its version */
    IPN_SSH_TURN_ASKED_MS = 300, /* a program has answered by then; a person need not hurry */
    IPN_SSH_TURN_PROMPT_MS = 2000 /* from a terminal's OPEN to its prompt */
};

struct ipn_ssh_turn {
    struct ipn_ssh_line *line; /* NULL: neither starts nor waits */
    bool starting;
    uint64_t began_ms, end_ms; /* while starting */
    struct ipn_ssh_conn *before, *after; /* while waiting */
};

/* For one that is in no line. It is conn's turn now, or false: it waits, its ids are told, and it
 * is touched when its turn and with it its time begin. */
bool ipn_ssh_turn_take(struct ipn *ipn, struct ipn_ssh_conn *conn, const struct ipaddr *addr);
/* Tells an id whose connection waits that it does. */
void ipn_ssh_turn_tell(struct ipn *ipn, const struct ipn_ssh *ssh);
/* It lasts ms from now, IPN_SSH_TURN_MS in all at most. */
void ipn_ssh_turn_lasts(struct ipn *ipn, struct ipn_ssh_conn *conn, unsigned ms);
/* Its turn, or its waiting, is over. */
void ipn_ssh_turn_end(struct ipn *ipn, struct ipn_ssh_conn *conn);
/* NEVER while nobody waits. */
uint64_t ipn_ssh_turn_deadline(const struct ipn_ssh_conn *conn);

#endif
