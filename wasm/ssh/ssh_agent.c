#include "ssh/ssh_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_key.h"
#include "ssh/ssh_session_internal.h"

enum {
    AGENT_FAILURE = 5,
    AGENT_REQUEST_IDENTITIES = 11,
    AGENT_IDENTITIES_ANSWER = 12,
    AGENT_SIGN_REQUEST = 13,
    AGENT_SIGN_RESPONSE = 14,
    FLAG_RSA_SHA2_256 = 2,
    FLAG_RSA_SHA2_512 = 4,
    MAX_MESSAGE_LEN = 256 << 10, /* as OpenSSH has it */
    MAX_ANSWER_LEN = 64 << 10,
    MAX_ALGORITHM_LEN = 40
};

enum answer { ANSWER_NONE, ANSWER_YES, ANSWER_NO };

struct ssh_agent {
    struct buf in;
    int asked; /* number of the question a person was asked, 0: none */
    int asked_of; /* the channel of the page that was told */
    enum answer answer;
};

/* ---- the keys ---- */

static const struct ssh_key *find_key(const struct ssh_session *s, struct bytes blob)
{
    for (size_t i = 0; i < s->agent_key_count; i++) {
        struct bytes own = ssh_key_public_blob(s->agent_keys[i]);

        if (own.len == blob.len && memcmp(own.data, blob.data, own.len) == 0)
            return s->agent_keys[i];
    }
    return NULL;
}

/* ---- the channel ---- */

/* The channel of the page whose agent this is: the oldest that asked. 0: all of them have gone. */
static int owner_of(const struct ssh_session *s)
{
    int owner = 0;

    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        const struct ssh_channel *c = s->channels.slot[i];

        if (c && c->config.agent && c->state == SSH_CHANNEL_RUNNING && !c->dropped &&
            (!owner || c->number < owner))
            owner = c->number;
    }
    return owner;
}

bool ssh_agent_accept(struct ssh_session *s, struct bytes packet, size_t at)
{
    int count = 0;
    struct ssh_channel *c;

    for (int i = 0; i < SSH_MAX_CHANNELS; i++)
        count += s->channels.slot[i] && s->channels.slot[i]->kind == SSH_CHANNEL_AGENT;
    if (count >= SSH_MAX_AGENT_CHANNELS || !owner_of(s))
        return false;
    c = ssh_channels_add(s, SSH_CHANNEL_AGENT);
    if (!c)
        return false;
    c->agent = calloc(1, sizeof *c->agent);
    c->state = SSH_CHANNEL_RUNNING;
    c->open_sent = c->confirmed = c->accept_due = true;
    c->close_wanted = !c->agent;
    c->remote_id = load_be32(packet.data + at);
    c->remote_window = load_be32(packet.data + at + 4);
    c->remote_packet_len = load_be32(packet.data + at + 8);
    if (c->remote_packet_len > SSH_PACKET_LEN)
        c->remote_packet_len = SSH_PACKET_LEN;
    if (c->agent)
        buf_init(&c->agent->in, MAX_MESSAGE_LEN + 4 + SSH_DATA_LEN);
    return true;
}

void ssh_agent_free(struct ssh_channel *c)
{
    if (!c->agent)
        return;
    buf_wipe(&c->agent->in);
    free(c->agent);
    c->agent = NULL;
}

/* ---- messages ---- */

/* Queues [len 4] and the message; a failure where that cannot be. */
static void answer(struct ssh_session *s, struct ssh_channel *c, const struct buf *message)
{
    uint8_t head[4];
    size_t before = c->input.len;

    store_be32(head, (uint32_t)message->len);
    if (buf_append(&c->input, head, 4) < 0 ||
        buf_append(&c->input, message->data + message->head, message->len) < 0)
        c->close_wanted = true;
    s->channels.input_len += c->input.len - before;
}

static bool list_identities(const struct ssh_session *s, struct buf *out)
{
    bool ok =
        ssh_put_u8(out, AGENT_IDENTITIES_ANSWER) && ssh_put_u32(out, (uint32_t)s->agent_key_count);

    for (size_t i = 0; ok && i < s->agent_key_count; i++)
        ok = ssh_put_string(out, ssh_key_public_blob(s->agent_keys[i])) &&
             ssh_put_text(out, ssh_key_comment(s->agent_keys[i]));
    return ok;
}

/* The algorithm a signature is wanted by, or NULL: SHA-1. */
static const char *algorithm_of(const struct ssh_key *key, uint32_t flags)
{
    if (strcmp(ssh_key_type(key), "ssh-rsa") != 0)
        return ssh_key_type(key);
    return flags & FLAG_RSA_SHA2_512   ? "rsa-sha2-512"
           : flags & FLAG_RSA_SHA2_256 ? "rsa-sha2-256"
                                       : NULL;
}

static bool sign(const struct ssh_key *key, uint32_t flags, struct bytes data, struct buf *out)
{
    const char *algorithm = algorithm_of(key, flags);
    struct buf signature;
    bool ok;

    buf_init(&signature, MAX_ANSWER_LEN);
    ok = algorithm && ssh_key_sign(&signature, key, algorithm, data) == 0 &&
         ssh_put_u8(out, AGENT_SIGN_RESPONSE) &&
         ssh_put_string(out, (struct bytes){buf_head(&signature), signature.len});
    buf_wipe(&signature);
    return ok;
}

/* "TYPE SHA256:… comment" */
static void ask(struct ssh_session *s, struct ssh_channel *c, const struct ssh_key *key, int owner)
{
    char text[MAX_ALGORITHM_LEN + SSH_KEY_FINGERPRINT_LEN + SSH_KEY_MAX_COMMENT_LEN + 3];
    char fingerprint[SSH_KEY_FINGERPRINT_LEN + 1];

    ssh_key_fingerprint(fingerprint, ssh_key_public_blob(key));
    snprintf(text, sizeof text, "%s %s %s", ssh_key_type(key), fingerprint, ssh_key_comment(key));
    c->agent->asked = ++s->agent_questions;
    c->agent->asked_of = owner;
    c->agent->answer = ANSWER_NONE;
    ssh_event_push_full(s, &(struct ssh_event){.type = SSH_EVENT_AGENT_SIGN,
                                               .channel = owner,
                                               .code = c->agent->asked,
                                               .text = ssh_text(text)});
}

/* [13][blob][data][flags 4]. False: a person is asked. *ok: out holds the signature. */
static bool sign_request(struct ssh_session *s, struct ssh_channel *c, struct bytes message,
                         struct buf *out, bool *ok)
{
    const struct ssh_key *key = NULL;
    struct bytes blob, data;
    uint32_t flags = 0;
    int owner = owner_of(s);

    if (ssh_get_string(&blob, &message) && ssh_get_string(&data, &message) &&
        ssh_get_u32(&flags, &message))
        key = find_key(s, blob);
    *ok = false;
    if (!key || !algorithm_of(key, flags) || !owner)
        return true;
    if (!c->agent->asked || (c->agent->asked_of != owner && c->agent->answer == ANSWER_NONE))
        ask(s, c, key, owner); /* whoever was asked first has gone */
    if (c->agent->answer == ANSWER_NONE)
        return false;
    *ok = c->agent->answer == ANSWER_YES && sign(key, flags, data, out);
    return true;
}

/* False: it waits for a person. */
static bool handle(struct ssh_session *s, struct ssh_channel *c, struct bytes message)
{
    struct buf out;
    uint8_t type = 0;
    bool ok = false;

    buf_init(&out, MAX_ANSWER_LEN);
    ssh_get_u8(&type, &message);
    if (type == AGENT_SIGN_REQUEST && !sign_request(s, c, message, &out, &ok))
        return false;
    if (type == AGENT_REQUEST_IDENTITIES)
        ok = list_identities(s, &out);
    if (!ok) {
        buf_wipe(&out);
        ok = ssh_put_u8(&out, AGENT_FAILURE);
    }
    if (ok)
        answer(s, c, &out);
    else
        c->close_wanted = true;
    buf_wipe(&out);
    c->agent->asked = 0;
    return true;
}

static void take_input(struct ssh_session *s, struct ssh_channel *c)
{
    enum ssh_stream stream;
    struct bytes got;

    while (c->agent->in.len < 4 + MAX_MESSAGE_LEN &&
           (got = ssh_chunks_take(s, &c->received, SSH_DATA_LEN, &stream)).len) {
        c->held += got.len;
        ssh_channel_consumed(c, got.len);
        if (stream == SSH_STREAM_STDOUT && buf_append(&c->agent->in, got.data, got.len) < 0)
            c->close_wanted = true;
    }
}

void ssh_agent_run(struct ssh_session *s, struct ssh_channel *c)
{
    struct buf *in = &c->agent->in;

    while (!c->close_wanted && c->input.len < MAX_ANSWER_LEN) {
        uint32_t len;

        take_input(s, c);
        if (in->len < 4)
            break;
        len = load_be32(buf_head(in));
        if (len > MAX_MESSAGE_LEN) {
            c->close_wanted = true;
            return;
        }
        if (in->len - 4 < len)
            break;
        if (!handle(s, c, (struct bytes){buf_head(in) + 4, len}))
            return;
        buf_consume(in, 4 + (size_t)len);
    }
    c->eof_wanted = c->eof_received && !c->received.len; /* what is left is no whole message */
}

void ssh_session_answer_agent(struct ssh_session *s, int request, bool allow)
{
    for (int i = 0; i < SSH_MAX_CHANNELS; i++) {
        struct ssh_channel *c = s->channels.slot[i];

        if (c && c->agent && request > 0 && c->agent->asked == request)
            c->agent->answer = allow ? ANSWER_YES : ANSWER_NO;
    }
}
