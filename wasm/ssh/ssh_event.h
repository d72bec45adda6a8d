/* What an SSH connection tells its owner (ssh_session_next), in the order it happened. */
#ifndef SSH_SSH_EVENT_H
#define SSH_SSH_EVENT_H

#include "base/bytes.h"

enum ssh_event_type {
    SSH_EVENT_NONE = 0,
    SSH_EVENT_PROGRESS,   /* text: what is being done now, in words */
    SSH_EVENT_HOST_KEY, /* text: "TYPE SHA256:…", behind a blank the other keys known of the host,
                             if any; aux: the key blob. Answer it. With code 1 it has
                             changed, aux: "SHA256:…" as known: ERROR follows, nothing to answer */
    SSH_EVENT_BANNER, /* text: as sent, UTF-8, terminal-safe is the reader's business */
    SSH_EVENT_OPEN, /* channel: shell, command, subsystem or forward is running */
    SSH_EVENT_DATA, /* channel: stdout */
    SSH_EVENT_STDERR, /* channel */
    SSH_EVENT_EXIT, /* channel: code = exit status, -1 = none given; aux = signal name
                             without SIG (then code is 0), or empty */
    SSH_EVENT_ERROR, /* code = enum ssh_problem, text: one sentence a person can act on */
    SSH_EVENT_CLOSED, /* the connection: nothing comes after it */
    SSH_EVENT_WRITABLE, /* channel: ssh_session_write takes bytes again */
    SSH_EVENT_AUTHENTICATED, /* channels are being opened now */
    SSH_EVENT_STEP, /* code: enum ssh_step, done; text: detail */
    SSH_EVENT_PROMPT, /* code: enum ssh_prompt_kind; text: NUL-ended fields: name,
                                 instruction, prompts ('0' hidden or '1' shown, then the text) */
    SSH_EVENT_EOF, /* channel: the far end wrote its last byte */
    SSH_EVENT_CHANNEL_CLOSED, /* channel: its last event */
    SSH_EVENT_AGENT_SIGN, /* code: request; text: "TYPE SHA256:… comment". Answer it. */
    SSH_EVENT_KNOWN_HOST, /* text: a line of known_hosts to remember; aux: names whose other keys it
                             replaces, "a,[b]:2222", or empty */
    /* Of the SFTP request ev.request (ssh_sftp.h). */
    SSH_EVENT_SFTP_ENTRY, /* LIST; text: the name, aux: its attributes */
    SSH_EVENT_SFTP_ATTRS, /* READ, before its first DATA; aux: the file's attributes */
    SSH_EVENT_SFTP_DATA, /* READ; text: bytes */
    SSH_EVENT_SFTP_WRITABLE, /* WRITE takes bytes again; aux as in DONE */
    SSH_EVENT_SFTP_DONE, /* its last; code: 0, a status > 0 or an IPN_ERR_*; text: a sentence,
                                or the path; aux: attributes, of a WRITE how far it got */
    SSH_EVENT_COUNT
};

enum ssh_step { SSH_STEP_VERSION = 1, SSH_STEP_KEX, SSH_STEP_HOST_KEY, SSH_STEP_AUTH };

enum ssh_prompt_kind {
    SSH_PROMPT_KEYBOARD_INTERACTIVE = 1,
    SSH_PROMPT_PASSWORD,
    SSH_PROMPT_PASSPHRASE,
    SSH_PROMPT_NEW_PASSWORD
};

enum ssh_problem {
    SSH_PROBLEM_HANDSHAKE = 1, /* not an SSH server, no common algorithm, broken packets */
    SSH_PROBLEM_HOST_KEY_CHANGED, /* not one of the pinned keys, or refused */
    SSH_PROBLEM_AUTH, /* user or policy refused */
    SSH_PROBLEM_CHANNEL, /* channel, pty, shell, command or forward refused */
    SSH_PROBLEM_LOST, /* the connection broke */
    SSH_PROBLEM_NOMEM,
    SSH_PROBLEM_HOST_KEY_UNKNOWN, /* and nobody to ask */
    SSH_PROBLEM_HOST_KEY_REVOKED,
};

struct ssh_event {
    enum ssh_event_type type;
    int channel, code;
    uint32_t request; /* SFTP's, as the caller numbered it */
    struct bytes text, aux; /* valid until the next call on s */
};

#endif
