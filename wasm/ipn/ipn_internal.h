/*
 * The engine's own picture of itself. It owns the five parts that never know each other and
 * moves bytes between them; every arrow between two of them is a function in ipn/.
 *
 *   control --netmap--> [ipn] --hooks--> wg <--datagrams--> magicsock
 *                         |               |
 *                       streams <-> netstack (IP packets)
 *                         |
 *                        ssh
 */
#ifndef IPN_IPN_INTERNAL_H
#define IPN_IPN_INTERNAL_H

#include "control/control_client.h"
#include "include/ipn.h"
#include "ipn/ipn_event.h"
#include "ipn/ipn_known_hosts.h"
#include "ipn/ipn_news.h"
#include "ipn/ipn_stream.h"
#include "ipn/ipn_url.h"
#include "magicsock/magicsock.h"
#include "netstack/netstack.h"
#include "wg/device.h"

#define IPN_MAX_STREAMS 2048 /* SSH ids, their connections, TCP streams; each may hold a window */
#define IPN_MAX_PINGS 64
#define IPN_NAME_CAP 64
#define IPN_PROBLEM_CAP 320
#define IPN_PROBE_SLOTS 64 /* times of probes under way, by region modulo this */
#define IPN_SOCKET_CONTROL 1 /* the socket ids: control is 1, region r is 1000 + r */
#define IPN_SOCKET_DERP 1000
#define IPN_GET_KEY 1 /* the ids of gets: /key is 1, the probe of region r 1000 + r */

struct ipn_ping {
    uint32_t id;
    struct node_public to;
    uint64_t deadline_ms, retry_ms;
    bool sent;
};

struct ipn {
    /* configuration, copied */
    struct ipn_url control;
    char *auth_key, *derp_urls;
    char hostname[IPN_NAME_CAP];
    struct machine_private machine_key;
    struct node_private node_key;
    struct node_public node_public;
    struct disco_private disco_key;
    struct disco_public disco_public;
    struct machine_public control_key;
    bool have_stored_machine_key, have_control_key, have_stored_node_key;
    uint64_t stored_timestamp_ms;
    int stored_home;

    /* the parts */
    struct control_client *cc;
    struct magicsock *ms;
    struct wg_device *wg;
    bool have_netstack;
    struct ipaddr own_v4, own_v6; /* its addresses */

    /* what the page was told last, and what it must be told */
    enum ipn_state state;
    struct ipn_event_queue events;
    char auth_url[1024]; /* waiting for login() to be shown */
    bool running_called, login_wanted, status_dirty;
    struct ipn_news news;
    bool logging_out, logged_out, farewell_told; /* nothing is told after LOGGED_OUT */
    struct control_status control_told;
    const char *control_problem; /* the code of the last one; NULL: none since it was connected */
    char control_sentence[IPN_PROBLEM_CAP]; /* that, or its beginning */
    bool nomem, nomem_told;
    char *netmap_json; /* lent by the last NETMAP, PEERS or STATUS event */
    uint64_t running_since_ms, timestamp_stored_ms;
    bool netstack_touched; /* a flush is due */
    int received_region; /* by which the datagram came that WireGuard is looking at */
    uint64_t handshakes_seen; /* of the WireGuard device, when waiting streams last looked */
    uint64_t unanswered_seen; /* and when the control server was last asked whether it knows us */

    uint64_t probe_sent_ms[IPN_PROBE_SLOTS];

    struct ipn_streams streams;
    struct ipn_known_hosts known_hosts;
    struct ipn_ssh_line *ssh_lines; /* ipn_ssh_turns.h */
    uint8_t ssh_salt[32]; /* of the identities of SSH connections */
    bool have_ssh_salt;
    struct ipn_ping pings[IPN_MAX_PINGS];
    uint32_t next_ping, next_key;
    uint8_t chunk[65536]; /* lent by the last TCP_DATA, SSH_OPEN, SFTP_DONE */
    uint64_t now_ms; /* of the public call under way: hooks need it */
};

/* Queues an event; on failure remembers that memory ran out, which the next poll tells. */
void ipn_tell(struct ipn *ipn, uint32_t type, uint32_t id, int32_t code, const char *text,
              size_t text_len, const char *aux, size_t aux_len);
void ipn_tell_problem(struct ipn *ipn, const char *code, const char *text, size_t len,
                      bool retrying);
void ipn_set_state(struct ipn *ipn, enum ipn_state state);
void ipn_store(struct ipn *ipn, const char *name, const char *value);

/* A malloced copy, NULL when out of memory. */
char *ipn_copy_text(const char *text);

/* ipn_net.c: the parts below the streams. pump functions return 1 if *ev was set, else 0. */
int ipn_net_start(struct ipn *ipn);
void ipn_net_stop(struct ipn *ipn);
void ipn_net_input(struct ipn *ipn, int region, uint8_t *data, size_t len);
int ipn_net_pump(struct ipn *ipn, struct ipn_event *ev);
void ipn_net_apply_regions(struct ipn *ipn);
/* The node key changed (ipn->node_key is the new one): new WireGuard device and relays, the same
 * addresses, so TCP and SSH inside live on. */
void ipn_net_rekey(struct ipn *ipn);
void ipn_net_netmap_changed(struct ipn *ipn, uint32_t changed);
uint64_t ipn_net_next_deadline(const struct ipn *ipn);
void ipn_net_tick(struct ipn *ipn);

/* ipn_control.c */
int ipn_control_pump(struct ipn *ipn, struct ipn_event *ev);
/* Tells of a change of the control connection; once it is there again, so is the network. */
void ipn_control_watch(struct ipn *ipn);

/* ipn_netmap_json.c, ipn_status_json.c: malloced text, NULL when out of memory. */
char *ipn_netmap_json(struct ipn *ipn, size_t *len);
char *ipn_peers_json(struct ipn *ipn, const struct ipn_peers_news *news, size_t *len);
char *ipn_status_json(struct ipn *ipn, size_t *len);

#endif
