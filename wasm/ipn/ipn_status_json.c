/*
 * The JSON that tells the page of its connections: to the control server and to every relay.
 * Times are the wall clock's, in milliseconds since 1970: the page counts down to them.
 */
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "ipn/ipn_internal.h"

/* An object under construction. yyjson's own functions are inline, every one of them some 200 bytes of
 * code: these are called instead. name is static, text is copied. */
struct object {
    yyjson_mut_doc *doc;
    yyjson_mut_val *val;
};

static __attribute__((noinline)) void add(struct object o, const char *name, yyjson_mut_val *val)
{
    yyjson_mut_obj_add(o.val, yyjson_mut_str(o.doc, name), val);
}

static __attribute__((noinline)) void add_text(struct object o, const char *name, const char *text)
{
    add(o, name, yyjson_mut_strcpy(o.doc, text ? text : ""));
}

static __attribute__((noinline)) void add_number(struct object o, const char *name, int64_t n)
{
    add(o, name, yyjson_mut_sint(o.doc, n));
}

static void add_loss(struct object o, uint64_t lost_ms, uint64_t retry_ms)
{
    add_number(o, "lostAt", host_wall_ms(lost_ms));
    if (retry_ms)
        add_number(o, "retryAt", host_wall_ms(retry_ms));
}

static const char *state_name(bool connected, bool lost, bool connecting)
{
    return connected ? "connected" : lost ? "reconnecting" : connecting ? "connecting" : "idle";
}

static yyjson_mut_val *make_control(yyjson_mut_doc *doc, const struct ipn *ipn)
{
    struct control_status st;
    struct object o = {doc, yyjson_mut_obj(doc)};
    control_client_status(ipn->cc, &st);
    add_text(o, "state", state_name(st.connected, st.lost, st.connecting));
    if (st.lost)
        add_loss(o, st.lost_ms, st.retry_ms);
    if (ipn->control_problem) {
        add_text(o, "code", ipn->control_problem);
        add_text(o, "error", ipn->control_sentence);
    }
    return o.val;
}

static yyjson_mut_val *make_region(yyjson_mut_doc *doc, const struct ipn *ipn,
                                   const struct netmap_region *region)
{
    struct magicsock_region_status st;
    struct object o = {doc, yyjson_mut_obj(doc)};
    int rtt_ms = magicsock_region_rtt_ms(ipn->ms, region->id);
    magicsock_region_status(ipn->ms, region->id, &st);
    bool connected = st.link == MAGICSOCK_CONNECTED;
    add_number(o, "id", region->id);
    add_text(o, "code", region->code);
    add_text(o, "name", region->name);
    add_text(o, "state", state_name(connected, st.lost, st.link == MAGICSOCK_CONNECTING));
    add(o, "connected", yyjson_mut_bool(doc, connected));
    if (st.lost)
        add_loss(o, st.lost_ms, st.retry_ms);
    if (st.reason[0])
        add_text(o, "error", st.reason);
    if (rtt_ms >= 0)
        add_number(o, "rttMs", rtt_ms);
    return o.val;
}

char *ipn_status_json(struct ipn *ipn, size_t *len)
{
    const struct netmap *nm = control_client_netmap(ipn->cc);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    if (!doc)
        return NULL;
    struct object root = {doc, yyjson_mut_obj(doc)};
    yyjson_mut_doc_set_root(doc, root.val);
    add(root, "control", make_control(doc, ipn));
    add_number(root, "homeRegion", magicsock_home(ipn->ms));
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < nm->region_count; i++)
        yyjson_mut_arr_append(list, make_region(doc, ipn, &nm->regions[i]));
    add(root, "regions", list);
    char *text = yyjson_mut_write(doc, YYJSON_WRITE_ALLOW_INVALID_UNICODE, len);
    yyjson_mut_doc_free(doc);
    return text;
}
