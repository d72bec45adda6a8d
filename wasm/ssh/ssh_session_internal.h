/* The session as its own files see it (ssh_session, ssh_hostkey, ssh_auth, ssh_channels …). */
#ifndef SSH_SSH_SESSION_INTERNAL_H
#define SSH_SSH_SESSION_INTERNAL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/host.h"
#include "ssh/ssh_agent.h"
#include "ssh/ssh_alive.h"
#include "ssh/ssh_channels.h"
#include "ssh/ssh_hostkey.h"
#include "ssh/ssh_libssh2.h"
#include "ssh/ssh_rekey.h"
#include "ssh/ssh_session.h"

/* What is awaited. Every step either moves on and asks to be called again, or waits. */
enum ssh_state {
    SSH_HANDSHAKE,       /* version, key exchange, service: libssh2_session_handshake */
    SSH_HOST_KEY,        /* compare with the pins, or ask */
    SSH_HOST_KEY_ANSWER, /* ssh_session_answer_host_key */
    SSH_AUTH,            /* ssh_auth_step */
    SSH_READY,           /* channels come and go */
    SSH_DRAINING,        /* it failed: channels hand out what they have, then the error is told */
    SSH_CLOSING,  /* CHANNEL_CLOSE is out for each channel, theirs awaited until the deadline */
    SSH_FLUSHING, /* DISCONNECT is queued; closed when the transport has taken it */
    SSH_CLOSED
};

enum {
    SSH_MAX_HEAP_LEN = 24 << 20,        /* of libssh2: all windows full and room to spare */
    SSH_MAX_OUT_LEN = 1 << 20,          /* sealed bytes that the transport has not taken */
    SSH_OUT_PAUSE_LEN = 256 << 10,      /* above: nothing more is read or sealed */
    SSH_MAX_EVENT_LEN = 64 << 10,       /* queued events with their texts */
    SSH_MAX_PREAMBLE_LEN = 16 << 10,    /* before "SSH-": RFC 4253 section 4.2 */
    SSH_HANDSHAKE_TIMEOUT_MS = 30 * 1000,
    SSH_CLOSE_TIMEOUT_MS = 800,         /* for their CHANNEL_CLOSE */
    SSH_FLUSH_TIMEOUT_MS = 200          /* then for the transport: 1 s in all */
};

/* Events that carry text of their own; DATA is made when it is asked for. */
struct ssh_event_node {
    struct ssh_event_node *next;
    struct ssh_event ev; /* text and aux point behind the node */
    size_t len;
};

struct ssh_session {
    enum ssh_state state;
    uint64_t now_ms, deadline_ms;
    LIBSSH2_SESSION *lib;
    struct ssh_libssh2_hooks hooks;
    struct ssh_transport transport;
    struct buf out;

    /* Copied, a block each: strings, and credentials, wiped once they are of no more use. */
    struct ssh_config config;
    uint8_t *config_block, *credentials_block;
    size_t config_block_len, credentials_block_len;

    struct ssh_event_node *events, **events_end, *current;
    size_t events_len;
    bool out_of_memory;

    /* Wire, before and around libssh2. */
    bool started, read_closed, write_closed, timed_out, authenticated;
    bool paused; /* something was not read or sent because out was too long */
    uint8_t preamble[80]; /* the first bytes of the server */
    size_t preamble_len; /* of all that came before its version line */
    char disconnect_text[160];
    bool banner_shown;

    /* Logging in: NULL once it is over. Keys that an agent may sign with afterwards. */
    struct ssh_auth *auth;
    bool auth_started;
    struct ssh_key *agent_keys[SSH_MAX_PRIVATE_KEYS];
    size_t agent_key_count;

    struct ssh_info info;
    struct ssh_rekey rekey;
    struct ssh_alive alive;
    struct ssh_hostkey hostkey;
    struct ssh_channels channels;

    int agent_questions; /* asked so far (ssh_agent.c) */

    /* The end. */
    enum ssh_problem problem; /* 0: none */
    char problem_text[1024];
    bool goodbye_said, problem_told, closed_told;
};

/* ---- events (ssh_event.c) ---- */

void ssh_event_push(struct ssh_session *s, enum ssh_event_type type, int code, struct bytes text,
                    struct bytes aux);
void ssh_event_push_text(struct ssh_session *s, enum ssh_event_type type, int code,
                         const char *text);
/* The same for a channel; ev->text and aux are copied. */
void ssh_event_push_full(struct ssh_session *s, const struct ssh_event *ev);
/* 1 and *ev, owned by s until the next call; 0 when there is none. */
int ssh_event_pop(struct ssh_session *s, struct ssh_event *ev);
void ssh_event_wipe(struct ssh_session *s);

/* ---- ending ---- */

/* Remembers the error, says goodbye if it can, and leads to it and CLOSED. */
void ssh_session_fail(struct ssh_session *s, enum ssh_problem problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a libssh2 error that came up in the current state (ssh_error.c). */
void ssh_session_fail_lib(struct ssh_session *s, int rc);

/* At most cap - 1 printable characters of text, others as '?'; ends dst with NUL. */
void ssh_printable(char *dst, size_t cap, struct bytes text);

/* ---- steps: true to be called again at once, false to wait ---- */

bool ssh_auth_step(struct ssh_session *s);
/* From SSH_AUTH to SSH_READY; method: "none", "publickey" … */
void ssh_session_authenticated(struct ssh_session *s, const char *method);

/* ---- logging in (ssh_auth_session.c) ---- */

/* Borrows the credentials of the config; false when out of memory. */
bool ssh_auth_init(struct ssh_session *s);
/* True if the packet is ssh_auth's, and nobody else's. */
bool ssh_auth_on_packet(struct ssh_session *s, struct bytes packet);
void ssh_auth_end(struct ssh_session *s); /* wipes credentials too; agent_keys stay */
void ssh_auth_forget_keys(struct ssh_session *s);

/* Copies config into s; false when out of memory. Then wipes what is not needed any more. */
bool ssh_config_copy(struct ssh_session *s, const struct ssh_config *config);
void ssh_config_wipe_credentials(struct ssh_session *s);
void ssh_config_wipe(struct ssh_session *s);

static inline struct bytes ssh_text(const char *text)
{
    size_t len = 0;

    while (text[len])
        len++;
    return (struct bytes){(const uint8_t *)text, len};
}

#endif
