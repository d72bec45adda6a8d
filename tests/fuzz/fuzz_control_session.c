/*
 * What a control server may do in the course of months, as steps: [what 1][arg 1][len 1][len bytes],
 * behind a whole ts2021 connection in virtual time (unit/control/control_world.h). fuzz_control_client
 * has HTTP/2's bytes; here every answer is well-formed HTTP/2, so that registers, maps and ends come
 * in any order. Each login and logout ends, and a deadline does not stay in the past.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "unit/control/control_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { MAX_STEPS = 60, SLEEP_MS = 1000, JSON_CAP = 1024 };

static const char *const registers[] = {
    "{\"MachineAuthorized\":true}",
    "{\"MachineAuthorized\":false}",
    "{\"AuthURL\":\"https://login.example/a\"}",
    "{\"Error\":\"authkey expired\"}",
    "{\"Error\":\"authkey already used\"}",
    "{\"NodeKeyExpired\":true}",
    "{\"AuthURL\":\"javascript:alert(1)\"}",
    "{\"MachineAuthorized\":true,\"User\":{\"ID\":1}}",
    "{}",
    "[",
};

static const char *const maps[] = {
    MAP,
    "{\"KeepAlive\":true}",
    SELF("") "}",
    SELF(",\"KeyExpiry\":\"2001-01-01T00:00:00Z\"") "}",
    SELF(",\"MachineAuthorized\":false") "}",
    "{\"PeersRemoved\":[2]}",
    "{\"PeersChanged\":[{\"ID\":3,\"Key\":\"nodekey:" WORLD_HEX "\",\"Name\":\"b.\"}]}",
    "{\"PeersChangedPatch\":[{\"NodeID\":2,\"Online\":true,\"DERPRegion\":7}]}",
    "{\"PeerSeenChange\":{\"2\":true},\"OnlineChange\":{\"2\":false,\"9\":true}}",
    "{\"DERPMap\":{\"Regions\":{\"1\":{\"RegionID\":1,\"Nodes\":[{\"HostName\":\"h\"}]}}}}",
    "{\"DNSConfig\":{\"ExtraRecords\":[{\"Name\":\"a.b\",\"Value\":\"100.64.0.9\"}]}}",
    "{\"Peers\":[]}",
    "{\"Domain\":\"x\",\"UserProfiles\":[{\"ID\":1,\"DisplayName\":\"A\"}]}",
    "{\"Node\":null,\"Peers\":7}",
};

#define PICK(list, arg) (list)[(arg) % (sizeof(list) / sizeof *(list))]

static struct world w;
static uint8_t seed;
static bool left; /* logged out, and not in again */
static bool leaving; /* until the end of a logout a login is none */

static void random_bytes(uint8_t *dst, size_t len)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = seed = (uint8_t)(seed * 5 + 31);
}

/* The newest request to that path that can still be answered. */
static struct server_request *open_request(const char *path, const char *part)
{
    struct server_request *found = NULL, *r;

    for (size_t n = 0; w.connected && (r = server_find(&w.server, path, part, n)); n++)
        if (!r->reset && !r->answer_ends)
            found = r;
    return found;
}

static void answer_register(uint8_t arg)
{
    struct server_request *r = open_request(REGISTER, "");

    if (r && !r->answered)
        server_answer(&w.server, r, arg < 240 ? 200 : arg < 248 ? 401 : 500, PICK(registers, arg));
}

static void answer_map(uint8_t arg, const char *json)
{
    struct server_request *r = open_request(MAP_PATH, arg & 64 ? LITE : STREAM);

    if (!r)
        return;
    if (!r->answered)
        server_head(&w.server, r, arg < 248 ? 200 : 404, arg < 252 ? NULL : "3", false);
    server_map(&w.server, r, json);
    if (arg & 128)
        server_body(&w.server, r, "", 0, true);
}

/* The server's side. */
static void serve(unsigned what, uint8_t arg, const char *text, size_t len)
{
    struct server_request *r;

    switch (what) {
    case 0:
    case 1:
        answer_register(arg);
        break;
    case 2:
    case 3:
        answer_map(arg, PICK(maps, arg % 64));
        break;
    case 4:
        answer_map(arg, text);
        break;
    case 5:
        r = open_request(arg & 1 ? REGISTER : MAP_PATH, "");
        if (r)
            server_reset(&w.server, r);
        break;
    case 6:
        if (w.connected)
            server_record(&w.server, text, len);
        break;
    default:
        if (w.connected)
            server_goaway(&w.server);
        world_run(&w);
        if (w.connected)
            world_close(&w, 1000 + arg);
    }
}

/* The page's side, the network's and time's. */
static void live(unsigned what, uint8_t arg, size_t len)
{
    switch (what) {
    case 0:
        world_sleep(&w, (uint64_t)arg * SLEEP_MS);
        break;
    case 1:
        world_jump(&w, (uint64_t)arg * arg * SLEEP_MS);
        break;
    case 2:
        if (w.connected)
            world_close(&w, 1000 + arg);
        break;
    case 3:
        w.key_fails = arg & 1;
        w.refuse = arg >> 6;
        break;
    case 4:
        left = left && leaving;
        control_client_login(w.cc, arg & 1 ? "other" : "", w.now_ms);
        break;
    case 5:
        if (arg > 200) {
            control_client_logout(w.cc, w.now_ms);
            leaving = leaving || !left;
            left = true;
        }
        break;
    case 6:
        control_client_rebind(w.cc, w.now_ms);
        break;
    default:
        control_client_set_home_derp(w.cc, (int)len, w.now_ms);
    }
}

static void step(uint8_t what, uint8_t arg, const uint8_t *bytes, size_t len)
{
    char text[JSON_CAP] = "";

    memcpy(text, bytes, len);
    w.event_count = w.seen = 0;
    if (what & 8)
        live(what % 8, arg, len);
    else
        serve(what % 8, arg, text, len);
    world_run(&w);
    if (control_client_next_deadline(w.cc) < w.now_ms) /* due is not late: a tick takes it */
        world_sleep(&w, 0);
    if (control_client_next_deadline(w.cc) < w.now_ms)
        abort();
    if (world_count(&w, CONTROL_EVENT_LOGGED_OUT))
        leaving = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct control_config config = {.auth_key = "k", .known_node = len > 0 && data[0] & 1};

    seed = 1;
    left = leaving = false;
    host_init(&(struct host_calls){.random_bytes = random_bytes});
    world_init(&w, &config);
    w.piece = len > 0 && data[0] & 2 ? 7 : 0;
    control_client_start(w.cc, w.now_ms);
    world_run(&w);
    if (len > 0)
        data++, len--;
    for (int i = 0; i < MAX_STEPS && len >= 3; i++) {
        size_t n = data[2] < len - 3 ? data[2] : len - 3;

        step(data[0], data[1], data + 3, n);
        data += 3 + n;
        len -= 3 + n;
    }
    w.event_count = w.seen = 0;
    control_client_logout(w.cc, w.now_ms);
    world_run(&w);
    world_sleep(&w, 60 * 1000);
    if ((!left || leaving) &&
        !world_count(&w, CONTROL_EVENT_LOGGED_OUT)) /* 2 s, whatever the server does */
        abort();
    world_free(&w);
    return 0;
}
