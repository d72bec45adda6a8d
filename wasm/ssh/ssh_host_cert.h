/*
 * OpenSSH certificates as host keys (OpenSSH's PROTOCOL.certkeys), private to ssh/:
 *
 *   string  "ssh-ed25519-cert-v01@openssh.com"      string, uint64  key id, serial … see the parser
 *   string  nonce                                   string  signature key (the authority)
 *   ...     the key itself, as without certificate  string  signature over all before it
 *
 * libssh2 has their names but reads no such host key. kex.c is therefore given our table of methods
 * (its call of libssh2_hostkey_methods is renamed when it is compiled): each certificate's method
 * takes the key out of the certificate and leaves the rest to the method of that key. That proves that
 * the server owns the key; who vouches for it is ssh_hostkey's question, answered with the rest here.
 */
#ifndef SSH_SSH_HOST_CERT_H
#define SSH_SSH_HOST_CERT_H

#include <libssh2.h>

#include "base/buf.h"

#define SSH_HOST_CERT_ALGORITHMS                                                         \
    "ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256-cert-v01@openssh.com,"         \
    "ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521-cert-v01@openssh.com," \
    "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com"

struct ssh_host_cert { /* all of it borrowed from the blob */
    uint32_t kind;     /* 1: of a user, 2: of a host */
    struct bytes principals;             /* strings: names, with * and ? */
    uint64_t valid_after_s, valid_before_s; /* of the wall clock; before is exclusive */
    struct bytes critical_options;
    struct bytes authority; /* key blob */
    struct bytes signature, signed_part;
};

bool ssh_host_cert_is(struct bytes blob);

/* Also appends the key without its certificate to *plain. 0, IPN_ERR_ARG, IPN_ERR_NOMEM. */
int ssh_host_cert_parse(struct ssh_host_cert *cert, struct buf *plain, struct bytes blob);

/* Whether the authority named in it has signed it. Neither SHA-1 nor another certificate will do. */
bool ssh_host_cert_signed(LIBSSH2_SESSION *session, const struct ssh_host_cert *cert);

/* Why it is not good for a host with one of these names now ("has expired", …), or NULL: it is. */
const char *ssh_host_cert_flaw(const struct ssh_host_cert *cert, const char *const *names,
                               size_t count, uint64_t wall_s);

#endif
