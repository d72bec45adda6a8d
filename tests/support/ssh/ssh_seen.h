/*
 * What a test sees of a session with many channels: events by channel. Set w->on_event = seen_event
 * before world_start; the world's own record then stays empty but for count[CLOSED].
 */
#ifndef SSH_SEEN_H
#define SSH_SEEN_H

#include <stdlib.h>
#include <string.h>

#include "support/ssh/ssh_world.h"

struct seen {
    unsigned count[SSH_EVENT_COUNT];
    uint8_t *data;
    size_t data_len, stderr_len, held;
    bool hold_credit;
    int exit_code, error_code, question;
    char error[512], text[512];
    enum ssh_event_type last;
};

enum { SEEN_CHANNELS = 400 };
static struct seen seen[SEEN_CHANNELS]; /* 0: the connection */
static int seen_order[1000], seen_order_len; /* channels of DATA events */

static inline void seen_reset(void)
{
    for (int i = 0; i < SEEN_CHANNELS; i++)
        free(seen[i].data);
    memset(seen, 0, sizeof seen);
    seen_order_len = 0;
}

static inline void seen_keep(struct seen *c, struct bytes text)
{
    c->data = realloc(c->data, c->data_len + text.len);
    if (!c->data)
        abort();
    memcpy(c->data + c->data_len, text.data, text.len);
    c->data_len += text.len;
}

static inline void seen_text(char *dst, size_t cap, struct bytes text)
{
    size_t len = text.len < cap - 1 ? text.len : cap - 1;

    memcpy(dst, text.data, len);
    dst[len] = '\0';
}

static inline void seen_event(struct ssh_world *w, const struct ssh_event *ev)
{
    struct seen *c = &seen[ev->channel];

    if (ev->channel < 0 || ev->channel >= SEEN_CHANNELS || c->count[SSH_EVENT_CHANNEL_CLOSED] ||
        seen[0].count[SSH_EVENT_CLOSED])
        abort(); /* nothing comes after the last one */
    c->count[ev->type]++;
    c->last = ev->type;
    if (ev->type == SSH_EVENT_DATA) {
        seen_keep(c, ev->text);
        if (seen_order_len < 1000)
            seen_order[seen_order_len++] = ev->channel;
    } else if (ev->type == SSH_EVENT_STDERR) {
        c->stderr_len += ev->text.len;
    } else if (ev->type == SSH_EVENT_EXIT) {
        c->exit_code = ev->code;
    } else if (ev->type == SSH_EVENT_ERROR) {
        c->error_code = ev->code;
        seen_text(c->error, sizeof c->error, ev->text);
    } else if (ev->type == SSH_EVENT_HOST_KEY) {
        ssh_session_answer_host_key(w->session, true);
    } else if (ev->type == SSH_EVENT_AGENT_SIGN) {
        c->question = ev->code;
        seen_text(c->text, sizeof c->text, ev->text);
    } else if (ev->type == SSH_EVENT_CLOSED) {
        w->count[SSH_EVENT_CLOSED]++;
    }
    if (ev->type == SSH_EVENT_DATA || ev->type == SSH_EVENT_STDERR) {
        if (c->hold_credit)
            c->held += ev->text.len;
        else
            ssh_session_credit(w->session, ev->channel, ev->text.len);
    }
}

#endif
