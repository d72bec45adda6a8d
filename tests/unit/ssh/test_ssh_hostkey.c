/* Whom we let be the host: known hosts of every kind against mini_server's key. Pins, and a person's
 * answer in time, are in test_ssh_session.c. */
#include <stdlib.h>

#include "base/encoding.h"
#include "base/err.h"
#include "ssh/ssh_session_internal.h"
#include "support/ssh/ssh_world.h"
#include "test.h"

#define OTHER "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHfRaVQ9zo1MAeM9k2zso0HOHNvZDS0pqnVO41ipHcTN"
#define OTHER_SHA256 "SHA256:FUTGRNt5eztKgfjvcHeSAYcztXBrVb3KJEX15bVHOMo"
#define ECDSA                                                                                      \
    "ecdsa-sha2-nistp256 "                                                                         \
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHU6yU3bKuTTt9AM+mqpyJcP2hmqcgnmV72aIL39" \
    "Y/PMM1h+jnvYPx1YGx+ZmBxuNipL6daicdWdMrELBoIYb+8="
#define RIGHT "%s" /* stands for the server's key in the texts below */

enum outcome { GOES_ON, ASKS, UNKNOWN, CHANGED, REVOKED };

struct host_case {
    const char *name; /* the case's */
    const char *text; /* known hosts */
    uint16_t port;
    const char *names[3]; /* to look up; none: "node.example" */
    bool ask, replace; /* replace by exactly the fingerprint shown */
    enum outcome outcome;
    const char *trust; /* when it goes on */
    const char *remembered; /* name of the line told, NULL = none */
    const char *replaced;
};

static const struct host_case cases[] = {
    {"empty", "", 22, {NULL}, true, false, ASKS, NULL, NULL, NULL},
    {"empty, nobody to ask", "", 22, {NULL}, false, false, UNKNOWN, NULL, NULL, NULL},
    {"known", "node.example " RIGHT "\n", 22, {NULL}, false, false, GOES_ON, "known", NULL, NULL},
    {"known by pattern", "*.example " RIGHT, 0, {NULL}, true, false, GOES_ON, "known", NULL, NULL},
    {"one of two",
     "node.example " OTHER "\nnode.example " RIGHT "\n",
     22,
     {NULL},
     true,
     false,
     GOES_ON,
     "known",
     NULL,
     NULL},
    {"changed", "node.example " OTHER "\n", 22, {NULL}, true, false, CHANGED, NULL, NULL, NULL},
    {"replaced",
     "node.example " OTHER "\n",
     22,
     {NULL},
     false,
     true,
     GOES_ON,
     "accepted",
     "node.example",
     "node.example"},
    {"unknown, named beforehand",
     "",
     2222,
     {NULL},
     false,
     true,
     GOES_ON,
     "accepted",
     "[node.example]:2222",
     ""},
    {"known by another type",
     "node.example " ECDSA "\n",
     22,
     {NULL},
     true,
     false,
     ASKS,
     NULL,
     NULL,
     NULL},
    {"known by another type, named",
     "node.example " ECDSA "\n",
     22,
     {NULL},
     false,
     true,
     GOES_ON,
     "accepted",
     "node.example",
     ""},
    {"revoked",
     "node.example " RIGHT "\n@revoked * " RIGHT "\n",
     22,
     {NULL},
     true,
     true,
     REVOKED,
     NULL,
     NULL,
     NULL},
    {"another revoked",
     "node.example " RIGHT "\n@revoked * " OTHER "\n",
     22,
     {NULL},
     true,
     false,
     GOES_ON,
     "known",
     NULL,
     NULL},
    {"authority", "@cert-authority * " RIGHT "\n", 22, {NULL}, true, false, ASKS, NULL, NULL, NULL},
    {"port",
     "[node.example]:2222 " RIGHT "\n",
     2222,
     {NULL},
     true,
     false,
     GOES_ON,
     "known",
     NULL,
     NULL},
    {"another port",
     "[node.example]:2222 " RIGHT "\n",
     2223,
     {NULL},
     true,
     false,
     ASKS,
     NULL,
     NULL,
     NULL},
    {"port 22 proves",
     "node.example " RIGHT "\n",
     2222,
     {NULL},
     true,
     false,
     GOES_ON,
     "known",
     NULL,
     NULL},
    {"port 22 does not refute",
     "node.example " OTHER "\n",
     2222,
     {NULL},
     true,
     false,
     ASKS,
     NULL,
     NULL,
     NULL},
    {"port refutes before 22 proves",
     "[node.example]:2222 " OTHER "\nnode.example " RIGHT "\n",
     2222,
     {NULL},
     true,
     false,
     CHANGED,
     NULL,
     NULL,
     NULL},
    {"the first name decides",
     "node " OTHER "\nnode.example " RIGHT "\n",
     22,
     {"node", "node.example"},
     true,
     false,
     CHANGED,
     NULL,
     NULL,
     NULL},
    {"the next name decides",
     "node.example " RIGHT "\n",
     22,
     {"node", "node.example"},
     true,
     false,
     GOES_ON,
     "known",
     NULL,
     NULL},
    {"the last name decides",
     "node " OTHER "\n",
     22,
     {"100.64.0.9", "node.example", "node"},
     true,
     false,
     CHANGED,
     NULL,
     NULL,
     NULL},
    {"all names are replaced",
     "node " OTHER "\n",
     2200,
     {"100.64.0.9", "node.example", "node"},
     true,
     true,
     GOES_ON,
     "accepted",
     "[node.example]:2200",
     ""},
    {"all names are replaced",
     "[node]:2200 " OTHER "\n",
     2200,
     {"100.64.0.9", "node.example", "node"},
     true,
     true,
     GOES_ON,
     "accepted",
     "[node.example]:2200",
     "[100.64.0.9]:2200,[node.example]:2200,[node]:2200"},
    {"revoked under any name",
     "a " RIGHT "\n@revoked b " RIGHT "\n",
     22,
     {"a", "b"},
     true,
     false,
     REVOKED,
     NULL,
     NULL,
     NULL},
    {"names that are none", "* " RIGHT "\n", 22, {"a b", "*"}, true, false, ASKS, NULL, NULL, NULL},
};

static void run_case(const struct host_case *c)
{
    char pin[128], sha256[SSH_FINGERPRINT_LEN + 1], expected[512];
    static char text[4096];
    struct ssh_config config;
    struct ssh_world w;
    uint8_t blob[64];
    int len;

    world_init(&w, MINI_CHACHA20, MINI_NO_FAULT, &config);
    mini_pin(w.server, pin);
    len = base64_decode(blob, sizeof blob, strchr(pin, ' ') + 1, strlen(strchr(pin, ' ') + 1));
    ssh_hostkey_fingerprint(sha256, (struct bytes){blob, len > 0 ? (size_t)len : 0});
    snprintf(text, sizeof text, c->text, pin, pin);
    config.known_hosts = (struct bytes){(const uint8_t *)text, strlen(text)};
    config.host = "Node.Example";
    config.port = c->port;
    while (config.host_name_count < 3 && c->names[config.host_name_count]) {
        config.host_names[config.host_name_count] = c->names[config.host_name_count];
        config.host_name_count++;
    }
    config.can_ask_host_key = c->ask;
    config.replace_host_key = c->replace ? sha256 : OTHER_SHA256;
    w.hold_host_key = true;
    world_start(&w, &config);
    memset(text, 'x', sizeof text); /* the session has its own copy of what it needs */
    world_settle(&w);

    CHECK_EQ(w.count[SSH_EVENT_OPEN], c->outcome == GOES_ON);
    CHECK_EQ(w.count[SSH_EVENT_HOST_KEY], c->outcome == ASKS || c->outcome == CHANGED);
    CHECK_EQ(w.count[SSH_EVENT_ERROR], c->outcome > ASKS);
    CHECK_EQ(w.error_code, c->outcome == UNKNOWN   ? SSH_PROBLEM_HOST_KEY_UNKNOWN
                           : c->outcome == CHANGED ? SSH_PROBLEM_HOST_KEY_CHANGED
                           : c->outcome == REVOKED ? SSH_PROBLEM_HOST_KEY_REVOKED
                                                   : 0);
    if (c->outcome > ASKS)
        CHECK(strstr(w.error, sha256) != NULL);
    if (c->outcome == ASKS) { /* the person is told what is known instead */
        bool others = strstr(c->text, OTHER) || strstr(c->text, ECDSA);
        CHECK_EQ(strstr(w.progress, "known by other keys") != NULL, others);
        CHECK_EQ(strstr(strstr(w.host_key, "SHA256:") + 1, " SHA256:") != NULL, others);
    }
    if (c->outcome == CHANGED) {
        CHECK_STR(w.known_key, OTHER_SHA256);
        CHECK(strstr(strstr(w.error, sha256), OTHER_SHA256) != NULL);
    }
    if (c->outcome != GOES_ON)
        CHECK_EQ(w.server->user[0], 0); /* the user name stayed here */
    else
        CHECK_STR(w.session->hostkey.trust, c->trust);
    expected[0] = '\0';
    if (c->remembered)
        snprintf(expected, sizeof expected, "%s %s", c->remembered, pin);
    CHECK_STR(w.known_host, expected);
    CHECK_STR(w.replaced_names, c->replaced ? c->replaced : "");
    if (test_failures)
        fprintf(stderr, "    in \"%s\": %s\n", c->name, w.error);
    world_free(&w);
}

/* A person's yes is remembered, a no is not. */
static void test_answer(void)
{
    for (int accept = 0; accept < 2; accept++) {
        struct ssh_config config;
        struct ssh_world w;
        char pin[128], expected[300];

        world_init(&w, MINI_CHACHA20, MINI_NO_FAULT, &config);
        mini_pin(w.server, pin);
        snprintf(expected, sizeof expected, "[node.example]:2222 %s", pin);
        config.host = "node.example";
        config.port = 2222;
        w.refuse_host_key = !accept;
        world_start(&w, &config);
        world_settle(&w);
        CHECK_EQ(w.count[SSH_EVENT_OPEN], accept);
        CHECK_STR(w.known_host, accept ? expected : "");
        world_free(&w);
    }
}

static void check_preference(const char *known, const char *pin, const char *expected)
{
    struct ssh_transport none = {0};
    struct ssh_config config = {.user = "u", .host = "h"};
    struct ssh_session *s;
    char list[256] = "";

    config.known_hosts = (struct bytes){(const uint8_t *)known, strlen(known)};
    config.pinned[0] = pin;
    config.pinned_count = pin ? 1 : 0;
    s = ssh_session_new(&config, &none);
    CHECK_STR(ssh_hostkey_preference(s, list, sizeof list), expected);
    ssh_session_free(s);
}

/* What we could compare is asked for first. */
static void test_preference(void)
{
    static const char usual[] = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
                                "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256";
    static const char ecdsa_first[] = "ecdsa-sha2-nistp256,ssh-ed25519,ecdsa-sha2-nistp384,"
                                      "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256";

    check_preference("", NULL, usual);
    check_preference("h " ECDSA "\n", NULL, ecdsa_first);
    check_preference("h2 " ECDSA "\n@revoked h " ECDSA "\n", NULL, usual);
    check_preference("h " ECDSA "\nh " OTHER "\n", NULL, usual);
    check_preference("h " ECDSA "\n", OTHER, usual);
    check_preference("h " OTHER "\n", ECDSA, ecdsa_first);
}

int main(void)
{
    world_random(7);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_case(&cases[i]);
    test_answer();
    test_preference();
    return TEST_DONE();
}
