/* The bounded queue of what the driver is told. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control_internal.h"

static struct control_queued *push(struct control_client *cc)
{
    struct control_queued *q;

    if (cc->event_count == CONTROL_MAX_EVENTS) { /* a driver that does not drain */
        cc->nomem = true;
        return NULL;
    }
    q = &cc->events[(cc->event_at + cc->event_count++) % CONTROL_MAX_EVENTS];
    memset(q, 0, sizeof *q);
    return q;
}

void control_emit(struct control_client *cc, enum control_event_type type, const char *text)
{
    size_t size = text == NULL ? 0 : strlen(text) + 1;
    char *copy = size == 0 ? NULL : malloc(size);
    struct control_queued *q;

    if (size > 0 && copy == NULL) {
        cc->nomem = true;
        return;
    }
    q = push(cc);
    if (q == NULL) {
        free(copy);
        return;
    }
    if (size > 0)
        memcpy(copy, text, size);
    q->type = type;
    q->text = copy;
}

void control_emit_netmap(struct control_client *cc, uint32_t changed)
{
    size_t last = (cc->event_at + cc->event_count + CONTROL_MAX_EVENTS - 1) % CONTROL_MAX_EVENTS;

    if (changed == 0)
        return;
    if (cc->event_count == 0 || cc->events[last].type != CONTROL_EVENT_NETMAP) {
        struct control_queued *q = push(cc);

        if (q == NULL)
            return;
        q->type = CONTROL_EVENT_NETMAP;
        q->changed = changed;
    } else {
        cc->events[last].changed |= changed;
    }
}

void control_emit_node_key(struct control_client *cc)
{
    struct control_queued *q = push(cc);

    if (q == NULL)
        return;
    q->type = CONTROL_EVENT_NEW_NODE_KEY;
    q->key = cc->config.node_key;
}

void control_emit_problem(struct control_client *cc, enum control_problem problem,
                          const char *format, ...)
{
    char sentence[CONTROL_MAX_SENTENCE];
    size_t before = cc->event_count;
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    control_emit(cc, CONTROL_EVENT_PROBLEM, sentence);
    if (cc->event_count > before)
        cc->events[(cc->event_at + before) % CONTROL_MAX_EVENTS].problem = problem;
}

/* Of the event at the front: what it led to was queued with it. */
static bool login_follows(const struct control_client *cc)
{
    for (size_t i = 1; i < cc->event_count; i++) {
        const struct control_queued *q = &cc->events[(cc->event_at + i) % CONTROL_MAX_EVENTS];

        if (q->type == CONTROL_EVENT_NEED_LOGIN || q->type == CONTROL_EVENT_LOGGED_OUT)
            return true;
        if (q->type == CONTROL_EVENT_PROBLEM)
            break;
    }
    return false;
}

bool control_take_event(struct control_client *cc, struct control_event *ev)
{
    struct control_queued *q = &cc->events[cc->event_at];

    free(cc->event_text);
    cc->event_text = NULL;
    if (cc->event_count == 0)
        return false;
    ev->type = q->type;
    ev->problem = q->problem;
    ev->retried = q->type == CONTROL_EVENT_PROBLEM && !login_follows(cc);
    ev->changed = q->changed;
    ev->key = q->key;
    cc->event_text = q->text;
    if (q->text != NULL)
        ev->text = (struct bytes){(const uint8_t *)q->text, strlen(q->text)};
    wipe(q, sizeof *q);
    cc->event_at = (cc->event_at + 1) % CONTROL_MAX_EVENTS;
    cc->event_count--;
    return true;
}

void control_drop_events(struct control_client *cc)
{
    struct control_event unused;

    while (control_take_event(cc, &unused))
        wipe(&unused, sizeof unused);
}
