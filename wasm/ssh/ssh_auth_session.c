/*
 * Logging in as a step of ssh_session: packets to and from ssh_auth, its questions and its end as
 * events.
 *
 * Banners come by ssh_session's packet tap, the moment they arrive: a Tailscale node in `check` mode
 * sends one with a URL and answers up to half an hour later.
 */
#include <string.h>

#include "ssh/ssh_session_internal.h"

bool ssh_auth_init(struct ssh_session *s)
{
    struct ssh_auth_config config = {.user = s->config.user,
                                     .credentials = s->config.credentials,
                                     .can_prompt = s->config.can_prompt,
                                     .keep_keys = s->config.keep_keys};

    s->auth = ssh_auth_new(&config);
    return s->auth != NULL;
}

void ssh_auth_end(struct ssh_session *s)
{
    ssh_auth_free(s->auth);
    s->auth = NULL;
    ssh_config_wipe_credentials(s);
}

void ssh_auth_forget_keys(struct ssh_session *s)
{
    for (size_t i = 0; i < s->agent_key_count; i++)
        ssh_key_free(s->agent_keys[i]);
    s->agent_key_count = 0;
}

bool ssh_auth_on_packet(struct ssh_session *s, struct bytes packet)
{
    enum { EXT_INFO = 7, FIRST = 50, BANNER = 53, LAST = 79 };

    if (!s->auth || packet.data[0] == BANNER)
        return false;
    if (packet.data[0] == EXT_INFO) { /* libssh2 reads it too */
        ssh_auth_input(s->auth, packet);
        return false;
    }
    if (s->state != SSH_AUTH || packet.data[0] < FIRST || packet.data[0] > LAST)
        return false;
    ssh_auth_input(s->auth, packet);
    return true;
}

static void logged_in(struct ssh_session *s, struct bytes methods)
{
    char text[sizeof s->info.auth_method];

    ssh_printable(text, sizeof text, methods);
    s->agent_key_count = ssh_auth_take_keys(s->auth, s->agent_keys);
    ssh_session_authenticated(s, text);
}

/* Tells what ssh_auth has to tell, up to a packet that cannot be sent in the middle of a key exchange:
 * 0, or a libssh2 error. */
static int tell(struct ssh_session *s)
{
    struct ssh_auth_event ev;
    int rc;

    while (s->state == SSH_AUTH && ssh_auth_next(s->auth, &ev)) {
        switch (ev.type) {
        case SSH_AUTH_SEND:
            rc = ssh_libssh2_send(s->lib, ev.text, (struct bytes){NULL, 0});
            if (rc)
                return rc == LIBSSH2_ERROR_EAGAIN ? 0 : rc;
            ssh_auth_sent(s->auth);
            break;
        case SSH_AUTH_PROMPT:
            ssh_event_push(s, SSH_EVENT_PROMPT, ev.code, ev.text, (struct bytes){NULL, 0});
            break;
        case SSH_AUTH_BANNER:
            ssh_event_push(s, SSH_EVENT_BANNER, 0, ev.text, (struct bytes){NULL, 0});
            break;
        case SSH_AUTH_NOTE:
            ssh_event_push(s, SSH_EVENT_PROGRESS, 0, ev.text, (struct bytes){NULL, 0});
            break;
        case SSH_AUTH_DONE:
            logged_in(s, ev.text);
            break;
        case SSH_AUTH_FAILED:
            ssh_session_fail(s, ev.code == IPN_ERR_NOMEM ? SSH_PROBLEM_NOMEM : SSH_PROBLEM_AUTH,
                             "%.*s", (int)ev.text.len, (const char *)ev.text.data);
            break;
        }
    }
    return 0;
}

bool ssh_auth_step(struct ssh_session *s)
{
    int rc, pumped;

    if (!s->auth_started) {
        s->auth_started = true;
        ssh_auth_set_session_id(s->auth, ssh_libssh2_session_id(s->lib));
    }
    rc = tell(s);
    pumped = s->state == SSH_AUTH && !rc ? ssh_libssh2_pump(s->lib) : 0;
    if (!rc)
        rc = tell(s); /* what came before the connection broke counts */
    if (s->state != SSH_AUTH)
        return true;
    if (rc || pumped)
        ssh_session_fail_lib(s, rc ? rc : pumped);
    return false;
}
