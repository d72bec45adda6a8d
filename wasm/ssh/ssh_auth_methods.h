/* The methods, as ssh_auth.c calls them, and what they ask. `none` is its own. */
#ifndef SSH_SSH_AUTH_METHODS_H
#define SSH_SSH_AUTH_METHODS_H

#include "ssh/ssh_auth_internal.h"

/* Begins the next attempt: true if it sent or asked something, false if there is none left. */
bool auth_publickey_begin(struct ssh_auth *a);
bool auth_kbdint_begin(struct ssh_auth *a);
bool auth_password_begin(struct ssh_auth *a);
/* FAILURE to the attempt under way. */
void auth_publickey_refused(struct ssh_auth *a, bool partial);
void auth_kbdint_refused(struct ssh_auth *a, bool partial);
void auth_password_refused(struct ssh_auth *a, bool partial);
/* Message 60, behind its number. */
void auth_publickey_ok(struct ssh_auth *a, struct bytes in);
void auth_kbdint_info(struct ssh_auth *a, struct bytes in);
void auth_password_change(struct ssh_auth *a, struct bytes in);
/* Answers: NUL-ended, as many as were asked for. */
void auth_publickey_answer(struct ssh_auth *a, struct bytes answers);
void auth_kbdint_answer(struct ssh_auth *a, struct bytes answers);
void auth_password_answer(struct ssh_auth *a, struct bytes answers);
void auth_password_change_answer(struct ssh_auth *a, struct bytes answers);

void auth_publickey_init(struct ssh_auth *a);
void auth_publickey_open_all(struct ssh_auth *a); /* those that need no passphrase, or have it */
void auth_publickey_retry(struct ssh_auth *a); /* after a partial success */
void auth_publickey_forget(struct ssh_auth *a, bool keep); /* wipes; keep: the opened keys stay */

/* ---- questions (ssh_auth_event.c) ---- */

/* A question to the person, put together piece by piece; ok: memory sufficed. */
struct auth_prompt {
    struct buf fields;
    unsigned count;
    bool ok;
};
void auth_prompt_init(struct auth_prompt *p, struct bytes name, struct bytes instruction);
void auth_prompt_add(struct auth_prompt *p, bool echo, struct bytes text);
void auth_ask(struct ssh_auth *a, enum ssh_auth_question question, enum ssh_prompt_kind kind,
              struct auth_prompt *p);
/* The next of NUL-ended answers. */
struct bytes auth_take_answer(struct bytes *answers);

#endif
