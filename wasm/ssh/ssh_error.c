/* What went wrong, as a sentence that a person can act on. */
#include <stdio.h>
#include <string.h>

#include "base/encoding.h"
#include "ssh/ssh_session_internal.h"

void ssh_printable(char *dst, size_t cap, struct bytes text)
{
    size_t len = text.len < cap - 1 ? text.len : cap - 1;

    for (size_t i = 0; i < len; i++)
        dst[i] = text.data[i] >= ' ' && text.data[i] < 127 ? (char)text.data[i] : '?';
    while (len && (dst[len - 1] == '?' || dst[len - 1] == ' ')) /* a line end, mostly */
        len--;
    dst[len] = '\0';
}

/* The first line of what came instead of an SSH version. */
static void first_line(const struct ssh_session *s, char *dst, size_t cap)
{
    struct bytes line = {s->preamble, 0};
    size_t kept = s->preamble_len < sizeof s->preamble ? s->preamble_len : sizeof s->preamble;

    while (line.len < kept && s->preamble[line.len] != '\n' && s->preamble[line.len] != '\r')
        line.len++;
    ssh_printable(dst, cap, line);
}

static void fail_before_version(struct ssh_session *s)
{
    char said[sizeof s->preamble + 1];

    first_line(s, said, sizeof said);
    if (s->preamble_len)
        ssh_session_fail(s, SSH_PROBLEM_HANDSHAKE,
                         "This is not an SSH server: it says \"%s\". Is the port right?", said);
    else if (s->timed_out)
        ssh_session_fail(s, SSH_PROBLEM_HANDSHAKE,
                         "The connection is open, but no SSH server answers on this port.");
    else
        ssh_session_fail(s, SSH_PROBLEM_HANDSHAKE,
                         "The connection was closed before an SSH server answered; is one "
                         "listening on this port?");
}

static void fail_handshake(struct ssh_session *s, int rc)
{
    if (strncmp(s->info.server_version, "SSH-", 4) != 0)
        fail_before_version(s);
    else if (strncmp(s->info.server_version, "SSH-2.0-", 8) != 0 &&
             strncmp(s->info.server_version, "SSH-1.99-", 9) != 0)
        ssh_session_fail(s, SSH_PROBLEM_HANDSHAKE, "The server speaks no SSH version 2 (%s).",
                         s->info.server_version);
    else if (s->timed_out)
        ssh_session_fail(s, SSH_PROBLEM_HANDSHAKE,
                         "The SSH server (%s) stopped answering during the key exchange.",
                         s->info.server_version);
    else if (s->read_closed)
        ssh_session_fail(s, SSH_PROBLEM_LOST, "The connection broke during the key exchange.");
    else if (rc == LIBSSH2_ERROR_KEX_FAILURE)
        ssh_session_fail(s, SSH_PROBLEM_HANDSHAKE,
                         "The server (%s) has no algorithm in common with this client; it may be "
                         "too old.",
                         s->info.server_version);
    else if (rc == LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE)
        ssh_session_fail(s, SSH_PROBLEM_HANDSHAKE,
                         "The key exchange failed: the server (%s) could not prove that it owns "
                         "its host key, or its packets are broken.",
                         s->info.server_version);
    else
        ssh_session_fail(s, SSH_PROBLEM_HANDSHAKE,
                         "The server (%s) broke the SSH protocol (error %d).",
                         s->info.server_version, rc);
}

static void fail_auth(struct ssh_session *s)
{
    const char *user = s->config.user, *tried = ssh_auth_tried(s->auth);

    if (s->banner_shown && !tried[0])
        ssh_session_fail(s, SSH_PROBLEM_AUTH,
                         "The node refused \"%s\": the reason is in its message above. The "
                         "tailnet's policy may not allow this user.",
                         user);
    else if (ssh_auth_is_asking(s->auth))
        ssh_session_fail(s, SSH_PROBLEM_AUTH,
                         "The server waited no longer for an answer and closed the connection.");
    else if (tried[0])
        ssh_session_fail(s, SSH_PROBLEM_AUTH,
                         "The server closed the connection instead of letting \"%s\" in; it had "
                         "refused %s.",
                         user, tried);
    else
        ssh_session_fail(s, SSH_PROBLEM_AUTH,
                         "The server closed the connection instead of letting \"%s\" in; the "
                         "tailnet's policy may not allow this user.",
                         user);
}

/* Its last words, and what led to them. */
static void fail_disconnect(struct ssh_session *s)
{
    const char *tried = s->state == SSH_AUTH ? ssh_auth_tried(s->auth) : "";
    enum ssh_problem problem = s->state == SSH_AUTH        ? SSH_PROBLEM_AUTH
                               : s->state == SSH_HANDSHAKE ? SSH_PROBLEM_HANDSHAKE
                                                           : SSH_PROBLEM_LOST;

    ssh_session_fail(s, problem, "The server ended the connection: \"%s\"%s%s.", s->disconnect_text,
                     tried[0] ? "; it had refused " : "", tried);
}

/* "SHA256:" and 43 characters. */
static const char *fingerprint(char dst[52], const uint8_t hash[32])
{
    char text[BASE64_LEN(32) + 1];

    base64_encode(text, hash, 32);
    snprintf(dst, 52, "SHA256:%.43s", text);
    return dst;
}

/* What ssh_kex.c found. */
static void fail_kex(struct ssh_session *s)
{
    const struct ssh_kex *k = &s->hooks.kex;
    enum ssh_problem problem = k->count ? SSH_PROBLEM_LOST : SSH_PROBLEM_HANDSHAKE;
    char first[52], shown[52];

    switch (k->problem) {
    case SSH_KEX_HOST_KEY:
        ssh_session_fail(s, SSH_PROBLEM_HOST_KEY_CHANGED,
                         "The server changed its host key in mid-session: it began with %s and "
                         "now shows %s. Somebody may be listening in; connect again and compare.",
                         fingerprint(first, k->host_key_hash), fingerprint(shown, k->shown_hash));
        break;
    case SSH_KEX_CIPHERS:
        ssh_session_fail(s, problem,
                         "The server wants a different cipher for each direction, which this "
                         "client cannot do; its list of ciphers should be the same for both.");
        break;
    case SSH_KEX_FAILED:
        ssh_session_fail(s, problem,
                         "Changing the keys of the connection failed: the server agrees to none of "
                         "the algorithms in use, or could not prove that it owns its host key.");
        break;
    default:
        ssh_session_fail(s, problem,
                         "The server broke the SSH protocol: a packet of type %d has no place %s.",
                         k->type,
                         !k->count                        ? "before the first keys are agreed"
                         : k->server_init                 ? "in a key exchange"
                         : !k->logged_in && k->type >= 80 ? "before the login"
                                                          : "here");
    }
}

void ssh_session_fail_lib(struct ssh_session *s, int rc)
{
    if (s->out_of_memory || s->hooks.heap.exhausted || rc == LIBSSH2_ERROR_ALLOC)
        ssh_session_fail(s, SSH_PROBLEM_NOMEM, "Out of memory for this SSH session.");
    else if (s->disconnect_text[0])
        fail_disconnect(s);
    else if (s->hooks.kex.problem || (!s->read_closed && !ssh_kex_sound(s->lib, &s->hooks.kex)))
        fail_kex(s);
    else if (s->state == SSH_HANDSHAKE)
        fail_handshake(s, rc);
    else if (s->state == SSH_AUTH && (s->read_closed || rc == LIBSSH2_ERROR_SOCKET_DISCONNECT))
        fail_auth(s);
    else if (s->read_closed || s->write_closed || rc == LIBSSH2_ERROR_SOCKET_DISCONNECT)
        ssh_session_fail(s, SSH_PROBLEM_LOST, "The connection to the server broke.");
    else
        ssh_session_fail(s, SSH_PROBLEM_LOST,
                         "The server sent a packet that is damaged or breaks the SSH protocol "
                         "(error %d).",
                         rc);
}
