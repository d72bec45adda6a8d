/*
 * Logging in, without a connection: the test is the server. Each step is one message of the server's
 * and what must come back. A header, so that what is checked here counts in the program that
 * includes it.
 */
#ifndef AUTH_DIALOG_H
#define AUTH_DIALOG_H

#include <stdlib.h>

#include "base/err.h"
#include "prng.h"
#include "ssh/ssh_auth.h"
#include "ssh/ssh_event.h"
#include "ssh/ssh_wire.h"
#include "test.h"

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

/* Runs once all is over. */
static inline void dialog_wipe(void)
{
    ssh_auth_free(auth);
    buf_wipe(&sent);
}

#endif
