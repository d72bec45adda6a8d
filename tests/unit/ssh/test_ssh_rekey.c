/* ssh_rekey.c: new keys that we ask for, and exchanges that never end. */
#include <stdlib.h>

#include "ssh/ssh_session_internal.h"
#include "support/ssh/ssh_world.h"
#include "test.h"

static const enum mini_cipher ciphers[] = {MINI_CHACHA20, MINI_AES128_GCM, MINI_AES128_CTR_ETM};

static void fill(uint8_t *dst, size_t len)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + (i >> 16));
}

static void open_world(struct ssh_world *w, enum mini_cipher cipher, enum mini_fault fault)
{
    world_open(w, cipher, fault);
    CHECK_EQ(w->count[SSH_EVENT_OPEN], 1);
}

/* Data both ways, sizes, keep-alives while keys change every 20 kB: nothing is lost, and nothing
 * goes out between our KEXINIT and our NEWKEYS. Now and then both ask at once. */
static void test_by_volume(enum mini_cipher cipher, size_t chunk, enum mini_fault fault)
{
    enum { TURNS = 300, DOWN_LEN = 3000, UP_LEN = 2000 };
    uint8_t *sent = malloc(TURNS * DOWN_LEN);
    unsigned asked = 0;
    struct ssh_world w;
    size_t up = 0;

    fill(sent, TURNS * DOWN_LEN);
    open_world(&w, cipher, fault);
    w.chunk = chunk;
    w.session->hooks.kex.max_len = 20000;
    for (int i = 0; i < TURNS; i++) {
        int taken = ssh_session_write(w.session, w.channel, sent + up, UP_LEN);

        CHECK_EQ(taken, UP_LEN);
        up += UP_LEN;
        ssh_session_resize(w.session, w.channel, 20 + i, 80);
        if (i % 7 == 0 && !w.server->kexinit_sent) {
            mini_send_keepalive(w.server);
            asked++;
        }
        while (w.server->kexinit_sent || w.server->client_window < DOWN_LEN)
            world_turn(&w);
        CHECK_EQ(mini_send_data(w.server, false, sent + (size_t)i * DOWN_LEN, DOWN_LEN), DOWN_LEN);
        if (i % 50 == 49)
            mini_start_rekey(w.server);
        world_turn(&w);
    }
    world_settle(&w);
    CHECK(w.server->exchanges > 30 && w.server->exchanges < 120);
    CHECK_EQ(w.server->violations, 0);
    CHECK(!w.server->broken);
    CHECK_EQ(w.server->replies, asked);
    CHECK_EQ(w.data_len, TURNS * DOWN_LEN);
    CHECK_MEM(w.data, sent, TURNS * DOWN_LEN);
    CHECK_EQ(w.server->received_len, up);
    CHECK_MEM(w.server->received, sent, up);
    CHECK_EQ(w.server->rows, 20 + TURNS - 1);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    world_free(&w);
    free(sent);
}

/* What was on its way when our KEXINIT went out is taken, and answered behind the NEWKEYS. */
static void test_in_flight(enum mini_cipher cipher)
{
    struct ssh_world w;

    open_world(&w, cipher, MINI_NO_FAULT);
    w.session->hooks.kex.max_len = 1;
    mini_send_data(w.server, false, (const uint8_t *)"abc", 3);
    mini_send_keepalive(w.server);
    mini_send_data(w.server, true, (const uint8_t *)"def", 3);
    w.server->limited = true; /* byte by byte, each in a turn of its own */
    while (w.server->exchanges < 2 && !w.count[SSH_EVENT_CLOSED]) {
        w.server->left = 1;
        world_turn(&w);
        w.session->hooks.kex.max_len = SSH_KEX_MAX_LEN;
    }
    w.server->limited = false;
    world_settle(&w);
    CHECK_EQ(w.server->exchanges, 2);
    CHECK_EQ(w.server->violations, 0);
    CHECK_EQ(w.server->replies, 1);
    CHECK_EQ(w.data_len, 3);
    CHECK_STR(w.stderr_text, "def");
    CHECK(!w.server->broken);
    world_free(&w);
}

static void test_by_time(void)
{
    struct ssh_world w;

    open_world(&w, MINI_CHACHA20, MINI_NO_FAULT);
    world_pass(&w, 59 * 60 * 1000);
    CHECK_EQ(w.server->exchanges, 1);
    world_pass(&w, 2 * 60 * 1000);
    CHECK_EQ(w.server->exchanges, 2);
    mini_start_rekey(w.server); /* the hour begins again */
    world_pass(&w, 59 * 60 * 1000);
    CHECK_EQ(w.server->exchanges, 3);
    world_pass(&w, 2 * 60 * 1000);
    CHECK_EQ(w.server->exchanges, 4);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    world_free(&w);
}

/* A server that begins, or is asked, and then says no more. */
static void test_never_ends(bool ours)
{
    struct ssh_world w;

    open_world(&w, MINI_CHACHA20, MINI_NO_FAULT);
    w.server->rekey_hold = true;
    if (ours)
        w.session->hooks.kex.max_len = 1;
    else
        mini_start_rekey(w.server);
    world_pass(&w, 100 * 1000);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    CHECK(world_closes(&w));
    CHECK_EQ(w.error_code, SSH_PROBLEM_LOST);
    CHECK(strstr(w.error, "while the keys of the connection were being changed") != NULL);
    CHECK(!w.server->broken);
    world_free(&w);
}

/* A lid is closed in the midst of an exchange: hours later it goes on. */
static void test_sleep(void)
{
    struct ssh_world w;

    open_world(&w, MINI_CHACHA20, MINI_NO_FAULT);
    mini_start_rekey(w.server);
    w.server->limited = true;
    w.server->left = 500;
    world_settle(&w);
    CHECK(ssh_kex_under_way(w.session->lib));
    w.now_ms += 5 * 60 * 60 * 1000;
    ssh_session_tick(w.session, w.now_ms);
    w.server->limited = false;
    world_settle(&w);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
    CHECK(w.server->exchanges >= 2);
    world_free(&w);
}

/* What can go wrong with ours is what can go wrong with theirs. */
static void test_faults(enum mini_cipher cipher)
{
    for (int i = 0; i < 3; i++) {
        struct ssh_world w;

        open_world(&w, cipher, MINI_NO_FAULT);
        w.server->rekey_other_cipher = i == 0;
        w.server->rekey_other_host_key = i == 1;
        w.server->rekey_bad_signature = i == 2;
        w.session->hooks.kex.max_len = 1;
        CHECK(world_closes(&w));
        CHECK_EQ(w.error_code, i == 1 ? SSH_PROBLEM_HOST_KEY_CHANGED : SSH_PROBLEM_LOST);
        CHECK(!w.server->broken);
        world_free(&w);
    }
}

/* Every amount of memory that is too little for an exchange ends the session, and no more. */
static void test_little_memory(enum mini_cipher cipher)
{
    unsigned done = 0;

    for (size_t max = 0; max < 12000; max += 61) {
        struct ssh_world w;

        open_world(&w, cipher, MINI_NO_FAULT);
        w.session->hooks.heap.max = w.session->hooks.heap.in_use + max;
        w.session->hooks.kex.max_len = 1;
        ssh_session_run(w.session, w.now_ms);
        w.session->hooks.kex.max_len = SSH_KEX_MAX_LEN;
        world_settle(&w);
        if (w.server->exchanges == 2 && !w.count[SSH_EVENT_ERROR]) {
            done++;
        } else {
            CHECK(world_closes(&w));
            CHECK_EQ(w.error_code, SSH_PROBLEM_NOMEM);
        }
        CHECK(!w.server->broken);
        world_free(&w);
    }
    CHECK(done > 10);
}

int main(void)
{
    world_random(4);
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        test_by_volume(ciphers[i], 0, MINI_NO_FAULT);
        test_by_volume(ciphers[i], 97, MINI_NO_STRICT);
        test_in_flight(ciphers[i]);
        test_faults(ciphers[i]);
        test_little_memory(ciphers[i]);
    }
    test_by_time();
    test_never_ends(false);
    test_never_ends(true);
    test_sleep();
    return TEST_DONE();
}
