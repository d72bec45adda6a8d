/*
 * The channels of one connection: a table of slots, the packets for them, whose turn it is, and
 * what the page asks of them.
 *
 *   number on the wire = its slot, used again when both CLOSEs have passed
 *   number of the page = 1, 2, 3 …, never used again
 */
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_packet.h"
#include "ssh/ssh_session_internal.h"

enum {
    MAX_COMMAND_LEN = 32000, /* has to fit into one packet */
    MAX_NAME_LEN = 255
};

/* ---- the table ---- */

struct ssh_channel *ssh_channel_find(const struct ssh_session *s, int number)
{
    for (int i = 0; i < SSH_MAX_CHANNELS && number > 0; i++) {
        struct ssh_channel *c = s->channels.slot[i];

        if (c && c->number == number && c->state != SSH_CHANNEL_ENDED)
            return c;
    }
    return NULL;
}

struct ssh_channel *ssh_channels_add(struct ssh_session *s, enum ssh_channel_kind kind)
{
    struct ssh_channel *c;
    int at = 0;

    while (at < SSH_MAX_CHANNELS && s->channels.slot[at])
        at++;
    c = at < SSH_MAX_CHANNELS ? calloc(1, sizeof *c) : NULL;
    if (!c)
        return NULL;
    c->kind = kind;
    c->exit_status = -1;
    c->local_id = (uint32_t)at;
    buf_init(&c->input, SSH_MAX_INPUT_LEN);
    s->channels.slot[at] = c;
    s->channels.count++;
    return c;
}

static void remove_slot(struct ssh_session *s, int at)
{
    ssh_channel_free(s, s->channels.slot[at]);
    s->channels.slot[at] = NULL;
    s->channels.count--;
}

static bool is_done(const struct ssh_channel *c)
{
    return c->state == SSH_CHANNEL_ENDED &&
           (!c->open_sent || c->refused || (c->close_sent && c->close_received));
}

size_t ssh_channels_window_room(const struct ssh_session *s, const struct ssh_channel *c)
{
    size_t all = 0, own = ssh_channel_granted(c), room;

    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        const struct ssh_channel *other = s->channels.slot[i];

        if (other && other->state != SSH_CHANNEL_ENDED)
            all += ssh_channel_granted(other);
    }
    room = all < SSH_ALL_WINDOWS ? SSH_ALL_WINDOWS - all : 0;
    if (own < SSH_MIN_WINDOW && room < SSH_MIN_WINDOW - own)
        room = SSH_MIN_WINDOW - own;
    return room;
}

bool ssh_channels_all_told(const struct ssh_session *s)
{
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        if (s->channels.slot[i] && s->channels.slot[i]->state != SSH_CHANNEL_ENDED)
            return false;
    }
    return true;
}

void ssh_channels_close(struct ssh_session *s)
{
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        if (s->channels.slot[i])
            ssh_channel_drop(s, s->channels.slot[i]);
    }
}

void ssh_channels_wipe(struct ssh_session *s)
{
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        if (s->channels.slot[i])
            remove_slot(s, i);
    }
    ssh_chunk_free(s, s->channels.lent);
    ssh_heap_free(&s->hooks.heap, s->channels.data);
    s->channels.lent = NULL;
    s->channels.data = NULL;
}

/* ---- packets of the server ---- */

enum ssh_verdict ssh_channels_broken(struct ssh_session *s)
{
    s->channels.broken = true;
    return SSH_PACKET_DONE;
}

/* [80][string name][want reply 1]: nothing that a server asks of a client is of use here. */
static void on_global_request(struct ssh_session *s, struct bytes packet)
{
    size_t at = 1;
    struct bytes name = ssh_packet_string(packet, &at);

    if (name.data && at < packet.len && packet.data[at])
        s->channels.global_failures_due++;
}

/* [90][string kind][their number][window][packet size]: only an agent's, if it was asked for. */
static void on_open(struct ssh_session *s, struct bytes packet)
{
    size_t at = 1;
    struct bytes kind = ssh_packet_string(packet, &at);

    if (!kind.data || packet.len - at < 12)
        return;
    if (ssh_bytes_are(kind, "auth-agent@openssh.com") && s->channels.agent_allowed &&
        ssh_agent_accept(s, packet, at))
        return;
    if (s->channels.refusal_count < SSH_MAX_REFUSALS)
        s->channels.refusals[s->channels.refusal_count++] = load_be32(packet.data + at);
}

enum ssh_verdict ssh_channels_take(struct ssh_session *s, struct bytes packet)
{
    uint8_t type = packet.data[0];
    uint32_t id;

    if (type >= SSH_GLOBAL_REQUEST && type <= SSH_REQUEST_FAILURE) {
        if (type == SSH_GLOBAL_REQUEST)
            on_global_request(s, packet);
        return SSH_PACKET_DONE; /* ours are keep-alives: any answer will do */
    }
    if (type < SSH_CHANNEL_OPEN || type > SSH_CHANNEL_FAILURE)
        return SSH_PACKET_PASS;
    if (type == SSH_CHANNEL_OPEN) {
        on_open(s, packet);
        return SSH_PACKET_DONE;
    }
    if (packet.len < 5)
        return SSH_PACKET_DONE;
    id = load_be32(packet.data + 1);
    if (id >= SSH_MAX_CHANNELS || !s->channels.slot[id])
        return SSH_PACKET_DONE;
    return ssh_channel_take(s, s->channels.slot[id], packet);
}

/* ---- sending ---- */

static int send_refusals(struct ssh_session *s)
{
    static const uint8_t no[] = {SSH_REQUEST_FAILURE};
    /* [92][their number][1: prohibited][description][language] */
    uint8_t refusal[17] = {SSH_CHANNEL_OPEN_FAILURE, 0, 0, 0, 0, 0, 0, 0, 1};
    struct ssh_channels *all = &s->channels;
    int rc = 0;

    s->paused = s->paused || s->out.len >= SSH_OUT_PAUSE_LEN;
    while (all->global_failures_due && s->out.len < SSH_OUT_PAUSE_LEN && !rc) {
        rc = ssh_libssh2_send(s->lib, (struct bytes){no, sizeof no}, (struct bytes){NULL, 0});
        all->global_failures_due -= !rc;
    }
    while (all->refusal_count && s->out.len < SSH_OUT_PAUSE_LEN && !rc) {
        store_be32(refusal + 1, all->refusals[all->refusal_count - 1]);
        rc = ssh_libssh2_send(s->lib, (struct bytes){refusal, sizeof refusal},
                              (struct bytes){NULL, 0});
        all->refusal_count -= !rc;
    }
    return rc;
}

/* One round: each channel in turn. *more: some have more bytes to send. */
static int send_round(struct ssh_session *s, bool *more)
{
    struct ssh_channels *all = &s->channels;
    int start = all->next_sent, rc;

    *more = false;
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        int at = (start + i) % SSH_MAX_CHANNELS;
        bool this_has_more = false;

        if (!all->slot[at])
            continue;
        ssh_sftp_channel_run(s, all->slot[at]);
        rc = ssh_channel_send_due(s, all->slot[at], &this_has_more);
        if (rc) {
            all->next_sent = at;
            return rc;
        }
        *more = *more || this_has_more;
        if (is_done(all->slot[at]))
            remove_slot(s, at);
    }
    return 0;
}

int ssh_channels_send(struct ssh_session *s)
{
    bool more = true;
    int rc = send_refusals(s);

    while (!rc && more)
        rc = send_round(s, &more);
    return rc == LIBSSH2_ERROR_EAGAIN ? 0 : rc;
}

/* ---- telling ---- */

int ssh_channels_next(struct ssh_session *s, struct ssh_event *ev)
{
    struct ssh_channels *all = &s->channels;

    ssh_chunk_free(s, all->lent);
    all->lent = NULL;
    for (int i = 0; i < SSH_MAX_CHANNELS && all->count; i++) {
        int at = (all->next_told + i) % SSH_MAX_CHANNELS;

        if (!all->slot[at] || !(ssh_sftp_channel_next(s, all->slot[at], ev) ||
                                ssh_channel_next(s, all->slot[at], ev)))
            continue;
        all->next_told = (at + 1) % SSH_MAX_CHANNELS;
        return 1;
    }
    return 0;
}

/* ---- what the page asks for ---- */

static bool is_valid(const struct ssh_channel_config *config)
{
    if (config->kind == SSH_CHANNEL_FORWARD)
        return config->host && config->host[0] && strlen(config->host) <= MAX_NAME_LEN &&
               config->port;
    return config->kind != SSH_CHANNEL_AGENT &&
           (!config->command || strlen(config->command) <= MAX_COMMAND_LEN) &&
           (!config->subsystem || strlen(config->subsystem) <= MAX_NAME_LEN) &&
           (!config->term || strlen(config->term) <= MAX_NAME_LEN);
}

bool ssh_session_has_room(const struct ssh_session *s)
{
    return s->channels.count < SSH_MAX_CHANNELS - SSH_MAX_AGENT_CHANNELS;
}

int ssh_session_open_channel(struct ssh_session *s, const struct ssh_channel_config *config)
{
    static const struct ssh_channel_config sftp = {.kind = SSH_CHANNEL_SFTP, .subsystem = "sftp"};
    struct ssh_channels *all = &s->channels;
    struct ssh_channel *c;

    if (config->kind == SSH_CHANNEL_SFTP)
        config = &sftp;
    if (!is_valid(config))
        return IPN_ERR_ARG;
    if (s->state >= SSH_DRAINING)
        return IPN_ERR_STATE;
    if (all->count == SSH_MAX_CHANNELS || all->last_number == INT32_MAX)
        return IPN_ERR_FULL;
    if (!all->data)
        all->data = ssh_heap_alloc(&s->hooks.heap, SSH_DATA_LEN);
    c = all->data ? ssh_channels_add(s, config->kind) : NULL;
    if (!c)
        return IPN_ERR_NOMEM;
    if (!ssh_channel_configure(c, config)) {
        remove_slot(s, (int)c->local_id);
        return IPN_ERR_NOMEM;
    }
    c->rows = config->rows;
    c->cols = config->cols;
    c->number = ++all->last_number;
    return c->number;
}

void ssh_session_credit(struct ssh_session *s, int channel, size_t n)
{
    struct ssh_channel *c = ssh_channel_find(s, channel);

    if (c)
        ssh_channel_consumed(c, n);
}

int ssh_session_write(struct ssh_session *s, int channel, const uint8_t *src, size_t len)
{
    struct ssh_channel *c = ssh_channel_find(s, channel);
    size_t room, all_room;

    if (!c)
        return IPN_ERR_NOT_FOUND;
    if (c->state != SSH_CHANNEL_RUNNING || c->eof_wanted || c->close_wanted)
        return IPN_ERR_STATE;
    room = SSH_MAX_INPUT_LEN - c->input.len;
    all_room = SSH_MAX_ALL_INPUT_LEN - s->channels.input_len;
    if (room > all_room)
        room = all_room;
    if (len > room) {
        c->input_was_full = true;
        len = room;
    }
    if (len && buf_append(&c->input, src, len) < 0)
        return IPN_ERR_NOMEM;
    s->channels.input_len += len;
    return (int)len;
}

void ssh_session_send_eof(struct ssh_session *s, int channel)
{
    struct ssh_channel *c = ssh_channel_find(s, channel);

    if (c)
        c->eof_wanted = true;
}

void ssh_session_resize(struct ssh_session *s, int channel, int rows, int cols)
{
    struct ssh_channel *c = ssh_channel_find(s, channel);

    if (c && rows > 0 && cols > 0) {
        c->rows = rows;
        c->cols = cols;
    }
}

int ssh_session_signal(struct ssh_session *s, int channel, const char *name)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@.-";
    struct ssh_channel *c = ssh_channel_find(s, channel);
    size_t len = strlen(name);

    if (!c)
        return IPN_ERR_NOT_FOUND;
    if (!len || len >= sizeof c->signals[0] || strspn(name, letters) != len)
        return IPN_ERR_ARG;
    if (c->kind != SSH_CHANNEL_SHELL || c->state != SSH_CHANNEL_RUNNING || c->close_wanted)
        return IPN_ERR_STATE;
    if (c->signal_count == SSH_MAX_SIGNALS)
        return IPN_ERR_FULL;
    memcpy(c->signals[c->signal_count++], name, len + 1);
    return 0;
}

void ssh_session_close_channel(struct ssh_session *s, int channel)
{
    struct ssh_channel *c = ssh_channel_find(s, channel);

    if (c)
        ssh_channel_drop(s, c);
}
