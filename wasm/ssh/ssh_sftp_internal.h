/*
 * The SFTP client as its own files see it.
 *
 *   ssh_sftp.c           requests: taken, begun, cancelled; the end of it all
 *   ssh_sftp_packet.c    packets out, frames in, attributes
 *   ssh_sftp_simple.c    what is one question and one answer, and renaming
 *   ssh_sftp_read.c ssh_sftp_write.c ssh_sftp_list.c
 *   ssh_sftp_event.c     ssh_sftp_next
 *   ssh_sftp_text.c      failures as sentences
 *   ssh_sftp_channel.c   the way into ssh_session
 */
#ifndef SSH_SSH_SFTP_INTERNAL_H
#define SSH_SSH_SFTP_INTERNAL_H

#include "base/buf.h"
#include "base/err.h"
#include "ssh/ssh_sftp.h"
#include "ssh/ssh_sftp_packet.h"

enum {
    SFTP_VERSION = 3,
    SFTP_CHUNK_LEN = 32 << 10, /* of one READ or WRITE: every server takes that (section 3) */
    SFTP_MIN_CHUNK_LEN = 4 << 10,
    SFTP_MAX_PACKET_LEN = 256 << 10, /* of the server's; OpenSSH's own limit */
    SFTP_MAX_HANDLE_LEN = 256,
    SFTP_OUT_LEN = 64 << 10, /* packets made ahead of the channel */
    SFTP_READ_AHEAD_LEN = 2 << 20, /* of all READs together */
    SFTP_WRITE_QUEUE_LEN = 2 << 20, /* bytes of all WRITEs that are in no packet yet */
    SFTP_MAX_WRITE_QUEUE_LEN = 256 << 10,
    SFTP_MAX_BEGUN = 64, /* of each kind: with a handle, without */
    SFTP_MAX_FRAMES = 2, /* answers to READDIR that wait to be handed out */
    SFTP_MAX_READ_FRAMES = 1024 /* to READ before FSTAT's: 2 MB in the least pieces that are fair */
};

enum sftp_state {
    SFTP_WAITING, /* its turn */
    SFTP_ASKED, /* the first answer: a handle, or all there is */
    SFTP_RUNNING, /* answers to READ, WRITE, READDIR */
    SFTP_DRAINING, /* the last of them; then CLOSE goes out */
    SFTP_CLOSING, /* its answer */
    SFTP_FINISHED /* nothing: freed once DONE is told */
};

struct sftp_request {
    struct sftp_request *next;
    struct ssh_sftp *sf;
    uint32_t number, flags, mode;
    enum ssh_sftp_op op;
    enum sftp_state state;
    uint64_t offset, length;
    unsigned unanswered;
    bool has_handle, cancelled, told, failed;
    bool complete; /* READ, LIST: nothing more will come; told while the file is being closed */
    char *path, *path2; /* behind the request */
    uint8_t handle[SFTP_MAX_HANDLE_LEN];
    size_t handle_len;

    int code; /* of the failure; the server's words */
    char server_text[160];
    bool has_attrs, attrs_told;
    uint8_t attrs[SSH_SFTP_ATTRS_LEN];
    struct sftp_frame *frames, **frames_end; /* to be handed out: DATA, NAMEs, the one result */
    unsigned frame_count;

    struct sftp_call *calls, **calls_end; /* READ, WRITE: by offset */
    uint64_t at, end; /* the next byte to ask for or send; READ: where to stop */
    uint64_t size; /* READ: of the file, 0 = not known */
    uint32_t chunk_len;
    unsigned beyond, beyond_max; /* READs at or behind size: out now, allowed */
    size_t credit, owed; /* READ: may be asked for; bytes (LIST: entries) out, not consumed */
    size_t ahead; /* READ: bytes asked for, not handed out */
    struct buf queue; /* WRITE */
    bool ended, was_full, positioned;
    uint64_t acked; /* the offset up to which everything is acknowledged, or was read */
};

struct sftp_list {
    struct sftp_request *first, **end;
    unsigned count;
};

struct ssh_sftp {
    bool ready, ended; /* the server's VERSION came; it is over */
    bool open_told, problem_told, out_of_memory;
    bool posix_rename;
    int end_code;
    char problem[320]; /* for ERROR; "" = none */
    uint32_t next_id;

    uint8_t head[4]; /* of the frame that is coming in */
    size_t head_len, frame_at;
    struct sftp_frame *frame, *lent;
    struct buf out;
    struct sftp_call *calls, **calls_end;
    struct sftp_list waiting[2], begun[2]; /* [1]: those with a handle */
    char text[2048];
    uint8_t attrs[SSH_SFTP_ATTRS_LEN];
};

/* Whether op opens something that has to be closed. */
static inline bool sftp_has_handle_op(enum ssh_sftp_op op)
{
    return op == SSH_SFTP_LIST || op == SSH_SFTP_READ || op == SSH_SFTP_WRITE;
}

/* ---- the course of a request (ssh_sftp.c) ---- */

/* Ends the conversation: code for what is unfinished, format for ERROR. */
void sftp_end(struct ssh_sftp *sf, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void sftp_no_memory(struct ssh_sftp *sf);

/* Records the first failure of r and leads it to its end. */
void sftp_request_fail(struct sftp_request *r, int code);
/* There is nothing more to send: DRAINING if something is open or unanswered, else FINISHED. */
void sftp_request_settle(struct sftp_request *r);
/* Unlinks r, which is FINISHED and told, and frees it. */
void sftp_request_remove(struct ssh_sftp *sf, struct sftp_request *r);

/* ---- words (ssh_sftp_text.c) ---- */

/* Sentence of r's failure. */
struct bytes sftp_failure_text(struct ssh_sftp *sf, const struct sftp_request *r);
/* Copies text, NUL-terminated, with '?' for what cannot be shown (ssh_unshowable_len). */
void sftp_clean(char *dst, size_t cap, struct bytes text);

/* ---- one operation ---- */

/* The first packet of r. */
void sftp_begin(struct sftp_request *r);
/* The next one, if it may go out now: true if so, or if r went on to another state. */
bool sftp_read_send(struct sftp_request *r);
bool sftp_write_send(struct sftp_request *r);
bool sftp_list_send(struct sftp_request *r);

/*
 * The answer to call, which they take over; b is what follows its id. True if the frame was kept.
 * An answer that makes no sense ends sf.
 */
bool sftp_handle_answer(struct sftp_call *call, struct sftp_frame *frame, struct bytes b);
bool sftp_close_answer(struct sftp_call *call, struct sftp_frame *frame, struct bytes b);
bool sftp_simple_answer(struct sftp_call *call, struct sftp_frame *frame, struct bytes b);
bool sftp_read_answer(struct sftp_call *call, struct sftp_frame *frame, struct bytes b);
bool sftp_write_answer(struct sftp_call *call, struct sftp_frame *frame, struct bytes b);
bool sftp_list_answer(struct sftp_call *call, struct sftp_frame *frame, struct bytes b);

/* Bytes of one WRITE that may wait for their packets. */
size_t sftp_write_cap(const struct ssh_sftp *sf);

#endif
