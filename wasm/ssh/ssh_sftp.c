#include "ssh/ssh_sftp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_sftp_internal.h"

/* ---- lists ---- */

static void list_init(struct sftp_list *list)
{
    *list = (struct sftp_list){.end = &list->first};
}

static void list_add(struct sftp_list *list, struct sftp_request *r)
{
    r->next = NULL;
    *list->end = r;
    list->end = &r->next;
    list->count++;
}

static void list_remove(struct sftp_list *list, struct sftp_request *r)
{
    struct sftp_request **at = &list->first;

    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    if (!r->next)
        list->end = at;
    list->count--;
}

/* The request that the caller calls number, unless its DONE was told. */
static struct sftp_request *find(struct ssh_sftp *sf, uint32_t number)
{
    struct sftp_list *lists[] = {&sf->begun[0], &sf->begun[1], &sf->waiting[0], &sf->waiting[1]};

    for (size_t i = 0; i < 4; i++) {
        for (struct sftp_request *r = lists[i]->first; r; r = r->next) {
            if (r->number == number && !r->told)
                return r;
        }
    }
    return NULL;
}

/* ---- birth and death ---- */

struct ssh_sftp *ssh_sftp_new(void)
{
    /* [length 4][type 1][version 4] */
    static const uint8_t init[] = {0, 0, 0, 5, FXP_INIT, 0, 0, 0, SFTP_VERSION};
    struct ssh_sftp *sf = calloc(1, sizeof *sf);

    if (!sf)
        return NULL;
    sf->calls_end = &sf->calls;
    for (int i = 0; i < 2; i++) {
        list_init(&sf->waiting[i]);
        list_init(&sf->begun[i]);
    }
    /* Packets are made only below SFTP_OUT_LEN; answers to answers are small and few. */
    buf_init(&sf->out, SFTP_OUT_LEN + (1 << 20) * 4);
    if (buf_append(&sf->out, init, sizeof init) < 0) {
        free(sf);
        return NULL;
    }
    return sf;
}

void sftp_calls_add(struct sftp_request *r, struct sftp_call *call)
{
    *r->calls_end = call;
    r->calls_end = &call->after;
}

void sftp_calls_drop(struct sftp_request *r)
{
    struct sftp_call *call;

    while ((call = r->calls)) {
        r->calls = call->after;
        if (call->answered) {
            free(call->frame);
            free(call);
        } else {
            call->dropped = true;
        }
    }
    r->calls_end = &r->calls;
}

static void request_free(struct sftp_request *r)
{
    sftp_calls_drop(r);
    sftp_frames_drop(r);
    buf_wipe(&r->queue);
    free(r);
}

void sftp_request_remove(struct ssh_sftp *sf, struct sftp_request *r)
{
    list_remove(&sf->begun[sftp_has_handle_op(r->op)], r);
    request_free(r);
}

/* No answer will come any more. */
static void calls_free(struct ssh_sftp *sf)
{
    struct sftp_call *call;

    while ((call = sf->calls)) {
        sf->calls = call->next;
        call->owner->unanswered--;
        call->answered = true;
        if (call->dropped || (call->type != FXP_READ && call->type != FXP_WRITE))
            free(call); /* the others are freed by their requests */
    }
    sf->calls_end = &sf->calls;
}

void ssh_sftp_free(struct ssh_sftp *sf)
{
    struct sftp_request *r;

    if (!sf)
        return;
    calls_free(sf);
    for (int i = 0; i < 4; i++) {
        struct sftp_list *list = i < 2 ? &sf->waiting[i] : &sf->begun[i - 2];

        while ((r = list->first)) {
            list->first = r->next;
            request_free(r);
        }
    }
    buf_wipe(&sf->out);
    free(sf->frame);
    free(sf->lent);
    wipe(sf, sizeof *sf);
    free(sf);
}

static void end_request(struct sftp_request *r, int code)
{
    if (!r->complete && r->state != SFTP_FINISHED && !r->failed) {
        r->failed = true;
        r->code = code;
    }
    r->state = SFTP_FINISHED;
    sftp_calls_drop(r);
}

void sftp_end(struct ssh_sftp *sf, int code, const char *format, ...)
{
    struct sftp_request *r;
    va_list args;

    if (sf->ended)
        return;
    sf->ended = true;
    sf->end_code = code;
    va_start(args, format);
    vsnprintf(sf->problem, sizeof sf->problem, format, args);
    va_end(args);
    calls_free(sf);
    for (int i = 0; i < 2; i++) {
        while ((r = sf->waiting[i].first)) {
            list_remove(&sf->waiting[i], r);
            list_add(&sf->begun[i], r);
        }
        for (r = sf->begun[i].first; r; r = r->next)
            end_request(r, code);
    }
    buf_consume(&sf->out, sf->out.len);
}

void sftp_no_memory(struct ssh_sftp *sf)
{
    sftp_end(sf, IPN_ERR_NOMEM, "Out of memory for this SFTP session.");
}

void ssh_sftp_closed(struct ssh_sftp *sf, bool on_purpose)
{
    if (sf->ready || on_purpose)
        sftp_end(sf, IPN_ERR_CLOSED, "%s", "");
    else
        sftp_end(sf, IPN_ERR_CLOSED, "This server offers no SFTP.");
}

/* ---- the course of a request ---- */

void sftp_request_settle(struct sftp_request *r)
{
    if (r->state != SFTP_CLOSING)
        r->state = r->has_handle || r->unanswered ? SFTP_DRAINING : SFTP_FINISHED;
}

void sftp_request_fail(struct sftp_request *r, int code)
{
    if (!r->failed) {
        r->failed = true;
        r->code = code;
    }
    buf_wipe(&r->queue);
    if (r->op != SSH_SFTP_WRITE) /* what a WRITE got through is still counted */
        sftp_calls_drop(r);
    sftp_request_settle(r);
}

static bool begin(struct ssh_sftp *sf, int kind)
{
    struct sftp_request *r = sf->waiting[kind].first;

    if (!r || sf->begun[kind].count >= SFTP_MAX_BEGUN)
        return false;
    list_remove(&sf->waiting[kind], r);
    list_add(&sf->begun[kind], r);
    r->state = SFTP_ASKED;
    sftp_begin(r);
    return true;
}

static bool send_one(struct sftp_request *r)
{
    if (r->state == SFTP_DRAINING && !r->unanswered) {
        r->state = SFTP_CLOSING;
        sftp_call_handle(r, FXP_CLOSE);
        return true;
    }
    if (r->state != SFTP_RUNNING)
        return false;
    switch (r->op) {
    case SSH_SFTP_READ:
        return sftp_read_send(r);
    case SSH_SFTP_WRITE:
        return sftp_write_send(r);
    default:
        return sftp_list_send(r);
    }
}

/* One packet of the one whose turn it is. */
static bool send_next(struct ssh_sftp *sf)
{
    if (begin(sf, 0) || begin(sf, 1))
        return true;
    for (struct sftp_request *r = sf->begun[1].first; r; r = r->next) {
        if (!send_one(r))
            continue;
        if (!sf->ended) {
            list_remove(&sf->begun[1], r);
            list_add(&sf->begun[1], r);
        }
        return true;
    }
    return false;
}

struct bytes ssh_sftp_output(struct ssh_sftp *sf)
{
    while (sf->ready && !sf->ended && sf->out.len < SFTP_OUT_LEN && send_next(sf))
        ;
    return (struct bytes){buf_head(&sf->out), sf->out.len};
}

void ssh_sftp_sent(struct ssh_sftp *sf, size_t len)
{
    buf_consume(&sf->out, len < sf->out.len ? len : sf->out.len);
}

/* ---- what the caller asks for ---- */

static bool valid(const struct ssh_sftp_request *q, bool two_paths)
{
    return q->op >= SSH_SFTP_STAT && q->op <= SSH_SFTP_WRITE && q->path &&
           strlen(q->path) <= SSH_SFTP_MAX_PATH_LEN &&
           (!two_paths || (q->path2 && strlen(q->path2) <= SSH_SFTP_MAX_PATH_LEN)) &&
           q->offset <= INT64_MAX && q->length <= INT64_MAX;
}

static struct sftp_request *request_new(struct ssh_sftp *sf, const struct ssh_sftp_request *q,
                                        const char *path2)
{
    size_t len = strlen(q->path) + 1, len2 = strlen(path2) + 1;
    struct sftp_request *r = calloc(1, sizeof *r + len + len2);

    if (!r)
        return NULL;
    *r = (struct sftp_request){.sf = sf,
                               .number = q->request,
                               .op = q->op,
                               .flags = q->flags,
                               .mode = q->mode & 07777,
                               .offset = q->offset,
                               .length = q->length,
                               .path = (char *)(r + 1),
                               .path2 = (char *)(r + 1) + len,
                               .frames_end = &r->frames,
                               .calls_end = &r->calls,
                               .at = q->offset,
                               .acked = q->offset,
                               .chunk_len = SFTP_CHUNK_LEN,
                               .beyond_max = 1,
                               .credit = SSH_INITIAL_CREDIT};
    memcpy(r->path, q->path, len);
    memcpy(r->path2, path2, len2);
    r->end = !q->length || q->length > INT64_MAX - q->offset ? INT64_MAX : q->offset + q->length;
    buf_init(&r->queue, SFTP_MAX_WRITE_QUEUE_LEN);
    return r;
}

int ssh_sftp_request(struct ssh_sftp *sf, const struct ssh_sftp_request *q)
{
    bool two_paths = q->op == SSH_SFTP_RENAME || q->op == SSH_SFTP_SYMLINK;
    struct sftp_request *r;

    if (sf->ended)
        return IPN_ERR_CLOSED;
    if (!valid(q, two_paths) || find(sf, q->request))
        return IPN_ERR_ARG;
    if (sf->waiting[0].count + sf->waiting[1].count >= SSH_SFTP_MAX_REQUESTS)
        return IPN_ERR_FULL;
    r = request_new(sf, q, two_paths ? q->path2 : "");
    if (!r)
        return IPN_ERR_NOMEM;
    list_add(&sf->waiting[sftp_has_handle_op(q->op)], r);
    return 0;
}

int ssh_sftp_write(struct ssh_sftp *sf, uint32_t request, const uint8_t *src, size_t len)
{
    struct sftp_request *r = find(sf, request);
    size_t cap = sftp_write_cap(sf), room;

    if (!r || r->op != SSH_SFTP_WRITE)
        return IPN_ERR_NOT_FOUND;
    if (r->failed || r->cancelled)
        return IPN_ERR_CLOSED;
    if (r->ended)
        return IPN_ERR_STATE;
    if (r->state == SFTP_WAITING)
        cap = 0;
    room = cap > r->queue.len ? cap - r->queue.len : 0;
    if (len > room) {
        r->was_full = true;
        len = room;
    }
    if (len && buf_append(&r->queue, src, len) < 0)
        return IPN_ERR_NOMEM;
    return (int)len;
}

void ssh_sftp_end(struct ssh_sftp *sf, uint32_t request)
{
    struct sftp_request *r = find(sf, request);

    if (r)
        r->ended = true;
}

void ssh_sftp_credit(struct ssh_sftp *sf, uint32_t request, size_t n)
{
    struct sftp_request *r = find(sf, request);

    if (!r)
        return;
    if (n > r->owed) /* more than was handed out would be a mistake; it opens nothing */
        n = r->owed;
    r->owed -= n;
    r->credit += n;
}

void ssh_sftp_cancel(struct ssh_sftp *sf, uint32_t request)
{
    struct sftp_request *r = find(sf, request);
    int kind;

    if (!r || r->cancelled || r->state == SFTP_FINISHED)
        return;
    kind = sftp_has_handle_op(r->op);
    if (r->state == SFTP_WAITING) {
        list_remove(&sf->waiting[kind], r);
        list_add(&sf->begun[kind], r);
    } else if (!kind) { /* it will have happened or not; the answer tells */
        return;
    }
    r->cancelled = true;
    r->complete = false;
    sftp_frames_drop(r);
    sftp_request_fail(r, IPN_ERR_CLOSED);
}
