/* See ipn_ssh_turns.h. */
#include "ipn/ipn_ssh_turns.h"

#include <stdio.h>
#include <stdlib.h>

#include "ipn/ipn_ssh_conn.h"

struct ipn_ssh_line {
    struct ipn_ssh_line *next;
    struct ipaddr addr;
    uint16_t port;
    unsigned starting_count;
    struct ipn_ssh_conn *starting[IPN_SSH_MAX_STARTING];
    struct ipn_ssh_conn *first, *last; /* that wait */
};

/* The line of a far end, a new one if need be; NULL when out of memory. */
static struct ipn_ssh_line *line_of(struct ipn *ipn, const struct ipaddr *addr, uint16_t port)
{
    struct ipn_ssh_line *line = ipn->ssh_lines;
    while (line && (line->port != port || !ipaddr_equal(&line->addr, addr)))
        line = line->next;
    if (line)
        return line;
    line = calloc(1, sizeof *line);
    if (!line)
        return NULL;
    line->addr = *addr;
    line->port = port;
    line->next = ipn->ssh_lines;
    ipn->ssh_lines = line;
    return line;
}

static void free_line(struct ipn *ipn, struct ipn_ssh_line *line)
{
    struct ipn_ssh_line **at = &ipn->ssh_lines;
    while (*at != line)
        at = &(*at)->next;
    *at = line->next;
    free(line);
}

static void start(struct ipn *ipn, struct ipn_ssh_line *line, struct ipn_ssh_conn *conn)
{
    line->starting[line->starting_count++] = conn;
    conn->turn = (struct ipn_ssh_turn){.line = line, .starting = true, .began_ms = ipn->now_ms};
    ipn_ssh_turn_lasts(ipn, conn, IPN_SSH_TURN_SILENT_MS);
}

void ipn_ssh_turn_tell(struct ipn *ipn, const struct ipn_ssh *ssh)
{
    char text[IPN_STREAM_HOST_CAP + 80];
    const struct ipn_ssh_conn *conn = ssh->conn;
    if (!conn->turn.line || conn->turn.starting)
        return;
    int n = snprintf(text, sizeof text, "Waiting for a turn: %u connections to %s are starting…",
                     conn->turn.line->starting_count, conn->st.host);
    ipn_tell(ipn, IPN_EVENT_SSH_PROGRESS, ssh->st.id, 0, text, (size_t)n, "", 0);
}

static void wait_behind(struct ipn *ipn, struct ipn_ssh_line *line, struct ipn_ssh_conn *conn)
{
    conn->turn = (struct ipn_ssh_turn){.line = line, .before = line->last};
    *(line->last ? &line->last->turn.after : &line->first) = conn;
    line->last = conn;
    if (conn->st.phase == IPN_STREAM_TUNNEL) /* what it knows would be old by then */
        ipn_stream_restart(ipn, &conn->st);
    conn->st.deadline_ms = NEVER;
    for (struct ipn_ssh *ssh = conn->ids; ssh; ssh = ssh->next)
        ipn_ssh_turn_tell(ipn, ssh);
}

static void forget(struct ipn_ssh_conn *conn)
{
    struct ipn_ssh_turn *turn = &conn->turn;
    struct ipn_ssh_line *line = turn->line;
    unsigned i = 0;
    if (turn->starting) {
        while (line->starting[i] != conn)
            i++;
        line->starting[i] = line->starting[--line->starting_count];
    } else {
        *(turn->before ? &turn->before->turn.after : &line->first) = turn->after;
        *(turn->after ? &turn->after->turn.before : &line->last) = turn->before;
    }
    *turn = (struct ipn_ssh_turn){0};
}

/* Whose turn it is now. Their time begins. */
static void call_next(struct ipn *ipn, struct ipn_ssh_line *line)
{
    while (line->first && line->starting_count < IPN_SSH_MAX_STARTING) {
        struct ipn_ssh_conn *conn = line->first;
        forget(conn);
        start(ipn, line, conn);
        conn->st.deadline_ms = conn->st.budget_end_ms = ipn->now_ms + conn->st.timeout_ms;
        ipn_stream_touch(ipn, &conn->st);
    }
}

bool ipn_ssh_turn_take(struct ipn *ipn, struct ipn_ssh_conn *conn, const struct ipaddr *addr)
{
    struct ipn_ssh_line *line = line_of(ipn, addr, conn->st.port);
    if (!line) /* whatever comes next says so */
        return true;
    for (unsigned i = line->starting_count; i-- > 0;) { /* nobody waited: they had no timer */
        if (ipn->now_ms >= line->starting[i]->turn.end_ms)
            forget(line->starting[i]);
    }
    call_next(ipn, line);
    if (line->starting_count < IPN_SSH_MAX_STARTING)
        start(ipn, line, conn);
    else
        wait_behind(ipn, line, conn);
    return conn->turn.starting;
}

void ipn_ssh_turn_lasts(struct ipn *ipn, struct ipn_ssh_conn *conn, unsigned ms)
{
    conn->turn.end_ms = earlier(conn->turn.began_ms + IPN_SSH_TURN_MS, ipn->now_ms + ms);
}

void ipn_ssh_turn_end(struct ipn *ipn, struct ipn_ssh_conn *conn)
{
    struct ipn_ssh_line *line = conn->turn.line;
    if (!line)
        return;
    forget(conn);
    call_next(ipn, line);
    if (line->starting_count == 0)
        free_line(ipn, line);
}

uint64_t ipn_ssh_turn_deadline(const struct ipn_ssh_conn *conn)
{
    return conn->turn.starting && conn->turn.line->first ? conn->turn.end_ms : NEVER;
}
