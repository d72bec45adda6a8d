/* New keys that we ask for, by volume and by time (ssh_rekey.c). */
#ifndef SSH_SSH_REKEY_H
#define SSH_SSH_REKEY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SSH_REKEY_INTERVAL_MS = 60 * 60 * 1000, /* RFC 4253 section 9 */
    SSH_REKEY_WAIT_MS = 40 * 1000,          /* for the end of an exchange, */
    SSH_REKEY_MAX_WAITS = 3                 /* so many times */
};

/* When they are asked for, and how long they are waited for. */
struct ssh_rekey {
    bool due;
    uint32_t count; /* of exchanges, as it was when due_ms was set */
    uint64_t due_ms, wait_ms;
    unsigned waits;
};

struct ssh_session;

void ssh_rekey_init(struct ssh_session *s);
int ssh_rekey_step(struct ssh_session *s);   /* asks if it is time: 0, or a libssh2 error */
void ssh_rekey_watch(struct ssh_session *s); /* after a step: deadlines of what has begun, ended */
void ssh_rekey_tick(struct ssh_session *s);
uint64_t ssh_rekey_deadline(const struct ssh_session *s);

#endif
