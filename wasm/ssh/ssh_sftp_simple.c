/*
 * The first packet of every operation, opening and closing, and the operations that are one
 * question and one answer. RENAME may be two: without OVERWRITE the new name is looked up first,
 * since some servers replace what they find there.
 */
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_sftp_internal.h"

/* ---- asking ---- */

static void begin_setstat(struct sftp_request *r)
{
    bool size = r->flags & SSH_SFTP_SET_SIZE, mode = r->flags & SSH_SFTP_SET_MODE;
    size_t len = strlen(r->path);
    uint8_t *at;

    if (!sftp_call_new(r, FXP_SETSTAT, 4 + len + 4 + (size ? 8 : 0) + (mode ? 4 : 0), &at))
        return;
    sftp_put_string(&at, r->path, len);
    sftp_put_u32(&at, (size ? SFTP_ATTR_SIZE : 0) | (mode ? SFTP_ATTR_MODE : 0));
    if (size)
        sftp_put_u64(&at, r->length);
    if (mode)
        sftp_put_u32(&at, r->mode);
}

/* MKDIR: [path][attributes]. OPEN: [path][flags 4][attributes]. */
static void begin_create(struct sftp_request *r, uint8_t type, uint32_t open_flags)
{
    bool mode = r->mode && (type == FXP_MKDIR || (r->flags & SSH_SFTP_CREATE));
    size_t len = strlen(r->path);
    uint8_t *at;

    if (!sftp_call_new(r, type, 4 + len + (type == FXP_OPEN ? 4 : 0) + 4 + (mode ? 4 : 0), &at))
        return;
    sftp_put_string(&at, r->path, len);
    if (type == FXP_OPEN)
        sftp_put_u32(&at, open_flags);
    sftp_put_u32(&at, mode ? SFTP_ATTR_MODE : 0);
    if (mode)
        sftp_put_u32(&at, r->mode);
}

static void send_two_paths(struct sftp_request *r, uint8_t type, const char *first,
                           const char *second)
{
    size_t len = strlen(first), len2 = strlen(second);
    uint8_t *at;

    if (!sftp_call_new(r, type, 8 + len + len2, &at))
        return;
    sftp_put_string(&at, first, len);
    sftp_put_string(&at, second, len2);
}

static void begin_rename(struct sftp_request *r)
{
    static const char extension[] = "posix-rename@openssh.com";
    size_t len = strlen(r->path), len2 = strlen(r->path2);
    uint8_t *at;

    if (!(r->flags & SSH_SFTP_OVERWRITE)) {
        sftp_call_path(r, FXP_LSTAT, r->path2);
    } else if (!r->sf->posix_rename) {
        send_two_paths(r, FXP_RENAME, r->path, r->path2);
    } else if (sftp_call_new(r, FXP_EXTENDED, 12 + sizeof extension - 1 + len + len2, &at)) {
        sftp_put_string(&at, extension, sizeof extension - 1);
        sftp_put_string(&at, r->path, len);
        sftp_put_string(&at, r->path2, len2);
    }
}

void sftp_begin(struct sftp_request *r)
{
    enum { OPEN_READ = 1, OPEN_WRITE = 2 };
    const uint32_t kept =
        SSH_SFTP_APPEND | SSH_SFTP_CREATE | SSH_SFTP_TRUNCATE | SSH_SFTP_EXCLUSIVE;
    static const uint8_t types[] = {
        [SSH_SFTP_STAT] = FXP_STAT,         [SSH_SFTP_LSTAT] = FXP_LSTAT,
        [SSH_SFTP_LIST] = FXP_OPENDIR,      [SSH_SFTP_RMDIR] = FXP_RMDIR,
        [SSH_SFTP_REMOVE] = FXP_REMOVE,     [SSH_SFTP_READLINK] = FXP_READLINK,
        [SSH_SFTP_REALPATH] = FXP_REALPATH,
    };

    switch (r->op) {
    case SSH_SFTP_SETSTAT:
        begin_setstat(r);
        break;
    case SSH_SFTP_MKDIR:
        begin_create(r, FXP_MKDIR, 0);
        break;
    case SSH_SFTP_READ:
        begin_create(r, FXP_OPEN, OPEN_READ);
        break;
    case SSH_SFTP_WRITE:
        begin_create(r, FXP_OPEN, OPEN_WRITE | (r->flags & kept));
        break;
    case SSH_SFTP_RENAME:
        begin_rename(r);
        break;
    case SSH_SFTP_SYMLINK: /* OpenSSH has them the other way round than the draft; all follow it */
        send_two_paths(r, FXP_SYMLINK, r->path2, r->path);
        break;
    default:
        sftp_call_path(r, types[r->op], r->path);
    }
}

/* ---- opening and closing ---- */

bool sftp_handle_answer(struct sftp_call *call, struct sftp_frame *frame, struct bytes b)
{
    struct sftp_request *r = call->owner;
    uint8_t type = frame->data[0];
    struct bytes handle;
    uint32_t status;

    if (type == FXP_STATUS) {
        if (!sftp_get_status(r, b, &status))
            ;
        else if (status == SSH_SFTP_OK)
            sftp_bad_answer(r->sf, call, type);
        else
            sftp_request_fail(r, (int)status);
    } else if (type != FXP_HANDLE || !sftp_get_string(&b, &handle) || !handle.len ||
               handle.len > sizeof r->handle) {
        sftp_bad_answer(r->sf, call, type);
    } else {
        memcpy(r->handle, handle.data, handle.len);
        r->handle_len = handle.len;
        r->has_handle = true;
        if (r->state == SFTP_ASKED) { /* else it was cancelled */
            r->state = SFTP_RUNNING;
            r->positioned = r->op != SSH_SFTP_WRITE || !(r->flags & SSH_SFTP_APPEND);
            if (r->op == SSH_SFTP_READ || !r->positioned)
                sftp_call_handle(r, FXP_FSTAT);
        }
    }
    free(call);
    return false;
}

bool sftp_close_answer(struct sftp_call *call, struct sftp_frame *frame, struct bytes b)
{
    struct sftp_request *r = call->owner;
    uint32_t status;

    if (frame->data[0] != FXP_STATUS) {
        sftp_bad_answer(r->sf, call, frame->data[0]);
    } else if (sftp_get_status(r, b, &status)) {
        r->has_handle = false;
        r->state = SFTP_FINISHED;
        /* Some file systems tell only now that bytes did not find their place. */
        if (status != SSH_SFTP_OK && r->op == SSH_SFTP_WRITE)
            sftp_request_fail(r, (int)status);
    }
    free(call);
    return false;
}

/* ---- one answer ---- */

/* Whether the new name is free, before RENAME. */
static void rename_looked_up(struct sftp_call *call, uint8_t type, struct bytes b)
{
    struct sftp_request *r = call->owner;
    uint32_t status;

    if (type == FXP_ATTRS) {
        sftp_request_fail(r, SSH_SFTP_EXISTS);
    } else if (type != FXP_STATUS) {
        sftp_bad_answer(r->sf, call, type);
    } else if (sftp_get_status(r, b, &status)) {
        r->server_text[0] = '\0';
        send_two_paths(r, FXP_RENAME, r->path, r->path2);
    }
}

/* [count 4] times [string name][string long name][attributes]: the first name is the result. */
static bool keep_name(struct sftp_request *r, struct sftp_frame *frame, struct bytes b)
{
    struct bytes name;
    uint32_t count;

    if (!sftp_get_u32(&b, &count) || !count || !sftp_get_string(&b, &name))
        return false;
    sftp_frame_keep(r, frame, name);
    return true;
}

bool sftp_simple_answer(struct sftp_call *call, struct sftp_frame *frame, struct bytes b)
{
    struct sftp_request *r = call->owner;
    uint8_t type = frame->data[0];
    bool wants_attrs = r->op == SSH_SFTP_STAT || r->op == SSH_SFTP_LSTAT;
    bool wants_name = r->op == SSH_SFTP_READLINK || r->op == SSH_SFTP_REALPATH, kept = false;
    uint32_t status;

    if (r->op == SSH_SFTP_RENAME && call->type == FXP_LSTAT) {
        rename_looked_up(call, type, b);
    } else if (type == FXP_STATUS) {
        if (!sftp_get_status(r, b, &status))
            ;
        else if (status != SSH_SFTP_OK)
            sftp_request_fail(r, (int)status);
        else if (wants_attrs || wants_name)
            sftp_bad_answer(r->sf, call, type);
        else
            r->state = SFTP_FINISHED;
    } else if (type == FXP_ATTRS && wants_attrs && sftp_get_attrs(&b, r->attrs)) {
        r->has_attrs = true;
        r->state = SFTP_FINISHED;
    } else if (type == FXP_NAME && wants_name && (kept = keep_name(r, frame, b))) {
        r->state = SFTP_FINISHED;
    } else {
        sftp_bad_answer(r->sf, call, type);
    }
    free(call);
    return kept;
}
