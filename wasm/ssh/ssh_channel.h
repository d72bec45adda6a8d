/*
 * Channels (RFC 4254), ours from the packet up. Private to ssh/.
 *
 *   packet hook --> ssh_channels_take: which channel? --> its queue, its flags
 *                   (never sends: libssh2 may be in the middle of a key exchange)
 *   step        --> ssh_channel_send_due: opens, requests, window, bytes, EOF, CLOSE
 *                   in turn, one packet of bytes per channel, as long as there is room
 *   next        --> ssh_channel_next: bytes, EOF, EXIT, ERROR, CHANNEL_CLOSED
 *
 * libssh2 is asked for nothing but its transport: its own channels hold one open and one answer at
 * a time per session, and search one list of all packets for each read.
 */
#ifndef SSH_SSH_CHANNEL_H
#define SSH_SSH_CHANNEL_H

#include "base/buf.h"
#include "ssh/ssh_chunks.h"
#include "ssh/ssh_libssh2.h"
#include "ssh/ssh_session.h"
#include "ssh/ssh_wire.h"

enum {
    SSH_MAX_SIGNALS = 4,             /* asked for and not yet sent */
    SSH_MAX_INPUT_LEN = 256 << 10,   /* plain bytes for one channel */
    SSH_PACKET_LEN = 32 << 10,
    SSH_MIN_WINDOW = 64 << 10,   /* every channel may have as much, */
    SSH_BULK_WINDOW = 256 << 10, /* without a terminal as much, */
    SSH_FIRST_WINDOW = 1 << 20,  /* and so much to start with, */
    SSH_MAX_WINDOW = 4 << 20,    /* or at most as much, */
    SSH_WINDOW_INTERVAL_MS = 100,
};

enum ssh_channel_state {
    SSH_CHANNEL_WAITING,   /* to be opened once logged in */
    SSH_CHANNEL_OPENING,   /* CHANNEL_OPEN is out, the answer awaited */
    SSH_CHANNEL_STARTING,  /* requests go out, their answers are awaited */
    SSH_CHANNEL_RUNNING,
    SSH_CHANNEL_ENDED /* CHANNEL_CLOSED was told; kept until both CLOSEs have passed */
};

/* Requests in the order they are sent. */
enum ssh_request {
    SSH_REQUEST_ENV, /* wants none */
    SSH_REQUEST_AGENT,
    SSH_REQUEST_PTY,
    SSH_REQUEST_START,
    SSH_REQUEST_COUNT
};

struct ssh_channel {
    int number;
    enum ssh_channel_kind kind;
    enum ssh_channel_state state;
    uint32_t local_id, remote_id;
    bool open_sent, confirmed, refused, dropped;
    bool accept_due; /* the server's open is still to be confirmed */

    struct ssh_channel_config config; /* copied into config_block */
    uint8_t *config_block;
    size_t config_block_len;
    size_t env_at;              /* of the environment, sent */
    enum ssh_request request;   /* the next one to send */
    uint8_t awaited[SSH_REQUEST_COUNT], awaited_len;
    uint32_t failures_due; /* requests of the server that want an answer: no */

    /* From the server. */
    struct ssh_chunks received;
    uint32_t window;           /* it may still send */
    size_t held;               /* handed out, not consumed */
    size_t window_floor;       /* SSH_MIN_WINDOW or SSH_BULK_WINDOW */
    size_t window_target;      /* window + received + held */
    size_t window_drained;     /* consumed since */
    uint64_t window_at_ms;
    bool eof_received, eof_told, close_received;
    bool has_exit, exit_told;
    int exit_status;
    char exit_signal[32];

    /* To the server. */
    uint32_t remote_window, remote_packet_len;
    struct buf input;
    bool input_was_full, eof_wanted, eof_sent, close_wanted, close_sent;
    int rows, cols, sent_rows, sent_cols;
    char signals[SSH_MAX_SIGNALS][24];
    uint8_t signal_count;

    /* Why it ended, if not well; told before CHANNEL_CLOSED. */
    enum ssh_problem problem;
    char problem_text[320];
    bool problem_told;
    struct ssh_sftp *sftp;
    struct ssh_agent *agent;
};

/* Copies; false when out of memory (ssh_config.c). */
bool ssh_channel_configure(struct ssh_channel *c, const struct ssh_channel_config *config);
void ssh_channel_config_wipe(struct ssh_channel *c);
/* The packet is for this channel; packet[0] is 91 to 100. */
enum ssh_verdict ssh_channel_take(struct ssh_session *s, struct ssh_channel *c,
                                  struct bytes packet);
/* One packet of bytes and whatever else is due: 0, *more set if it has more bytes to send;
 * LIBSSH2_ERROR_EAGAIN when nothing can be sent now; another error of libssh2's. */
int ssh_channel_send_due(struct ssh_session *s, struct ssh_channel *c, bool *more);
/* Of which: what opens it (ssh_channel_open.c). */
int ssh_channel_send_open(struct ssh_session *s, struct ssh_channel *c);
int ssh_channel_send_confirmation(struct ssh_session *s, struct ssh_channel *c);
int ssh_channel_send_requests(struct ssh_session *s, struct ssh_channel *c);
int ssh_channel_next(struct ssh_session *s, struct ssh_channel *c, struct ssh_event *ev);
/* The page lets go of it: ssh_channel_next tells CHANNEL_CLOSED and nothing else. */
void ssh_channel_drop(struct ssh_session *s, struct ssh_channel *c);
/* It ends with this error. */
void ssh_channel_fail(struct ssh_channel *c, enum ssh_problem problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void ssh_channel_consumed(struct ssh_channel *c, size_t n);
static inline size_t ssh_channel_granted(const struct ssh_channel *c)
{
    return c->window + c->received.len + c->held;
}
void ssh_channel_free(struct ssh_session *s, struct ssh_channel *c);

/* ---- files (ssh_sftp_channel.c): nothing happens on a channel of another kind ---- */

/* Takes what was received, and puts what is to be sent into the input. */
void ssh_sftp_channel_run(struct ssh_session *s, struct ssh_channel *c);
/* 1 and *ev, or 0. May find that the channel has to end. */
int ssh_sftp_channel_next(struct ssh_session *s, struct ssh_channel *c, struct ssh_event *ev);
void ssh_sftp_channel_free(struct ssh_channel *c);

#endif
