/*
 * The server's side of an SFTP conversation, in the hands of a test: it sees each packet of the
 * client's and answers as it likes, in any order.
 *
 *   client --ssh_sftp_output--> script_pull: struct asked ... script_find --script_status & co-->
 *   client <--ssh_sftp_input--  (whole, or in pieces of `piece` bytes)
 */
#ifndef SFTP_SCRIPT_H
#define SFTP_SCRIPT_H

#include "ssh/ssh_sftp_internal.h"

enum { SCRIPT_MAX_ASKED = 6000, SCRIPT_PATH_LEN = 300 };

struct asked {
    uint8_t type;
    uint32_t id, flags, len; /* flags: OPEN's */
    uint64_t offset;
    char path[SCRIPT_PATH_LEN], path2[SCRIPT_PATH_LEN]; /* or the handle; EXTENDED: name, path */
    uint32_t attr_flags, mode;
    uint64_t size;
    uint8_t *data; /* WRITE's, owned */
    bool answered;
};

struct script {
    struct ssh_sftp *sf;
    struct asked *asked;
    size_t count;
    struct buf wire; /* from the client, not whole yet */
    size_t piece;    /* bytes handed in at a time; 0 = all */
    size_t room;     /* bytes taken from the client at a time; 0 = all */
};

struct script *script_new(void);
void script_free(struct script *s);

/* Takes all that the client has to say; aborts if it is not made of whole, known packets. */
void script_pull(struct script *s);

/* The oldest unanswered packet of type, or NULL. */
struct asked *script_find(struct script *s, uint8_t type);
size_t script_waiting(const struct script *s, uint8_t type); /* how many of them; 0 = any type */

/* Answers, each pulled afterwards. `to` may be NULL for id 0. */
void script_raw(struct script *s, const void *src, size_t len);
void script_packet(struct script *s, struct asked *to, uint8_t type, const void *body, size_t len);
void script_version(struct script *s, bool posix_rename);
void script_status(struct script *s, struct asked *to, uint32_t code, const char *text);
void script_handle(struct script *s, struct asked *to, const char *handle);
void script_data(struct script *s, struct asked *to, const uint8_t *src, size_t len);
void script_attrs(struct script *s, struct asked *to, uint32_t mode, uint64_t size);
/* Names with a mode and a size each; ends with NULL. */
void script_names(struct script *s, struct asked *to, const char *const *names);

#endif
