/*
 * LIST: one READDIR after the other, each answered with some names, until EOF. The answers are
 * checked as they come and handed out name by name; the next is asked for while at most one waits.
 */
#include <stdlib.h>

#include "ssh/ssh_sftp_internal.h"

bool sftp_list_send(struct sftp_request *r)
{
    return !r->unanswered && r->frame_count < SFTP_MAX_FRAMES && sftp_call_handle(r, FXP_READDIR);
}

/* [count 4] times [string name][string long name][attributes]: the part behind count, if it is all
 * there. */
static bool check_names(struct bytes *b)
{
    uint8_t attrs[SSH_SFTP_ATTRS_LEN];
    struct bytes rest, text;
    uint32_t count;

    if (!sftp_get_u32(b, &count))
        return false;
    rest = *b;
    while (count--) { /* a count that is too large ends it early */
        if (!sftp_get_string(&rest, &text) || !sftp_get_string(&rest, &text) ||
            !sftp_get_attrs(&rest, attrs))
            return false;
    }
    b->len -= rest.len;
    return true;
}

bool sftp_list_answer(struct sftp_call *call, struct sftp_frame *frame, struct bytes b)
{
    struct sftp_request *r = call->owner;
    uint8_t type = frame->data[0];
    bool kept = false;
    uint32_t status;

    if (type == FXP_STATUS) {
        if (!sftp_get_status(r, b, &status))
            ;
        else if (status == SSH_SFTP_OK)
            sftp_bad_answer(r->sf, call, type);
        else if (status != SSH_SFTP_EOF)
            sftp_request_fail(r, (int)status);
        else if (!r->failed)
            r->complete = true;
        if (r->complete)
            sftp_request_settle(r);
    } else if (type != FXP_NAME || !check_names(&b)) {
        sftp_bad_answer(r->sf, call, type);
    } else if (b.len && !r->failed) {
        sftp_frame_keep(r, frame, b);
        kept = true;
    }
    free(call);
    return kept;
}
