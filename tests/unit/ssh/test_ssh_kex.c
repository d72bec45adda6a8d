/* ssh_kex.c: what may come when, and re-keys that go wrong. */
#include <stdlib.h>

#include "ssh/ssh_session_internal.h"
#include "support/ssh/ssh_world.h"
#include "test.h"

static const enum mini_cipher ciphers[] = {MINI_CHACHA20, MINI_AES128_GCM, MINI_AES128_CTR_ETM};

static void open_world(struct ssh_world *w, enum mini_cipher cipher, enum mini_fault fault)
{
    struct ssh_config config;

    world_init(w, cipher, fault, &config);
    config.pty = true;
    world_start(w, &config);
    world_settle(w);
}

/* ---- re-keys of the server ---- */

/* libssh2 would seal with the new cipher's code and the old one's keys from the KEXINIT on. */
static void test_other_cipher(enum mini_cipher cipher, size_t chunk)
{
    struct ssh_world w;

    open_world(&w, cipher, MINI_NO_FAULT);
    w.chunk = chunk;
    w.server->rekey_other_cipher = true;
    mini_start_rekey(w.server);
    ssh_session_resize(w.session, 50, 100); /* something to send at once */
    CHECK(world_closes(&w));
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 1);
    CHECK_EQ(w.error_code, SSH_PROBLEM_LOST);
    CHECK(strstr(w.error, "Changing the keys of the connection failed") != NULL);
    CHECK(!w.server->broken); /* all that it got was sealed under the old keys */
    world_free(&w);
}

static void test_other_host_key(enum mini_cipher cipher, size_t chunk)
{
    struct ssh_world w;
    const char *first, *second;

    open_world(&w, cipher, MINI_NO_FAULT);
    w.chunk = chunk;
    w.server->rekey_other_host_key = true;
    mini_start_rekey(w.server);
    CHECK(world_closes(&w));
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 1);
    CHECK_EQ(w.error_code, SSH_PROBLEM_HOST_KEY_CHANGED);
    first = strstr(w.error, "SHA256:");
    second = first ? strstr(first + 1, "SHA256:") : NULL;
    CHECK(first && second && strncmp(first, second, 50) != 0);
    CHECK(first && strncmp(first, strstr(w.host_key, "SHA256:"), 50) == 0);
    world_free(&w);
}

static void test_bad_signature(enum mini_cipher cipher, size_t chunk)
{
    struct ssh_world w;

    open_world(&w, cipher, MINI_NO_FAULT);
    w.chunk = chunk;
    w.server->rekey_bad_signature = true;
    mini_start_rekey(w.server);
    CHECK_EQ(ssh_session_write(w.session, (const uint8_t *)"secret", 6), 6);
    CHECK(world_closes(&w));
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 1);
    CHECK(strstr(w.error, "Changing the keys of the connection failed") != NULL);
    CHECK_EQ(w.server->received_len, 0);
    world_free(&w);
}

/* So many exchanges that forgetting anything in each would show. libssh2 does: two MAC keys of
 * 80 bytes that AES-GCM has no use for. */
static void test_many(enum mini_cipher cipher)
{
    struct ssh_world w;
    size_t before;

    open_world(&w, cipher, MINI_NO_FAULT);
    mini_start_rekey(w.server);
    world_settle(&w);
    before = w.session->hooks.heap.in_use;
    for (int i = 0; i < 50; i++) {
        mini_start_rekey(w.server);
        world_settle(&w);
    }
    CHECK_EQ(w.server->exchanges, 52);
    CHECK_EQ(w.session->hooks.heap.in_use - before, cipher == MINI_AES128_GCM ? 50 * 160 : 0);
    CHECK_EQ(w.server->violations, 0);
    CHECK(!w.server->broken);
    world_free(&w);
}

/* ---- phases ---- */

static const uint8_t newkeys[] = {21}, reply[] = {31, 0, 0, 0, 1, 'a'}, success[] = {52},
                     service[] = {6, 0, 0, 0, 0}, data[] = {94, 0, 0, 0, 0, 0, 0, 0, 1, 'a'};

/* Before there are keys nobody vouches for a packet: none may be kept until there are. */
static void test_before_keys(void)
{
    static const struct {
        const uint8_t *packet;
        size_t len;
    } cases[] = {{newkeys, sizeof newkeys},
                 {success, sizeof success},
                 {service, sizeof service},
                 {data, sizeof data}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ssh_world w;
        struct ssh_config config;

        world_init(&w, MINI_CHACHA20, MINI_NO_STRICT, &config);
        mini_send(w.server, cases[i].packet, cases[i].len);
        world_start(&w, &config);
        CHECK(world_closes(&w));
        CHECK_EQ(w.count[SSH_EVENT_ERROR], 1);
        CHECK_EQ(w.error_code, SSH_PROBLEM_HANDSHAKE);
        CHECK(strstr(w.error, "has no place before the first keys are agreed") != NULL);
        CHECK_EQ(w.count[SSH_EVENT_HOST_KEY], 0);
        world_free(&w);
    }
}

static void test_before_login(void)
{
    struct ssh_world w;

    open_world(&w, MINI_CHACHA20, MINI_HOLD_AUTH);
    mini_send(w.server, data, sizeof data);
    CHECK(world_closes(&w));
    CHECK_EQ(w.error_code, SSH_PROBLEM_LOST);
    CHECK(strstr(w.error, "a packet of type 94 has no place before the login") != NULL);
    world_free(&w);
}

static void test_out_of_the_blue(void)
{
    static const struct {
        const uint8_t *packet;
        size_t len;
        bool in_kex;
    } cases[] = {{newkeys, sizeof newkeys, false}, {newkeys, sizeof newkeys, true},
                 {reply, sizeof reply, false},     {service, sizeof service, true},
                 {success, sizeof success, true},  {NULL, 0, true}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ssh_world w;

        open_world(&w, MINI_CHACHA20, MINI_NO_FAULT);
        w.server->rekey_hold = true;
        if (cases[i].in_kex)
            mini_start_rekey(w.server);
        if (cases[i].packet)
            mini_send(w.server, cases[i].packet, cases[i].len);
        else
            mini_start_rekey(w.server); /* a second time */
        CHECK(world_closes(&w));
        CHECK_EQ(w.count[SSH_EVENT_ERROR], 1);
        CHECK_EQ(w.error_code, SSH_PROBLEM_LOST);
        if (!CHECK(strstr(w.error, cases[i].in_kex ? "no place in a key exchange"
                                                   : "no place here") != NULL))
            fprintf(stderr, "    case %zu: %s\n", i, w.error);
        world_free(&w);
    }
}

int main(void)
{
    world_random(3);
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        for (size_t chunk = 0; chunk < 100; chunk += 97) {
            test_other_cipher(ciphers[i], chunk);
            test_other_host_key(ciphers[i], chunk);
            test_bad_signature(ciphers[i], chunk);
        }
        test_many(ciphers[i]);
    }
    test_before_keys();
    test_before_login();
    test_out_of_the_blue();
    return TEST_DONE();
}
