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

enum sftp_packet_type {
    FXP_INIT = 1,
    FXP_VERSION = 2,
    FXP_OPEN = 3,
    FXP_CLOSE = 4,
    FXP_READ = 5,
    FXP_WRITE = 6,
    FXP_LSTAT = 7,
    FXP_FSTAT = 8,
    FXP_SETSTAT = 9,
    FXP_OPENDIR = 11,
    FXP_READDIR = 12,
    FXP_REMOVE = 13,
    FXP_MKDIR = 14,
    FXP_RMDIR = 15,
    FXP_REALPATH = 16,
    FXP_STAT = 17,
    FXP_RENAME = 18,
    FXP_READLINK = 19,
    FXP_SYMLINK = 20,
    FXP_STATUS = 101,
    FXP_HANDLE = 102,
    FXP_DATA = 103,
    FXP_NAME = 104,
    FXP_ATTRS = 105,
    FXP_EXTENDED = 200
};

enum sftp_attr_flag {
    SFTP_ATTR_SIZE = 1,
    SFTP_ATTR_UIDGID = 2,
    SFTP_ATTR_MODE = 4,
    SFTP_ATTR_TIMES = 8
};

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
    SFTP_MAX_FRAMES = 2 /* answers to READDIR that wait to be handed out */
};

/* An answer of the server's: [type 1][id 4][...]. */
struct sftp_frame {
    struct sftp_frame *next;
    size_t len, at; /* at: where the part begins that is still to be handed out */
    size_t end; /* ... and where it ends */
    uint8_t data[];
};

/* A packet of ours and its answer. */
struct sftp_call {
    struct sftp_call *next; /* unanswered ones, oldest first */
    struct sftp_call *after; /* READ, WRITE: of the same request, by offset */
    struct sftp_request *owner;
    uint32_t id;
    uint8_t type;
    bool answered;
    bool dropped; /* its answer is of no interest any more */
    bool last; /* READ: the file ends behind it */
    bool beyond; /* READ: began at or behind the size known then */
    uint32_t len;
    uint32_t status;
    uint64_t offset;
    struct sftp_frame *frame;
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
    size_t credit, owed; /* READ: bytes that may be asked for; handed out, not consumed */
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

/* Puts call last in the order of r's offsets. Forgets all of them: the answered are freed, the
 * others' answers will be ignored. */
void sftp_calls_add(struct sftp_request *r, struct sftp_call *call);
void sftp_calls_drop(struct sftp_request *r);

/* ---- packets (ssh_sftp_packet.c) ---- */

/* Begins a packet of `type` with `len` bytes behind its id, and records the call. NULL when out of
 * memory, which has ended sf then. *at is where those bytes go; put all of them. */
struct sftp_call *sftp_call_new(struct sftp_request *r, uint8_t type, size_t len, uint8_t **at);
void sftp_put_u32(uint8_t **at, uint32_t value);
void sftp_put_u64(uint8_t **at, uint64_t value);
void sftp_put_string(uint8_t **at, const void *src, size_t len);
/* A packet that consists of one string, or of the handle. */
struct sftp_call *sftp_call_path(struct sftp_request *r, uint8_t type, const char *path);
struct sftp_call *sftp_call_handle(struct sftp_request *r, uint8_t type);

/* Reads from b and moves it; false when it is too short. */
bool sftp_get_u32(struct bytes *b, uint32_t *value);
bool sftp_get_u64(struct bytes *b, uint64_t *value);
bool sftp_get_string(struct bytes *b, struct bytes *value);
bool sftp_get_attrs(struct bytes *b, uint8_t attrs[SSH_SFTP_ATTRS_LEN]);

/* The frame's part from b on waits to be handed out by r; takes the frame. */
void sftp_frame_keep(struct sftp_request *r, struct sftp_frame *frame, struct bytes part);
void sftp_frames_drop(struct sftp_request *r);

/* [code 4][string text][string language]: notes the text in r. False when malformed, sf ended. */
bool sftp_get_status(struct sftp_request *r, struct bytes b, uint32_t *status);
void sftp_bad_answer(struct ssh_sftp *sf, const struct sftp_call *call, uint8_t type);

/* Sentence of r's failure (ssh_sftp_text.c). */
struct bytes sftp_failure_text(struct ssh_sftp *sf, const struct sftp_request *r);
/* Copies what is printable of text, NUL-terminated; bytes from 0x80 on stay. */
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
