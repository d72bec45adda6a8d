/* Transfers with sftp_script, for the tests of READ and WRITE: a file whose bytes follow from their
 * offsets, asked for and answered. */
#ifndef SFTP_TRANSFER_H
#define SFTP_TRANSFER_H

#include <stdlib.h>

#include "support/sftp/sftp_script.h"
#include "test.h"

enum { CHUNK = SFTP_CHUNK_LEN };

static inline struct script *started(void)
{
    struct script *s = script_new();
    struct ssh_event ev;

    script_pull(s);
    script_version(s, true);
    CHECK(ssh_sftp_next(s->sf, &ev) && ev.type == SSH_EVENT_OPEN);
    return s;
}

static inline struct ssh_event next(struct script *s)
{
    struct ssh_event ev = {.type = SSH_EVENT_NONE};

    ssh_sftp_next(s->sf, &ev);
    return ev;
}

/* Begins the request on "f", whose handle is its number. */
static inline void open_file(struct script *s, struct ssh_sftp_request request)
{
    char handle[16];

    request.path = "f";
    snprintf(handle, sizeof handle, "%u", (unsigned)request.request);
    CHECK_EQ(ssh_sftp_request(s->sf, &request), 0);
    script_pull(s);
    script_handle(s, script_find(s, FXP_OPEN), handle);
}

/* FSTAT answers size. */
static inline void open_read(struct script *s, uint32_t number, uint64_t offset, uint64_t length,
                             uint64_t size)
{
    open_file(s, (struct ssh_sftp_request){
                     .request = number, .op = SSH_SFTP_READ, .offset = offset, .length = length});
    script_attrs(s, script_find(s, FXP_FSTAT), 0100644, size);
}

static inline void open_write(struct script *s, uint32_t number, uint64_t offset, uint32_t flags)
{
    open_file(s, (struct ssh_sftp_request){
                     .request = number, .op = SSH_SFTP_WRITE, .offset = offset, .flags = flags});
}

static inline uint8_t content(uint64_t offset)
{
    return (uint8_t)(offset * 31 + (offset >> 8) * 7 + (offset >> 16));
}

/* Answers a READ with `len` bytes of the file. */
static inline void give(struct script *s, struct asked *a, size_t len)
{
    uint8_t *bytes = malloc(len);

    for (size_t i = 0; i < len; i++)
        bytes[i] = content(a->offset + i);
    script_data(s, a, bytes, len);
    free(bytes);
}

/* Takes DATA until there is none: false if it is not the file from *at on. */
static inline bool take(struct script *s, uint64_t *at, struct ssh_event *last)
{
    struct ssh_event ev;
    bool good = true;

    while ((ev = next(s)).type == SSH_EVENT_SFTP_DATA) {
        for (size_t i = 0; i < ev.text.len; i++)
            good &= ev.text.data[i] == content((*at)++);
    }
    *last = ev;
    return good;
}

/* Writes the next `len` bytes of the file, or what is taken of them. */
static inline void feed(struct script *s, uint32_t number, uint64_t *at, size_t len)
{
    uint8_t *bytes = malloc(len);
    int taken;

    for (size_t i = 0; i < len; i++)
        bytes[i] = content(*at + i);
    taken = ssh_sftp_write(s->sf, number, bytes, len);
    CHECK(taken >= 0);
    *at += taken > 0 ? (uint64_t)taken : 0;
    free(bytes);
    script_pull(s);
}

#endif
