/*
 * A recorded session of Tailscale's own client and server: what its server wrote is understood,
 * what its client wrote is what ours writes, byte for byte.
 */
#include "base/host.h"
#include "derp/derp_client.h"
#include "derp/derp_frame.h"
#include "test.h"
#include "vectors.h"

enum { CAP = 32768, CLIENT_INFO_LEN = 5 + 32 + 24 + 16 + 32 };

static uint8_t next_random[64]; /* what the random source gives next, then zeros */

static void fixed_random(uint8_t *dst, size_t len)
{
    memset(dst, 0, len);
    memcpy(dst, next_random, len < sizeof next_random ? len : sizeof next_random);
    memset(next_random, 0, sizeof next_random);
}

static size_t get(const char *name, uint8_t *out, size_t cap)
{
    return vector_get("derp.txt", name, out, cap);
}

static struct derp_client *new_client(void)
{
    struct node_private key;
    CHECK_EQ(get("a_private", key.b, KEY_LEN), KEY_LEN);
    struct derp_client *dc = derp_client_new(&key);
    derp_client_open(dc, 0);
    return dc;
}

/* The events of the recorded session, in their order. */
static const struct {
    enum derp_event_type type;
    const char *from, *data, *reason;
} SESSION[] = {
    {DERP_EVENT_READY, NULL, NULL, NULL},
    {DERP_EVENT_PACKET, "b_public", "packet1", NULL},
    {DERP_EVENT_PACKET, "b_public", "packet3", NULL},
    {DERP_EVENT_PEER_GONE, "gone_not_here_key", NULL, "gone_not_here_reason"},
    {DERP_EVENT_PEER_GONE, "gone_disconnected_key", NULL, "gone_disconnected_reason"},
    {DERP_EVENT_HEALTH, NULL, NULL, NULL},
    {DERP_EVENT_HEALTH, NULL, NULL, NULL},
    {DERP_EVENT_RESTARTING, NULL, NULL, NULL},
};

enum { SESSION_LEN = sizeof SESSION / sizeof *SESSION };

static void check_event(const struct derp_event *ev, size_t at)
{
    static uint8_t want[CAP];
    if (!CHECK(at < SESSION_LEN))
        return;
    CHECK_EQ(ev->type, SESSION[at].type);
    if (SESSION[at].from) {
        get(SESSION[at].from, want, KEY_LEN);
        CHECK_MEM(ev->from.b, want, KEY_LEN);
    }
    if (SESSION[at].reason) {
        get(SESSION[at].reason, want, 1);
        CHECK_EQ(ev->reason, want[0]);
    }
    if (SESSION[at].data) {
        size_t len = get(SESSION[at].data, want, sizeof want);
        if (CHECK_EQ(ev->len, len))
            CHECK_MEM(ev->data, want, len);
    }
    if (ev->type == DERP_EVENT_HEALTH)
        CHECK_EQ(ev->len, at == 5 ? 16 : 0);
}

static void test_server(size_t piece)
{
    static const char *const frames[] = {"frame_keep_alive",  "frame_ping",
                                         "frame_unknown",     "frame_health_problem",
                                         "frame_health_fine", "frame_restarting"};
    static uint8_t stream[CAP];
    size_t len = get("server_to_a", stream, sizeof stream), events = 0;
    struct derp_client *dc = new_client();
    struct derp_event ev;
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
        len += get(frames[i], stream + len, sizeof stream - len);
    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        int rv;
        CHECK_EQ(derp_client_input(dc, stream + at, n, 0), 0);
        while ((rv = derp_client_next(dc, &ev, 0)) == 1)
            check_event(&ev, events++);
        CHECK_EQ(rv, 0);
    }
    CHECK_EQ(events, SESSION_LEN);
    derp_client_free(dc);
}

static void send_vector(struct derp_client *dc, const char *to_name, const char *name)
{
    static uint8_t packet[CAP];
    struct node_public to;
    size_t len = get(name, packet, sizeof packet);
    get(to_name, to.b, KEY_LEN);
    uint8_t *at = derp_client_reserve(dc, &to, len);
    if (!CHECK(at != NULL))
        return;
    memcpy(at, packet, len);
    derp_client_commit(dc);
}

static void test_client(void)
{
    static uint8_t theirs[CAP], hello[CAP];
    size_t total = get("a_to_server", theirs, sizeof theirs);
    size_t disco_frame_len = DERP_SEND_HEADER_LEN + get("disco_packet", hello, sizeof hello);
    const uint8_t *ours;
    struct derp_client *dc = new_client();
    struct derp_event ev;
    get("server_to_a", hello, sizeof hello);
    memcpy(next_random, theirs + 5 + 32, 24); /* their nonce */
    CHECK_EQ(derp_client_input(dc, hello, 5 + 40, 0), 0);
    CHECK_EQ(derp_client_next(dc, &ev, 0), 0);
    CHECK_EQ(derp_client_output(dc, &ours), CLIENT_INFO_LEN);
    CHECK_MEM(ours, theirs, CLIENT_INFO_LEN);

    derp_client_note_preferred(dc, true);
    send_vector(dc, "b_public", "packet0");
    send_vector(dc, "b_public", "packet2");
    send_vector(dc, "b_public", "large_packet");
    size_t len = derp_client_output(dc, &ours);
    CHECK_EQ(len, total - CLIENT_INFO_LEN - 13 - disco_frame_len);
    CHECK_MEM(ours, theirs + CLIENT_INFO_LEN, len);

    /* Our ping comes with ServerInfo; with their payload it is theirs. */
    size_t at = CLIENT_INFO_LEN + len;
    memcpy(next_random, theirs + at + 5, 8);
    size_t info_len = 5 + load_be32(hello + 46);
    CHECK_EQ(derp_client_input(dc, hello + 45, info_len, 0), 0);
    CHECK_EQ(derp_client_next(dc, &ev, 0), 1);
    CHECK_EQ(ev.type, DERP_EVENT_READY);
    CHECK_EQ(derp_client_next(dc, &ev, 0), 0);
    send_vector(dc, "absent_public", "disco_packet");
    len = derp_client_output(dc, &ours);
    CHECK_EQ(len, total - at);
    CHECK_MEM(ours, theirs + at, len);
    CHECK_EQ(derp_client_output(dc, &ours), 0);
    derp_client_free(dc);
}

int main(void)
{
    static const size_t pieces[] = {1, 3, 64, 2048, CAP};
    host_init(&(struct host_calls){.random_bytes = fixed_random});
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        test_server(pieces[i]);
    test_client();
    return TEST_DONE();
}
