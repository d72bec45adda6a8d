/*
 * Keys and logging in with the n-th allocation failing, for every n: nothing crashes or leaks, what
 * fails says so, and without a failure everything works. malloc and calloc are wrapped by the linker.
 */
#include "test.h"

#include <stdlib.h>

#include "base/host.h"
#include "ssh/ssh_auth.h"
#include "ssh/ssh_wire.h"

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);

static bool armed;
static unsigned allocations, fail_at;

static bool fails(void)
{
    return armed && allocations++ == fail_at;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

static void sevens(uint8_t *dst, size_t len)
{
    memset(dst, 7, len);
}

static const char *read_file(const char *name)
{
    static char text[8192];
    char path[1024];
    FILE *file;

    snprintf(path, sizeof path, "%s/ssh_keys/%s", TEST_VECTORS, name);
    file = fopen(path, "rb");
    if (!file)
        exit(1);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* Read, written, signed with: true if all of it worked. */
static bool use_key(const char *text)
{
    struct bytes in = {(const uint8_t *)text, strlen(text)}, none = {NULL, 0};
    struct bytes passphrase = {(const uint8_t *)"correct horse", 13};
    struct ssh_key *key;
    struct buf out;
    bool ok = false;

    buf_init(&out, 1 << 16);
    if (ssh_key_parse(&key, in, passphrase) == 0) {
        bool is_rsa = strcmp(ssh_key_type(key), "ssh-rsa") == 0;

        ok = ssh_key_private_text(&out, key, "x") == 0 && ssh_key_public_line(&out, key, "") == 0 &&
             ssh_key_sign(&out, key, is_rsa ? "rsa-sha2-256" : ssh_key_type(key), none) == 0;
        CHECK(ok || out.len == 0 || buf_head(&out)[0] == '-'); /* nothing half */
    } else {
        CHECK(key == NULL);
    }
    ssh_key_free(key);
    buf_wipe(&out);
    return ok;
}

/* ---- a whole login ---- */

static struct ssh_auth *auth;
static bool done, failed;

static void drain(void)
{
    struct ssh_auth_event ev;

    while (auth && ssh_auth_next(auth, &ev)) {
        CHECK(!done && !failed);
        if (ev.type == SSH_AUTH_SEND)
            ssh_auth_sent(auth);
        done = ev.type == SSH_AUTH_DONE;
        failed = ev.type == SSH_AUTH_FAILED;
        if (failed)
            CHECK(ev.text.len > 10);
    }
}

/* A message made without failures, then taken with them. */
static void input(struct buf *b)
{
    armed = true;
    if (auth)
        ssh_auth_input(auth, (struct bytes){buf_head(b), b->len});
    drain();
    armed = false;
    buf_wipe(b);
}

static void refuse(const char *methods, bool partial)
{
    struct buf b;

    buf_init(&b, 1024);
    CHECK(ssh_put_u8(&b, 51) && ssh_put_text(&b, methods) && ssh_put_u8(&b, partial));
    input(&b);
}

static void take_key(struct bytes blob)
{
    struct buf b;

    buf_init(&b, 1024);
    CHECK(ssh_put_u8(&b, 60) && ssh_put_text(&b, "ssh-ed25519") && ssh_put_string(&b, blob));
    input(&b);
}

static void ask(void)
{
    struct buf b;

    buf_init(&b, 1024);
    CHECK(ssh_put_u8(&b, 60) && ssh_put_text(&b, "") && ssh_put_text(&b, "") &&
          ssh_put_text(&b, "") && ssh_put_u32(&b, 1) && ssh_put_text(&b, "Code:") &&
          ssh_put_u8(&b, 0));
    input(&b);
    armed = true;
    if (auth)
        (void)ssh_auth_answer(auth, (const uint8_t *)"1234", 5);
    drain();
    armed = false;
}

static bool log_in(const char *key, struct bytes blob)
{
    struct ssh_auth_config config = {
        .user = "tester", .can_prompt = true, .keep_keys = true, .credentials.private_keys = {key}};
    struct ssh_key *keys[SSH_MAX_PRIVATE_KEYS];
    struct buf b;
    size_t count = 0;

    config.credentials.private_key_count = 1;
    config.credentials.passphrase = "correct horse";
    done = failed = false;
    armed = true;
    auth = ssh_auth_new(&config);
    drain();
    armed = false;
    refuse("publickey", false);
    take_key(blob);
    refuse("keyboard-interactive", true);
    ask();
    buf_init(&b, 16);
    CHECK(ssh_put_u8(&b, 52));
    input(&b);
    CHECK(!auth || done != failed); /* exactly one end */
    if (auth)
        count = ssh_auth_take_keys(auth, keys);
    CHECK(done || !count);
    while (count)
        ssh_key_free(keys[--count]);
    ssh_auth_free(auth);
    auth = NULL;
    return done;
}

int main(void)
{
    static const char *const names[] = {"ed25519.openssh.aes256-gcm", "p256.pkcs8.aes128",
                                        "p521.pem.keygen", "rsa1024.openssh"};
    struct bytes in, blob = {NULL, 0};
    struct ssh_key *key;
    const char *text;
    bool ok;

    host_init(&(struct host_calls){.random_bytes = sevens});
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        text = read_file(names[i]);
        for (fail_at = 0, ok = false; !ok && fail_at < 20000; fail_at += 1 + fail_at / 50) {
            allocations = 0;
            armed = true;
            ok = use_key(text);
            armed = false;
            CHECK(ok || allocations > fail_at); /* only the failure can have stopped it */
        }
        CHECK(ok && allocations <= fail_at);
    }

    text = read_file(names[0]);
    in = (struct bytes){(const uint8_t *)text, strlen(text)};
    CHECK_EQ(ssh_key_parse(&key, in, (struct bytes){(const uint8_t *)"correct horse", 13}), 0);
    blob = ssh_key_public_blob(key);
    for (fail_at = 0; fail_at < 2000; fail_at++) {
        allocations = 0;
        ok = log_in(text, blob);
        if (allocations <= fail_at)
            break;
    }
    CHECK(ok);
    CHECK(fail_at > 20 && fail_at < 2000);
    ssh_key_free(key);
    return TEST_DONE();
}
