/* See ipn_ssh_conn.h. Connections are few and looked for only when an id opens. */
#include "ipn/ipn_ssh_conn.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/blake2s.h"

/* ---- which connection ---- */

static void hash_text(struct blake2s *h, const char *text)
{
    uint8_t present = text != NULL;
    blake2s_update(h, &present, 1);
    if (text)
        blake2s_update(h, (const uint8_t *)text, strlen(text) + 1);
}

/* Who somebody with these options would be on the server. The key of the hash never leaves us. */
static void identity_of(uint8_t out[32], struct ipn *ipn, const struct ipn_ssh_options *o)
{
    struct blake2s h;
    uint8_t agent = o->agent != 0;
    if (!ipn->have_ssh_salt)
        host_random(ipn->ssh_salt, sizeof ipn->ssh_salt);
    ipn->have_ssh_salt = true;
    blake2s_init(&h, 32, ipn->ssh_salt, sizeof ipn->ssh_salt);
    hash_text(&h, o->user);
    hash_text(&h, o->password);
    hash_text(&h, o->passphrase);
    for (size_t i = 0; i < o->key_count; i++)
        hash_text(&h, o->keys[i]);
    blake2s_update(&h, &agent, 1);
    blake2s_final(&h, out);
}

/* Names of one node are one target, if the netmap can tell already. */
static bool same_target(struct ipn *ipn, const struct ipn_ssh_conn *conn, const struct ipn_ssh *ssh)
{
    struct ipaddr addr, theirs = conn->st.addr;
    if (conn->st.port != ssh->st.port)
        return false;
    bool resolving = conn->st.phase == IPN_STREAM_RESOLVING;
    if ((conn->via || resolving) && strcmp(conn->st.host, ssh->st.host) == 0)
        return true;
    if (conn->via || (resolving && !ipn_stream_lookup(ipn, conn->st.host, &theirs)))
        return false;
    return ipn_stream_lookup(ipn, ssh->st.host, &addr) && ipaddr_equal(&addr, &theirs);
}

/*
 * Tailscale SSH ends what runs in a terminal with its connection, not with its channel: a shell
 * there that shared one would live on after its tab was closed. So it has a connection of its own.
 */
static bool may_share(struct ipn *ipn, const struct ipn_ssh *ssh, const struct ipn_ssh *via)
{
    const struct netmap_node *node;
    struct ipaddr addr;
    if (!ssh->o->reuse || ssh->kind == IPN_SSH_TEST)
        return false;
    if (via || ssh->kind != IPN_SSH_SHELL || !ssh->o->pty || ssh->st.port != 22 ||
        !ipn_stream_lookup(ipn, ssh->st.host, &addr))
        return true;
    node = netmap_find_route(control_client_netmap(ipn->cc), &addr);
    return !node || node->ssh_host_key_count == 0;
}

static bool same_questions(const struct ipn_ssh_options *a, const struct ipn_ssh_options *b)
{
    return a->prompts == b->prompts && a->ask_host_key == b->ask_host_key &&
           a->timeout_ms == b->timeout_ms && a->retries == b->retries &&
           strcmp(a->replace_host_key, b->replace_host_key) == 0;
}

static bool has_room(const struct ipn_ssh_conn *conn, const struct ipn_ssh *ssh)
{
    unsigned sessions = 0, forwards = 0;
    if (conn->session && !ssh_session_has_room(conn->session))
        return false;
    for (const struct ipn_ssh *s = conn->ids; s; s = s->next) {
        if (s->kind == IPN_SSH_FORWARD)
            forwards++;
        else
            sessions++;
    }
    if (ssh->kind == IPN_SSH_FORWARD)
        return forwards < SSH_MAX_CHANNELS / 2;
    return sessions < IPN_SSH_MAX_SESSIONS;
}

static bool fits(struct ipn *ipn, const struct ipn_ssh_conn *conn, const struct ipn_ssh *ssh,
                 const struct ipn_ssh *via, const uint8_t identity[32])
{
    if (!conn->shareable || conn->stale || conn->closing || conn->via != via ||
        conn->st.phase == IPN_STREAM_FAILED || !has_room(conn, ssh))
        return false;
    if (!bytes_equal(conn->identity, identity, 32) || !same_target(ipn, conn, ssh))
        return false;
    return conn->authenticated || same_questions(conn->o, ssh->o);
}

static struct ipn_ssh_conn *next_conn(struct ipn *ipn, size_t *slot)
{
    while (*slot < ipn->streams.slot_count) {
        struct ipn_stream *st = ipn->streams.slots[(*slot)++];
        if (st && st->kind == IPN_STREAM_SSH_CONN)
            return ipn_ssh_conn_of(st);
    }
    return NULL;
}

/* ---- joining ---- */

static void attach(struct ipn *ipn, struct ipn_ssh_conn *conn, struct ipn_ssh *ssh)
{
    struct ipn_ssh **end = &conn->ids;
    while (*end)
        end = &(*end)->next;
    *end = ssh;
    ssh->next = NULL;
    ssh->conn = conn;
    conn->idle_end_ms = NEVER;
    ssh->joined_live = conn->authenticated;
    if (conn->authenticated)
        ipn_ssh_conn_open_channel(ipn, conn, ssh);
    ipn_ssh_turn_tell(ipn, ssh);
    ipn_stream_touch(ipn, &conn->st);
}

static int new_conn(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_ssh *via,
                    const uint8_t identity[32])
{
    struct ipn_ssh_conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        return IPN_ERR_NOMEM;
    int rc = ipn_stream_add(ipn, &conn->st, IPN_STREAM_SSH_CONN, ssh->st.host, ssh->st.port,
                            ssh->o->timeout_ms);
    if (rc < 0) {
        free(conn);
        return rc;
    }
    memcpy(conn->identity, identity, 32);
    conn->ipn = ipn;
    conn->o = ipn_ssh_options_share(ssh->o);
    conn->shareable = may_share(ipn, ssh, via);
    conn->retries_left = via ? 0 : ssh->o->retries; /* a forward carries one connection only */
    conn->retry_at_ms = conn->open_deadline_ms = NEVER;
    conn->banner_due_ms = conn->idle_end_ms = NEVER;
    conn->via = via;
    if (via) {
        via->carried = conn;
        conn->hops = via->conn->hops + 1;
    }
    attach(ipn, conn, ssh);
    return 0;
}

/* The open forward that options name; *via NULL: none was asked for. False: ssh failed over it. */
static bool find_via(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_ssh **via)
{
    *via = NULL;
    if (!ssh->o->via)
        return true;
    struct ipn_stream *st = ipn_stream_find(ipn, ssh->o->via, IPN_STREAM_SSH);
    struct ipn_ssh *forward = st ? ipn_ssh_of(st) : NULL;
    if (!forward || !forward->conn || forward->st.phase == IPN_STREAM_FAILED) {
        ipn_ssh_end(ipn, ssh, "connection-lost", "The forward to connect through has ended.");
        return false;
    }
    if (forward->kind != IPN_SSH_FORWARD || forward->reading || forward->eof_told) {
        ipn_ssh_end(ipn, ssh, "bad-jump", "Only a forward that nobody reads can carry SSH.");
        return false;
    }
    if (forward->conn->hops + 1 >= IPN_SSH_MAX_HOPS) {
        ipn_ssh_end(ipn, ssh, "bad-jump", "Too many jump hosts, one behind the other.");
        return false;
    }
    *via = forward;
    return true;
}

static int join_other(struct ipn *ipn, struct ipn_ssh *ssh)
{
    struct ipn_stream *st = ipn_stream_find(ipn, ssh->o->on, IPN_STREAM_SSH);
    struct ipn_ssh_conn *conn = st ? ipn_ssh_of(st)->conn : NULL;
    if (!conn || conn->closing)
        ipn_ssh_end(ipn, ssh, "connection-lost",
                    "The session whose connection this needs is over.");
    else
        attach(ipn, conn, ssh);
    return 0;
}

int ipn_ssh_conn_join(struct ipn *ipn, struct ipn_ssh *ssh)
{
    struct ipn_ssh_conn *conn;
    struct ipn_ssh *via;
    uint8_t identity[32];
    if (ssh->o->on)
        return join_other(ipn, ssh);
    if (!find_via(ipn, ssh, &via))
        return 0;
    identity_of(identity, ipn, ssh->o);
    bool shares = !ssh->moved && may_share(ipn, ssh, via);
    for (size_t slot = 0; shares && (conn = next_conn(ipn, &slot));) {
        if (!fits(ipn, conn, ssh, via, identity))
            continue;
        attach(ipn, conn, ssh);
        return 0;
    }
    if (via && via->carried) {
        ipn_ssh_end(ipn, ssh, "bad-jump", "This forward carries another connection already.");
        return 0;
    }
    return new_conn(ipn, ssh, via, identity);
}

void ipn_ssh_conn_open_channel(struct ipn *ipn, struct ipn_ssh_conn *conn, struct ipn_ssh *ssh)
{
    static const enum ssh_channel_kind kinds[] = {[IPN_SSH_SHELL] = SSH_CHANNEL_SHELL,
                                                  [IPN_SSH_FORWARD] = SSH_CHANNEL_FORWARD,
                                                  [IPN_SSH_SFTP] = SSH_CHANNEL_SFTP,
                                                  [IPN_SSH_TEST] = SSH_CHANNEL_SHELL};
    const struct ipn_ssh_options *o = ssh->o;
    struct ssh_channel_config config = {
        .kind = kinds[ssh->kind],
        .term = o->term,
        .command = o->command[0] ? o->command : NULL,
        .subsystem = o->subsystem[0] ? o->subsystem : NULL,
        .pty = o->pty,
        .rows = ssh->rows,
        .cols = ssh->cols,
        .env = o->env,
        .env_len = o->env_len,
        .agent = o->agent,
        .host = o->dest_host,
        .port = (uint16_t)o->dest_port,
    };
    ssh->open_deadline_ms = ssh->open_end_ms = ipn->now_ms + ssh->st.timeout_ms;
    if (ssh->joined_live && !ssh->moved)
        ssh->open_deadline_ms = earlier(ssh->open_end_ms, ipn->now_ms + IPN_SSH_REUSE_PATIENCE_MS);
    ssh->channel = ssh_session_open_channel(conn->session, &config);
    if (ssh->channel > 0)
        return;
    int rc = ssh->channel;
    ssh->channel = 0;
    if (rc == IPN_ERR_FULL)
        ipn_ssh_end(ipn, ssh, "ssh-channel", "Too many channels are open on this connection.");
    else if (rc == IPN_ERR_NOMEM)
        ipn_ssh_end(ipn, ssh, "out-of-memory", "The module ran out of memory.");
    else if (!ipn_ssh_conn_move(ipn, ssh))
        ipn_ssh_end(ipn, ssh, "connection-lost", "The connection is ending.");
}

/* ---- leaving ---- */

/* The one that has been idle longest makes room. */
static void bound_idle(struct ipn *ipn)
{
    struct ipn_ssh_conn *conn, *oldest = NULL;
    unsigned count = 0;
    for (size_t slot = 0; (conn = next_conn(ipn, &slot));) {
        if (conn->idle_end_ms == NEVER || conn->closing)
            continue;
        count++;
        if (!oldest || conn->idle_end_ms < oldest->idle_end_ms)
            oldest = conn;
    }
    if (count > IPN_SSH_MAX_IDLE)
        ipn_ssh_conn_close(ipn, oldest);
}

/* The page's known hosts have changed: what was trusted by them is not used for anything new. */
void ipn_ssh_conns_distrust(struct ipn *ipn)
{
    struct ipn_ssh_conn *conn;
    for (size_t slot = 0; (conn = next_conn(ipn, &slot));) {
        if (conn->session && strcmp(ssh_session_info(conn->session)->host_key_trust, "pinned") == 0)
            continue;
        conn->stale = true;
        if (conn->idle_end_ms != NEVER && !conn->closing)
            ipn_ssh_conn_close(ipn, conn);
    }
}

static void detach(struct ipn *ipn, struct ipn_ssh *ssh)
{
    struct ipn_ssh_conn *conn = ssh->conn;
    struct ipn_ssh **at = &conn->ids;
    while (*at != ssh)
        at = &(*at)->next;
    *at = ssh->next;
    ssh->next = NULL;
    ssh->conn = NULL;
    ssh->channel = 0;
    ssh->open_deadline_ms = NEVER;
    if (conn->ask.type && conn->ask.id == ssh->st.id)
        ipn_ssh_ask_pass_on(ipn, conn);
    ipn_stream_touch(ipn, &conn->st);
}

void ipn_ssh_conn_leave(struct ipn *ipn, struct ipn_ssh *ssh)
{
    struct ipn_ssh_conn *conn = ssh->conn;
    if (!conn)
        return;
    if (ssh->channel && conn->session)
        ssh_session_close_channel(conn->session, ssh->channel);
    detach(ipn, ssh);
    if (conn->ids || conn->closing)
        return;
    if (!conn->authenticated || !conn->shareable || conn->stale ||
        !ssh_session_has_room(conn->session)) {
        ipn_ssh_conn_close(ipn, conn);
        return;
    }
    ipn_ssh_turn_end(ipn, conn);
    conn->idle_end_ms = ipn->now_ms + IPN_SSH_IDLE_KEEP_MS;
    bound_idle(ipn);
}

bool ipn_ssh_conn_move(struct ipn *ipn, struct ipn_ssh *ssh)
{
    if (!ssh->conn || !ssh->joined_live || ssh->opened || ssh->moved || ssh->o->on ||
        ssh->conn->hops)
        return false;
    ssh->conn->stale = true;
    ipn_ssh_conn_leave(ipn, ssh);
    ssh->moved = true;
    ssh->joined_live = false;
    int rc = ipn_ssh_conn_join(ipn, ssh);
    if (rc < 0)
        ipn_ssh_end(ipn, ssh, "out-of-memory", "No memory, or no room, for one more connection.");
    return true;
}

/* ---- ending ---- */

void ipn_ssh_conn_close(struct ipn *ipn, struct ipn_ssh_conn *conn)
{
    conn->closing = true;
    ipn_ssh_turn_end(ipn, conn);
    conn->idle_end_ms = conn->retry_at_ms = conn->open_deadline_ms = NEVER;
    if (conn->session && conn->st.phase == IPN_STREAM_OPEN) {
        ssh_session_close(conn->session);
    } else {
        conn->st.error_code = NULL;
        conn->st.deadline_ms = NEVER;
        conn->st.phase = IPN_STREAM_FAILED;
    }
    ipn_stream_touch(ipn, &conn->st);
}

void ipn_ssh_conn_end(struct ipn *ipn, struct ipn_ssh_conn *conn, const char *code,
                      const char *text)
{
    while (conn->ids) {
        struct ipn_ssh *ssh = conn->ids;
        conn->ask.type = 0; /* nobody else is asked */
        ssh->before_auth = !conn->key_accepted;
        conn->ids = ssh->next;
        ssh->conn = NULL;
        ssh->next = NULL;
        ssh->channel = 0;
        ipn_ssh_end(ipn, ssh, code, text);
    }
    if (conn->via) { /* its bytes make no sense to anyone else */
        conn->via->carried = NULL;
        ipn_ssh_conn_leave(ipn, conn->via);
        ipn_ssh_end(ipn, conn->via, NULL, NULL);
    }
    ipn_ssh_turn_end(ipn, conn);
    ssh_session_free(conn->session);
    ipn_ssh_options_release(&conn->o);
    ipn_ssh_ask_wipe(&conn->ask);
    ipn_stream_remove(ipn, &conn->st, false);
    wipe(conn, sizeof *conn);
    free(conn);
}

void ipn_ssh_conn_shut(struct ipn *ipn, struct ipn_stream *st, bool wait)
{
    struct ipn_ssh_conn *conn = ipn_ssh_conn_of(st);
    ipn_ssh_conn_close(ipn, conn);
    if (wait || !conn->session)
        return;
    ssh_session_run(conn->session, ipn->now_ms);
    st->error_code = NULL;
    st->deadline_ms = NEVER;
    st->phase = IPN_STREAM_FAILED;
}

void ipn_ssh_conn_free(struct ipn *ipn, struct ipn_stream *st)
{
    ipn_ssh_conn_end(ipn, ipn_ssh_conn_of(st), NULL, NULL);
}
