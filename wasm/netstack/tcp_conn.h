/* One TCP connection, outgoing. Bytes wait here until read: unread bytes close the TCP window. */
#ifndef NETSTACK_TCP_CONN_H
#define NETSTACK_TCP_CONN_H

#include "base/ipaddr.h"
#include "base/bytes.h"

enum tcp_conn_state {
    TCP_CONN_CONNECTING,
    TCP_CONN_OPEN,
    TCP_CONN_REMOTE_CLOSED, /* FIN came and every byte before it was read: only writing is left */
    TCP_CONN_CLOSED,        /* both ways closed, or reset: see tcp_conn_error */
};

struct tcp_conn;

/* Starts a connection (the SYN goes out with the next flush unless held). NULL when out of memory or no address of
 * that family. To ourselves: closed at once, refused. `owner` is handed back by tcp_conn_owner. held = true: no SYN until
 * tcp_conn_release_syn(), so that it is not lost to a tunnel that is not up: the next one is a second
 * away. */
struct tcp_conn *tcp_conn_open(const struct ipaddr *to, uint16_t port, void *owner, bool held,
                               uint64_t now_ms);
void tcp_conn_release_syn(struct tcp_conn *tc, uint64_t now_ms);

void *tcp_conn_owner(const struct tcp_conn *tc);
enum tcp_conn_state tcp_conn_state(const struct tcp_conn *tc);

/* Why it closed: 0 normally, IPN_ERR_CLOSED reset or refused, IPN_ERR_TIMEOUT, IPN_ERR_NOMEM,
 * IPN_ERR_NOT_FOUND: the peer's packet filter rejected it (TSMP). After an error what had arrived
 * can still be read. An unanswered SYN is sent again every second for two minutes, other data for
 * more than ten: shorter limits are the owner's business. */
int tcp_conn_error(const struct tcp_conn *tc);

/* Copies out at most cap bytes and opens the window by as much. 0: nothing now. */
size_t tcp_conn_read(struct tcp_conn *tc, uint8_t *dst, size_t cap);
size_t tcp_conn_readable(const struct tcp_conn *tc);

/* Takes as many bytes as there is room for; returns that count (0 = full now; readiness comes
 * when there is room again; before it is open, when it is), or IPN_ERR_CLOSED, IPN_ERR_NOMEM.
 * The bytes leave with the next netstack_flush. */
int tcp_conn_write(struct tcp_conn *tc, const uint8_t *src, size_t len);
size_t tcp_conn_writable(const struct tcp_conn *tc);

/* Sends FIN after what is queued; reading goes on. */
void tcp_conn_shutdown(struct tcp_conn *tc);
/* Frees tc, never to be used again: a closed one quietly, an open one after FIN (with unread
 * bytes: RST), or by RST at once when abort. What is queued is still delivered, for at most a
 * minute. */
void tcp_conn_free(struct tcp_conn *tc, bool abort);

#endif
