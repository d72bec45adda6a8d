/*
 * One SSH connection (RFC 4251-4254) with many channels, on libssh2's transport without sockets.
 * Bytes come and go through two callbacks onto a transport (a tcp_conn, in tests anything);
 * ssh_session_run drives it whenever the transport became readable or writable, or something was
 * asked of it (open, write, credit, answer, close: none of them touches the transport itself).
 *
 *   run -> next until 0 -> arm next_deadline ... tick, then run and next again
 *
 * Channel numbers are > 0 and never used again; events of the connection itself carry 0. Without a
 * channel it stays open until ssh_session_close. After CLOSED the transport is the caller's to close.
 */
#ifndef SSH_SSH_SESSION_H
#define SSH_SSH_SESSION_H

#include "base/bytes.h"
#include "ssh/ssh_auth.h"
#include "ssh/ssh_event.h"

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
    struct ssh_credentials credentials; /* wiped as soon as authentication is over */
    /* Public key lines ("ssh-ed25519 AAAA…"), from the netmap: the key must be one of them. */
    const char *pinned[SSH_MAX_PINNED_KEYS];
    size_t pinned_count;
    struct bytes known_hosts; /* OpenSSH's text; asked when nothing is pinned */
    const char *host;         /* the name a new line is written under; NULL: none is written */
    uint16_t port;
    const char *host_names[SSH_MAX_HOST_NAMES]; /* to look up; the first with a key decides */
    size_t host_name_count;                     /* 0: host alone */
    const char *replace_host_key; /* "SHA256:…": this changed key is taken; or NULL */
    bool can_ask_host_key, can_prompt; /* somebody answers HOST_KEY, PROMPT */
    bool keep_keys; /* channels may forward the agent: private keys live as long as the session */
    uint32_t keep_alive_ms; /* of silence, then we ask; lost after 3; 0 = never */
};

enum ssh_channel_kind {
    SSH_CHANNEL_SHELL,   /* a shell, a command or a subsystem */
    SSH_CHANNEL_FORWARD, /* direct-tcpip: bytes to and from host:port as the server sees it */
    SSH_CHANNEL_SFTP,    /* ssh_sftp.h */
    SSH_CHANNEL_AGENT,   /* opened by the server; never seen outside */
};

struct ssh_channel_config {
    enum ssh_channel_kind kind;
    const char *term, *command, *subsystem; /* both NULL: a shell */
    bool pty;
    int rows, cols;
    const char *env; /* NAME\0VALUE\0 pairs, env_len bytes in all */
    size_t env_len;
    bool agent; /* forward the agent: the session's own keys, asked before each use */
    const char *host; /* FORWARD */
    uint16_t port;
};

/* What was negotiated, and how we logged in; "" before it is known. */
struct ssh_info {
    char server_version[256];
    char host_key_type[40], host_key_fingerprint[64]; /* "SHA256:…" */
    char host_key_trust[12]; /* "pinned", "known" or "accepted" */
    char kex[64], cipher_in[48], cipher_out[48];
    char mac_in[48], mac_out[48]; /* "" with an AEAD cipher */
    char auth_method[64]; /* "publickey,password": all that were needed */
};

struct ssh_session;

/* Copies the config. NULL when out of memory. Nothing is sent before the first run. */
struct ssh_session *ssh_session_new(const struct ssh_config *config,
                                    const struct ssh_transport *transport);
void ssh_session_free(struct ssh_session *s); /* wipes; closes nothing on the wire */

/* Goes as far as it can without waiting. Call ssh_session_next after it until 0. */
void ssh_session_run(struct ssh_session *s, uint64_t now_ms);

/* 1 and *ev, or 0. Channels with something to tell take turns. */
int ssh_session_next(struct ssh_session *s, struct ssh_event *ev, uint64_t now_ms);

/* Copies the config. The channel's number, > 0; IPN_ERR_FULL over SSH_MAX_CHANNELS, IPN_ERR_STATE
 * once the connection ends, IPN_ERR_ARG, IPN_ERR_NOMEM. Opened as soon as we are logged in: OPEN
 * follows, or ERROR; CHANNEL_CLOSED ends it always. A failed connection ends each with its ERROR,
 * then comes its own (channel 0) and CLOSED. */
#define SSH_MAX_CHANNELS 128
int ssh_session_open_channel(struct ssh_session *s, const struct ssh_channel_config *config);
/* Whether it can have one more; not where a server leaves our CLOSEs without an answer. */
bool ssh_session_has_room(const struct ssh_session *s);

/* The page consumed n bytes of DATA or STDERR: as many more may come. At most SSH_INITIAL_CREDIT
 * are handed out per channel and not yet consumed. */
#define SSH_INITIAL_CREDIT (1 << 20)
void ssh_session_credit(struct ssh_session *s, int channel, size_t n);

/* Bytes for the channel; returns the count taken (bounded queue), 0 = full, IPN_ERR_STATE before
 * OPEN or after EOF. */
int ssh_session_write(struct ssh_session *s, int channel, const uint8_t *src, size_t len);
void ssh_session_send_eof(struct ssh_session *s, int channel);
/* Remembered if not open yet. */
void ssh_session_resize(struct ssh_session *s, int channel, int rows, int cols);
/* name: "INT", "TERM", … without SIG. IPN_ERR_STATE when nothing runs. */
int ssh_session_signal(struct ssh_session *s, int channel, const char *name);
/* What was not handed out yet is dropped; CHANNEL_CLOSED follows at once. */
void ssh_session_close_channel(struct ssh_session *s, int channel);

void ssh_session_answer_host_key(struct ssh_session *s, bool accept);
/* NUL-ended answers, one per prompt; NULL, 0 = the person gave up. */
int ssh_session_answer_prompt(struct ssh_session *s, const uint8_t *answers, size_t len);
void ssh_session_answer_agent(struct ssh_session *s, int request, bool allow);

/* Closes every channel, disconnects; SSH_EVENT_CLOSED follows (at the latest after 1 s). */
void ssh_session_close(struct ssh_session *s);

const struct ssh_info *ssh_session_info(const struct ssh_session *s); /* lives as long as s */

/* When the far node was last heard in any way, acknowledgements included: without it every silence
 * is the server's own. */
void ssh_session_path_heard(struct ssh_session *s, uint64_t heard_ms);

uint64_t ssh_session_next_deadline(const struct ssh_session *s);
void ssh_session_tick(struct ssh_session *s, uint64_t now_ms);

#endif
