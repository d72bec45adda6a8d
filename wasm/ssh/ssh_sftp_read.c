/*
 * READ: the file in pieces that are asked for ahead of time and handed out in order.
 *
 *   calls:   [answered, data][answered, 20 kB of 32][its rest][asked][asked] ... at
 *   frames: <-- taken from the front while it is answered
 *
 * Credit is taken when a piece is asked for, so whatever comes can be handed out at once: a page
 * that gives no credit costs no memory. Up to the size that FSTAT told, as much is asked for as may
 * be; behind it one piece at a time, then one more for each that was full, for files that grow and
 * those of /proc, whose size is 0.
 */
#include <stdlib.h>

#include "ssh/ssh_sftp_internal.h"

/* ---- asking ---- */

static bool ask(struct sftp_request *r, uint64_t offset, uint32_t len, struct sftp_call **result)
{
    uint8_t *at;
    struct sftp_call *call = sftp_call_new(r, FXP_READ, 4 + r->handle_len + 12, &at);

    if (!call)
        return false;
    sftp_put_string(&at, r->handle, r->handle_len);
    sftp_put_u64(&at, offset);
    sftp_put_u32(&at, len);
    call->offset = offset;
    call->len = len;
    call->beyond = offset >= r->size;
    r->beyond += call->beyond;
    *result = call;
    return true;
}

/* What each READ may be ahead: an equal share of all there is. */
static size_t share(const struct ssh_sftp *sf)
{
    size_t readers = 0;

    for (const struct sftp_request *r = sf->begun[1].first; r; r = r->next)
        readers += r->op == SSH_SFTP_READ && r->state == SFTP_RUNNING && (r->credit || r->ahead);
    return SFTP_READ_AHEAD_LEN / (readers ? readers : 1);
}

bool sftp_read_send(struct sftp_request *r)
{
    uint64_t rest = r->end - r->at;
    size_t len = rest < r->chunk_len ? (size_t)rest : r->chunk_len;
    struct sftp_call *call;

    if (!len || (r->at >= r->size && r->beyond >= r->beyond_max))
        return false;
    if (r->ahead && (r->credit < len || r->ahead + len > share(r->sf)))
        return false;
    if (len > r->credit)
        len = r->credit;
    if (!len || !ask(r, r->at, (uint32_t)len, &call))
        return false;
    sftp_calls_add(r, call);
    r->credit -= len;
    r->ahead += len;
    r->at += len;
    return true;
}

/* ---- answers ---- */

static void read_attrs(struct sftp_call *call, uint8_t type, struct bytes b)
{
    struct sftp_request *r = call->owner;

    if (type == FXP_ATTRS && sftp_get_attrs(&b, r->attrs)) {
        if (load_le32(r->attrs) & SFTP_ATTR_SIZE)
            r->size = load_le64(r->attrs + 8);
    } else if (type != FXP_STATUS) {
        sftp_bad_answer(r->sf, call, type);
    }
    r->has_attrs = true;
    free(call);
}

/* Hands over what is answered at the front. */
static void advance(struct sftp_request *r)
{
    struct sftp_call *call;

    while ((call = r->calls) && call->answered) {
        struct sftp_call done = *call;

        r->calls = call->after;
        if (!r->calls)
            r->calls_end = &r->calls;
        free(call);
        if (done.status != SSH_SFTP_OK && !done.last) {
            sftp_request_fail(r, (int)done.status);
            return;
        }
        if (done.frame) {
            struct bytes part = {done.frame->data + done.frame->at, done.len};

            sftp_frame_keep(r, done.frame, part);
            r->acked += done.len;
        }
        if (done.last) {
            r->complete = true;
            sftp_calls_drop(r);
            break;
        }
    }
    if (!r->has_attrs && r->frame_count > SFTP_MAX_READ_FRAMES) {
        sftp_end(r->sf, IPN_ERR_PROTOCOL,
                 "The SFTP server sends a file in crumbs and does not say how large it is.");
        return;
    }
    if (!r->calls && r->at == r->end)
        r->complete = true;
    if (r->complete)
        sftp_request_settle(r);
}

/* data came for call; a short answer is asked to its end unless that is the file's. */
static void read_data(struct sftp_call *call, struct sftp_frame *frame, struct bytes data)
{
    struct sftp_request *r = call->owner;
    uint32_t len = (uint32_t)data.len, missing = call->len - len;
    uint64_t next = call->offset + len;
    struct sftp_call *rest;

    frame->at = (size_t)(data.data - frame->data);
    call->frame = frame;
    call->answered = true;
    call->len = len;
    if (!missing) {
        r->beyond_max += call->beyond;
        return;
    }
    if (next == r->size) {
        call->last = true;
        return;
    }
    if (next < r->size && len >= SFTP_MIN_CHUNK_LEN && len < r->chunk_len)
        r->chunk_len = len; /* more than this the server does not give at once */
    if (!ask(r, next, missing, &rest))
        return; /* and call is gone */
    rest->after = call->after;
    call->after = rest;
    if (!rest->after)
        r->calls_end = &rest->after;
}

bool sftp_read_answer(struct sftp_call *call, struct sftp_frame *frame, struct bytes b)
{
    struct sftp_request *r = call->owner;
    struct ssh_sftp *sf = r->sf;
    uint8_t type = frame->data[0];
    struct bytes data;
    uint32_t status;

    if (call->type == FXP_FSTAT) {
        read_attrs(call, type, b);
        return false;
    }
    r->beyond -= call->beyond;
    if (type == FXP_DATA && sftp_get_string(&b, &data) && !b.len && data.len &&
        data.len <= call->len) {
        read_data(call, frame, data);
        if (!sf->ended)
            advance(r);
        return true;
    }
    if (type != FXP_STATUS)
        sftp_bad_answer(sf, call, type);
    if (type != FXP_STATUS || !sftp_get_status(r, b, &status)) {
        free(call); /* forgotten by r when sf ended */
        return false;
    }
    if (status == SSH_SFTP_OK)
        status = SSH_SFTP_BAD_MESSAGE;
    call->answered = true;
    call->status = status;
    call->last = status == SSH_SFTP_EOF;
    advance(r);
    return false;
}
