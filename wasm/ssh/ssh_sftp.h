/*
 * Files over SSH: an SFTP client, version 3 (draft-ietf-secsh-filexfer-02), without I/O. It speaks
 * over any channel whose subsystem is "sftp": ssh_session moves the bytes (ssh_sftp_channel.c),
 * tests talk to a server through pipes.
 *
 *   ssh_sftp_request -> waiting -> begun: packets in ssh_sftp_output ... answers in ssh_sftp_input
 *                                  -> ssh_sftp_next: ATTRS, DATA, ENTRY, WRITABLE, then one DONE
 *
 * Requests carry numbers of the caller's and are served together: packets of all of them alternate,
 * answers may come in any order. READ asks ahead as far as its credit goes, WRITE sends ahead up to
 * SSH_SFTP_MAX_WRITES packets; neither holds up the others. Whatever the server sends was asked
 * for and fits into what was set aside for it; anything else ends the conversation with ERROR.
 */
#ifndef SSH_SSH_SFTP_H
#define SSH_SSH_SFTP_H

#include "ssh/ssh_session.h"

enum ssh_sftp_op {
    SSH_SFTP_STAT = 1,
    SSH_SFTP_LSTAT,
    SSH_SFTP_SETSTAT,  /* flags: SIZE (length is the new one), MODE (mode) */
    SSH_SFTP_LIST,     /* one ENTRY per name, without "." and ".." */
    SSH_SFTP_MKDIR,    /* mode */
    SSH_SFTP_RMDIR,
    SSH_SFTP_REMOVE,
    SSH_SFTP_RENAME,   /* path to path2; flags: OVERWRITE */
    SSH_SFTP_SYMLINK,  /* path: the link to be made; path2: what it points to */
    SSH_SFTP_READLINK,
    SSH_SFTP_REALPATH,
    SSH_SFTP_READ,     /* offset; length, 0 = to the end */
    SSH_SFTP_WRITE     /* offset, mode (0 = the server's default), flags */
};

enum ssh_sftp_flag {
    SSH_SFTP_OVERWRITE = 1, /* RENAME: what is called path2 is replaced, in one step if it can be */
    SSH_SFTP_SET_SIZE = 1, /* SETSTAT */
    SSH_SFTP_SET_MODE = 4,
    SSH_SFTP_APPEND = 4, /* WRITE: at the end, wherever that is; offset is ignored */
    SSH_SFTP_CREATE = 8, /* if it is not there */
    SSH_SFTP_TRUNCATE = 16,
    SSH_SFTP_EXCLUSIVE = 32 /* with CREATE: it must not be there */
};

/* Statuses in DONE: draft section 7, and the ones later drafts added that servers send. */
enum ssh_sftp_status {
    SSH_SFTP_OK = 0,
    SSH_SFTP_EOF = 1,
    SSH_SFTP_NO_SUCH_FILE = 2,
    SSH_SFTP_PERMISSION_DENIED = 3,
    SSH_SFTP_FAILURE = 4,
    SSH_SFTP_BAD_MESSAGE = 5,
    SSH_SFTP_NO_CONNECTION = 6,
    SSH_SFTP_CONNECTION_LOST = 7,
    SSH_SFTP_OP_UNSUPPORTED = 8,
    SSH_SFTP_EXISTS = 11
};

enum {
    SSH_SFTP_ATTRS_LEN = 40,
    SSH_SFTP_MAX_REQUESTS = 4096, /* waiting or begun */
    SSH_SFTP_MAX_PATH_LEN = 16 << 10,
    SSH_SFTP_MAX_WRITES = 64, /* packets of one WRITE that are not acknowledged */
    SSH_SFTP_MAX_ENTRIES = 1024, /* of one LIST, handed out and not consumed */
    SSH_SFTP_MAX_NAME_LEN = 4096 /* of an entry; what is longer is no name and left out */
};

struct ssh_sftp_request {
    uint32_t request; /* the caller's number, not in use by another */
    enum ssh_sftp_op op;
    const char *path, *path2; /* any bytes but NUL; copied */
    uint64_t offset, length; /* up to 2^63 - 1 */
    uint32_t mode, flags; /* mode: permission bits */
};

struct ssh_sftp;

/* Says hello at once; requests may follow, they wait for the server's. NULL when out of memory. */
struct ssh_sftp *ssh_sftp_new(void);
void ssh_sftp_free(struct ssh_sftp *sf);

/* Bytes from the server, all of them taken. False once the conversation is over: close it. */
bool ssh_sftp_input(struct ssh_sftp *sf, const uint8_t *src, size_t len);

/* Bytes for the server, empty when there are none; valid until the next call on sf. */
struct bytes ssh_sftp_output(struct ssh_sftp *sf);
void ssh_sftp_sent(struct ssh_sftp *sf, size_t len); /* so many of them were taken */

/* The channel is over; on_purpose: by us. What is not finished ends with DONE. */
void ssh_sftp_closed(struct ssh_sftp *sf, bool on_purpose);

/* 1 and *ev (OPEN once, SFTP_*, ERROR at most once), or 0. Its bytes are valid until the next call
 * on sf. Answers of a request are freed as they are handed out: go on with ssh_sftp_output. */
int ssh_sftp_next(struct ssh_sftp *sf, struct ssh_event *ev);

/* 0, IPN_ERR_ARG (number in use, no such op, path or offset too large), IPN_ERR_FULL,
 * IPN_ERR_CLOSED once it is over, IPN_ERR_NOMEM. */
int ssh_sftp_request(struct ssh_sftp *sf, const struct ssh_sftp_request *request);

/* Bytes for a WRITE: the count taken (WRITABLE follows when it was less than len), IPN_ERR_STATE
 * after ssh_sftp_end, IPN_ERR_CLOSED when it has failed, IPN_ERR_NOT_FOUND, IPN_ERR_NOMEM. */
int ssh_sftp_write(struct ssh_sftp *sf, uint32_t request, const uint8_t *src, size_t len);
void ssh_sftp_end(struct ssh_sftp *sf, uint32_t request); /* no more bytes for a WRITE */

/* n bytes of DATA, or ENTRYs, were consumed: as many more may come. Starts at SSH_INITIAL_CREDIT, or
 * SSH_SFTP_MAX_ENTRIES. */
void ssh_sftp_credit(struct ssh_sftp *sf, uint32_t request, size_t n);

/* DONE follows with IPN_ERR_CLOSED once its file is closed; what is one packet to the server and
 * was sent already ends as the server says. */
void ssh_sftp_cancel(struct ssh_sftp *sf, uint32_t request);

/* ---- the same on a channel of kind SFTP, after its OPEN (ssh_sftp_channel.c) ---- */

/* As above; IPN_ERR_STATE when the channel is not open. As always ssh_session_run follows. */
int ssh_session_sftp_request(struct ssh_session *s, int channel, const struct ssh_sftp_request *q);
int ssh_session_sftp_write(struct ssh_session *s, int channel, uint32_t request, const uint8_t *src,
                           size_t len);
void ssh_session_sftp_end(struct ssh_session *s, int channel, uint32_t request);
void ssh_session_sftp_credit(struct ssh_session *s, int channel, uint32_t request, size_t n);
void ssh_session_sftp_cancel(struct ssh_session *s, int channel, uint32_t request);

#endif
