/*
 * A tailnet of many peers, from a compressed map response to the JSON that the page gets, and what
 * one delta costs then. Maps are Headscale's in shape and size. Prints a line per round,
 * `<what> <ms>`; whoever reads takes medians.
 *
 *   frame > [zstd] > JSON > [tailcfg] > delta > [netmap] > [engine] > JSON for the page
 */
#include <emscripten.h>
#include <emscripten/heap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "control/control_map.h"
#include "control/netmap_delta.h"
#include "control/tailcfg_map.h"
#include "ipn/ipn_internal.h"

enum { PEERS = 10000, ROUNDS = 5, DELTAS = 200, NODE_ROOM = 4096 };

/* Milliseconds that this thread has run: a busy machine does not count. */
EM_JS(double, cpu_ms, (void), {
    try {
        return Number(require('fs').readFileSync('/proc/self/schedstat', 'utf8').split(' ')[0]) /
               1e6;
    } catch {
        return performance.now();
    }
});

static struct ipn *ipn;
static char *text;
static size_t text_len;

static void put(const char *format, int a, int b)
{
    text_len += (size_t)snprintf(text + text_len, NODE_ROOM, format, a, b);
}

static void put_key(const char *name, const char *prefix, int id)
{
    put("\"", 0, 0);
    text_len += (size_t)sprintf(text + text_len, "%s\":\"%s:", name, prefix);
    for (unsigned i = 0, x = (unsigned)id * 2654435761u + (unsigned char)prefix[0]; i < 32; i++) {
        put("%02x", (int)(x >> 24), 0);
        x = x * 1664525u + 1013904223u;
    }
    put("\",", 0, 0);
}

static void put_ssh_keys(int id)
{
    put(",\"sshHostKeys\":[\"ssh-rsa ", 0, 0);
    for (int i = 0; i < 372; i++)
        put("%c", 'A' + (id * 7 + i * i) % 26, 0);
    put("\",\"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBB%08d%064d\"",
        id, id);
    put(",\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI%08d%035d\"]", id, id);
}

/* As Headscale 0.29 sends a peer that runs tailscaled 1.102; every second has Tailscale SSH. */
static void put_node(int id, bool online)
{
    put("{\"ID\":%d,\"StableID\":\"%d\",", id, id);
    put("\"Name\":\"machine-%d.tail.example.\",\"User\":%d,", id, 1 + id % 50);
    put_key("Key", "nodekey", id);
    put("\"KeyExpiry\":\"0001-01-01T00:00:00Z\",", 0, 0);
    put_key("Machine", "mkey", id);
    put_key("DiscoKey", "discokey", id);
    for (int i = 0; i < 2; i++) {
        put(i == 0 ? "\"Addresses\":" : "\"AllowedIPs\":", 0, 0);
        put("[\"100.64.%d.%d/32\",", id >> 8, id & 255);
        put("\"fd7a:115c:a1e0::%x:%x/128\"],", id >> 8, id & 255);
    }
    put("\"Endpoints\":[\"203.0.113.%d:41641\",\"10.1.%d.5:41641\",", id & 255, id & 255);
    put("\"172.17.0.1:41641\",\"[2001:db8::%x]:41641\"],\"HomeDERP\":%d,", id, 900 + id % 8);
    put("\"Hostinfo\":{\"IPNVersion\":\"1.102.5-t0123456-gabcdef\",\"OS\":\"linux\",", 0, 0);
    put("\"OSVersion\":\"6.1.0-%d-cloud-amd64\",\"Distro\":\"debian\",\"DistroVersion\":\"12.%d\",",
        id % 40, id % 12);
    put("\"Hostname\":\"machine-%d\",\"GoArch\":\"amd64\",\"GoVersion\":\"go1.26.6\"", id, 0);
    put(",\"Services\":[{\"Proto\":\"peerapi4\",\"Port\":%d},{\"Proto\":\"peerapi6\",\"Port\":%d}]"
        ",",
        id, id);
    put("\"NetInfo\":{\"MappingVariesByDestIP\":false,\"WorkingIPv6\":false,\"WorkingUDP\":true", 0,
        0);
    put(",\"PreferredDERP\":%d,\"DERPLatency\":{\"%d-v4\":0.012}},\"Userspace\":true", 900 + id % 8,
        900);
    if (id % 2 == 0)
        put_ssh_keys(id);
    put("},\"Created\":\"2026-03-04T05:06:07.89Z\",\"Cap\":13%d,\"Tags\":[\"tag:t%d\"],", id % 10,
        id % 9);
    put(online ? "\"LastSeen\":\"2026-11-20T08:09:%02dZ\",\"Online\":true,"
               : "\"LastSeen\":\"2026-11-21T08:09:%02dZ\",\"Online\":false,",
        id % 60, 0);
    put("\"MachineAuthorized\":true,\"CapMap\":{\"https://tailscale.com/cap/is-admin\":null}}", 0,
        0);
}

static size_t full_map(void)
{
    text_len = 0;
    put("{\"Node\":", 0, 0);
    put_node(1, true);
    put(",\"DERPMap\":{\"Regions\":{}},\"Domain\":\"tail.example\",\"Peers\":[", 0, 0);
    for (int id = 2; id < PEERS + 2; id++) {
        put_node(id, true);
        put(id == PEERS + 1 ? "]" : ",", 0, 0);
    }
    put(",\"UserProfiles\":[", 0, 0);
    for (int id = 1; id <= 50; id++)
        put("{\"ID\":%d,\"LoginName\":\"u@example.com\",\"DisplayName\":\"User %d\"},", id, id);
    text_len--;
    put("]}", 0, 0);
    return text_len;
}

static size_t one_changed(int round)
{
    text_len = 0;
    put("{\"PeersChanged\":[", 0, 0);
    put_node(2 + (round * 37) % PEERS, round % 2 == 0);
    put("]}", 0, 0);
    return text_len;
}

static size_t one_patched(int round)
{
    text_len = 0;
    put("{\"PeersChangedPatch\":[{\"NodeID\":%d,\"Online\":", 2 + (round * 37) % PEERS, 0);
    put(round % 2 ? "true" : "false", 0, 0);
    put("}]}", 0, 0);
    return text_len;
}

/* What text holds as a frame of the map stream. */
static struct buf compress(void)
{
    struct buf frame;
    size_t room = ZSTD_compressBound(text_len);
    uint8_t *at;

    buf_init(&frame, 64u << 20);
    at = buf_reserve(&frame, 4 + room);
    if (at == NULL)
        abort();
    room = ZSTD_compress(at + 4, room, text, text_len, 1);
    store_le32(at, (uint32_t)room);
    buf_commit(&frame, 4 + room);
    return frame;
}

static double lap(const char *what, double since_ms)
{
    double now_ms = cpu_ms();

    printf("%s %.3f\n", what, now_ms - since_ms);
    return cpu_ms();
}

/* What is told of the peers: malloced. */
static char *tell_page(size_t *len)
{
    struct ipn_event ev;
    char *page;

    if (ipn_news_pump(ipn, &ev) != 1)
        return NULL;
    *len = ev.text_len;
    page = malloc(ev.text_len);
    if (page != NULL)
        memcpy(page, ev.text, ev.text_len);
    return page;
}

/* Prints what each step took, with the name of the whole in front. */
static void apply(const char *name, struct control_map *cm, const struct buf *frame, bool first)
{
    struct bytes src = {frame->data, frame->len}, json;
    struct netmap_delta *d = calloc(1, sizeof *d);
    double began_ms = cpu_ms(), at_ms = began_ms;
    char label[64];
    size_t len = 0;
    int changed;
    char *page;

    if (control_map_input(cm, &src, &json) != 1)
        abort();
    snprintf(label, sizeof label, "%s.zstd", name);
    at_ms = lap(label, at_ms);
    if (tailcfg_parse_map(d, json.data, json.len) != 0)
        abort();
    snprintf(label, sizeof label, "%s.parse", name);
    at_ms = lap(label, at_ms);
    changed = netmap_apply(control_client_netmap(ipn->cc), d, first, 1);
    netmap_delta_wipe(d);
    snprintf(label, sizeof label, "%s.netmap", name);
    at_ms = lap(label, at_ms);
    ipn_news_note(ipn, (uint32_t)changed);
    ipn_net_netmap_changed(ipn, (uint32_t)changed);
    if (first) { /* asked for anew, it is due in spite of its pace */
        ipn_want(ipn, 0);
        ipn_want(ipn, IPN_WANT_NETMAP);
    }
    snprintf(label, sizeof label, "%s.engine", name);
    at_ms = lap(label, at_ms);
    page = tell_page(&len);
    snprintf(label, sizeof label, "%s.page", name);
    lap(label, at_ms);
    snprintf(label, sizeof label, "%s.all", name);
    lap(label, began_ms);
    if (page == NULL || len < 100)
        abort();
    free(page);
    free(d);
}

static void lookups(void)
{
    struct netmap *nm = control_client_netmap(ipn->cc);
    double began_ms = cpu_ms();
    size_t found = 0;

    for (size_t i = 0; i < nm->peer_count; i++)
        found += netmap_find_key(nm, &nm->peers[i]->key) == nm->peers[i];
    began_ms = lap("lookup.key", began_ms);
    for (size_t i = 0; i < nm->peer_count; i++)
        found += netmap_find_route(nm, &nm->peers[i]->addresses[i & 1].addr) == nm->peers[i];
    began_ms = lap("lookup.address", began_ms);
    for (size_t i = 0; i < nm->peer_count; i++) {
        struct ipaddr out[2];

        found +=
            netmap_resolve(nm, out, 2, nm->peers[i]->hostname, strlen(nm->peers[i]->hostname)) == 2;
    }
    lap("lookup.name", began_ms);
    if (found != 3 * (size_t)PEERS)
        abort();
}

static void random_bytes(uint8_t *dst, size_t len)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = (uint8_t)rand();
}

static void no_log(int level, const char *line, size_t len)
{
    (void)level, (void)line, (void)len;
}

int main(void)
{
    const struct host_calls calls = {random_bytes, no_log};
    struct ipn_config config = {.control_url = "http://127.0.0.1:1", .auth_key = "k", .state = ""};
    struct control_map cm;
    const char *err;
    struct buf frame;
    size_t len;

    host_init(&calls);
    ipn = ipn_new(&config, &err, 1);
    text = malloc((size_t)(PEERS + 2) * NODE_ROOM);
    if (ipn == NULL || text == NULL)
        return 1;
    control_map_init(&cm, true);
    full_map();
    printf("size.json %zu\n", text_len);
    frame = compress();
    printf("size.zstd %zu\n", frame.len);
    for (int round = 0; round < ROUNDS; round++)
        apply(round == 0 ? "first" : "full", &cm, &frame, true);
    buf_wipe(&frame);
    lookups();
    ipn_want(ipn, IPN_WANT_PEERS);
    free(tell_page(&len));
    for (int round = 0; round < DELTAS; round++) {
        round % 2 ? one_changed(round) : one_patched(round);
        frame = compress();
        apply(round % 2 ? "changed" : "patched", &cm, &frame, false);
        buf_wipe(&frame);
    }
    printf("size.memory %zu\n", emscripten_get_heap_size());
    ipn_free(ipn);
    return 0;
}
