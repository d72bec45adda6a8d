#include "ssh/ssh_auth.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_auth_methods.h"

static const char *const method_names[] = {"none", "publickey", "keyboard-interactive", "password"};

/* ---- birth and death ---- */

struct ssh_auth *ssh_auth_new(const struct ssh_auth_config *config)
{
    struct ssh_auth *a = calloc(1, sizeof *a);

    if (!a)
        return NULL;
    a->config = *config;
    a->events_end = &a->events;
    buf_init(&a->old_password, AUTH_MAX_PACKET_LEN);
    auth_publickey_init(a);
    return a;
}

void auth_forget(struct ssh_auth *a, bool keep)
{
    auth_publickey_forget(a, keep);
    buf_wipe(&a->old_password);
    a->config.credentials = (struct ssh_credentials){0};
}

void ssh_auth_free(struct ssh_auth *a)
{
    if (!a)
        return;
    auth_events_wipe(a);
    auth_forget(a, false);
    wipe(a, sizeof *a);
    free(a);
}

void ssh_auth_set_session_id(struct ssh_auth *a, struct bytes id)
{
    a->session_id_len = id.len < sizeof a->session_id ? id.len : sizeof a->session_id;
    memcpy(a->session_id, id.data, a->session_id_len);
}

/* ---- words ---- */

/* Appends to a text of cap bytes what fits, whole characters of ASCII. */
static void append(char *dst, size_t cap, const char *separator, const char *what)
{
    size_t len = strlen(dst);

    snprintf(dst + len, cap - len, "%s%s", len ? separator : "", what);
}

void auth_note_tried(struct ssh_auth *a, const char *what)
{
    if (!strstr(a->tried, what))
        append(a->tried, sizeof a->tried, ", ", what);
}

void auth_note(struct ssh_auth *a, const char *format, ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    auth_push_text(a, SSH_AUTH_NOTE, text);
    if (!strstr(a->notes, text))
        append(a->notes, sizeof a->notes, " ", text);
}

const char *ssh_auth_tried(const struct ssh_auth *a)
{
    return a->tried;
}

/* ---- the end ---- */

void auth_fail(struct ssh_auth *a, const char *format, ...)
{
    char text[2 * AUTH_MAX_TRIED_LEN + AUTH_MAX_LIST_LEN];
    va_list args;

    if (a->state == AUTH_ENDED)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    a->state = AUTH_ENDED;
    auth_events_wipe(a);
    auth_push_text(a, SSH_AUTH_FAILED, text);
    auth_forget(a, false);
}

void auth_fail_protocol(struct ssh_auth *a)
{
    auth_fail(a, "The server broke the SSH protocol while \"%s\" logged in.", a->config.user);
}

/* Nothing is left to try. */
static void fail_refused(struct ssh_auth *a)
{
    const struct ssh_credentials *c = &a->config.credentials;
    const char *user = a->config.user, *space = a->notes[0] ? " " : "";

    /* Tailscale SSH up to 1.80 lists "tailscale", a method that does not exist. */
    if (!a->methods[0] || strcmp(a->methods, "tailscale") == 0)
        auth_fail(a, "The server does not let \"%s\" in%s%s.%s%s", user,
                  a->tried[0] ? "; it refused " : "", a->tried, space, a->notes);
    else if (a->passed[0])
        auth_fail(a, "The server accepted %s, and wants \"%s\" to log in by %s as well%s%s.%s%s",
                  a->passed, user, a->methods, a->tried[0] ? "; it refused " : "", a->tried, space,
                  a->notes);
    else if (a->tried[0] || a->notes[0])
        auth_fail(a, "The server wants \"%s\" to log in by %s%s%s.%s%s", user, a->methods,
                  a->tried[0] ? "; it refused " : "", a->tried, space, a->notes);
    else if (c->password || c->private_key_count)
        auth_fail(a, "The server wants \"%s\" to log in by %s, which is not what was given for it.",
                  user, a->methods);
    else
        auth_fail(a, "The server wants \"%s\" to log in by %s, and no key or password was given%s.",
                  user, a->methods,
                  c->try_none
                      ? "; it is no Tailscale SSH server, or its policy does not allow this user"
                      : "");
}

static void succeed(struct ssh_auth *a)
{
    append(a->passed, sizeof a->passed, ",", method_names[a->method]);
    if (a->config.keep_keys)
        auth_publickey_open_all(a);
    auth_events_wipe(a);
    auth_push_text(a, SSH_AUTH_DONE, a->passed);
    auth_forget(a, a->config.keep_keys);
    a->state = AUTH_ENDED;
}

/* ---- which method is next ---- */

static bool server_takes(const struct ssh_auth *a, enum ssh_auth_method method)
{
    return ssh_list_has(auth_text(a->methods), method_names[method]);
}

static void send_none(struct ssh_auth *a)
{
    struct buf b;
    bool ok = auth_put_request(&b, a, method_names[AUTH_NONE]);

    a->started = true;
    a->method = AUTH_NONE;
    auth_send(a, &b, ok);
}

void auth_choose(struct ssh_auth *a)
{
    static const struct {
        enum ssh_auth_method method;
        bool (*begin)(struct ssh_auth *a);
    } order[] = {{AUTH_PUBLICKEY, auth_publickey_begin},
                 {AUTH_KBDINT, auth_kbdint_begin},
                 {AUTH_PASSWORD, auth_password_begin}};

    if (a->state != AUTH_CHOOSING)
        return;
    if (!a->started) {
        send_none(a);
        return;
    }
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (!server_takes(a, order[i].method))
            continue;
        a->method = order[i].method;
        if (order[i].begin(a) || a->state == AUTH_ENDED)
            return;
    }
    fail_refused(a);
}

/* ---- what the server says ---- */

static void on_partial_success(struct ssh_auth *a)
{
    if (++a->partial_count > AUTH_MAX_PARTIAL) {
        auth_fail(a, "The server accepts one method after the other and never lets \"%s\" in.",
                  a->config.user);
        return;
    }
    append(a->passed, sizeof a->passed, ",", method_names[a->method]);
    a->tried[0] = '\0';
    a->asked = 0;
    a->kbdint_off = false;
    auth_publickey_retry(a);
}

/* A list of names, cut to what dst holds; what is no name shows as '?'. */
static void take_list(char dst[AUTH_MAX_LIST_LEN], struct bytes list)
{
    size_t len = list.len < AUTH_MAX_LIST_LEN ? list.len : AUTH_MAX_LIST_LEN - 1;

    for (size_t i = 0; i < len; i++)
        dst[i] = list.data[i] > ' ' && list.data[i] < 127 ? (char)list.data[i] : '?';
    dst[len] = '\0';
}

/* [string methods that can continue][bool partial success] */
static void on_failure(struct ssh_auth *a, struct bytes in)
{
    struct bytes list;
    uint8_t partial;

    if (a->state != AUTH_AWAITING || !ssh_get_string(&list, &in) || !ssh_get_u8(&partial, &in)) {
        auth_fail_protocol(a);
        return;
    }
    take_list(a->methods, list);
    a->state = AUTH_CHOOSING;
    switch (a->method) {
    case AUTH_PUBLICKEY:
        auth_publickey_refused(a, partial);
        break;
    case AUTH_KBDINT:
        auth_kbdint_refused(a, partial);
        break;
    case AUTH_PASSWORD:
        auth_password_refused(a, partial);
        break;
    default:
        return;
    }
    if (partial)
        on_partial_success(a);
}

/* RFC 8308: [uint32 count] then [string name][string value] each. */
static void on_ext_info(struct ssh_auth *a, struct bytes in)
{
    struct bytes name, value;
    uint32_t count;

    if (!ssh_get_u32(&count, &in))
        return;
    while (count-- && ssh_get_string(&name, &in) && ssh_get_string(&value, &in)) {
        if (!ssh_bytes_are(name, "server-sig-algs"))
            continue;
        take_list(a->sig_algorithms, value);
        a->has_sig_algorithms = true;
    }
}

static void on_message_60(struct ssh_auth *a, struct bytes in)
{
    if (a->state != AUTH_AWAITING)
        auth_fail_protocol(a);
    else if (a->method == AUTH_PUBLICKEY)
        auth_publickey_ok(a, in);
    else if (a->method == AUTH_KBDINT)
        auth_kbdint_info(a, in);
    else if (a->method == AUTH_PASSWORD)
        auth_password_change(a, in);
    else
        auth_fail_protocol(a);
}

void ssh_auth_input(struct ssh_auth *a, struct bytes packet)
{
    uint8_t type;

    if (a->state == AUTH_ENDED || !ssh_get_u8(&type, &packet))
        return;
    if (type == EXT_INFO)
        on_ext_info(a, packet);
    else if (!a->started)
        auth_fail_protocol(a);
    else if (type == USERAUTH_FAILURE)
        on_failure(a, packet);
    else if (type == USERAUTH_SUCCESS)
        succeed(a);
    else if (type == USERAUTH_60)
        on_message_60(a, packet);
    else
        auth_fail_protocol(a);
}

/* ---- what the person says ---- */

bool ssh_auth_is_asking(const struct ssh_auth *a)
{
    return a->state == AUTH_ASKING;
}

int ssh_auth_answer(struct ssh_auth *a, const uint8_t *answers, size_t len)
{
    struct bytes in = {answers, len};
    unsigned count = 0;

    if (a->state != AUTH_ASKING)
        return IPN_ERR_STATE;
    if (!answers) {
        auth_fail(a, "Logging in was cancelled.");
        return 0;
    }
    if (len > AUTH_MAX_ANSWER_LEN) {
        auth_fail(a, "What was entered is too long to be sent.");
        return 0;
    }
    for (size_t i = 0; i < len; i++)
        count += !answers[i];
    if (count != a->prompt_count || !len || answers[len - 1])
        return IPN_ERR_ARG;
    switch (a->question) {
    case ASK_PASSPHRASE:
        auth_publickey_answer(a, in);
        break;
    case ASK_PASSWORD:
        auth_password_answer(a, in);
        break;
    case ASK_NEW_PASSWORD:
        auth_password_change_answer(a, in);
        break;
    case ASK_KBDINT:
        auth_kbdint_answer(a, in);
        break;
    }
    return 0;
}
