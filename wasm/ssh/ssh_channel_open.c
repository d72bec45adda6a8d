/*
 * How a channel is opened (RFC 4254 sections 5.1, 6.2 to 6.5 and 7.2). Nothing waits for anything:
 * opens of several channels are out together, and so are the requests of one, whose answers come in
 * the order they were sent (ssh_channel_packets.c).
 */
#include <string.h>

#include "ssh/ssh_packet.h"
#include "ssh/ssh_session_internal.h"

enum { MAX_ENV_LEN = 16 << 10 };

/* RFC 4254 section 8; opcodes as OpenSSH sends them for a UTF-8 terminal. */
static const uint8_t terminal_modes[] = {
    1,   0, 0, 0,    3,    /* VINTR ^C */
    2,   0, 0, 0,    28,   /* VQUIT ^\ */
    3,   0, 0, 0,    127,  /* VERASE */
    4,   0, 0, 0,    21,   /* VKILL ^U */
    5,   0, 0, 0,    4,    /* VEOF ^D */
    8,   0, 0, 0,    17,   /* VSTART ^Q */
    9,   0, 0, 0,    19,   /* VSTOP ^S */
    10,  0, 0, 0,    26,   /* VSUSP ^Z */
    36,  0, 0, 0,    1,    /* ICRNL */
    38,  0, 0, 0,    1,    /* IXON */
    42,  0, 0, 0,    1,    /* IUTF8, RFC 8160 */
    50,  0, 0, 0,    1,    /* ISIG */
    51,  0, 0, 0,    1,    /* ICANON */
    53,  0, 0, 0,    1,    /* ECHO */
    54,  0, 0, 0,    1,    /* ECHOE */
    55,  0, 0, 0,    1,    /* ECHOK */
    59,  0, 0, 0,    1,    /* IEXTEN */
    60,  0, 0, 0,    1,    /* ECHOCTL */
    61,  0, 0, 0,    1,    /* ECHOKE */
    70,  0, 0, 0,    1,    /* OPOST */
    72,  0, 0, 0,    1,    /* ONLCR */
    91,  0, 0, 0,    1,    /* CS8 */
    128, 0, 0, 0x96, 0x00, /* TTY_OP_ISPEED 38400 */
    129, 0, 0, 0x96, 0x00, /* TTY_OP_OSPEED 38400 */
    0                      /* TTY_OP_END */
};

/* ---- opening ---- */

static void window_init(struct ssh_session *s, struct ssh_channel *c)
{
    bool small = c->config.pty || c->kind == SSH_CHANNEL_AGENT;
    size_t first = small ? SSH_MIN_WINDOW : SSH_FIRST_WINDOW;
    size_t room = ssh_channels_window_room(s, c);

    c->window_floor = small ? SSH_MIN_WINDOW : SSH_BULK_WINDOW;
    c->window_target = first < room ? first : room;
    c->window = (uint32_t)c->window_target;
    c->window_at_ms = s->now_ms;
}

/* [90][kind][our number][window][packet size], for a forward [host][port][from host][from port] */
int ssh_channel_send_open(struct ssh_session *s, struct ssh_channel *c)
{
    struct ssh_packet p = {0};
    int rc;

    window_init(s, c);
    ssh_packet_put_u8(&p, SSH_CHANNEL_OPEN);
    ssh_packet_put_text(&p, c->kind == SSH_CHANNEL_FORWARD ? "direct-tcpip" : "session");
    ssh_packet_put_u32(&p, c->local_id);
    ssh_packet_put_u32(&p, c->window);
    ssh_packet_put_u32(&p, SSH_PACKET_LEN);
    if (c->kind == SSH_CHANNEL_FORWARD) {
        ssh_packet_put_text(&p, c->config.host);
        ssh_packet_put_u32(&p, c->config.port);
        ssh_packet_put_text(&p, "127.0.0.1");
        ssh_packet_put_u32(&p, 0);
    }
    rc = ssh_packet_send_short(s, &p);
    if (!rc) {
        c->state = SSH_CHANNEL_OPENING;
        c->open_sent = true;
    } else {
        c->window = 0;
    }
    return rc;
}

/* [91][their number][our number][window][packet size] */
int ssh_channel_send_confirmation(struct ssh_session *s, struct ssh_channel *c)
{
    struct ssh_packet p;
    int rc;

    window_init(s, c);
    ssh_packet_begin(&p, SSH_CHANNEL_OPEN_CONFIRMATION, c);
    ssh_packet_put_u32(&p, c->local_id);
    ssh_packet_put_u32(&p, c->window);
    ssh_packet_put_u32(&p, SSH_PACKET_LEN);
    rc = ssh_packet_send_short(s, &p);
    c->accept_due = rc != 0;
    if (rc)
        c->window = 0;
    return rc;
}

/* The NUL-terminated string at config.env + *at, which moves behind it. */
static struct bytes env_string(const struct ssh_channel *c, size_t *at)
{
    struct bytes text = {(const uint8_t *)c->config.env + *at, 0};

    while (*at + text.len < c->config.env_len && text.data[text.len])
        text.len++;
    *at += text.len + 1;
    return text;
}

/* Without asking for an answer: servers refuse most and nobody needs to know. */
static int send_env(struct ssh_session *s, struct ssh_channel *c)
{
    while (c->env_at < c->config.env_len) {
        size_t at = c->env_at;
        struct bytes name = env_string(c, &at), value = {NULL, 0};
        struct ssh_packet p;
        int rc;

        if (at < c->config.env_len)
            value = env_string(c, &at);
        if (name.len && name.len < 256 && value.len < MAX_ENV_LEN) {
            ssh_packet_begin_request(&p, c, "env", false);
            ssh_packet_put_u32(&p, (uint32_t)name.len);
            ssh_packet_put(&p, name.data, name.len);
            ssh_packet_put_u32(&p, (uint32_t)value.len);
            rc = ssh_packet_send(s, &p, value);
            if (rc)
                return rc;
        }
        c->env_at = at;
    }
    return 0;
}

static int send_pty(struct ssh_session *s, struct ssh_channel *c)
{
    struct ssh_packet p;
    int rc;

    ssh_packet_begin_request(&p, c, "pty-req", true);
    ssh_packet_put_text(&p, c->config.term);
    ssh_packet_put_u32(&p, (uint32_t)c->cols);
    ssh_packet_put_u32(&p, (uint32_t)c->rows);
    ssh_packet_put_u32(&p, 0);
    ssh_packet_put_u32(&p, 0);
    ssh_packet_put_u32(&p, sizeof terminal_modes);
    ssh_packet_put(&p, terminal_modes, sizeof terminal_modes);
    rc = ssh_packet_send_short(s, &p);
    if (!rc) {
        c->sent_rows = c->rows;
        c->sent_cols = c->cols;
    }
    return rc;
}

static int send_agent(struct ssh_session *s, struct ssh_channel *c)
{
    struct ssh_packet p;
    int rc;

    ssh_packet_begin_request(&p, c, "auth-agent-req@openssh.com", true);
    rc = ssh_packet_send_short(s, &p);
    if (!rc)
        s->channels.agent_allowed = true;
    return rc;
}

static int send_start(struct ssh_session *s, struct ssh_channel *c)
{
    const char *what = c->config.subsystem ? c->config.subsystem : c->config.command;
    struct ssh_packet p;

    ssh_packet_begin_request(&p, c,
                             c->config.subsystem ? "subsystem"
                             : what              ? "exec"
                                                 : "shell",
                             true);
    if (!what)
        return ssh_packet_send_short(s, &p);
    ssh_packet_put_u32(&p, (uint32_t)strlen(what));
    return ssh_packet_send(s, &p, ssh_text(what));
}

/* All of them one behind the other; their answers come in the same order. */
int ssh_channel_send_requests(struct ssh_session *s, struct ssh_channel *c)
{
    static int (*const send_them[])(struct ssh_session *,
                                    struct ssh_channel *) = {[SSH_REQUEST_ENV] = send_env,
                                                             [SSH_REQUEST_AGENT] = send_agent,
                                                             [SSH_REQUEST_PTY] = send_pty,
                                                             [SSH_REQUEST_START] = send_start};
    int rc;

    while (c->request < SSH_REQUEST_COUNT) {
        bool wanted =
            (c->request != SSH_REQUEST_AGENT || (c->config.agent && s->config.keep_keys)) &&
            (c->request != SSH_REQUEST_PTY || c->config.pty);

        rc = wanted ? send_them[c->request](s, c) : 0;
        if (rc)
            return rc;
        if (wanted && c->request != SSH_REQUEST_ENV)
            c->awaited[c->awaited_len++] = (uint8_t)c->request;
        c->request++;
    }
    return 0;
}
