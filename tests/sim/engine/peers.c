/* The netmap over time: what the page hears of it, and what becomes of open connections. */
#include <stdlib.h>

#include "sim/engine/world.h"
#include "unit/test.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static struct world w;

static void leave(void)
{
    CHECK_EQ(w.unknown_ids, 0);
    CHECK_EQ(w.busy, 0);
    world_stop(&w);
}

static bool echoed(const struct world *now)
{
    return now->streams[0].received == now->streams[0].to_send || now->streams[0].done;
}

static bool has(const char *part)
{
    return strstr(w.peers_json, part) != NULL;
}

static void join(void)
{
    world_start(&w, "key", 0);
    ipn_want(w.ipn, IPN_WANT_PEERS);
    CHECK(world_join(&w));
}

static void delta(const char *json)
{
    script_send_map(&w, json);
    world_run(&w, SECOND, NULL);
}

/* All at first, then only who changed, and nothing where nothing did; no NETMAP for nobody. */
static void test_told_changes(void)
{
    join();
    CHECK_EQ(w.netmaps, 0);
    CHECK_EQ(w.peers_told, 1);
    CHECK(has("{\"whole\":true,\"self\":{\"id\":\"1\","));
    CHECK(has("\"name\":\"far.tail.test\"") && has("\"name\":\"quiet.tail.test\""));
    delta("{\"PeersChangedPatch\":[{\"NodeID\":2,\"Online\":false}]}");
    CHECK_EQ(w.peers_told, 2);
    CHECK(has("{\"whole\":false,\"changed\":[{\"id\":\"2\","));
    CHECK(has("\"online\":false") && !has("quiet") && has("\"removed\":[]}"));
    delta("{\"OnlineChange\":{\"2\":true},\"PeersRemoved\":[4]}");
    CHECK_EQ(w.peers_told, 3);
    CHECK(has("\"online\":true") && has("\"removed\":[\"4\"]}"));
    delta("{\"PeersRemoved\":[99]}");
    CHECK_EQ(w.peers_told, 3);
    world_cut(&w, WORLD_CONTROL); /* the map comes again, with the one that was removed */
    world_run(&w, MINUTE, NULL);
    CHECK_EQ(w.peers_told, 4);
    CHECK(has("\"whole\":false") && has("quiet") && !has("\"far.tail.test\""));
    ipn_want(w.ipn, IPN_WANT_PEERS | IPN_WANT_NETMAP);
    world_run(&w, SECOND, NULL);
    CHECK_EQ(w.netmaps, 1);
    CHECK_EQ(w.peers_told, 4);
    leave();
}

/* Of a large tailnet the whole map is told once in a while, its changes at once. */
static void test_large_map_is_paced(void)
{
    enum { MANY = 2000 };
    char *json = malloc(MANY * 400 + 100);
    size_t len = 0;

    join();
    ipn_want(w.ipn, IPN_WANT_PEERS | IPN_WANT_NETMAP);
    world_run(&w, SECOND, NULL);
    if (json == NULL)
        abort();
    len += (size_t)sprintf(json, "{\"PeersChanged\":[");
    for (int i = 0; i < MANY; i++)
        len += (size_t)sprintf(json + len,
                               "%s{\"ID\":%d,\"Name\":\"n%d.tail.test.\",\"Key\":\"nodekey:%064x\","
                               "\"Addresses\":[\"100.80.%d.%d/32\"]}",
                               i ? "," : "", 100 + i, i, i + 1, i >> 8, i & 255);
    sprintf(json + len, "]}");
    script_send_map(&w, json);
    world_run(&w, 20, NULL);
    unsigned netmaps = w.netmaps, told = w.peers_told;
    for (int i = 0; i < 10; i++) {
        script_send_map(&w, i % 2 ? "{\"OnlineChange\":{\"100\":true}}"
                                  : "{\"OnlineChange\":{\"100\":false}}");
        world_run(&w, 10, NULL);
    }
    CHECK_EQ(w.peers_told, told + 10);
    CHECK(w.netmaps <= netmaps + 1); /* 200 ms */
    world_run(&w, SECOND, NULL);
    CHECK(w.netmaps > netmaps);
    free(json);
    leave();
}

/* A peer that claims the far node's address gets none of its packets, whatever its id. */
static void test_spoofed_address(int id)
{
    char json[600];

    join();
    world_tcp(&w, "far", WORLD_PORT, 1000);
    CHECK(world_run(&w, MINUTE, echoed));
    snprintf(
        json, sizeof json,
        "{\"PeersChanged\":[{\"ID\":%d,\"Name\":\"thief.tail.test.\",\"Key\":\"nodekey:%064x\","
        "\"Addresses\":[\"100.64.0.9/32\"],\"AllowedIPs\":[\"100.64.0.9/32\","
        "\"100.64.0.2/32\",\"fd7a::2/128\",\"100.64.0.0/10\"]}]}",
        id, 77);
    delta(json);
    w.streams[0].to_send += 5000;
    CHECK(world_run(&w, MINUTE, echoed));
    CHECK(!w.streams[0].done);
    world_tcp(&w, "far", WORLD_PORT, 1);
    world_run(&w, 5 * SECOND, NULL);
    CHECK(w.streams[1].open);
    leave();
}

/* The far node has another key: what is open goes on over the new one. by_patch: as
 * PeersChangedPatch, which Headscale never sends. */
static void test_peer_key_rotated(bool by_patch)
{
    static char json[5000];
    char key[KEY_TEXT_CAP];

    join();
    world_tcp(&w, "far", WORLD_PORT, 100000);
    CHECK(world_run(&w, MINUTE, echoed));
    w.streams[0].to_send += 300000;
    world_run(&w, 30, NULL); /* in the midst of it */
    far_rotate(&w);
    node_public_format(key, &w.far_public);
    if (by_patch)
        snprintf(json, sizeof json, "{\"PeersChangedPatch\":[{\"NodeID\":2,\"Key\":\"%s\"}]}", key);
    else
        snprintf(json, sizeof json, "{\"PeersChanged\":[%s]}", script_peers(&w));
    script_send_map(&w, json);
    CHECK(world_run(&w, 2 * MINUTE, echoed));
    CHECK(!w.streams[0].done && !w.streams[0].corrupt);
    CHECK_EQ(w.streams[0].received, 400000);
    leave();
}

int main(void)
{
    world_setup();
    test_told_changes();
    test_large_map_is_paced();
    test_spoofed_address(1000);
    test_peer_key_rotated(false);
    test_peer_key_rotated(true);
    return TEST_DONE();
}
