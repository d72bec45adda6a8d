/* The known hosts of this node: OpenSSH known_hosts text, kept by the page between its lives. */
#ifndef IPN_IPN_KNOWN_HOSTS_H
#define IPN_IPN_KNOWN_HOSTS_H

#include "base/bytes.h"

#define IPN_KNOWN_HOSTS_MAX_LEN (1 << 20) /* several thousand hosts; the page stores it whole */

struct ipn;

struct ipn_known_hosts {
    uint8_t *text;
    size_t len;
};

/* Adds a line that a session told to remember; STORE and KNOWN_HOSTS follow. */
void ipn_known_hosts_add(struct ipn *ipn, struct bytes line);
void ipn_known_hosts_wipe(struct ipn_known_hosts *kh);

#endif
