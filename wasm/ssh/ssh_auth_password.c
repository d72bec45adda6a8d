/*
 * password (RFC 4252 section 8):
 *
 *   [50][user][service]["password"][FALSE][password]          > 51, 52, or
 *   [60][prompt][language]: it has expired                     > [50]…[TRUE][old][new]
 */
#include <string.h>

#include "ssh/ssh_auth_methods.h"

static void send_password(struct ssh_auth *a, struct bytes password)
{
    struct buf b;
    bool ok;

    if (password.len > AUTH_MAX_ANSWER_LEN) {
        auth_fail(a, "The password is too long to be sent.");
        return;
    }
    ok = auth_put_request(&b, a, "password") && ssh_put_u8(&b, 0) && ssh_put_string(&b, password);

    /* Needed once more if the server asks for a new one. */
    buf_wipe(&a->old_password);
    if (ok && password.len)
        ok = buf_append(&a->old_password, password.data, password.len) == 0;
    auth_push_text(a, SSH_AUTH_NOTE, "Trying the password");
    auth_send(a, &b, ok);
}

static void ask(struct ssh_auth *a)
{
    struct bytes none = {NULL, 0};
    struct auth_prompt p;
    struct buf text;

    auth_prompt_init(&p, none, auth_text(a->asked || a->given_refused ? "That was refused." : ""));
    buf_init(&text, AUTH_MAX_PACKET_LEN);
    p.ok = p.ok && buf_append(&text, "Password of ", 12) == 0 &&
           buf_append(&text, a->config.user, strlen(a->config.user)) == 0;
    auth_prompt_add(&p, false, (struct bytes){buf_head(&text), text.len});
    buf_wipe(&text);
    auth_ask(a, ASK_PASSWORD, SSH_PROMPT_PASSWORD, &p);
}

bool auth_password_begin(struct ssh_auth *a)
{
    const char *given = a->config.credentials.password;

    a->given_is_answer = given && !a->given_sent && !a->given_refused;
    if (a->given_is_answer) {
        a->given_sent = true;
        send_password(a, auth_text(given));
        return true;
    }
    if (!a->config.can_prompt || a->asked >= AUTH_MAX_ASKED)
        return false;
    ask(a);
    return true;
}

void auth_password_answer(struct ssh_auth *a, struct bytes answers)
{
    send_password(a, auth_take_answer(&answers));
}

void auth_password_refused(struct ssh_auth *a, bool partial)
{
    buf_wipe(&a->old_password);
    if (partial)
        return;
    auth_note_tried(a, "the password");
    if (a->given_is_answer)
        a->given_refused = true;
    else
        a->asked++;
}

/* ---- a new one ---- */

static void ask_new(struct ssh_auth *a, struct bytes instruction)
{
    struct auth_prompt p;

    auth_prompt_init(&p, (struct bytes){NULL, 0}, instruction);
    auth_prompt_add(&p, false, auth_text("New password"));
    auth_prompt_add(&p, false, auth_text("New password again"));
    auth_ask(a, ASK_NEW_PASSWORD, SSH_PROMPT_NEW_PASSWORD, &p);
}

void auth_password_change(struct ssh_auth *a, struct bytes in)
{
    struct bytes prompt;

    if (!ssh_get_string(&prompt, &in))
        auth_fail_protocol(a);
    else if (a->config.can_prompt)
        ask_new(a, prompt);
    else
        auth_fail(a,
                  "The password of \"%s\" has expired: the server wants a new one, and nobody can "
                  "be asked for it here.",
                  a->config.user);
}

void auth_password_change_answer(struct ssh_auth *a, struct bytes answers)
{
    struct bytes new = auth_take_answer(&answers), again = auth_take_answer(&answers);
    struct bytes old = {buf_head(&a->old_password), a->old_password.len};
    struct buf b;

    if (!new.len || new.len != again.len || !bytes_equal(new.data, again.data, new.len)) {
        ask_new(a, auth_text(new.len ? "The two were not the same." : "It may not be empty."));
        return;
    }
    a->given_is_answer = false;
    auth_send(a, &b,
              auth_put_request(&b, a, "password") && ssh_put_u8(&b, 1) && ssh_put_string(&b, old) &&
                  ssh_put_string(&b, new));
}
