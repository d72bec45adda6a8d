/* The control protocol's JSON: what we write, and what we make of what a server may send. */
#include "base/bytes.h"
#include "control/tailcfg.h"

#include <stdlib.h>

#include "base/err.h"
#include "control/tailcfg_map.h"
#include "test.h"

#define NODE_HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER_HEX "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define NODE "\"ID\":7,\"Key\":\"nodekey:" NODE_HEX "\""

static struct node_public node_key;
static struct disco_public disco_key;

static const char *written(struct buf *b, int err)
{
    CHECK_EQ(err, 0);
    CHECK_EQ(buf_append(b, "", 1), 0);
    return (const char *)buf_head(b);
}

static void test_register_request(void)
{
    struct tailcfg_register_request r = {
        .version = 113,
        .node_key = node_key,
        .auth_key = "",
        .followup = "",
        .host = {"my \"tab\"", 0},
    };
    struct buf b;

    buf_init(&b, TAILCFG_MAX_REQUEST);
    CHECK_STR(written(&b, tailcfg_write_register(&b, &r)),
              "{\"Version\":113,\"NodeKey\":\"nodekey:" NODE_HEX "\",\"Hostinfo\":{"
              "\"IPNVersion\":\"" TAILCFG_IPN_VERSION "\",\"OS\":\"js\",\"App\":\"meshterm\","
              "\"Hostname\":\"my \\\"tab\\\"\",\"GoArch\":\"wasm\",\"Userspace\":true}}");
    buf_wipe(&b);

    r.old_node_key.b[0] = 1;
    r.auth_key = "hskey-auth-x";
    r.followup = "https://hs/register/abc";
    r.ephemeral = r.logout = true;
    r.host = (struct tailcfg_host){"t", 999};
    CHECK_STR(written(&b, tailcfg_write_register(&b, &r)),
              "{\"Version\":113,\"NodeKey\":\"nodekey:" NODE_HEX "\",\"OldNodeKey\":\"nodekey:"
              "0100000000000000000000000000000000000000000000000000000000000000\","
              "\"Auth\":{\"AuthKey\":\"hskey-auth-x\"},\"Expiry\":\"1970-01-01T00:02:03Z\","
              "\"Followup\":\"https://hs/register/abc\",\"Ephemeral\":true,\"Hostinfo\":{"
              "\"IPNVersion\":\"" TAILCFG_IPN_VERSION "\",\"OS\":\"js\",\"App\":\"meshterm\","
              "\"Hostname\":\"t\",\"GoArch\":\"wasm\",\"Userspace\":true,"
              "\"NetInfo\":{\"PreferredDERP\":999}}}");
    buf_wipe(&b);

    r.auth_key = "\xff\xfe";
    CHECK_EQ(tailcfg_write_register(&b, &r), IPN_ERR_ARG);
    buf_init(&b, 100);
    r.auth_key = "x";
    CHECK_EQ(tailcfg_write_register(&b, &r), IPN_ERR_FULL);
    buf_wipe(&b);
}

/* A missing DiscoKey or Hostinfo would overwrite what the server knows. */
static void test_map_request(void)
{
    struct tailcfg_map_request r = {113, node_key, disco_key, true, {"t", 5}};
    const char *json;
    struct buf b;

    buf_init(&b, TAILCFG_MAX_REQUEST);
    json = written(&b, tailcfg_write_map(&b, &r));
    CHECK(strstr(json, "\"NodeKey\":\"nodekey:" NODE_HEX "\",\"DiscoKey\":\"discokey:") != NULL);
    CHECK(strstr(json, "\"Compress\":\"zstd\",\"Stream\":true,\"Hostinfo\":{") != NULL);
    CHECK(strstr(json, "\"NetInfo\":{\"PreferredDERP\":5}") != NULL);
    CHECK(strstr(json, "OmitPeers") == NULL);
    buf_wipe(&b);
    r.stream = false;
    json = written(&b, tailcfg_write_map(&b, &r));
    CHECK(strstr(json, "\"OmitPeers\":true,\"Hostinfo\":{") != NULL);
    CHECK(strstr(json, "DiscoKey") != NULL);
    CHECK(strstr(json, "Stream") == NULL && strstr(json, "Compress") == NULL);
    buf_wipe(&b);
}

static void test_server_key(void)
{
    static const struct {
        int number;
        const char *json;
        int result;
    } cases[] = {
        {1, "{\"legacyPublicKey\":\"mkey:" OTHER_HEX "\",\"publicKey\":\"mkey:" NODE_HEX "\"}", 0},
        {2, "{\"publicKey\":\"nodekey:" NODE_HEX "\"}", IPN_ERR_PROTOCOL},
        {3, "{\"publicKey\":\"mkey:" NODE_HEX "00\"}", IPN_ERR_PROTOCOL},
        {4, "{\"publicKey\":null}", IPN_ERR_PROTOCOL},
        {5, "{\"publicKey\":7}", IPN_ERR_PROTOCOL},
        {6, "[]", IPN_ERR_PROTOCOL},
        {7, "<html>", IPN_ERR_PROTOCOL},
        {8, "", IPN_ERR_PROTOCOL},
        {9,
         "{\"publicKey\":\"mkey:"
         "0000000000000000000000000000000000000000000000000000000000000000\"}",
         IPN_ERR_PROTOCOL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct machine_public key;

        if (!CHECK_EQ(tailcfg_parse_server_key(&key, (const uint8_t *)cases[i].json,
                                               strlen(cases[i].json)),
                      cases[i].result))
            fprintf(stderr, "    case %d\n", cases[i].number);
        if (cases[i].result == 0)
            CHECK_MEM(key.b, node_key.b, KEY_LEN);
    }
}

static void test_register_response(void)
{
    static const struct {
        int number;
        const char *json;
        int result;
        const char *error, *url;
        bool bad_url, expired, authorized;
    } cases[] = {
        {1, "{\"MachineAuthorized\":true,\"User\":{\"ID\":1}}", 0, "", "", false, false, true},
        {2, "{\"NodeKeyExpired\":true}", 0, "", "", false, true, false},
        {3, "{\"AuthURL\":\"https://hs.example/register/x?a=1#y\"}", 0, "",
         "https://hs.example/register/x?a=1#y", false, false, false},
        {4, "{\"AuthURL\":\"javascript:alert(1)\"}", 0, "", "", true, false, false},
        {5, "{\"AuthURL\":\"https:/hs\"}", 0, "", "", true, false, false},
        {6, "{\"AuthURL\":\"https:///x\"}", 0, "", "", true, false, false},
        {7, "{\"AuthURL\":\"http://hs/ x\"}", 0, "", "", true, false, false},
        {8, "{\"AuthURL\":\"http://hs/\\u0000x\"}", 0, "", "", true, false, false},
        {9, "{\"AuthURL\":\"HTTP://hs/x\"}", 0, "", "HTTP://hs/x", false, false, false},
        {10, "{\"AuthURL\":\"http://hs/\\\"><script>\"}", 0, "", "", true, false, false},
        {11, "{\"Error\":\"authkey expired\"}", 0, "authkey expired", "", false, false, false},
        {12, "{\"Error\":\" a\\u0000b\\n\\u001b[31mc\\u00fc \"}", 0, "a b [31mc", "", false, false,
         false},
        {13, "{\"Error\":\"\\u0001\"}", 0, "no reason given", "", false, false, false},
        {14, "{\"Error\":null,\"AuthURL\":null,\"NodeKeyExpired\":null}", 0, "", "", false, false,
         false},
        {15, "null", 0, "", "", false, false, false}, /* an ephemeral node's logout */
        {16, "[]", IPN_ERR_PROTOCOL, "", "", false, false, false},
        {17, "{\"Error\":\"x\"", IPN_ERR_PROTOCOL, "", "", false, false, false},
        {18, "", IPN_ERR_PROTOCOL, "", "", false, false, false},
        {19, "{\"MachineAuthorized\":\"true\"}", 0, "", "", false, false, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tailcfg_register_response r;
        int result =
            tailcfg_parse_register(&r, (const uint8_t *)cases[i].json, strlen(cases[i].json));

        if (!(CHECK_EQ(result, cases[i].result) && CHECK_STR(r.error, cases[i].error) &&
              CHECK_STR(r.auth_url, cases[i].url) && CHECK_EQ(r.bad_auth_url, cases[i].bad_url) &&
              CHECK_EQ(r.node_key_expired, cases[i].expired) &&
              CHECK_EQ(r.machine_authorized, cases[i].authorized)))
            fprintf(stderr, "    case %d\n", cases[i].number);
    }
}

/* What a server says is cut where a line would be too long, and so is a URL. */
static void test_long_texts(void)
{
    struct tailcfg_register_response r;
    char json[4000] = "{\"Error\":\"", *at = strchr(json, '\0');

    memset(at, 'x', 3000);
    memcpy(at + 3000, "\"}", 3);
    CHECK_EQ(tailcfg_parse_register(&r, (uint8_t *)json, strlen(json)), 0);
    CHECK_EQ(strlen(r.error), CONTROL_TEXT_MAX);
    memcpy(json, "{\"AuthURL\":\"http://", 19);
    memset(json + 19, 'x', 3000);
    memcpy(json + 3019, "\"}", 3);
    CHECK_EQ(tailcfg_parse_register(&r, (uint8_t *)json, strlen(json)), 0);
    CHECK(r.bad_auth_url && r.auth_url[0] == '\0');
}

/* Numbers from Go: time.Parse(time.RFC3339Nano, text).UnixMilli(). */
static void test_times(void)
{
    static const struct {
        int number;
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        {1, "0001-01-01T00:00:00Z", 0},
        {2, "1970-01-01T00:00:00Z", 1},
        {3, "1970-01-01T00:02:03Z", 123000},
        {4, "2026-11-21T04:37:20.201441411Z", 1795235840201},
        {5, "2026-11-21T06:37:20.2+02:00", 1795235840200},
        {6, "2026-11-20T23:07:20-05:30", 1795235840000},
        {7, "2024-02-29T12:00:00Z", 1709208000000},
        {8, "2000-03-01T00:00:00.999Z", 951868800999},
        {9, "1969-12-31T23:59:59Z", 1},
        {10, "9999-12-31T23:59:59.999Z", 253402300799999},
        {11, "", -1},
        {12, "2026-11-21", -1},
        {13, "2026-11-21T04:37:20", -1},
        {14, "2026-11-21T04:37:20.Z", -1},
        {15, "2026-13-21T04:37:20Z", -1},
        {16, "2026-11-21T24:37:20Z", -1},
        {17, "2026-11-21T04:37:20+2:00", -1},
        {18, "2026-11-21T04:37:20Zjunk", -1},
        {19, "-026-11-21T04:37:20Z", -1},
        {20, "2026-11-21T04:37:20+25:00", -1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        int result = tailcfg_parse_time(&ms, cases[i].text, strlen(cases[i].text));

        if (!(CHECK_EQ(result, cases[i].ms == -1 ? IPN_ERR_ARG : 0) && CHECK_EQ(ms, cases[i].ms)))
            fprintf(stderr, "    case %d\n", cases[i].number);
    }
}

static int parse(struct netmap_delta *d, const char *json)
{
    return tailcfg_parse_map(d, (const uint8_t *)json, strlen(json));
}

static void test_node(void)
{
    struct netmap_delta d;
    struct netmap_node *n;

    CHECK_EQ(parse(&d, "{\"Node\":{\"ID\":9007199254740993,\"StableID\":\"x\",\"Name\":\"Host.tail."
                       "example.\",\"User\":5,"
                       "\"Key\":\"nodekey:" NODE_HEX "\",\"Machine\":\"mkey:" NODE_HEX
                       "\",\"DiscoKey\":\"discokey:" NODE_HEX "\","
                       "\"KeyExpiry\":\"2026-11-21T04:37:20Z\",\"LastSeen\":\"2026-11-21T04:37:"
                       "21Z\",\"Online\":false,"
                       "\"Addresses\":[\"100.64.0.4/32\",\"fd7a:115c:a1e0::4/128\"],"
                       "\"AllowedIPs\":[\"100.64.0.4/32\",\"10.9.0.0/16\",\"0.0.0.0/0\",\"::/"
                       "0\",\"nonsense\",7],"
                       "\"HomeDERP\":999,\"MachineAuthorized\":true,\"Tags\":[\"tag:a\",\"tag:b\"],"
                       "\"Hostinfo\":{\"Hostname\":\"h\",\"OS\":\"linux\",\"sshHostKeys\":[\"ssh-"
                       "ed25519 AAAA\",\"ssh-rsa BBBB\"]}}}"),
             0);
    n = d.self;
    if (!CHECK(n != NULL))
        return;
    CHECK_EQ(n->id, 9007199254740993); /* beyond a double's 53 bits */
    CHECK_STR(n->name, "Host.tail.example.");
    CHECK_STR(n->hostname, "h");
    CHECK_STR(n->os, "linux");
    CHECK_MEM(n->key.b, node_key.b, KEY_LEN);
    CHECK_MEM(n->machine.b, node_key.b, KEY_LEN);
    CHECK_MEM(n->disco.b, node_key.b, KEY_LEN);
    CHECK_EQ(n->user_id, 5);
    CHECK_EQ(n->key_expiry_wall_ms, 1795235840000);
    CHECK_EQ(n->last_seen_wall_ms, 1795235841000);
    CHECK_EQ(n->online, NETMAP_OFFLINE);
    CHECK_EQ(n->address_count, 2);
    CHECK_EQ(n->addresses[1].bits, 128);
    CHECK_EQ(n->allowed_ip_count, 2); /* without exit routes and nonsense */
    CHECK_EQ(n->allowed_ips[1].bits, 16);
    CHECK_EQ(n->home_derp, 999);
    CHECK_EQ(n->ssh_host_key_count, 2);
    CHECK_STR(n->ssh_host_keys[1], "ssh-rsa BBBB");
    CHECK_EQ(n->tag_count, 2);
    CHECK_STR(n->tags[1], "tag:b");
    CHECK(n->machine_authorized && !n->expired);
    netmap_delta_wipe(&d);
}

/* Old servers and odd ones: what is absent, null or of a wrong type. */
static void test_node_variants(void)
{
    struct netmap_delta d;

    CHECK_EQ(
        parse(&d,
              "{\"Peers\":[{" NODE ",\"DERP\":\"127.3.3.40:12\",\"Addresses\":[\"100.64.0.1/32\"]},"
              "{" NODE ",\"DERP\":\"127.3.3.41:12\",\"HomeDERP\":-4,\"AllowedIPs\":[]},"
              "{" NODE ",\"UnsignedPeerAPIOnly\":true,\"Addresses\":[\"100.64.0.1/"
              "32\"],\"AllowedIPs\":[\"10.0.0.0/8\"]},"
              "{" NODE ",\"Online\":null,\"Hostinfo\":null,\"KeyExpiry\":null,\"Machine\":\"x\","
              "\"DiscoKey\":7,\"Name\":3},"
              "{" NODE
              ",\"Online\":true,\"KeyExpiry\":\"0001-01-01T00:00:00Z\",\"Name\":\"a\\u0000b\"}]}"),
        0);
    if (!CHECK_EQ(d.peer_count, 5))
        return;
    CHECK_EQ(d.peers[0]->home_derp, 12);
    CHECK_EQ(d.peers[0]->allowed_ip_count, 1); /* absent: as Addresses */
    CHECK_EQ(d.peers[1]->home_derp, 0);
    CHECK_EQ(d.peers[1]->allowed_ip_count, 0); /* empty is empty */
    CHECK_EQ(d.peers[2]->allowed_ips[0].bits, 32);
    CHECK_EQ(d.peers[3]->online, NETMAP_ONLINE_UNKNOWN);
    CHECK_STR(d.peers[3]->name, "");
    CHECK_STR(d.peers[3]->hostname, "");
    CHECK(bytes_are_zero(d.peers[3]->disco.b, KEY_LEN));
    CHECK_EQ(d.peers[4]->online, NETMAP_ONLINE);
    CHECK_EQ(d.peers[4]->key_expiry_wall_ms, 0);
    CHECK_STR(d.peers[4]->name, "");
    netmap_delta_wipe(&d);
}

/* A bad node is left out, the others stay. */
static void test_bad_nodes(void)
{
    struct netmap_delta d;

    CHECK_EQ(parse(&d, "{\"Node\":{\"ID\":1},\"PeersChanged\":[{" NODE
                       "},null,7,\"x\",{},{\"ID\":2},{\"ID\":0,\"Key\":\"nodekey:" NODE_HEX "\"},"
                       "{\"ID\":18446744073709551615,\"Key\":\"nodekey:" NODE_HEX
                       "\"},{\"ID\":-3,\"Key\":\"nodekey:" NODE_HEX "\"},"
                       "{\"ID\":3,\"Key\":\"nodekey:"
                       "0000000000000000000000000000000000000000000000000000000000000000\"},"
                       "{\"ID\":4,\"Key\":\"nodekey:zz\"},{\"ID\":\"5\",\"Key\":\"nodekey:" NODE_HEX
                       "\"}]}"),
             0);
    CHECK(d.self == NULL);
    CHECK_EQ(d.upsert_count, 1);
    CHECK_EQ(d.skipped, 12);
    netmap_delta_wipe(&d);
}

static void test_deltas(void)
{
    struct netmap_delta d;

    CHECK_EQ(
        parse(&d,
              "{\"PeersRemoved\":[3,-1,\"x\",4],\"PeerSeenChange\":{\"5\":true,\"x\":true,\"6x\":"
              "false,\"7\":1},"
              "\"OnlineChange\":{\"8\":false},\"Domain\":\"d\",\"ControlTime\":\"1970-01-01T00:02:"
              "03Z\","
              "\"PacketFilters\":{\"base\":null},\"UserProfiles\":[{\"ID\":1,\"LoginName\":\"l\"},{"
              "\"ID\":2,\"LoginName\":\"l\",\"DisplayName\":\"D\"},{\"ID\":0},7],"
              "\"PeersChangedPatch\":[{\"NodeID\":9,\"DERPRegion\":4,\"Key\":\"nodekey:" NODE_HEX
              "\",\"DiscoKey\":\"discokey:" NODE_HEX "\",\"Online\":true,"
              "\"LastSeen\":\"1970-01-01T00:02:03Z\",\"KeyExpiry\":\"0001-01-01T00:00:00Z\","
              "\"Endpoints\":[\"1.2.3.4:5\"]},"
              "{\"NodeID\":10,\"Online\":null,\"Key\":null},{\"Online\":true}]}"),
        0);
    CHECK_EQ(d.removed_count, 2);
    CHECK_EQ(d.removed[1], 4);
    CHECK_EQ(d.seen_count, 1);
    CHECK(d.seen[0].id == 5 && d.seen[0].on);
    CHECK_EQ(d.online_count, 1);
    CHECK(d.online[0].id == 8 && !d.online[0].on);
    CHECK_STR(d.domain, "d");
    CHECK_EQ(d.control_time_wall_ms, 123000);
    CHECK_EQ(d.user_count, 2);
    CHECK_STR(d.users[0].name, "l");
    CHECK_STR(d.users[1].name, "D");
    CHECK_EQ(d.patch_count, 2);
    CHECK(d.patches[0].has_key && d.patches[0].has_disco && d.patches[0].has_online &&
          d.patches[0].has_last_seen && d.patches[0].has_key_expiry);
    CHECK_EQ(d.patches[0].home_derp, 4);
    CHECK_EQ(d.patches[0].last_seen_wall_ms, 123000);
    CHECK_EQ(d.patches[0].key_expiry_wall_ms, 0);
    CHECK(!d.patches[1].has_key && !d.patches[1].has_online && d.patches[1].home_derp == 0);
    CHECK_EQ(d.skipped, 1);
    CHECK(!d.has_regions && !d.has_dns && d.peer_count == 0 && d.self == NULL);
    netmap_delta_wipe(&d);
}

static void test_derp_map_and_dns(void)
{
    struct netmap_delta d;

    CHECK_EQ(parse(&d, "{\"DERPMap\":{\"Regions\":{\"20\":{\"RegionID\":20,\"RegionCode\":\"b\","
                       "\"RegionName\":\"B\",\"NoMeasureNoHome\":true,"
                       "\"Nodes\":[{\"HostName\":\"b.example\",\"DERPPort\":8443},{\"HostName\":"
                       "\"s\",\"STUNOnly\":true},{\"HostName\":\"\"},null]},"
                       "\"3\":{\"RegionID\":3,\"Nodes\":[{\"HostName\":\"127.0.0.1\",\"DERPPort\":"
                       "70000}]},\"4\":null,\"5\":{\"RegionID\":0}}},"
                       "\"DNSConfig\":{\"ExtraRecords\":[{\"Name\":\"Z.x.\",\"Value\":\"fd7a::1\"},"
                       "{\"Name\":\"a.x\",\"Type\":\"A\",\"Value\":\"1.2.3.4\"},"
                       "{\"Name\":\"t.x\",\"Type\":\"TXT\",\"Value\":\"1.2.3.4\"},{\"Name\":\"b."
                       "x\",\"Type\":\"AAAA\",\"Value\":\"1.2.3.4\"},{\"Name\":\"\",\"Value\":\"1."
                       "2.3.4\"},{\"Name\":\"c\",\"Value\":\"x\"}]}}"),
             0);
    CHECK(d.has_regions && d.has_dns);
    CHECK_EQ(d.region_count, 2);
    CHECK_EQ(d.regions[0].id, 3); /* sorted */
    CHECK_STR(d.regions[0].code, "");
    CHECK_EQ(d.regions[0].nodes[0].derp_port, 0);
    CHECK(d.regions[0].nodes[0].insecure_http && !d.regions[1].nodes[0].insecure_http);
    CHECK(d.regions[1].avoid && !d.regions[0].avoid);
    CHECK_EQ(d.regions[1].node_count, 2);
    CHECK_EQ(d.regions[1].nodes[0].derp_port, 8443);
    CHECK_EQ(d.regions[1].nodes[1].derp_port, -1);
    CHECK_EQ(d.record_count, 2);
    CHECK_STR(d.records[0].name, "a.x");
    CHECK_STR(d.records[1].name, "z.x");
    CHECK_EQ(d.records[1].addr.family, 6);
    netmap_delta_wipe(&d);
    CHECK_EQ(parse(&d, "{\"DERPMap\":{\"Regions\":null,\"HomeParams\":{}},\"DNSConfig\":{}}"), 0);
    CHECK(!d.has_regions && d.has_dns && d.record_count == 0);
    netmap_delta_wipe(&d);
}

static void test_whole_responses(void)
{
    static const struct {
        int number;
        const char *json;
        int result;
    } cases[] = {
        {1, "{}", 0},
        {2, "{\"KeepAlive\":true}", 0},
        {3, "null", IPN_ERR_PROTOCOL},
        {4, "[]", IPN_ERR_PROTOCOL},
        {5, "", IPN_ERR_PROTOCOL},
        {6, "{", IPN_ERR_PROTOCOL},
        {7,
         "{\"Peers\":{},\"PeersRemoved\":7,\"OnlineChange\":[],\"DERPMap\":[],\"DNSConfig\":7,"
         "\"UserProfiles\":\"\",\"Node\":[]}",
         0},
        {8,
         "{\"Peers\":null,\"PeersChanged\":null,\"PeersRemoved\":null,\"PeersChangedPatch\":null,"
         "\"PeerSeenChange\":null,\"OnlineChange\":null,"
         "\"DERPMap\":null,\"DNSConfig\":null,\"UserProfiles\":null,\"Node\":null,\"Domain\":null,"
         "\"ControlTime\":null,\"KeepAlive\":null}",
         0},
        {9, "{} x", IPN_ERR_PROTOCOL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct netmap_delta d;

        if (!CHECK_EQ(parse(&d, cases[i].json), cases[i].result))
            fprintf(stderr, "    case %d\n", cases[i].number);
        CHECK(d.self == NULL &&
              d.peer_count + d.upsert_count + d.removed_count + d.patch_count == 0);
        CHECK_EQ(d.keep_alive, cases[i].number == 2);
        netmap_delta_wipe(&d);
    }
}

int main(void)
{
    CHECK_EQ(node_public_parse(&node_key, "nodekey:" NODE_HEX, 8 + 64), 0);
    memcpy(disco_key.b, node_key.b, KEY_LEN);
    test_register_request();
    test_map_request();
    test_server_key();
    test_register_response();
    test_long_texts();
    test_times();
    test_node();
    test_node_variants();
    test_bad_nodes();
    test_deltas();
    test_derp_map_and_dns();
    test_whole_responses();
    return TEST_DONE();
}
