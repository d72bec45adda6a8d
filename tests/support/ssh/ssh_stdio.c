/*
 * A whole ssh_session on a real socket, driven from outside by frames (tests/support/ssh_stdio.mjs):
 *
 *   ssh_stdio [--key FILE]... [--passphrase TEXT] [--keep-keys] PORT USER
 *   stdin:   [len 4 BE] then [op 1][channel 4 BE][payload]
 *   stdout:  [len 4 BE] then [event 1][channel 4 BE][code 4 BE][text len 4 BE][text][aux]
 *
 * ops: 1 open (fields kind, term, command, subsystem, pty, rows, cols, agent, host, port, env, each
 * ended by NUL; env as NAME=VALUE fields), answered by event 200 with the number; 2 write, 3 EOF,
 * 4 signal, 5 resize (rows 4, cols 4), 6 credit (4), 7 close the channel, 8 answer the agent
 * (request 4, allow 1), 9 close the connection. Event 201: so many bytes of the channel's were taken
 * (code). Host keys are accepted.
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

#include "base/buf.h"
#include "base/err.h"
#include "base/host.h"
#include "ssh/ssh_session.h"
#include "support/real_host.h"

enum { MAX_NUMBER = 1000, EVENT_OPENED = 200, EVENT_TAKEN };

static struct ssh_session *session;
static int fd;
static bool closed, input_ended;
static struct buf in;                     /* frames not yet carried out */
static struct buf pending[MAX_NUMBER];    /* bytes a channel has not taken */
static bool eof_due[MAX_NUMBER];
static size_t pending_len;

static int socket_read(void *ctx, uint8_t *dst, size_t cap)
{
    ssize_t n = recv(fd, dst, cap, 0);

    (void)ctx;
    if (n > 0)
        return (int)n;
    return n < 0 && errno == EAGAIN ? 0 : IPN_ERR_CLOSED;
}

static int socket_write(void *ctx, const uint8_t *src, size_t len)
{
    ssize_t n = send(fd, src, len, MSG_NOSIGNAL);

    (void)ctx;
    if (n >= 0)
        return (int)n;
    return errno == EAGAIN ? 0 : IPN_ERR_CLOSED;
}

/* ---- out ---- */

static void write_all(const uint8_t *src, size_t len)
{
    while (len) {
        ssize_t n = write(1, src, len);

        if (n <= 0)
            exit(3);
        src += n;
        len -= (size_t)n;
    }
}

static void tell(int type, int channel, int code, struct bytes text, struct bytes aux)
{
    uint8_t head[4 + 13];

    store_be32(head, (uint32_t)(13 + text.len + aux.len));
    head[4] = (uint8_t)type;
    store_be32(head + 5, (uint32_t)channel);
    store_be32(head + 9, (uint32_t)code);
    store_be32(head + 13, (uint32_t)text.len);
    write_all(head, sizeof head);
    write_all(text.data, text.len);
    write_all(aux.data, aux.len);
}

static void handle_event(const struct ssh_event *ev)
{
    if (ev->type == SSH_EVENT_HOST_KEY && !ev->code)
        ssh_session_answer_host_key(session, true);
    if (ev->type == SSH_EVENT_CLOSED)
        closed = true;
    tell(ev->type, ev->channel, ev->code, ev->text, ev->aux);
}

/* ---- in ---- */

/* The NUL-terminated field at the front of *b, which moves behind it; "" at the end. */
static const char *field(struct bytes *b)
{
    const char *text = b->len ? (const char *)b->data : "";
    size_t len = strlen(text) + 1;

    if (len > b->len)
        len = b->len;
    *b = (struct bytes){b->data + len, b->len - len};
    return text;
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static void open_channel(struct bytes b)
{
    static char env[8192];
    struct ssh_channel_config c = {.env = env};
    size_t len;

    c.kind = (enum ssh_channel_kind)atoi(field(&b));
    c.term = or_null(field(&b));
    c.command = or_null(field(&b));
    c.subsystem = or_null(field(&b));
    c.pty = atoi(field(&b)) != 0;
    c.rows = atoi(field(&b));
    c.cols = atoi(field(&b));
    c.agent = atoi(field(&b)) != 0;
    c.host = or_null(field(&b));
    c.port = (uint16_t)atoi(field(&b));
    while (b.len) {
        const char *pair = field(&b);

        len = strlen(pair) + 1;
        if (!strchr(pair, '=') || c.env_len + len > sizeof env)
            abort();
        memcpy(env + c.env_len, pair, len);
        *strchr(env + c.env_len, '=') = '\0';
        c.env_len += len;
    }
    tell(EVENT_OPENED, ssh_session_open_channel(session, &c), 0, (struct bytes){NULL, 0},
         (struct bytes){NULL, 0});
}

static void queue_input(int channel, struct bytes b)
{
    if (!pending[channel].max_len)
        buf_init(&pending[channel], 64 << 20);
    if (buf_append(&pending[channel], b.data, b.len))
        abort();
    pending_len += b.len;
}

static void carry_out(uint8_t op, int channel, struct bytes b)
{
    char name[64] = "";

    if (channel < 0 || channel >= MAX_NUMBER)
        abort();
    switch (op) {
    case 1:
        open_channel(b);
        break;
    case 2:
        queue_input(channel, b);
        break;
    case 3:
        eof_due[channel] = true;
        break;
    case 4:
        memcpy(name, b.data, b.len < sizeof name - 1 ? b.len : sizeof name - 1);
        ssh_session_signal(session, channel, name);
        break;
    case 5:
        ssh_session_resize(session, channel, (int)load_be32(b.data), (int)load_be32(b.data + 4));
        break;
    case 6:
        ssh_session_credit(session, channel, load_be32(b.data));
        break;
    case 7:
        ssh_session_close_channel(session, channel);
        break;
    case 8:
        ssh_session_answer_agent(session, (int)load_be32(b.data), b.data[4]);
        break;
    default:
        ssh_session_close(session);
    }
}

static void read_frames(void)
{
    uint8_t *room = buf_reserve(&in, 65536);
    ssize_t n = room ? read(0, room, 65536) : 0;

    if (n <= 0) {
        input_ended = true;
        ssh_session_close(session);
        return;
    }
    buf_commit(&in, (size_t)n);
    while (in.len >= 4 && in.len - 4 >= load_be32(buf_head(&in))) {
        const uint8_t *frame = buf_head(&in);
        uint32_t len = load_be32(frame);

        carry_out(frame[4], (int)load_be32(frame + 5), (struct bytes){frame + 9, len - 5});
        buf_consume(&in, 4 + (size_t)len);
    }
}

static void took(int channel, size_t n)
{
    buf_consume(&pending[channel], n);
    pending_len -= n;
    tell(EVENT_TAKEN, channel, (int)n, (struct bytes){NULL, 0}, (struct bytes){NULL, 0});
}

static void write_pending(void)
{
    for (int i = 0; i < MAX_NUMBER; i++) {
        int n = 0;

        while (pending[i].len &&
               (n = ssh_session_write(session, i, buf_head(&pending[i]), pending[i].len)) > 0)
            took(i, (size_t)n);
        if (n == IPN_ERR_NOT_FOUND) /* it has ended */
            took(i, pending[i].len);
        if (eof_due[i] && !pending[i].len) {
            eof_due[i] = false;
            ssh_session_send_eof(session, i);
        }
    }
}

/* ---- both ---- */

static void turn(void)
{
    uint64_t deadline = ssh_session_next_deadline(session), now = real_now_ms();
    int wait_ms = deadline == NEVER ? 50 : deadline > now ? (int)(deadline - now) : 0;
    struct pollfd fds[2] = {{fd, POLLIN, 0}, {input_ended ? -1 : 0, POLLIN, 0}};
    struct ssh_event ev;

    poll(fds, 2, wait_ms > 50 || pending_len ? 10 : wait_ms);
    if (fds[1].revents)
        read_frames();
    write_pending();
    ssh_session_run(session, real_now_ms());
    while (ssh_session_next(session, &ev, real_now_ms()))
        handle_event(&ev);
    ssh_session_tick(session, real_now_ms());
}

static int connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int s = socket(AF_INET, SOCK_STREAM, 0);

    if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof to) < 0) {
        perror("connect");
        exit(2);
    }
    fcntl(s, F_SETFL, O_NONBLOCK);
    return s;
}

static const char *read_text(const char *path)
{
    char *text = calloc(1, 65536);
    FILE *file = fopen(path, "rb");

    if (!text || !file || !fread(text, 1, 65535, file))
        exit(2);
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    struct ssh_transport transport = {NULL, socket_read, socket_write};
    struct ssh_config config = {.can_ask_host_key = true};
    struct ssh_credentials *c = &config.credentials;
    int at = 1;

    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--keep-keys") == 0)
            config.keep_keys = true;
        else if (strcmp(argv[at], "--key") == 0 && c->private_key_count < SSH_MAX_PRIVATE_KEYS)
            c->private_keys[c->private_key_count++] = read_text(argv[++at]);
        else if (strcmp(argv[at], "--passphrase") == 0)
            c->passphrase = argv[++at];
    }
    if (argc - at != 2)
        return 2;
    config.user = argv[at + 1];
    host_init(&(struct host_calls){real_random_bytes, NULL});
    buf_init(&in, 16 << 20);
    fd = connect_to(atoi(argv[at]));
    session = ssh_session_new(&config, &transport);
    if (!session)
        return 2;
    while (!closed)
        turn();
    ssh_session_free(session);
    for (int i = 0; i < MAX_NUMBER; i++)
        buf_wipe(&pending[i]);
    buf_wipe(&in);
    for (size_t i = 0; i < c->private_key_count; i++)
        free((void *)(uintptr_t)c->private_keys[i]);
    close(fd);
    return 0;
}
