/* See world.h: what the control server answers. */
#include <stdio.h>

#include "sim/engine/world.h"

enum { REGISTER_MS = 100, MAP_MS = 50, KEEP_ALIVE_MS = 50000 };

static struct server_request *find_request(struct world *w, int32_t stream)
{
    for (size_t i = 0; i < w->control.request_count; i++)
        if (w->control.requests[i].stream == stream)
            return &w->control.requests[i];
    return NULL;
}

static struct server_request *still_there(struct world *w, const struct world_item *it)
{
    struct world_socket *s = &w->sockets[WORLD_CONTROL];
    struct server_request *r = find_request(w, it->value);
    bool current = it->generation == s->generation && s->open;
    return current && r && !r->reset ? r : NULL;
}

/* ---- the map ---- */

static int print_node(char *out, size_t cap, int id, const char *name, const char *key,
                      const char *disco, const char *more)
{
    return snprintf(out, cap,
                    "{\"ID\":%d,\"Name\":\"%s.tail.test.\",\"Key\":\"%s\",\"DiscoKey\":\"%s\","
                    "\"Addresses\":[\"100.64.0.%d/32\",\"fd7a::%d/128\"],"
                    "\"AllowedIPs\":[\"100.64.0.%d/32\",\"fd7a::%d/128\"],\"HomeDERP\":1,"
                    "\"MachineAuthorized\":true%s}",
                    id, name, key, disco, id, id, id, id, more);
}

/* far (2) answers, gone (3) is offline, quiet (4) is said to be online and is not there. */
const char *script_peers(struct world *w)
{
    static char out[4000];
    static const char *const names[] = {"gone", "quiet"};
    char key[KEY_TEXT_CAP], disco[KEY_TEXT_CAP];
    struct disco_public far_disco;
    size_t len = 0;
    disco_public_derive(&far_disco, &w->far_disco);
    node_public_format(key, &w->far_public);
    disco_public_format(disco, &far_disco);
    out[0] = '\0';
    if (w->far_listed) {
        len = (size_t)print_node(out, sizeof out, 2, "far", key, disco,
                                 w->far_online ? ",\"Online\":true" : ",\"Online\":false");
        out[len++] = ',';
    }
    for (int i = 0; i < 2; i++) {
        struct node_public other = w->far_public;
        other.b[7] ^= (uint8_t)(i + 1);
        far_disco.b[7] ^= 1;
        node_public_format(key, &other);
        disco_public_format(disco, &far_disco);
        len += (size_t)print_node(out + len, sizeof out - len, 3 + i, names[i], key, disco,
                                  i ? ",\"Online\":true" : ",\"Online\":false");
        if (i == 0)
            out[len++] = ',';
    }
    out[len] = '\0';
    return out;
}

static void send_full_map(struct world *w, struct server_request *r)
{
    static char json[8000], self[1000];
    char key[KEY_TEXT_CAP];
    node_public_format(key, &w->node_key);
    print_node(self, sizeof self, w->page_id, "page", key, "", "");
    snprintf(
        json, sizeof json,
        "{\"Node\":%s,\"Peers\":[%s],\"Domain\":\"tail.test\",\"DERPMap\":{\"Regions\":{\"1\":{"
        "\"RegionID\":1,\"RegionCode\":\"one\",\"RegionName\":\"One\",\"Nodes\":[{\"Name\":"
        "\"1a\",\"RegionID\":1,\"HostName\":\"relay.test\"}]}}}}",
        self, script_peers(w));
    server_map(&w->control, r, json);
    w->map_stream = r->stream;
    w->maps++;
}

void script_send_map(struct world *w, const char *json)
{
    struct server_request *r = w->map_stream ? find_request(w, w->map_stream) : NULL;
    if (!r)
        return;
    server_map(&w->control, r, json);
    world_flush_server(WORLD_CONTROL);
}

void script_remove_far(struct world *w)
{
    w->far_listed = false;
    script_send_map(w, "{\"PeersRemoved\":[2]}");
}

static void send_self(struct world *w, const char *more)
{
    static char json[1200], self[1000];
    char key[KEY_TEXT_CAP];
    node_public_format(key, &w->node_key);
    print_node(self, sizeof self, w->page_id, "page", key, "", more);
    snprintf(json, sizeof json, "{\"ControlTime\":\"2026-01-01T00:00:00Z\",\"Node\":%s}", self);
    script_send_map(w, json);
}

void script_expire_self(struct world *w)
{
    send_self(w, ",\"Expired\":true,\"KeyExpiry\":\"2020-01-01T00:00:00Z\"");
}

void script_expire_self_in(struct world *w, int seconds)
{
    char more[60];
    snprintf(more, sizeof more, ",\"KeyExpiry\":\"2026-01-01T00:%02d:%02dZ\"", seconds / 60,
             seconds % 60);
    send_self(w, more);
}

/* ---- answers ---- */

static void happen_keep_alive(struct world_item *it)
{
    struct world *w = world;
    if (!still_there(w, it) || w->map_stream != it->value)
        return;
    script_send_map(w, "{\"KeepAlive\":true}");
    world_later(KEEP_ALIVE_MS, happen_keep_alive, WORLD_CONTROL, NULL, 0)->value = it->value;
}

static void happen_map(struct world_item *it)
{
    struct world *w = world;
    struct server_request *r = still_there(w, it);
    if (!r)
        return;
    if (!w->have_node) {
        server_answer(&w->control, r, 404, "node not found");
    } else if (strstr((char *)buf_head(&r->body), "\"Stream\":true")) {
        server_head(&w->control, r, 200, NULL, false);
        send_full_map(w, r);
        world_later(KEEP_ALIVE_MS, happen_keep_alive, WORLD_CONTROL, NULL, 0)->value = r->stream;
    } else {
        server_answer(&w->control, r, 200, "");
    }
    world_flush_server(WORLD_CONTROL);
}

static void accept(struct world *w, struct server_request *r)
{
    const char *at = strstr((char *)buf_head(&r->body), "\"NodeKey\":\"");
    w->have_node = at && node_public_parse(&w->node_key, at + 11, 72) == 0;
}

static const char *answer_of(struct world *w, struct server_request *r)
{
    const char *body = (const char *)buf_head(&r->body);
    switch (w->script) {
    case SCRIPT_INVALID_KEY:
        return "{\"Error\":\"invalid pre auth key\"}";
    case SCRIPT_LOGIN:
        if (strstr(body, "\"Followup\":"))
            break; /* the person has been there */
        return "{\"AuthURL\":\"http://127.0.0.1:8080/register/abc\"}";
    case SCRIPT_NEW_KEY:
        w->script = SCRIPT_ACCEPT;
        return "{\"NodeKeyExpired\":true}";
    default:
        break;
    }
    accept(w, r);
    return w->script == SCRIPT_UNAUTHORIZED ? "{\"MachineAuthorized\":false}"
                                            : "{\"MachineAuthorized\":true}";
}

static void happen_register(struct world_item *it)
{
    struct world *w = world;
    struct server_request *r = still_there(w, it);
    if (!r)
        return;
    bool logout = strstr((char *)buf_head(&r->body), "\"Expiry\":") != NULL;
    w->registers++;
    w->logouts += logout;
    if (logout)
        server_answer(&w->control, r, 200, "{\"NodeKeyExpired\":true}");
    else
        server_answer(&w->control, r, 200, answer_of(w, r));
    world_flush_server(WORLD_CONTROL);
}

void script_serve(struct world *w)
{
    while (w->answered < w->control.request_count) {
        struct server_request *r = &w->control.requests[w->answered];
        bool map = strcmp(r->path, "/machine/map") == 0;
        if (!r->whole)
            return;
        w->answered++;
        world_later(map ? MAP_MS : REGISTER_MS, map ? happen_map : happen_register, WORLD_CONTROL,
                    NULL, 0)
            ->value = r->stream;
    }
}
