/* Who we are: register in all its outcomes, the map that follows, logout. */
#include "control/control_client.h"

#include <stdlib.h>

#include "base/host.h"
#include "control_world.h"
#include "crypto/random.h"
#include "prng.h"
#include "test.h"

static void test_join(size_t piece)
{
    struct world w;
    struct world_event *e;
    struct server_request *map;
    const char *body;

    world_start(&w, "hskey", piece);
    e = world_next(&w);
    CHECK(e != NULL && e->type == CONTROL_EVENT_GET_KEY);
    CHECK_STR(e->text, "/key?v=113");
    e = world_next(&w);
    CHECK(e != NULL && e->type == CONTROL_EVENT_CONNECT);
    CHECK_EQ(w.server.client_version, CONTROL_CAPABILITY_VERSION);
    body = (char *)buf_head(&world_find(&w, REGISTER, "", 0)->body);
    CHECK(strstr(body, "\"AuthKey\":\"hskey\"") != NULL);
    CHECK(strstr(body, "\"Hostname\":\"tab\"") != NULL);
    CHECK_STR(world_find(&w, REGISTER, "", 0)->authority, "control");
    CHECK(world_next(&w) == NULL);

    world_accept(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_REGISTERED) != NULL);
    map = world_find(&w, MAP_PATH, STREAM, 0); /* beside the lite one, not after it */
    CHECK(strstr((char *)buf_head(&map->body), "\"DiscoKey\":\"discokey:0707") != NULL);
    CHECK(control_client_netmap(w.cc)->valid == false);
    map = world_open_map(&w, 0);
    e = world_expect(&w, CONTROL_EVENT_NETMAP);
    CHECK(e != NULL && e->changed == (NETMAP_CHANGED_SELF | NETMAP_NEW_SELF | NETMAP_CHANGED_PEERS |
                                      NETMAP_CHANGED_ROUTES));
    CHECK(control_client_netmap(w.cc)->valid);
    CHECK_EQ(control_client_netmap(w.cc)->peer_count, 1);

    server_map(&w.server, map, "{\"PeersRemoved\":[2]}");
    world_run(&w);
    e = world_expect(&w, CONTROL_EVENT_NETMAP);
    CHECK(e != NULL &&
          e->changed == (NETMAP_CHANGED_PEERS | NETMAP_REMOVED_PEERS | NETMAP_CHANGED_ROUTES));
    server_map(&w.server, map, "{\"KeepAlive\":true}");
    server_map(&w.server, map,
               "{\"ControlTime\":\"2026-11-21T04:37:20Z\",\"PacketFilters\":{\"base\":null}}");
    world_run(&w);
    CHECK(world_next(&w) == NULL);
    CHECK(!w.server.broken);
    world_free(&w);
}

/* The map is asked for while register waits; REGISTERED comes with it. */
static void test_speculative_map(void)
{
    struct world w;
    struct world_event *e;

    world_start(&w, "hskey", 0);
    CHECK(server_find(&w.server, MAP_PATH, STREAM, 0) == NULL);
    world_sleep(&w, 150);
    server_answer(&w.server, world_find(&w, MAP_PATH, STREAM, 0), 404, "node not found\n");
    world_run(&w);
    world_sleep(&w, 50);
    CHECK(server_find(&w.server, MAP_PATH, STREAM, 1) == NULL); /* 100 ms after the answer */
    world_sleep(&w, 50);
    world_open_map(&w, 1);
    e = world_expect(&w, CONTROL_EVENT_REGISTERED);
    CHECK(e != NULL && e[1].type == CONTROL_EVENT_NETMAP); /* in this order */
    world_find(&w, MAP_PATH, LITE, 0);
    /* the register's answer does not matter any more, whatever it is */
    server_answer(&w.server, world_find(&w, REGISTER, "", 0), 200,
                  "{\"Error\":\"authkey already used\"}");
    world_run(&w);
    world_sleep(&w, 5000);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_REGISTERED), 1);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 0);
    CHECK(server_find(&w.server, MAP_PATH, STREAM, 2) == NULL);
    world_free(&w);
}

/* A try that waits when register is answered is the map stream then: no second one is opened. */
static void test_pending_try_becomes_map(void)
{
    struct world w;

    world_start(&w, "hskey", 0);
    world_sleep(&w, 100);
    world_find(&w, MAP_PATH, STREAM, 0);
    world_accept(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_REGISTERED) != NULL);
    CHECK(server_find(&w.server, MAP_PATH, STREAM, 1) == NULL);
    world_open_map(&w, 0);
    CHECK(world_expect(&w, CONTROL_EVENT_NETMAP) != NULL);
    world_free(&w);

    /* if its 404 was only late, it is asked again */
    world_start(&w, "hskey", 0);
    world_sleep(&w, 100);
    world_accept(&w);
    server_answer(&w.server, world_find(&w, MAP_PATH, STREAM, 0), 404, "node not found\n");
    world_run(&w);
    world_open_map(&w, 1);
    CHECK(world_expect(&w, CONTROL_EVENT_NETMAP) != NULL);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 0);
    world_free(&w);
}

static void test_tries_end(void)
{
    struct world w;
    size_t n = 0;

    world_start(&w, "hskey", 0);
    for (int i = 0; i < 40; i++) {
        struct server_request *r;

        world_sleep(&w, 100);
        r = server_find(&w.server, MAP_PATH, STREAM, n);
        if (r != NULL) {
            server_answer(&w.server, r, 404, "node not found\n");
            world_run(&w);
            n++;
        }
    }
    CHECK_EQ(n, 10);
    world_free(&w);

    struct control_config config = {.auth_key = "hskey", .no_speculative_map = true};
    world_init(&w, &config);
    control_client_start(w.cc, w.now_ms);
    world_run(&w);
    world_sleep(&w, 3000);
    CHECK(server_find(&w.server, MAP_PATH, "", 0) == NULL);
    world_free(&w);

    struct control_config known = {.auth_key = "hskey", .known_node = true};
    world_init(&w, &known);
    control_client_start(w.cc, w.now_ms);
    world_run(&w);
    world_find(&w, MAP_PATH, STREAM, 0); /* at once */
    world_free(&w);
}

static void test_refusals(void)
{
    static const struct {
        int number;
        int status;
        const char *answer;
        enum control_problem problem;
        bool login; /* NEED_LOGIN follows; else it tries again by itself */
    } cases[] = {
        {1, 200, "{\"Error\":\"authkey expired\"}", CONTROL_PROBLEM_AUTH_KEY_EXPIRED, true},
        {2, 200, "{\"Error\":\"authkey already used\"}", CONTROL_PROBLEM_AUTH_KEY_USED, true},
        {3, 200,
         "{\"Error\":\"handling register with auth key: creating new node: using pre auth key: "
         "authkey already used\"}",
         CONTROL_PROBLEM_AUTH_KEY_USED, true},
        {4, 200, "{\"Error\":\"invalid pre auth key\"}", CONTROL_PROBLEM_AUTH_KEY_INVALID, true},
        {5, 200, "{\"Error\":\"handling register with auth key: auth-key not found\"}",
         CONTROL_PROBLEM_AUTH_KEY_INVALID, true},
        {6, 200, "{\"Error\":\"database is locked\"}", CONTROL_PROBLEM_REFUSED, false},
        {7, 400, "unsupported client version: v1.60 (88)\n", CONTROL_PROBLEM_VERSION, true},
        {8, 500, "internal server error", CONTROL_PROBLEM_REFUSED, false},
        {9, 429, "slow down", CONTROL_PROBLEM_RATE, false},
        {10, 200, "{\"AuthURL\":\"javascript:alert(1)\"}", CONTROL_PROBLEM_PROTOCOL, true},
        {11, 200, "<html>", CONTROL_PROBLEM_PROTOCOL, false},
        {12, 200, "", CONTROL_PROBLEM_PROTOCOL, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;

        world_start(&w, "hskey", 0);
        server_answer(&w.server, world_find(&w, REGISTER, "", 0), cases[i].status, cases[i].answer);
        world_run(&w);
        if (!CHECK(world_problem(&w, cases[i].problem)))
            fprintf(stderr, "    case %d\n", cases[i].number);
        CHECK_EQ(world_expect(&w, CONTROL_EVENT_NEED_LOGIN) != NULL, cases[i].login);
        CHECK(!w.connected);
        world_sleep(&w, 11000);
        CHECK_EQ(world_count(&w, CONTROL_EVENT_CONNECT) > 1, !cases[i].login);
        if (cases[i].login) { /* a new key brings it back */
            control_client_login(w.cc, "another", w.now_ms);
            world_run(&w);
            world_find(&w, REGISTER, "\"AuthKey\":\"another\"", 0);
        }
        world_free(&w);
    }
}

/* Words that we do not know: three times, then a person. */
static void test_unknown_refusal_ends(void)
{
    struct world w;

    world_start(&w, "hskey", 0);
    for (int i = 0; i < 3; i++) {
        CHECK(world_expect(&w, CONTROL_EVENT_NEED_LOGIN) == NULL);
        server_answer(&w.server, world_find(&w, REGISTER, "", 0), 200, "{\"Error\":\"no\"}");
        world_run(&w);
        CHECK(world_problem(&w, CONTROL_PROBLEM_REFUSED));
        if (i < 2)
            world_sleep(&w, 2000);
    }
    CHECK(world_expect(&w, CONTROL_EVENT_NEED_LOGIN) != NULL);
    world_free(&w);
}

static void test_retry_after(void)
{
    struct world w;
    size_t before;

    world_start(&w, "hskey", 0);
    server_head(&w.server, world_find(&w, REGISTER, "", 0), 429, "77", true);
    world_run(&w);
    CHECK(world_problem(&w, CONTROL_PROBLEM_RATE));
    before = world_count(&w, CONTROL_EVENT_CONNECT);
    world_sleep(&w, 76000);
    control_client_rebind(w.cc, w.now_ms); /* not even then */
    world_sleep(&w, 900);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_CONNECT), before);
    world_sleep(&w, 200);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_CONNECT), before + 1);
    world_free(&w);
}

static void test_interactive(void)
{
    struct world w;
    struct world_event *e;
    struct server_request *r;

    world_start(&w, "", 0);
    r = world_find(&w, REGISTER, "", 0);
    CHECK(strstr((char *)buf_head(&r->body), "Auth") == NULL);
    server_answer(&w.server, r, 200, "{\"AuthURL\":\"https://hs/register/1\"}");
    world_run(&w);
    e = world_expect(&w, CONTROL_EVENT_AUTH_URL);
    CHECK(e != NULL);
    CHECK_STR(e->text, "https://hs/register/1");
    world_find(&w, REGISTER, "\"Followup\":\"https://hs/register/1\"", 0);
    CHECK(server_find(&w.server, MAP_PATH, "", 0) ==
          NULL); /* nothing speculative with a person in it */

    /* a quarter of an hour later the server has another address, still waiting */
    for (int i = 0; i < 30; i++)
        world_sleep(&w, 30000);
    CHECK(w.server.pings > 10);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 0);
    server_answer(&w.server, world_find(&w, REGISTER, "Followup", 0), 200,
                  "{\"AuthURL\":\"https://hs/register/2\"}");
    world_run(&w);
    e = world_expect(&w, CONTROL_EVENT_AUTH_URL);
    CHECK(e != NULL);
    CHECK_STR(e->text, "https://hs/register/2");
    world_sleep(&w, 1000);
    world_find(&w, REGISTER, "\"Followup\":\"https://hs/register/2\"", 0);

    /* the connection goes: we wait at the same address again */
    world_close(&w, 1006);
    CHECK(world_problem(&w, CONTROL_PROBLEM_LOST));
    world_sleep(&w, 1000);
    r = world_find(&w, REGISTER, "\"Followup\":\"https://hs/register/2\"", 0);
    server_answer(&w.server, r, 200, "{\"MachineAuthorized\":true}");
    world_run(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_REGISTERED) != NULL);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_AUTH_URL), 2);
    world_free(&w);
}

/* A key that comes while a person is asked ends the asking. */
static void test_key_instead_of_person(void)
{
    struct world w;

    world_start(&w, "", 0);
    server_answer(&w.server, world_find(&w, REGISTER, "", 0), 200,
                  "{\"AuthURL\":\"https://hs/register/1\"}");
    world_run(&w);
    control_client_login(w.cc, "hskey", w.now_ms);
    world_run(&w);
    CHECK(world_find(&w, REGISTER, "Followup", 0)->reset);
    server_answer(&w.server, world_find(&w, REGISTER, "\"AuthKey\":\"hskey\"", 0), 200,
                  "{\"MachineAuthorized\":true}");
    world_run(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_REGISTERED) != NULL);
    world_free(&w);
}

static void test_machine_auth(void)
{
    struct world w;

    world_start(&w, "hskey", 0);
    server_answer(&w.server, world_find(&w, REGISTER, "", 0), 200, "{}");
    world_run(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_REGISTERED) != NULL);
    CHECK(world_expect(&w, CONTROL_EVENT_NEED_MACHINE_AUTH) != NULL);
    world_open_map(&w, 0);
    CHECK(world_expect(&w, CONTROL_EVENT_NETMAP) != NULL);
    world_free(&w);
}

static void test_logout(void)
{
    struct world w;

    world_join(&w, "hskey", 0);
    control_client_logout(w.cc, w.now_ms);
    world_run(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_LOGGED_OUT) == NULL);
    server_answer(&w.server, world_find(&w, REGISTER, "\"Expiry\":\"1970-01-01T00:02:03Z\"", 0),
                  200, "null\n");
    world_run(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_CLOSE) != NULL);
    CHECK(world_expect(&w, CONTROL_EVENT_LOGGED_OUT) != NULL);
    world_sleep(&w, 300000);
    CHECK(world_next(&w) == NULL);
    CHECK_EQ(control_client_next_deadline(w.cc), NEVER);
    control_client_login(w.cc, "again", w.now_ms);
    world_run(&w);
    world_find(&w, REGISTER, "\"AuthKey\":\"again\"", 0);
    world_free(&w);

    world_join(&w, "hskey", 0); /* no answer: two seconds */
    control_client_logout(w.cc, w.now_ms);
    world_sleep(&w, 1900);
    CHECK(world_expect(&w, CONTROL_EVENT_LOGGED_OUT) == NULL);
    world_sleep(&w, 200);
    CHECK(world_expect(&w, CONTROL_EVENT_LOGGED_OUT) != NULL);
    world_free(&w);

    world_join(&w, "hskey", 0); /* while the connection is away: it comes back to say so */
    world_close(&w, 1006);
    control_client_logout(w.cc, w.now_ms);
    world_sleep(&w, 10);
    server_answer(&w.server, world_find(&w, REGISTER, "Expiry", 0), 200, "{}");
    world_run(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_LOGGED_OUT) != NULL);
    world_free(&w);

    world_start(&w, "hskey", 0); /* while the registration is under way: its node is taken back */
    control_client_logout(w.cc, w.now_ms);
    world_sleep(&w, 700);
    CHECK(world_expect(&w, CONTROL_EVENT_LOGGED_OUT) == NULL);
    server_answer(&w.server, world_find(&w, REGISTER, "\"AuthKey\":\"hskey\"", 0), 200,
                  "{\"MachineAuthorized\":true}");
    world_run(&w);
    server_answer(&w.server, world_find(&w, REGISTER, "Expiry", 0), 200, "{}");
    world_run(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_LOGGED_OUT) != NULL);
    world_free(&w);

    world_start(&w, "hskey", 0); /* not even registered */
    w.deaf = true;
    world_close(&w, 1006);
    control_client_logout(w.cc, w.now_ms);
    world_run(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_LOGGED_OUT) != NULL);
    world_free(&w);
}

/* The home region goes out with a lite request; two changes in a row need no more than two. */
static void test_home_derp(void)
{
    struct world w;

    world_start(&w, "hskey", 0);
    control_client_set_home_derp(w.cc, 3, w.now_ms); /* before we are anybody: kept */
    world_accept(&w);
    world_find(&w, MAP_PATH, "\"PreferredDERP\":3", 1);
    world_open_map(&w, 0);
    control_client_set_home_derp(w.cc, 4, w.now_ms);
    control_client_set_home_derp(w.cc, 5, w.now_ms);
    control_client_set_home_derp(w.cc, 5, w.now_ms);
    world_run(&w);
    CHECK(server_find(&w.server, MAP_PATH, "\"PreferredDERP\":5", 0) == NULL);
    server_answer(&w.server, world_find(&w, MAP_PATH, "\"PreferredDERP\":4", 0), 200, "");
    world_run(&w);
    world_find(&w, MAP_PATH, "\"PreferredDERP\":5", 0);
    CHECK(server_find(&w.server, MAP_PATH, "\"PreferredDERP\":5", 1) == NULL);
    world_free(&w);
}

int main(void)
{
    prng_init(0x636f6e74726f6c);
    prng_host_init();
    crypto_init();
    test_join(0);
    test_join(1);
    test_join(3);
    test_speculative_map();
    test_pending_try_becomes_map();
    test_tries_end();
    test_refusals();
    test_unknown_refusal_ends();
    test_retry_after();
    test_interactive();
    test_key_instead_of_person();
    test_machine_auth();
    test_logout();
    test_home_derp();
    return TEST_DONE();
}
