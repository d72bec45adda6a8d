/* A key that expires soon is renewed: whatever comes of that, the old one is good until it ends. */
#include "control/control_client.h"

#include "base/host.h"
#include "control_world.h"
#include "crypto/random.h"
#include "prng.h"
#include "test.h"

/* now is 1700001000 s: 2023-11-14T22:30:00Z */
#define EXPIRES(time) SELF(",\"KeyExpiry\":\"2023-11-" time "Z\"") "}"
#define ACCEPTED "{\"MachineAuthorized\":true}"
#define URL "https://hs/register/1"
#define AUTH_URL "{\"AuthURL\":\"" URL "\"}"
#define FOLLOWUP "\"Followup\":\"" URL "\""
#define RENEWAL "\"OldNodeKey\":\"nodekey:"

static void tell(struct world *w, struct server_request *map, const char *json)
{
    server_map(&w->server, map, json);
    world_run(w);
    world_sleep(w, 0);
}

static void login(struct world *w, const char *auth_key)
{
    control_client_login(w->cc, auth_key, w->now_ms);
    world_run(w);
}

/* Answers the n-th request to register a new key. */
static void answer(struct world *w, size_t n, int status, const char *body)
{
    server_answer(&w->server, world_find(w, REGISTER, RENEWAL, n), status, body);
    world_run(w);
}

/* Joined, with a key that expires at `time`; its map stream. */
static struct server_request *join_by(struct world *w, const char *auth_key, const char *time)
{
    struct server_request *map = world_join(w, auth_key, 0);

    tell(w, map, time);
    CHECK(world_problem(w, CONTROL_PROBLEM_KEY_EXPIRING));
    return map;
}

static struct server_request *join(struct world *w, const char *time)
{
    return join_by(w, "", time);
}

/* The same, and its connection is lost and found: its new map stream. */
static struct server_request *come_back(struct world *w, const char *time)
{
    struct server_request *map;

    world_close(w, 1006);
    for (int i = 0; i < 600 && !w->connected; i++)
        world_sleep(w, 100);
    map = world_open_map(w, 0);
    tell(w, map, time);
    return map;
}

static struct control_status status(const struct world *w)
{
    struct control_status now;

    control_client_status(w->cc, &now);
    return now;
}

static bool is_connected(const struct world *w)
{
    return status(w).connected;
}

#define SOON EXPIRES("14T22:40:00")
#define DAY EXPIRES("15T22:20:00")

/* SOON comes. */
static void run_out(struct world *w, struct server_request *map)
{
    world_keep_alive(w, map, 9);
    world_sleep(w, 61 * 1000);
}

static const struct {
    int number, status;
    const char *answer;
    enum control_problem problem;
} cases[] = {
    {1, 200, "{\"Error\":\"invalid authkey\"}", CONTROL_PROBLEM_AUTH_KEY_INVALID},
    {2, 200, "{\"Error\":\"authkey already used\"}", CONTROL_PROBLEM_AUTH_KEY_USED},
    {3, 200, "{\"Error\":\"database is locked\"}", CONTROL_PROBLEM_REFUSED},
    {4, 200, "{\"NodeKeyExpired\":true}", CONTROL_PROBLEM_KEY_EXPIRED},
    {5, 200, "{\"AuthURL\":\"javascript:alert(1)\"}", CONTROL_PROBLEM_PROTOCOL},
    {6, 200, "<html>", CONTROL_PROBLEM_PROTOCOL},
    {7, 500, "internal server error", CONTROL_PROBLEM_REFUSED},
    {8, 400, "unsupported client version: v1.60 (88)\n", CONTROL_PROBLEM_VERSION},
};

/* Whatever the server says to it: a notice, and all stays as it was. */
static void test_refused_in_time(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        struct server_request *map = join(&w, DAY);

        login(&w, "typo");
        answer(&w, 0, cases[i].status, cases[i].answer);
        if (!CHECK(world_problem(&w, cases[i].problem)))
            fprintf(stderr, "    case %d\n", cases[i].number);
        CHECK(w.events[w.seen - 1].retried);
        world_keep_alive(&w, map, 60);
        CHECK(!map->reset && is_connected(&w));
        CHECK(server_find(&w.server, REGISTER, RENEWAL, 1) == NULL); /* a person tries again */
        login(&w, "good");
        answer(&w, 1, 200, ACCEPTED);
        CHECK(map->reset);
        CHECK(world_expect(&w, CONTROL_EVENT_NEW_NODE_KEY) != NULL);
        world_open_map(&w, 1);
        CHECK(is_connected(&w));
        CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 0);
        CHECK_EQ(world_count(&w, CONTROL_EVENT_CONNECT), 1);
        world_free(&w);
    }
}

/* A key that renewed nothing, and another: when the time is over the one before both is used. */
static void test_key_before(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        struct server_request *map = join_by(&w, "reusable", SOON);

        login(&w, "typo");
        answer(&w, 0, cases[i].status, cases[i].answer);
        login(&w, "older");
        login(&w, "misread");
        answer(&w, 2, cases[i].status, cases[i].answer);
        run_out(&w, map);
        if (!CHECK(server_find(&w.server, REGISTER, "\"AuthKey\":\"reusable\"", 1) != NULL))
            fprintf(stderr, "    case %d\n", cases[i].number);
        CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 0);
        world_free(&w);
    }
}

/* The same, and the end comes before the person, or before the server's answer. */
static void test_key_before_unfinished(bool person)
{
    struct world w;
    struct server_request *map = join_by(&w, "reusable", SOON);

    if (person) {
        login(&w, "");
        answer(&w, 0, 200, AUTH_URL);
        CHECK(world_expect(&w, CONTROL_EVENT_AUTH_URL) != NULL);
        run_out(&w, map);
        CHECK(world_expect(&w, CONTROL_EVENT_AUTH_URL) != NULL); /* nobody needs to go there */
    } else {
        world_keep_alive(&w, map, 9);
        CHECK(world_problem(&w, CONTROL_PROBLEM_KEY_EXPIRING));
        world_sleep(&w, 50 * 1000);
        login(&w, "typo");
        world_sleep(&w, 11 * 1000);
        answer(&w, 0, 200, "{\"Error\":\"invalid authkey\"}");
        CHECK(world_problem(&w, CONTROL_PROBLEM_AUTH_KEY_INVALID));
        CHECK(w.events[w.seen - 1].retried);
    }
    CHECK(server_find(&w.server, REGISTER, "\"AuthKey\":\"reusable\"", 1) != NULL);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 0);
    answer(&w, person ? 2 : 1, 200, "{\"Error\":\"authkey expired\"}"); /* nor is that, once */
    CHECK(world_problem(&w, CONTROL_PROBLEM_KEY_EXPIRED));
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 1);
    CHECK(server_find(&w.server, REGISTER, "\"AuthKey\":\"reusable\"", 2) == NULL);
    world_free(&w);
}

/* One that renewed it is the node's from then on. */
static void test_key_after(void)
{
    struct world w;
    struct server_request *map = join_by(&w, "reusable", SOON);

    login(&w, "good");
    answer(&w, 0, 200, ACCEPTED);
    map = world_open_map(&w, 1);
    tell(&w, map, SOON);
    run_out(&w, map);
    world_find(&w, REGISTER, "\"AuthKey\":\"good\"", 1);
    world_free(&w);
}

/* An admin who gives it more time, or less: what is said goes, and comes. */
static void test_more_time(void)
{
    struct world w;
    struct server_request *map = join(&w, SOON);

    CHECK_EQ(status(&w).key_expiry_wall_ms, 1700001600000);
    tell(&w, map, EXPIRES("15T22:20:00"));
    CHECK_EQ(status(&w).key_expiry_wall_ms, 1700086800000);
    tell(&w, map, EXPIRES("18T22:20:00"));
    CHECK_EQ(status(&w).key_expiry_wall_ms, 0);
    tell(&w, map, SOON);
    CHECK_EQ(status(&w).key_expiry_wall_ms, 1700001600000);
    CHECK(world_problem(&w, CONTROL_PROBLEM_KEY_EXPIRING));
    tell(&w, map, SELF("") "}"); /* it never ends */
    CHECK_EQ(status(&w).key_expiry_wall_ms, 0);
    tell(&w, map, SOON);
    CHECK(world_problem(&w, CONTROL_PROBLEM_KEY_EXPIRING));
    world_keep_alive(&w, map, 15);
    CHECK(world_expect(&w, CONTROL_EVENT_NEED_LOGIN) != NULL);
    CHECK_EQ(status(&w).key_expiry_wall_ms, 0);
    world_free(&w);
}

/* Slower, as it asks; then again. */
static void test_rate(void)
{
    struct world w;
    struct server_request *map = join(&w, DAY);

    login(&w, "hskey");
    server_head(&w.server, world_find(&w, REGISTER, RENEWAL, 0), 429, "30", true);
    world_run(&w);
    CHECK(world_problem(&w, CONTROL_PROBLEM_RATE));
    world_sleep(&w, 29000);
    CHECK(server_find(&w.server, REGISTER, RENEWAL, 1) == NULL);
    world_sleep(&w, 2000);
    CHECK(!map->reset);
    answer(&w, 1, 200, ACCEPTED);
    CHECK(world_expect(&w, CONTROL_EVENT_NEW_NODE_KEY) != NULL);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_CONNECT), 1);
    world_free(&w);
}

/* Nobody comes for long, or the key has run out by then; connections come and go. */
static void test_nobody_comes(void)
{
    struct world w;
    struct server_request *map = join(&w, DAY);
    struct world_event *e;

    login(&w, "");
    answer(&w, 0, 200, AUTH_URL);
    CHECK(world_expect(&w, CONTROL_EVENT_AUTH_URL) != NULL);
    world_keep_alive(&w, map, 60);
    CHECK(!map->reset && is_connected(&w));
    map = come_back(&w, DAY);
    CHECK(is_connected(&w));
    world_keep_alive(&w, map, 60);
    server_answer(&w.server, world_find(&w, REGISTER, FOLLOWUP, 0), 200, ACCEPTED);
    world_run(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_NEW_NODE_KEY) != NULL);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 0);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_AUTH_URL), 1);
    world_free(&w);

    map = join(&w, DAY); /* refused in the end: nobody needs to go there any more */
    login(&w, "");
    answer(&w, 0, 200, AUTH_URL);
    CHECK(world_expect(&w, CONTROL_EVENT_AUTH_URL) != NULL);
    server_answer(&w.server, world_find(&w, REGISTER, FOLLOWUP, 0), 200, "{\"Error\":\"no\"}");
    world_run(&w);
    e = world_expect(&w, CONTROL_EVENT_AUTH_URL);
    CHECK(e != NULL && e->text[0] == '\0');
    CHECK(world_problem(&w, CONTROL_PROBLEM_REFUSED));
    CHECK(!map->reset && is_connected(&w));
    world_free(&w);

    map = join(&w, SOON); /* the person comes when the key has run out */
    login(&w, "");
    answer(&w, 0, 200, AUTH_URL);
    world_keep_alive(&w, map, 20);
    CHECK(!map->reset);
    world_close(&w, 1006);
    world_sleep(&w, 500);
    server_answer(&w.server, world_find(&w, REGISTER, FOLLOWUP, 0), 200, ACCEPTED);
    world_run(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_NEW_NODE_KEY) != NULL);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 0);
    world_free(&w);

    join(&w, SOON); /* the server had renewed it, and that was not heard */
    login(&w, "hskey");
    world_close(&w, 1006);
    world_sleep(&w, 500);
    server_answer(&w.server, world_find(&w, MAP_PATH, STREAM, 0), 404, "node not found\n");
    world_run(&w);
    answer(&w, 0, 200, ACCEPTED);
    CHECK(world_expect(&w, CONTROL_EVENT_NEW_NODE_KEY) != NULL);
    world_open_map(&w, 1);
    CHECK(is_connected(&w));
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 2); /* KEY_EXPIRING, LOST */
    world_free(&w);
}

/* login() while there is no connection counts once there is one. */
static void test_login_between_connections(void)
{
    struct world w;

    join(&w, SOON);
    w.deaf = true;
    world_close(&w, 1006);
    world_sleep(&w, 60000);
    login(&w, "");
    w.deaf = false;
    for (int i = 0; i < 60 && !w.connected; i++)
        world_sleep(&w, 1000);
    tell(&w, world_open_map(&w, 0), SOON);
    answer(&w, 0, 200, AUTH_URL);
    CHECK(world_expect(&w, CONTROL_EVENT_AUTH_URL) != NULL);
    login(&w, "hskey"); /* a key in the person's place: there, and after another outage */
    world_close(&w, 1006);
    login(&w, "another");
    world_sleep(&w, 10);
    CHECK(server_find(&w.server, REGISTER, "\"AuthKey\":\"hskey\"", 0) == NULL);
    world_find(&w, REGISTER, "\"AuthKey\":\"another\"", 0);
    answer(&w, 0, 200, ACCEPTED);
    CHECK(world_expect(&w, CONTROL_EVENT_NEW_NODE_KEY) != NULL);
    come_back(&w, SOON);
    CHECK(server_find(&w.server, REGISTER, "", 0) == NULL); /* that was that */
    world_free(&w);
}

/* The connection is away when the person leaves: it comes back to take the old key's node back. */
static void test_logout(bool over)
{
    struct world w;
    struct server_request *map = join(&w, SOON);

    login(&w, "");
    answer(&w, 0, 200, AUTH_URL);
    if (over)
        world_keep_alive(&w, map, 15);
    for (int i = 0; i < 2; i++) { /* the second time without a map, if the key has run out */
        world_close(&w, 1006);
        if (i == 0)
            world_sleep(&w, 1000);
    }
    control_client_logout(w.cc, w.now_ms);
    world_sleep(&w, 10);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_LOGGED_OUT), 0);
    map = world_find(&w, REGISTER, "\"Expiry\":", 0);
    CHECK(strstr((char *)buf_head(&map->body), "OldNodeKey") == NULL);
    server_answer(&w.server, map, 200, "{}");
    world_run(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_LOGGED_OUT) != NULL);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEW_NODE_KEY), 0);
    world_free(&w);
}

/* While the server thinks about it: what it says tells whose node is to be taken back. */
static void test_logout_meanwhile(const char *said)
{
    struct world w;

    join(&w, SOON);
    login(&w, "hskey");
    control_client_logout(w.cc, w.now_ms);
    world_run(&w);
    CHECK(server_find(&w.server, REGISTER, "\"Expiry\":", 0) == NULL);
    answer(&w, 0, 200, said);
    server_answer(&w.server, world_find(&w, REGISTER, "\"Expiry\":", 0), 200, "{}");
    world_run(&w);
    CHECK(world_expect(&w, CONTROL_EVENT_LOGGED_OUT) != NULL);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEW_NODE_KEY), strcmp(said, ACCEPTED) == 0);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_NEED_LOGIN), 0);
    world_free(&w);
}

int main(void)
{
    prng_init(0x72656e6577616c);
    prng_host_init();
    crypto_init();
    test_refused_in_time();
    test_key_before();
    test_key_before_unfinished(true);
    test_key_before_unfinished(false);
    test_key_after();
    test_more_time();
    test_rate();
    test_nobody_comes();
    test_login_between_connections();
    test_logout(false);
    test_logout(true);
    test_logout_meanwhile(ACCEPTED);
    test_logout_meanwhile("{\"Error\":\"invalid authkey\"}");
    test_logout_meanwhile(AUTH_URL);
    return TEST_DONE();
}
