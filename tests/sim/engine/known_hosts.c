/* The engine's known hosts: kept, told, changed, and the names that a node has in them. */
#include "base/encoding.h"
#include "ipn/ipn_internal.h"
#include "sim/engine/world.h"
#include "ssh/ssh_known_hosts.h"
#include "unit/test.h"

#define KEY_A "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHfRaVQ9zo1MAeM9k2zso0HOHNvZDS0pqnVO41ipHcTN"
#define KEY_B "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIElqIni18j5ikDU7uta7JRuLbN5uRphXupCGizk4WbfN"

static struct world w;

static struct bytes text_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* Drains the engine; the last STORE of known-hosts, decoded, must be what KNOWN_HOSTS says: true if
 * both came, and the text in told. */
static bool told(char *text, size_t cap)
{
    char stored[4096] = "";
    struct ipn_event ev;
    bool store = false, plain = false;

    text[0] = '\0';
    while (ipn_poll(w.ipn, &ev, w.now_ms) == 1) {
        if (ev.type == IPN_EVENT_KNOWN_HOSTS && CHECK(ev.text_len < cap)) {
            memcpy(text, ev.text, ev.text_len);
            text[ev.text_len] = '\0';
            plain = true;
        }
        if (ev.type == IPN_EVENT_STORE && ev.text_len == 11 &&
            memcmp(ev.text, "known-hosts", 11) == 0) {
            int len = base64_decode((uint8_t *)stored, sizeof stored - 1, (const char *)ev.aux,
                                    ev.aux_len);
            CHECK(len >= 0);
            stored[len < 0 ? 0 : len] = '\0';
            store = true;
        }
    }
    CHECK(!store || plain);
    if (store)
        CHECK_STR(stored, text);
    return store;
}

static void test_changes(void)
{
    static char large[SSH_KNOWN_HOSTS_MAX_LEN + 1];
    char text[4096];
    bool full = false;
    struct ipn_event ev;

    world_start(&w, "key", 0);
    CHECK(world_join(&w));
    CHECK_EQ(ipn_known_hosts_set(w.ipn, (const uint8_t *)"x y\n", 4, w.now_ms), 0);
    CHECK(told(text, sizeof text));
    CHECK_STR(text, "x y\n");
    ipn_known_hosts_add(w.ipn, text_of("a " KEY_A), text_of(""));
    CHECK(told(text, sizeof text));
    CHECK_STR(text, "x y\na " KEY_A "\n");
    ipn_known_hosts_add(w.ipn, text_of("a " KEY_B), text_of("a,b"));
    CHECK(told(text, sizeof text));
    CHECK_STR(text, "x y\na " KEY_B "\n");
    CHECK_EQ(ipn_known_hosts_remove(w.ipn, "b", 22, w.now_ms), 0);
    CHECK(!told(text, sizeof text));
    CHECK_EQ(ipn_known_hosts_remove(w.ipn, "A", 0, w.now_ms), 1);
    CHECK(told(text, sizeof text));
    CHECK_STR(text, "x y\n");

    /* What is refused changes nothing. */
    CHECK_EQ(ipn_known_hosts_set(w.ipn, (const uint8_t *)"a\0b", 3, w.now_ms), IPN_ERR_ARG);
    CHECK_EQ(ipn_known_hosts_set(w.ipn, (const uint8_t *)large, sizeof large, w.now_ms),
             IPN_ERR_FULL);
    CHECK(!told(text, sizeof text));
    memset(large, '#', sizeof large);
    CHECK_EQ(ipn_known_hosts_set(w.ipn, (const uint8_t *)large, sizeof large - 1, w.now_ms), 0);
    while (ipn_poll(w.ipn, &ev, w.now_ms) == 1)
        ;
    ipn_known_hosts_add(w.ipn, text_of("a " KEY_A), text_of(""));
    while (ipn_poll(w.ipn, &ev, w.now_ms) == 1)
        full = full || (ev.type == IPN_EVENT_PROBLEM && ev.text_len == 16 &&
                        memcmp(ev.text, "known-hosts-full", 16) == 0);
    CHECK(full);
    CHECK_EQ(ipn_known_hosts_set(w.ipn, NULL, 0, w.now_ms), 0);
    CHECK(told(text, sizeof text));
    CHECK_STR(text, "");
    world_stop(&w);
}

/* One node, whatever it is called; and what is no name of its own. */
static void test_names(void)
{
    static const struct {
        const char *typed, *host, *names;
    } cases[] = {
        {"far", "far.tail.test", "far,far.tail.test,"},
        {"FAR.", "far.tail.test", "far,far.tail.test,"},
        {"far.tail.test", "far.tail.test", "far.tail.test,far,"},
        {"Far.Tail.Test.", "far.tail.test", "far.tail.test,far,"},
        {"100.64.0.2", "far.tail.test", "100.64.0.2,far.tail.test,far,"},
        {"FD7A:0:0::2", "far.tail.test", "fd7a::2,far.tail.test,far,"},
        {"alias", "alias", "alias,"},
        {"100.64.0.99", "100.64.0.99", "100.64.0.99,"},
    };
    struct ipn_known_names names;

    world_start(&w, "key", 0);
    CHECK(world_join(&w));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ipn_stream st = {.port = 2222, .peer = w.far_public};
        struct ssh_config config = {0};
        char list[800] = "";

        strcpy(st.host, cases[i].typed);
        ipn_known_hosts_fill(w.ipn, &st, &names, &config);
        for (size_t k = 0; k < config.host_name_count; k++)
            strcat(strcat(list, config.host_names[k]), ",");
        CHECK_STR(config.host, cases[i].host);
        CHECK_STR(list, cases[i].names);
        CHECK_EQ(config.port, 2222);
    }
    struct ipn_stream no_peer = {.port = 22, .host = "far"}; /* behind a jump host */
    struct ssh_config config = {0};
    ipn_known_hosts_fill(w.ipn, &no_peer, &names, &config);
    CHECK_EQ(config.host_name_count, 1);
    CHECK_STR(config.host, "far");

    /* A line under any of its names goes by any other. */
    char text[4096];
    static const char lines[] =
        "far.tail.test " KEY_A "\n100.64.0.2,other " KEY_A "\nfar " KEY_B "\n";
    ipn_known_hosts_set(w.ipn, (const uint8_t *)lines, sizeof lines - 1, w.now_ms);
    CHECK(told(text, sizeof text));
    CHECK_EQ(ipn_known_hosts_remove(w.ipn, "100.64.0.2", 22, w.now_ms), 1);
    CHECK(told(text, sizeof text));
    CHECK_STR(text, "other " KEY_A "\n");
    world_stop(&w);
}

/* Kept as base64 in the state; what is damaged counts as nothing. */
static void test_stored(void)
{
    static const struct {
        const char *state, *text;
    } cases[] = {
        {"known-hosts=YSBiIGMKeA==\n", "a b c\nx"},
        {"known-hosts=YSBiIGMKeA=\n", ""},
        {"known-hosts=a b c\n", ""},
        {"known-hosts=\n", ""},
        {"", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ipn_config config = {.control_url = "http://control.test", .state = cases[i].state};
        const char *err;
        char text[100];

        world_start(&w, "key", 0);
        ipn_free(w.ipn);
        w.ipn = ipn_new(&config, &err, w.now_ms);
        ipn_run(w.ipn, w.now_ms);
        CHECK(!told(text, sizeof text));
        CHECK_STR(text, cases[i].text);
        world_stop(&w);
    }
}

int main(void)
{
    world_setup();
    test_changes();
    test_names();
    test_stored();
    return TEST_DONE();
}
