/* Sessions in time: renewed under traffic without losing a packet, expired without, wiped, forgotten. */
#include "test.h"

#include "base/bytes.h"
#include "sim/wg_world.h"

enum { S = 1000 };

static uint64_t handshakes(struct world *w, int i)
{
    return wg_device_stats(w->node[i].dev)->handshakes;
}

/* Packets every 50 ms for ten minutes: either way, or both. */
static void test_traffic(bool forth, bool back, struct sim_path path)
{
    struct world *w = world_new(2, 8000, path);
    unsigned sent = 0;
    world_send(w, 0, 1, sent++, 60, false);
    world_run(w, 2 * S);
    for (; w->now_ms < 600 * S; sent++) {
        if (forth)
            world_send(w, 0, 1, sent, 60, false);
        if (back)
            world_send(w, 1, 0, sent, 60, false);
        world_run(w, w->now_ms + 50);
    }
    world_run(w, w->now_ms + 2 * S);
    if (path.loss_permille == 0) {
        CHECK_EQ(w->node[1].received_from[0], w->node[0].sent_to[1]);
        CHECK_EQ(w->node[0].received_from[1], w->node[1].sent_to[0]);
        /* 5, and at first contact one per initiation that was on its way before the answer */
        CHECK(handshakes(w, 0) >= 5 && handshakes(w, 0) <= 5 + path.delay_max_ms / 50);
    } else {
        uint64_t lost_percent = forth ? 100 - 100 * w->node[1].received_from[0] / sent : 0;
        CHECK(lost_percent <= path.loss_permille / 10 + 2);
        CHECK(handshakes(w, 0) >= 3);
    }
    /* The first may come again, see wg_peer.unsettled. */
    CHECK(w->node[0].duplicates + w->node[1].duplicates <= 4);
    CHECK_EQ(world_drops(w, 0, WG_DROP_CRYPTO) + world_drops(w, 1, WG_DROP_CRYPTO), 0);
    world_free(w);
}

static void test_rekey_moment(void)
{
    struct world *w = world_new(2, 8100, (struct sim_path){0, 0, 10, 10});
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 119 * S);
    world_send(w, 0, 1, 1, 60, false);
    world_run(w, 120 * S); /* session made at 20 ms */
    CHECK_EQ(handshakes(w, 0), 1);
    world_send(w, 1, 0, 1, 60, false); /* the responder does not ask */
    world_run(w, 120500);
    CHECK_EQ(handshakes(w, 0), 1);
    world_send(w, 1, 0, 2, 60, false);
    world_run(w, 121 * S);
    CHECK_EQ(handshakes(w, 0), 1);
    world_send(w, 0, 1, 2, 60, false);
    world_run(w, 122 * S);
    CHECK_EQ(handshakes(w, 0), 2);
    CHECK_EQ(handshakes(w, 1), 2);
    world_free(w);
}

/* The initiator only receives: it renews in the last 15 seconds, unasked. */
static void test_last_minute(void)
{
    struct world *w = world_new(2, 8200, (struct sim_path){0, 0, 10, 10});
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 170 * S);
    CHECK_EQ(handshakes(w, 0), 1);
    world_send(w, 1, 0, 0, 60, false);
    world_run(w, 171 * S);
    CHECK_EQ(handshakes(w, 0), 2);
    world_run(w, 340 * S);
    world_send(w, 1, 0, 1, 60, false);
    world_run(w, 341 * S);
    CHECK_EQ(handshakes(w, 0), 3); /* the next session as well */
    world_free(w);
}

static void test_expiry(void)
{
    struct world *w = world_new(2, 8300, (struct sim_path){0, 0, 10, 10});
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 180 * S);
    CHECK(world_session(w, 0, 1));
    uint64_t transports = w->messages[WG_MSG_TRANSPORT];
    CHECK_EQ(transports, 2); /* the packet, and one keepalive that says it came */
    world_run(w, 181 * S);
    CHECK(!world_session(w, 0, 1));
    CHECK(!world_session(w, 1, 0));
    /* A packet made with the old keys is not accepted any more. */
    sim_inject(&w->net, 0, 1, w->last[0][WG_MSG_TRANSPORT], w->last_len[0][WG_MSG_TRANSPORT],
               w->now_ms);
    world_run(w, 182 * S);
    CHECK_EQ(world_drops(w, 1, WG_DROP_INDEX), 1);
    CHECK(w->node[0].dev->peers->keypairs.current != NULL);
    world_run(w, 539 * S);
    CHECK_EQ(w->node[0].dev->peer_count, 1);
    world_run(w, 541 * S);
    CHECK_EQ(w->node[0].dev->peer_count, 0);
    CHECK_EQ(w->node[1].dev->peer_count, 0);
    CHECK_EQ(w->messages[WG_MSG_TRANSPORT], transports);
    world_send(w, 1, 0, 0, 60, false);
    CHECK(world_run_until_received(w, 1, 0, w->now_ms + 100));
    world_free(w);
}

static void test_keepalive(void)
{
    struct world *w = world_new(2, 8400, (struct sim_path){0, 0, 10, 10});
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 10 * S);
    CHECK_EQ(w->messages[WG_MSG_TRANSPORT], 1);
    world_run(w, 11 * S);
    CHECK_EQ(w->messages[WG_MSG_TRANSPORT], 2); /* 10 s after it came */
    CHECK_EQ(w->last_len[1][WG_MSG_TRANSPORT], WG_TRANSPORT_OVERHEAD);
    world_run(w, 100 * S);
    CHECK_EQ(w->messages[WG_MSG_TRANSPORT], 2); /* a keepalive is not answered */
    CHECK_EQ(w->messages[WG_MSG_INITIATION], 1);
    uint64_t silence = wg_device_silence_ms(w->node[0].dev, &w->node[1].public_key, w->now_ms);
    CHECK_EQ(silence, 100 * S - (30 + 10 * S + 10));
    world_free(w);

    w = world_new(2, 8401, (struct sim_path){0, 0, 10, 10});
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 5 * S);
    world_send(w, 1, 0, 0, 60, false); /* data does a keepalive's work */
    world_run(w, 14 * S);
    CHECK_EQ(w->messages[WG_MSG_TRANSPORT], 2);
    world_send(w, 1, 0, 1, 60, false); /* more came within the 10 s: two keepalives */
    world_run(w, 16 * S);
    CHECK_EQ(w->messages[WG_MSG_TRANSPORT], 4);
    world_run(w, 24 * S);
    CHECK_EQ(w->messages[WG_MSG_TRANSPORT], 4);
    world_run(w, 60 * S);
    CHECK_EQ(w->messages[WG_MSG_TRANSPORT], 5);
    world_free(w);
}

/* A keepalive that falls due after the session has ended asks for a new one. */
static bool only_data_tap(struct world *w, int from, int to, uint8_t *data, size_t len)
{
    (void)w, (void)from, (void)to, (void)len;
    return data[0] == WG_MSG_TRANSPORT;
}

static void test_late_keepalive(void)
{
    struct world *w = world_new(2, 8450, (struct sim_path){0, 0, 10, 10});
    world_send(w, 0, 1, 0, 60, false);
    world_run(w, 175 * S);
    w->tap = only_data_tap; /* the initiator would renew: that is lost */
    world_send(w, 0, 1, 1, 60, false);
    world_stop(w, 0);
    world_run(w, 184 * S);
    CHECK_EQ(w->last_len[1][WG_MSG_INITIATION], 0);
    world_run(w, 186 * S);
    CHECK_EQ(w->last_len[1][WG_MSG_INITIATION], sizeof(struct wg_msg_initiation));
    world_free(w);
}

/* 2^60 messages: renewed; 2^64 - 2^13 - 1: not sent with any more. */
static void test_counters(void)
{
    static const struct {
        int number;
        uint64_t counter;
        uint64_t handshakes;
    } cases[] = {
        {1, REKEY_AFTER_MESSAGES - 1, 1},
        {2, REKEY_AFTER_MESSAGES, 2},
        {3, REJECT_AFTER_MESSAGES - 1, 2},
        {4, REJECT_AFTER_MESSAGES, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = world_new(2, 8500, (struct sim_path){0, 0, 10, 10});
        world_send(w, 0, 1, 0, 60, false);
        world_run(w, 10 * S);
        w->node[0].dev->peers->keypairs.current->send_counter = cases[i].counter;
        world_send(w, 0, 1, 1, 60, false);
        world_send(w, 0, 1, 2, 60, false);
        world_run(w, 20 * S);
        if (!CHECK_EQ(handshakes(w, 0), cases[i].handshakes + (i == 0)))
            fprintf(stderr, "    case %d\n", cases[i].number);
        CHECK_EQ(w->node[1].received_from[0], 3);
        CHECK_EQ(world_drops(w, 1, WG_DROP_REPLAY), 0);
        world_free(w);
    }
}

int main(void)
{
    static const struct sim_path clean = {0, 0, 10, 10}, slow = {0, 0, 150, 150},
                                 lossy = {100, 50, 20, 60};
    test_traffic(true, true, clean);
    test_traffic(true, false, clean);
    test_traffic(false, true, clean);
    test_traffic(true, true, slow);
    test_traffic(true, true, lossy);
    test_traffic(true, false, lossy);
    test_rekey_moment();
    test_last_minute();
    test_expiry();
    test_keepalive();
    test_late_keepalive();
    test_counters();
    return TEST_DONE();
}
