/* What requests have to tell, one event at a time. */
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_sftp_internal.h"

static int event(struct ssh_event *ev, enum ssh_event_type type, const struct sftp_request *r,
                 struct bytes text, struct bytes aux)
{
    *ev = (struct ssh_event){.type = type, .request = r->number, .text = text, .aux = aux};
    return 1;
}

/* The first frame of r is lent to the reader of the event. */
static struct bytes lend_frame(struct ssh_sftp *sf, struct sftp_request *r)
{
    struct sftp_frame *frame = r->frames;

    r->frames = frame->next;
    if (!r->frames)
        r->frames_end = &r->frames;
    r->frame_count--;
    sf->lent = frame;
    return (struct bytes){frame->data + frame->at, frame->end - frame->at};
}

static struct bytes lend_attrs(struct ssh_sftp *sf, const struct sftp_request *r)
{
    if (r->op == SSH_SFTP_WRITE) {
        for (size_t i = 0; i < sizeof sf->attrs; i++)
            sf->attrs[i] = 0;
        store_le32(sf->attrs, SFTP_ATTR_SIZE);
        store_le64(sf->attrs + 8, r->acked);
    } else {
        for (size_t i = 0; i < sizeof sf->attrs; i++)
            sf->attrs[i] = r->attrs[i];
    }
    return (struct bytes){sf->attrs, sizeof sf->attrs};
}

static int next_data(struct ssh_sftp *sf, struct sftp_request *r, struct ssh_event *ev)
{
    const struct bytes none = {NULL, 0};
    struct bytes data;

    if (r->has_attrs && !r->attrs_told && !r->cancelled) {
        r->attrs_told = true;
        return event(ev, SSH_EVENT_SFTP_ATTRS, r, none, lend_attrs(sf, r));
    }
    if (!r->frames || !(r->attrs_told || sf->ended))
        return 0;
    data = lend_frame(sf, r);
    r->ahead -= data.len;
    r->owed += data.len;
    return event(ev, SSH_EVENT_SFTP_DATA, r, data, none);
}

/* A name of the directory itself: not "." or "..", and nothing that leads elsewhere. */
static bool is_entry(struct bytes name)
{
    bool dots =
        (name.len == 1 || name.len == 2) && name.data[0] == '.' && name.data[name.len - 1] == '.';

    return name.len && name.len <= SSH_SFTP_MAX_NAME_LEN && !dots &&
           !memchr(name.data, '/', name.len) && !memchr(name.data, 0, name.len);
}

/* The frame was checked when it came. */
static int next_entry(struct ssh_sftp *sf, struct sftp_request *r, struct ssh_event *ev)
{
    struct sftp_frame *frame;
    struct bytes rest, name, ignored;

    while ((frame = r->frames)) {
        rest = (struct bytes){frame->data + frame->at, frame->end - frame->at};
        if (!rest.len) {
            lend_frame(sf, r);
            free(sf->lent);
            sf->lent = NULL;
            continue;
        }
        if (r->owed >= SSH_SFTP_MAX_ENTRIES && !sf->ended)
            return 0;
        if (!sftp_get_string(&rest, &name) || !sftp_get_string(&rest, &ignored) ||
            !sftp_get_attrs(&rest, sf->attrs))
            return 0;
        frame->at = frame->end - rest.len;
        if (is_entry(name)) {
            r->owed++;
            return event(ev, SSH_EVENT_SFTP_ENTRY, r, name,
                         (struct bytes){sf->attrs, sizeof sf->attrs});
        }
    }
    return 0;
}

static int next_writable(struct ssh_sftp *sf, struct sftp_request *r, struct ssh_event *ev)
{
    const struct bytes none = {NULL, 0};

    if (!r->was_full || r->ended || r->failed || r->state == SFTP_WAITING ||
        r->queue.len > sftp_write_cap(sf) / 2)
        return 0;
    r->was_full = false;
    return event(ev, SSH_EVENT_SFTP_WRITABLE, r, none, lend_attrs(sf, r));
}

static int done(struct ssh_sftp *sf, struct sftp_request *r, struct ssh_event *ev)
{
    struct bytes text = {NULL, 0}, aux = {NULL, 0};
    bool has_aux = r->op == SSH_SFTP_WRITE ? r->positioned : r->has_attrs && !r->failed;

    if (r->state != SFTP_FINISHED && !r->complete)
        return 0;
    if (r->op == SSH_SFTP_READ && !r->failed && !r->attrs_told && !sf->ended)
        return 0;
    if (r->op == SSH_SFTP_LIST && r->frames) /* the page has more to read first */
        return 0;
    if (r->failed)
        text = sftp_failure_text(sf, r);
    else if (r->frames)
        text = lend_frame(sf, r);
    if (has_aux)
        aux = lend_attrs(sf, r);
    event(ev, SSH_EVENT_SFTP_DONE, r, text, aux);
    ev->code = r->failed ? r->code : 0;
    r->told = true;
    return 1;
}

static int request_next(struct ssh_sftp *sf, struct sftp_request *r, struct ssh_event *ev)
{
    if ((r->op == SSH_SFTP_READ && next_data(sf, r, ev)) ||
        (r->op == SSH_SFTP_LIST && next_entry(sf, r, ev)) ||
        (r->op == SSH_SFTP_WRITE && next_writable(sf, r, ev)))
        return 1;
    return done(sf, r, ev);
}

int ssh_sftp_next(struct ssh_sftp *sf, struct ssh_event *ev)
{
    struct sftp_request *r, *next;

    free(sf->lent);
    sf->lent = NULL;
    if (sf->ready && !sf->open_told) {
        sf->open_told = true;
        *ev = (struct ssh_event){.type = SSH_EVENT_OPEN};
        return 1;
    }
    for (int kind = 0; kind < 2; kind++) {
        for (r = sf->begun[kind].first; r; r = next) {
            int found = r->told ? 0 : request_next(sf, r, ev);

            next = r->next;
            if (r->told && r->state == SFTP_FINISHED)
                sftp_request_remove(sf, r);
            if (found)
                return 1;
        }
    }
    if (!sf->ended || sf->problem_told || !sf->problem[0])
        return 0;
    sf->problem_told = true;
    *ev = (struct ssh_event){.type = SSH_EVENT_ERROR,
                             .code = sf->end_code == IPN_ERR_NOMEM ? SSH_PROBLEM_NOMEM
                                                                   : SSH_PROBLEM_CHANNEL,
                             .text = {(const uint8_t *)sf->problem, strlen(sf->problem)}};
    return 1;
}
