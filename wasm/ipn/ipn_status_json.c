/*
 * The JSON that tells the page of its connections: to the control server and to every relay.
 * Times are the wall clock's, in milliseconds since 1970: the page counts down to them. Sentences may
 * hold what a far end sent, and may be cut in the middle of a character: whoever decodes the text
 * replaces what is no UTF-8.
 */
#include <string.h>

#include "ipn/ipn_internal.h"
#include "ipn/ipn_json.h"

static void add_text(struct ipn_json *j, const char *name, const char *text)
{
    ipn_json_text(j, name, text ? text : "", text ? strlen(text) : 0);
}

static void add_loss(struct ipn_json *j, uint64_t lost_ms, uint64_t retry_ms)
{
    ipn_json_int(j, "lostAt", host_wall_ms(lost_ms));
    if (retry_ms)
        ipn_json_int(j, "retryAt", host_wall_ms(retry_ms));
}

static const char *state_name(bool connected, bool lost, bool connecting)
{
    return connected ? "connected" : lost ? "reconnecting" : connecting ? "connecting" : "idle";
}

static void add_control(struct ipn_json *j, const struct ipn *ipn)
{
    struct control_status st;
    control_client_status(ipn->cc, &st);
    ipn_json_open(j, "control", '{');
    add_text(j, "state", state_name(st.connected, st.lost, st.connecting));
    if (st.lost)
        add_loss(j, st.lost_ms, st.retry_ms);
    if (ipn->control_problem) {
        add_text(j, "code", ipn->control_problem);
        add_text(j, "error", ipn->control_sentence);
    }
    ipn_json_close(j, '}');
}

static void add_key_expiry(struct ipn_json *j, const struct ipn *ipn)
{
    struct control_status st;
    control_client_status(ipn->cc, &st);
    if (st.key_expiry_wall_ms)
        ipn_json_int(j, "keyExpiresAt", st.key_expiry_wall_ms);
}

static void add_region(struct ipn_json *j, const struct ipn *ipn,
                       const struct netmap_region *region)
{
    struct magicsock_region_status st;
    int rtt_ms = magicsock_region_rtt_ms(ipn->ms, region->id);
    magicsock_region_status(ipn->ms, region->id, &st);
    bool connected = st.link == MAGICSOCK_CONNECTED;
    ipn_json_open(j, NULL, '{');
    ipn_json_int(j, "id", region->id);
    add_text(j, "code", region->code);
    add_text(j, "name", region->name);
    add_text(j, "state", state_name(connected, st.lost, st.link == MAGICSOCK_CONNECTING));
    ipn_json_bool(j, "connected", connected);
    if (st.lost)
        add_loss(j, st.lost_ms, st.retry_ms);
    if (st.reason[0])
        add_text(j, "error", st.reason);
    if (rtt_ms >= 0)
        ipn_json_int(j, "rttMs", rtt_ms);
    ipn_json_close(j, '}');
}

char *ipn_status_json(struct ipn *ipn, size_t *len)
{
    const struct netmap *nm = control_client_netmap(ipn->cc);
    struct ipn_json j;
    ipn_json_init(&j);
    ipn_json_open(&j, NULL, '{');
    add_control(&j, ipn);
    add_key_expiry(&j, ipn);
    ipn_json_int(&j, "homeRegion", magicsock_home(ipn->ms));
    ipn_json_open(&j, "regions", '[');
    for (size_t i = 0; i < nm->region_count; i++)
        add_region(&j, ipn, &nm->regions[i]);
    ipn_json_close(&j, ']');
    ipn_json_close(&j, '}');
    return ipn_json_take(&j, len);
}
