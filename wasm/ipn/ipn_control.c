/* What the control client says, put to use: state, keys, netmap, and words for the page. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "ipn/ipn_internal.h"

static const char *problem_code(enum control_problem problem)
{
    switch (problem) {
    case CONTROL_PROBLEM_UNREACHABLE:
        return "control-unreachable";
    case CONTROL_PROBLEM_TS2021_REFUSED:
        return "control-websocket-refused";
    case CONTROL_PROBLEM_SERVER_KEY:
        return "control-key-mismatch";
    case CONTROL_PROBLEM_VERSION:
        return "control-version";
    case CONTROL_PROBLEM_AUTH_KEY_INVALID:
        return "auth-key-invalid";
    case CONTROL_PROBLEM_AUTH_KEY_EXPIRED:
        return "auth-key-expired";
    case CONTROL_PROBLEM_AUTH_KEY_USED:
        return "auth-key-used";
    case CONTROL_PROBLEM_NODE_GONE:
        return "node-deleted";
    case CONTROL_PROBLEM_KEY_EXPIRED:
        return "node-key-expired";
    case CONTROL_PROBLEM_KEY_EXPIRING:
        return "node-key-expiring";
    case CONTROL_PROBLEM_REFUSED:
        return "register-refused";
    case CONTROL_PROBLEM_LOST:
        return "control-lost";
    case CONTROL_PROBLEM_RATE:
        return "control-rate";
    case CONTROL_PROBLEM_NOMEM:
        return "out-of-memory";
    default:
        return "control-protocol";
    }
}

static void tell_url(struct ipn *ipn, enum ipn_event_type type, uint32_t id, bool websocket,
                     struct bytes path, const char *aux)
{
    char url[IPN_URL_CAP];
    int n = ipn_url_format(url, sizeof url, &ipn->control, websocket, (const char *)path.data,
                           path.len);
    if (n > 0)
        ipn_tell(ipn, type, id, 0, url, (size_t)n, aux, strlen(aux));
}

static void note_registered(struct ipn *ipn)
{
    char text[KEY_TEXT_CAP];
    ipn->auth_url[0] = 0;
    ipn->login_wanted = false;
    if (ipn->state != IPN_STATE_RUNNING)
        ipn_set_state(ipn, IPN_STATE_STARTING);
    node_private_format(text, &ipn->node_key);
    ipn_store(ipn, "node-key", text);
    wipe(text, sizeof text);
    ipn_net_apply_regions(ipn);
}

static void go_running(struct ipn *ipn)
{
    struct netmap *nm = control_client_netmap(ipn->cc);
    if (!nm->valid || ipn->state == IPN_STATE_RUNNING || control_client_expired(ipn->cc))
        return;
    if (!nm->self.machine_authorized) {
        ipn_set_state(ipn, IPN_STATE_NEEDS_MACHINE_AUTH);
        return;
    }
    ipn->running_since_ms = ipn->now_ms;
    ipn_set_state(ipn, IPN_STATE_RUNNING);
    ipn_streams_touch_waiting(ipn);
}

static void note_netmap(struct ipn *ipn, uint32_t changed)
{
    ipn_news_note(ipn, changed);
    ipn_net_netmap_changed(ipn, changed);
    if (!ipn->auth_url[0]) /* else a person is asked to renew our key */
        go_running(ipn);
}

static void show_auth_url(struct ipn *ipn, struct bytes url)
{
    if (url.len == 0) { /* nothing came of it, and the old key is good still */
        ipn->auth_url[0] = 0;
        ipn->login_wanted = false;
        go_running(ipn);
        return;
    }
    if (url.len >= sizeof ipn->auth_url || !ipn_url_is_web((const char *)url.data, url.len)) {
        const char *text = "The control server sent a login address that is not a web address.";
        ipn_tell_problem(ipn, "control-protocol", text, strlen(text), false);
        return;
    }
    memcpy(ipn->auth_url, url.data, url.len);
    ipn->auth_url[url.len] = 0;
    ipn_set_state(ipn, IPN_STATE_NEEDS_LOGIN);
    if (ipn->login_wanted)
        ipn_tell(ipn, IPN_EVENT_BROWSE_TO_URL, 0, 0, ipn->auth_url, url.len, "", 0);
}

static void note_need_login(struct ipn *ipn)
{
    if (ipn->logging_out)
        return;
    ipn->login_wanted = false;
    ipn->auth_url[0] = 0;
    wipe(ipn->auth_key, strlen(ipn->auth_key));
    ipn_set_state(ipn, IPN_STATE_NEEDS_LOGIN);
    ipn_streams_touch_waiting(ipn);
}

static void note_logged_out(struct ipn *ipn)
{
    ipn_store(ipn, "node-key", "");
    ipn->logged_out = true;
    ipn_set_state(ipn, IPN_STATE_STOPPED);
}

static void note_problem(struct ipn *ipn, const struct control_event *ce)
{
    const char *code = problem_code(ce->problem), *text = (const char *)ce->text.data;
    struct control_status now;
    ipn_tell_problem(ipn, code, text, ce->text.len, ce->retried);
    control_client_status(ipn->cc, &now);
    if (ce->problem == CONTROL_PROBLEM_KEY_EXPIRING || now.connected)
        return; /* the connection is well */
    snprintf(ipn->control_sentence, sizeof ipn->control_sentence, "%.*s", (int)ce->text.len, text);
    ipn->control_problem = code;
    ipn->status_dirty = true;
    if (ce->problem == CONTROL_PROBLEM_LOST)
        magicsock_check(ipn->ms, ipn->now_ms);
}

void ipn_control_watch(struct ipn *ipn)
{
    struct control_status now;
    control_client_status(ipn->cc, &now);
    if (memcmp(&now, &ipn->control_told, sizeof now) == 0)
        return;
    if (now.connected)
        ipn->control_problem = NULL;
    if (now.connected && ipn->control_told.lost)
        magicsock_rebind(ipn->ms, ipn->now_ms);
    ipn->control_told = now;
    ipn->status_dirty = true;
}

static void apply(struct ipn *ipn, const struct control_event *ce)
{
    switch (ce->type) {
    case CONTROL_EVENT_GET_KEY:
        tell_url(ipn, IPN_EVENT_HTTP_GET, IPN_GET_KEY, false, ce->text, "");
        break;
    case CONTROL_EVENT_CONNECT:
        tell_url(ipn, IPN_EVENT_SOCKET_OPEN, IPN_SOCKET_CONTROL, true, ce->text,
                 "tailscale-control-protocol");
        break;
    case CONTROL_EVENT_CLOSE:
        ipn_tell(ipn, IPN_EVENT_SOCKET_CLOSE, IPN_SOCKET_CONTROL, 0, "", 0, "", 0);
        break;
    case CONTROL_EVENT_REGISTERED:
        note_registered(ipn);
        break;
    case CONTROL_EVENT_AUTH_URL:
        show_auth_url(ipn, ce->text);
        break;
    case CONTROL_EVENT_NETMAP:
        note_netmap(ipn, ce->changed);
        break;
    case CONTROL_EVENT_NEED_MACHINE_AUTH:
        ipn_set_state(ipn, IPN_STATE_NEEDS_MACHINE_AUTH);
        break;
    case CONTROL_EVENT_NEED_LOGIN:
        note_need_login(ipn);
        break;
    case CONTROL_EVENT_PROBLEM:
        note_problem(ipn, ce);
        break;
    case CONTROL_EVENT_LOGGED_OUT:
        note_logged_out(ipn);
        break;
    default:
        break;
    }
}

int ipn_control_pump(struct ipn *ipn, struct ipn_event *ev)
{
    struct control_event ce;
    while (control_client_next(ipn->cc, &ce, ipn->now_ms) == 1) {
        if (ce.type == CONTROL_EVENT_SEND) {
            *ev = (struct ipn_event){.type = IPN_EVENT_SOCKET_SEND,
                                     .id = IPN_SOCKET_CONTROL,
                                     .text = ce.data.data,
                                     .text_len = ce.data.len};
            return 1;
        }
        if (ce.type == CONTROL_EVENT_NEW_NODE_KEY) {
            ipn->node_key = ce.key;
            node_public_derive(&ipn->node_public, &ipn->node_key);
            ipn_net_rekey(ipn);
            wipe(&ce, sizeof ce);
            continue;
        }
        apply(ipn, &ce);
    }
    return 0;
}
