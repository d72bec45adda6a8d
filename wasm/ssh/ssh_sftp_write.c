/*
 * WRITE: bytes wait in a queue, go out in packets of 32 kB, and count once they are acknowledged.
 *
 *   ssh_sftp_write -> queue (256 kB at most) -> up to 64 packets, unacknowledged -> acked
 *
 * A packet that is not full waits while others are out, as small writes in TCP do. After a failure
 * or a cancel the answers that are still due are counted, so that `acked` is as far as it can be.
 */
#include <stdlib.h>

#include "ssh/ssh_sftp_internal.h"

size_t sftp_write_cap(const struct ssh_sftp *sf)
{
    size_t writers = 0, cap;

    for (const struct sftp_request *r = sf->begun[1].first; r; r = r->next)
        writers += r->op == SSH_SFTP_WRITE;
    cap = SFTP_WRITE_QUEUE_LEN / (writers ? writers : 1);
    return cap < SFTP_MAX_WRITE_QUEUE_LEN ? cap : SFTP_MAX_WRITE_QUEUE_LEN;
}

bool sftp_write_send(struct sftp_request *r)
{
    size_t len = r->queue.len < SFTP_CHUNK_LEN ? r->queue.len : SFTP_CHUNK_LEN;
    struct sftp_call *call;
    uint8_t *at;

    if (!r->positioned || r->unanswered >= SSH_SFTP_MAX_WRITES)
        return false;
    if (!len) {
        if (r->ended)
            sftp_request_settle(r);
        return r->ended;
    }
    if (len < SFTP_CHUNK_LEN && !r->ended && r->unanswered)
        return false;
    if (len > INT64_MAX - r->at) {
        sftp_request_fail(r, IPN_ERR_ARG);
        return true;
    }
    call = sftp_call_new(r, FXP_WRITE, 4 + r->handle_len + 12 + len, &at);
    if (!call)
        return false;
    sftp_put_string(&at, r->handle, r->handle_len);
    sftp_put_u64(&at, r->at);
    sftp_put_string(&at, buf_head(&r->queue), len);
    buf_consume(&r->queue, len);
    call->offset = r->at;
    call->len = (uint32_t)len;
    sftp_calls_add(r, call);
    r->at += len;
    return true;
}

/* APPEND: where the file ends. The offset matters to servers that know no appending. */
static void found_end(struct sftp_call *call, uint8_t type, struct bytes b)
{
    struct sftp_request *r = call->owner;
    uint8_t attrs[SSH_SFTP_ATTRS_LEN];
    uint32_t status;

    if (type == FXP_STATUS) {
        if (sftp_get_status(r, b, &status))
            sftp_request_fail(r, (int)(status ? status : SSH_SFTP_BAD_MESSAGE));
    } else if (type != FXP_ATTRS || !sftp_get_attrs(&b, attrs)) {
        sftp_bad_answer(r->sf, call, type);
    } else if (!(load_le32(attrs) & SFTP_ATTR_SIZE) || load_le64(attrs + 8) > INT64_MAX) {
        sftp_request_fail(r, SSH_SFTP_OP_UNSUPPORTED);
    } else {
        r->at = r->acked = load_le64(attrs + 8);
        r->positioned = true;
    }
    free(call);
}

static void advance(struct sftp_request *r)
{
    struct sftp_call *call;

    while ((call = r->calls) && call->answered && call->status == SSH_SFTP_OK) {
        r->acked = call->offset + call->len;
        r->calls = call->after;
        if (!r->calls)
            r->calls_end = &r->calls;
        free(call);
    }
}

bool sftp_write_answer(struct sftp_call *call, struct sftp_frame *frame, struct bytes b)
{
    struct sftp_request *r = call->owner;
    uint8_t type = frame->data[0];
    uint32_t status;

    if (call->type == FXP_FSTAT) {
        found_end(call, type, b);
        return false;
    }
    if (type != FXP_STATUS)
        sftp_bad_answer(r->sf, call, type);
    if (type != FXP_STATUS || !sftp_get_status(r, b, &status)) {
        free(call); /* forgotten by r when sf ended */
        return false;
    }
    call->answered = true;
    call->status = status;
    advance(r);
    if (status != SSH_SFTP_OK)
        sftp_request_fail(r, (int)status);
    return false;
}
