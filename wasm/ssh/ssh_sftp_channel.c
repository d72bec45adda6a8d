/*
 * The SFTP client on a channel.
 *
 *   chunks --ssh_sftp_input--> ssh_sftp --ssh_sftp_next--> the page
 *   channel's input <--ssh_sftp_output--
 *
 * Everything that comes was asked for, so it is taken at once and counts as consumed: what a page
 * does not take of one file stops that file's READs, never the channel.
 */
#include "ssh/ssh_sftp.h"

#include "ssh/ssh_session_internal.h"

enum { INPUT_LEN = 64 << 10 }; /* filled up to here: two packets */

/* ---- bytes ---- */

static void take(struct ssh_session *s, struct ssh_channel *c)
{
    enum ssh_stream stream;
    struct bytes b;

    ssh_chunk_free(s, s->channels.lent);
    s->channels.lent = NULL;
    while ((b = ssh_chunks_take(s, &c->received, SSH_DATA_LEN, &stream)).len) {
        if (stream == SSH_STREAM_STDOUT)
            ssh_sftp_input(c->sftp, b.data, b.len);
        c->held += b.len;
        ssh_channel_consumed(c, b.len);
        ssh_chunk_free(s, s->channels.lent);
        s->channels.lent = NULL;
    }
}

static bool has_room(const struct ssh_session *s, const struct ssh_channel *c)
{
    return c->input.len < INPUT_LEN && s->channels.input_len < SSH_MAX_ALL_INPUT_LEN;
}

static bool ready(struct ssh_session *s, struct ssh_channel *c)
{
    bool due = c->kind == SSH_CHANNEL_SFTP && c->state == SSH_CHANNEL_RUNNING;

    if (due && !c->sftp && !(c->sftp = ssh_sftp_new()))
        s->out_of_memory = true;
    return due && c->sftp;
}

void ssh_sftp_channel_run(struct ssh_session *s, struct ssh_channel *c)
{
    struct bytes out;

    if (c->close_wanted || !ready(s, c))
        return;
    take(s, c);
    while (has_room(s, c) && (out = ssh_sftp_output(c->sftp)).len) {
        size_t len = out.len < INPUT_LEN - c->input.len ? out.len : INPUT_LEN - c->input.len;

        if (buf_append(&c->input, out.data, len) < 0) {
            s->out_of_memory = true;
            return;
        }
        s->channels.input_len += len;
        ssh_sftp_sent(c->sftp, len);
    }
}

int ssh_sftp_channel_next(struct ssh_session *s, struct ssh_channel *c, struct ssh_event *ev)
{
    bool lost = s->state == SSH_DRAINING;

    if (!ready(s, c))
        return 0;
    if (!c->dropped)
        take(s, c);
    /* EOF: no answer will come any more. */
    if (c->eof_received || c->close_received || c->dropped || c->problem || lost)
        ssh_sftp_closed(c->sftp, c->dropped || c->problem || lost);
    while (ssh_sftp_next(c->sftp, ev)) {
        if (ev->type != SSH_EVENT_ERROR) {
            ev->channel = c->number;
            return 1;
        }
        ssh_channel_fail(c, (enum ssh_problem)ev->code, "%.*s", (int)ev->text.len,
                         (const char *)ev->text.data);
    }
    c->eof_told = true; /* to a page that is told of files */
    if (c->eof_received && !c->problem)
        ssh_channel_drop(s, c);
    if (has_room(s, c) && ssh_sftp_output(c->sftp).len)
        s->channels.send_due = true;
    return 0;
}

void ssh_sftp_channel_free(struct ssh_channel *c)
{
    ssh_sftp_free(c->sftp);
    c->sftp = NULL;
}

/* ---- what the page asks for ---- */

static struct ssh_sftp *find(struct ssh_session *s, int channel)
{
    struct ssh_channel *c = ssh_channel_find(s, channel);

    return c && !c->close_wanted ? c->sftp : NULL;
}

int ssh_session_sftp_request(struct ssh_session *s, int channel, const struct ssh_sftp_request *q)
{
    struct ssh_sftp *sf = find(s, channel);

    return sf ? ssh_sftp_request(sf, q) : IPN_ERR_STATE;
}

int ssh_session_sftp_write(struct ssh_session *s, int channel, uint32_t request, const uint8_t *src,
                           size_t len)
{
    struct ssh_sftp *sf = find(s, channel);

    return sf ? ssh_sftp_write(sf, request, src, len) : IPN_ERR_STATE;
}

void ssh_session_sftp_end(struct ssh_session *s, int channel, uint32_t request)
{
    struct ssh_sftp *sf = find(s, channel);

    if (sf)
        ssh_sftp_end(sf, request);
}

void ssh_session_sftp_credit(struct ssh_session *s, int channel, uint32_t request, size_t n)
{
    struct ssh_sftp *sf = find(s, channel);

    if (sf)
        ssh_sftp_credit(sf, request, n);
}

void ssh_session_sftp_cancel(struct ssh_session *s, int channel, uint32_t request)
{
    struct ssh_sftp *sf = find(s, channel);

    if (sf)
        ssh_sftp_cancel(sf, request);
}
