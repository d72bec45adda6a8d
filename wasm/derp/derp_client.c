/*
 * One DERP connection as a state machine over a byte stream.
 *
 *   open > [ServerKey] > we send ClientInfo, packets may follow at once > [ServerInfo] > READY
 *
 * The server reads our packets as soon as it has admitted us, so those queued behind ClientInfo
 * save the round trip of ServerInfo. Liveness: a Ping every 25 s, and while somebody waits for bytes
 * (eager) after 5 s without one; whatever arrives after it counts as an answer, since a server
 * answers one Ping at a time and drops the others.
 */
#include "derp/derp_client.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/host.h"
#include "derp/derp_frame.h"

enum {
    LOGIN_TIMEOUT_MS = 7 * 1000,
    PING_INTERVAL_MS = 25 * 1000, /* some proxies cut after 60 s of silence */
    PONG_TIMEOUT_MS = 10 * 1000,
    /* Together below the 10 s within which a dead connection is to be noticed. */
    EAGER_SILENCE_MS = 5 * 1000,
    EAGER_TIMEOUT_MS = 4 * 1000,
    CHECK_TIMEOUT_MS = 1500, /* and four round trips of before, or twice as long */
    /* A tick this late says that we slept, not that the server did: what it sent may lie unread in
     * the socket, so it gets a little more time. */
    LATE_MS = 1000,
    LATE_GRACE_MS = 2000,
    /* Room beyond DERP_MAX_QUEUED so that login, pings and pongs never wait for packets. */
    CONTROL_ROOM = 4096,
};

enum derp_state {
    DERP_CLOSED,
    DERP_EXPECT_SERVER_KEY,
    DERP_EXPECT_SERVER_INFO,
    DERP_READY,
};

struct derp_client {
    struct node_private key;
    struct node_public public_key;
    uint8_t shared[BOX_SHARED_LEN];
    enum derp_state state;
    struct derp_reader reader;

    struct buf out;
    size_t sent_len; /* handed out by the last output, to be dropped */
    size_t reserved_len; /* of the frame being filled */
    bool preferred;

    uint64_t answer_deadline_ms; /* of the login, later of a ping */
    bool graced; /* that deadline was moved once because we slept */
    bool eager;
    uint64_t heard_ms;
    uint64_t next_ping_ms, ping_sent_ms;
    uint8_t ping[DERP_PING_LEN];
    bool ping_unanswered;
    int rtt_ms;
};

struct derp_client *derp_client_new(const struct node_private *key)
{
    struct derp_client *dc = calloc(1, sizeof *dc);
    if (!dc)
        return NULL;
    dc->key = *key;
    node_public_derive(&dc->public_key, key);
    derp_reader_init(&dc->reader);
    buf_init(&dc->out, DERP_MAX_QUEUED + CONTROL_ROOM);
    derp_client_close(dc);
    return dc;
}

void derp_client_free(struct derp_client *dc)
{
    if (!dc)
        return;
    derp_client_close(dc);
    wipe(dc, sizeof *dc);
    free(dc);
}

void derp_client_close(struct derp_client *dc)
{
    derp_reader_wipe(&dc->reader);
    buf_wipe(&dc->out);
    wipe(dc->shared, sizeof dc->shared);
    dc->sent_len = 0;
    dc->reserved_len = 0;
    dc->answer_deadline_ms = NEVER;
    dc->next_ping_ms = NEVER;
    dc->ping_unanswered = false;
    dc->rtt_ms = -1;
    dc->state = DERP_CLOSED;
}

static void await_answer(struct derp_client *dc, uint64_t deadline_ms)
{
    dc->answer_deadline_ms = deadline_ms;
    dc->graced = false;
}

void derp_client_open(struct derp_client *dc, uint64_t now_ms)
{
    derp_client_close(dc);
    await_answer(dc, now_ms + LOGIN_TIMEOUT_MS);
    dc->heard_ms = now_ms;
    dc->state = DERP_EXPECT_SERVER_KEY;
}

/* The last output was sent: its bytes are nobody's any more. */
static void drop_sent(struct derp_client *dc)
{
    if (dc->sent_len > 0)
        buf_consume(&dc->out, dc->sent_len);
    dc->sent_len = 0;
}

/* Queues a whole control frame. One that finds no room is dropped: only a peer that floods us
 * with pings while our socket is stuck gets there. */
static void put_frame(struct derp_client *dc, enum derp_frame_type type, const uint8_t *body,
                      size_t len)
{
    drop_sent(dc);
    uint8_t *at = buf_reserve(&dc->out, DERP_HEADER_LEN + len);
    if (!at)
        return;
    derp_frame_header(at, type, len);
    memcpy(at + DERP_HEADER_LEN, body, len);
    buf_commit(&dc->out, DERP_HEADER_LEN + len);
}

static uint64_t pong_timeout_ms(const struct derp_client *dc)
{
    return dc->eager ? EAGER_TIMEOUT_MS : PONG_TIMEOUT_MS;
}

static void send_ping(struct derp_client *dc, uint64_t now_ms, uint64_t timeout_ms)
{
    host_random(dc->ping, sizeof dc->ping);
    put_frame(dc, DERP_FRAME_PING, dc->ping, sizeof dc->ping);
    dc->ping_sent_ms = now_ms;
    dc->ping_unanswered = true;
    dc->next_ping_ms = now_ms + PING_INTERVAL_MS;
    await_answer(dc, now_ms + timeout_ms);
}

static void put_preferred(struct derp_client *dc)
{
    uint8_t body = dc->preferred ? 1 : 0;
    put_frame(dc, DERP_FRAME_NOTE_PREFERRED, &body, 1);
}

static int handle_server_key(struct derp_client *dc, const struct derp_frame *frame)
{
    struct node_public server_key;
    uint8_t nonce[BOX_NONCE_LEN], info[DERP_CLIENT_INFO_CAP];
    if (frame->type != DERP_FRAME_SERVER_KEY)
        return IPN_ERR_PROTOCOL;
    if (derp_frame_parse_server_key(&server_key, frame->body, frame->len) < 0)
        return IPN_ERR_PROTOCOL;
    if (!box_precompute(dc->shared, server_key.b, dc->key.b))
        return IPN_ERR_CRYPTO;
    host_random(nonce, sizeof nonce);
    size_t len = derp_frame_client_info(info, &dc->public_key, nonce, dc->shared);
    if (buf_append(&dc->out, info, len) < 0)
        return IPN_ERR_NOMEM;
    if (dc->preferred)
        put_preferred(dc);
    dc->state = DERP_EXPECT_SERVER_INFO;
    return 0;
}

static int handle_server_info(struct derp_client *dc, const struct derp_frame *frame,
                              struct derp_event *ev, uint64_t now_ms)
{
    if (!derp_frame_open_server_info(frame->body, frame->len, dc->shared))
        return IPN_ERR_CRYPTO;
    wipe(dc->shared, sizeof dc->shared);
    send_ping(dc, now_ms, pong_timeout_ms(dc)); /* for the round trip */
    ev->type = DERP_EVENT_READY;
    dc->state = DERP_READY;
    return 1;
}

static void handle_pong(struct derp_client *dc, const struct derp_frame *frame, uint64_t now_ms)
{
    if (!dc->ping_unanswered || frame->len < DERP_PING_LEN)
        return;
    if (!bytes_equal(frame->body, dc->ping, DERP_PING_LEN))
        return;
    dc->ping_unanswered = false;
    dc->rtt_ms = now_ms - dc->ping_sent_ms > INT32_MAX ? -1 : (int)(now_ms - dc->ping_sent_ms);
}

/* An event whose body begins with a node's key; the rest is its data. */
static bool event_from(struct derp_event *ev, enum derp_event_type type,
                       const struct derp_frame *frame)
{
    if (frame->len < KEY_LEN)
        return false;
    memcpy(ev->from.b, frame->body, KEY_LEN);
    ev->data = frame->body + KEY_LEN;
    ev->len = frame->len - KEY_LEN;
    ev->type = type;
    return true;
}

/* A frame of a connection that is up: 1 with an event, 0 if there is nothing to tell. Frames that
 * are too short or unknown are skipped, as Tailscale's client does. */
static int handle_frame(struct derp_client *dc, const struct derp_frame *frame,
                        struct derp_event *ev, uint64_t now_ms)
{
    switch (frame->type) {
    case DERP_FRAME_RECV_PACKET:
        return event_from(ev, DERP_EVENT_PACKET, frame);
    case DERP_FRAME_PEER_GONE:
        if (!event_from(ev, DERP_EVENT_PEER_GONE, frame))
            return 0;
        ev->reason = ev->len > 0 ? ev->data[0] : 0; /* old servers send none */
        return 1;
    case DERP_FRAME_PING:
        if (frame->len >= DERP_PING_LEN)
            put_frame(dc, DERP_FRAME_PONG, frame->body, DERP_PING_LEN);
        return 0;
    case DERP_FRAME_PONG:
        handle_pong(dc, frame, now_ms);
        return 0;
    case DERP_FRAME_HEALTH:
        ev->type = DERP_EVENT_HEALTH;
        ev->data = frame->body;
        ev->len = frame->len;
        return 1;
    case DERP_FRAME_RESTARTING:
        if (frame->len < 8)
            return 0;
        ev->type = DERP_EVENT_RESTARTING;
        return 1;
    default:
        return 0;
    }
}

int derp_client_input(struct derp_client *dc, uint8_t *data, size_t len, uint64_t now_ms)
{
    if (dc->state == DERP_CLOSED)
        return IPN_ERR_STATE;
    if (dc->state == DERP_READY && len > 0)
        dc->answer_deadline_ms = NEVER;
    dc->heard_ms = now_ms;
    return derp_reader_input(&dc->reader, data, len);
}

int derp_client_next(struct derp_client *dc, struct derp_event *ev, uint64_t now_ms)
{
    int rv = 0;
    struct derp_frame frame;
    memset(ev, 0, sizeof *ev);
    if (dc->state == DERP_CLOSED)
        return 0;
    while (rv == 0) {
        rv = derp_reader_next(&dc->reader, &frame);
        if (rv <= 0)
            break;
        if (dc->state == DERP_EXPECT_SERVER_KEY) {
            rv = handle_server_key(dc, &frame);
        } else if (dc->state == DERP_READY) {
            rv = handle_frame(dc, &frame, ev, now_ms);
        } else {
            bool info = frame.type == DERP_FRAME_SERVER_INFO;
            rv = info ? handle_server_info(dc, &frame, ev, now_ms) : 0;
        }
    }
    if (rv < 0)
        derp_client_close(dc);
    return rv;
}

uint8_t *derp_client_reserve(struct derp_client *dc, const struct node_public *to, size_t len)
{
    size_t frame_len = DERP_SEND_HEADER_LEN + len;
    if (!derp_client_can_send(dc) || len > DERP_MAX_PACKET)
        return NULL;
    drop_sent(dc);
    if (dc->out.len + frame_len > DERP_MAX_QUEUED)
        return NULL;
    uint8_t *at = buf_reserve(&dc->out, frame_len);
    if (!at)
        return NULL;
    derp_frame_send_header(at, to, len);
    dc->reserved_len = frame_len;
    return at + DERP_SEND_HEADER_LEN;
}

void derp_client_commit(struct derp_client *dc)
{
    if (dc->reserved_len > 0)
        buf_commit(&dc->out, dc->reserved_len);
    dc->reserved_len = 0;
}

void derp_client_note_preferred(struct derp_client *dc, bool preferred)
{
    bool changed = dc->preferred != preferred;
    dc->preferred = preferred;
    if (changed && derp_client_can_send(dc))
        put_preferred(dc);
}

size_t derp_client_output(struct derp_client *dc, const uint8_t **bytes)
{
    drop_sent(dc);
    if (dc->out.len == 0)
        return 0;
    *bytes = buf_head(&dc->out);
    dc->sent_len = dc->out.len < DERP_MAX_MESSAGE ? dc->out.len : DERP_MAX_MESSAGE;
    return dc->sent_len;
}

bool derp_client_ready(const struct derp_client *dc)
{
    return dc->state == DERP_READY;
}

bool derp_client_can_send(const struct derp_client *dc)
{
    return dc->state == DERP_EXPECT_SERVER_INFO || dc->state == DERP_READY;
}

bool derp_client_introduced(const struct derp_client *dc)
{
    return dc->state == DERP_EXPECT_SERVER_INFO;
}

int derp_client_rtt_ms(const struct derp_client *dc)
{
    return dc->rtt_ms;
}

void derp_client_check(struct derp_client *dc, uint64_t now_ms)
{
    uint64_t timeout_ms =
        CHECK_TIMEOUT_MS + (dc->rtt_ms >= 0 ? 4 * (uint64_t)dc->rtt_ms : CHECK_TIMEOUT_MS);
    if (dc->state == DERP_READY)
        send_ping(dc, now_ms, timeout_ms);
    else if (dc->state != DERP_CLOSED)
        await_answer(dc, now_ms + timeout_ms);
}

void derp_client_set_eager(struct derp_client *dc, bool eager)
{
    dc->eager = eager;
}

uint64_t derp_client_heard_ms(const struct derp_client *dc)
{
    return dc->heard_ms;
}

/* No ping is due because of silence while the answer to one is awaited. */
static uint64_t ping_at(const struct derp_client *dc)
{
    if (dc->eager && dc->state == DERP_READY && dc->answer_deadline_ms == NEVER)
        return earlier(dc->next_ping_ms, dc->heard_ms + EAGER_SILENCE_MS);
    return dc->next_ping_ms;
}

uint64_t derp_client_next_deadline(const struct derp_client *dc)
{
    return earlier(dc->answer_deadline_ms, ping_at(dc));
}

int derp_client_tick(struct derp_client *dc, uint64_t now_ms)
{
    if (now_ms >= dc->answer_deadline_ms) {
        bool late = now_ms - dc->answer_deadline_ms > LATE_MS;
        if (!late || dc->graced) {
            derp_client_close(dc);
            return IPN_ERR_TIMEOUT;
        }
        dc->answer_deadline_ms = now_ms + LATE_GRACE_MS;
        dc->graced = true;
    }
    if (now_ms >= ping_at(dc)) {
        /* A deadline that runs stays: this ping may not put it off. */
        uint64_t deadline_ms = dc->answer_deadline_ms;
        bool graced = dc->graced;
        send_ping(dc, now_ms, pong_timeout_ms(dc));
        if (deadline_ms != NEVER) {
            dc->answer_deadline_ms = deadline_ms;
            dc->graced = graced;
        }
    }
    return 0;
}
