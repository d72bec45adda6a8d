/*
 * Packets of SFTP version 3, both ways.
 *
 *   [length 4][type 1][id 4][...]      strings: [length 4][bytes]
 *   attributes: [flags 4][size 8][uid 4][gid 4][mode 4][atime 4][mtime 4], each if its flag is set,
 *   then [count 4] pairs of strings if flags has EXTENDED
 *
 * A packet goes into the output whole or not at all, so whatever is cancelled, the stream stays one
 * of whole packets.
 */
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_sftp_internal.h"

void sftp_put_u32(uint8_t **at, uint32_t value)
{
    store_be32(*at, value);
    *at += 4;
}

void sftp_put_u64(uint8_t **at, uint64_t value)
{
    store_be64(*at, value);
    *at += 8;
}

void sftp_put_string(uint8_t **at, const void *src, size_t len)
{
    sftp_put_u32(at, (uint32_t)len);
    if (len)
        memcpy(*at, src, len);
    *at += len;
}

struct sftp_call *sftp_call_new(struct sftp_request *r, uint8_t type, size_t len, uint8_t **at)
{
    struct ssh_sftp *sf = r->sf;
    struct sftp_call *call = calloc(1, sizeof *call);
    uint8_t *p = call ? buf_reserve(&sf->out, 9 + len) : NULL;

    if (!p) {
        free(call);
        sftp_no_memory(sf);
        return NULL;
    }
    buf_commit(&sf->out, 9 + len);
    call->owner = r;
    call->type = type;
    call->id = sf->next_id++;
    store_be32(p, (uint32_t)(5 + len));
    p[4] = type;
    store_be32(p + 5, call->id);
    *at = p + 9;
    *sf->calls_end = call;
    sf->calls_end = &call->next;
    r->unanswered++;
    return call;
}

struct sftp_call *sftp_call_path(struct sftp_request *r, uint8_t type, const char *path)
{
    size_t len = strlen(path);
    uint8_t *at;
    struct sftp_call *call = sftp_call_new(r, type, 4 + len, &at);

    if (call)
        sftp_put_string(&at, path, len);
    return call;
}

struct sftp_call *sftp_call_handle(struct sftp_request *r, uint8_t type)
{
    uint8_t *at;
    struct sftp_call *call = sftp_call_new(r, type, 4 + r->handle_len, &at);

    if (call)
        sftp_put_string(&at, r->handle, r->handle_len);
    return call;
}

/* ---- reading ---- */

bool sftp_get_u32(struct bytes *b, uint32_t *value)
{
    if (b->len < 4)
        return false;
    *value = load_be32(b->data);
    *b = (struct bytes){b->data + 4, b->len - 4};
    return true;
}

bool sftp_get_u64(struct bytes *b, uint64_t *value)
{
    if (b->len < 8)
        return false;
    *value = load_be64(b->data);
    *b = (struct bytes){b->data + 8, b->len - 8};
    return true;
}

bool sftp_get_string(struct bytes *b, struct bytes *value)
{
    uint32_t len;

    if (!sftp_get_u32(b, &len) || len > b->len)
        return false;
    *value = (struct bytes){b->data, len};
    *b = (struct bytes){b->data + len, b->len - len};
    return true;
}

bool sftp_get_attrs(struct bytes *b, uint8_t attrs[SSH_SFTP_ATTRS_LEN])
{
    const uint32_t extended = 0x80000000;
    uint32_t flags, uid = 0, gid = 0, mode = 0, atime = 0, mtime = 0, pairs = 0;
    uint64_t size = 0;
    struct bytes text;

    if (!sftp_get_u32(b, &flags) || ((flags & SFTP_ATTR_SIZE) && !sftp_get_u64(b, &size)) ||
        ((flags & SFTP_ATTR_UIDGID) && (!sftp_get_u32(b, &uid) || !sftp_get_u32(b, &gid))) ||
        ((flags & SFTP_ATTR_MODE) && !sftp_get_u32(b, &mode)) ||
        ((flags & SFTP_ATTR_TIMES) && (!sftp_get_u32(b, &atime) || !sftp_get_u32(b, &mtime))) ||
        ((flags & extended) && !sftp_get_u32(b, &pairs)))
        return false;
    while (pairs--) { /* a length that is too large ends it early */
        if (!sftp_get_string(b, &text) || !sftp_get_string(b, &text))
            return false;
    }
    memset(attrs, 0, SSH_SFTP_ATTRS_LEN);
    store_le32(attrs,
               flags & (SFTP_ATTR_SIZE | SFTP_ATTR_UIDGID | SFTP_ATTR_MODE | SFTP_ATTR_TIMES));
    store_le32(attrs + 4, mode);
    store_le64(attrs + 8, size);
    store_le32(attrs + 16, uid);
    store_le32(attrs + 20, gid);
    store_le32(attrs + 24, atime);
    store_le32(attrs + 28, mtime);
    return true;
}

bool sftp_get_status(struct sftp_request *r, struct bytes b, uint32_t *status)
{
    struct bytes text;

    if (!sftp_get_u32(&b, status)) {
        sftp_end(r->sf, IPN_ERR_PROTOCOL, "The SFTP server sent a status without a number.");
        return false;
    }
    /* Old servers leave the text out. */
    if (*status != SSH_SFTP_OK && *status != SSH_SFTP_EOF && !r->failed &&
        sftp_get_string(&b, &text))
        sftp_clean(r->server_text, sizeof r->server_text, text);
    return true;
}

void sftp_bad_answer(struct ssh_sftp *sf, const struct sftp_call *call, uint8_t type)
{
    sftp_end(sf, IPN_ERR_PROTOCOL,
             "The SFTP server answered packet type %d with a damaged type %d.", call->type, type);
}

void sftp_frame_keep(struct sftp_request *r, struct sftp_frame *frame, struct bytes part)
{
    frame->at = (size_t)(part.data - frame->data);
    frame->end = frame->at + part.len;
    frame->next = NULL;
    *r->frames_end = frame;
    r->frames_end = &frame->next;
    r->frame_count++;
}

void sftp_frames_drop(struct sftp_request *r)
{
    struct sftp_frame *frame;

    while ((frame = r->frames)) {
        r->frames = frame->next;
        free(frame);
    }
    r->frames_end = &r->frames;
    r->frame_count = 0;
}

/* ---- frames in ---- */

/* [version 4] pairs of strings: the extensions */
static void hello(struct ssh_sftp *sf, struct bytes b)
{
    uint32_t version;
    struct bytes name, value;

    if (!sftp_get_u32(&b, &version) || version < SFTP_VERSION) {
        sftp_end(sf, IPN_ERR_PROTOCOL,
                 "The server speaks an SFTP older than version 3, which is needed here.");
        return;
    }
    while (b.len && sftp_get_string(&b, &name) && sftp_get_string(&b, &value)) {
        if (name.len == 24 && memcmp(name.data, "posix-rename@openssh.com", 24) == 0)
            sf->posix_rename = true;
    }
    sf->ready = true;
}

static struct sftp_call *take_call(struct ssh_sftp *sf, uint32_t id)
{
    struct sftp_call **at = &sf->calls, *call;

    while (*at && (*at)->id != id)
        at = &(*at)->next;
    call = *at;
    if (!call)
        return NULL;
    *at = call->next;
    if (!call->next)
        sf->calls_end = at;
    call->next = NULL;
    call->owner->unanswered--;
    return call;
}

/* True if the frame was kept. */
static bool answer(struct sftp_call *call, struct sftp_frame *frame)
{
    struct bytes b = {frame->data + 5, frame->len - 5};

    if (call->dropped) {
        free(call);
        return false;
    }
    if (call->type == FXP_OPEN || call->type == FXP_OPENDIR)
        return sftp_handle_answer(call, frame, b);
    if (call->type == FXP_CLOSE)
        return sftp_close_answer(call, frame, b);
    switch (call->owner->op) {
    case SSH_SFTP_READ:
        return sftp_read_answer(call, frame, b);
    case SSH_SFTP_WRITE:
        return sftp_write_answer(call, frame, b);
    case SSH_SFTP_LIST:
        return sftp_list_answer(call, frame, b);
    default:
        return sftp_simple_answer(call, frame, b);
    }
}

/* True if the frame was kept. */
static bool frame_in(struct ssh_sftp *sf, struct sftp_frame *frame)
{
    struct sftp_request *r;
    struct sftp_call *call;
    bool kept;

    if (!sf->ready) {
        if (frame->data[0] == FXP_VERSION)
            hello(sf, (struct bytes){frame->data + 1, frame->len - 1});
        else
            sftp_end(sf, IPN_ERR_PROTOCOL, "What answers on the server's side is no SFTP server.");
        return false;
    }
    call = take_call(sf, load_be32(frame->data + 1));
    if (!call) {
        sftp_end(sf, IPN_ERR_PROTOCOL, "The SFTP server answered a question nobody asked.");
        return false;
    }
    r = call->owner;
    kept = answer(call, frame);
    if (r->state == SFTP_DRAINING)
        sftp_request_settle(r);
    return kept;
}

/* A length that no packet has. Before the first packet it is text, mostly: a login script's. */
static void bad_length(struct ssh_sftp *sf, uint32_t len)
{
    char said[5];

    sftp_clean(said, sizeof said, (struct bytes){sf->head, 4});
    if (!sf->ready && strlen(said) == 4 && !strchr(said, '?'))
        sftp_end(sf, IPN_ERR_PROTOCOL,
                 "The server prints text (\"%s...\") where SFTP should begin: a login script of "
                 "this user (.bashrc or the like) must not print anything.",
                 said);
    else
        sftp_end(sf, IPN_ERR_PROTOCOL, "The SFTP server sent a packet of %u bytes.", (unsigned)len);
}

static bool frame_begin(struct ssh_sftp *sf)
{
    uint32_t len = load_be32(sf->head);

    if (len < 5 || len > SFTP_MAX_PACKET_LEN) {
        bad_length(sf, len);
        return false;
    }
    sf->frame = malloc(sizeof *sf->frame + len);
    if (!sf->frame) {
        sftp_no_memory(sf);
        return false;
    }
    *sf->frame = (struct sftp_frame){.len = len};
    sf->frame_at = 0;
    return true;
}

bool ssh_sftp_input(struct ssh_sftp *sf, const uint8_t *src, size_t len)
{
    while (len && !sf->ended) {
        struct sftp_frame *frame = sf->frame;
        size_t n;

        if (!frame) {
            sf->head[sf->head_len++] = *src++;
            len--;
            if (sf->head_len == 4 && frame_begin(sf))
                sf->head_len = 0;
            continue;
        }
        n = frame->len - sf->frame_at < len ? frame->len - sf->frame_at : len;
        memcpy(frame->data + sf->frame_at, src, n);
        sf->frame_at += n;
        src += n;
        len -= n;
        if (sf->frame_at < frame->len)
            break;
        sf->frame = NULL;
        if (!frame_in(sf, frame))
            free(frame);
    }
    return !sf->ended;
}
