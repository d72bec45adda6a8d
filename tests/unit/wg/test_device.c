/* The device's own part: arguments, routing with prefixes that overlap, padding and trimming, ceilings,
 * what the sink refuses. */
#include "test.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/aead.h"
#include "wg/device_internal.h"
#include "wg/send.h"

#include "scripted_random.h"

enum { OWNED = 6, SLOT = 2048, QUEUE = 512 };

/* One end: an owner of peers, and the datagrams it sent. */
struct end {
    struct wg_device *dev;
    struct node_private private_key;
    struct node_public public_key;
    struct wg_peer_config known[OWNED];
    int known_count, asked_by_ip;
    bool full, any_key;
    uint8_t out[QUEUE][SLOT];
    size_t out_len[QUEUE];
    struct node_public out_to[QUEUE];
    int out_count;
};

static struct end alice, bob;

static bool find_by_key(void *ctx, const struct node_public *key, struct wg_peer_config *out)
{
    struct end *e = ctx;
    for (int i = 0; i < e->known_count; i++) {
        if (memcmp(&e->known[i].key, key, sizeof *key) == 0) {
            *out = e->known[i];
            return true;
        }
    }
    memset(out, 0, sizeof *out);
    out->key = *key;
    return e->any_key;
}

static bool find_by_ip(void *ctx, const struct ipaddr *dst, struct wg_peer_config *out)
{
    struct end *e = ctx;
    int best = -1, best_bits = -1;
    e->asked_by_ip++;
    for (int i = 0; i < e->known_count; i++) {
        for (size_t j = 0; j < e->known[i].allowed_count; j++) {
            const struct ipprefix *p = &e->known[i].allowed[j];
            if (p->bits > best_bits && ipprefix_contains(p, dst)) {
                best = i;
                best_bits = p->bits;
            }
        }
    }
    if (best >= 0)
        *out = e->known[best];
    return best >= 0;
}

static uint8_t *reserve(void *ctx, const struct node_public *to, size_t len)
{
    struct end *e = ctx;
    if (e->full || e->out_count == QUEUE || len > SLOT)
        return NULL;
    e->out_to[e->out_count] = *to;
    memset(e->out[e->out_count], 0xee, len);
    return e->out[e->out_count];
}

static void commit(void *ctx, size_t len)
{
    struct end *e = ctx;
    e->out_len[e->out_count++] = len;
}

static void end_init(struct end *e)
{
    struct wg_hooks hooks = {.ctx = e,
                             .find_by_key = find_by_key,
                             .find_by_ip = find_by_ip,
                             .reserve = reserve,
                             .commit = commit};
    wg_device_free(e->dev);
    memset(e, 0, sizeof *e);
    node_private_generate(&e->private_key);
    node_public_derive(&e->public_key, &e->private_key);
    e->dev = wg_device_new(&e->private_key, 0, &hooks);
}

/* `who` owns these prefixes, in the eyes of e. */
static void know(struct end *e, const struct node_public *who, const char *a, const char *b)
{
    struct wg_peer_config *c = &e->known[e->known_count++];
    c->key = *who;
    c->allowed_count = b ? 2 : 1;
    CHECK_EQ(ipprefix_parse(&c->allowed[0], a, strlen(a)), 0);
    if (b)
        CHECK_EQ(ipprefix_parse(&c->allowed[1], b, strlen(b)), 0);
}

static struct node_public some_key(void)
{
    struct node_private priv;
    struct node_public key;
    node_private_generate(&priv);
    node_public_derive(&key, &priv);
    return key;
}

static size_t ipv4(uint8_t packet[SLOT], const char *src, const char *dst, size_t len)
{
    struct ipaddr s, d;
    CHECK_EQ(ipaddr_parse(&s, src, strlen(src)), 0);
    CHECK_EQ(ipaddr_parse(&d, dst, strlen(dst)), 0);
    memset(packet, 0, len);
    packet[0] = 0x45;
    store_be16(packet + 2, (uint16_t)len);
    memcpy(packet + 12, s.b, 4);
    memcpy(packet + 16, d.b, 4);
    for (size_t i = 20; i < len; i++)
        packet[i] = (uint8_t)(i * 7);
    return len;
}

static int send4(struct end *e, const char *dst, uint64_t now_ms)
{
    uint8_t packet[SLOT];
    size_t len = ipv4(packet, "100.64.0.1", dst, 40);
    return wg_device_send(e->dev, packet, len, now_ms);
}

/* Hands over everything that a sent; returns the last that b received. */
static struct wg_received deliver(struct end *a, struct end *b, uint64_t now_ms)
{
    struct wg_received got = {0}, last = {0};
    for (int i = 0; i < a->out_count; i++) {
        wg_device_receive(b->dev, &got, a->out[i], a->out_len[i], &a->public_key, now_ms);
        if (got.len > 0)
            last = got;
    }
    a->out_count = 0;
    return last;
}

static void pair_init(void)
{
    end_init(&alice);
    end_init(&bob);
    know(&alice, &bob.public_key, "100.64.0.2/32", "0.0.0.0/0");
    know(&bob, &alice.public_key, "100.64.0.1/32", "10.0.0.0/8");
}

static void connect_pair(uint64_t now_ms)
{
    CHECK_EQ(wg_device_initiate(alice.dev, &bob.public_key, false, now_ms), 0);
    deliver(&alice, &bob, now_ms);
    deliver(&bob, &alice, now_ms);
    deliver(&alice, &bob, now_ms);
    CHECK(wg_device_has_session(alice.dev, &bob.public_key, now_ms));
    CHECK(wg_device_has_session(bob.dev, &alice.public_key, now_ms));
}

static void test_arguments(void)
{
    uint8_t packet[SLOT];
    pair_init();
    size_t len = ipv4(packet, "100.64.0.1", "100.64.0.2", 40);
    CHECK_EQ(wg_device_send(alice.dev, packet, 0, 0), IPN_ERR_ARG);
    CHECK_EQ(wg_device_send(alice.dev, packet, len - 1, 0), IPN_ERR_ARG);
    packet[0] = 0x75;
    CHECK_EQ(wg_device_send(alice.dev, packet, len, 0), IPN_ERR_ARG);
    len = ipv4(packet, "100.64.0.1", "100.64.0.2", WG_MTU + 1);
    CHECK_EQ(wg_device_send(alice.dev, packet, len, 0), IPN_ERR_ARG);
    CHECK_EQ(alice.dev->peer_count, 0);
    CHECK_EQ(alice.out_count, 0);
    wg_device_free(NULL);
}

/* Overlapping prefixes while only some of their peers are in use: the longest wins all the same. */
static void test_routing(void)
{
    static const struct {
        int number;
        const char *dst;
        int peer; /* of k; -1: no route */
    } cases[] = {
        {1, "8.8.8.8", 0}, {2, "10.1.2.3", 1},   {3, "100.64.0.9", 2}, {4, "10.1.2.3", 1},
        {5, "8.8.4.4", 0}, {6, "100.64.0.9", 2}, {7, "10.9.9.9", 3},   {8, "10.9.9.10", 1},
    };
    struct node_public k[4];
    end_init(&alice);
    for (int i = 0; i < 4; i++)
        k[i] = some_key();
    know(&alice, &k[0], "0.0.0.0/0", NULL);
    know(&alice, &k[1], "10.0.0.0/8", NULL);
    know(&alice, &k[2], "100.64.0.9/32", NULL);
    know(&alice, &k[3], "10.9.9.9/32", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ipaddr dst;
        CHECK_EQ(ipaddr_parse(&dst, cases[i].dst, strlen(cases[i].dst)), 0);
        struct wg_peer *peer = wg_peer_route(alice.dev, &dst, 0);
        if (!(CHECK(peer != NULL) && CHECK_MEM(peer->key.b, k[cases[i].peer].b, KEY_LEN)))
            fprintf(stderr, "    case %d\n", cases[i].number);
    }
    int asked = alice.asked_by_ip;
    CHECK_EQ(send4(&alice, "100.64.0.9", 0), 0); /* a host route in use: nobody is asked */
    CHECK_EQ(alice.asked_by_ip, asked);
    alice.known_count = 0;
    CHECK_EQ(send4(&alice, "8.8.8.8", 0), IPN_ERR_NOT_FOUND);
    CHECK_EQ(wg_device_stats(alice.dev)->drops[WG_DROP_NO_ROUTE], 1);
}

/* Bob may send from 10.0.0.0/8 and its address, unless someone else owns a longer prefix there. */
static void test_sources(void)
{
    static const struct {
        int number;
        const char *src;
        bool ok;
    } cases[] = {
        {1, "100.64.0.1", true},  {2, "10.1.1.1", true}, {3, "10.1.1.2", false},
        {4, "100.64.0.3", false}, {5, "9.9.9.9", false},
    };
    struct node_public other = some_key();
    pair_init();
    know(&bob, &other, "10.1.1.2/32", NULL); /* known, not in use */
    connect_pair(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t packet[SLOT];
        size_t len = ipv4(packet, cases[i].src, "100.64.0.2", 77);
        CHECK_EQ(wg_device_send(alice.dev, packet, len, 0), 0);
        struct wg_received got = deliver(&alice, &bob, 0);
        if (!CHECK_EQ(got.len > 0, cases[i].ok))
            fprintf(stderr, "    case %d\n", cases[i].number);
        if (got.len > 0) {
            CHECK_EQ(got.len, len);
            CHECK_MEM(got.packet, packet, len);
            CHECK_MEM(got.from.b, alice.public_key.b, KEY_LEN);
        }
    }
    CHECK_EQ(wg_device_stats(bob.dev)->drops[WG_DROP_SPOOF], 3);
    CHECK_EQ(wg_device_initiate(bob.dev, &other, false, 0), 0); /* now in use */
    uint8_t packet[SLOT];
    size_t len = ipv4(packet, "10.1.1.2", "100.64.0.2", 77);
    CHECK_EQ(wg_device_send(alice.dev, packet, len, 0), 0);
    CHECK_EQ(deliver(&alice, &bob, 0).len, 0);
    CHECK_EQ(wg_device_stats(bob.dev)->drops[WG_DROP_SPOOF], 4);
    CHECK_EQ(wg_device_stats(bob.dev)->packets_in, 2);
    CHECK_EQ(wg_device_stats(bob.dev)->bytes_in, 154);
    CHECK_EQ(wg_device_stats(alice.dev)->packets_out, 6);
}

static void test_padding(void)
{
    static const struct {
        int number;
        size_t len, wire_len;
    } cases[] = {
        {1, 20, 32 + 32},     {2, 32, 32 + 32},     {3, 33, 48 + 32},         {4, 1264, 1264 + 32},
        {5, 1265, 1280 + 32}, {6, 1279, 1280 + 32}, {7, WG_MTU, WG_MTU + 32},
    };
    pair_init();
    connect_pair(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t packet[SLOT];
        ipv4(packet, "100.64.0.1", "100.64.0.2", cases[i].len);
        CHECK_EQ(wg_device_send(alice.dev, packet, cases[i].len, 0), 0);
        CHECK_EQ(alice.out_count, 1);
        if (!CHECK_EQ(alice.out_len[0], cases[i].wire_len))
            fprintf(stderr, "    case %d\n", cases[i].number);
        struct wg_received got = deliver(&alice, &bob, 0);
        CHECK_EQ(got.len, cases[i].len);
        CHECK_MEM(got.packet, packet, cases[i].len);
        CHECK(bytes_are_zero(got.packet + got.len, cases[i].wire_len - 32 - got.len));
        /* What follows the packet in the caller's buffer is not sent. */
        CHECK_EQ(wg_device_send(alice.dev, packet, cases[i].len + 9, 0), 0);
        CHECK_EQ(alice.out_len[0], cases[i].wire_len);
        CHECK_EQ(deliver(&alice, &bob, 0).len, cases[i].len);
    }
}

/* Whatever an authentic peer puts inside: no IP packet, no delivery. */
static void test_inner_garbage(void)
{
    static const struct {
        int number;
        uint8_t bytes[40];
        size_t len;
    } cases[] = {
        {1, {0}, 1},
        {2, {0x45}, 19},
        {3, {0x45, 0, 0, 200}, 40},
        {4, {0x60}, 39},
        {5, {0x60, 0, 0, 0, 1}, 40},
        {6, {0x20}, 40},
        {7, {0x45, 0, 0, 19}, 40},
    };
    pair_init();
    connect_pair(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wg_send_packet(alice.dev, alice.dev->peers, cases[i].bytes, cases[i].len, 0);
        if (!CHECK_EQ(deliver(&alice, &bob, 0).len, 0))
            fprintf(stderr, "    case %d\n", cases[i].number);
        const uint64_t *drops = wg_device_stats(bob.dev)->drops;
        /* Padding makes one of them a packet from address ::. */
        CHECK_EQ(drops[WG_DROP_MALFORMED] + drops[WG_DROP_SPOOF], i + 1);
    }
}

static void test_staged_limit(void)
{
    pair_init();
    for (int i = 0; i < WG_MAX_STAGED_PACKETS + 10; i++) {
        uint8_t packet[SLOT];
        size_t len = ipv4(packet, "100.64.0.1", "100.64.0.2", 40);
        packet[20] = (uint8_t)i;
        CHECK_EQ(wg_device_send(alice.dev, packet, len, 0), 0);
    }
    CHECK_EQ(alice.out_count, 1); /* one initiation */
    CHECK_EQ(wg_device_stats(alice.dev)->drops[WG_DROP_QUEUE], 10);
    CHECK_EQ(alice.dev->staged_bytes, 40 * WG_MAX_STAGED_PACKETS);
    deliver(&alice, &bob, 10);
    deliver(&bob, &alice, 10);
    CHECK_EQ(alice.out_count, WG_MAX_STAGED_PACKETS);
    CHECK_EQ(alice.dev->staged_bytes, 0);
    struct wg_received got;
    wg_device_receive(bob.dev, &got, alice.out[0], alice.out_len[0], NULL, 10);
    CHECK_EQ(got.len, 40);
    CHECK_EQ(got.packet[20], 10); /* the oldest went */
}

static void test_staged_bytes(void)
{
    enum { PEERS = WG_MAX_STAGED_BYTES / (WG_MAX_STAGED_PACKETS * WG_MTU) + 3 };
    uint8_t packet[SLOT];
    end_init(&alice);
    alice.any_key = true;
    for (int p = 0; p < PEERS; p++) {
        struct node_public key = some_key();
        CHECK_EQ(wg_device_initiate(alice.dev, &key, false, 0), 0);
        size_t len = ipv4(packet, "100.64.0.1", "100.64.0.2", WG_MTU);
        for (int i = 0; i < WG_MAX_STAGED_PACKETS; i++)
            CHECK_EQ(wg_peer_stage(alice.dev, alice.dev->peers, packet, len), 0);
        CHECK(alice.dev->staged_bytes <= WG_MAX_STAGED_BYTES);
    }
    CHECK(wg_device_stats(alice.dev)->drops[WG_DROP_QUEUE] > WG_MAX_STAGED_PACKETS);
    while (alice.dev->peers)
        wg_peer_free(alice.dev, alice.dev->peers);
    CHECK_EQ(alice.dev->staged_bytes, 0);
}

static void test_sink_full(void)
{
    pair_init();
    connect_pair(0);
    uint64_t counter = alice.dev->peers->keypairs.current->send_counter;
    alice.full = true;
    CHECK_EQ(send4(&alice, "100.64.0.2", 0), 0);
    CHECK_EQ(wg_device_stats(alice.dev)->drops[WG_DROP_SINK], 1);
    CHECK_EQ(alice.dev->peers->keypairs.current->send_counter, counter);
    alice.full = false;
    CHECK_EQ(send4(&alice, "100.64.0.2", 0), 0);
    CHECK_EQ(deliver(&alice, &bob, 0).len, 40);

    pair_init(); /* no room for a response: nothing has changed, and the next try works */
    bob.full = true;
    CHECK_EQ(wg_device_initiate(alice.dev, &bob.public_key, false, 0), 0);
    deliver(&alice, &bob, 0);
    CHECK_EQ(bob.out_count, 0);
    CHECK(bob.dev->peers->keypairs.next == NULL);
    bob.full = false;
    wg_device_tick(alice.dev, wg_device_next_deadline(alice.dev));
    connect_pair(200);
}

/* The ceiling of peers: the one unheard for longest gives way, to the unsolicited only without session. */
static void test_peer_limit(void)
{
    pair_init();
    connect_pair(0);
    alice.any_key = true;
    for (unsigned i = 1; i < WG_MAX_PEERS; i++) {
        struct wg_peer_config config = {.key = some_key()};
        CHECK(wg_peer_create(alice.dev, &config, false, i) != NULL);
    }
    CHECK_EQ(alice.dev->peer_count, WG_MAX_PEERS);
    struct node_public second = alice.dev->peers->key;
    for (struct wg_peer *p = alice.dev->peers; p->next; p = p->next)
        second = p->key; /* the last but one: the oldest after bob */
    struct wg_peer_config config = {.key = some_key()};
    CHECK(wg_peer_create(alice.dev, &config, false, 9000) != NULL);
    CHECK_EQ(alice.dev->peer_count, WG_MAX_PEERS);
    CHECK(wg_peer_find(alice.dev, &second) == NULL);
    CHECK(wg_peer_find(alice.dev, &bob.public_key) != NULL);
    config.key = some_key();
    CHECK(wg_peer_create(alice.dev, &config, true, 9000) != NULL); /* asked for: any */
    CHECK(wg_peer_find(alice.dev, &bob.public_key) == NULL);
    CHECK_EQ(alice.dev->peer_count, WG_MAX_PEERS);
    wg_device_tick(alice.dev, 9000 + ZERO_KEY_MATERIAL_MS);
    CHECK_EQ(alice.dev->peer_count, 0);
    CHECK(wg_device_next_deadline(alice.dev) == NEVER);
}

/* Three initiations, answered in any order: each newer answer counts, an older one does not. */
static void test_answers(void)
{
    static const struct {
        int number, order[3];
        unsigned handshakes;
    } cases[] = {
        {1, {0, 1, 2}, 3}, {2, {2, 1, 0}, 1}, {3, {1, 0, 2}, 2},
        {4, {1, 2, 0}, 2}, {5, {0, 2, 1}, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pair_init();
        CHECK_EQ(wg_device_initiate(alice.dev, &bob.public_key, false, 0), 0);
        deliver(&alice, &bob, 0);
        for (unsigned at = 100; at <= 200; at += 100) {
            wg_device_tick(alice.dev, at);
            deliver(&alice, &bob, at);
        }
        CHECK_EQ(bob.out_count, 3);
        for (int j = 0; j < 3; j++) {
            struct wg_received got;
            int k = cases[i].order[j];
            wg_device_receive(alice.dev, &got, bob.out[k], bob.out_len[k], &bob.public_key, 210);
        }
        bool ok = CHECK_EQ(wg_device_stats(alice.dev)->handshakes, cases[i].handshakes);
        ok = CHECK_EQ(wg_device_stats(alice.dev)->drops[WG_DROP_INDEX], 3 - cases[i].handshakes) &&
             ok;
        deliver(&alice, &bob, 220);
        if (!(CHECK(wg_device_has_session(bob.dev, &alice.public_key, 220)) && ok))
            fprintf(stderr, "    case %d\n", cases[i].number);
    }
}

/* Two initiations in one millisecond, to two peers or after a restart, have two stamps. */
static void test_stamps(void)
{
    struct wg_hooks hooks = {.ctx = &alice,
                             .find_by_key = find_by_key,
                             .find_by_ip = find_by_ip,
                             .reserve = reserve,
                             .commit = commit};
    struct node_public other = some_key();
    pair_init();
    know(&alice, &other, "100.64.0.9/32", NULL);
    uint64_t wall_ms = (uint64_t)host_wall_ms(1000);
    CHECK_EQ(wg_device_last_timestamp_ms(alice.dev), 0);
    CHECK_EQ(wg_device_initiate(alice.dev, &bob.public_key, false, 1000), 0);
    CHECK_EQ(wg_device_last_timestamp_ms(alice.dev), wall_ms);
    CHECK_EQ(wg_device_initiate(alice.dev, &other, false, 1000), 0);
    CHECK_EQ(wg_device_last_timestamp_ms(alice.dev), wall_ms + 1);
    wg_device_free(alice.dev);
    alice.dev = wg_device_new(&alice.private_key, wall_ms + 1, &hooks);
    CHECK_EQ(wg_device_initiate(alice.dev, &bob.public_key, false, 1000), 0);
    CHECK_EQ(wg_device_last_timestamp_ms(alice.dev), wall_ms + 2);
}

static void test_impossible_keys(void)
{
    struct wg_peer_config config = {0};
    end_init(&alice);
    CHECK(wg_peer_create(alice.dev, &config, true, 0) == NULL); /* low order */
    config.key = alice.public_key;
    CHECK(wg_peer_create(alice.dev, &config, true, 0) == NULL); /* ourselves */
    CHECK_EQ(alice.dev->peer_count, 0);
    know(&alice, &alice.public_key, "100.64.0.1/32", NULL);
    CHECK_EQ(send4(&alice, "100.64.0.1", 0), IPN_ERR_NOT_FOUND);
}

static void test_deadlines(void)
{
    pair_init();
    CHECK(wg_device_next_deadline(alice.dev) == NEVER);
    wg_device_tick(alice.dev, 5);
    CHECK_EQ(send4(&alice, "100.64.0.2", 1000), 0);
    CHECK_EQ(wg_device_next_deadline(alice.dev), 1000 + FIRST_CONTACT_INTERVAL_MS);
    wg_device_tick(alice.dev, 1099);
    CHECK_EQ(alice.out_count, 1);
    wg_device_tick(alice.dev, 1100);
    CHECK_EQ(alice.out_count, 2);
    CHECK(memcmp(alice.out[0] + 8, alice.out[1] + 8, 32) != 0); /* a fresh ephemeral */
    CHECK(memcmp(alice.out[0] + 4, alice.out[1] + 4, 4) != 0); /* and index */
    wg_device_remove_peer(alice.dev, &bob.public_key);
    wg_device_tick(alice.dev, 1200); /* too early a deadline is set right */
    CHECK(wg_device_next_deadline(alice.dev) == NEVER);
    CHECK_EQ(alice.out_count, 2);
}

/* A cookie for no message: the mac1 that it is sealed for is the zeros of a response never sent. */
static void test_cookie_for_nothing(void)
{
    static const uint8_t no_mac1[WG_MAC_LEN], cookie[WG_COOKIE_LEN] = {1};
    struct wg_msg_cookie forged = {.type = {WG_MSG_COOKIE}};
    struct wg_received got;
    pair_init();
    connect_pair(1000);
    struct wg_peer *peer = alice.dev->peers;
    store_le32(forged.receiver, peer->keypairs.current->entry.index);
    xaead_seal(forged.encrypted_cookie, cookie, sizeof cookie, no_mac1, sizeof no_mac1,
               forged.nonce, peer->cookie.cookie_key);
    wg_device_receive(alice.dev, &got, (uint8_t *)&forged, sizeof forged, &bob.public_key, 1000);
    CHECK_EQ(peer->cookie.cookie_until_ms, 0);
    CHECK_EQ(alice.dev->stats.drops[WG_DROP_INDEX], 1);
}

int main(void)
{
    scripted_init();
    test_arguments();
    test_routing();
    test_sources();
    test_padding();
    test_inner_garbage();
    test_staged_limit();
    test_staged_bytes();
    test_sink_full();
    test_peer_limit();
    test_answers();
    test_cookie_for_nothing();
    test_stamps();
    test_impossible_keys();
    test_deadlines();
    wg_device_free(alice.dev);
    wg_device_free(bob.dev);
    return TEST_DONE();
}
