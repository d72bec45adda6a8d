/* Keep-alive: questions in a silence, and the end of a connection that does not answer. */
#ifndef SSH_SSH_ALIVE_H
#define SSH_SSH_ALIVE_H

#include <stdbool.h>
#include <stdint.h>

enum { SSH_MAX_UNANSWERED = 3 }; /* questions */

struct ssh_alive {
    uint64_t at_ms; /* the next question, or the end; NEVER */
    uint64_t asked_ms; /* the last question */
    uint64_t path_heard_ms; /* what is below the session was heard then; NEVER: it always is */
    unsigned unanswered;
    bool due; /* a question is to be sent */
};

struct ssh_session;

void ssh_alive_heard(struct ssh_session *s); /* a packet has come */
void ssh_alive_tick(struct ssh_session *s);
/* Nothing was heard from the far node since then, not even an acknowledgement. */
bool ssh_alive_path_silent(const struct ssh_session *s, uint64_t since_ms);
int ssh_alive_send(struct ssh_session *s); /* as ssh_channels_send */

#endif
