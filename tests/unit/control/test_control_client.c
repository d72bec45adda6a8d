/* The connection: what breaks it, what brings it back, and what may not. */
#include "control/control_client.h"

#include <stdlib.h>

#include "control_world.h"
#include "crypto/random.h"
#include "prng.h"
#include "test.h"

/* Keep-alives hold it open; without them it is lost after two minutes, pings or not. */
static void test_watchdog(void)
{
    struct world w;
    struct server_request *map = world_join(&w, "hskey", 0);

    world_keep_alive(&w, map, 30);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 0);
    world_sleep(&w, 119000);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 0);
    CHECK(w.server.pings > 2);
    world_sleep(&w, 2000);
    CHECK(world_problem(&w, CONTROL_PROBLEM_LOST));
    world_free(&w);
}

/* A server that answers nothing at all is noticed by the ping. */
static void test_silent_server(void)
{
    struct world w;

    world_join(&w, "hskey", 0);
    w.connected = false; /* the cable is out */
    world_sleep(&w, 39000);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 0);
    world_sleep(&w, 2000);
    CHECK(world_problem(&w, CONTROL_PROBLEM_LOST));
    world_sleep(&w, 500);
    CHECK(world_expect(&w, CONTROL_EVENT_CONNECT) != NULL);
    world_find(&w, MAP_PATH, STREAM, 0); /* no register again */
    CHECK(server_find(&w.server, REGISTER, "", 0) == NULL);
    world_open_map(&w, 0);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_REGISTERED), 1);
    world_free(&w);
}

/* Asleep for an hour: the first tick must not throw away a connection that is well. */
static void test_sleep(void)
{
    struct world w;
    struct server_request *map = world_join(&w, "hskey", 0);

    world_jump(&w, 3600000);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 0);
    CHECK(w.server.pings >= 1);
    server_map(&w.server, map, "{\"KeepAlive\":true}");
    world_run(&w);
    world_keep_alive(&w, map, 3);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 0);
    w.connected = false; /* and one that is not well is noticed within seconds */
    world_jump(&w, 3600000);
    world_sleep(&w, 6000);
    CHECK(world_problem(&w, CONTROL_PROBLEM_LOST));
    world_free(&w);
}

/* Timers throttled to one a minute: every tick is late. */
static void test_throttled(void)
{
    struct world w;
    struct server_request *map = world_join(&w, "hskey", 0);

    for (int i = 0; i < 10; i++) {
        world_jump(&w, 60000);
        server_map(&w.server, map, "{\"KeepAlive\":true}");
        world_run(&w);
    }
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 0);
    w.connected = false;
    for (int i = 0; i < 3; i++)
        world_jump(&w, 60000);
    CHECK(world_problem(&w, CONTROL_PROBLEM_LOST));
    world_free(&w);
}

static void test_rebind(void)
{
    struct world w;

    world_join(&w, "hskey", 0);
    control_client_rebind(w.cc, w.now_ms);
    world_run(&w);
    CHECK_EQ(w.server.pings, 1);
    world_sleep(&w, 6000);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 0);
    w.connected = false;
    control_client_rebind(w.cc, w.now_ms);
    world_run(&w);
    world_sleep(&w, 5100);
    CHECK(world_problem(&w, CONTROL_PROBLEM_LOST));
    w.deaf = true; /* then in the backoff: at once */
    world_sleep(&w, 60000);
    w.deaf = false;
    w.seen = w.event_count;
    control_client_rebind(w.cc, w.now_ms);
    world_sleep(&w, 16000);
    CHECK(world_expect(&w, CONTROL_EVENT_CONNECT) != NULL);
    world_free(&w);
}

/* 0.2 s doubling to 30 s, at least half of it, at most all of it. */
static void test_backoff(void)
{
    struct world w;
    uint64_t expected = 200, total = 0;
    struct control_config config = {.auth_key = "hskey"};

    world_init(&w, &config);
    w.key_fails = true;
    control_client_start(w.cc, w.now_ms);
    world_run(&w);
    for (int i = 0; i < 14; i++) {
        uint64_t delay = control_client_next_deadline(w.cc) - w.now_ms;

        CHECK(world_problem(&w, CONTROL_PROBLEM_UNREACHABLE));
        CHECK(delay >= expected / 2 && delay <= expected);
        total += delay;
        world_sleep(&w, delay);
        expected = expected * 2 > 30000 ? 30000 : expected * 2;
    }
    CHECK_EQ(world_count(&w, CONTROL_EVENT_GET_KEY), 15);
    CHECK(total > 100000);
    w.key_fails = false;
    control_client_rebind(w.cc, w.now_ms);
    world_sleep(&w, 0);
    CHECK(world_expect(&w, CONTROL_EVENT_CONNECT) != NULL);
    world_free(&w);
}

static void test_refused_websocket(void)
{
    struct world w;
    struct control_config config = {.auth_key = "hskey"};

    world_init(&w, &config);
    w.refuse = 1;
    control_client_start(w.cc, w.now_ms);
    world_run(&w);
    CHECK(world_problem(&w, CONTROL_PROBLEM_TS2021_REFUSED)); /* /key was answered, /ts2021 not */
    world_sleep(&w, 300);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_GET_KEY), 2);
    world_find(&w, REGISTER, "", 0);
    world_free(&w);

    struct control_config keyed = {.auth_key = "hskey", .have_server_key = true};
    memset(keyed.server_key.b, 9, KEY_LEN);
    world_init(&w, &keyed);
    w.refuse = 1;
    control_client_start(w.cc, w.now_ms);
    world_run(&w);
    CHECK(world_problem(&w, CONTROL_PROBLEM_UNREACHABLE));
    CHECK_EQ(world_count(&w, CONTROL_EVENT_GET_KEY), 0);
    world_sleep(&w, 300); /* opened, but it is not the server's key */
    CHECK(world_problem(&w, CONTROL_PROBLEM_SERVER_KEY));
    world_free(&w);
}

static void test_key_answers(void)
{
    static const struct {
        int number;
        int status;
        const char *body;
        enum control_problem problem;
    } cases[] = {
        {1, 0, "", CONTROL_PROBLEM_UNREACHABLE},
        {2, 400, "unsupported client version", CONTROL_PROBLEM_VERSION},
        {3, 404, " <!doctype html>\x01\x02<p>Lost?</p>", CONTROL_PROBLEM_PROTOCOL},
        {4, 429, "", CONTROL_PROBLEM_RATE},
        {5, 200, "<html>", CONTROL_PROBLEM_PROTOCOL},
        {6, 200, "{}", CONTROL_PROBLEM_PROTOCOL},
        {7, 404, "404 page not found\n", CONTROL_PROBLEM_UNREACHABLE},
        {8, 502, "<html><h1>502 Bad Gateway</h1></html>", CONTROL_PROBLEM_UNREACHABLE},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        struct control_config config = {.url = "https://hs.example/there"};
        const char *words;

        world_init(&w, &config);
        w.deaf = true;
        control_client_start(w.cc, w.now_ms);
        world_run(&w);
        control_client_key_response(w.cc, cases[i].status, (const uint8_t *)cases[i].body,
                                    strlen(cases[i].body), w.now_ms);
        world_run(&w);
        if (!CHECK(world_problem(&w, cases[i].problem)))
            fprintf(stderr, "    case %d\n", cases[i].number);
        words = w.events[w.seen - 1].text;
        CHECK(strchr(words, '<') == NULL && strlen(words) < 200);
        CHECK_EQ(strncmp(words, config.url, strlen(config.url)) == 0,
                 cases[i].status == 502 || cases[i].problem == CONTROL_PROBLEM_PROTOCOL);
        world_sleep(&w, 300);
        CHECK_EQ(world_count(&w, CONTROL_EVENT_GET_KEY), 2);
        world_free(&w);
    }
}

/* What never answers is given up: the key, the WebSocket, the handshake, register. */
static void test_timeouts(void)
{
    struct world w;
    struct control_config config = {.auth_key = "hskey"};

    world_init(&w, &config);
    w.deaf = true;
    control_client_start(w.cc, w.now_ms);
    world_run(&w);
    world_sleep(&w, 15010);
    CHECK(world_problem(&w, CONTROL_PROBLEM_UNREACHABLE));
    w.deaf = false;
    w.refuse = 0;
    world_sleep(&w, 300);
    world_find(&w, REGISTER, "", 0);
    w.seen = w.event_count;
    for (int i = 0; i < 29; i++) { /* it answers pings, but not this */
        world_sleep(&w, 1000);
        CHECK(w.connected);
    }
    world_sleep(&w, 1500);
    CHECK(world_problem(&w, CONTROL_PROBLEM_LOST));
    world_free(&w);

    struct control_config keyed = {.have_server_key = true};
    machine_private_generate(&(struct machine_private){{0}});
    memset(keyed.server_key.b, 9, KEY_LEN);
    world_init(&w, &keyed);
    w.deaf = true;
    control_client_start(w.cc, w.now_ms);
    world_run(&w);
    control_client_opened(w.cc, w.now_ms);
    world_sleep(&w, 10100);
    CHECK(world_problem(&w, CONTROL_PROBLEM_LOST));
    CHECK_EQ(world_count(&w, CONTROL_EVENT_CLOSE), 1);
    world_sleep(&w, 16000); /* and the next one never opens */
    CHECK(world_problem(&w, CONTROL_PROBLEM_UNREACHABLE));
    CHECK_EQ(world_count(&w, CONTROL_EVENT_CLOSE), 2);
    world_free(&w);
}

/* An empty 200 is an end before the first frame. */
static void test_map_ends(void)
{
    static const struct {
        int number;
        int status;
        const char *body;
        enum control_problem problem;
        bool login;
    } cases[] = {
        {1, 200, "", CONTROL_PROBLEM_LOST, false},
        {2, 200, "\x05\x00", CONTROL_PROBLEM_LOST, false},
        {3, 500, "internal server error", CONTROL_PROBLEM_REFUSED, false},
        {4, 400, "unsupported client version", CONTROL_PROBLEM_VERSION, true},
        {5, 429, "", CONTROL_PROBLEM_RATE, false},
        {6, 200, "\xff\xff\xff\x7f", CONTROL_PROBLEM_PROTOCOL, false}, /* 2 GB */
        {7, 200, "\x01\x01\x01\x02zstd", CONTROL_PROBLEM_PROTOCOL, false}, /* over 32 MB */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;

        world_start(&w, "hskey", 0);
        world_accept(&w);
        server_answer(&w.server, world_find(&w, MAP_PATH, STREAM, 0), cases[i].status,
                      cases[i].body);
        world_run(&w);
        if (!CHECK(world_problem(&w, cases[i].problem)))
            fprintf(stderr, "    case %d\n", cases[i].number);
        CHECK_EQ(world_expect(&w, CONTROL_EVENT_NEED_LOGIN) != NULL, cases[i].login);
        world_free(&w);
    }
}

/* A map stream that lives ten seconds forgives; one that ends at once waits longer and longer. */
static void test_flapping(void)
{
    struct world w;
    uint64_t delays[4];

    world_join(&w, "hskey", 0);
    for (int i = 0; i < 4; i++) {
        struct server_request *map = world_find(&w, MAP_PATH, STREAM, 0);

        if (i == 3)
            world_keep_alive(&w, map, 1);
        server_body(&w.server, map, "", 0, true);
        world_run(&w);
        delays[i] = control_client_next_deadline(w.cc) - w.now_ms;
        world_sleep(&w, delays[i]);
        world_open_map(&w, 0);
    }
    CHECK(delays[2] >= 400 && delays[2] <= 800);
    CHECK(delays[3] <= 200);
    world_free(&w);
}

static void test_broken_server(void)
{
    static const uint8_t garbage[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    struct world w;

    world_join(&w, "hskey", 0);
    control_client_input(w.cc, garbage, sizeof garbage, w.now_ms);
    world_run(&w);
    CHECK(world_problem(&w, CONTROL_PROBLEM_PROTOCOL));
    CHECK(world_expect(&w, CONTROL_EVENT_CLOSE) != NULL ||
          world_count(&w, CONTROL_EVENT_CLOSE) == 1);
    world_free(&w);

    world_join(&w, "hskey", 0); /* records that are authentic, but no HTTP/2 */
    server_record(&w.server, garbage, sizeof garbage);
    world_run(&w);
    CHECK(world_problem(&w, CONTROL_PROBLEM_PROTOCOL));
    world_free(&w);

    world_join(&w, "hskey", 0);
    server_goaway(&w.server); /* what runs may end; the next request goes to a new connection */
    world_run(&w);
    CHECK_EQ(world_count(&w, CONTROL_EVENT_PROBLEM), 0);
    control_client_set_home_derp(w.cc, 5, w.now_ms);
    world_run(&w);
    CHECK(world_problem(&w, CONTROL_PROBLEM_LOST));
    world_free(&w);

    world_start(&w, "hskey", 0); /* register reset by the server */
    server_reset(&w.server, world_find(&w, REGISTER, "", 0));
    world_run(&w);
    CHECK(world_problem(&w, CONTROL_PROBLEM_LOST));
    world_free(&w);

    struct server_request *map = world_join(&w, "hskey", 0);
    server_map(&w.server, map, "{\"Peers\":[");
    world_run(&w);
    CHECK(world_problem(&w, CONTROL_PROBLEM_PROTOCOL));
    world_free(&w);
}

static void test_early_payload(void)
{
    static const char json[] = "{\"nodeKeyChallenge\":\"chalpub:00\"}";
    uint8_t early[9 + sizeof json - 1] = "\xff\xff\xffTS";
    struct control_config config = {.auth_key = "hskey"};

    for (size_t piece = 0; piece < 3; piece++) {
        struct world w;
        char path[600];

        world_init(&w, &config);
        w.deaf = true;
        w.piece = piece;
        control_client_start(w.cc, w.now_ms);
        world_run(&w);
        w.key_fails = false;
        memcpy(early + 9, json, sizeof json - 1);
        store_be32(early + 5, sizeof json - 1);
        /* by hand: the response, the early payload, then HTTP/2 */
        char key[KEY_TEXT_CAP], body[200] = "{\"publicKey\":\"";
        machine_public_format(key, &w.server.public_key);
        strcat(strcat(body, key), "\"}");
        control_client_key_response(w.cc, 200, (uint8_t *)body, strlen(body), w.now_ms);
        world_run(&w);
        memcpy(path, world_expect(&w, CONTROL_EVENT_CONNECT)->text, sizeof path);
        control_client_opened(w.cc, w.now_ms);
        w.connected = server_accept(&w.server, path);
        CHECK(w.connected);
        server_record(&w.server, early, 4);
        server_record(&w.server, early + 4, sizeof early - 4);
        world_run(&w);
        world_accept(&w);
        CHECK(world_expect(&w, CONTROL_EVENT_REGISTERED) != NULL);
        world_free(&w);
    }
}

/* A map of 1.5 MB: the windows open in time, and after a reconnect it replaces the old. */
static void test_large_map(void)
{
    enum { PEERS = 5000 };
    char *json = malloc(PEERS * 300), *at = json;
    struct server_request *r;
    struct world w;

    at += sprintf(at, SELF("") ",\"Peers\":[");
    for (int i = 0; i < PEERS; i++)
        at += sprintf(
            at,
            "%s{\"ID\":%d,\"Key\":\"nodekey:%064x\",\"Name\":\"n%d.tail.example.\",\"Addresses\":["
            "\"100.64.%d.%d/32\"],\"Hostinfo\":{\"OS\":\"linux\",\"Hostname\":\"%0100d\"}}",
            i ? "," : "", i + 2, i + 1, i, i / 256, i % 256, i);
    strcpy(at, "]}");
    world_start(&w, "hskey", 0);
    world_accept(&w);
    r = world_find(&w, MAP_PATH, STREAM, 0);
    server_head(&w.server, r, 200, NULL, false);
    server_map(&w.server, r, json);
    world_run(&w);
    CHECK_EQ(control_client_netmap(w.cc)->peer_count, PEERS);
    CHECK_EQ(r->answer.len, 0);
    free(json);
    world_close(&w, 1006);
    world_sleep(&w, 300);
    world_open_map(&w, 0);
    CHECK_EQ(control_client_netmap(w.cc)->peer_count, 1);
    CHECK((w.events[w.event_count - 1].changed & NETMAP_REMOVED_PEERS) != 0);
    CHECK(w.server.biggest_message <= 32768);
    world_free(&w);
}

static bool open_request(const struct world *w, const struct server_request *r)
{
    return w->connected && !w->server.broken && r->whole && !r->reset && !r->answer_ends &&
           !r->answered;
}

static void chaos_answer(struct world *w)
{
    static const char *const answers[] = {
        "{\"MachineAuthorized\":true}",
        "{\"NodeKeyExpired\":true}",
        "{\"AuthURL\":\"http://x/y\"}",
        "{\"Error\":\"x\"}",
        "null",
        "",
        "\x02\x01\x01\x03",
    };
    static const int statuses[] = {200, 200, 200, 404, 429, 500};
    size_t count = w->server.request_count;
    struct server_request *r = &w->server.requests[count == 0 ? 0 : prng_below(count)];

    if (count == 0 || !open_request(w, r))
        return;
    if (prng_below(8) == 0)
        server_reset(&w->server, r);
    else
        server_answer(&w->server, r, statuses[prng_below(6)], answers[prng_below(7)]);
}

static void chaos_step(struct world *w)
{
    uint8_t noise[64];

    switch (prng_below(16)) {
    case 0:
        world_sleep(w, prng_below(20000));
        break;
    case 1:
        world_jump(w, prng_below(200000));
        break;
    case 2:
        world_close(w, 1000 + (int)prng_below(12));
        break;
    case 3:
        control_client_rebind(w->cc, w->now_ms);
        break;
    case 4:
        control_client_login(w->cc, prng_below(2) ? "k" : "", w->now_ms);
        break;
    case 5:
        control_client_set_home_derp(w->cc, (int)prng_below(5), w->now_ms);
        break;
    case 6:
        if (prng_below(4) == 0)
            control_client_logout(w->cc, w->now_ms);
        break;
    case 7:
        prng_fill(noise, sizeof noise);
        if (prng_below(4) == 0)
            control_client_input(w->cc, noise, sizeof noise, w->now_ms);
        break;
    case 8:
        control_client_opened(w->cc, w->now_ms);
        w->refuse = (int)prng_below(2);
        break;
    default:
        chaos_answer(w);
        break;
    }
    world_run(w);
    if (w->event_count > WORLD_MAX_EVENTS - 60)
        w->event_count = w->seen = 0;
}

/* Answers as a server should. */
static void honest_answers(struct world *w)
{
    for (size_t i = 0; i < w->server.request_count; i++) {
        struct server_request *r = &w->server.requests[i];

        if (!open_request(w, r))
            continue;
        if (strcmp(r->path, REGISTER) == 0) {
            server_answer(&w->server, r, 200, "{\"MachineAuthorized\":true}");
        } else if (strstr((char *)buf_head(&r->body), STREAM) != NULL) {
            server_head(&w->server, r, 200, NULL, false);
            server_map(&w->server, r, MAP);
        } else {
            server_answer(&w->server, r, 200, "");
        }
    }
    world_run(w);
}

/* Every kind of nonsense at every moment; then all is well again, and whatever came before, the
 * client must be back with a map within the longest backoff, given a key where it asked for one. */
static void test_chaos(void)
{
    for (int round = 0; round < 300; round++) {
        struct world w;

        world_start(&w, prng_below(2) ? "hskey" : "", prng_below(3));
        for (int step = 0; step < 40; step++)
            chaos_step(&w);
        w.refuse = 0;
        w.event_count = w.seen = 0;
        world_sleep(&w, 2000); /* a logout that is under way ends */
        control_client_login(w.cc, "k", w.now_ms);
        world_run(&w);
        for (int i = 0; i < 100 && world_count(&w, CONTROL_EVENT_NETMAP) == 0; i++) {
            honest_answers(&w);
            world_sleep(&w, 500);
        }
        if (!CHECK(world_count(&w, CONTROL_EVENT_NETMAP) > 0))
            fprintf(stderr, "    round %d, last event %d\n", round,
                    w.event_count == 0 ? 0 : (int)w.events[w.event_count - 1].type);
        world_free(&w);
    }
}

int main(void)
{
    prng_init(0x636f6e74726f6c);
    prng_host_init();
    crypto_init();
    test_watchdog();
    test_silent_server();
    test_sleep();
    test_throttled();
    test_rebind();
    test_backoff();
    test_refused_websocket();
    test_key_answers();
    test_timeouts();
    test_map_ends();
    test_flapping();
    test_broken_server();
    test_early_payload();
    test_large_map();
    test_chaos();
    return TEST_DONE();
}
