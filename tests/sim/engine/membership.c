/* The admin deletes or expires our node: what the page is told, and that its sessions live on. */
#include "sim/engine/world.h"
#include "unit/test.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static struct world w;

static bool needs_login(const struct world *now)
{
    return now->states[now->state_count - 1] == IPN_STATE_NEEDS_LOGIN;
}

static bool echoed(const struct world *now)
{
    return now->streams[0].received == now->streams[0].to_send;
}

static bool told(const struct world *now)
{
    return now->problems > 0;
}

static bool registered_anew(const struct world *now)
{
    return now->have_node;
}

/* Joined, with a stream that was used. */
static void join(const char *auth_key)
{
    world_start(&w, auth_key, 0);
    w.script = auth_key[0] ? SCRIPT_ACCEPT : SCRIPT_LOGIN;
    IPN_CALL(ipn_run(w.ipn, w.now_ms));
    IPN_CALL(ipn_login(w.ipn, "", w.now_ms));
    CHECK(world_run(&w, MINUTE, world_joined));
    world_tcp(&w, "far", WORLD_PORT, 1000);
    CHECK(world_run(&w, MINUTE, echoed));
    world_run(&w, MINUTE, NULL);
    CHECK_EQ(w.problems, 0);
}

static void leave(void)
{
    const struct world_stream *s = &w.streams[0];
    w.streams[0].to_send += 5000;
    CHECK(world_run(&w, MINUTE, echoed));
    CHECK(s->open && !s->done && !s->corrupt && s->errors == 0);
    CHECK_EQ(w.unknown_ids, 0);
    CHECK_EQ(w.busy, 0);
    CHECK_EQ(w.forgotten, 0);
    world_stop(&w);
}

/* The server forgets us without a word, and the far node with it. */
static void delete_node(void)
{
    w.have_node = false;
    w.loss = 1000;
    w.streams[0].to_send += 1000;
}

static void test_deleted(void)
{
    join("reusable");
    delete_node();
    CHECK(world_run(&w, 30 * SECOND, told)); /* as the far node is silent, the server is asked */
    CHECK_STR(w.problem, "node-deleted");
    CHECK(world_run(&w, MINUTE, registered_anew));
    w.loss = 0;
    CHECK(world_run(&w, 30 * SECOND, echoed));
    CHECK(world_joined(&w));
    CHECK_EQ(w.registers, 2);
    leave();
}

/* Nothing is sent, so nothing is missed: the server is asked all the same. */
static void test_deleted_while_idle(void)
{
    join("reusable");
    w.have_node = false;
    CHECK(world_run(&w, 7 * MINUTE, told));
    CHECK_STR(w.problem, "node-deleted");
    leave();
}

/* A key for one node: a person, or the page with another key, brings it back. */
static void test_deleted_for_good(const char *new_key)
{
    join("once");
    delete_node();
    w.script = SCRIPT_INVALID_KEY;
    CHECK(world_run(&w, MINUTE, needs_login));
    CHECK_STR(w.problem, "node-deleted");
    CHECK(strstr(w.problem_text, "has removed this node") != NULL);
    w.script = new_key[0] ? SCRIPT_ACCEPT : SCRIPT_LOGIN;
    IPN_CALL(ipn_login(w.ipn, new_key, w.now_ms));
    CHECK(world_run(&w, MINUTE, world_joined));
    CHECK_EQ(w.browses, !new_key[0]);
    w.loss = 0;
    leave();
}

/* With other addresses: what was open cannot go on, and says why. */
static void test_deleted_and_readdressed(void)
{
    join("reusable");
    struct world_stream *before = &w.streams[0];
    delete_node();
    w.page_id = 77;
    CHECK(world_run(&w, MINUTE, registered_anew));
    w.loss = 0;
    world_run(&w, 5 * SECOND, NULL);
    CHECK(before->done);
    CHECK_EQ(before->errors, 1);
    CHECK_STR(before->code, "address-changed");
    CHECK(world_joined(&w));
    world_stop(&w);
}

static void test_expired(const char *new_key)
{
    join("");
    struct node_public before = w.node_key;
    script_expire_self(&w);
    CHECK(world_run(&w, SECOND, needs_login));
    CHECK_STR(w.problem, "node-key-expired");
    w.streams[0].to_send += 1000; /* as long as the far node takes the old key */
    CHECK(world_run(&w, MINUTE, echoed));
    w.script = new_key[0] ? SCRIPT_ACCEPT : SCRIPT_LOGIN;
    IPN_CALL(ipn_login(w.ipn, new_key, w.now_ms));
    CHECK(world_run(&w, MINUTE, world_joined));
    CHECK_EQ(w.browses, new_key[0] ? 1 : 2);
    CHECK(memcmp(before.b, w.node_key.b, sizeof before.b) != 0);
    leave();
}

/* Its map goes on: else an ephemeral node is deleted, and its address with it. So an admin who gives it
 * more time is heard, too. */
static void test_expired_for_long(void)
{
    join("");
    script_expire_self(&w);
    CHECK(world_run(&w, SECOND, needs_login));
    unsigned maps = w.maps, problems = w.problems;
    CHECK(!world_run(&w, 20 * MINUTE, world_joined));
    script_expire_self(&w);
    script_remove_far(&w); /* news do not end it */
    CHECK(!world_run(&w, MINUTE, world_joined));
    CHECK_EQ(w.maps, maps);
    CHECK_EQ(w.problems, problems);
    script_expire_self_in(&w, 3000);
    CHECK(world_run(&w, SECOND, world_joined));
    script_expire_self(&w);
    CHECK(world_run(&w, SECOND, needs_login));
    world_cut(&w, WORLD_CONTROL); /* meanwhile it gets more time */
    CHECK(world_run(&w, MINUTE, world_joined));
    CHECK_EQ(w.browses, 1);
    world_stop(&w);
}

/* login() in time: a new key while the old one is still good, and nothing stops. */
static void test_renewed_in_time(void)
{
    join("");
    struct node_public before = w.node_key;
    IPN_CALL(ipn_login(w.ipn, "", w.now_ms)); /* nothing to renew */
    world_run(&w, SECOND, NULL);
    CHECK_EQ(w.registers, 2);
    script_expire_self_in(&w, 240);
    CHECK(world_run(&w, SECOND, told));
    CHECK_STR(w.problem, "node-key-expiring");
    IPN_CALL(ipn_login(w.ipn, "", w.now_ms));
    CHECK(world_run(&w, SECOND, needs_login)); /* a person is asked once more */
    CHECK(world_run(&w, MINUTE, world_joined));
    CHECK_EQ(w.browses, 2);
    CHECK(memcmp(before.b, w.node_key.b, sizeof before.b) != 0);
    leave();
}

/* The key expires soon, and the auth key that shall renew it is none. */
static void renew_by_typo(void)
{
    script_expire_self_in(&w, 240);
    CHECK(world_run(&w, SECOND, told));
    w.script = SCRIPT_INVALID_KEY;
    IPN_CALL(ipn_login(w.ipn, "typo", w.now_ms));
    world_run(&w, 5 * SECOND, NULL);
    CHECK_STR(w.problem, "auth-key-invalid");
}

/* It comes to nothing: a notice, and the page stays joined, with its old key. */
static void test_not_renewed(void)
{
    join("");
    struct node_public before = w.node_key;
    renew_by_typo();
    CHECK(world_joined(&w));
    IPN_CALL(ipn_login(w.ipn, "", w.now_ms)); /* no better, but the next is heard */
    world_run(&w, 5 * SECOND, NULL);
    CHECK_EQ(w.problems, 3);
    CHECK(world_joined(&w));
    w.script = SCRIPT_LOGIN;
    IPN_CALL(ipn_login(w.ipn, "", w.now_ms)); /* a person is asked */
    CHECK(world_run(&w, 500, needs_login));
    unsigned netmaps = w.netmaps;
    script_remove_far(&w); /* news do not end that */
    world_run(&w, 50, NULL);
    CHECK(w.netmaps > netmaps);
    CHECK(needs_login(&w));
    w.script = SCRIPT_INVALID_KEY;
    world_run(&w, 5 * SECOND, NULL);
    CHECK(world_joined(&w));
    w.script = SCRIPT_LOGIN;
    IPN_CALL(ipn_login(w.ipn, "", w.now_ms)); /* and once more */
    CHECK(world_run(&w, SECOND, needs_login));
    CHECK(world_run(&w, MINUTE, world_joined));
    CHECK(memcmp(before.b, w.node_key.b, sizeof before.b) != 0);
    CHECK_EQ(w.browses, 3);
    world_stop(&w);
}

/* The same, and the key that it joined with is good still: that renews it in the end. */
static void test_renewed_by_key_before(void)
{
    join("reusable");
    struct node_public before = w.node_key;
    renew_by_typo();
    w.script = SCRIPT_ACCEPT;
    world_run(&w, 5 * MINUTE, NULL);
    CHECK(world_joined(&w));
    CHECK(memcmp(before.b, w.node_key.b, sizeof before.b) != 0);
    for (unsigned i = 0; i < w.state_count; i++)
        CHECK(w.states[i] != IPN_STATE_NEEDS_LOGIN);
    leave();
}

/* login() while the server is away, twice, for it does nothing at first. */
static void test_renewed_after_outage(void)
{
    join("");
    struct node_public before = w.node_key;
    script_expire_self_in(&w, 240);
    CHECK(world_run(&w, SECOND, told));
    world_cut(&w, WORLD_CONTROL);
    IPN_CALL(ipn_login(w.ipn, "", w.now_ms));
    IPN_CALL(ipn_login(w.ipn, "", w.now_ms));
    CHECK(world_run(&w, MINUTE, needs_login));
    CHECK(world_run(&w, MINUTE, world_joined));
    CHECK_EQ(w.browses, 2);
    CHECK(memcmp(before.b, w.node_key.b, sizeof before.b) != 0);
    leave();
}

int main(void)
{
    world_setup();
    test_deleted();
    test_deleted_while_idle();
    test_deleted_and_readdressed();
    test_deleted_for_good("another");
    test_deleted_for_good("");
    test_expired("");
    test_expired("another");
    test_expired_for_long();
    test_renewed_in_time();
    test_not_renewed();
    test_renewed_by_key_before();
    test_renewed_after_outage();
    return TEST_DONE();
}
