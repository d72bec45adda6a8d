/* The session as its own files see it (ssh_session, ssh_hostkey, ssh_auth, ssh_channel). */
#ifndef SSH_SSH_SESSION_INTERNAL_H
#define SSH_SSH_SESSION_INTERNAL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/host.h"
#include "ssh/ssh_hostkey.h"
#include "ssh/ssh_libssh2.h"
#include "ssh/ssh_session.h"

/* What is awaited. Every step either moves on and asks to be called again, or waits. */
enum ssh_state {
    SSH_HANDSHAKE,       /* version, key exchange, service: libssh2_session_handshake */
    SSH_HOST_KEY,        /* compare with the pins, or ask */
    SSH_HOST_KEY_ANSWER, /* ssh_session_answer_host_key */
    SSH_AUTH,            /* ssh_auth_step */
    SSH_CHANNEL_OPEN,    /* from here on ssh_channel_step */
    SSH_ENV,
    SSH_PTY,
    SSH_START,
    SSH_RUNNING,
    SSH_CLOSING, /* our CHANNEL_CLOSE is out, theirs is awaited until the deadline */
    SSH_FLUSHING, /* DISCONNECT is queued; closed when the transport has taken it */
    SSH_CLOSED
};

enum {
    SSH_MAX_HEAP_LEN = 16 << 20,        /* of libssh2: a full window and room to spare */
    SSH_MAX_OUT_LEN = 1 << 20,          /* sealed bytes that the transport has not taken */
    SSH_OUT_PAUSE_LEN = 256 << 10,      /* above: nothing more is read or sealed */
    SSH_MAX_INPUT_LEN = 256 << 10,      /* plain bytes for the channel */
    SSH_DATA_LEN = 32 << 10,            /* one DATA event */
    SSH_MAX_EVENT_LEN = 64 << 10,       /* queued events with their texts */
    SSH_MAX_PREAMBLE_LEN = 16 << 10,    /* before "SSH-": RFC 4253 section 4.2 */
    SSH_MIN_WINDOW = 256 << 10,
    SSH_FIRST_WINDOW = 1 << 20,
    SSH_MAX_WINDOW = 4 << 20,
    SSH_WINDOW_INTERVAL_MS = 100,
    SSH_PACKET_LEN = 32 << 10,
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
    LIBSSH2_CHANNEL *channel;
    struct ssh_libssh2_hooks hooks;
    struct ssh_transport transport;
    struct buf out;

    /* The config, copied: strings and environment in one block that is wiped with the session. */
    struct ssh_config config;
    uint8_t *config_block;
    size_t config_block_len;
    size_t env_at;

    struct ssh_event_node *events, **events_end, *current;
    size_t events_len;
    bool out_of_memory;

    /* Wire, before and around libssh2. */
    bool started, read_closed, write_closed, timed_out;
    uint8_t preamble[80]; /* the first bytes of the server */
    size_t preamble_len; /* of all that came before its version line */
    int lost_rc; /* why reading ended; told once all data is handed out */
    int disconnect_reason;
    char disconnect_text[160];
    bool banner_shown;

    char host_key_type[40];
    struct ssh_hostkey hostkey;
    char cipher[40];
    char server_version[256];

    /* Channel. */
    uint8_t *data;
    size_t credit;
    struct buf input;
    bool input_was_full, eof_wanted, eof_sent;
    int rows, cols, sent_rows, sent_cols;
    bool has_exit;
    int exit_status;
    char exit_signal[32];
    char open_failure[160];
    uint32_t window_target, window_adjust;
    uint64_t window_at_ms;
    size_t window_drained;
};

/* ---- events (ssh_event.c) ---- */

void ssh_event_push(struct ssh_session *s, enum ssh_event_type type, int code, struct bytes text,
                    struct bytes aux);
void ssh_event_push_text(struct ssh_session *s, enum ssh_event_type type, int code,
                         const char *text);
/* 1 and *ev, owned by s until the next call; 0 when there is none. */
int ssh_event_pop(struct ssh_session *s, struct ssh_event *ev);
void ssh_event_wipe(struct ssh_session *s);

/* ---- ending ---- */

/* Queues the error, says goodbye if it can, and leads to CLOSED. */
void ssh_session_fail(struct ssh_session *s, enum ssh_problem problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a libssh2 error that came up in the current state (ssh_error.c). */
void ssh_session_fail_lib(struct ssh_session *s, int rc);

/* At most cap - 1 printable characters of text, others as '?'; ends dst with NUL. */
void ssh_printable(char *dst, size_t cap, struct bytes text);

/* ---- steps: true to be called again at once, false to wait ---- */

bool ssh_auth_step(struct ssh_session *s);
bool ssh_channel_step(struct ssh_session *s);

/* A CHANNEL_REQUEST or OPEN_FAILURE for our channel, for what libssh2 does not keep. */
void ssh_channel_on_packet(struct ssh_session *s, struct bytes packet);

/* 1 and a DATA or STDERR event, or 0. */
int ssh_channel_next(struct ssh_session *s, struct ssh_event *ev);
void ssh_channel_credit(struct ssh_session *s, size_t n);

static inline struct bytes ssh_text(const char *text)
{
    size_t len = 0;

    while (text[len])
        len++;
    return (struct bytes){(const uint8_t *)text, len};
}

#endif
