/*
 * HTTP/2 by nghttp2. Its callbacks are turned into the three of struct control_h2_handler, and its
 * errors into ours; it never sees a socket.
 */
#include "control/control_h2.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum {
    /* A map of thousands of nodes must not wait for window updates; we take every byte at once,
     * so a window costs no memory. */
    STREAM_WINDOW = 4 << 20,
    CONNECTION_WINDOW = 8 << 20,
    MAX_HEADER_LIST = 16 << 10, /* answers have five short headers */
    MAX_EARLY_PAYLOAD = 64 << 10, /* a challenge key in JSON: 100 bytes */
};

#define EARLY_MAGIC "\xff\xff\xffTS"
enum { EARLY_MAGIC_LEN = 5, EARLY_HEADER_LEN = 9 };

/* One request on its way: the body to send, and what is known of the answer. */
struct exchange {
    struct exchange *next;
    int32_t stream;
    int status, retry_after_s;
    size_t at, len;
    uint8_t body[];
};

struct control_h2 {
    nghttp2_session *session;
    struct control_h2_handler handler;
    struct exchange *exchanges;
    char *authority;
    bool ping_pending;
    bool broken; /* we ended the connection for an error of the server's */
    bool early_done;
    uint8_t early[EARLY_HEADER_LEN];
    size_t early_len; /* of the header */
    size_t early_skip; /* payload bytes still to be skipped */
};

static struct exchange *find_exchange(struct control_h2 *h2, int32_t stream)
{
    struct exchange *x = h2->exchanges;

    while (x != NULL && x->stream != stream)
        x = x->next;
    return x;
}

static void drop_exchange(struct control_h2 *h2, struct exchange *x)
{
    struct exchange **at = &h2->exchanges;

    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    wipe(x->body, x->len); /* may hold an auth key */
    free(x);
}

/* nghttp2's callbacks */

static nghttp2_ssize read_body(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t len,
                               uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct exchange *x = source->ptr;
    size_t n = x->len - x->at < len ? x->len - x->at : len;

    (void)session, (void)stream, (void)user;
    memcpy(buf, x->body + x->at, n);
    x->at += n;
    if (x->at == x->len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (nghttp2_ssize)n;
}

/* A number of at most nine digits, or -1. */
static int parse_number(const uint8_t *text, size_t len)
{
    int n = 0;

    if (len == 0 || len > 9)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        n = n * 10 + (text[i] - '0');
    }
    return n;
}

static bool is_header(const char *want, const uint8_t *name, size_t len)
{
    return strlen(want) == len && memcmp(want, name, len) == 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct exchange *x = find_exchange(user, frame->hd.stream_id);

    (void)session, (void)flags;
    if (x == NULL)
        return 0;
    if (is_header(":status", name, name_len))
        x->status = parse_number(value, value_len);
    else if (is_header("retry-after", name, name_len))
        x->retry_after_s = parse_number(value, value_len);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct control_h2 *h2 = user;
    struct exchange *x;

    (void)session;
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
        h2->ping_pending = false;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    x = find_exchange(h2, frame->hd.stream_id);
    if (x != NULL && x->status >= 200 && frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        int status = x->status;

        x->status = 0; /* once: trailers have none */
        h2->handler.head(h2->handler.user, x->stream, status, x->retry_after_s);
    }
    return 0;
}

/* nghttp2 answers what it cannot read with a GOAWAY that says why. */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct control_h2 *h2 = user;

    (void)session;
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
        h2->broken = true;
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t len, void *user)
{
    struct control_h2 *h2 = user;

    (void)session, (void)flags;
    if (find_exchange(h2, stream) != NULL)
        h2->handler.data(h2->handler.user, stream, data, len);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    struct control_h2 *h2 = user;
    struct exchange *x = find_exchange(h2, stream);

    (void)session;
    if (x == NULL)
        return 0;
    drop_exchange(h2, x);
    h2->handler.end(h2->handler.user, stream, code == NGHTTP2_NO_ERROR);
    return 0;
}

static int make_session(struct control_h2 *h2)
{
    nghttp2_session_callbacks *cbs;
    nghttp2_option *option;
    int err = IPN_ERR_NOMEM;

    if (nghttp2_session_callbacks_new(&cbs) != 0)
        return IPN_ERR_NOMEM;
    nghttp2_session_callbacks_set_on_header_callback(cbs, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cbs, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(cbs, on_sent);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cbs, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cbs, on_close);
    if (nghttp2_option_new(&option) == 0) {
        nghttp2_option_set_no_closed_streams(option, 1);
        if (nghttp2_session_client_new2(&h2->session, cbs, h2, option) == 0)
            err = 0;
        nghttp2_option_del(option);
    }
    nghttp2_session_callbacks_del(cbs);
    return err;
}

static int submit_settings(struct control_h2 *h2)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, MAX_HEADER_LIST},
    };

    if (nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings,
                                sizeof settings / sizeof *settings) != 0)
        return IPN_ERR_NOMEM;
    if (nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
                                              CONNECTION_WINDOW) != 0)
        return IPN_ERR_NOMEM;
    return 0;
}

struct control_h2 *control_h2_new(const struct control_h2_handler *handler, const char *authority)
{
    struct control_h2 *h2 = calloc(1, sizeof *h2);
    size_t len = strlen(authority) + 1;

    if (h2 == NULL)
        return NULL;
    h2->handler = *handler;
    h2->authority = malloc(len);
    if (h2->authority != NULL)
        memcpy(h2->authority, authority, len);
    if (h2->authority == NULL || make_session(h2) < 0 || submit_settings(h2) < 0) {
        control_h2_free(h2);
        return NULL;
    }
    return h2;
}

void control_h2_free(struct control_h2 *h2)
{
    if (h2 == NULL)
        return;
    nghttp2_session_del(h2->session); /* calls nothing back */
    while (h2->exchanges != NULL)
        drop_exchange(h2, h2->exchanges);
    free(h2->authority);
    free(h2);
}

static nghttp2_nv header(const char *name, const char *value)
{
    nghttp2_nv nv = {(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                     strlen(value), NGHTTP2_NV_FLAG_NONE};

    return nv;
}

int32_t control_h2_post(struct control_h2 *h2, const char *path, const uint8_t *body, size_t len)
{
    struct exchange *x = malloc(sizeof *x + len);
    char content_length[24];
    nghttp2_data_provider2 provider = {.source.ptr = x, .read_callback = read_body};
    int32_t stream;

    if (x == NULL)
        return IPN_ERR_NOMEM;
    if (nghttp2_session_check_request_allowed(h2->session) == 0) { /* GOAWAY */
        free(x);
        return IPN_ERR_CLOSED;
    }
    *x = (struct exchange){.retry_after_s = -1, .len = len};
    memcpy(x->body, body, len);
    snprintf(content_length, sizeof content_length, "%zu", len);

    const nghttp2_nv headers[] = {
        header(":method", "POST"),
        header(":scheme", "https"),
        header(":authority", h2->authority),
        header(":path", path),
        header("content-type", "application/json"),
        header("content-length", content_length),
    };
    stream = nghttp2_submit_request2(h2->session, NULL, headers, sizeof headers / sizeof *headers,
                                     &provider, NULL);
    x->stream = stream;
    x->next = h2->exchanges;
    h2->exchanges = x;
    if (stream < 0) {
        drop_exchange(h2, x);
        return stream == NGHTTP2_ERR_NOMEM ? IPN_ERR_NOMEM : IPN_ERR_CLOSED;
    }
    return stream;
}

void control_h2_cancel(struct control_h2 *h2, int32_t stream)
{
    nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
}

void control_h2_ping(struct control_h2 *h2)
{
    if (!h2->ping_pending && nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL) == 0)
        h2->ping_pending = true;
}

bool control_h2_ping_pending(const struct control_h2 *h2)
{
    return h2->ping_pending;
}

/* Takes what belongs to an early payload off the front; true when HTTP/2 may have the rest. The
 * bytes of a header that turns out to be none go to nghttp2 from h2->early. */
static int skip_early(struct control_h2 *h2, const uint8_t **data, size_t *len)
{
    while (!h2->early_done && h2->early_len < EARLY_HEADER_LEN && *len > 0) {
        h2->early[h2->early_len++] = *(*data)++;
        --*len;
        if (h2->early_len <= EARLY_MAGIC_LEN && memcmp(h2->early, EARLY_MAGIC, h2->early_len) != 0)
            h2->early_done = true;
    }
    if (h2->early_done || h2->early_len < EARLY_HEADER_LEN)
        return 0;
    h2->early_done = true;
    h2->early_len = 0;
    h2->early_skip = load_be32(h2->early + EARLY_MAGIC_LEN);
    return h2->early_skip > MAX_EARLY_PAYLOAD ? IPN_ERR_PROTOCOL : 0;
}

/* 0, or why nothing more will come. */
static int closed(const struct control_h2 *h2)
{
    if (nghttp2_session_want_read(h2->session) != 0 || nghttp2_session_want_write(h2->session) != 0)
        return 0;
    return h2->broken ? IPN_ERR_PROTOCOL : IPN_ERR_CLOSED;
}

static int receive(struct control_h2 *h2, const uint8_t *data, size_t len)
{
    nghttp2_ssize n = nghttp2_session_mem_recv2(h2->session, data, len);

    if (n < 0)
        return n == NGHTTP2_ERR_NOMEM ? IPN_ERR_NOMEM : IPN_ERR_PROTOCOL;
    return closed(h2);
}

int control_h2_input(struct control_h2 *h2, const uint8_t *data, size_t len)
{
    int err = skip_early(h2, &data, &len);
    size_t skip;

    if (err < 0 || !h2->early_done)
        return err;
    if (h2->early_len > 0) {
        err = receive(h2, h2->early, h2->early_len);
        h2->early_len = 0;
        if (err < 0)
            return err;
    }
    skip = h2->early_skip < len ? h2->early_skip : len;
    h2->early_skip -= skip;
    return len > skip ? receive(h2, data + skip, len - skip) : 0;
}

int control_h2_output(struct control_h2 *h2, const uint8_t **bytes)
{
    nghttp2_ssize n = nghttp2_session_mem_send2(h2->session, bytes);

    if (n < 0)
        return n == NGHTTP2_ERR_NOMEM ? IPN_ERR_NOMEM : IPN_ERR_PROTOCOL;
    return n > 0 ? (int)n : closed(h2); /* one frame */
}
