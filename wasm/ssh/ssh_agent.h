/*
 * Agent forwarding: the far side asks for signatures by keys that stay here. Private to ssh/.
 *
 *   server --CHANNEL_OPEN auth-agent@openssh.com--> ssh_agent_accept
 *          --[len 4][type 1]...-->  list: the public halves
 *                                   sign: SSH_EVENT_AGENT_SIGN ... ssh_session_answer_agent
 *                                   anything else: failure
 *
 * draft-ietf-sshm-ssh-agent. The keys are those of the connection that could be opened, if
 * ssh_config.keep_keys. SHA-1 signatures are refused.
 */
#ifndef SSH_SSH_AGENT_H
#define SSH_SSH_AGENT_H

#include "base/bytes.h"

struct ssh_session;
struct ssh_channel;

/* packet[at] = [their number][window][packet size]. False: it is to be refused. */
bool ssh_agent_accept(struct ssh_session *s, struct bytes packet, size_t at);
/* Answers what has come, as far as it can without a person. */
void ssh_agent_run(struct ssh_session *s, struct ssh_channel *c);
void ssh_agent_free(struct ssh_channel *c);

#endif
