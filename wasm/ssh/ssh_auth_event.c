/* What ssh_auth has to tell: a queue, wiped as it goes, for packets may hold a password. */
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_auth_methods.h"

struct auth_event_node {
    struct auth_event_node *next;
    enum ssh_auth_event_type type;
    int code;
    size_t len;
    uint8_t text[];
};

static void node_free(struct auth_event_node *node)
{
    if (!node)
        return;
    wipe(node, sizeof *node + node->len);
    free(node);
}

void auth_push(struct ssh_auth *a, enum ssh_auth_event_type type, int code, struct bytes text)
{
    bool spare = type == SSH_AUTH_BANNER || type == SSH_AUTH_NOTE;
    struct auth_event_node *node;

    if (spare && a->events_len + text.len > AUTH_MAX_QUEUED_LEN)
        return;
    node = malloc(sizeof *node + text.len);
    if (!node) {
        a->out_of_memory = true;
        return;
    }
    node->next = NULL;
    node->type = type;
    node->code = code;
    node->len = text.len;
    if (text.len)
        memcpy(node->text, text.data, text.len);
    *a->events_end = node;
    a->events_end = &node->next;
    a->events_len += text.len;
}

void auth_push_text(struct ssh_auth *a, enum ssh_auth_event_type type, const char *text)
{
    auth_push(a, type, 0, auth_text(text));
}

/* Takes the first event off the queue; it is lent until the next call. */
static void events_shift(struct ssh_auth *a)
{
    struct auth_event_node *node = a->events;

    node_free(a->lent);
    a->lent = node;
    if (!node)
        return;
    a->events = node->next;
    if (!a->events)
        a->events_end = &a->events;
    a->events_len -= node->len;
}

int ssh_auth_next(struct ssh_auth *a, struct ssh_auth_event *ev)
{
    static const char no_memory[] = "Out of memory while logging in.";
    struct auth_event_node *node;

    while (!a->events && a->state == AUTH_CHOOSING && !a->out_of_memory)
        auth_choose(a);
    if (a->out_of_memory && !a->end_told) {
        a->state = AUTH_ENDED;
        a->end_told = true;
        auth_events_wipe(a);
        auth_forget(a, false);
        *ev = (struct ssh_auth_event){
            .type = SSH_AUTH_FAILED, .code = IPN_ERR_NOMEM, .text = auth_text(no_memory)};
        return 1;
    }
    node = a->events;
    if (!node) {
        events_shift(a);
        return 0;
    }
    if (node->type != SSH_AUTH_SEND)
        events_shift(a);
    a->end_told = node->type == SSH_AUTH_DONE || node->type == SSH_AUTH_FAILED;
    *ev = (struct ssh_auth_event){
        .type = node->type, .code = node->code, .text = {node->text, node->len}};
    return 1;
}

void ssh_auth_sent(struct ssh_auth *a)
{
    if (a->events && a->events->type == SSH_AUTH_SEND)
        events_shift(a);
}

void auth_events_wipe(struct ssh_auth *a)
{
    while (a->events || a->lent)
        events_shift(a);
}

/* ---- packets ---- */

bool auth_put_request(struct buf *b, const struct ssh_auth *a, const char *method)
{
    buf_init(b, AUTH_MAX_PACKET_LEN);
    return ssh_put_u8(b, USERAUTH_REQUEST) && ssh_put_text(b, a->config.user) &&
           ssh_put_text(b, "ssh-connection") && ssh_put_text(b, method);
}

void auth_send(struct ssh_auth *a, struct buf *b, bool ok)
{
    if (ok) {
        auth_push(a, SSH_AUTH_SEND, 0, (struct bytes){buf_head(b), b->len});
        a->state = AUTH_AWAITING;
    } else {
        a->out_of_memory = true;
    }
    buf_wipe(b);
}

/* ---- questions ---- */

/* One field: what would end it, move a terminal's cursor or turn letters around is left out, but for
 * line ends. */
static bool put_field(struct buf *b, struct bytes text)
{
    while (text.len) {
        size_t bad = ssh_unshowable_len(text), len = bad ? bad : 1;
        bool is_space = text.data[0] == '\n' || text.data[0] == '\t';

        if ((!bad || is_space) && buf_append(b, text.data, 1) < 0)
            return false;
        text = (struct bytes){text.data + len, text.len - len};
    }
    return buf_append(b, "", 1) == 0;
}

void auth_prompt_init(struct auth_prompt *p, struct bytes name, struct bytes instruction)
{
    p->count = 0;
    buf_init(&p->fields, AUTH_MAX_PACKET_LEN);
    p->ok = put_field(&p->fields, name) && put_field(&p->fields, instruction);
}

void auth_prompt_add(struct auth_prompt *p, bool echo, struct bytes text)
{
    p->count++;
    p->ok =
        p->ok && buf_append(&p->fields, echo ? "1" : "0", 1) == 0 && put_field(&p->fields, text);
}

void auth_ask(struct ssh_auth *a, enum ssh_auth_question question, enum ssh_prompt_kind kind,
              struct auth_prompt *p)
{
    a->question = question;
    a->prompt_count = p->count;
    a->state = AUTH_ASKING;
    if (p->ok)
        auth_push(a, SSH_AUTH_PROMPT, (int)kind,
                  (struct bytes){buf_head(&p->fields), p->fields.len});
    else
        a->out_of_memory = true;
    buf_wipe(&p->fields);
}

struct bytes auth_take_answer(struct bytes *answers)
{
    struct bytes answer = {answers->data, 0};

    while (answer.len < answers->len && answers->data[answer.len])
        answer.len++;
    if (answer.len < answers->len)
        *answers = (struct bytes){answers->data + answer.len + 1, answers->len - answer.len - 1};
    else
        *answers = (struct bytes){answers->data + answers->len, 0};
    return answer;
}
