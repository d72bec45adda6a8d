#include "support/sftp/sftp_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/host.h"
#include "support/real_host.h"

struct sftp_link {
    struct ssh_sftp *sf; /* over pipes */
    pid_t server;
    struct ssh_session *session; /* over SSH */
    int channel;
    int in, out; /* from the server, to it */
    bool lost, closed;
    bool asked, full; /* something was asked of the session; the socket takes no more */
};

static struct sftp_link *link_new(void)
{
    struct sftp_link *l = calloc(1, sizeof *l);

    if (!l)
        exit(2);
    signal(SIGPIPE, SIG_IGN);
    return l;
}

/* ---- pipes ---- */

struct sftp_link *link_spawn(char **argv)
{
    struct sftp_link *l = link_new();
    int to[2], from[2];

    if (pipe(to) < 0 || pipe(from) < 0 || (l->server = fork()) < 0)
        exit(2);
    if (!l->server) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        for (int fd = 3; fd < 20; fd++)
            close(fd);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    l->in = from[0];
    l->out = to[1];
    fcntl(l->in, F_SETFL, O_NONBLOCK);
    fcntl(l->out, F_SETFL, O_NONBLOCK);
    l->sf = ssh_sftp_new();
    return l;
}

static void pipe_lost(struct sftp_link *l)
{
    if (!l->lost)
        ssh_sftp_closed(l->sf, false);
    l->lost = true;
}

static void pipe_turn(struct sftp_link *l)
{
    uint8_t bytes[65536];
    struct bytes out = ssh_sftp_output(l->sf);
    struct pollfd fds[2] = {{l->in, POLLIN, 0}, {out.len ? l->out : -1, POLLOUT, 0}};
    ssize_t n;

    poll(fds, 2, 20);
    if (fds[0].revents) {
        n = read(l->in, bytes, sizeof bytes);
        if (n > 0)
            ssh_sftp_input(l->sf, bytes, (size_t)n);
        else if (n == 0 || errno != EAGAIN)
            pipe_lost(l);
    }
    while (!l->lost && (out = ssh_sftp_output(l->sf)).len) {
        n = write(l->out, out.data, out.len);
        if (n < 0 && errno != EAGAIN)
            pipe_lost(l);
        if (n <= 0)
            break;
        ssh_sftp_sent(l->sf, (size_t)n);
    }
}

/* ---- SSH ---- */

static int socket_read(void *ctx, uint8_t *dst, size_t cap)
{
    struct sftp_link *l = ctx;
    ssize_t n = recv(l->in, dst, cap, 0);

    if (n > 0)
        return (int)n;
    return n < 0 && errno == EAGAIN ? 0 : IPN_ERR_CLOSED;
}

static int socket_write(void *ctx, const uint8_t *src, size_t len)
{
    struct sftp_link *l = ctx;
    ssize_t n = send(l->out, src, len, MSG_NOSIGNAL);

    l->full = n < (ssize_t)len;
    if (n >= 0)
        return (int)n;
    return errno == EAGAIN ? 0 : IPN_ERR_CLOSED;
}

struct sftp_link *link_ssh(int port, const char *user)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct ssh_config config = {
        .user = user, .credentials = {.try_none = true}, .can_ask_host_key = true};
    struct ssh_channel_config channel = {.kind = SSH_CHANNEL_SFTP};
    struct sftp_link *l = link_new();

    host_init(&(struct host_calls){real_random_bytes, NULL});
    l->in = l->out = socket(AF_INET, SOCK_STREAM, 0);
    if (l->in < 0 || connect(l->in, (struct sockaddr *)&to, sizeof to) < 0)
        exit(2);
    fcntl(l->in, F_SETFL, O_NONBLOCK);
    l->session = ssh_session_new(&config, &(struct ssh_transport){l, socket_read, socket_write});
    l->channel = l->session ? ssh_session_open_channel(l->session, &channel) : -1;
    if (l->channel < 0)
        exit(2);
    ssh_session_run(l->session, real_now_ms());
    return l;
}

/* Runs the session only when it has to be: whatever else it waits for would be a mistake of its. */
static void ssh_turn(struct sftp_link *l)
{
    struct pollfd fd = {l->in, (short)(POLLIN | (l->full ? POLLOUT : 0)), 0};

    if (!l->asked)
        poll(&fd, 1, 20);
    ssh_session_tick(l->session, real_now_ms());
    if (l->asked || fd.revents)
        ssh_session_run(l->session, real_now_ms());
    l->asked = false;
}

static int ssh_next(struct sftp_link *l, struct ssh_event *ev)
{
    while (ssh_session_next(l->session, ev, real_now_ms())) {
        if (ev->type == SSH_EVENT_HOST_KEY && ev->code == 0)
            ssh_session_answer_host_key(l->session, l->asked = true);
        else if (ev->type == SSH_EVENT_CLOSED || ev->type == SSH_EVENT_CHANNEL_CLOSED)
            l->lost = l->closed = true;
        else if (ev->channel == l->channel)
            return 1;
    }
    return 0;
}

/* ---- either ---- */

void link_turn(struct sftp_link *l)
{
    if (l->session)
        ssh_turn(l);
    else
        pipe_turn(l);
}

int link_next(struct sftp_link *l, struct ssh_event *ev)
{
    int found;

    if (l->session)
        return ssh_next(l, ev);
    found = ssh_sftp_next(l->sf, ev);
    if (found && ev->type == SSH_EVENT_ERROR)
        l->lost = true; /* and the server is left alone */
    l->closed = l->lost && !found;
    return found;
}

bool link_over(const struct sftp_link *l)
{
    return l->closed;
}

void link_kill(struct sftp_link *l)
{
    if (l->server)
        kill(l->server, SIGKILL);
    else
        shutdown(l->in, SHUT_RDWR);
}

int link_request(struct sftp_link *l, const struct ssh_sftp_request *q)
{
    l->asked = true;
    return l->session ? ssh_session_sftp_request(l->session, l->channel, q)
                      : ssh_sftp_request(l->sf, q);
}

int link_write(struct sftp_link *l, uint32_t request, const uint8_t *src, size_t len)
{
    l->asked = true;
    return l->session ? ssh_session_sftp_write(l->session, l->channel, request, src, len)
                      : ssh_sftp_write(l->sf, request, src, len);
}

void link_end(struct sftp_link *l, uint32_t request)
{
    l->asked = true;
    if (l->session)
        ssh_session_sftp_end(l->session, l->channel, request);
    else
        ssh_sftp_end(l->sf, request);
}

void link_credit(struct sftp_link *l, uint32_t request, size_t n)
{
    l->asked = true;
    if (l->session)
        ssh_session_sftp_credit(l->session, l->channel, request, n);
    else
        ssh_sftp_credit(l->sf, request, n);
}

void link_cancel(struct sftp_link *l, uint32_t request)
{
    l->asked = true;
    if (l->session)
        ssh_session_sftp_cancel(l->session, l->channel, request);
    else
        ssh_sftp_cancel(l->sf, request);
}

void link_free(struct sftp_link *l)
{
    ssh_session_free(l->session);
    ssh_sftp_free(l->sf);
    if (l->server)
        kill(l->server, SIGKILL);
    close(l->in);
    if (l->out != l->in)
        close(l->out);
    if (l->server)
        waitpid(l->server, NULL, 0);
    free(l);
}
