/* First contact: a peer that knows us only later, or is far away, is reached as soon as it can be; one
 * that never answers is left in peace. */
#include "test.h"

#include "sim/wg_world.h"

/* B's netmap gets A only after known_ms. */
static const struct {
    int number;
    uint64_t known_ms, rtt_ms, session_within_ms;
} late[] = {
    {1, 0, 20, 20},      {2, 700, 20, 900}, {3, 700, 60, 900}, {4, 1500, 20, 1700},
    {5, 1990, 20, 2100}, {6, 0, 250, 260},  {7, 0, 600, 610},  {8, 700, 400, 1210},
    {9, 2500, 20, 7600}, /* after the quick ones: every 5 s */
};

static void test_known_late(void)
{
    for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
        unsigned half = (unsigned)late[i].rtt_ms / 2;
        struct world *w = world_new(2, 2000 + i, (struct sim_path){0, 0, half, half});
        w->node[1].knows_from_ms[0] = late[i].known_ms;
        world_send(w, 0, 1, 0, 60, false);
        world_send(w, 0, 1, 1, 1280, true);
        world_run(w, late[i].session_within_ms);
        bool ok = CHECK(world_session(w, 0, 1));
        world_run(w, late[i].session_within_ms + 2 * late[i].rtt_ms + 1000);
        ok = CHECK_EQ(w->node[1].received_from[0], 2) && ok;
        if (!(CHECK(world_session(w, 1, 0)) && ok))
            fprintf(stderr, "    case %d\n", late[i].number);
        CHECK_EQ(w->node[1].garbled, 0);
        if (late[i].known_ms > 0)
            CHECK(world_drops(w, 1, WG_DROP_UNKNOWN_PEER) > 0);
        world_free(w);
    }
}

/* The far end forgets a session when it takes a newer initiation: what was sent in the first one comes again
 * in the one that lasts, and the initiations end. */
static void test_far_and_forgetful(void)
{
    static const unsigned delays[] = {30, 80, 130, 200, 260, 300, 340, 390};
    for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
        unsigned delay = delays[i];
        struct world *w = world_new(2, 2500 + i, (struct sim_path){0, 0, delay, delay});
        w->node[1].forgetful = true;
        world_send(w, 0, 1, 0, 60, false);
        world_run(w, 2 * delay + 1);
        world_send(w, 0, 1, 1, 60, false); /* before the last answer is in */
        bool ok = CHECK(world_run_until_received(w, 0, 1, 6 * delay + 1));
        world_run(w, 6 * delay + 1);
        world_send(w, 1, 0, 0, 60, false);
        world_run(w, w->now_ms + delay);
        ok = CHECK_EQ(w->node[1].received_from[0], 2) && ok;
        ok = CHECK_EQ(w->node[0].received_from[1], 1) && ok;
        uint64_t sent = w->messages[WG_MSG_INITIATION];
        ok = CHECK_EQ(sent, (2 * delay + 99) / FIRST_CONTACT_INTERVAL_MS) && ok;
        world_run(w, 60000);
        ok = CHECK_EQ(w->messages[WG_MSG_INITIATION], sent) && ok;
        ok = CHECK_EQ(world_waiting(w, 0) + world_retired(w, 0), 0) && ok;
        if (!(CHECK_EQ(w->node[0].dev->staged_bytes, 0) && ok))
            fprintf(stderr, "    delay %u\n", delay);
        world_free(w);
    }
}

/* The answers to newer initiations are lost, and with them the session: not for long. */
static uint64_t lose_up_to;

static bool lose_tap(struct world *w, int from, int to, uint8_t *data, size_t len)
{
    uint64_t responses = w->messages[WG_MSG_RESPONSE];
    (void)to, (void)len;
    return !(from == 1 && data[0] == WG_MSG_RESPONSE && responses >= 2 && responses <= lose_up_to);
}

static void test_newest_answer_lost(void)
{
    for (lose_up_to = 2; lose_up_to <= 4; lose_up_to++) {
        struct world *w = world_new(2, 2600, (struct sim_path){0, 0, 60, 60});
        w->node[1].forgetful = true;
        w->tap = lose_tap;
        world_send(w, 0, 1, 0, 60, false); /* initiations at 0 and 100, the first answer at 120 */
        CHECK(world_run_until_received(w, 0, 1, 120 + (lose_up_to - 1) * SETTLE_TIME_MS + 181));
        CHECK_EQ(w->node[1].duplicates, 0);
        world_free(w);
    }
}

/* The same far away: one more initiation, since its answer is waited for longer than it takes. */
static void test_newest_answers_lost_far(void)
{
    struct world *w = world_new(2, 2620, (struct sim_path){0, 0, 350, 350});
    lose_up_to = 7; /* of those that answer the initiations at 0 to 600 ms, all but the first */
    w->node[1].forgetful = true;
    w->tap = lose_tap;
    world_send(w, 0, 1, 0, 60, false);
    CHECK(world_run_until_received(w, 0, 1, 700 + 1400 + 1050 + 1));
    world_run(w, 30000);
    CHECK_EQ(w->messages[WG_MSG_INITIATION], 8);
    CHECK_EQ(w->node[1].received_from[0], 1);
    world_free(w);
}

/* As above, and then the far end initiates: what was kept goes out in its session. */
static bool lose_most_tap(struct world *w, int from, int to, uint8_t *data, size_t len)
{
    return lose_tap(w, from, to, data, len) &&
           !(from == 0 && data[0] == WG_MSG_INITIATION && w->now_ms > 200);
}

static void test_other_session_instead(void)
{
    struct world *w = world_new(2, 2650, (struct sim_path){0, 0, 60, 60});
    lose_up_to = UINT64_MAX;
    w->node[1].forgetful = true;
    w->tap = lose_most_tap;
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 250);
    CHECK_EQ(w->node[1].received_from[0], 0);
    CHECK_EQ(wg_device_initiate(w->node[1].dev, &w->node[0].public_key, true, w->now_ms), 0);
    CHECK(world_run_until_received(w, 0, 1, 250 + 4 * 60 + 1));
    CHECK_EQ(w->node[0].dev->staged_bytes, 0);
    world_free(w);
}

/* Heard in the session: what was kept is not sent again. */
static void test_heard(void)
{
    struct world *w = world_new(2, 2700, (struct sim_path){0, 0, 60, 60});
    lose_up_to = 2;
    w->tap = lose_tap;
    world_send(w, 0, 1, 0, 60, false);
    CHECK(world_run_until_received(w, 0, 1, 200)); /* a far end that remembers */
    world_send(w, 1, 0, 0, 60, false);
    world_run(w, 3000);
    CHECK_EQ(w->messages[WG_MSG_INITIATION], 2);
    CHECK_EQ(w->node[1].duplicates, 0);
    CHECK_EQ(w->node[0].dev->staged_bytes, 0);
    world_free(w);
}

/* The other has initiated and we answered: our own packet waits for the confirmation. */
static void test_answered_instead(void)
{
    static const unsigned at_ms[] = {50, 150}; /* before its initiation came, after it */
    for (int i = 0; i < 2; i++) {
        struct world *w = world_new(2, 2800, (struct sim_path){0, 0, 100, 100});
        world_send(w, 1, 0, 0, 60, false);
        world_run(w, at_ms[i]);
        world_send(w, 0, 1, 0, 60, false);
        CHECK(world_run_until_received(w, 0, 1, 401));
        CHECK_EQ(w->node[0].dev->peers->initiation_count, i == 0);
        world_free(w);
    }
}

/* Answers that pass each other, and some lost: traffic flows without waiting for a timer of seconds. */
static void test_far_and_lossy(void)
{
    for (unsigned seed = 1; seed <= 60; seed++) {
        struct world *w = world_new(2, 3000 + seed, (struct sim_path){200, 100, 100, 350});
        bool ok = false;
        for (unsigned n = 0; n < 40 && !ok; n++) { /* as TCP would: again every 200 ms */
            world_send(w, 0, 1, n, 60, false);
            world_run(w, w->now_ms + 200);
            ok = w->node[1].received_from[0] > 0;
        }
        if (!CHECK(ok && w->now_ms <= 3000))
            fprintf(stderr, "    seed %u: %llu ms\n", seed, (unsigned long long)w->now_ms);
        world_free(w);
    }
}

static void test_nobody_there(void)
{
    struct world *w = world_new(2, 4000, (struct sim_path){0, 0, 10, 10});
    world_stop(w, 1);
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 1999);
    CHECK_EQ(w->messages[WG_MSG_INITIATION], 20);
    world_run(w, 89000);
    uint64_t sent = w->messages[WG_MSG_INITIATION];
    CHECK(sent >= 20 + 87 * 3 / 16 && sent <= 20 + 1 + 87 / 5);
    CHECK_EQ(w->node[0].dev->staged_bytes, 60);
    world_run(w, 101000); /* given up: nothing more is sent, nothing kept */
    sent = w->messages[WG_MSG_INITIATION];
    CHECK_EQ(w->node[0].dev->staged_bytes, 0);
    CHECK_EQ(w->node[0].dev->peer_count, 1);
    CHECK_EQ(world_waiting(w, 0), 0);
    world_run(w, 1000 * 1000);
    CHECK_EQ(w->messages[WG_MSG_INITIATION], sent);
    CHECK_EQ(w->node[0].dev->peer_count, 0);
    CHECK(wg_device_next_deadline(w->node[0].dev) == NEVER);
    world_restart(w, 1, 0);
    world_send(w, 0, 1, 1, 60, false); /* asked for anew: quick again */
    CHECK(world_run_until_received(w, 0, 1, w->now_ms + 100));
    world_free(w);
}

/* Our own Node came in a map: now the peers know. */
static void test_kick(void)
{
    struct world *w = world_new(3, 5000, (struct sim_path){0, 0, 10, 10});
    w->node[1].knows_from_ms[0] = 3500;
    CHECK_EQ(wg_device_initiate(w->node[0].dev, &w->node[1].public_key, false, 0), 0);
    CHECK_EQ(wg_device_initiate(w->node[0].dev, &w->node[2].public_key, false, 0), 0);
    world_run(w, 3400);
    CHECK(!world_session(w, 0, 1));
    CHECK(world_session(w, 0, 2));
    uint64_t sent = w->messages[WG_MSG_INITIATION];
    wg_device_kick_unanswered(w->node[0].dev, w->now_ms);
    wg_device_kick_unanswered(w->node[0].dev, w->now_ms); /* within 20 ms: nothing */
    CHECK_EQ(w->messages[WG_MSG_INITIATION], sent + 1); /* and none for the one that has answered */
    world_run(w, 3650);
    CHECK(world_session(w, 0, 1)); /* a little too early was no loss */
    CHECK(world_session(w, 1, 0)); /* the initiator spoke first */
    world_free(w);
}

static void test_initiate(void)
{
    struct world *w = world_new(2, 6000, (struct sim_path){0, 0, 10, 10});
    struct wg_device *a = w->node[0].dev;
    const struct node_public *b = &w->node[1].public_key;
    static const struct node_public nobody = {{42}};
    CHECK_EQ(wg_device_initiate(a, &nobody, false, 0), IPN_ERR_NOT_FOUND);
    CHECK_EQ(wg_device_initiate(a, &w->node[0].public_key, false, 0), IPN_ERR_NOT_FOUND);
    world_stop(w, 1);
    CHECK_EQ(wg_device_initiate(a, b, false, 0), 0);
    CHECK_EQ(wg_device_initiate(a, b, false, 0), 0);
    CHECK_EQ(w->messages[WG_MSG_INITIATION], 1);
    world_run(w, 3000);
    uint64_t sent = w->messages[WG_MSG_INITIATION];
    CHECK_EQ(wg_device_initiate(a, b, false, w->now_ms), 0); /* one is under way */
    CHECK_EQ(w->messages[WG_MSG_INITIATION], sent);
    world_restart(w, 1, 0);
    CHECK_EQ(wg_device_initiate(a, b, true, w->now_ms), 0);
    CHECK_EQ(w->messages[WG_MSG_INITIATION], sent + 1);
    world_run(w, 3030);
    CHECK(world_session(w, 0, 1));
    CHECK_EQ(wg_device_initiate(a, b, false, w->now_ms), 0);
    world_run(w, 20000);
    CHECK_EQ(w->messages[WG_MSG_INITIATION], sent + 1);
    CHECK_EQ(world_waiting(w, 0) + world_retired(w, 0) + world_retired(w, 1), 0);

    /* A renewal that is not answered is not a first contact: no kick hurries it. */
    world_stop(w, 1);
    world_run(w, 140000);
    world_send(w, 0, 1, 0, 60, false);
    CHECK_EQ(w->messages[WG_MSG_INITIATION], sent + 2);
    world_run(w, 141000);
    wg_device_kick_unanswered(a, w->now_ms);
    CHECK_EQ(w->messages[WG_MSG_INITIATION], sent + 2);
    world_free(w);
}

/* No room at the relay yet: nothing is spent, and it goes out when there is. */
static void test_sink_opens_late(void)
{
    struct world *w = world_new(2, 7000, (struct sim_path){0, 0, 10, 10});
    w->node[0].sink_closed = true;
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 30000);
    CHECK_EQ(w->messages[WG_MSG_INITIATION], 0);
    CHECK_EQ(wg_device_last_timestamp_ms(w->node[0].dev), 0);
    CHECK(world_drops(w, 0, WG_DROP_SINK) > 100);
    w->node[0].sink_closed = false;
    CHECK(world_run_until_received(w, 0, 1, 30150));
    world_free(w);

    w = world_new(2, 7001, (struct sim_path){0, 0, 10, 10}); /* the two seconds begin only now */
    w->node[0].sink_closed = true;
    w->node[1].knows_from_ms[0] = 31000;
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 30000);
    w->node[0].sink_closed = false;
    CHECK(world_run_until_received(w, 0, 1, 31150));
    world_free(w);
}

int main(void)
{
    test_known_late();
    test_far_and_forgetful();
    test_newest_answer_lost();
    test_newest_answers_lost_far();
    test_other_session_instead();
    test_heard();
    test_answered_instead();
    test_far_and_lossy();
    test_nobody_there();
    test_kick();
    test_initiate();
    test_sink_opens_late();
    return TEST_DONE();
}
