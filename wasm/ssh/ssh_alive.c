/*
 * Keep-alive: after keep_alive_ms without a packet of the server's we ask it a question that every
 * server answers with no. SSH_MAX_UNANSWERED of them without a packet, and the connection is lost.
 * While not even the node below is heard, it is the way there that is gone, or this machine that
 * slept: TCP asks on, and no question counts.
 */
#include <stdio.h>

#include "ssh/ssh_session_internal.h"

void ssh_alive_heard(struct ssh_session *s)
{
    s->alive.unanswered = 0;
    s->alive.due = false;
    s->alive.at_ms = s->config.keep_alive_ms && s->state == SSH_READY
                         ? s->now_ms + s->config.keep_alive_ms
                         : NEVER;
}

bool ssh_alive_path_silent(const struct ssh_session *s, uint64_t since_ms)
{
    return s->alive.path_heard_ms <= since_ms;
}

void ssh_session_path_heard(struct ssh_session *s, uint64_t heard_ms)
{
    s->alive.path_heard_ms = heard_ms;
}

void ssh_alive_tick(struct ssh_session *s)
{
    if (s->state != SSH_READY || s->now_ms < s->alive.at_ms)
        return;
    if (s->alive.unanswered > 0 && ssh_alive_path_silent(s, s->alive.asked_ms)) {
        s->alive.at_ms = s->now_ms + s->config.keep_alive_ms;
        return;
    }
    if (s->alive.unanswered >= SSH_MAX_UNANSWERED) {
        ssh_session_fail(s, SSH_PROBLEM_LOST,
                         "The server has not answered for %.3g s; the connection is lost.",
                         s->config.keep_alive_ms / 1000.0 * (SSH_MAX_UNANSWERED + 1));
        return;
    }
    s->alive.unanswered++;
    s->alive.due = true;
    s->alive.asked_ms = s->now_ms;
    s->alive.at_ms = s->now_ms + s->config.keep_alive_ms;
}

int ssh_alive_send(struct ssh_session *s)
{
    /* [80][name][want reply] */
    static const uint8_t packet[] = "\x50\0\0\0\x15keepalive@openssh.com\1";
    int rc;

    if (!s->alive.due || s->out.len >= SSH_OUT_PAUSE_LEN)
        return 0;
    rc = ssh_libssh2_send(s->lib, (struct bytes){packet, sizeof packet - 1},
                          (struct bytes){NULL, 0});
    s->alive.due = rc == LIBSSH2_ERROR_EAGAIN;
    return rc;
}
