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

    if (!s->server_version[0] && line && strncmp(line, "SSH-", 4) == 0)
        ssh_printable(s->server_version, sizeof s->server_version, ssh_text(line));
}

static int hook_read(void *ctx, uint8_t *dst, size_t cap)
{
    struct ssh_session *s = ctx;
    int n;

    if (s->read_closed)
        return IPN_ERR_CLOSED;
    if (s->out.len > SSH_OUT_PAUSE_LEN) /* answers pile up: the server is not reading */
        return 0;
    if (s->preamble_len > SSH_MAX_PREAMBLE_LEN) {
        note_version(s);
        if (!s->server_version[0])
            return IPN_ERR_PROTOCOL;
    }
    n = s->transport.read(s->transport.ctx, dst, cap);
    if (n < 0)
        s->read_closed = true;
    if (n > 0 && !s->server_version[0]) {
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

static void hook_packet(void *ctx, struct bytes packet)
{
    enum { DISCONNECT = 1, USERAUTH_BANNER = 53 };
    struct ssh_session *s = ctx;

    switch (packet.data[0]) {
    case DISCONNECT:
        on_disconnect(s, packet);
        break;
    case USERAUTH_BANNER:
        on_banner(s, packet);
        break;
    default:
        ssh_channel_on_packet(s, packet);
    }
}

/* ---- birth and death ---- */

/* Copies text behind *at and moves *at; NULL stays NULL. */
static const char *copy_text(uint8_t **at, const char *text)
{
    char *copy = (char *)*at;

    if (!text)
        return NULL;
    memcpy(copy, text, strlen(text) + 1);
    *at += strlen(text) + 1;
    return copy;
}

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static bool copy_config(struct ssh_session *s, const struct ssh_config *config)
{
    const char *user = config->user ? config->user : "";
    const char *term = config->term ? config->term : "xterm-256color";
    size_t len = text_size(user) + text_size(term) + text_size(config->command) + config->env_len;
    uint8_t *at;

    s->config = *config;
    if (s->config.pinned_count > SSH_MAX_PINNED_KEYS)
        s->config.pinned_count = SSH_MAX_PINNED_KEYS;
    for (size_t i = 0; i < s->config.pinned_count; i++)
        len += text_size(config->pinned[i]);
    /* ssh_hostkey_init takes what it needs of these. */
    s->config.known_hosts = (struct bytes){NULL, 0};
    s->config.host = s->config.replace_host_key = NULL;
    s->config.host_name_count = 0;
    at = s->config_block = malloc(len);
    if (!at)
        return false;
    s->config_block_len = len;
    s->config.user = copy_text(&at, user);
    s->config.term = copy_text(&at, term);
    s->config.command = copy_text(&at, config->command);
    for (size_t i = 0; i < s->config.pinned_count; i++)
        s->config.pinned[i] = copy_text(&at, config->pinned[i]);
    if (config->env_len)
        memcpy(at, config->env, config->env_len);
    s->config.env = (const char *)at;
    return true;
}

static bool set_preferences(struct ssh_session *s)
{
    char host_keys[256] = "";
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
    s->credit = SSH_INITIAL_CREDIT;
    s->rows = config->rows;
    s->cols = config->cols;
    s->exit_status = -1;
    buf_init(&s->out, SSH_MAX_OUT_LEN);
    buf_init(&s->input, SSH_MAX_INPUT_LEN);
    s->hooks = (struct ssh_libssh2_hooks){.heap = {.max = SSH_MAX_HEAP_LEN},
                                          .ctx = s,
                                          .read = hook_read,
                                          .write = hook_write,
                                          .on_packet = hook_packet,
                                          .kex = {.max_len = SSH_KEX_MAX_LEN}};
    if (copy_config(s, config) && ssh_hostkey_init(s, config) == 0)
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
    ssh_libssh2_free(s->lib, &s->hooks);
    ssh_event_wipe(s);
    ssh_hostkey_wipe(s);
    buf_wipe(&s->out);
    buf_wipe(&s->input);
    if (s->data) {
        wipe(s->data, SSH_DATA_LEN);
        free(s->data);
    }
    if (s->config_block) {
        wipe(s->config_block, s->config_block_len);
        free(s->config_block);
    }
    wipe(s, sizeof *s);
    free(s);
}

/* ---- ending ---- */

static void set_closed(struct ssh_session *s)
{
    s->deadline_ms = NEVER;
    ssh_event_push_text(s, SSH_EVENT_CLOSED, 0, "");
    s->state = SSH_CLOSED;
}

/* Says goodbye and waits only for the transport to take it. */
static void set_flushing(struct ssh_session *s)
{
    if (s->started && s->server_version[0] && ssh_kex_can_send(s->lib, &s->hooks.kex))
        libssh2_session_disconnect_ex(s->lib, SSH_DISCONNECT_BY_APPLICATION, "", "");
    s->deadline_ms = s->now_ms + SSH_FLUSH_TIMEOUT_MS;
    s->state = SSH_FLUSHING;
}

void ssh_session_fail(struct ssh_session *s, enum ssh_problem problem, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ssh_event_push_text(s, SSH_EVENT_ERROR, (int)problem, text);
    set_flushing(s);
}

/* EOF and CLOSE, for as long as it takes the server to close too. */
static bool closing_step(struct ssh_session *s)
{
    if (s->channel && libssh2_channel_close(s->channel) == LIBSSH2_ERROR_EAGAIN)
        return false;
    set_flushing(s);
    return true;
}

static void set_closing(struct ssh_session *s)
{
    s->deadline_ms = s->now_ms + SSH_CLOSE_TIMEOUT_MS;
    s->state = SSH_CLOSING;
}

/* The server has closed the channel or the connection, and everything it sent is handed out. */
static void finish_running(struct ssh_session *s)
{
    int code = s->exit_signal[0] ? 0 : s->exit_status;

    if (s->has_exit || ssh_libssh2_closed(s->channel))
        ssh_event_push(s, SSH_EVENT_EXIT, code, (struct bytes){NULL, 0}, ssh_text(s->exit_signal));
    if (s->has_exit || ssh_libssh2_closed(s->channel))
        set_closing(s);
    else
        ssh_session_fail_lib(s, s->lost_rc);
}

/* ---- running ---- */

static bool handshake_step(struct ssh_session *s)
{
    const char *name;
    int rc;

    if (!s->started) {
        s->started = true;
        s->deadline_ms = s->now_ms + SSH_HANDSHAKE_TIMEOUT_MS;
        ssh_event_push_text(s, SSH_EVENT_PROGRESS, 0, "Exchanging keys");
    }
    rc = libssh2_session_handshake(s->lib, 0);
    note_version(s);
    if (rc == LIBSSH2_ERROR_EAGAIN)
        return false;
    if (rc) {
        ssh_session_fail_lib(s, rc);
        return false;
    }
    name = libssh2_session_methods(s->lib, LIBSSH2_METHOD_CRYPT_SC);
    snprintf(s->cipher, sizeof s->cipher, "%s", name ? name : "");
    s->deadline_ms = NEVER;
    s->state = SSH_HOST_KEY;
    return true;
}

static bool session_step(struct ssh_session *s)
{
    switch (s->state) {
    case SSH_HANDSHAKE:
        return handshake_step(s);
    case SSH_HOST_KEY:
        return ssh_hostkey_step(s);
    case SSH_HOST_KEY_ANSWER:
        return false;
    case SSH_AUTH:
        return ssh_auth_step(s);
    case SSH_CLOSING:
        return closing_step(s);
    case SSH_FLUSHING:
    case SSH_CLOSED:
        return false;
    default:
        return !s->lost_rc && ssh_channel_step(s);
    }
}

/* States in which a step that waits has asked libssh2, and libssh2 the transport. */
static bool state_reads(enum ssh_state state)
{
    return state == SSH_HANDSHAKE || state == SSH_AUTH || state == SSH_CLOSING ||
           (state >= SSH_CHANNEL_OPEN && state < SSH_RUNNING);
}

void ssh_session_run(struct ssh_session *s, uint64_t now_ms)
{
    unsigned reads = s->hooks.reads, idle = 0;

    s->now_ms = now_ms;
    if (s->state == SSH_CLOSED)
        return;
    flush_out(s);
    while (session_step(s) ||
           (state_reads(s->state) && ssh_libssh2_again(&s->hooks, &reads, &idle)))
        ;
    if (s->out_of_memory && s->state < SSH_CLOSING)
        ssh_session_fail_lib(s, LIBSSH2_ERROR_ALLOC);
    flush_out(s);
    if (s->state == SSH_FLUSHING && (!s->out.len || s->write_closed))
        set_closed(s);
    ssh_session_tick(s, now_ms);
}

uint64_t ssh_session_next_deadline(const struct ssh_session *s)
{
    return s->deadline_ms;
}

void ssh_session_tick(struct ssh_session *s, uint64_t now_ms)
{
    s->now_ms = now_ms;
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
    if (ssh_event_pop(s, ev))
        return 1;
    if (s->state != SSH_RUNNING)
        return 0;
    if (ssh_channel_next(s, ev)) {
        flush_out(s); /* the window may have been opened */
        return 1;
    }
    if (ssh_libssh2_has_data(s->channel) || (!s->lost_rc && !ssh_libssh2_closed(s->channel)))
        return 0;
    finish_running(s);
    ssh_session_run(s, now_ms);
    return ssh_event_pop(s, ev);
}

/* ---- what the page asks for ---- */

void ssh_session_credit(struct ssh_session *s, size_t n)
{
    ssh_channel_credit(s, n);
}

int ssh_session_write(struct ssh_session *s, const uint8_t *src, size_t len)
{
    size_t room = SSH_MAX_INPUT_LEN - s->input.len;

    if (s->state != SSH_RUNNING || s->eof_wanted)
        return IPN_ERR_STATE;
    if (len > room) {
        s->input_was_full = true;
        len = room;
    }
    if (len && buf_append(&s->input, src, len) < 0)
        return IPN_ERR_NOMEM;
    return (int)len;
}

void ssh_session_send_eof(struct ssh_session *s)
{
    s->eof_wanted = true;
}

void ssh_session_resize(struct ssh_session *s, int rows, int cols)
{
    if (rows > 0 && cols > 0) {
        s->rows = rows;
        s->cols = cols;
    }
}

void ssh_session_answer_host_key(struct ssh_session *s, bool accept)
{
    ssh_hostkey_answer(s, accept);
}

void ssh_session_close(struct ssh_session *s)
{
    if (s->state >= SSH_CLOSING)
        return;
    set_closing(s);
}

const char *ssh_session_server_version(const struct ssh_session *s)
{
    return s->server_version;
}

const char *ssh_session_host_key_type(const struct ssh_session *s)
{
    return s->host_key_type;
}

const char *ssh_session_cipher(const struct ssh_session *s)
{
    return s->cipher;
}
