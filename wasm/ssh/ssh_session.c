#include "ssh/ssh_session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_session_internal.h"

/* What we offer, best first. ChaCha20 is several times faster than AES without AES instructions. */
static const char kex_methods[] =
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,"
    "ecdh-sha2-nistp521,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,"
    "diffie-hellman-group14-sha256";
static const char ciphers[] =
    "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,"
    "aes192-ctr,aes256-ctr";
static const char macs[] = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,"
                           "hmac-sha2-256,hmac-sha2-512";

/* ---- the wire ---- */

static void flush_out(struct ssh_session *s)
{
    int n;

    while (s->out.len && !s->write_closed) {
        n = s->transport.write(s->transport.ctx, buf_head(&s->out), s->out.len);
        if (n == 0)
            return;
        if (n < 0)
            s->write_closed = true;
        else
            buf_consume(&s->out, (size_t)n);
    }
    if (s->write_closed)
        buf_consume(&s->out, s->out.len);
}

static int hook_write(void *ctx, const uint8_t *src, size_t len)
{
    struct ssh_session *s = ctx;
    int rc;

    if (s->write_closed)
        return IPN_ERR_CLOSED;
    rc = buf_append(&s->out, src, len);
    if (rc < 0)
        s->out_of_memory = true;
    return rc;
}

static void note_version(struct ssh_session *s)
{
    const char *line = libssh2_session_banner_get(s->lib);

    if (s->info.server_version[0] || !line || strncmp(line, "SSH-", 4) != 0)
        return;
    ssh_printable(s->info.server_version, sizeof s->info.server_version, ssh_text(line));
    ssh_event_push_text(s, SSH_EVENT_STEP, SSH_STEP_VERSION, s->info.server_version);
    ssh_event_push_text(s, SSH_EVENT_PROGRESS, 0, "Exchanging keys");
}

static int hook_read(void *ctx, uint8_t *dst, size_t cap)
{
    struct ssh_session *s = ctx;
    int n;

    if (s->read_closed)
        return IPN_ERR_CLOSED;
    if (s->out.len > SSH_OUT_PAUSE_LEN) { /* answers pile up: the server is not reading */
        s->paused = true;
        return 0;
    }
    if (s->preamble_len > SSH_MAX_PREAMBLE_LEN) {
        note_version(s);
        if (!s->info.server_version[0])
            return IPN_ERR_PROTOCOL;
    }
    n = s->transport.read(s->transport.ctx, dst, cap);
    if (n < 0)
        s->read_closed = true;
    if (n > 0 && !s->info.server_version[0]) {
        for (int i = 0; i < n && s->preamble_len + (size_t)i < sizeof s->preamble; i++)
            s->preamble[s->preamble_len + (size_t)i] = dst[i];
        s->preamble_len += (size_t)n;
    }
    return n;
}

/* [1][reason 4][string text][string language] */
static void on_disconnect(struct ssh_session *s, struct bytes packet)
{
    uint32_t len = packet.len >= 9 ? load_be32(packet.data + 5) : 0;

    if (packet.len >= 9 && len <= packet.len - 9)
        ssh_printable(s->disconnect_text, sizeof s->disconnect_text,
                      (struct bytes){packet.data + 9, len});
}

/* [53][string text][string language]. Only while logging in (RFC 4252 section 5.4): before, nobody
 * has looked at the host key yet; after, it is no banner, and would start a wait for a person. */
static void on_banner(struct ssh_session *s, struct bytes packet)
{
    uint32_t len = packet.len >= 5 ? load_be32(packet.data + 1) : 0;

    if (!len || len > packet.len - 5 || s->state != SSH_AUTH)
        return;
    ssh_event_push(s, SSH_EVENT_BANNER, 0, (struct bytes){packet.data + 5, len},
                   (struct bytes){NULL, 0});
    s->banner_shown = true;
}

static enum ssh_verdict hook_packet(void *ctx, struct bytes packet)
{
    enum { DISCONNECT = 1, USERAUTH_BANNER = 53 };
    struct ssh_session *s = ctx;

    ssh_alive_heard(s);
    if (ssh_auth_on_packet(s, packet))
        return SSH_PACKET_DONE;
    switch (packet.data[0]) {
    case DISCONNECT:
        on_disconnect(s, packet);
        break;
    case USERAUTH_BANNER:
        on_banner(s, packet);
        return s->state >= SSH_AUTH ? SSH_PACKET_DONE : SSH_PACKET_PASS;
    default:
        if (s->state >= SSH_READY) /* before, libssh2 keeps the rules of the first key exchange */
            return ssh_channels_take(s, packet);
    }
    return SSH_PACKET_PASS;
}

/* ---- birth and death ---- */

static bool set_preferences(struct ssh_session *s)
{
    char host_keys[SSH_HOSTKEY_PREFERENCE_CAP] = "";
    const struct {
        int method;
        const char *list;
    } prefs[] = {{LIBSSH2_METHOD_KEX, kex_methods},
                 {LIBSSH2_METHOD_HOSTKEY, ssh_hostkey_preference(s, host_keys, sizeof host_keys)},
                 {LIBSSH2_METHOD_CRYPT_CS, ciphers},
                 {LIBSSH2_METHOD_CRYPT_SC, ciphers},
                 {LIBSSH2_METHOD_MAC_CS, macs},
                 {LIBSSH2_METHOD_MAC_SC, macs}};

    for (size_t i = 0; i < sizeof prefs / sizeof *prefs; i++) {
        if (libssh2_session_method_pref(s->lib, prefs[i].method, prefs[i].list))
            return false;
    }
    return libssh2_session_banner_set(s->lib, "SSH-2.0-meshterm") == 0;
}

struct ssh_session *ssh_session_new(const struct ssh_config *config,
                                    const struct ssh_transport *transport)
{
    struct ssh_session *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->state = SSH_HANDSHAKE;
    s->deadline_ms = NEVER;
    s->transport = *transport;
    s->events_end = &s->events;
    s->alive.at_ms = s->alive.path_heard_ms = NEVER;
    buf_init(&s->out, SSH_MAX_OUT_LEN);
    s->hooks = (struct ssh_libssh2_hooks){.heap = {.max = SSH_MAX_HEAP_LEN},
                                          .ctx = s,
                                          .read = hook_read,
                                          .write = hook_write,
                                          .on_packet = hook_packet};
    ssh_rekey_init(s);
    if (ssh_config_copy(s, config) && ssh_auth_init(s) && ssh_hostkey_init(s, config) == 0)
        s->lib = ssh_libssh2_new(&s->hooks);
    if (!s->lib || !set_preferences(s)) {
        ssh_session_free(s);
        return NULL;
    }
    return s;
}

void ssh_session_free(struct ssh_session *s)
{
    if (!s)
        return;
    ssh_channels_wipe(s);
    ssh_libssh2_free(s->lib, &s->hooks);
    ssh_event_wipe(s);
    ssh_hostkey_wipe(s);
    buf_wipe(&s->out);
    ssh_auth_end(s);
    ssh_auth_forget_keys(s);
    ssh_config_wipe(s);
    wipe(s, sizeof *s);
    free(s);
}

/* ---- ending ---- */

static void set_closed(struct ssh_session *s)
{
    s->deadline_ms = NEVER;
    s->state = SSH_CLOSED;
}

/* Not once memory has run out: keys may have been changed in part. */
static void say_goodbye(struct ssh_session *s)
{
    if (s->started && s->info.server_version[0] && !s->goodbye_said && !s->hooks.heap.exhausted &&
        ssh_kex_can_send(s->lib, &s->hooks.kex))
        libssh2_session_disconnect_ex(s->lib, SSH_DISCONNECT_BY_APPLICATION, "", "");
    s->goodbye_said = true;
}

/* Waits only for the transport to take what is queued. */
static void set_flushing(struct ssh_session *s)
{
    say_goodbye(s);
    s->deadline_ms = s->now_ms + SSH_FLUSH_TIMEOUT_MS;
    s->state = SSH_FLUSHING;
}

void ssh_session_fail(struct ssh_session *s, enum ssh_problem problem, const char *format, ...)
{
    va_list args;

    if (s->state >= SSH_DRAINING)
        return;
    va_start(args, format);
    vsnprintf(s->problem_text, sizeof s->problem_text, format, args);
    va_end(args);
    s->problem = problem;
    ssh_auth_end(s);
    say_goodbye(s);
    s->alive.at_ms = s->deadline_ms = NEVER;
    s->state = SSH_DRAINING;
}

/* For as long as it takes the server to close each channel too. */
static bool closing_step(struct ssh_session *s, bool lost)
{
    if (!lost && s->channels.count)
        return false;
    set_flushing(s);
    return true;
}

/* Channels have told all they have: the connection's own error, once, and the end. */
static int drained(struct ssh_session *s, struct ssh_event *ev)
{
    if (s->problem && !s->problem_told) {
        s->problem_told = true;
        *ev = (struct ssh_event){
            .type = SSH_EVENT_ERROR, .code = (int)s->problem, .text = ssh_text(s->problem_text)};
        return 1;
    }
    set_flushing(s);
    ssh_session_run(s, s->now_ms);
    return 0;
}

/* ---- running ---- */

static void note_method(const struct ssh_session *s, int method, char *dst, size_t cap)
{
    const char *name = libssh2_session_methods(s->lib, method);

    snprintf(dst, cap, "%s", name ? name : "");
}

static bool is_aead(const char *cipher)
{
    return strstr(cipher, "poly1305") || strstr(cipher, "gcm");
}

static void note_methods(struct ssh_session *s)
{
    struct ssh_info *info = &s->info;

    note_method(s, LIBSSH2_METHOD_KEX, info->kex, sizeof info->kex);
    note_method(s, LIBSSH2_METHOD_CRYPT_SC, info->cipher_in, sizeof info->cipher_in);
    note_method(s, LIBSSH2_METHOD_CRYPT_CS, info->cipher_out, sizeof info->cipher_out);
    if (!is_aead(info->cipher_in))
        note_method(s, LIBSSH2_METHOD_MAC_SC, info->mac_in, sizeof info->mac_in);
    if (!is_aead(info->cipher_out))
        note_method(s, LIBSSH2_METHOD_MAC_CS, info->mac_out, sizeof info->mac_out);
    ssh_event_push_text(s, SSH_EVENT_STEP, SSH_STEP_KEX, info->kex);
}

static bool handshake_step(struct ssh_session *s)
{
    int rc;

    if (!s->started) {
        s->started = true;
        s->deadline_ms = s->now_ms + SSH_HANDSHAKE_TIMEOUT_MS;
        ssh_event_push_text(s, SSH_EVENT_PROGRESS, 0, "Waiting for the SSH server to speak");
    }
    rc = libssh2_session_handshake(s->lib, 0);
    note_version(s);
    if (rc == LIBSSH2_ERROR_EAGAIN)
        return false;
    if (rc) {
        ssh_session_fail_lib(s, rc);
        return false;
    }
    note_methods(s);
    s->deadline_ms = NEVER;
    s->state = SSH_HOST_KEY;
    return true;
}

/* Reads what has come, sends what is due: 0, or why the connection is lost. */
static int exchange(struct ssh_session *s)
{
    int rc = s->state == SSH_READY ? ssh_rekey_step(s) : 0;

    if (!rc)
        rc = ssh_libssh2_pump(s->lib);
    if (!rc && s->channels.broken)
        rc = LIBSSH2_ERROR_PROTO;
    if (!rc)
        rc = ssh_alive_send(s);
    return !rc || rc == LIBSSH2_ERROR_EAGAIN ? ssh_channels_send(s) : rc;
}

static bool session_step(struct ssh_session *s)
{
    int rc;

    switch (s->state) {
    case SSH_HANDSHAKE:
        return handshake_step(s);
    case SSH_HOST_KEY:
        return ssh_hostkey_step(s);
    case SSH_AUTH:
        return ssh_auth_step(s);
    case SSH_READY:
        rc = exchange(s);
        if (rc)
            ssh_session_fail_lib(s, rc);
        return false;
    case SSH_CLOSING:
        return closing_step(s, !s->authenticated || exchange(s));
    default:
        return false;
    }
}

/* States in which a step that waits has asked libssh2, and libssh2 the transport. */
static bool state_reads(enum ssh_state state)
{
    return state == SSH_HANDSHAKE || state == SSH_AUTH;
}

void ssh_session_authenticated(struct ssh_session *s, const char *method)
{
    snprintf(s->info.auth_method, sizeof s->info.auth_method, "%s", method);
    ssh_auth_end(s);
    s->authenticated = true;
    s->state = SSH_READY;
    ssh_alive_heard(s);
    ssh_event_push_text(s, SSH_EVENT_STEP, SSH_STEP_AUTH, method);
    ssh_event_push_text(s, SSH_EVENT_AUTHENTICATED, 0, "");
}

void ssh_session_run(struct ssh_session *s, uint64_t now_ms)
{
    unsigned reads = s->hooks.reads, idle = 0;

    s->now_ms = now_ms;
    if (s->state == SSH_CLOSED)
        return;
    flush_out(s);
    do {
        s->paused = false;
        while (session_step(s) ||
               (state_reads(s->state) && ssh_libssh2_again(&s->hooks, &reads, &idle)))
            ;
        if (s->out_of_memory && s->state < SSH_DRAINING)
            ssh_session_fail_lib(s, LIBSSH2_ERROR_ALLOC);
        flush_out(s);
    } while (s->paused && s->out.len < SSH_OUT_PAUSE_LEN / 2);
    ssh_rekey_watch(s);
    if (s->state == SSH_FLUSHING && (!s->out.len || s->write_closed))
        set_closed(s);
    ssh_session_tick(s, now_ms);
}

uint64_t ssh_session_next_deadline(const struct ssh_session *s)
{
    uint64_t next = ssh_rekey_deadline(s);

    if (s->alive.at_ms < next)
        next = s->alive.at_ms;
    return s->deadline_ms < next ? s->deadline_ms : next;
}

void ssh_session_tick(struct ssh_session *s, uint64_t now_ms)
{
    s->now_ms = now_ms;
    ssh_alive_tick(s);
    ssh_rekey_tick(s);
    if (now_ms < s->deadline_ms)
        return;
    s->deadline_ms = NEVER;
    switch (s->state) {
    case SSH_HANDSHAKE:
        s->timed_out = true;
        ssh_session_fail_lib(s, LIBSSH2_ERROR_TIMEOUT);
        flush_out(s);
        break;
    case SSH_CLOSING:
        set_flushing(s);
        flush_out(s);
        break;
    case SSH_FLUSHING:
        set_closed(s);
        break;
    default:
        break;
    }
}

int ssh_session_next(struct ssh_session *s, struct ssh_event *ev, uint64_t now_ms)
{
    s->now_ms = now_ms;
    do {
        if (s->channels.send_due)
            ssh_session_run(s, now_ms);
        s->channels.send_due = false;
        if (ssh_event_pop(s, ev) || ssh_channels_next(s, ev))
            return 1;
    } while (s->channels.send_due && s->state == SSH_READY);
    if (s->state == SSH_DRAINING && ssh_channels_all_told(s) && drained(s, ev))
        return 1;
    if (s->state != SSH_CLOSED || s->closed_told)
        return 0;
    s->closed_told = true;
    *ev = (struct ssh_event){.type = SSH_EVENT_CLOSED};
    return 1;
}

/* ---- what the page asks for ---- */

void ssh_session_answer_host_key(struct ssh_session *s, bool accept)
{
    ssh_hostkey_answer(s, accept);
}

int ssh_session_answer_prompt(struct ssh_session *s, const uint8_t *answers, size_t len)
{
    return s->state == SSH_AUTH ? ssh_auth_answer(s->auth, answers, len) : IPN_ERR_STATE;
}

void ssh_session_close(struct ssh_session *s)
{
    if (s->state >= SSH_CLOSING)
        return;
    ssh_channels_close(s);
    ssh_auth_end(s);
    s->alive.at_ms = NEVER;
    s->deadline_ms = s->now_ms + SSH_CLOSE_TIMEOUT_MS;
    s->authenticated = s->state == SSH_READY;
    s->state = SSH_CLOSING;
}

const struct ssh_info *ssh_session_info(const struct ssh_session *s)
{
    return &s->info;
}
