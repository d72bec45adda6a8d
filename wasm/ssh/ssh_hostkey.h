/*
 * Host keys: what is known of the host when the session begins, and what the decision was. Private to
 * ssh/; part of struct ssh_session.
 */
#ifndef SSH_SSH_HOSTKEY_H
#define SSH_SSH_HOSTKEY_H

#include "base/buf.h"
#include "ssh/ssh_known_hosts.h"
#include "ssh/ssh_session.h"

#define SSH_FINGERPRINT_LEN (7 + 43) /* "SHA256:" and base64 without padding */

struct ssh_session;

struct ssh_hostkey {
    struct ssh_known_keys known; /* of known_hosts, what concerns this host */
    bool other_port; /* known.keys are of the same host's port 22: they prove, but refute nothing */
    /* The names it was looked up by, as on port 22, and what a new line is written under ("" = none
     * is). */
    char hosts[SSH_MAX_HOST_NAMES][SSH_KNOWN_NAME_CAP], name[SSH_KNOWN_NAME_CAP];
    size_t host_count;
    uint16_t port;
    /* The fingerprint to take in place of a known one, or "". */
    char replace[SSH_FINGERPRINT_LEN + 1];
    bool replaces;
    const char *trust; /* "pinned", "known" or "accepted"; NULL before */
    uint8_t hash[32]; /* of the key that was asked about */
};

/* Looks the host up in config's known hosts. 0 or IPN_ERR_NOMEM. */
int ssh_hostkey_init(struct ssh_session *s, const struct ssh_config *config);
void ssh_hostkey_wipe(struct ssh_session *s);

/* Host key algorithms to ask for, best first: certificates if an authority for this host is known,
 * those pinned or known, then all others. */
#define SSH_HOSTKEY_PREFERENCE_CAP 512
const char *ssh_hostkey_preference(const struct ssh_session *s, char *dst, size_t cap);

/* Right after the first key exchange: true to go on at once. */
bool ssh_hostkey_step(struct ssh_session *s);

/* A person's answer, in state SSH_HOST_KEY_ANSWER. */
void ssh_hostkey_answer(struct ssh_session *s, bool accept);

/* "SHA256:…" of a key blob, as ssh-keygen -l prints it. */
void ssh_hostkey_fingerprint(char dst[SSH_FINGERPRINT_LEN + 1], struct bytes blob);

#endif
