/* ssh_kex.c: what may come when, and re-keys that go wrong. */
#include <stdio.h>
#include <stdlib.h>

#include "ssh/ssh_session_internal.h"
#include "support/ssh/ssh_world.h"
#include "test.h"

static const enum mini_cipher ciphers[] = {MINI_CHACHA20, MINI_AES128_GCM, MINI_AES128_CTR_ETM};

/* ---- what we offer ---- */

/* The name lists of the client's last KEXINIT, each on a line. */
static void offered(const struct ssh_world *w, char *dst, size_t cap)
{
    const uint8_t *p = w->server->kexinit[0];
    size_t at = 17, len = 0;

    for (int i = 0; i < 10 && at + 4 <= w->server->kexinit_len[0]; i++) {
        uint32_t n = load_be32(p + at);

        len += (size_t)snprintf(dst + len, cap - len, "%.*s\n", (int)n, (const char *)p + at + 4);
        at += 4 + n;
    }
    CHECK_EQ(w->server->kexinit_len[0] - at, 5); /* no guess follows; reserved */
    CHECK(bytes_are_zero(p + at, 5));
}

/* Nothing with SHA-1, CBC, RC4, MD5 or a group below 2048 bits; strict-kex always. */
static void test_offer(void)
{
    static const char kex[] = "ext-info-c,kex-strict-c-v00@openssh.com,"
                              "curve25519-sha256,curve25519-sha256@libssh.org,"
                              "ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
                              "diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,"
                              "diffie-hellman-group14-sha256\n",
                      host_keys[] = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
                                    "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256\n",
                      ciphers_offered[] =
                          "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,"
                          "aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr\n",
                      macs[] = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,"
                               "hmac-sha2-256,hmac-sha2-512\n";
    char expected[2000], lists[2000] = "";
    struct ssh_world w;

    world_open(&w, MINI_AES128_CTR_ETM, MINI_NO_FAULT);
    snprintf(expected, sizeof expected, "%s%s%s%s%s%snone\nnone\n\n\n", kex, host_keys,
             ciphers_offered, ciphers_offered, macs, macs);
    world_free(&w);

    world_init(&w, MINI_AES128_CTR_ETM, MINI_NO_COMMON_KEX, &(struct ssh_config){.user = "u"});
    world_start(&w, &(struct ssh_config){.user = "u"});
    world_settle(&w);
    offered(&w, lists, sizeof lists);
    CHECK_STR(lists, expected);
    world_free(&w);

    /* In a re-key, the same ways to agree on a key, and otherwise only what is in use. */
    world_open(&w, MINI_AES128_CTR_ETM, MINI_NO_FAULT);
    mini_start_rekey(w.server);
    world_settle(&w);
    offered(&w, lists, sizeof lists);
    snprintf(expected, sizeof expected,
             "%sssh-ed25519\naes128-ctr\naes128-ctr\nhmac-sha2-256-etm@openssh.com\n"
             "hmac-sha2-256-etm@openssh.com\nnone\nnone\n\n\n",
             kex);
    CHECK_STR(lists, expected);
    world_free(&w);
}

/* ---- re-keys of the server ---- */

/* libssh2 would seal with the new cipher's code and the old one's keys from the KEXINIT on. */
static void test_other_cipher(enum mini_cipher cipher, size_t chunk)
{
    struct ssh_world w;

    world_open(&w, cipher, MINI_NO_FAULT);
    w.chunk = chunk;
    w.server->rekey_other_cipher = true;
    mini_start_rekey(w.server);
    ssh_session_resize(w.session, w.channel, 50, 100); /* something to send at once */
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

    world_open(&w, cipher, MINI_NO_FAULT);
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
    CHECK(!w.server->broken); /* behind our NEWKEYS nothing went out under the old keys */
    world_free(&w);
}

static void test_bad_signature(enum mini_cipher cipher, size_t chunk)
{
    struct ssh_world w;

    world_open(&w, cipher, MINI_NO_FAULT);
    w.chunk = chunk;
    w.server->rekey_bad_signature = true;
    mini_start_rekey(w.server);
    CHECK_EQ(ssh_session_write(w.session, w.channel, (const uint8_t *)"secret", 6), 6);
    CHECK(world_closes(&w));
    CHECK_EQ(w.count[SSH_EVENT_ERROR], 1);
    CHECK(strstr(w.error, "Changing the keys of the connection failed") != NULL);
    CHECK_EQ(w.server->received_len, 0);
    world_free(&w);
}

/* Given up in the midst of it: DISCONNECT only where its keys and its number are beyond doubt. */
static void test_close_in_exchange(enum mini_cipher cipher)
{
    for (size_t stop = 0; stop < 1000; stop += 16) {
        struct ssh_world w;

        world_open(&w, cipher, MINI_NO_FAULT);
        mini_start_rekey(w.server);
        w.server->limited = true;
        w.server->left = stop;
        world_settle(&w);
        ssh_session_close(w.session);
        world_pass(&w, 2000);
        CHECK_EQ(w.count[SSH_EVENT_CLOSED], 1);
        CHECK(!w.server->broken);
        world_free(&w);
    }
}

/* So many exchanges that forgetting anything in each would show. libssh2 does: two MAC keys of
 * 80 bytes that AES-GCM has no use for. */
static void test_many(enum mini_cipher cipher)
{
    struct ssh_world w;
    size_t before;

    world_open(&w, cipher, MINI_NO_FAULT);
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

    world_open(&w, MINI_CHACHA20, MINI_HOLD_AUTH);
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

        world_open(&w, MINI_CHACHA20, MINI_NO_FAULT);
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
    test_offer();
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        for (size_t chunk = 0; chunk < 100; chunk += 97) {
            test_other_cipher(ciphers[i], chunk);
            test_other_host_key(ciphers[i], chunk);
            test_bad_signature(ciphers[i], chunk);
        }
        test_many(ciphers[i]);
        test_close_in_exchange(ciphers[i]);
    }
    test_before_keys();
    test_before_login();
    test_out_of_the_blue();
    return TEST_DONE();
}
