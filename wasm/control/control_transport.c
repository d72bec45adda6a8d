/*
 * Between the WebSocket and HTTP/2: records are opened one at a time, and what HTTP/2 wants to say
 * is sealed into as few messages as possible.
 */
#include "base/err.h"
#include "base/host.h"
#include "control/control_session.h"

static void noise_failed(struct control_client *cc, int err)
{
    if (err == IPN_ERR_CRYPTO)
        control_emit_problem(cc, CONTROL_PROBLEM_PROTOCOL,
                             "What came from the control server was not authentic; trying again.");
    else if (cc->noise.hint[0] != '\0')
        control_emit_problem(cc, CONTROL_PROBLEM_PROTOCOL, "The control server broke off: %s.",
                             cc->noise.hint);
    else
        control_emit_problem(cc, CONTROL_PROBLEM_PROTOCOL,
                             "The control server does not speak the ts2021 protocol here.");
    control_retry_later(cc);
}

static void go_online(struct control_client *cc)
{
    struct control_h2_handler handler = control_session_handler;

    handler.user = cc;
    cc->h2 = control_h2_new(&handler, cc->authority);
    if (cc->h2 == NULL) {
        cc->nomem = true;
        return;
    }
    cc->state_deadline = NEVER;
    cc->state = CONTROL_ONLINE;
    control_session_begin(cc);
}

static void h2_failed(struct control_client *cc, int err)
{
    if (err == IPN_ERR_NOMEM) {
        cc->nomem = true;
        return;
    }
    if (err == IPN_ERR_CLOSED)
        control_emit_problem(cc, CONTROL_PROBLEM_LOST,
                             "The control server ended the connection; coming back.");
    else
        control_emit_problem(cc, CONTROL_PROBLEM_PROTOCOL,
                             "The control server sent HTTP/2 that cannot be read; trying again.");
    control_retry_later(cc);
}

void control_transport_input(struct control_client *cc)
{
    struct bytes src = {buf_head(&cc->in), cc->in.len}, plain = {NULL, 0};
    int got = control_noise_input(&cc->noise, &src, &plain), err = 0;

    buf_consume(&cc->in, cc->in.len - src.len);
    if (got < 0) {
        noise_failed(cc, got);
    } else if (got == CONTROL_NOISE_READY) {
        go_online(cc);
    } else if (got == CONTROL_NOISE_RECORD && cc->state == CONTROL_ONLINE) {
        err = control_h2_input(cc->h2, plain.data, plain.len);
        if (!control_h2_ping_pending(cc->h2))
            cc->ping_deadline = NEVER;
        control_session_service(cc);
        if (err < 0 && cc->state == CONTROL_ONLINE)
            h2_failed(cc, err);
    }
}

/* Output */

static void pull_plain(struct control_client *cc)
{
    const uint8_t *bytes;
    int n = 0;

    while (cc->plain_out.len < 8 * CONTROL_NOISE_MAX_PLAIN &&
           (n = control_h2_output(cc->h2, &bytes)) > 0) {
        if (buf_append(&cc->plain_out, bytes, (size_t)n) < 0) {
            cc->nomem = true;
            return;
        }
    }
    if (n < 0)
        h2_failed(cc, n);
    else
        control_session_service(cc);
}

bool control_transport_output(struct control_client *cc, struct control_event *ev)
{
    buf_consume(&cc->out, cc->out.len);
    pull_plain(cc);
    if (cc->state != CONTROL_ONLINE)
        return false;
    while (cc->plain_out.len > 0 && cc->out.len + CONTROL_NOISE_MAX_RECORD <= CONTROL_MAX_MESSAGE) {
        size_t len = cc->plain_out.len < CONTROL_NOISE_MAX_PLAIN ? cc->plain_out.len
                                                                 : CONTROL_NOISE_MAX_PLAIN;
        uint8_t *record = buf_reserve(&cc->out, len + CONTROL_NOISE_OVERHEAD);
        int n = record == NULL
                    ? IPN_ERR_NOMEM
                    : control_noise_seal(&cc->noise, record, buf_head(&cc->plain_out), len);

        if (n < 0) {
            cc->nomem = true;
            return false;
        }
        buf_commit(&cc->out, (size_t)n);
        buf_consume(&cc->plain_out, len);
    }
    if (cc->out.len == 0)
        return false;
    ev->type = CONTROL_EVENT_SEND;
    ev->data = (struct bytes){buf_head(&cc->out), cc->out.len};
    return true;
}
