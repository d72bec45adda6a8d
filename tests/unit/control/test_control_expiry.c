/* The end of our membership: the node key runs out or is renewed, the node is deleted. */
#include "control/control_client.h"

#include "base/host.h"
#include "control_world.h"
#include "crypto/random.h"
#include "prng.h"
#include "test.h"

#define ACCEPTED "{\"MachineAuthorized\":true}"
/* now is 1700001000 s: 2023-11-14T22:30:00Z */
#define EXPIRES(time) SELF(",\"KeyExpiry\":\"2023-11-" time "Z\"") "}"
#define NO_SUCH_NODE "node not found\n"

static void answer(struct world *w, const char *path, const char *part, int status,
                   const char *body)
{
    server_answer(&w->server, world_find(w, path, part, 0), status, body);
    world_run(w);
}

/* A delta, and what is due at once by it. */
static void tell(struct world *w, struct server_request *map, const char *json)
{
    server_map(&w->server, map, json);
    world_run(w);
    world_sleep(w, 0);
}

/* The newest request to register a new key. */
static struct server_request *renewal(struct world *w)
{
    static const char part[] = "\"OldNodeKey\":\"nodekey:";
    size_t n = 0;

    while (server_find(&w->server, REGISTER, part, n + 1) != NULL)
        n++;
    return world_find(w, REGISTER, part, n);
}

/* The new key is ours, and it is the one that the server has registered. */
static void check_renewed(struct world *w)
{
    char body[2000], text[KEY_TEXT_CAP];
    struct server_request *r = renewal(w);
    struct world_event *e;
    struct node_public key;

    snprintf(body, sizeof body, "%s", (char *)buf_head(&r->body));
    CHECK_EQ(world_count(w, CONTROL_EVENT_NEW_NODE_KEY), 0); /* the old one is good until then */
    server_answer(&w->server, r, 200, ACCEPTED);
    world_run(w);
    e = world_expect(w, CONTROL_EVENT_NEW_NODE_KEY);
    if (CHECK(e != NULL)) {
        node_public_derive(&key, &e->key);
        node_public_format(text, &key);
        CHECK(strstr(strstr(body, "\"NodeKey\":\""), text) != NULL);
        CHECK(e[1].type == CONTROL_EVENT_REGISTERED);
        world_find(w, MAP_PATH, text, 0);
    }
}

/* NodeKeyExpired means a new node key, once. */
static void test_node_key_expired(void)
{
    struct world w;

    world_start(&w, "", 0);
    answer(&w, REGISTER, "", 200, "{\"NodeKeyExpired\":true}");
    check_renewed(&w);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 0);
    world_free(&w);

    world_start(&w, "", 0); /* even the new key is said to have expired */
    answer(&w, REGISTER, "", 200, "{\"NodeKeyExpired\":true}");
    server_answer(&w.server, renewal(&w), 200, "{\"NodeKeyExpired\":true}");
    world_run(&w);
    CHECK(world_problem(&w, CONTROL_PROBLEM_KEY_EXPIRED));
    CHECK(world_expect(&w, CONTROL_EVENT_NEED_LOGIN) != NULL);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEW_NODE_KEY), 0);
    world_free(&w);

    world_start(&w, "", 0); /* a login in between, on another connection */
    answer(&w, REGISTER, "", 200, "{\"NodeKeyExpired\":true}");
    server_answer(&w.server, renewal(&w), 200, "{\"AuthURL\":\"https://hs/register/1\"}");
    world_run(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_AUTH_URL) != NULL);
    world_close(&w, 1006);
    world_sleep(&w, 500);
    world_find(&w, REGISTER, "\"Followup\":\"https://hs/register/1\"", 0);
    check_renewed(&w);
    world_free(&w);
}

/* Our own KeyExpiry, by the server's clock, which is an hour ahead of ours here. */
static void test_own_key_expires(void)
{
    struct world w;
    struct server_request *map = world_join(&w, "", 0);

    tell(&w, map,
         SELF(",\"KeyExpiry\":\"2023-11-14T23:40:00Z\"") ",\"ControlTime\":\"2023-11-14T23:"
                                                         "30:00Z\"}");
    CHECK(world_problem(&w, CONTROL_PROBLEM_KEY_EXPIRING));
    CHECK(strstr(w.events[w.seen - 1].text, "in 10 minutes: log in") != NULL);
    world_keep_alive(&w, map, 9);
    CHECK(world_problem(&w, CONTROL_PROBLEM_KEY_EXPIRING));
    world_sleep(&w, 59000);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 0);
    world_sleep(&w, 2000);
    CHECK(world_problem(&w, CONTROL_PROBLEM_KEY_EXPIRED));
    CHECK(world_expect(&w, CONTROL_EVENT_NEED_LOGIN) != NULL);
    control_client_login(w.cc, "another", w.now_ms);
    world_run(&w);
    answer(&w, REGISTER, "\"AuthKey\":\"another\"", 200, ACCEPTED);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_REGISTERED), 2);
    world_free(&w);
}

/* A day, an hour, five minutes before; anew after it was extended; never without an expiry. */
static void test_warnings(void)
{
    static const struct {
        int number;
        const char *expiry, *words; /* "": nothing is told */
    } cases[] = {
        {1, EXPIRES("16T22:30:00"), ""},
        {2, EXPIRES("15T22:30:00"), "in 24 hours"},
        {3, EXPIRES("15T20:00:00"), ""},
        {4, EXPIRES("14T23:30:00"), "in 60 minutes"},
        {5, EXPIRES("14T22:35:00"), "5 minutes"},
        {6, EXPIRES("14T22:30:20"), ""},
        {7, EXPIRES("15T01:30:00"), ""},
        {8, EXPIRES("14T22:31:00"), "in 1 minute:"},
        {9, SELF("") "}", ""},
        {10, EXPIRES("15T01:30:00"), "in 3 hours"},
        {11, EXPIRES("14T22:32:00"), "2 minutes"},
    };
    struct world w;
    struct server_request *map = world_join(&w, "", 0);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world_event *e;

        w.seen = w.event_count;
        tell(&w, map, cases[i].expiry);
        e = world_expect(&w, CONTROL_EVENT_PROBLEM);
        if (!CHECK_EQ(e != NULL, cases[i].words[0] != '\0') ||
            (e != NULL && !CHECK(strstr(e->text, cases[i].words) != NULL && e->retried)))
            fprintf(stderr, "    case %d\n", cases[i].number);
    }
    world_free(&w);

    map = world_join(&w, "", 0); /* each at its time */
    tell(&w, map, EXPIRES("16T00:30:00"));
    for (int hour = 0; hour < 26; hour++) {
        CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), (hour >= 2) + (hour >= 25));
        world_keep_alive(&w, map, 60);
    }
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 1);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 4);
    world_free(&w);
}

static void test_own_key_expires_with_auth_key(void)
{
    struct world w;
    struct server_request *map = world_join(&w, "hskey", 0);

    tell(&w, map, EXPIRES("14T22:40:00"));
    CHECK(world_problem(&w, CONTROL_PROBLEM_KEY_EXPIRING));
    CHECK(strstr(w.events[w.seen - 1].text, "its auth key renews it") != NULL);
    world_keep_alive(&w, map, 9);
    world_sleep(&w, 61000);
    CHECK(!map->reset);
    check_renewed(&w);
    CHECK(map->reset); /* the new key has its own */
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 2);
    world_free(&w);

    map = world_join(&w, "hskey", 0); /* it was good for one node only */
    world_keep_alive(&w, map, 1);
    tell(&w, map, SELF(",\"Expired\":true,\"KeyExpiry\":\"2023-11-14T22:30:00Z\"") "}");
    server_answer(&w.server, renewal(&w), 200, "{\"Error\":\"authkey already used\"}");
    world_run(&w);
    CHECK(world_problem(&w, CONTROL_PROBLEM_KEY_EXPIRED));
    CHECK(strstr(w.events[w.seen - 1].text, "key has expired, and its auth key") != NULL);
    CHECK(!w.events[w.seen - 1].retried);
    CHECK(world_expect(&w, CONTROL_EVENT_NEED_LOGIN) != NULL);
    world_keep_alive(&w, map, 60); /* its map goes on, and that is told once */
    tell(&w, map, SELF(",\"Expired\":true,\"KeyExpiry\":\"2023-11-14T22:30:00Z\"") "}");
    CHECK(!map->reset && w.connected && control_client_expired(w.cc));
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 1);
    tell(&w, map, SELF("") "}"); /* an admin gives it more time */
    CHECK(!control_client_expired(w.cc));
    tell(&w, map, SELF(",\"Expired\":true,\"KeyExpiry\":\"2023-11-14T22:30:00Z\"") "}");
    server_answer(&w.server, renewal(&w), 200, "{\"Error\":\"authkey already used\"}");
    world_run(&w);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 2);
    control_client_login(w.cc, "typo", w.now_ms); /* no better; the next is */
    world_run(&w);
    server_answer(&w.server, renewal(&w), 200, "{\"Error\":\"invalid pre auth key\"}");
    world_run(&w);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 3);
    CHECK(!map->reset);
    control_client_login(w.cc, "good", w.now_ms);
    world_run(&w);
    check_renewed(&w);
    CHECK(!control_client_expired(w.cc));
    world_free(&w);
}

/* It ran out while there was no connection: the auth key renews it all the same, but not in a loop. */
static void test_own_key_expired_meanwhile(void)
{
    struct world w;
    struct server_request *map = world_join(&w, "hskey", 0);

    tell(&w, map, EXPIRES("14T22:40:00"));
    w.deaf = true;
    world_close(&w, 1006);
    world_sleep(&w, 15 * 60000);
    w.deaf = false;
    for (int i = 0; i < 60 && !w.connected; i++)
        world_sleep(&w, 1000);
    map = world_open_map(&w, 0);
    tell(&w, map, EXPIRES("14T22:40:00"));
    CHECK(!map->reset);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 0);
    check_renewed(&w);
    w.seen = w.event_count;
    tell(&w, world_open_map(&w, 1), EXPIRES("14T22:40:00")); /* the new key is no better */
    CHECK(world_problem(&w, CONTROL_PROBLEM_KEY_EXPIRED));
    CHECK(world_expect(&w, CONTROL_EVENT_NEED_LOGIN) != NULL);
    world_free(&w);
}

/* login() once it was said that the key expires soon, and not before. */
static void test_renewed_in_time(void)
{
    struct world w;
    struct server_request *map = world_join(&w, "", 0);

    control_client_login(w.cc, "", w.now_ms);
    world_run(&w);
    CHECK(!map->reset);
    tell(&w, map, EXPIRES("14T22:40:00"));
    CHECK(world_problem(&w, CONTROL_PROBLEM_KEY_EXPIRING));
    control_client_login(w.cc, "", w.now_ms);
    world_run(&w);
    server_answer(&w.server, renewal(&w), 200, "{\"AuthURL\":\"https://hs/register/1\"}");
    world_run(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_AUTH_URL) != NULL);
    world_find(&w, REGISTER, "Followup", 0);
    control_client_login(w.cc, "hskey", w.now_ms); /* a key in place of the person */
    world_run(&w);
    CHECK(world_find(&w, REGISTER, "Followup", 0)->reset);
    world_find(&w, REGISTER, "\"AuthKey\":\"hskey\"", 0);
    check_renewed(&w);
    world_free(&w);

    map = world_join(&w, "", 0); /* refused: the old key is still good, the next login goes on */
    tell(&w, map, EXPIRES("14T22:40:00"));
    control_client_login(w.cc, "used", w.now_ms);
    world_run(&w);
    server_answer(&w.server, renewal(&w), 200, "{\"Error\":\"authkey already used\"}");
    world_run(&w);
    CHECK(world_problem(&w, CONTROL_PROBLEM_KEY_EXPIRING));
    CHECK(world_problem(&w, CONTROL_PROBLEM_AUTH_KEY_USED));
    CHECK(strstr(w.events[w.seen - 1].text, "has expired") == NULL);
    CHECK(!map->reset);
    control_client_login(w.cc, "", w.now_ms);
    world_run(&w);
    check_renewed(&w);
    CHECK(map->reset); /* the new key has its own */
    CHECK_EQ(world_count(&w, CONTROL_EVENT_REGISTERED), 2);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 0);
    world_free(&w);
}

/* 404: the auth key may be good for a second node; else a person is asked. */
static void test_node_gone(void)
{
    struct world w;

    world_join(&w, "hskey", 0);
    world_close(&w, 1001);
    CHECK(world_problem(&w, CONTROL_PROBLEM_LOST));
    world_sleep(&w, 500);
    answer(&w, MAP_PATH, STREAM, 404, NO_SUCH_NODE);
    CHECK(world_problem(&w, CONTROL_PROBLEM_NODE_GONE));
    CHECK(w.events[w.seen - 1].retried);
    world_sleep(&w, 500);
    answer(&w, REGISTER, "\"AuthKey\":\"hskey\"", 200, "{\"Error\":\"authkey already used\"}");
    CHECK(world_problem(&w, CONTROL_PROBLEM_NODE_GONE));
    CHECK(strstr(w.events[w.seen - 1].text, "removed this node, and its auth key") != NULL);
    CHECK(world_expect(&w, CONTROL_EVENT_NEED_LOGIN) != NULL);
    world_free(&w);

    world_join(&w, "", 0); /* without a key */
    world_close(&w, 1001);
    world_sleep(&w, 500);
    answer(&w, MAP_PATH, STREAM, 404, NO_SUCH_NODE);
    world_expect(&w, CONTROL_EVENT_PROBLEM); /* LOST */
    CHECK(world_problem(&w, CONTROL_PROBLEM_NODE_GONE));
    CHECK(world_expect(&w, CONTROL_EVENT_NEED_LOGIN) != NULL);
    world_free(&w);
}

/* A server that takes the node in and forgets it each time is asked ever more slowly. */
static void test_gone_again_and_again(void)
{
    struct world w;
    uint64_t began_ms;

    world_join(&w, "hskey", 0);
    began_ms = w.now_ms;
    world_close(&w, 1001);
    for (int i = 0; i < 8; i++) {
        world_sleep(&w, control_client_next_deadline(w.cc) - w.now_ms);
        if (i > 0)
            answer(&w, REGISTER, "", 200, ACCEPTED);
        answer(&w, MAP_PATH, STREAM, 404, NO_SUCH_NODE);
    }
    CHECK(w.now_ms - began_ms > 10000);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 0);
    world_free(&w);
}

/* A deleted node is told nothing: it asks, every five minutes, and when peers do not answer. */
static void test_asks_whether_it_is_known(void)
{
    struct world w;
    struct server_request *map = world_join(&w, "hskey", 0);

    world_keep_alive(&w, map, 4);
    CHECK(server_find(&w.server, MAP_PATH, LITE, 1) == NULL);
    world_keep_alive(&w, map, 1);
    server_answer(&w.server, world_find(&w, MAP_PATH, LITE, 1), 200, "");
    world_run(&w);
    control_client_verify(w.cc, w.now_ms);
    world_run(&w);
    CHECK(server_find(&w.server, MAP_PATH, LITE, 2) == NULL); /* it was asked just now */
    world_keep_alive(&w, map, 1);
    control_client_verify(w.cc, w.now_ms);
    world_run(&w);
    server_answer(&w.server, world_find(&w, MAP_PATH, LITE, 2), 404, NO_SUCH_NODE);
    world_run(&w);
    CHECK(world_problem(&w, CONTROL_PROBLEM_NODE_GONE));
    world_sleep(&w, 500);
    answer(&w, REGISTER, "\"AuthKey\":\"hskey\"", 200, ACCEPTED);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_REGISTERED), 2);
    world_open_map(&w, 0);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NETMAP), 2);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 1);
    world_free(&w);
}

/* A logout of a node that is gone ends like any other. */
static void test_logout_of_nobody(void)
{
    struct world w;

    world_join(&w, "hskey", 0);
    control_client_set_home_derp(w.cc, 5, w.now_ms);
    world_run(&w);
    control_client_logout(w.cc, w.now_ms);
    answer(&w, MAP_PATH, "\"PreferredDERP\":5", 404, NO_SUCH_NODE);
    CHECK(world_expect(&w, CONTROL_EVENT_LOGGED_OUT) != NULL);
    world_sleep(&w, 60000);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_LOGGED_OUT), 1);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_CONNECT), 1);
    world_free(&w);
}

int main(void)
{
    prng_init(0x657870697279);
    prng_host_init();
    crypto_init();
    test_node_key_expired();
    test_own_key_expires();
    test_warnings();
    test_own_key_expires_with_auth_key();
    test_own_key_expired_meanwhile();
    test_renewed_in_time();
    test_node_gone();
    test_gone_again_and_again();
    test_asks_whether_it_is_known();
    test_logout_of_nobody();
    return TEST_DONE();
}
