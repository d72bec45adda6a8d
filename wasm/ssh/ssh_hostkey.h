/*
 * Host keys: what is known of the host when the session begins, and what the decision was. Private to
 * ssh/; part of struct ssh_session.
 */
#ifndef SSH_SSH_HOSTKEY_H
#define SSH_SSH_HOSTKEY_H

#include "base/buf.h"
#include "ssh/ssh_known_hosts.h"

#define SSH_FINGERPRINT_LEN (7 + 43) /* "SHA256:" and base64 without padding */

struct ssh_config;
struct ssh_session;

struct ssh_hostkey {
    struct buf known, revoked; /* "type base64\n" lines of known_hosts that concern this host */
    struct buf names;          /* that it was looked up by, "a,[b]:2222" */
    char
        name[SSH_KNOWN_NAME_CAP]; /* that a new line is written under; "" = nothing is remembered */
    bool other_port; /* known is of the same host's port 22: it proves, but refutes nothing */
    char
        replace[SSH_FINGERPRINT_LEN + 1]; /* the fingerprint to take in place of the known; or "" */
    bool replaces;
    const char *trust; /* "pinned", "known" or "accepted"; NULL before */
    uint8_t hash[32]; /* of the key that was shown first */
};

/* Looks the host up in config's known hosts. 0 or IPN_ERR_NOMEM. */
int ssh_hostkey_init(struct ssh_session *s, const struct ssh_config *config);
void ssh_hostkey_wipe(struct ssh_session *s);

/* Host key algorithms to ask for, best first: those pinned or known, then all others. */
const char *ssh_hostkey_preference(const struct ssh_session *s, char *dst, size_t cap);

/* Right after the first key exchange: true to go on at once. */
bool ssh_hostkey_step(struct ssh_session *s);

/* A person's answer, in state SSH_HOST_KEY_ANSWER. */
void ssh_hostkey_answer(struct ssh_session *s, bool accept);

/* "SHA256:…" of a key blob, as ssh-keygen -l prints it. */
void ssh_hostkey_fingerprint(char dst[SSH_FINGERPRINT_LEN + 1], struct bytes blob);

#endif
