/* ssh_session against mini_server: flow control. Windows, bounded queues, rekeys among data. */
#include <stdlib.h>

#include "base/err.h"
#include "unit/ssh/session_world.h"

static void fill(uint8_t *dst, size_t len)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + (i >> 16));
}

/* libssh2 says EAGAIN with bytes still to read; nobody would call again for those. */
static void test_one_run_reads_all(enum mini_cipher cipher)
{
    static uint8_t text[20000];
    struct ssh_world w;

    open_world(&w, cipher);
    for (int i = 0; i < 40; i++)
        mini_send_data(w.server, false, text, sizeof text - (size_t)i);
    ssh_session_run(w.session, w.now_ms);
    CHECK_EQ(w.server->out_at, w.server->out_len);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
}

/* Without a terminal: the window is large. */
static void open_bulk(struct ssh_world *w, enum mini_cipher cipher)
{
    struct ssh_config config;

    world_init(w, cipher, MINI_NO_FAULT, &config);
    w->shell.command = "cat";
    world_start(w, &config);
    world_settle(w);
    CHECK_EQ(w->count[SSH_EVENT_OPEN], 1);
}

/* Sends until total bytes have come, with a page that keeps up: the window grows. */
static void stream(struct ssh_world *w, const uint8_t *src, size_t total, size_t *at)
{
    for (int i = 0; i < 4000 && w->data_len < total; i++) {
        size_t n = total - *at < 65536 ? total - *at : 65536;

        if (n)
            *at += mini_send_data(w->server, false, src + *at, n);
        w->now_ms += 5;
        world_turn(w);
    }
    CHECK_EQ(w->data_len, total);
    world_settle(w); /* credit for the last of it */
}

/* Without credit the server can send a window and no more; then all of it arrives. */
static void test_window_stalls(enum mini_cipher cipher)
{
    enum { TOTAL = 6 << 20 };
    uint8_t *sent = malloc(TOTAL);
    struct ssh_world w;
    size_t at = 0;

    fill(sent, TOTAL);
    open_bulk(&w, cipher);
    w.hold_credit = true;
    for (int i = 0; i < 400; i++) {
        at += mini_send_data(w.server, false, sent + at, TOTAL - at < 65536 ? TOTAL - at : 65536);
        world_turn(&w);
    }
    CHECK_EQ(at, 1 << 20);
    CHECK_EQ(w.data_len, at);
    mini_send_keepalive(w.server); /* answered all the same */
    world_settle(&w);
    CHECK_EQ(w.server->replies, 1);
    w.hold_credit = false;
    stream(&w, sent, TOTAL, &at);
    CHECK_MEM(w.data, sent, TOTAL);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
    free(sent);
}

/* With a terminal it holds what the page takes in 150 ms: ^C is seen soon. */
static void test_window_terminal(void)
{
    enum { SLOW = 64 << 10 };
    static uint8_t sent[3 << 20];
    struct ssh_world w;
    size_t at = 0, window;

    open_world(&w, MINI_CHACHA20);
    CHECK_EQ(w.server->client_window, 64 << 10);
    stream(&w, sent, sizeof sent, &at); /* 64 kB per 5 ms */
    window = w.server->client_window;
    CHECK(window > 1 << 20 && window <= 2 << 20);
    w.hold_credit = true;
    for (int i = 0; i < 30; i++) { /* and now 64 kB per 100 ms */
        mini_send_data(w.server, false, sent, 1 << 20);
        world_turn(&w);
        w.now_ms += 100;
        ssh_session_credit(w.session, w.channel, w.held < SLOW ? w.held : SLOW);
        w.held -= w.held < SLOW ? w.held : SLOW;
    }
    world_turn(&w);
    CHECK(w.server->client_window + w.held <= 96 << 10);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    world_free(&w);
}

/* Data in front of a close waits for the credit; EXIT and CLOSED wait with it. */
static void test_close_behind_data(void)
{
    enum { TOTAL = 8 << 20 };
    uint8_t *sent = malloc(TOTAL);
    struct ssh_world w;
    size_t at = 0, total;

    fill(sent, TOTAL);
    open_bulk(&w, MINI_CHACHA20);
    stream(&w, sent, 6 << 20, &at);
    w.hold_credit = true;
    at += mini_send_data(w.server, false, sent + at, 1 << 20);
    world_settle(&w);
    at += mini_send_data(w.server, false, sent + at, 100000);
    total = at;
    CHECK_EQ(total, (7 << 20) + 100000);
    mini_send_exit_status(w.server, 0);
    mini_send_close(w.server);
    world_settle(&w);
    w.read_ends = true;
    world_pass(&w, 60000);
    CHECK_EQ(w.data_len, (6 << 20) + SSH_INITIAL_CREDIT);
    CHECK_EQ(w.count[SSH_EVENT_EXIT], 0);
    w.hold_credit = false;
    CHECK(world_closes(&w));
    CHECK_EQ(w.data_len, total);
    CHECK_MEM(w.data, sent, total);
    CHECK_EQ(w.exit_code, 0);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
    free(sent);
}

/* A bounded queue: the count taken, 0 when full, WRITABLE when there is room again. */
static void test_write_bounded(void)
{
    uint8_t chunk[40000];
    struct ssh_world w;
    struct ssh_config config;
    size_t taken = 0, sent_before;
    int n;

    fill(chunk, sizeof chunk);
    world_init(&w, MINI_CHACHA20, MINI_NO_FAULT, &config);
    w.server->window = 1000;
    world_start(&w, &config);
    CHECK_EQ(ssh_session_write(w.session, w.channel, chunk, 1), IPN_ERR_STATE);
    world_settle(&w);
    while ((n = ssh_session_write(w.session, w.channel, chunk, sizeof chunk)) > 0)
        taken += (size_t)n;
    CHECK_EQ(n, 0);
    CHECK_EQ(taken, 256 << 10);
    world_settle(&w);
    CHECK_EQ(w.server->received_len, 1000);
    CHECK_EQ(w.count[SSH_EVENT_WRITABLE], 0);
    ssh_session_send_eof(w.session, w.channel);
    sent_before = w.server->received_len;
    while (w.server->received_len < taken) {
        mini_send_window(w.server, 50000);
        world_settle(&w);
        if (!CHECK(w.server->received_len > sent_before))
            break;
        sent_before = w.server->received_len;
    }
    CHECK_EQ(w.count[SSH_EVENT_WRITABLE], 1);
    CHECK(w.server->client_eof);
    CHECK_EQ(ssh_session_write(w.session, w.channel, chunk, 1), IPN_ERR_STATE);
    for (size_t i = 0; i < taken; i += sizeof chunk) {
        size_t len = taken - i < sizeof chunk ? taken - i : sizeof chunk;

        CHECK_MEM(w.server->received + i, chunk, len);
    }
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
}

/* A transport that takes nothing: memory stays bounded, and nothing is lost afterwards. */
static void test_transport_full(void)
{
    uint8_t chunk[40000];
    struct ssh_world w;
    size_t taken = 0;
    int n;

    fill(chunk, sizeof chunk);
    open_world(&w, MINI_CHACHA20);
    w.write_full = true;
    for (int i = 0; i < 100; i++) {
        n = ssh_session_write(w.session, w.channel, chunk, sizeof chunk);
        taken += n > 0 ? (size_t)n : 0;
        world_turn(&w);
    }
    CHECK(taken <= 640 << 10);
    for (int i = 0; i < 5000; i++)
        mini_send_keepalive(w.server); /* each answer would add to the queue */
    world_settle(&w);
    w.write_full = false;
    world_settle(&w);
    CHECK_EQ(w.server->received_len, taken);
    CHECK_EQ(w.server->replies, 5000);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
}

static void test_rekey(enum mini_cipher cipher, size_t chunk)
{
    enum { TOTAL = 200000 };
    uint8_t *sent = malloc(TOTAL);
    struct ssh_world w;

    fill(sent, TOTAL);
    open_world(&w, cipher);
    w.chunk = chunk;
    for (int i = 0; i < 4; i++) {
        mini_send_data(w.server, false, sent + i * 50000, 50000);
        CHECK_EQ(ssh_session_write(w.session, w.channel, sent, 30000), 30000);
        mini_start_rekey(w.server); /* no data behind it until it is done */
        world_turn(&w);
        CHECK_EQ(ssh_session_write(w.session, w.channel, sent, 1000), 1000);
        ssh_session_resize(w.session, w.channel, 30 + i, 90);
        world_settle(&w);
    }
    CHECK_EQ(w.data_len, TOTAL);
    CHECK_MEM(w.data, sent, TOTAL);
    CHECK_EQ(w.server->received_len, 4 * 31000);
    CHECK_EQ(w.server->rows, 33);
    CHECK_EQ(w.server->rekeys, 4);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    CHECK(!w.server || !w.server->broken);
    world_free(&w);
    free(sent);
}

int main(void)
{
    world_random(1);
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        test_one_run_reads_all(ciphers[i]);
        test_window_stalls(ciphers[i]);
        test_rekey(ciphers[i], 0);
        test_rekey(ciphers[i], 97);
    }
    test_window_terminal();
    test_close_behind_data();
    test_write_bounded();
    test_transport_full();
    return TEST_DONE();
}
