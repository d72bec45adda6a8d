/*
 * Who we are (RFC 4252). So far by `none`, which is how Tailscale SSH logs in: the tailnet already
 * knows. libssh2_userauth_list asks for it: NULL and authenticated means yes, a list names what
 * the server wants instead. A further method is a step of its own in front of ssh_auth_refused.
 *
 * Banners come by ssh_session's packet tap, the moment they arrive: a Tailscale node in `check`
 * mode sends one with a URL and answers up to half an hour later.
 */
#include <string.h>

#include "ssh/ssh_session_internal.h"

/* methods: "publickey,password", what the server would take. */
static void ssh_auth_refused(struct ssh_session *s, const char *methods)
{
    char shown[160];

    ssh_printable(shown, sizeof shown, ssh_text(methods));
    if (!shown[0])
        ssh_session_fail(s, SSH_PROBLEM_AUTH, "The server does not let \"%s\" in.", s->config.user);
    else
        ssh_session_fail(s, SSH_PROBLEM_AUTH,
                         "The server wants \"%s\" to log in by %s; this is not Tailscale SSH, or "
                         "its policy does not allow this user.",
                         s->config.user, shown);
}

bool ssh_auth_step(struct ssh_session *s)
{
    const char *methods =
        libssh2_userauth_list(s->lib, s->config.user, (unsigned)strlen(s->config.user));
    int rc;

    if (methods) {
        ssh_auth_refused(s, methods);
        return false;
    }
    if (libssh2_userauth_authenticated(s->lib)) {
        ssh_event_push_text(s, SSH_EVENT_PROGRESS, 0, "Logged in, opening the session");
        ssh_session_authenticated(s, "none");
        return true;
    }
    rc = libssh2_session_last_errno(s->lib);
    if (rc != LIBSSH2_ERROR_EAGAIN)
        ssh_session_fail_lib(s, rc);
    return false;
}

int ssh_auth_answer(struct ssh_session *s, const uint8_t *answers, size_t len)
{
    (void)s;
    (void)answers;
    (void)len;
    return IPN_ERR_STATE; /* nothing was asked */
}
