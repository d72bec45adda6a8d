/*
 * keyboard-interactive (RFC 4256): whatever the server wants to ask, as often as it likes.
 *
 *   [50][user][service]["keyboard-interactive"][language][submethods]
 *   [60][name][instruction][language][count 4]([prompt][echo 1])*     >   [61][count 4]([answer])*
 *
 * A password that was given answers a single hidden question for a password, once.
 */
#include <stdio.h>
#include <string.h>

#include "ssh/ssh_auth_methods.h"

struct question {
    struct bytes name, instruction;
    uint32_t count;
    struct bytes prompts; /* as they lie in the packet */
    struct bytes first;   /* the text of the first */
    bool echo;            /* and whether its answer may be seen */
};

static bool given_is_left(const struct ssh_auth *a)
{
    return a->config.credentials.password && !a->given_answered && !a->given_refused;
}

bool auth_kbdint_begin(struct ssh_auth *a)
{
    struct buf b;

    if (a->kbdint_off || a->asked >= AUTH_MAX_ASKED || (!given_is_left(a) && !a->config.can_prompt))
        return false;
    a->info_seen = a->given_is_answer = false;
    a->rounds = 0;
    auth_send(a, &b,
              auth_put_request(&b, a, "keyboard-interactive") && ssh_put_text(&b, "") &&
                  ssh_put_text(&b, ""));
    return true;
}

static bool next_prompt(struct bytes *text, bool *echo, struct bytes *in)
{
    uint8_t value;

    if (!ssh_get_string(text, in) || !ssh_get_u8(&value, in))
        return false;
    *echo = value != 0;
    return true;
}

static bool read_question(struct question *q, struct bytes in)
{
    struct bytes language, text;
    bool echo;

    if (!ssh_get_string(&q->name, &in) || !ssh_get_string(&q->instruction, &in) ||
        !ssh_get_string(&language, &in) || !ssh_get_u32(&q->count, &in) ||
        q->count > AUTH_MAX_PROMPTS)
        return false;
    q->prompts = in;
    for (uint32_t i = 0; i < q->count; i++) {
        if (!next_prompt(&text, &echo, &in))
            return false;
        if (i == 0) {
            q->first = text;
            q->echo = echo;
        }
    }
    return true;
}

/* "Password:", "Passwort:", "user@host's password:" */
static bool asks_for_password(struct bytes text)
{
    static const char word[] = "passwor";
    size_t at = 0;

    for (size_t i = 0; i < text.len && at < sizeof word - 1; i++) {
        char c = (char)(text.data[i] | 0x20); /* a letter in lower case */

        at = c == word[at] ? at + 1 : c == word[0] ? 1 : 0;
    }
    return at == sizeof word - 1;
}

/* answers: NUL-ended. */
static void respond(struct ssh_auth *a, uint32_t count, struct bytes answers)
{
    struct buf b;
    bool ok;

    buf_init(&b, AUTH_MAX_PACKET_LEN);
    ok = ssh_put_u8(&b, USERAUTH_INFO_RESPONSE) && ssh_put_u32(&b, count);
    for (uint32_t i = 0; ok && i < count; i++)
        ok = ssh_put_string(&b, auth_take_answer(&answers));
    auth_send(a, &b, ok);
}

static void ask(struct ssh_auth *a, const struct question *q)
{
    struct bytes in = q->prompts, text;
    struct auth_prompt p;
    bool echo;

    auth_prompt_init(&p, q->name, q->instruction);
    for (uint32_t i = 0; i < q->count && next_prompt(&text, &echo, &in); i++)
        auth_prompt_add(&p, echo, text);
    auth_ask(a, ASK_KBDINT, SSH_PROMPT_KEYBOARD_INTERACTIVE, &p);
}

/* Nothing is asked: what there is to read is shown, and the server told to go on. */
static void show(struct ssh_auth *a, const struct question *q)
{
    if (q->name.len)
        auth_push(a, SSH_AUTH_BANNER, 0, q->name);
    if (q->instruction.len)
        auth_push(a, SSH_AUTH_BANNER, 0, q->instruction);
    respond(a, 0, (struct bytes){NULL, 0});
}

static void give_up(struct ssh_auth *a, const struct question *q)
{
    char text[80];
    size_t len = q->first.len < sizeof text - 1 ? q->first.len : sizeof text - 1;

    for (size_t i = 0; i < len; i++)
        text[i] = q->first.data[i] >= ' ' && q->first.data[i] < 127 ? (char)q->first.data[i] : '?';
    text[len] = '\0';
    auth_note(a, "The server asks \"%s\", and nobody can answer that here.", text);
    a->kbdint_off = true;
    a->state = AUTH_CHOOSING; /* another request ends this one (RFC 4256 section 3.1) */
}

void auth_kbdint_info(struct ssh_auth *a, struct bytes in)
{
    const char *given = a->config.credentials.password;
    struct question q;
    bool wants_password;

    if (!read_question(&q, in)) {
        auth_fail_protocol(a);
        return;
    }
    if (++a->rounds > AUTH_MAX_ROUNDS) {
        auth_fail(a, "The server does not stop asking questions.");
        return;
    }
    a->info_seen = true;
    wants_password = q.count == 1 && !q.echo && asks_for_password(q.first);
    if (!q.count) {
        show(a, &q);
    } else if (given_is_left(a) && q.count == 1 && !q.echo &&
               (wants_password || !a->config.can_prompt)) {
        a->given_answered = true;
        a->given_is_answer = wants_password;
        respond(a, 1, (struct bytes){(const uint8_t *)given, strlen(given) + 1});
    } else if (a->config.can_prompt) {
        ask(a, &q);
    } else {
        give_up(a, &q);
    }
}

void auth_kbdint_answer(struct ssh_auth *a, struct bytes answers)
{
    respond(a, a->prompt_count, answers);
}

void auth_kbdint_refused(struct ssh_auth *a, bool partial)
{
    if (partial)
        return;
    if (!a->info_seen) { /* it is on the list, but asks nothing: OpenSSH without PAM */
        a->kbdint_off = true;
        return;
    }
    auth_note_tried(a, a->given_is_answer ? "the password" : "keyboard-interactive");
    if (a->given_is_answer)
        a->given_refused = true;
    else
        a->asked++;
}
