/* disco: who is answered, who is not; our own pings. */
#include "disco/disco.h"

#include "support/relay_world.h"
#include "test.h"
#include "base/err.h"
#include "magicsock/magicsock.h"

static const int ONE[] = {1, 0}, TWO[] = {1, 2, 0}, NONE[] = {0};

static struct relay_world world;

static struct world_node *add(const int *ids, int home)
{
    struct world_node *n = relay_world_add_node(&world);
    relay_world_regions(n, ids, home, false);
    n->home_told = home;
    return n;
}

static void test_ping(void)
{
    relay_world_init(&world);
    struct world_node *a = add(TWO, 1), *b = add(TWO, 2);
    CHECK_EQ(magicsock_ping(a->ms, &b->public_key, world.now_ms), IPN_ERR_STATE);
    relay_world_run(&world, 1000);
    CHECK_EQ(magicsock_ping(a->ms, &b->public_key, world.now_ms), 0);
    relay_world_run(&world, 1000);
    CHECK_EQ(a->pongs, 1);
    CHECK_EQ(a->pong_ms, 4 * 10);
    CHECK_MEM(a->last_from.b, b->public_key.b, KEY_LEN);
    CHECK_EQ(magicsock_stats(b->ms)->disco_pings_answered, 1);
    CHECK_EQ(magicsock_stats(a->ms)->disco_pongs, 1);
    CHECK_EQ(a->packets + b->packets, 0); /* disco is not WireGuard's */
    CHECK_EQ(b->connects[1], 0);          /* answered by the same region */
    relay_world_free(&world);
}

static void test_ping_nobody(void)
{
    struct node_public stranger = {{9}};
    relay_world_init(&world);
    struct world_node *a = add(ONE, 1), *b = add(ONE, 1);
    relay_world_run(&world, 1000);
    CHECK_EQ(magicsock_ping(a->ms, &stranger, world.now_ms), IPN_ERR_NOT_FOUND);
    relay_world_regions(b, NONE, 0, false); /* gone offline; we had not heard from it */
    relay_world_run(&world, 1000);
    a->gones = 0;
    CHECK_EQ(magicsock_ping(a->ms, &b->public_key, world.now_ms), 0);
    relay_world_run(&world, 1000);
    CHECK_EQ(a->pongs, 0);
    CHECK_EQ(a->gones, 1);
    CHECK_MEM(a->last_from.b, b->public_key.b, KEY_LEN);
    memset(&b->disco_public, 0, sizeof b->disco_public);
    CHECK_EQ(magicsock_ping(a->ms, &b->public_key, world.now_ms), IPN_ERR_NOT_FOUND);
    relay_world_free(&world);
}

/* A ping that met nobody where it went is over, wherever the node is reached from then on. */
static void test_ping_met_nobody(void)
{
    uint8_t data[40] = {1};
    relay_world_init(&world);
    struct world_node *a = add(TWO, 1), *b = add(TWO, 2);
    relay_world_run(&world, 1000);
    CHECK(relay_world_send(b, &a->public_key, data, sizeof data));
    relay_world_run(&world, 1000);
    CHECK_EQ(magicsock_ping(a->ms, &b->public_key, world.now_ms), 0);
    relay_world_cut(b, 1);
    relay_world_run(&world, 2000);
    CHECK_EQ(a->pongs, 0);
    CHECK_EQ(a->gones, 1);
    CHECK_EQ(magicsock_ping(a->ms, &b->public_key, world.now_ms), IPN_ERR_STATE);
    relay_world_run(&world, 1000);
    CHECK_EQ(magicsock_ping(a->ms, &b->public_key, world.now_ms), 0);
    relay_world_run(&world, 1000);
    CHECK_EQ(a->pongs, 1);
    relay_world_free(&world);
}

/* A table of 32: of 40 pings under way the newest 32 are matched. */
static void test_ping_table(void)
{
    relay_world_init(&world);
    struct world_node *a = add(ONE, 1), *b = add(ONE, 1);
    relay_world_run(&world, 1000);
    for (int i = 0; i < 40; i++) {
        CHECK_EQ(magicsock_ping(a->ms, &b->public_key, world.now_ms), 0);
        world.now_ms += 1;
    }
    relay_world_run(&world, 3000);
    CHECK_EQ(a->pongs, 32);
    CHECK_EQ(magicsock_stats(a->ms)->disco_unexpected, 8);
    CHECK_EQ(magicsock_ping(a->ms, &b->public_key, world.now_ms), 0);
    relay_world_cut(a, 1); /* lost with its connection */
    relay_world_run(&world, 3000);
    CHECK_EQ(a->pongs, 32);
    relay_world_free(&world);
}

/* Puts one datagram "from" into a's stream and runs. */
static void inject(struct world_node *a, const struct node_public *from, const uint8_t *datagram,
                   size_t len)
{
    relay_put_packet(&world.relays[1].conns[a->sockets[1].conn], from, datagram, len);
    relay_world_flush_relay(&world, 1);
    relay_world_run(&world, 1000);
}

static void test_forgeries(void)
{
    static const uint8_t tx_id[DISCO_TX_ID_LEN] = {7};
    uint8_t good[DISCO_MAX_LEN], d[DISCO_MAX_LEN + 100];
    relay_world_init(&world);
    struct world_node *a = add(ONE, 1), *b = add(ONE, 1), *c = add(ONE, 1);
    const struct magicsock_stats *stats = magicsock_stats(a->ms);
    relay_world_run(&world, 1000);
    size_t len =
        disco_seal_ping(good, tx_id, &b->public_key, &b->disco_public, &b->disco, &a->disco_public);
    inject(a, &b->public_key, good, len);
    CHECK_EQ(stats->disco_pings_answered, 1);
    CHECK_EQ(magicsock_stats(b->ms)->disco_unexpected, 1); /* a pong to no ping */

    inject(a, &c->public_key, good, len); /* relayed for another node */
    CHECK_EQ(stats->disco_unknown_sender, 1);
    struct node_public stranger = {{77}};
    inject(a, &stranger, good, len);
    CHECK_EQ(stats->disco_unknown_sender, 2);
    b->hidden = true;
    inject(a, &b->public_key, good, len);
    CHECK_EQ(stats->disco_unknown_sender, 3);
    b->hidden = false;

    for (size_t at = 38; at < len; at++) { /* nonce, tag, body */
        memcpy(d, good, len);
        d[at] ^= 0x40;
        inject(a, &b->public_key, d, len);
    }
    CHECK_EQ(stats->disco_forged, len - 38);
    uint64_t forged = stats->disco_forged;
    size_t short_count = 0;
    for (size_t n = 62; n < len; n++, short_count++)
        inject(a, &b->public_key, good, n);
    CHECK_EQ(stats->disco_forged, forged + short_count);

    /* A ping that claims another node key than the one that the relay saw. */
    size_t n =
        disco_seal_ping(d, tx_id, &c->public_key, &b->disco_public, &b->disco, &a->disco_public);
    forged = stats->disco_forged;
    inject(a, &b->public_key, d, n);
    CHECK_EQ(stats->disco_forged, forged + 1);
    CHECK_EQ(stats->disco_pings_answered, 1);
    CHECK_EQ(a->packets, 0);
    CHECK(magicsock_region_ready(a->ms, 1));
    relay_world_free(&world);
}

/* Seals any body as disco from b to a. */
static size_t seal(uint8_t *out, const struct world_node *from, const struct world_node *to,
                   const uint8_t *body, size_t len)
{
    uint8_t shared[BOX_SHARED_LEN];
    memcpy(out, "TS\xf0\x9f\x92\xac", 6);
    memcpy(out + 6, from->disco_public.b, 32);
    relay_random_bytes(out + 38, 24);
    box_precompute(shared, to->disco_public.b, from->disco.b);
    box_seal(out + 62, body, len, out + 38, shared);
    return 62 + len + BOX_OVERHEAD;
}

static void test_other_types(void)
{
    uint8_t d[200], body[60] = {3, 0};
    relay_world_init(&world);
    struct world_node *a = add(ONE, 1), *b = add(ONE, 1);
    const struct magicsock_stats *stats = magicsock_stats(a->ms);
    relay_world_run(&world, 1000);
    inject(a, &b->public_key, d, seal(d, b, a, body, 20)); /* CallMeMaybe, one endpoint */
    inject(a, &b->public_key, d, seal(d, b, a, body, 2));
    CHECK_EQ(stats->disco_call_me_maybe, 2);
    for (int type = 4; type < 12; type++) {
        body[0] = (uint8_t)type;
        inject(a, &b->public_key, d, seal(d, b, a, body, 60));
    }
    CHECK_EQ(stats->disco_unexpected + stats->disco_forged, 8);
    body[0] = 1; /* a ping without the node key, as old clients send it, is answered */
    inject(a, &b->public_key, d, seal(d, b, a, body, 14));
    CHECK_EQ(stats->disco_pings_answered, 1);
    CHECK_EQ(a->packets + a->pongs, 0);
    relay_world_free(&world);
}

int main(void)
{
    host_init(&(struct host_calls){.random_bytes = relay_random_bytes});
    test_ping();
    test_ping_nobody();
    test_ping_met_nobody();
    test_ping_table();
    test_forgeries();
    test_other_types();
    return TEST_DONE();
}
