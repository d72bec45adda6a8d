/*
 * meshterm's core: joins a tailnet, opens TCP and SSH into it. Sans-I/O: the driver feeds it what
 * happened with the time it happened, drains ipn_poll() until 0, and calls ipn_tick() no later
 * than ipn_next_deadline(). It reads no clock, opens no socket, starts no timer.
 *
 * Before ipn_new: host_init() (base/host.h). One struct ipn per process or module instance.
 */
#ifndef IPN_H
#define IPN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/host.h"

enum ipn_state { /* ipn.State of Tailscale's ipn package */
                 IPN_STATE_NO_STATE = 0,
                 IPN_STATE_IN_USE_OTHER_USER,
                 IPN_STATE_NEEDS_LOGIN,
                 IPN_STATE_NEEDS_MACHINE_AUTH,
                 IPN_STATE_STOPPED,
                 IPN_STATE_STARTING,
                 IPN_STATE_RUNNING,
};

/* Numbers are read by js/ from this file: `NAME = n, / * comment * /`, one a line. */
enum ipn_event_type {
    IPN_EVENT_NONE = 0,
    IPN_EVENT_SOCKET_OPEN = 1,  /* id; text: url; aux: subprotocol */
    IPN_EVENT_SOCKET_SEND = 2,  /* id; text: one binary message */
    IPN_EVENT_SOCKET_CLOSE = 3, /* id */
    IPN_EVENT_HTTP_GET = 4,     /* id; text: url; code: 1 = only the time matters (a probe) */
    IPN_EVENT_STATE = 5,        /* code: enum ipn_state */
    IPN_EVENT_NETMAP = 6,       /* text: JSON */
    IPN_EVENT_BROWSE_TO_URL = 7, /* text: http(s) url */
    IPN_EVENT_STORE = 8,        /* text: name; aux: value to keep, empty = forget */
    IPN_EVENT_PROBLEM = 9, /* text: code in words-with-hyphens; aux: sentence; code: 1 = retrying */
    IPN_EVENT_STATUS = 10, /* text: JSON of connections: control, regions, latency */
    IPN_EVENT_LOGGED_OUT = 11, /* nothing more comes; close */
    IPN_EVENT_PEERS = 12, /* text: JSON of the peers that changed, see ipn_want */
    IPN_EVENT_SSH_PROGRESS = 20, /* id; text: sentence */
    IPN_EVENT_SSH_HOST_KEY = 21, /* id; text: "type SHA256:…"; aux: blob; answer it.
                                    Behind a blank: the other keys known of the host, if any */
    IPN_EVENT_SSH_BANNER = 22, /* id; text */
    IPN_EVENT_SSH_OPEN = 23, /* id; text: server version; aux: fields, see ipn_ssh.h */
    IPN_EVENT_SSH_DATA = 24, /* id; text: bytes of stdout; give the credit back */
    IPN_EVENT_SSH_STDERR = 25, /* id; text: bytes of stderr; give the credit back */
    IPN_EVENT_SSH_EXIT = 26, /* id; code: exit status; aux: signal name or empty */
    IPN_EVENT_SSH_ERROR = 27, /* id; text: code; aux: sentence; code: 1 = before authentication */
    IPN_EVENT_SSH_DONE = 28, /* id; the last one of this id */
    IPN_EVENT_SSH_WRITABLE = 29, /* id; ipn_ssh_write takes bytes again */
    IPN_EVENT_SSH_PROMPT = 30, /* id; code: kind; text: fields, see ipn_ssh.h; answer it */
    IPN_EVENT_SSH_EOF = 31, /* id; the far end wrote its last byte */
    IPN_EVENT_SSH_STEP = 32, /* id; code: enum ipn_ssh_step, done now; text: detail */
    IPN_EVENT_SSH_AGENT_SIGN = 33, /* id; code: request; text: "type SHA256:… comment"; answer it */
    IPN_EVENT_SFTP_ENTRY = 34, /* id; code: request; text: name; aux: attributes */
    IPN_EVENT_SFTP_DATA = 35, /* id; code: request; text: bytes; give the credit back */
    IPN_EVENT_SFTP_DONE = 36, /* id; code: request; text: status i32le, words; aux: attributes */
    IPN_EVENT_KNOWN_HOSTS = 37, /* text: all of the known hosts, as they are now */
    IPN_EVENT_SFTP_WRITABLE = 38, /* id; code: request; ipn_sftp_write takes bytes again */
    IPN_EVENT_SFTP_ATTRS = 39, /* id; code: request; aux: attributes of what READ reads */
    IPN_EVENT_TCP_OPEN = 40, /* id */
    IPN_EVENT_TCP_DATA = 41, /* id; text: bytes; give the credit back */
    IPN_EVENT_TCP_EOF = 42, /* id; the far end finished writing */
    IPN_EVENT_TCP_WRITABLE = 43, /* id; ipn_tcp_write takes bytes again */
    IPN_EVENT_TCP_ERROR = 44, /* id; text: code; aux: sentence */
    IPN_EVENT_TCP_DONE = 45, /* id; the last one of this id */
    IPN_EVENT_PONG = 50, /* id; code: round trip ms, < 0: no answer; text: name of the region */
    IPN_EVENT_KEY = 51, /* id: of ipn_ssh_keygen; text: private key; aux: public line */
    IPN_EVENT_KEY_CHECKED = 52, /* id; code: 0 readable, 1 encrypted: text: "SHA256:…", aux: public
                                   line, both empty if encrypted too; < 0: text: sentence why not */
};

struct ipn_event {
    uint32_t type; /* enum ipn_event_type */
    uint32_t id;
    int32_t code;
    const uint8_t *text, *aux; /* valid until the next call on the ipn */
    size_t text_len, aux_len;
};

struct ipn_config {
    const char *control_url; /* http(s)://host[:port][/prefix] */
    const char *control_key; /* "mkey:…", "" = GET /key */
    const char *auth_key; /* "" = interactive */
    const char *hostname; /* "" = "meshterm" */
    const char *state; /* what STORE asked to keep, NAME=value lines; "" = none */
    const char
        *derp_urls; /* KEY=url lines: use url for the region of that id, of that host:port, or
                                "*"; for hubs that pass /derp through. "" = as the map says */
    int64_t wall_offset_ms; /* wall clock minus monotonic clock */
};

struct ipn;

/* Copies the config. NULL: out of memory or a malformed control_url/control_key, *err says which
 * (a static sentence). */
struct ipn *ipn_new(const struct ipn_config *config, const char **err, uint64_t now_ms);
void ipn_free(struct ipn *ipn);

/* In which forms the page wants the netmap; NETMAP at first. What is newly wanted is told at once. */
enum ipn_want {
    IPN_WANT_NETMAP = 1, /* IPN_EVENT_NETMAP, on every change; of large tailnets once in a while */
    /* IPN_EVENT_PEERS: {whole, self?, changed: [peer …], removed: [id …]}; whole: forget the others */
    IPN_WANT_PEERS = 2,
};
void ipn_want(struct ipn *ipn, uint32_t wanted);

int ipn_run(struct ipn *ipn, uint64_t now_ms); /* IPN_ERR_STATE the second time */
/* With that auth key, or interactively with "". Nothing happens to a node that is joined, unless
 * "node-key-expiring" was told: then it gets a new key. Sessions go on. */
int ipn_login(struct ipn *ipn, const char *auth_key, uint64_t now_ms);
int ipn_logout(struct ipn *ipn, uint64_t now_ms);
/* Every SSH id, connection (idle ones, too) and TCP stream is told to end, as before ipn_free: their
 * DONEs follow within a second or so. */
int ipn_close_streams(struct ipn *ipn, uint64_t now_ms);

/* 1 and *ev, or 0 when there is nothing more for now. */
int ipn_poll(struct ipn *ipn, struct ipn_event *ev, uint64_t now_ms);
uint64_t ipn_next_deadline(const struct ipn *ipn);
void ipn_tick(struct ipn *ipn, uint64_t now_ms);

/* online, visible again, or the clock jumped by more than the driver slept. */
void ipn_rebind(struct ipn *ipn, int64_t wall_offset_ms, uint64_t now_ms);

/* Sockets and gets the core asked for. data of input may be changed in place. Unknown ids are ignored. */
void ipn_socket_opened(struct ipn *ipn, uint32_t id, uint64_t now_ms);
void ipn_socket_input(struct ipn *ipn, uint32_t id, uint8_t *data, size_t len, uint64_t now_ms);
void ipn_socket_closed(struct ipn *ipn, uint32_t id, int code, const char *reason, size_t len,
                       uint64_t now_ms);
/* status 0: failed. */
void ipn_http_done(struct ipn *ipn, uint32_t id, int status, const uint8_t *body, size_t len,
                   uint64_t now_ms);

int ipn_tcp_open(struct ipn *ipn, const char *host, uint16_t port, uint32_t timeout_ms,
                 uint64_t now_ms);
int ipn_tcp_write(struct ipn *ipn, uint32_t id, const uint8_t *src, size_t len, uint64_t now_ms);
int ipn_tcp_shutdown(struct ipn *ipn, uint32_t id, uint64_t now_ms);
int ipn_tcp_credit(struct ipn *ipn, uint32_t id, size_t len, uint64_t now_ms);
int ipn_tcp_close(struct ipn *ipn, uint32_t id, uint64_t now_ms);

/* Disco ping: an id > 0, then IPN_EVENT_PONG. IPN_ERR_NOT_FOUND: no such node; IPN_ERR_FULL: too
 * many at once. */
int ipn_ping(struct ipn *ipn, const char *host, uint64_t now_ms);

#include "include/ipn_ssh.h"

#endif
