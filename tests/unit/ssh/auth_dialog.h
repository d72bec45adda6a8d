/*
 * Logging in, without a connection: the test is the server. Each step is one message of the server's
 * and what must come back. Keys and certificates are those of vectors/ssh_keys. A header, so that
 * what is checked here counts in the program that includes it.
 */
#ifndef AUTH_DIALOG_H
#define AUTH_DIALOG_H

#include <stdlib.h>

#include "base/encoding.h"
#include "base/err.h"
#include "prng.h"
#include "ssh/ssh_auth.h"
#include "ssh/ssh_event.h"
#include "ssh/ssh_wire.h"
#include "test.h"

#define KEYS TEST_VECTORS "/ssh_keys/"

enum { FAILURE = 51, SUCCESS = 52, MESSAGE_60 = 60, MAX_LEN = 32 << 10 };

static const char session_id[] = "the exchange hash";

/* ---- both ends ---- */

static struct ssh_auth *auth;
/* What it told last, by kind; emptied by turn(). */
static struct buf sent;
static char prompt[4096], notes[4096], banners[4096], ended[4096];
static size_t prompt_len;
static int prompt_kind;
static bool is_done, is_failed;

static inline char *read_file(const char *name)
{
    static char block[1 << 16];
    char path[1024], *copy;
    FILE *file;
    size_t len;

    snprintf(path, sizeof path, "%s%s", KEYS, name);
    file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s is missing\n", path);
        exit(1);
    }
    len = fread(block, 1, sizeof block - 1, file);
    fclose(file);
    copy = malloc(len + 1);
    memcpy(copy, block, len);
    copy[len] = '\0';
    return copy;
}

static inline void append(char *dst, struct bytes text)
{
    size_t len = strlen(dst);

    snprintf(dst + len, 4096 - len, "%s%.*s", len ? "|" : "", (int)text.len,
             (const char *)text.data);
}

/* Takes all that auth has to tell. */
static inline void turn(void)
{
    struct ssh_auth_event ev;

    buf_consume(&sent, sent.len);
    prompt_len = 0;
    notes[0] = banners[0] = '\0';
    while (ssh_auth_next(auth, &ev)) {
        CHECK(!is_done && !is_failed); /* nothing comes behind the end */
        switch (ev.type) {
        case SSH_AUTH_SEND:
            CHECK_EQ(sent.len, 0);
            CHECK_EQ(buf_append(&sent, ev.text.data, ev.text.len), 0);
            ssh_auth_sent(auth);
            break;
        case SSH_AUTH_PROMPT:
            prompt_kind = ev.code;
            prompt_len = ev.text.len;
            memcpy(prompt, ev.text.data, ev.text.len);
            break;
        case SSH_AUTH_BANNER:
            append(banners, ev.text);
            break;
        case SSH_AUTH_NOTE:
            append(notes, ev.text);
            break;
        case SSH_AUTH_DONE:
        case SSH_AUTH_FAILED:
            *(ev.type == SSH_AUTH_DONE ? &is_done : &is_failed) = true;
            snprintf(ended, sizeof ended, "%.*s", (int)ev.text.len, (const char *)ev.text.data);
        }
    }
}

static inline void begin(const struct ssh_auth_config *config)
{
    buf_wipe(&sent);
    buf_init(&sent, MAX_LEN);
    is_done = is_failed = false;
    ended[0] = '\0';
    ssh_auth_free(auth);
    auth = ssh_auth_new(config);
    ssh_auth_set_session_id(auth, (struct bytes){(const uint8_t *)session_id, sizeof session_id});
    turn();
}

static inline void input(struct buf *b)
{
    ssh_auth_input(auth, (struct bytes){buf_head(b), b->len});
    buf_wipe(b);
    turn();
}

static inline void fails(const char *methods, bool partial)
{
    struct buf b;

    buf_init(&b, MAX_LEN);
    CHECK(ssh_put_u8(&b, FAILURE) && ssh_put_text(&b, methods) && ssh_put_u8(&b, partial));
    input(&b);
}

static inline void succeeds(void)
{
    struct buf b;

    buf_init(&b, MAX_LEN);
    CHECK(ssh_put_u8(&b, SUCCESS));
    input(&b);
}

static inline void ext_info(const char *algorithms)
{
    struct buf b;

    buf_init(&b, MAX_LEN);
    CHECK(ssh_put_u8(&b, 7) && ssh_put_u32(&b, 2) && ssh_put_text(&b, "other") &&
          ssh_put_text(&b, "x") && ssh_put_text(&b, "server-sig-algs") &&
          ssh_put_text(&b, algorithms));
    ssh_auth_input(auth, (struct bytes){buf_head(&b), b.len});
    buf_wipe(&b);
}

/* INFO_REQUEST; prompts: "0hidden", "1shown", up to NULL. */
static inline void asks(const char *name, const char *instruction, const char *const *prompts)
{
    struct buf b;
    uint32_t count = 0;

    while (prompts[count])
        count++;
    buf_init(&b, MAX_LEN);
    CHECK(ssh_put_u8(&b, MESSAGE_60) && ssh_put_text(&b, name) && ssh_put_text(&b, instruction) &&
          ssh_put_text(&b, "") && ssh_put_u32(&b, count));
    for (uint32_t i = 0; i < count; i++)
        CHECK(ssh_put_text(&b, prompts[i] + 1) && ssh_put_u8(&b, prompts[i][0] == '1'));
    input(&b);
}

/* NUL-ended answers, as of a string literal: answer("a\0b", 4). */
static inline int answer(const char *answers, size_t len)
{
    int rc = ssh_auth_answer(auth, (const uint8_t *)answers, len);

    turn();
    return rc;
}

/* ---- what was sent ---- */

static struct bytes rest; /* of the packet that was sent */

static inline bool take_text(const char *want)
{
    struct bytes got;

    return ssh_get_string(&got, &rest) && ssh_bytes_are(got, want);
}

static inline bool take_u8(uint8_t want)
{
    uint8_t got;

    return ssh_get_u8(&got, &rest) && got == want;
}

static inline bool sent_request(const char *method)
{
    rest = (struct bytes){buf_head(&sent), sent.len};
    return take_u8(50) && take_text("tester") && take_text("ssh-connection") && take_text(method);
}

static inline bool sent_none(void)
{
    return sent_request("none") && !rest.len;
}

static inline bool sent_password(const char *password)
{
    return sent_request("password") && take_u8(0) && take_text(password) && !rest.len;
}

static inline bool sent_kbdint(void)
{
    return sent_request("keyboard-interactive") && take_text("") && take_text("") && !rest.len;
}

static inline bool sent_answers(const char *const *answers)
{
    uint32_t count, want = 0;

    while (answers[want])
        want++;
    rest = (struct bytes){buf_head(&sent), sent.len};
    if (!take_u8(61) || !ssh_get_u32(&count, &rest) || count != want)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!take_text(answers[i]))
            return false;
    }
    return !rest.len;
}

/* The blob of the public line in a file. */
static inline struct bytes blob_in(const char *file)
{
    static uint8_t blob[8192];
    char *line = read_file(file), *base64 = strchr(line, ' ') + 1;
    int len = base64_decode(blob, sizeof blob, base64, strcspn(base64, " \n"));

    free(line);
    CHECK(len > 0);
    return (struct bytes){blob, len > 0 ? (size_t)len : 0};
}

static inline bool sent_blob(const char *file)
{
    struct bytes got, want = blob_in(file);

    return ssh_get_string(&got, &rest) && got.len == want.len &&
           memcmp(got.data, want.data, want.len) == 0;
}

/* Whether the server would take it. */
static inline bool sent_query(const char *algorithm, const char *pub)
{
    return sent_request("publickey") && take_u8(0) && take_text(algorithm) && sent_blob(pub) &&
           !rest.len;
}

static inline void ok(const char *algorithm, const char *pub)
{
    struct buf b;

    buf_init(&b, MAX_LEN);
    CHECK(ssh_put_u8(&b, MESSAGE_60) && ssh_put_text(&b, algorithm) &&
          ssh_put_string(&b, blob_in(pub)));
    input(&b);
}

/* Signed by the key in file; Ed25519 and RSA sign the same twice. ECDSA's is looked at by servers. */
static inline bool sent_signed(const char *algorithm, const char *plain, const char *pub,
                               const char *file)
{
    struct bytes id = {(const uint8_t *)session_id, sizeof session_id}, got;
    struct buf to_sign, want;
    struct ssh_key *key;
    char *text = read_file(file);
    bool good;

    if (!sent_request("publickey") || !take_u8(1) || !take_text(algorithm) || !sent_blob(pub)) {
        free(text);
        return false;
    }
    buf_init(&to_sign, MAX_LEN);
    buf_init(&want, MAX_LEN);
    CHECK_EQ(ssh_key_parse(&key, (struct bytes){(const uint8_t *)text, strlen(text)},
                           (struct bytes){(const uint8_t *)"correct horse", 13}),
             0);
    good = ssh_put_string(&to_sign, id) &&
           buf_append(&to_sign, buf_head(&sent), sent.len - rest.len) == 0 &&
           ssh_key_sign(&want, key, plain, (struct bytes){buf_head(&to_sign), to_sign.len}) == 0 &&
           ssh_get_string(&got, &rest) && !rest.len &&
           (strncmp(plain, "ecdsa", 5) == 0 ||
            (got.len == want.len && memcmp(got.data, buf_head(&want), want.len) == 0));
    buf_wipe(&to_sign);
    buf_wipe(&want);
    ssh_key_free(key);
    free(text);
    return good;
}

static inline bool prompted(enum ssh_prompt_kind kind, const char *fields, size_t len)
{
    if (prompt_len == len && prompt_kind == (int)kind && memcmp(prompt, fields, len) == 0)
        return true;
    fprintf(stderr, "    prompted %d: ", prompt_kind);
    for (size_t i = 0; i < prompt_len; i++)
        fprintf(stderr, "%c", prompt[i] ? prompt[i] : '/');
    fprintf(stderr, "\n");
    return false;
}

#define PROMPTED(kind, fields) CHECK(prompted(kind, fields, sizeof(fields) - 1))
/* Its own NUL ends the last one. */
#define ANSWER(answers) answer(answers, sizeof(answers))

static inline bool ended_with(bool done, const char *text)
{
    if ((done ? is_done : is_failed) && strcmp(ended, text) == 0)
        return true;
    fprintf(stderr, "    %s: %s\n", is_done ? "done" : is_failed ? "failed" : "goes on", ended);
    return false;
}

#define DONE(text) CHECK(ended_with(true, text))
#define FAILED(text) CHECK(ended_with(false, text))

/* A session with these keys; each file is read for as long as the program runs. */
static inline struct ssh_auth_config with_keys(const char *a, const char *b, const char *c)
{
    struct ssh_auth_config config = {.user = "tester"};
    const char *files[] = {a, b, c};
    static char *texts[256];
    static int count;

    for (int i = 0; i < 3 && files[i]; i++) {
        texts[count] = read_file(files[i]);
        config.credentials.private_keys[config.credentials.private_key_count++] = texts[count++];
    }
    while (count > 240)
        abort();
    return config;
}

/* Runs once all is over. */
static inline void dialog_wipe(void)
{
    ssh_auth_free(auth);
    buf_wipe(&sent);
}

#endif
