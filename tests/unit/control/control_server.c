#include "control_server.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "crypto/aead.h"
#include "crypto/dh.h"

enum { MAX_PLAIN = 4077, TAG = 16 };

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* HTTP/2 */

static struct server_request *find_stream(struct control_server *s, int32_t stream)
{
    for (size_t i = 0; i < s->request_count; i++)
        if (s->requests[i].stream == stream)
            return &s->requests[i];
    return NULL;
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct control_server *s = user;
    struct server_request *r = &s->requests[s->request_count];

    (void)session;
    must(s->request_count < SERVER_MAX_REQUESTS);
    s->request_count++;
    memset(r, 0, sizeof *r);
    r->stream = frame->hd.stream_id;
    buf_init(&r->body, 1 << 20);
    buf_init(&r->answer, 64 << 20);
    return 0;
}

static void copy_text(char *dst, size_t cap, const uint8_t *src, size_t len)
{
    snprintf(dst, cap, "%.*s", (int)len, (const char *)src);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct server_request *r = find_stream(user, frame->hd.stream_id);

    (void)session, (void)flags;
    must(r != NULL);
    if (name_len == 5 && memcmp(name, ":path", 5) == 0)
        copy_text(r->path, sizeof r->path, value, value_len);
    if (name_len == 10 && memcmp(name, ":authority", 10) == 0)
        copy_text(r->authority, sizeof r->authority, value, value_len);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t len, void *user)
{
    struct server_request *r = find_stream(user, stream);

    (void)session, (void)flags;
    must(r != NULL && buf_append(&r->body, data, len) == 0);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct control_server *s = user;
    struct server_request *r = find_stream(s, frame->hd.stream_id);

    (void)session;
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
        s->pings++;
    if (r != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        must(buf_append(&r->body, "", 1) == 0); /* a string now */
        r->whole = true;
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    struct server_request *r = find_stream(user, stream);

    (void)session;
    if (r != NULL && code != NGHTTP2_NO_ERROR)
        r->reset = true;
    return 0;
}

static nghttp2_ssize read_answer(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t len,
                                 uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct server_request *r = find_stream(user, stream);
    size_t n = r->answer.len < len ? r->answer.len : len;

    (void)session, (void)source;
    if (n == 0 && !r->answer_ends)
        return NGHTTP2_ERR_DEFERRED;
    memcpy(buf, n == 0 ? (uint8_t *)"" : buf_head(&r->answer), n);
    buf_consume(&r->answer, n);
    if (r->answer.len == 0 && r->answer_ends)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (nghttp2_ssize)n;
}

static void start_session(struct control_server *s)
{
    nghttp2_session_callbacks *cbs;

    must(nghttp2_session_callbacks_new(&cbs) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cbs, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(cbs, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cbs, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cbs, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(cbs, on_close);
    must(nghttp2_session_server_new(&s->session, cbs, s) == 0);
    nghttp2_session_callbacks_del(cbs);
    must(nghttp2_submit_settings(s->session, NGHTTP2_FLAG_NONE, NULL, 0) == 0);
}

static void flush(struct control_server *s)
{
    const uint8_t *bytes;
    nghttp2_ssize n;

    while ((n = nghttp2_session_mem_send2(s->session, &bytes)) > 0)
        for (size_t at = 0; at < (size_t)n; at += MAX_PLAIN)
            server_record(s, bytes + at, (size_t)n - at < MAX_PLAIN ? (size_t)n - at : MAX_PLAIN);
    must(n == 0);
}

/* Noise */

void server_init(struct control_server *s)
{
    memset(s, 0, sizeof *s);
    machine_private_generate(&s->key);
    machine_public_derive(&s->public_key, &s->key);
    buf_init(&s->rx, 1 << 20);
    buf_init(&s->out, 64 << 20);
}

static void forget(struct control_server *s)
{
    nghttp2_session_del(s->session);
    s->session = NULL;
    for (size_t i = 0; i < s->request_count; i++) {
        buf_wipe(&s->requests[i].body);
        buf_wipe(&s->requests[i].answer);
    }
    s->request_count = 0;
    s->tx_counter = s->rx_counter = 0;
    buf_wipe(&s->rx);
    buf_wipe(&s->out);
}

void server_free(struct control_server *s)
{
    forget(s);
}

static size_t unescape(char *out, const char *text)
{
    size_t len = 0;

    for (; *text != '\0'; text++) {
        uint8_t c = (uint8_t)*text;

        if (c == '%') {
            must(hex_decode(&c, 1, text + 1) == 0);
            text += 2;
        }
        must(len < 200);
        out[len++] = (char)c;
    }
    return len;
}

bool server_accept(struct control_server *s, const char *path)
{
    static const char query[] = "/ts2021?X-Tailscale-Handshake=";
    uint8_t m[101], response[51] = {2, 0, 48}, private[32];
    struct noise_symmetric h;
    char base64[200], prologue[64];

    must(strncmp(path, query, sizeof query - 1) == 0);
    must(base64_decode(m, sizeof m, base64, unescape(base64, path + sizeof query - 1)) == 101);
    must(m[2] == 1 && m[3] == 0 && m[4] == 96);
    forget(s);
    s->client_version = load_be16(m);
    snprintf(prologue, sizeof prologue, "Tailscale Control Protocol v%u", s->client_version);
    noise_symmetric_init(&h, "Noise_IK_25519_ChaChaPoly_BLAKE2s");
    noise_mix_hash(&h, (uint8_t *)prologue, strlen(prologue));
    noise_mix_hash(&h, s->public_key.b, 32);
    noise_mix_hash(&h, m + 5, 32);
    if (!noise_mix_dh(&h, s->key.b, m + 5) ||
        !noise_decrypt_and_hash(&h, s->client.b, m + 37, 48) ||
        !noise_mix_dh(&h, s->key.b, s->client.b) ||
        !noise_decrypt_and_hash(&h, private, m + 85, 16))
        return false;
    dh_generate(private, response + 3);
    noise_mix_hash(&h, response + 3, 32);
    must(noise_mix_dh(&h, private, m + 5) && noise_mix_dh(&h, private, s->client.b));
    noise_encrypt_and_hash(&h, response + 35, NULL, 0);
    noise_split(&h, s->rx_key, s->tx_key);
    must(buf_append(&s->out, response, sizeof response) == 0);
    start_session(s);
    return true;
}

void server_record(struct control_server *s, const void *data, size_t len)
{
    uint8_t nonce[AEAD_NONCE_LEN], *record = buf_reserve(&s->out, len + 3 + TAG);

    must(record != NULL && len <= MAX_PLAIN);
    record[0] = 4;
    store_be16(record + 1, (uint16_t)(len + TAG));
    aead_nonce_be(nonce, s->tx_counter++);
    aead_seal(record + 3, data, len, NULL, 0, nonce, s->tx_key);
    buf_commit(&s->out, len + 3 + TAG);
}

void server_input(struct control_server *s, const uint8_t *data, size_t len)
{
    if (len > s->biggest_message)
        s->biggest_message = len;
    must(buf_append(&s->rx, data, len) == 0);
    while (!s->broken && s->rx.len >= 3 &&
           s->rx.len >= 3 + (size_t)load_be16(buf_head(&s->rx) + 1)) {
        uint8_t *record = buf_head(&s->rx), nonce[AEAD_NONCE_LEN];
        size_t cipher_len = load_be16(record + 1);

        aead_nonce_be(nonce, s->rx_counter++);
        s->broken = record[0] != 4 || cipher_len > 4093 ||
                    !aead_open(record + 3, record + 3, cipher_len, NULL, 0, nonce, s->rx_key) ||
                    nghttp2_session_mem_recv2(s->session, record + 3, cipher_len - TAG) < 0;
        buf_consume(&s->rx, 3 + cipher_len);
    }
    if (!s->broken)
        flush(s);
}

/* Scripting */

struct server_request *server_find(struct control_server *s, const char *path, const char *part,
                                   size_t n)
{
    for (size_t i = 0; i < s->request_count; i++) {
        struct server_request *r = &s->requests[i];

        if (r->whole && strcmp(r->path, path) == 0 &&
            strstr((char *)buf_head(&r->body), part) != NULL && n-- == 0)
            return r;
    }
    return NULL;
}

void server_head(struct control_server *s, struct server_request *r, int status,
                 const char *retry_after, bool end)
{
    char number[8];
    nghttp2_nv headers[] = {
        {(uint8_t *)":status", (uint8_t *)number, 7, 3, NGHTTP2_NV_FLAG_NONE},
        {(uint8_t *)"retry-after", (uint8_t *)(uintptr_t)retry_after, 11,
         retry_after == NULL ? 0 : strlen(retry_after), NGHTTP2_NV_FLAG_NONE},
    };
    nghttp2_data_provider2 provider = {.read_callback = read_answer};

    snprintf(number, sizeof number, "%03d", status);
    r->answered = true;
    r->answer_ends = end;
    must(nghttp2_submit_response2(s->session, r->stream, headers, retry_after == NULL ? 1 : 2,
                                  &provider) == 0);
    flush(s);
}

void server_body(struct control_server *s, struct server_request *r, const void *data, size_t len,
                 bool end)
{
    must(buf_append(&r->answer, data, len) == 0);
    r->answer_ends = end;
    nghttp2_session_resume_data(s->session, r->stream);
    flush(s);
}

void server_answer(struct control_server *s, struct server_request *r, int status, const char *text)
{
    must(buf_append(&r->answer, text, strlen(text)) == 0);
    server_head(s, r, status, NULL, true);
}

void server_reset(struct control_server *s, struct server_request *r)
{
    nghttp2_submit_rst_stream(s->session, NGHTTP2_FLAG_NONE, r->stream, NGHTTP2_INTERNAL_ERROR);
    flush(s);
}

void server_goaway(struct control_server *s)
{
    nghttp2_session_terminate_session(s->session, NGHTTP2_NO_ERROR);
    flush(s);
}

size_t server_frame(uint8_t *out, const void *json, size_t len)
{
    static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd, 0xa0}; /* single segment, 4-byte size */
    enum { BLOCK = 64 << 10 };
    size_t at = 4, from = 0;

    memcpy(out + at, magic, sizeof magic);
    store_le32(out + at + 5, (uint32_t)len);
    at += 9;
    do {
        size_t n = len - from < BLOCK ? len - from : BLOCK;
        uint32_t header = (from + n == len) | (uint32_t)n << 3; /* [last 1][raw 2][size 21] */

        out[at++] = (uint8_t)header;
        out[at++] = (uint8_t)(header >> 8);
        out[at++] = (uint8_t)(header >> 16);
        memcpy(out + at, (const uint8_t *)json + from, n);
        at += n;
        from += n;
    } while (from < len);
    store_le32(out, (uint32_t)(at - 4));
    return at;
}

void server_map(struct control_server *s, struct server_request *r, const char *json)
{
    size_t len = strlen(json);
    uint8_t *frame = malloc(len + 64 + len / 1024);

    must(frame != NULL);
    server_body(s, r, frame, server_frame(frame, json, len), false);
    free(frame);
}
