/*
 * Servers, or somebody on the way, that cut off, drop, swap and repeat packets, or send good ones
 * at the wrong moment: a sentence and a closed session each time.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ssh/ssh_session_internal.h"
#include "support/ssh/ssh_world.h"
#include "test.h"

static const enum mini_cipher ciphers[] = {MINI_CHACHA20, MINI_AES128_GCM, MINI_AES128_CTR_ETM};

static void expect_end(struct ssh_world *w, const char *name, size_t i)
{
    if (!CHECK(world_closes(w)) || !CHECK_EQ(w->count[SSH_EVENT_ERROR], 1) ||
        !CHECK(strlen(w->error) > 20))
        fprintf(stderr, "    %s, %zu: %s\n", name, i, w->error);
}

/* ---- cut off ---- */

/* After so many bytes the server says no more, and after a while the connection ends. */
static void test_cut_off(enum mini_cipher cipher)
{
    struct ssh_world w;
    size_t len;

    world_open(&w, cipher, MINI_NO_FAULT);
    CHECK_EQ(w.count[SSH_EVENT_OPEN], 1);
    len = w.server->out_at;
    world_free(&w);
    for (size_t at = 0; at < len; at += 7) {
        struct ssh_config config;

        world_init(&w, cipher, MINI_NO_FAULT, &config);
        w.server->limited = true;
        w.server->left = at;
        w.shell.pty = true;
        world_start(&w, &config);
        world_settle(&w);
        CHECK_EQ(w.count[SSH_EVENT_CLOSED], 0);
        w.read_ends = true;
        expect_end(&w, "cut off", at);
        CHECK_EQ(w.count[SSH_EVENT_OPEN], 0);
        world_free(&w);
    }
}

/* The same in the midst of new keys. */
static void test_cut_off_in_rekey(enum mini_cipher cipher)
{
    for (size_t at = 0; at < 700; at += 11) {
        struct ssh_world w;

        world_open(&w, cipher, MINI_NO_FAULT);
        mini_start_rekey(w.server);
        w.server->limited = true;
        w.server->left = at;
        world_settle(&w);
        w.read_ends = true;
        expect_end(&w, "cut off in a re-key", at);
        world_free(&w);
    }
}

/* ---- dropped, swapped, repeated ---- */

enum { PACKETS = 5 };

/* The sealed bytes of packets of different lengths; where each begins. */
static void queue_packets(struct mini_server *m, size_t at[PACKETS + 1])
{
    static const uint8_t text[200] = "text";

    for (size_t i = 0; i < PACKETS; i++) {
        at[i] = m->out_len;
        mini_send_data(m, false, text, 20 + 30 * i);
    }
    at[PACKETS] = m->out_len;
}

/* The packets of `order` in place of those that were queued. */
static void put_packets(struct mini_server *m, const size_t at[PACKETS + 1], const int *order,
                        size_t count)
{
    static uint8_t all[20000];
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        memcpy(all + len, m->out + at[order[i]], at[order[i] + 1] - at[order[i]]);
        len += at[order[i] + 1] - at[order[i]];
    }
    m->out_len = at[0];
    mini_send_raw(m, all, len);
}

static void test_order(enum mini_cipher cipher)
{
    static const struct {
        const char *name;
        size_t before; /* packets that are still right, of 20 + 30 * i bytes */
        size_t count;
        int order[8];
    } cases[] = {
        {"the first dropped", 0, 4, {1, 2, 3, 4}},
        {"one dropped", 2, 4, {0, 1, 3, 4}},
        {"two swapped", 1, 5, {0, 2, 1, 3, 4}},
        {"one repeated", 2, 6, {0, 1, 1, 2, 3, 4}},
        {"all of them again", 5, 8, {0, 1, 2, 3, 4, 0, 1, 2}},
        {"backwards", 0, 5, {4, 3, 2, 1, 0}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t at[PACKETS + 1], right = 0;
        struct ssh_world w;

        world_open(&w, cipher, i % 2 ? MINI_NO_FAULT : MINI_NO_STRICT);
        queue_packets(w.server, at);
        put_packets(w.server, at, cases[i].order, cases[i].count);
        for (size_t k = 0; k < cases[i].before; k++)
            right += 20 + 30 * k;
        for (int k = 0; k < 1500; k++) /* enough for any length that a wrong key makes of it */
            mini_send_raw(w.server, (const uint8_t[32]){0}, 32);
        world_settle(&w);
        w.read_ends = true;
        expect_end(&w, cases[i].name, i);
        CHECK_EQ(w.data_len, right);
        world_free(&w);
    }
}

/* ---- too large ---- */

/* Well sealed, and larger than libssh2 takes: 40,000 bytes, where RFC 4253 asks for 35,000. */
static void test_oversized(enum mini_cipher cipher)
{
    static const size_t lens[] = {41000, 60000};
    static uint8_t payload[60000] = {94, 0, 0, 0, 0};

    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct ssh_world w;

        world_open(&w, cipher, MINI_NO_FAULT);
        store_be32(payload + 5, (uint32_t)lens[i] - 9);
        mini_send(w.server, payload, lens[i]);
        mini_send(w.server, payload, lens[i]);
        expect_end(&w, "oversized", i);
        if (!CHECK(strstr(w.error, "SSH protocol") != NULL))
            fprintf(stderr, "    %zu bytes, cipher %d: %s\n", lens[i], (int)cipher, w.error);
        CHECK_EQ(w.data_len, 0);
        world_free(&w);
    }
}

/* ---- the right packet at the wrong moment ---- */

static void test_disconnect_in_exchange(void)
{
    struct ssh_world w;
    struct ssh_config config;

    world_init(&w, MINI_CHACHA20, MINI_NO_STRICT, &config);
    mini_send_disconnect(w.server, "too many connections");
    world_start(&w, &config);
    expect_end(&w, "DISCONNECT in the first exchange", 0);
    CHECK(strstr(w.error, "too many connections") != NULL);
    world_free(&w);

    for (int own = 0; own < 2; own++) {
        world_open(&w, MINI_CHACHA20, MINI_NO_FAULT);
        w.server->rekey_hold = true;
        if (own)
            w.session->hooks.kex.max_len = 1;
        else
            mini_start_rekey(w.server);
        world_settle(&w);
        mini_send_disconnect(w.server, "going down");
        expect_end(&w, "DISCONNECT in a re-key", 0);
        CHECK(strstr(w.error, "going down") != NULL);
        world_free(&w);
    }
}

/* A window that never opens: input is taken up to its limit, the rest of the session goes on. */
static void test_window_of_zero(void)
{
    static uint8_t text[1 << 20];
    struct ssh_world w;
    struct ssh_config config;
    size_t taken = 0;
    int n;

    world_init(&w, MINI_CHACHA20, MINI_NO_FAULT, &config);
    w.server->window = 0;
    world_start(&w, &config);
    world_settle(&w);
    CHECK_EQ(w.count[SSH_EVENT_OPEN], 1);
    while ((n = ssh_session_write(w.session, w.channel, text, sizeof text - taken)) > 0)
        taken += (size_t)n;
    CHECK_EQ(taken, 256 << 10);
    ssh_session_send_eof(w.session, w.channel);
    mini_send_data(w.server, false, (const uint8_t *)"still here", 10);
    mini_send_keepalive(w.server);
    world_pass(&w, 1000 * 1000);
    CHECK_EQ(w.server->received_len, 0);
    CHECK(!w.server->client_eof); /* it would be a lie */
    CHECK_EQ(w.data_len, 10);
    CHECK_EQ(w.server->replies, 1);
    ssh_session_close(w.session);
    CHECK(world_closes(&w));
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    world_free(&w);
}

/* The command is over before its shell was granted: nothing ran. */
static void test_exit_before_shell(void)
{
    for (int status = 0; status < 2; status++) {
        struct ssh_world w;
        struct ssh_config config;

        world_init(&w, MINI_CHACHA20, MINI_HOLD_REQUESTS, &config);
        world_start(&w, &config);
        world_settle(&w);
        CHECK_EQ(w.count[SSH_EVENT_OPEN], 0);
        if (status)
            mini_send_exit_status(w.server, 1);
        mini_send_close(w.server);
        CHECK(world_closes(&w));
        CHECK_EQ(w.count[SSH_EVENT_OPEN], 0);
        CHECK_EQ(w.count[SSH_EVENT_EXIT] + w.count[SSH_EVENT_ERROR], 1);
        CHECK_EQ(w.count[SSH_EVENT_EXIT], status);
        world_free(&w);
    }
}

int main(void)
{
    world_random(5);
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        test_cut_off(ciphers[i]);
        test_cut_off_in_rekey(ciphers[i]);
        test_order(ciphers[i]);
        test_oversized(ciphers[i]);
    }
    test_disconnect_in_exchange();
    test_window_of_zero();
    test_exit_before_shell();
    return TEST_DONE();
}
