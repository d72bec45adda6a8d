/*
 * OpenSSH's known_hosts text (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), read and changed as a whole:
 *
 *   build-01,100.64.0.5 ssh-ed25519 AAAA… comment     a list of names and patterns (* ? !not)
 *   [build-01]:2222 ssh-ed25519 AAAA…                 a port that is not 22
 *   |1|salt|hash ssh-ed25519 AAAA…                    one name, hashed: HMAC-SHA1(salt, name)
 *   @revoked * ssh-rsa AAAA…                          a key never to be taken
 *   @cert-authority *.example ssh-ed25519 AAAA…       whoever signs certificates of these hosts
 *
 * Names are compared in lower case. Lines that are not understood count for nothing and are kept
 * where they are. A changed text is made anew, in *out, up to that buf's ceiling: 0,
 * IPN_ERR_FULL over it, IPN_ERR_NOMEM.
 */
#ifndef SSH_SSH_KNOWN_HOSTS_H
#define SSH_SSH_KNOWN_HOSTS_H

#include "base/buf.h"

#define SSH_KNOWN_HOSTS_MAX_LEN \
    (256 << 10) /* of a text: some 2,500 keys; the page stores it whole */
#define SSH_KNOWN_NAME_CAP 300              /* "[name]:65535" with its NUL */
#define SSH_HOST_KEY_MAX_LEN 4096           /* a key blob; RSA of 16,384 bits has 2,080 bytes */

/* host as known_hosts writes it: lower case, "[host]:port" unless the port is 22 (or 0, the same).
 * False if it is empty, too long, or holds what a known_hosts name cannot (blanks, commas, …). */
bool ssh_known_hosts_name(char dst[SSH_KNOWN_NAME_CAP], const char *host, uint16_t port);

/* What is known of a host: lines "type base64\n". */
struct ssh_known_keys {
    struct buf keys, revoked, authorities;
};

void ssh_known_keys_init(struct ssh_known_keys *k);
void ssh_known_keys_wipe(struct ssh_known_keys *k);

/* Appends what text says of name, which is as ssh_known_hosts_name gives it. 0 or an error of
 * buf_append. */
int ssh_known_hosts_find(struct ssh_known_keys *found, struct bytes text, const char *name);

/* Whether the pattern, with * and ? in it and in any case, is all of name (in lower case). */
bool ssh_known_hosts_pattern(struct bytes pattern, const char *name);

/* "name type base64" for a key blob, without newline and NUL, appended. IPN_ERR_ARG: no key. */
int ssh_known_hosts_line(struct buf *out, const char *name, struct bytes blob);

/* text with line at its end (unless it is in it already), and without the keys of the names in
 * replaces ("a,[b]:2222", may be empty): see remove. */
int ssh_known_hosts_add(struct buf *out, struct bytes text, struct bytes line,
                        struct bytes replaces);

/* text without the keys of this name: it leaves lists of names, the line goes with the last one.
 * Patterns, revoked keys and authorities stay. The count of lines changed, or < 0. */
int ssh_known_hosts_remove(struct buf *out, struct bytes text, const char *name);

#endif
