/* Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02), and which answer belongs to which. */
#ifndef SSH_SSH_SFTP_PACKET_H
#define SSH_SSH_SFTP_PACKET_H

#include "base/bytes.h"
#include "ssh/ssh_sftp.h"

struct sftp_request;

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

/* Begins a packet of `type` with `len` bytes behind its id, and records the call. NULL when out of
 * memory, which has ended sf then. *at is where those bytes go; put all of them. */
struct sftp_call *sftp_call_new(struct sftp_request *r, uint8_t type, size_t len, uint8_t **at);
void sftp_put_u32(uint8_t **at, uint32_t value);
void sftp_put_u64(uint8_t **at, uint64_t value);
void sftp_put_string(uint8_t **at, const void *src, size_t len);
/* A packet that consists of one string, or of the handle. */
struct sftp_call *sftp_call_path(struct sftp_request *r, uint8_t type, const char *path);
struct sftp_call *sftp_call_handle(struct sftp_request *r, uint8_t type);

/* Puts call last in the order of r's offsets (READ, WRITE). */
void sftp_calls_add(struct sftp_request *r, struct sftp_call *call);
/* Forgets all of r's: the answered are freed, the others' answers will be ignored. */
void sftp_calls_drop(struct sftp_request *r);

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

#endif
