/*
 * What the page wants of one SSH id, read from the block of ipn_ssh_open:
 *
 *   host\0server\0user\0root\0port\0 2222\0env.LANG\0C.UTF-8\0 ...      NAME\0VALUE\0, any order
 *
 * The names and their meanings are in include/ipn_ssh.h.
 */
#ifndef IPN_IPN_SSH_OPTIONS_H
#define IPN_IPN_SSH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    IPN_SSH_MAX_KEYS = 4,               /* private keys to try; servers stop at six attempts */
    IPN_SSH_MAX_FIELDS_LEN = 512 << 10, /* the whole block: four keys, environment, command */
    IPN_SSH_MAX_USER_LEN = 1024,
    IPN_SSH_MAX_NAME_LEN = 255, /* hosts, subsystems */
    IPN_SSH_MAX_TERM_LEN = 128,         /* libssh2: with the terminal modes at most 256 */
    IPN_SSH_MAX_COMMAND_LEN = 32000, /* has to fit in one SSH packet, as the following two */
    IPN_SSH_MAX_ENV_VALUE_LEN = 16 << 10,
    IPN_SSH_MAX_SECRET_LEN = 16 << 10,  /* password, passphrase */
    IPN_SSH_MAX_ENV_NAME_LEN = 1024,
    IPN_SSH_MAX_ENV_LEN = 64 << 10,     /* all of it; a server takes a handful of variables */
    IPN_SSH_MAX_KEY_LEN = 64 << 10,
    IPN_SSH_MAX_RETRIES = 100
};

enum ipn_ssh_kind { IPN_SSH_SHELL, IPN_SSH_FORWARD, IPN_SSH_SFTP, IPN_SSH_TEST };

struct ipn_ssh_options {
    unsigned refs;
    enum ipn_ssh_kind kind;
    const char *host, *user, *dest_host; /* "" = not given */
    const char *term;
    const char *command, *subsystem;     /* "": a shell */
    const char *password, *passphrase;   /* NULL = none; "" is one, too */
    const char *keys[IPN_SSH_MAX_KEYS];
    size_t key_count;
    const char *replace_host_key;        /* "SHA256:…" or "" */
    const char *env;                     /* NAME\0VALUE\0 … */
    size_t env_len;
    uint32_t port, dest_port, rows, cols;
    uint32_t timeout_ms, keep_alive_ms;  /* 0 = none for keep_alive */
    uint32_t retries, retry_delay_ms;
    uint32_t via, on;                    /* ids; 0 = none */
    uint32_t pty, prompts, agent, reuse; /* 0 or 1 */
    uint32_t ask_host_key; /* 0, 1, or 2: somebody else answers (same_questions) */
    uint8_t *block;                      /* what all of them point into, and its twin for env */
    size_t block_len;
    char problem[160];                   /* IPN_ERR_FULL: what is too long, as a sentence */
};

/* Copies what it needs of fields; free with ipn_ssh_options_wipe in any case. 0; IPN_ERR_NOMEM;
 * IPN_ERR_ARG: an unknown name, a number out of range, a value without its end, what is needed is
 * missing; IPN_ERR_FULL: something is too long for SSH: *out is good as far as host and port, and
 * out->problem says what. */
int ipn_ssh_options_parse(struct ipn_ssh_options *out, const uint8_t *fields, size_t len);
void ipn_ssh_options_wipe(struct ipn_ssh_options *o);

/* On the heap and held by several: the id that asked, and the connection it made. release wipes
 * and frees with the last one; *o is NULL afterwards. */
struct ipn_ssh_options *ipn_ssh_options_share(struct ipn_ssh_options *o);
void ipn_ssh_options_release(struct ipn_ssh_options **o);

#endif
