/*
 * SSH: the second half of ipn.h, which includes it. One id is one channel: a shell, a command, a
 * forwarded connection, files. Connections belong to the engine: ids that want the same one (node,
 * port, user, credentials, way) share it, and an idle one is kept for five minutes.
 */
#ifndef IPN_SSH_H
#define IPN_SSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ipn;

/* What SSH_STEP tells as done, in this order; a connection that is shared tells none it did not
 * do for this id. */
enum ipn_ssh_step {
    IPN_SSH_STEP_NAME = 1, /* the node is known */
    IPN_SSH_STEP_ROUTE,    /* the tunnel to it is up */
    IPN_SSH_STEP_TCP,
    IPN_SSH_STEP_VERSION,  /* detail: its version line */
    IPN_SSH_STEP_KEX,
    IPN_SSH_STEP_HOST_KEY, /* detail: "type SHA256:…" */
    IPN_SSH_STEP_AUTH,
};

enum ipn_ssh_prompt {
    IPN_SSH_PROMPT_KEYBOARD_INTERACTIVE = 1,
    IPN_SSH_PROMPT_PASSWORD,
    IPN_SSH_PROMPT_PASSPHRASE,
    IPN_SSH_PROMPT_NEW_PASSWORD,
};

/*
 * A forward's bytes are held until its first ipn_ssh_credit (0 will do): so `via` finds them.
 *
 * fields: NAME\0VALUE\0 …, copied; the caller wipes its own.
 *   host user port(22) timeout(ms, 5000: to OPEN, waits for a person or a turn excepted)
 *   kind     shell (also a command or a subsystem), forward, sftp, test (up to authentication)
 *   term command subsystem pty(1) rows cols env.NAME
 *   password key(up to 4 times) passphrase
 *   prompts(1: SSH_PROMPT is answered) askHostKey(1, 2: SSH_HOST_KEY is) replaceHostKey(SHA256:…)
 *   agent(1) keepAlive(ms, 30000) retries retryDelay(ms, 2000) reuse(0: a connection of its own)
 *   destHost destPort   of a forward
 *   on       the id whose connection is used
 *   via      the id of an open forward: its bytes carry this connection
 * An id > 0; everything else, unknown hosts included, comes as events. IPN_ERR_NOMEM, IPN_ERR_ARG
 * for fields that are wrong, IPN_ERR_FULL over the number of ids, IPN_ERR_STATE after LOGGED_OUT.
 *
 * SSH_OPEN's aux: host key type, its fingerprint, key exchange, cipher in, cipher out, MAC in, MAC
 * out ("" with an AEAD), authentication, why the host key is trusted (pinned, known, accepted); each
 * ends in NUL.
 * SSH_HOST_KEY with code 1 is a changed key, for information: its aux is the known one as text.
 * SSH_PROMPT's text: name, instruction, then each prompt with '1' (echo) or '0' in front; each
 * ends in NUL.
 */
int ipn_ssh_open(struct ipn *ipn, const uint8_t *fields, size_t len, uint64_t now_ms);
int ipn_ssh_write(struct ipn *ipn, uint32_t id, const uint8_t *src, size_t len, uint64_t now_ms);
int ipn_ssh_eof(struct ipn *ipn, uint32_t id, uint64_t now_ms);
int ipn_ssh_resize(struct ipn *ipn, uint32_t id, int rows, int cols, uint64_t now_ms);
int ipn_ssh_credit(struct ipn *ipn, uint32_t id, size_t len, uint64_t now_ms);
int ipn_ssh_answer_host_key(struct ipn *ipn, uint32_t id, bool accept, uint64_t now_ms);
/* answers: one NUL-terminated field per prompt, wiped by the caller; NULL, 0: cancelled.
 * IPN_ERR_STATE: nothing was asked. */
int ipn_ssh_answer_prompt(struct ipn *ipn, uint32_t id, const uint8_t *answers, size_t len,
                          uint64_t now_ms);
int ipn_ssh_answer_agent(struct ipn *ipn, uint32_t id, int request, bool allow, uint64_t now_ms);
/* name: "INT", "TERM", … (RFC 4254 section 6.10). IPN_ERR_STATE before OPEN. */
int ipn_ssh_signal(struct ipn *ipn, uint32_t id, const char *name, uint64_t now_ms);
int ipn_ssh_close(struct ipn *ipn, uint32_t id, uint64_t now_ms);

/*
 * Requests on an id of kind sftp, numbered by the caller, > 0, several at once. fields:
 *   request op(number of enum ssh_sftp_op) path path2 offset length mode flags
 * DONE ends each; its status is 0 (with a path for READLINK and REALPATH), or SSH_FX_* > 0 or enum
 * ipn_err < 0 (with a sentence). Attributes are 40 bytes:
 * u32le valid (1 size, 2 owner, 4 mode, 8 times), u32le mode, u64le size, u32le uid, gid, atime,
 * mtime, 8 zeros.
 */
int ipn_sftp_request(struct ipn *ipn, uint32_t id, const uint8_t *fields, size_t len,
                     uint64_t now_ms);
int ipn_sftp_write(struct ipn *ipn, uint32_t id, uint32_t request, const uint8_t *src, size_t len,
                   uint64_t now_ms); /* the count taken */
int ipn_sftp_end(struct ipn *ipn, uint32_t id, uint32_t request, uint64_t now_ms);
int ipn_sftp_credit(struct ipn *ipn, uint32_t id, uint32_t request, size_t len, uint64_t now_ms);
int ipn_sftp_cancel(struct ipn *ipn, uint32_t id, uint32_t request, uint64_t now_ms);

/* Replaces all of the known hosts (OpenSSH known_hosts text); STORE and KNOWN_HOSTS follow. Also
 * gives the core what was stored, before ipn_run. */
int ipn_known_hosts_set(struct ipn *ipn, const uint8_t *text, size_t len, uint64_t now_ms);
/* 1: removed, STORE and KNOWN_HOSTS follow; 0: there was no such line. port 0 = 22. */
int ipn_known_hosts_remove(struct ipn *ipn, const char *host, uint16_t port, uint64_t now_ms);

/* A new ed25519 key: an id > 0, then IPN_EVENT_KEY. comment: one line of at most 255 bytes, or
 * IPN_ERR_ARG. */
int ipn_ssh_keygen(struct ipn *ipn, const char *comment, uint64_t now_ms);
/* Reads a private key as a log-in would, without a passphrase: an id > 0, then
 * IPN_EVENT_KEY_CHECKED. */
int ipn_ssh_key_check(struct ipn *ipn, const uint8_t *text, size_t len, uint64_t now_ms);

#endif
