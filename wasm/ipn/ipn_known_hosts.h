/*
 * The known hosts of this page: OpenSSH known_hosts text, kept in the state as base64 under the name
 * "known-hosts" (a state line holds no newlines). Every change is told twice: STORE, and KNOWN_HOSTS
 * with the plain text.
 *
 * Which name a host has. What is stable about a node is its FQDN in the netmap; so if somebody typed
 * the node's own name, short or full, or one of its own addresses, a line is written under the FQDN,
 * and what is looked up is, in this order: what was typed, the FQDN, the short name. The first that
 * knows a key decides: a host verified as "build" is known as "build.tailnet.example" and by its
 * address, and a line that a person imported for just what they typed outweighs what the control
 * server says of names. Everything else (a name from an extra DNS record, an address behind a
 * subnet router, a host behind a jump host) is only what was typed.
 */
#ifndef IPN_IPN_KNOWN_HOSTS_H
#define IPN_IPN_KNOWN_HOSTS_H

#include "ssh/ssh_session.h"

struct ipn;
struct ipn_stream;

struct ipn_known_hosts {
    uint8_t *text; /* NULL: empty */
    size_t len;
};

/* Lent to a config until the session is made. */
struct ipn_known_names {
    char typed[256], fqdn[256], short_name[256];
};

/* What was kept; what is damaged counts as empty. 0 or IPN_ERR_NOMEM. Tells nothing. */
int ipn_known_hosts_load(struct ipn *ipn, const char *base64, size_t len);
void ipn_known_hosts_tell(struct ipn *ipn); /* KNOWN_HOSTS, if there are any */

/* Sets known_hosts, host, port and host_names for the host that st leads to. */
void ipn_known_hosts_fill(struct ipn *ipn, const struct ipn_stream *st,
                          struct ipn_known_names *names, struct ssh_config *config);

/* Of SSH_EVENT_KNOWN_HOST: a line to remember, and names whose older lines it replaces. */
void ipn_known_hosts_add(struct ipn *ipn, struct bytes line, struct bytes replaces);
void ipn_known_hosts_wipe(struct ipn_known_hosts *kh);

#endif
