/*
 * Key exchanges: what libssh2 leaves to chance in them. Private to ssh/.
 *
 *   first     version > KEXINIT ...... NEWKEYS > login > channels
 *   re-key        data > KEXINIT ...... NEWKEYS > data        asked for by either side
 *                          |  server's: RFC 4253 section 7.1    |
 *                          |  decides what may come till here   |
 *
 * Three things are settled here by looking at every packet before libssh2 does:
 *   - phases: a packet that must not come now ends the session, it is not kept for later;
 *   - libssh2 switches to newly agreed ciphers and MACs before there are keys for them, so after
 *     the first exchange only those that were agreed then are offered;
 *   - a re-key that fails or shows another host key ends the session: libssh2 would go on.
 */
#ifndef SSH_SSH_KEX_H
#define SSH_SSH_KEX_H

#include <libssh2.h>

#include "base/bytes.h"

enum ssh_kex_problem {
    SSH_KEX_FINE,
    SSH_KEX_PHASE,    /* a packet that has no place here; `type` says which */
    SSH_KEX_CIPHERS,  /* one cipher each way: libssh2 cannot */
    SSH_KEX_HOST_KEY, /* another one than at first: `host_key_hash`, `shown_hash` */
    SSH_KEX_FAILED    /* a re-key did not come to its end */
};

enum { SSH_KEX_MAX_LEN = 1 << 30 }; /* RFC 4253 section 9: new keys after each gigabyte */

struct ssh_kex {
    bool server_init, server_reply; /* of the exchange under way */
    bool logged_in;                 /* USERAUTH_SUCCESS has come */
    uint32_t count;                 /* exchanges that came to their end */
    enum ssh_kex_problem problem;   /* for good: nothing is read any more */
    uint8_t type;                   /* of the packet that was wrong */
    uint8_t host_key_hash[32], shown_hash[32];
    uint64_t in_len, out_len; /* bytes under the keys in use */
    uint64_t max_len;         /* of either, then they are due to be changed */
};

/* A packet that has been opened, before libssh2 acts on it: 0, or a libssh2 error that ends the
 * session, with k->problem set unless it is out of memory. */
int ssh_kex_on_packet(LIBSSH2_SESSION *session, struct ssh_kex *k, struct bytes packet);

/* Call when libssh2 wants to read or write: false once an exchange has gone wrong. */
bool ssh_kex_sound(LIBSSH2_SESSION *session, struct ssh_kex *k);

bool ssh_kex_under_way(const LIBSSH2_SESSION *session);

/* Whether so much went under one key that it should be changed. */
bool ssh_kex_due(const struct ssh_kex *k);

/* Asks for new keys. 0 also when an exchange is under way; then nothing new is begun. */
int ssh_kex_start(LIBSSH2_SESSION *session);

/*
 * Whether a DISCONNECT may go out, which libssh2 would send at any time. Not between our NEWKEYS and
 * the server's: it would be sealed with the old keys, and with strict-kex under a sequence number
 * that they have been used with before. And not after memory ran out in the midst of changing them.
 */
bool ssh_kex_can_send(const LIBSSH2_SESSION *session, const struct ssh_kex *k);

#endif
