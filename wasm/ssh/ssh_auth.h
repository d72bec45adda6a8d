/*
 * Who we are: RFC 4252 (none, publickey, password), RFC 4256 (keyboard-interactive), RFC 8332
 * (rsa-sha2-*) and OpenSSH's certificates, as packets in and packets out.
 *
 *   new -> next until 0 -> input, answer -> next ...   until DONE or FAILED
 *
 * The order is OpenSSH's: none, which tells what the server would take; each key, asked for before it
 * signs; keyboard-interactive; password. After a partial success, on with what the server asks for then.
 */
#ifndef SSH_SSH_AUTH_H
#define SSH_SSH_AUTH_H

#include "base/bytes.h"
#include "ssh/ssh_key.h"

#define SSH_MAX_PRIVATE_KEYS 4

/*
 * What the page gives us to log in with. private_keys are texts: OpenSSH, PEM or PKCS #8; one of them
 * may hold a line of a certificate (…-cert-v01@openssh.com) too, or be one: it goes with the key it was
 * made for.
 */
struct ssh_credentials {
    const char *password; /* NULL: none */
    const char *private_keys[SSH_MAX_PRIVATE_KEYS];
    size_t private_key_count;
    const char *passphrase; /* of those that are encrypted; NULL: none */
    bool try_none;          /* Tailscale SSH was hoped for: only for the words of a refusal */
};

struct ssh_auth_config {
    const char *user;
    struct ssh_credentials credentials;
    bool can_prompt; /* somebody answers PROMPT */
    bool keep_keys;  /* for ssh_auth_take_keys */
};

enum ssh_auth_event_type {
    SSH_AUTH_SEND,   /* text: a packet. It comes again and again until ssh_auth_sent. */
    SSH_AUTH_PROMPT, /* code: enum ssh_prompt_kind, text: fields as of SSH_EVENT_PROMPT. Answer it. */
    SSH_AUTH_BANNER, /* text: to be shown */
    SSH_AUTH_NOTE, /* text: what is being done, in words */
    SSH_AUTH_DONE, /* text: the methods that led in, "publickey,password". The last one. */
    SSH_AUTH_FAILED /* text: a sentence. The last one. */
};

struct ssh_auth_event {
    enum ssh_auth_event_type type;
    int code;
    struct bytes text; /* valid until the next call on a */
};

struct ssh_auth;

/* Everything that config points to is borrowed until DONE, FAILED or free. NULL: out of memory. */
struct ssh_auth *ssh_auth_new(const struct ssh_auth_config *config);
void ssh_auth_free(struct ssh_auth *a); /* wipes; NULL is fine */

/* The exchange hash of the first key exchange, which signatures cover: before the first packet. */
void ssh_auth_set_session_id(struct ssh_auth *a, struct bytes id);

/* A message from the server, its number first: EXT_INFO (7) at any time, 51 to 79 after the first
 * packet. What does not fit ends in FAILED. */
void ssh_auth_input(struct ssh_auth *a, struct bytes packet);

/* 1 and *ev, or 0: an answer of the server or of the person is awaited. Signs here. */
int ssh_auth_next(struct ssh_auth *a, struct ssh_auth_event *ev);
void ssh_auth_sent(struct ssh_auth *a);

/* The answers to PROMPT, each ended by NUL; NULL, 0: the person gave up. 0, IPN_ERR_STATE when nothing
 * was asked, IPN_ERR_ARG when they are not as many as were asked for. */
int ssh_auth_answer(struct ssh_auth *a, const uint8_t *answers, size_t len);
bool ssh_auth_is_asking(const struct ssh_auth *a);

/* After DONE, with keep_keys: moves up to SSH_MAX_PRIVATE_KEYS opened keys to the caller; the count. */
size_t ssh_auth_take_keys(struct ssh_auth *a, struct ssh_key *keys[SSH_MAX_PRIVATE_KEYS]);

/* What was tried and refused, "the key SHA256:…, a password", or "". */
const char *ssh_auth_tried(const struct ssh_auth *a);

#endif
