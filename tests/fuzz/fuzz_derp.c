/*
 * A DERP server's bytes into the client. Input: [how to cut 1][flags 1], then with flags
 *
 *   0  the stream, in place of the login
 *   1  the stream, behind a genuine login
 *   2  steps behind a genuine login: [what 1][len 1][len bytes]
 *
 * what: below 0x80 a frame of that type with these bytes; else see step.
 */
#include <stdlib.h>

#include <string.h>

#include "derp/derp_client.h"
#include "derp/derp_frame.h"
#include "support/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { STEP_MS = 500 };

static struct relay relay;
static uint64_t now_ms;

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* False once the client is through with this server. */
static bool feed(struct derp_client *dc, const uint8_t *src, size_t len, size_t piece)
{
    struct derp_event ev;
    int rc = 0;
    for (size_t at = 0; at < len && rc == 0; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        uint8_t *input = malloc(n);
        must(input != NULL);
        memcpy(input, src + at, n);
        rc = derp_client_input(dc, input, n, now_ms);
        while (rc == 0 && (rc = derp_client_next(dc, &ev, now_ms)) == 1) {
            if (ev.len > 0)
                memset(ev.data, 0, ev.len); /* all of it is ours to change */
            must(ev.type != DERP_EVENT_READY || derp_client_ready(dc));
            rc = 0;
        }
        free(input);
        now_ms++;
        if (rc == 0)
            rc = derp_client_tick(dc, now_ms);
    }
    return rc == 0;
}

static void drain(struct derp_client *dc)
{
    const uint8_t *bytes;
    size_t n;
    while ((n = derp_client_output(dc, &bytes)) > 0)
        must(n <= DERP_MAX_MESSAGE);
}

static void log_in(struct derp_client *dc)
{
    const uint8_t *bytes;
    relay_free(&relay);
    relay_init(&relay);
    derp_client_open(dc, now_ms);
    int conn = relay_connect(&relay);
    struct buf *out = &relay.conns[conn].out;
    must(feed(dc, buf_head(out), out->len, out->len));
    buf_consume(out, out->len);
    size_t n = derp_client_output(dc, &bytes);
    relay_input(&relay, conn, bytes, n);
    must(feed(dc, buf_head(out), out->len, out->len));
    must(derp_client_ready(dc));
}

static void send_packet(struct derp_client *dc, const uint8_t *src, size_t len)
{
    static const struct node_public to = {{3}};
    size_t packet_len = len > 1 ? (size_t)src[0] << 8 | src[1] : len;
    uint8_t *room = derp_client_reserve(dc, &to, packet_len);
    if (!room)
        return;
    memset(room, 7, packet_len);
    derp_client_commit(dc);
}

/* True if the connection is to begin anew. */
static bool step(struct derp_client *dc, uint8_t what, const uint8_t *src, size_t len, size_t piece)
{
    uint8_t frame[DERP_HEADER_LEN + 255];
    if (what < 0x80) {
        derp_frame_header(frame, (enum derp_frame_type)what, len);
        memcpy(frame + DERP_HEADER_LEN, src, len);
        return !feed(dc, frame, DERP_HEADER_LEN + len, piece);
    }
    switch (what % 8) {
    case 0:
        now_ms += len * STEP_MS;
        return derp_client_tick(dc, now_ms) < 0;
    case 1:
        send_packet(dc, src, len);
        return false;
    case 2:
        drain(dc);
        return false;
    case 3:
        derp_client_close(dc);
        return true;
    case 4:
        derp_client_note_preferred(dc, len & 1);
        return false;
    case 5:
        derp_client_check(dc, now_ms);
        return false;
    case 6:
        return !feed(dc, src, len, piece);
    default: /* the frame of a packet whose rest comes, or not, by other steps */
        derp_frame_header(frame, DERP_FRAME_RECV_PACKET, len * 300);
        return !feed(dc, frame, DERP_HEADER_LEN, piece);
    }
}

static void steps(struct derp_client *dc, const uint8_t *data, size_t len, size_t piece)
{
    for (int i = 0; i < 200 && len >= 2; i++) {
        size_t n = data[1] < len - 2 ? data[1] : len - 2;
        if (step(dc, data[0], data + 2, n, piece))
            log_in(dc);
        must(derp_client_next_deadline(dc) > now_ms);
        data += 2 + n;
        len -= 2 + n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct node_private key;
    if (len < 2)
        return 0;
    size_t piece = data[0] ? data[0] : 4096;
    host_init(&(struct host_calls){.random_bytes = relay_random_bytes});
    relay_seed = 1;
    now_ms = 1000;
    relay_init(&relay);
    node_private_generate(&key);
    struct derp_client *dc = derp_client_new(&key);
    must(dc != NULL);
    if (data[1] & 3)
        log_in(dc);
    else
        derp_client_open(dc, now_ms);
    if (data[1] & 2)
        steps(dc, data + 2, len - 2, piece);
    else
        (void)feed(dc, data + 2, len - 2, piece);
    drain(dc);
    derp_client_free(dc);
    relay_free(&relay);
    return 0;
}
