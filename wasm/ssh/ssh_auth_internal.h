/*
 * Logging in as its own files see it.
 *
 *   ssh_auth.c             the server's answers, which method is next, the end
 *   ssh_auth_publickey.c   keys and certificates
 *   ssh_auth_password.c    password, and its change
 *   ssh_auth_kbdint.c      keyboard-interactive
 *   ssh_auth_event.c       what is to be told, in a queue
 *   ssh_auth_session.c     the way into ssh_session
 */
#ifndef SSH_SSH_AUTH_INTERNAL_H
#define SSH_SSH_AUTH_INTERNAL_H

#include "base/err.h"
#include "ssh/ssh_auth.h"
#include "ssh/ssh_event.h"
#include "ssh/ssh_key.h"
#include "ssh/ssh_wire.h"

enum ssh_auth_message {
    EXT_INFO = 7,
    USERAUTH_REQUEST = 50,
    USERAUTH_FAILURE = 51,
    USERAUTH_SUCCESS = 52,
    USERAUTH_60 = 60, /* PK_OK, PASSWD_CHANGEREQ or INFO_REQUEST: by the method under way */
    USERAUTH_INFO_RESPONSE = 61
};

enum {
    AUTH_MAX_ASKED = 3,             /* times that one and the same thing is asked for */
    AUTH_MAX_PARTIAL = 8,           /* methods that together let somebody in */
    AUTH_MAX_ROUNDS = 100,          /* questions of one keyboard-interactive */
    AUTH_MAX_PROMPTS = 32,          /* of one question */
    AUTH_MAX_PACKET_LEN = 32 << 10,
    AUTH_MAX_ANSWER_LEN = 16 << 10, /* of one question */
    AUTH_MAX_QUEUED_LEN = 64 << 10,
    AUTH_MAX_SESSION_ID_LEN = 64,
    AUTH_MAX_LIST_LEN = 1024,       /* of methods, of signature algorithms; what is over is cut */
    AUTH_MAX_TRIED_LEN = 512
};

enum ssh_auth_method { AUTH_NONE, AUTH_PUBLICKEY, AUTH_KBDINT, AUTH_PASSWORD };

enum ssh_auth_state {
    AUTH_CHOOSING,  /* which method is next */
    AUTH_AWAITING,  /* the server's answer to `method` */
    AUTH_ASKING,    /* a person's */
    AUTH_ENDED
};

/* What is sent when the person has answered. */
enum ssh_auth_question { ASK_PASSPHRASE, ASK_PASSWORD, ASK_NEW_PASSWORD, ASK_KBDINT };

struct auth_key {
    const char *text;
    struct ssh_key *key; /* NULL: not opened yet, or not to be opened */
    struct buf blob;     /* its public half, once known */
    struct buf cert;     /* the certificate for it, if there is one */
    bool loaded, skipped, locked;
    bool given_tried, wrong; /* the given passphrase was; the last one was */
    bool cert_tried, tried; /* since the last partial success */
    bool used;              /* for a partial success: not again */
    unsigned asked;         /* for its passphrase */
};

struct auth_event_node;
struct algorithm;

struct ssh_auth {
    struct ssh_auth_config config;
    enum ssh_auth_state state;
    enum ssh_auth_method method;
    enum ssh_auth_question question;
    unsigned prompt_count;
    bool started, out_of_memory, end_told;

    struct auth_event_node *events, **events_end, *lent;
    size_t events_len;

    uint8_t session_id[AUTH_MAX_SESSION_ID_LEN];
    size_t session_id_len;
    char methods[AUTH_MAX_LIST_LEN];        /* what the server would take */
    char sig_algorithms[AUTH_MAX_LIST_LEN]; /* server-sig-algs */
    bool has_sig_algorithms;
    unsigned partial_count;
    char passed[64];                 /* methods that led to partial success or in */
    char tried[AUTH_MAX_TRIED_LEN];  /* and refused */
    char notes[AUTH_MAX_TRIED_LEN];  /* sentences about what could not be tried */

    /* publickey */
    struct auth_key keys[SSH_MAX_PRIVATE_KEYS];
    size_t key_count, key_at;
    bool with_cert, signing;
    const struct algorithm *algorithm; /* of the request under way */

    /* password, keyboard-interactive; the counts since the last partial success */
    bool given_sent, given_answered; /* the given password: by password, by keyboard-interactive */
    bool given_refused;
    bool given_is_answer; /* the answers under way are the given password */
    unsigned asked; /* how often a person was asked and refused */
    bool kbdint_off, info_seen;
    unsigned rounds;
    struct buf old_password; /* while a new one is asked for */
};

/* ---- events (ssh_auth_event.c) ---- */

void auth_push(struct ssh_auth *a, enum ssh_auth_event_type type, int code, struct bytes text);
void auth_push_text(struct ssh_auth *a, enum ssh_auth_event_type type, const char *text);
void auth_events_wipe(struct ssh_auth *a);

/* Queues the packet in b for sending if ok, and empties b; the answer is awaited then. */
void auth_send(struct ssh_auth *a, struct buf *b, bool ok);
/* Starts a request: [50][user]["ssh-connection"][method]. */
bool auth_put_request(struct buf *b, const struct ssh_auth *a, const char *method);

/* ---- the end, and what leads to it (ssh_auth.c) ---- */

/* When nothing is awaited: sends or asks what is next, or fails. */
void auth_choose(struct ssh_auth *a);
void auth_fail(struct ssh_auth *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The server sent what it may not send. */
void auth_fail_protocol(struct ssh_auth *a);
/* What is secret goes as soon as it is of no more use; keep: but for the opened keys. */
void auth_forget(struct ssh_auth *a, bool keep);
/* Adds to the list of what was refused, once. */
void auth_note_tried(struct ssh_auth *a, const char *what);
/* Adds a sentence about what could not be tried. */
void auth_note(struct ssh_auth *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline struct bytes auth_text(const char *text)
{
    struct bytes b = {(const uint8_t *)text, 0};

    while (text[b.len])
        b.len++;
    return b;
}

#endif
