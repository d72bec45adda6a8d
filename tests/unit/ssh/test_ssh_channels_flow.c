/* Many channels over one connection: windows, turns, bounds. Against mini_server. */
#include <stdio.h>

#include "base/err.h"
#include "prng.h"
#include "unit/ssh/channel_world.h"

/* ---- as many as there may be ---- */

/* Pieces of every channel's bytes in any order; each gets its own, all of them, in order. */
static void mixed_transfers(struct ssh_world *w, const int *numbers, int count)
{
    enum { LEN = 20000 };
    static uint8_t bytes[SSH_MAX_CHANNELS][LEN];
    size_t sent[SSH_MAX_CHANNELS] = {0}, left = (size_t)count * LEN;

    for (int i = 0; i < count; i++)
        fill(bytes[i], LEN, numbers[i]);
    while (left) {
        int i = (int)prng_below((uint32_t)count);
        size_t n = 1 + prng_below(3000);

        if (n > LEN - sent[i])
            n = LEN - sent[i];
        mini_select(w->server, i);
        CHECK_EQ(mini_send_data(w->server, false, bytes[i] + sent[i], n), n);
        sent[i] += n;
        left -= n;
        if (prng_below(10) == 0)
            world_turn(w);
    }
    world_settle(w);
    for (int i = 0; i < count; i++) {
        CHECK_EQ(seen[numbers[i]].data_len, LEN);
        CHECK_MEM(seen[numbers[i]].data, bytes[i], LEN);
    }
}

static void test_as_many_as_may_be(void)
{
    int numbers[SSH_MAX_CHANNELS];
    struct ssh_world w;
    char text[16];

    open_world(&w, MINI_NO_FAULT);
    CHECK_EQ(seen[0].count[SSH_EVENT_AUTHENTICATED], 1);
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        numbers[i] = ssh_session_open_channel(w.session, i % 3 ? &command : &forward);
        CHECK(numbers[i] > (i ? numbers[i - 1] : 0));
    }
    CHECK_EQ(ssh_session_open_channel(w.session, &command), IPN_ERR_FULL);
    world_settle(&w);
    CHECK_EQ(w.server->opens, SSH_MAX_CHANNELS);
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        CHECK_EQ(seen[numbers[i]].count[SSH_EVENT_OPEN], 1);
        snprintf(text, sizeof text, "to %d", i);
        CHECK_EQ(ssh_session_write(w.session, numbers[i], (uint8_t *)text, strlen(text)),
                 (int)strlen(text));
    }
    mixed_transfers(&w, numbers, SSH_MAX_CHANNELS);
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        snprintf(text, sizeof text, "to %d", i);
        mini_select(w.server, i);
        CHECK_EQ(w.server->received_len, strlen(text));
        CHECK_MEM(w.server->received, text, strlen(text));
        server_ends(w.server, i, (uint32_t)i);
    }
    world_settle(&w);
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        const struct seen *c = &seen[numbers[i]];

        CHECK_EQ(c->count[SSH_EVENT_EOF], 1);
        CHECK_EQ(c->count[SSH_EVENT_EXIT], i % 3 != 0);
        CHECK_EQ(c->exit_code, i % 3 ? i : 0);
        CHECK_EQ(c->last, SSH_EVENT_CHANNEL_CLOSED);
        mini_select(w.server, i);
        CHECK(w.server->client_closed);
        w.server->kind[0] = '\0'; /* its place is free again */
    }
    CHECK_EQ(w.session->channels.count, 0);

    /* Nobody is told that the connection ends: it does not, and new ones get new numbers. */
    CHECK_EQ(seen[0].count[SSH_EVENT_CLOSED], 0);
    world_pass(&w, 3600 * 1000);
    CHECK_EQ(open_channel(&w, &command), numbers[SSH_MAX_CHANNELS - 1] + 1);
    CHECK_EQ(seen[numbers[SSH_MAX_CHANNELS - 1] + 1].count[SSH_EVENT_OPEN], 1);
    close_world(&w);
}

/* Whatever the server sends while no page reads: bounded, and told to the server beforehand. */
static void test_windows_together(void)
{
    static uint8_t bytes[SSH_MAX_WINDOW];
    struct ssh_world w;
    size_t windows = 0, taken = 0;

    open_world(&w, MINI_NO_FAULT);
    for (int i = 0; i < SSH_MAX_CHANNELS; i++)
        seen[ssh_session_open_channel(w.session, &command)].hold_credit = true;
    world_settle(&w);
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        mini_select(w.server, i);
        windows += w.server->client_window;
        CHECK(w.server->client_window >= SSH_MIN_WINDOW);
    }
    CHECK(windows <= SSH_ALL_WINDOWS + SSH_MAX_CHANNELS * SSH_MIN_WINDOW);
    for (int turn = 0; turn < 20; turn++) {
        for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
            mini_select(w.server, i);
            taken += mini_send_data(w.server, false, bytes, 100000);
            world_turn(&w);
        }
        w.now_ms += 50;
    }
    CHECK_EQ(taken, windows);
    CHECK(w.session->hooks.heap.in_use < 1 << 20); /* all of it is at the page */
    CHECK_EQ(seen[0].count[SSH_EVENT_ERROR], 0);
    close_world(&w);
}

/* ---- one must not stop another ---- */

static void test_stalled_beside_running(void)
{
    enum { TOTAL = 6 << 20, PIECE = 50000 };
    uint8_t *bytes = malloc(TOTAL);
    int stalled, running;
    struct ssh_world w;
    size_t at = 0, stalled_at = 0;

    fill(bytes, TOTAL, 1);
    open_world(&w, MINI_NO_FAULT);
    stalled = open_channel(&w, &command);
    running = open_channel(&w, &command);
    seen[stalled].hold_credit = true;
    for (int i = 0; i < 3000 && at < TOTAL; i++) {
        mini_select(w.server, 0);
        stalled_at += mini_send_data(w.server, false, bytes + stalled_at, PIECE);
        mini_select(w.server, 1);
        at += mini_send_data(w.server, false, bytes + at, TOTAL - at < PIECE ? TOTAL - at : PIECE);
        w.now_ms += 2;
        world_turn(&w);
    }
    world_settle(&w);
    CHECK_EQ(stalled_at, SSH_FIRST_WINDOW);
    CHECK_EQ(seen[stalled].data_len, stalled_at);
    CHECK_EQ(seen[running].data_len, TOTAL);
    CHECK_MEM(seen[running].data, bytes, TOTAL);

    /* It goes on where it stopped. */
    ssh_session_credit(w.session, stalled, seen[stalled].held);
    seen[stalled].hold_credit = false;
    world_settle(&w);
    mini_select(w.server, 0);
    CHECK_EQ(mini_send_data(w.server, false, bytes + stalled_at, 100000), 100000);
    world_settle(&w);
    CHECK_EQ(seen[stalled].data_len, stalled_at + 100000);
    CHECK_MEM(seen[stalled].data, bytes, stalled_at + 100000);
    close_world(&w);
    free(bytes);
}

/* Events of two that have much to tell alternate, and so do their packets. */
static void test_turns(void)
{
    static uint8_t bytes[200000];
    struct ssh_world w;
    int a, b, changes = 0;
    size_t first;

    open_world(&w, MINI_NO_FAULT);
    a = open_channel(&w, &command);
    b = open_channel(&w, &command);
    for (int place = 0; place < 2; place++) {
        mini_select(w.server, place);
        mini_send_data(w.server, false, bytes, sizeof bytes);
    }
    world_settle(&w);
    CHECK_EQ(seen[a].data_len + seen[b].data_len, 2 * sizeof bytes);
    for (int i = 1; i < seen_order_len; i++)
        changes += seen_order[i] != seen_order[i - 1];
    CHECK(changes >= seen_order_len - 2);

    /* A transport that takes little: what went out is half of each. */
    w.write_full = true;
    CHECK_EQ(ssh_session_write(w.session, a, bytes, sizeof bytes), sizeof bytes);
    CHECK_EQ(ssh_session_write(w.session, b, bytes, sizeof bytes), sizeof bytes);
    world_settle(&w);
    first = w.session->channels.slot[0]->input.len;
    CHECK(first < sizeof bytes - 90000);
    CHECK(w.session->channels.slot[1]->input.len < sizeof bytes - 90000);
    w.write_full = false;
    world_settle(&w);
    for (int place = 0; place < 2; place++) {
        mini_select(w.server, place);
        CHECK_EQ(w.server->received_len, sizeof bytes);
    }
    close_world(&w);
}

/* Their queues are bounded together; each hears when it may go on. */
static void test_input_together(void)
{
    static uint8_t bytes[SSH_MAX_INPUT_LEN];
    struct ssh_world w;
    int numbers[40], n;
    size_t taken = 0, got = 0;

    open_world(&w, MINI_NO_FAULT);
    w.server->window = 0;
    for (int i = 0; i < 40; i++)
        numbers[i] = open_channel(&w, &command);
    for (int i = 0; i < 40; i++) {
        n = ssh_session_write(w.session, numbers[i], bytes, sizeof bytes);
        CHECK(n >= 0);
        taken += n > 0 ? (size_t)n : 0;
        CHECK_EQ(ssh_session_write(w.session, numbers[i], bytes, 1), 0);
    }
    CHECK_EQ(taken, SSH_MAX_ALL_INPUT_LEN);
    for (int i = 0; i < 40; i++) {
        mini_select(w.server, i);
        mini_send_window(w.server, 1 << 20);
    }
    world_settle(&w);
    for (int i = 0; i < 40; i++) {
        mini_select(w.server, i);
        got += w.server->received_len;
        CHECK_EQ(seen[numbers[i]].count[SSH_EVENT_WRITABLE], 1);
    }
    CHECK_EQ(got, taken);
    CHECK_EQ(w.session->channels.input_len, 0);
    close_world(&w);
}

/* More than the window, for one channel: the connection ends, no byte is dropped in silence. */
static void test_beyond_window(void)
{
    static uint8_t bytes[40000];
    struct ssh_world w;
    int channel, other;

    open_world(&w, MINI_NO_FAULT);
    channel = open_channel(&w, &command);
    other = open_channel(&w, &command);
    seen[channel].hold_credit = true;
    mini_select(w.server, 0);
    for (int i = 0; i < 40; i++) {
        w.server->client_window = 1 << 30;
        mini_send_data(w.server, false, bytes, sizeof bytes);
    }
    CHECK(world_closes(&w));
    CHECK_EQ(seen[channel].error_code, SSH_PROBLEM_LOST);
    CHECK_EQ(seen[other].error_code, SSH_PROBLEM_LOST);
    CHECK(seen[channel].data_len <= SSH_FIRST_WINDOW);
    world_free(&w);
}

/* One byte at a time on both streams in turn: memory stays in proportion. */
static void test_small_packets(void)
{
    struct ssh_world w;
    int channel;

    open_world(&w, MINI_NO_FAULT);
    channel = open_channel(&w, &command);
    seen[channel].hold_credit = true;
    for (int i = 0; i < 60000; i++)
        mini_send_data(w.server, false, (const uint8_t *)"a", 1);
    ssh_session_run(w.session, w.now_ms);
    CHECK_EQ(w.session->channels.slot[0]->received.len, 60000);
    CHECK(w.session->hooks.heap.in_use < 400000);
    world_settle(&w);
    CHECK_EQ(seen[channel].data_len, 60000);
    CHECK_EQ(seen[channel].count[SSH_EVENT_DATA], 2); /* 32 kB each, at most */
    for (int i = 0; i < 2000; i++)
        mini_send_data(w.server, i % 2, (const uint8_t *)"a", 1);
    world_settle(&w);
    CHECK_EQ(seen[channel].data_len, 61000);
    CHECK_EQ(seen[channel].stderr_len, 1000);
    close_world(&w);
}

/* New keys while channels open, write, are closed and run. */
static void test_rekey(void)
{
    static uint8_t bytes[50000];
    struct ssh_world w;
    int numbers[12], count = 0;

    fill(bytes, sizeof bytes, 5);
    open_world(&w, MINI_NO_FAULT);
    w.chunk = 997;
    for (int i = 0; i < 6; i++) {
        numbers[count++] = ssh_session_open_channel(w.session, &command);
        mini_start_rekey(w.server);
        world_turn(&w);
        numbers[count++] = ssh_session_open_channel(w.session, &forward);
        for (int k = 0; k < count; k++)
            ssh_session_write(w.session, numbers[k], bytes, 1000);
        world_settle(&w);
        for (int k = 0; k < count; k++) {
            mini_select(w.server, k);
            mini_send_data(w.server, false, bytes + i * 1000, 1000);
        }
    }
    world_settle(&w);
    CHECK_EQ(w.server->rekeys, 6);
    for (int k = 0; k < count; k++) {
        mini_select(w.server, k);
        CHECK_EQ(seen[numbers[k]].count[SSH_EVENT_OPEN], 1);
        CHECK_EQ(seen[numbers[k]].data_len % 1000, 0);
        CHECK_EQ(seen[numbers[k]].data_len, (size_t)(6 - k / 2) * 1000);
        CHECK_EQ(w.server->received_len % 1000, 0);
    }
    CHECK_EQ(seen[0].count[SSH_EVENT_ERROR], 0);
    close_world(&w);
}

int main(void)
{
    world_random(9);
    prng_init(20261121);
    test_as_many_as_may_be();
    test_windows_together();
    test_stalled_beside_running();
    test_turns();
    test_input_together();
    test_beyond_window();
    test_small_packets();
    test_rekey();
    seen_reset();
    return TEST_DONE();
}
