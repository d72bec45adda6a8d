/* The queue of events with text: bounded, in order, each freed when the next one is asked for. */
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_session_internal.h"

static void event_free(struct ssh_event_node *node)
{
    if (!node)
        return;
    wipe(node, sizeof *node + node->len);
    free(node);
}

void ssh_event_push_full(struct ssh_session *s, const struct ssh_event *ev)
{
    bool spare = ev->type == SSH_EVENT_BANNER || ev->type == SSH_EVENT_PROGRESS;
    size_t len = ev->text.len + ev->aux.len;
    struct ssh_event_node *node;
    uint8_t *at;

    /* A server that floods us with banners loses the rest of them. */
    if (spare && s->events_len + sizeof *node + len > SSH_MAX_EVENT_LEN)
        return;
    node = calloc(1, sizeof *node + len);
    if (!node) {
        s->out_of_memory = true;
        return;
    }
    at = (uint8_t *)(node + 1);
    if (ev->text.len)
        memcpy(at, ev->text.data, ev->text.len);
    if (ev->aux.len)
        memcpy(at + ev->text.len, ev->aux.data, ev->aux.len);
    node->len = len;
    node->ev = *ev;
    node->ev.text.data = at;
    node->ev.aux.data = at + ev->text.len;
    *s->events_end = node;
    s->events_end = &node->next;
    s->events_len += sizeof *node + len;
}

void ssh_event_push(struct ssh_session *s, enum ssh_event_type type, int code, struct bytes text,
                    struct bytes aux)
{
    ssh_event_push_full(s,
                        &(struct ssh_event){.type = type, .code = code, .text = text, .aux = aux});
}

void ssh_event_push_text(struct ssh_session *s, enum ssh_event_type type, int code,
                         const char *text)
{
    ssh_event_push(s, type, code, ssh_text(text), (struct bytes){NULL, 0});
}

int ssh_event_pop(struct ssh_session *s, struct ssh_event *ev)
{
    struct ssh_event_node *node = s->events;

    event_free(s->current);
    s->current = node;
    if (!node)
        return 0;
    s->events = node->next;
    if (!s->events)
        s->events_end = &s->events;
    s->events_len -= sizeof *node + node->len;
    *ev = node->ev;
    return 1;
}

void ssh_event_wipe(struct ssh_session *s)
{
    struct ssh_event ev;

    while (ssh_event_pop(s, &ev))
        ;
}
