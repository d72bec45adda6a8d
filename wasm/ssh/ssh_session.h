/*
 * One SSH connection (RFC 4251-4254) with one session channel, on libssh2 without sockets. Bytes come and
 * go through two callbacks onto a transport (a tcp_conn, in tests anything); ssh_session_run
 * drives it whenever the transport became readable or writable, or something was asked of it
 * (write, credit, resize, answer, EOF, close: none of them touches the transport itself).
 *
 *   run -> next until 0 -> arm next_deadline ... tick, then run and next again
 *
 * After CLOSED the transport is the caller's to close.
 */
#ifndef SSH_SSH_SESSION_H
#define SSH_SSH_SESSION_H

#include "base/bytes.h"

struct ssh_transport {
    void *ctx;
    /* Count, 0 = nothing now, IPN_ERR_CLOSED at the end. */
    int (*read)(void *ctx, uint8_t *dst, size_t cap);
    /* Count taken, 0 = full now, IPN_ERR_CLOSED. */
    int (*write)(void *ctx, const uint8_t *src, size_t len);
};

#define SSH_MAX_PINNED_KEYS 8
#define SSH_MAX_HOST_NAMES 3

struct ssh_config {
    const char *user;
    const char *term;    /* "xterm-256color" */
    const char *command; /* NULL: a shell */
    bool pty;
    int rows, cols;
    /* Environment as NAME\0VALUE\0 pairs, env_len bytes in all. */
    const char *env;
    size_t env_len;
    /* Public key lines ("ssh-ed25519 AAAA…"), from the netmap: the key must be one of them. */
    const char *pinned[SSH_MAX_PINNED_KEYS];
    size_t pinned_count;
    struct bytes known_hosts; /* OpenSSH's text; asked when nothing is pinned */
    const char *host;         /* the name a new line is written under; NULL: none is written */
    uint16_t port;
    const char *host_names[SSH_MAX_HOST_NAMES]; /* to look up; the first with a key decides */
    size_t host_name_count;                     /* 0: host alone */
    const char *replace_host_key; /* "SHA256:…": this changed key is taken; or NULL */
    bool can_ask_host_key;        /* somebody answers HOST_KEY */
};

enum ssh_event_type {
    SSH_EVENT_NONE = 0,
    SSH_EVENT_PROGRESS,   /* text: what is being done now, in words */
    SSH_EVENT_HOST_KEY, /* text: "TYPE SHA256:…"; aux: the key blob. Answer it. With code 1 it has
                             changed, aux: "SHA256:…" as known: ERROR follows, nothing to answer */
    SSH_EVENT_BANNER, /* text: as sent, UTF-8, terminal-safe is the reader's business */
    SSH_EVENT_OPEN, /* shell or command is running */
    SSH_EVENT_DATA, /* stdout */
    SSH_EVENT_STDERR,
    SSH_EVENT_EXIT, /* code = exit status, -1 = none given; aux = signal name without SIG
                             (then code is 0), or empty */
    SSH_EVENT_ERROR, /* code = enum ssh_problem, text: one sentence a person can act on */
    SSH_EVENT_CLOSED, /* the last one: nothing comes after it */
    SSH_EVENT_WRITABLE, /* ssh_session_write takes bytes again */
    SSH_EVENT_KNOWN_HOST, /* text: a line of known_hosts to remember; aux: names whose other keys it
                             replaces, "a,[b]:2222", or empty */
    /* Of the SFTP request ev.request (ssh_sftp.h). */
    SSH_EVENT_SFTP_ENTRY, /* LIST; text: the name, aux: its attributes */
    SSH_EVENT_SFTP_ATTRS, /* READ, before its first DATA; aux: the file's attributes */
    SSH_EVENT_SFTP_DATA, /* READ; text: bytes */
    SSH_EVENT_SFTP_WRITABLE, /* WRITE takes bytes again; aux as in DONE */
    SSH_EVENT_SFTP_DONE, /* its last; code: 0, a status > 0 or an IPN_ERR_*; text: a sentence,
                                or the path; aux: attributes, of a WRITE how far it got */
    SSH_EVENT_COUNT
};

enum ssh_problem {
    SSH_PROBLEM_HANDSHAKE = 1, /* not an SSH server, no common algorithm, broken packets */
    SSH_PROBLEM_HOST_KEY_CHANGED, /* not one of the pinned keys, or refused */
    SSH_PROBLEM_AUTH, /* user or policy refused */
    SSH_PROBLEM_CHANNEL, /* session, pty, shell or command refused */
    SSH_PROBLEM_LOST, /* the connection broke */
    SSH_PROBLEM_NOMEM,
    SSH_PROBLEM_HOST_KEY_UNKNOWN, /* and nobody to ask */
    SSH_PROBLEM_HOST_KEY_REVOKED,
};

struct ssh_event {
    enum ssh_event_type type;
    int code;
    uint32_t request;
    struct bytes text, aux; /* valid until the next call on s */
};

struct ssh_session;

/* Copies the config. NULL when out of memory. Nothing is sent before the first run. */
struct ssh_session *ssh_session_new(const struct ssh_config *config,
                                    const struct ssh_transport *transport);
void ssh_session_free(struct ssh_session *s); /* wipes; closes nothing on the wire */

/* Goes as far as it can without waiting. Call ssh_session_next after it until 0. */
void ssh_session_run(struct ssh_session *s, uint64_t now_ms);

/* 1 and *ev, or 0. DATA and STDERR together are handed out only up to the credit given. */
int ssh_session_next(struct ssh_session *s, struct ssh_event *ev, uint64_t now_ms);

/* The page consumed n bytes of DATA or STDERR: as many more may come. Starts at SSH_INITIAL_CREDIT. */
#define SSH_INITIAL_CREDIT (1 << 20)
void ssh_session_credit(struct ssh_session *s, size_t n);

/* Bytes for the channel; returns the count taken (bounded queue), 0 = full, IPN_ERR_STATE before
 * OPEN or after EOF. */
int ssh_session_write(struct ssh_session *s, const uint8_t *src, size_t len);
void ssh_session_send_eof(struct ssh_session *s);
/* Remembered if not open yet. */
void ssh_session_resize(struct ssh_session *s, int rows, int cols);
void ssh_session_answer_host_key(struct ssh_session *s, bool accept);
/* Channel EOF and close, disconnect; SSH_EVENT_CLOSED follows (at the latest after 1 s). */
void ssh_session_close(struct ssh_session *s);

/* "SSH-2.0-…" of the server, the host key's type, cipher in use; "" before known. Static until free. */
const char *ssh_session_server_version(const struct ssh_session *s);
const char *ssh_session_host_key_type(const struct ssh_session *s);
const char *ssh_session_cipher(const struct ssh_session *s);

uint64_t ssh_session_next_deadline(const struct ssh_session *s);
void ssh_session_tick(struct ssh_session *s, uint64_t now_ms);

#endif
