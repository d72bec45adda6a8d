/*
 * ssh_session on a real socket, for the interop tests: what an integrator does, in its simplest form.
 *
 *   ssh_drive --keygen COMMENT     writes a new private key, then its public line
 *   ssh_drive --convert FILE       the same for a key that is there
 *   ssh_drive [option...] PORT USER
 *     --command TEXT     instead of a shell
 *     --pty ROWSxCOLS    with a terminal
 *     --resize ROWSxCOLS once it is open
 *     --env NAME=VALUE   may be repeated
 *     --pin LINE         a public key line; may be repeated
 *     --host NAME        what the host is called in known_hosts; with the port, as ssh does it
 *     --name NAME        that it is looked up by; may be repeated
 *     --known-hosts FILE to look in, and to change when a key was accepted
 *     --replace SHA256:… take this changed key
 *     --no-ask           nobody can be asked about a host key
 *     --kex LIST, --cipher LIST, --mac LIST, --hostkey LIST    offer these alone
 *     --password TEXT, --key FILE (may be repeated), --passphrase TEXT    to log in with
 *     --answer TEXT      to the next question; may be repeated. After the last: given up
 *     --no-answer        questions may come, and are not answered
 *     --reject           answer no to a host key that is asked about
 *     --stall MS         hand back no credit until MS after the first data
 *     --close-after N    close after N bytes of output
 *     --rekey N          ask for new keys after N bytes
 *     --slow             read at most 700 bytes at a time
 *
 * Standard input goes to the channel, its end as EOF; output and errors come out where they belong.
 * Everything else is a line "event: ..." on standard error. Exits with the status of the command,
 * 128 for a signal, 255 for an error.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/host.h"
#include "ssh/ssh_known_hosts.h"
#include "ssh/ssh_session_internal.h"
#include "support/real_host.h"

struct drive {
    struct ssh_config config;
    struct ssh_channel_config channel_config;
    int channel;
    char env[4096];
    const char *known_hosts_file;
    const char *only[LIBSSH2_METHOD_MAC_SC + 1]; /* lists, by libssh2's numbers */
    int port, fd;
    int resize_rows, resize_cols;
    const char *answers[16];
    size_t answer_count, answer_at;
    bool no_answer;
    bool reject, slow, open, input_ended, closed;
    long stall_ms, close_after, rekey_len;
    uint64_t stall_until_ms;
    size_t held_credit, received;
    uint8_t input[4096]; /* of standard input, not yet taken by the session */
    size_t input_at, input_len;
    int exit_code;
    struct ssh_session *session;
};

static int socket_read(void *ctx, uint8_t *dst, size_t cap)
{
    struct drive *d = ctx;
    ssize_t n = recv(d->fd, dst, d->slow && cap > 700 ? 700 : cap, 0);

    if (n > 0)
        return (int)n;
    return n < 0 && errno == EAGAIN ? 0 : IPN_ERR_CLOSED;
}

static int socket_write(void *ctx, const uint8_t *src, size_t len)
{
    struct drive *d = ctx;
    ssize_t n = send(d->fd, src, len, MSG_NOSIGNAL);

    if (n >= 0)
        return (int)n;
    return errno == EAGAIN ? 0 : IPN_ERR_CLOSED;
}

static void write_all(int fd, const uint8_t *src, size_t len)
{
    while (len) {
        ssize_t n = write(fd, src, len);

        if (n <= 0)
            exit(3);
        src += n;
        len -= (size_t)n;
    }
}

static void consumed(struct drive *d, size_t n)
{
    d->received += n;
    d->held_credit += n;
    if (d->stall_ms && !d->stall_until_ms)
        d->stall_until_ms = real_now_ms() + (uint64_t)d->stall_ms;
    if (d->close_after && d->received >= (size_t)d->close_after) {
        ssh_session_close(d->session);
        d->close_after = 0;
    }
}

/* The whole file, never freed. */
static struct bytes read_file(const char *path)
{
    static uint8_t text[SSH_KNOWN_HOSTS_MAX_LEN];
    FILE *file = fopen(path, "rb");
    size_t len;

    if (!file)
        return (struct bytes){NULL, 0};
    len = fread(text, 1, sizeof text, file);
    fclose(file);
    return (struct bytes){text, len};
}

/* The same as a text, in a block of its own. */
static const char *read_text(const char *path)
{
    struct bytes file = read_file(path);
    char *text = malloc(file.len + 1);

    if (!file.data)
        exit(2);
    memcpy(text, file.data, file.len);
    text[file.len] = '\0';
    return text;
}

static void remember(struct drive *d, const struct ssh_event *ev)
{
    struct buf changed;
    FILE *file;

    if (!d->known_hosts_file)
        return;
    buf_init(&changed, SSH_KNOWN_HOSTS_MAX_LEN);
    if (ssh_known_hosts_add(&changed, read_file(d->known_hosts_file), ev->text, ev->aux) < 0 ||
        !(file = fopen(d->known_hosts_file, "wb")))
        exit(2);
    fwrite(buf_head(&changed), 1, changed.len, file);
    fclose(file);
    buf_wipe(&changed);
}

/* "event: prompt KIND name|instruction|0prompt|…", and the answers that were given for it. */
static void answer_prompt(struct drive *d, const struct ssh_event *ev)
{
    size_t fields = 0, len = 0;
    char answers[4096];

    fprintf(stderr, "event: prompt %d ", ev->code);
    for (size_t i = 0; i < ev->text.len; i++) {
        fields += !ev->text.data[i];
        fputc(ev->text.data[i] ? ev->text.data[i] : '|', stderr);
    }
    fprintf(stderr, "\n");
    for (size_t i = 2; i < fields && !d->no_answer; i++) {
        if (d->answer_at == d->answer_count) {
            ssh_session_answer_prompt(d->session, NULL, 0);
            return;
        }
        len += (size_t)snprintf(answers + len, sizeof answers - len, "%s",
                                d->answers[d->answer_at++]) +
               1;
    }
    if (!d->no_answer && ssh_session_answer_prompt(d->session, (const uint8_t *)answers, len) < 0)
        exit(4);
}

static void handle_event(struct drive *d, const struct ssh_event *ev)
{
    static const char *names[SSH_EVENT_COUNT] = {
        "none",   "progress", "host-key", "banner",         "open",       "data",
        "stderr", "exit",     "error",    "closed",         "writable",   "authenticated",
        "step",   "prompt",   "eof",      "channel-closed", "agent-sign", "known-host"};

    if (ev->type == SSH_EVENT_DATA || ev->type == SSH_EVENT_STDERR) {
        write_all(ev->type == SSH_EVENT_DATA ? 1 : 2, ev->text.data, ev->text.len);
        consumed(d, ev->text.len);
        return;
    }
    if (ev->type == SSH_EVENT_ERROR && !ev->channel)
        return; /* the channel has told it */
    if (ev->type == SSH_EVENT_PROMPT) {
        answer_prompt(d, ev);
        return;
    }
    fprintf(stderr, "event: %s %d %.*s%s%.*s\n", names[ev->type], ev->code, (int)ev->text.len,
            (const char *)ev->text.data, ev->type == SSH_EVENT_EXIT ? " " : "",
            ev->type == SSH_EVENT_EXIT ? (int)ev->aux.len : 0, (const char *)ev->aux.data);
    if (ev->type == SSH_EVENT_KNOWN_HOST)
        remember(d, ev);
    else if (ev->type == SSH_EVENT_HOST_KEY && !ev->code)
        ssh_session_answer_host_key(d->session, !d->reject);
    else if (ev->type == SSH_EVENT_OPEN)
        d->open = true;
    else if (ev->type == SSH_EVENT_EXIT)
        d->exit_code = ev->aux.len ? 128 : ev->code;
    else if (ev->type == SSH_EVENT_ERROR)
        d->exit_code = 255;
    else if (ev->type == SSH_EVENT_CHANNEL_CLOSED)
        ssh_session_close(d->session);
    else if (ev->type == SSH_EVENT_CLOSED)
        d->closed = true;
    if (ev->type == SSH_EVENT_OPEN && d->resize_rows)
        ssh_session_resize(d->session, d->channel, d->resize_rows, d->resize_cols);
}

/*
 * Reads more only when the last piece has gone: whoever waits here for the server to take input
 * must go on taking its output, or both ends wait for each other.
 */
static void read_input(struct drive *d)
{
    ssize_t n = read(0, d->input, sizeof d->input);

    if (n > 0) {
        d->input_at = 0;
        d->input_len = (size_t)n;
        return;
    }
    d->input_ended = true;
    ssh_session_send_eof(d->session, d->channel);
}

static void write_input(struct drive *d)
{
    int taken = ssh_session_write(d->session, d->channel, d->input + d->input_at,
                                  d->input_len - d->input_at);

    if (taken >= 0)
        d->input_at += (size_t)taken;
    if (taken < 0 || d->input_at == d->input_len)
        d->input_len = 0;
}

static void turn(struct drive *d)
{
    bool wants_input = d->open && !d->input_ended && !d->input_len;
    struct pollfd fds[2] = {{d->fd, POLLIN, 0}, {wants_input ? 0 : -1, POLLIN, 0}};
    uint64_t deadline = ssh_session_next_deadline(d->session), now = real_now_ms();
    int wait_ms = deadline == NEVER ? 50 : deadline > now ? (int)(deadline - now) : 0;
    struct ssh_event ev;

    if (d->held_credit && now >= d->stall_until_ms)
        wait_ms = 0;
    poll(fds, 2, wait_ms > 50 ? 50 : wait_ms);
    if (fds[1].revents)
        read_input(d);
    if (d->input_len)
        write_input(d);
    if (d->held_credit && real_now_ms() >= d->stall_until_ms) {
        ssh_session_credit(d->session, d->channel, d->held_credit);
        d->held_credit = 0;
    }
    ssh_session_run(d->session, real_now_ms());
    while (ssh_session_next(d->session, &ev, real_now_ms()))
        handle_event(d, &ev);
    ssh_session_tick(d->session, real_now_ms());
    ssh_session_run(d->session, real_now_ms());
}

/* "--kex LIST" and so on: false if it is none of them. */
static bool parse_only(struct drive *d, const char *name, const char *value)
{
    static const struct {
        const char *name;
        int methods[2];
    } lists[] = {{"--kex", {LIBSSH2_METHOD_KEX, LIBSSH2_METHOD_KEX}},
                 {"--hostkey", {LIBSSH2_METHOD_HOSTKEY, LIBSSH2_METHOD_HOSTKEY}},
                 {"--cipher", {LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_CRYPT_SC}},
                 {"--mac", {LIBSSH2_METHOD_MAC_CS, LIBSSH2_METHOD_MAC_SC}}};

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (strcmp(name, lists[i].name) == 0) {
            d->only[lists[i].methods[0]] = d->only[lists[i].methods[1]] = value;
            return true;
        }
    }
    return false;
}

static bool offer_only(struct drive *d)
{
    for (int method = 0; method <= LIBSSH2_METHOD_MAC_SC; method++) {
        if (d->only[method] &&
            libssh2_session_method_pref(d->session->lib, method, d->only[method]))
            return false;
    }
    return true;
}

/* "--password TEXT" and so on: false if it is none of them. */
static bool parse_login(struct drive *d, const char *name, const char *value)
{
    struct ssh_credentials *c = &d->config.credentials;

    if (strcmp(name, "--password") == 0)
        c->password = value;
    else if (strcmp(name, "--passphrase") == 0)
        c->passphrase = value;
    else if (strcmp(name, "--key") == 0 && c->private_key_count < SSH_MAX_PRIVATE_KEYS)
        c->private_keys[c->private_key_count++] = read_text(value);
    else if (strcmp(name, "--answer") == 0 && d->answer_count < 16)
        d->answers[d->answer_count++] = value;
    else
        return false;
    d->config.can_prompt = d->answer_count > 0 || d->no_answer;
    return true;
}

static int parse_option(struct drive *d, char **argv)
{
    const char *name = argv[0], *value = argv[1];
    size_t used = d->channel_config.env_len;

    if (strcmp(name, "--reject") == 0)
        return d->reject = true, 1;
    if (strcmp(name, "--no-ask") == 0)
        return d->config.can_ask_host_key = false, 1;
    if (strcmp(name, "--no-answer") == 0)
        return d->no_answer = d->config.can_prompt = true, 1;
    if (strcmp(name, "--slow") == 0)
        return d->slow = true, 1;
    if (!value)
        return 0;
    if (parse_only(d, name, value) || parse_login(d, name, value))
        return 2;
    if (strcmp(name, "--command") == 0)
        d->channel_config.command = value;
    else if (strcmp(name, "--pty") == 0)
        d->channel_config.pty =
            sscanf(value, "%dx%d", &d->channel_config.rows, &d->channel_config.cols) == 2;
    else if (strcmp(name, "--resize") == 0)
        sscanf(value, "%dx%d", &d->resize_rows, &d->resize_cols);
    else if (strcmp(name, "--stall") == 0)
        d->stall_ms = atol(value);
    else if (strcmp(name, "--rekey") == 0)
        d->rekey_len = atol(value);
    else if (strcmp(name, "--close-after") == 0)
        d->close_after = atol(value);
    else if (strcmp(name, "--host") == 0)
        d->config.host = value;
    else if (strcmp(name, "--name") == 0 && d->config.host_name_count < SSH_MAX_HOST_NAMES)
        d->config.host_names[d->config.host_name_count++] = value;
    else if (strcmp(name, "--known-hosts") == 0)
        d->config.known_hosts = read_file(d->known_hosts_file = value);
    else if (strcmp(name, "--replace") == 0)
        d->config.replace_host_key = value;
    else if (strcmp(name, "--pin") == 0 && d->config.pinned_count < SSH_MAX_PINNED_KEYS)
        d->config.pinned[d->config.pinned_count++] = value;
    else if (strcmp(name, "--env") == 0 && used + strlen(value) + 1 < sizeof d->env) {
        strcpy(d->env + used, value);
        *strchr(d->env + used, '=') = '\0';
        d->channel_config.env_len += strlen(value) + 1;
    } else {
        return 0;
    }
    return 2;
}

static int connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
        perror("connect");
        exit(2);
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static int write_key(struct ssh_key *key, const char *comment)
{
    struct buf text;

    buf_init(&text, 2 * SSH_KEY_MAX_TEXT_LEN);
    if (!key || ssh_key_private_text(&text, key, comment) < 0 ||
        ssh_key_public_line(&text, key, comment) < 0 || buf_append(&text, "\n", 1) < 0)
        return 2;
    write_all(1, buf_head(&text), text.len);
    buf_wipe(&text);
    ssh_key_free(key);
    return 0;
}

static int convert(const char *path)
{
    struct ssh_key *key;
    int rc = ssh_key_parse(&key, read_file(path), (struct bytes){NULL, 0});

    if (rc == 0)
        return write_key(key, ssh_key_comment(key));
    fprintf(stderr, "%s\n", ssh_key_error_text(rc));
    return 1;
}

int main(int argc, char **argv)
{
    static struct drive d = {.exit_code = 255};
    struct ssh_transport transport = {&d, socket_read, socket_write};
    const struct ssh_info *info;
    int at = 1, n;

    host_init(&(struct host_calls){real_random_bytes, NULL});
    if (argc == 3 && strcmp(argv[1], "--keygen") == 0)
        return write_key(ssh_key_generate_ed25519(), argv[2]);
    if (argc == 3 && strcmp(argv[1], "--convert") == 0)
        return convert(argv[2]);
    d.channel_config.env = d.env;
    d.config.can_ask_host_key = true;
    while (at < argc && (n = parse_option(&d, argv + at)) > 0)
        at += n;
    if (argc - at != 2) {
        fprintf(stderr, "usage: ssh_drive [option...] PORT USER\n");
        return 2;
    }
    d.config.user = argv[at + 1];
    d.config.port = (uint16_t)atoi(argv[at]);
    d.channel_config.term = "xterm-256color";
    host_init(&(struct host_calls){real_random_bytes, NULL});
    host_set_wall_offset((int64_t)time(NULL) * 1000 - (int64_t)real_now_ms());
    d.fd = connect_to(atoi(argv[at]));
    d.session = ssh_session_new(&d.config, &transport);
    if (!d.session || !offer_only(&d))
        return 2;
    if (d.rekey_len)
        d.session->hooks.kex.max_len = (uint64_t)d.rekey_len;
    d.channel = ssh_session_open_channel(d.session, &d.channel_config);
    while (!d.closed)
        turn(&d);
    fprintf(stderr, "event: exchanges %u\n", (unsigned)d.session->hooks.kex.count);
    info = ssh_session_info(d.session);
    fprintf(stderr, "event: used %s %s %s %s\n", info->server_version, info->host_key_type,
            info->cipher_in, info->auth_method);
    ssh_session_free(d.session);
    close(d.fd);
    return d.exit_code;
}
