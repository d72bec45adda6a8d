/*
 * The engine: makes the parts, keeps what the page was told, and drains everything in one order
 * that lets a batch of input become one batch of output:
 *
 *   events > control > relays (all datagrams in) > TCP that became ready > streams > flush > out
 */
#include "include/ipn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/random.h"
#include "ipn/ipn_internal.h"

/* ---- telling ---- */

void ipn_tell(struct ipn *ipn, uint32_t type, uint32_t id, int32_t code, const char *text,
              size_t text_len, const char *aux, size_t aux_len)
{
    if (ipn_event_push(&ipn->events, type, id, code, text, text_len, aux, aux_len) < 0)
        ipn->nomem = true;
}

void ipn_tell_problem(struct ipn *ipn, const char *code, const char *text, size_t len,
                      bool retrying)
{
    ipn_tell(ipn, IPN_EVENT_PROBLEM, 0, retrying, code, strlen(code), text, len);
}

void ipn_set_state(struct ipn *ipn, enum ipn_state state)
{
    if (ipn->state == state)
        return;
    ipn->state = state;
    ipn_tell(ipn, IPN_EVENT_STATE, 0, (int32_t)state, "", 0, "", 0);
}

void ipn_store(struct ipn *ipn, const char *name, const char *value)
{
    ipn_tell(ipn, IPN_EVENT_STORE, 0, 0, name, strlen(name), value, strlen(value));
}

/* ---- the stored state ---- */

static const char *stored(const char *state, const char *name, size_t *len)
{
    size_t name_len = strlen(name);
    for (const char *line = state; line && *line;) {
        const char *end = strchr(line, '\n');
        size_t line_len = end ? (size_t)(end - line) : strlen(line);
        if (line_len > name_len && memcmp(line, name, name_len) == 0 && line[name_len] == '=') {
            *len = line_len - name_len - 1;
            return line + name_len + 1;
        }
        line += line_len + (end ? 1 : 0);
    }
    *len = 0;
    return "";
}

static uint64_t stored_number(const char *state, const char *name)
{
    size_t len;
    const char *text = stored(state, name, &len);
    uint64_t v = 0;
    for (size_t i = 0; i < len && i < 18 && text[i] >= '0' && text[i] <= '9'; i++)
        v = v * 10 + (uint64_t)(text[i] - '0');
    return v;
}

/* What was kept of an earlier life, fresh keys for the rest. A damaged key counts as none. */
static void load_keys(struct ipn *ipn, const char *state)
{
    size_t len;
    const char *text = stored(state, "machine-key", &len);
    ipn->have_stored_machine_key = machine_private_parse(&ipn->machine_key, text, len) == 0;
    if (!ipn->have_stored_machine_key)
        machine_private_generate(&ipn->machine_key);
    text = stored(state, "node-key", &len);
    ipn->have_stored_node_key =
        ipn->have_stored_machine_key && node_private_parse(&ipn->node_key, text, len) == 0;
    if (!ipn->have_stored_node_key)
        node_private_generate(&ipn->node_key);
    disco_private_generate(&ipn->disco_key);
    node_public_derive(&ipn->node_public, &ipn->node_key);
    disco_public_derive(&ipn->disco_public, &ipn->disco_key);
    ipn->stored_timestamp_ms = ipn->have_stored_node_key ? stored_number(state, "wg-timestamp") : 0;
    ipn->stored_home = (int)(stored_number(state, "home-derp") & 0xffff);
}

/* ---- life ---- */

char *ipn_copy_text(const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = malloc(len);
    if (copy)
        memcpy(copy, text, len);
    return copy;
}

static int copy_config(struct ipn *ipn, const struct ipn_config *config, const char **err)
{
    int rc = ipn_url_parse(&ipn->control, config->control_url, err);
    if (rc < 0)
        return rc;
    *err = "The control key must be \"mkey:\" and 64 hexadecimal digits.";
    size_t key_len = config->control_key ? strlen(config->control_key) : 0;
    if (key_len && machine_public_parse(&ipn->control_key, config->control_key, key_len) < 0)
        return IPN_ERR_ARG;
    ipn->have_control_key = key_len > 0;
    *err = "The module ran out of memory.";
    ipn->auth_key = ipn_copy_text(config->auth_key ? config->auth_key : "");
    ipn->derp_urls = ipn_copy_text(config->derp_urls ? config->derp_urls : "");
    if (!ipn->auth_key || !ipn->derp_urls)
        return IPN_ERR_NOMEM;
    const char *name = config->hostname && config->hostname[0] ? config->hostname : "meshterm";
    strncpy(ipn->hostname, name, sizeof ipn->hostname - 1);
    load_keys(ipn, config->state);
    size_t len;
    const char *known_hosts = stored(config->state, "known-hosts", &len);
    return ipn_known_hosts_load(ipn, known_hosts, len);
}

static struct control_client *make_control(const struct ipn *ipn)
{
    char url[IPN_URL_CAP];
    bool fits = ipn_url_format(url, sizeof url, &ipn->control, false, "", 0) > 0;
    struct control_config config = {.machine_key = ipn->machine_key,
                                    .node_key = ipn->node_key,
                                    .node_public = ipn->node_public,
                                    .disco_key = ipn->disco_public,
                                    .hostname = ipn->hostname,
                                    .auth_key = ipn->auth_key,
                                    .authority = ipn->control.host,
                                    .url = fits ? url : NULL,
                                    .ephemeral = true,
                                    .known_node = ipn->have_stored_node_key,
                                    .have_server_key = ipn->have_control_key,
                                    .server_key = ipn->control_key,
                                    .preferred_derp = ipn->stored_home};
    struct control_client *cc = control_client_new(&config);
    wipe(&config, sizeof config);
    return cc;
}

struct ipn *ipn_new(const struct ipn_config *config, const char **err, uint64_t now_ms)
{
    crypto_init();
    host_set_wall_offset(config->wall_offset_ms);
    struct ipn *ipn = calloc(1, sizeof *ipn);
    *err = "The module ran out of memory.";
    if (!ipn)
        return NULL;
    ipn->now_ms = now_ms;
    ipn_news_init(&ipn->news);
    if (copy_config(ipn, config, err) < 0) {
        ipn_free(ipn);
        return NULL;
    }
    *err = "The module ran out of memory.";
    ipn->cc = make_control(ipn);
    if (!ipn->cc || ipn_net_start(ipn) < 0) {
        ipn_free(ipn);
        return NULL;
    }
    return ipn;
}

static void forget_auth_key(struct ipn *ipn)
{
    if (ipn->auth_key)
        wipe(ipn->auth_key, strlen(ipn->auth_key));
}

void ipn_free(struct ipn *ipn)
{
    if (!ipn)
        return;
    ipn_streams_free_all(ipn);
    ipn_net_stop(ipn);
    control_client_free(ipn->cc);
    ipn_event_wipe(&ipn->events);
    ipn_known_hosts_wipe(&ipn->known_hosts);
    forget_auth_key(ipn);
    free(ipn->auth_key);
    free(ipn->derp_urls);
    free(ipn->netmap_json);
    ipn_news_wipe(&ipn->news);
    wipe(ipn, sizeof *ipn);
    free(ipn);
}

int ipn_run(struct ipn *ipn, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    if (ipn->running_called)
        return IPN_ERR_STATE;
    ipn->running_called = true;
    ipn_tell(ipn, IPN_EVENT_STATE, 0, IPN_STATE_NO_STATE, "", 0, "", 0);
    if (!ipn->have_stored_machine_key) {
        char text[KEY_TEXT_CAP];
        machine_private_format(text, &ipn->machine_key);
        ipn_store(ipn, "machine-key", text);
        wipe(text, sizeof text);
    }
    ipn_known_hosts_tell(ipn);
    if (ipn->auth_key[0] || ipn->have_stored_node_key)
        control_client_start(ipn->cc, now_ms);
    else
        ipn_set_state(ipn, IPN_STATE_NEEDS_LOGIN);
    return 0;
}

static int login_with_key(struct ipn *ipn, const char *auth_key)
{
    char *copy = ipn_copy_text(auth_key);
    if (!copy)
        return IPN_ERR_NOMEM;
    forget_auth_key(ipn);
    free(ipn->auth_key);
    ipn->auth_key = copy;
    ipn->auth_url[0] = 0; /* nobody needs to go there any more */
    ipn->login_wanted = false;
    control_client_login(ipn->cc, auth_key, ipn->now_ms);
    return 0;
}

int ipn_login(struct ipn *ipn, const char *auth_key, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    if (!ipn->running_called || ipn->logging_out)
        return IPN_ERR_STATE;
    bool joined = ipn->state == IPN_STATE_RUNNING;
    if (joined && !control_client_expires_soon(ipn->cc))
        return 0;
    if (auth_key[0])
        return login_with_key(ipn, auth_key);
    if (ipn->auth_key[0] && !joined)
        return 0; /* on the way with a key */
    forget_auth_key(ipn);
    bool first = !ipn->login_wanted;
    ipn->login_wanted = true;
    if (ipn->auth_url[0])
        ipn_tell(ipn, IPN_EVENT_BROWSE_TO_URL, 0, 0, ipn->auth_url, strlen(ipn->auth_url), "", 0);
    else if (first || joined)
        control_client_login(ipn->cc, "", now_ms);
    return 0;
}

int ipn_logout(struct ipn *ipn, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    if (ipn->logging_out)
        return 0;
    ipn->logging_out = true;
    netstack_hurry();
    ipn_streams_close_all(ipn, false);
    netstack_flush(now_ms);
    control_client_logout(ipn->cc, now_ms);
    return 0;
}

int ipn_close_streams(struct ipn *ipn, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    netstack_hurry(); /* the caller may go as soon as all is told */
    ipn_streams_close_all(ipn, true);
    return 0;
}

/* ---- draining ---- */

static int lend_json(struct ipn *ipn, struct ipn_event *ev, uint32_t type, char *text, size_t len)
{
    if (!text) {
        ipn->nomem = true;
        return 0;
    }
    free(ipn->netmap_json);
    ipn->netmap_json = text;
    *ev = (struct ipn_event){.type = type, .text = (const uint8_t *)text, .text_len = len};
    return 1;
}

/* True if the next pump_told has something. */
static bool has_more_to_tell(const struct ipn *ipn)
{
    return ipn->events.count > 0 || ipn->status_dirty || (ipn->nomem && !ipn->nomem_told) ||
           ipn_news_due(ipn);
}

/* The stamp of the newest initiation is kept with the node key: it may never go back. */
static void store_timestamp(struct ipn *ipn)
{
    uint64_t newest = wg_device_last_timestamp_ms(ipn->wg);
    if (newest == ipn->timestamp_stored_ms)
        return;
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)newest);
    ipn_store(ipn, "wg-timestamp", text);
    ipn->timestamp_stored_ms = newest;
}

static int pump_told(struct ipn *ipn, struct ipn_event *ev)
{
    static const char code[] = "out-of-memory", text[] = "The module ran out of memory.";
    size_t len = 0;
    store_timestamp(ipn);
    if (ipn_event_pop(&ipn->events, ev))
        return 1;
    if (ipn->nomem && !ipn->nomem_told) {
        ipn->nomem_told = true;
        *ev = (struct ipn_event){.type = IPN_EVENT_PROBLEM,
                                 .text = (const uint8_t *)code,
                                 .aux = (const uint8_t *)text,
                                 .text_len = sizeof code - 1,
                                 .aux_len = sizeof text - 1};
        return 1;
    }
    int news = ipn_news_pump(ipn, ev);
    if (news > 0)
        return 1;
    ipn->nomem |= news < 0;
    if (ipn->status_dirty) {
        ipn->status_dirty = false;
        char *json = ipn_status_json(ipn, &len);
        return lend_json(ipn, ev, IPN_EVENT_STATUS, json, len);
    }
    return 0;
}

static int pump_streams(struct ipn *ipn, struct ipn_event *ev)
{
    struct tcp_conn *tc;
    while ((tc = netstack_next_ready()))
        ipn_stream_touch(ipn, tcp_conn_owner(tc));
    for (;;) {
        struct ipn_stream *st = ipn_stream_next_dirty(ipn);
        if (!st)
            return 0;
        int given = st->kind == IPN_STREAM_SSH        ? ipn_ssh_pump(ipn, st, ev)
                    : st->kind == IPN_STREAM_SSH_CONN ? ipn_ssh_conn_pump(ipn, st, ev)
                                                      : ipn_tcp_pump(ipn, st, ev);
        if (given)
            return 1;
        if (ipn->events.count > 0)
            return 0; /* they come before what the next one has to say */
    }
}

/* The last event of all: every stream has had its DONE. */
static int say_farewell(struct ipn *ipn, struct ipn_event *ev)
{
    ipn->farewell_told = true;
    *ev = (struct ipn_event){.type = IPN_EVENT_LOGGED_OUT};
    return 1;
}

int ipn_poll(struct ipn *ipn, struct ipn_event *ev, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    free(ipn->netmap_json); /* it may be megabytes */
    ipn->netmap_json = NULL;
    if (ipn->farewell_told)
        return 0;
    for (;;) {
        if (pump_told(ipn, ev) || ipn_control_pump(ipn, ev))
            return 1;
        ipn_control_watch(ipn);
        if (ipn_net_pump(ipn, ev))
            return 1;
        if (has_more_to_tell(ipn))
            continue;
        if (pump_streams(ipn, ev))
            return 1;
        if (has_more_to_tell(ipn))
            continue;
        if (!ipn->netstack_touched)
            return ipn->logged_out ? say_farewell(ipn, ev) : 0;
        ipn->netstack_touched = false;
        netstack_flush(now_ms);
    }
}

/* ---- what happened outside ---- */

/* The region whose socket or probe has this id; 0: none. */
static int region_of(uint32_t id)
{
    return id > IPN_SOCKET_DERP && id - IPN_SOCKET_DERP <= INT32_MAX ? (int)(id - IPN_SOCKET_DERP)
                                                                     : 0;
}

void ipn_socket_opened(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    if (id == IPN_SOCKET_CONTROL)
        control_client_opened(ipn->cc, now_ms);
    else if (region_of(id))
        magicsock_opened(ipn->ms, region_of(id), now_ms);
}

void ipn_socket_input(struct ipn *ipn, uint32_t id, uint8_t *data, size_t len, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    if (id == IPN_SOCKET_CONTROL)
        control_client_input(ipn->cc, data, len, now_ms);
    else if (region_of(id))
        ipn_net_input(ipn, region_of(id), data, len);
}

void ipn_socket_closed(struct ipn *ipn, uint32_t id, int code, const char *reason, size_t len,
                       uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    if (id == IPN_SOCKET_CONTROL)
        control_client_closed(ipn->cc, code, reason, len, now_ms);
    else if (region_of(id))
        magicsock_closed(ipn->ms, region_of(id), code, reason, len, now_ms);
    ipn->status_dirty = true;
}

void ipn_http_done(struct ipn *ipn, uint32_t id, int status, const uint8_t *body, size_t len,
                   uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    if (id == IPN_GET_KEY) {
        control_client_key_response(ipn->cc, status, body, len, now_ms);
    } else if (region_of(id)) {
        int region = region_of(id);
        uint64_t asked_ms = ipn->probe_sent_ms[region % IPN_PROBE_SLOTS];
        magicsock_probed(ipn->ms, region, status ? (int)(now_ms - asked_ms) : -1, now_ms);
        ipn->status_dirty = true;
    }
}

uint64_t ipn_next_deadline(const struct ipn *ipn)
{
    if (ipn->logged_out)
        return NEVER;
    uint64_t next = earlier(control_client_next_deadline(ipn->cc), ipn_net_next_deadline(ipn));
    return earlier(earlier(next, ipn_news_next_deadline(ipn)), ipn_streams_next_deadline(ipn));
}

void ipn_tick(struct ipn *ipn, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    control_client_tick(ipn->cc, now_ms);
    ipn_net_tick(ipn);
    ipn_streams_tick(ipn);
}

void ipn_rebind(struct ipn *ipn, int64_t wall_offset_ms, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    host_set_wall_offset(wall_offset_ms);
    control_client_rebind(ipn->cc, now_ms);
    magicsock_rebind(ipn->ms, now_ms);
    ipn_tick(ipn, now_ms);
}
