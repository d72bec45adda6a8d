/* Agent forwarding: ssh_agent.c, asked by mini_server on channels that it opens. */
#include <stdio.h>

#include "base/buf.h"
#include "ssh/ssh_key.h"
#include "support/ssh/ssh_seen.h"
#include "test.h"

enum { PLACE = 5 }; /* of the agent's channel at the server */

static char key_text[2000];
static uint8_t key_blob[200];
static size_t key_blob_len;

static void make_key(void)
{
    struct ssh_key *key = ssh_key_generate_ed25519();
    struct buf text;

    buf_init(&text, sizeof key_text - 1);
    CHECK_EQ(ssh_key_private_text(&text, key, "me@home"), 0);
    memcpy(key_text, buf_head(&text), text.len);
    key_blob_len = ssh_key_public_blob(key).len;
    memcpy(key_blob, ssh_key_public_blob(key).data, key_blob_len);
    buf_wipe(&text);
    ssh_key_free(key);
}

/* A command with the agent, and one channel to the agent open. */
static int open_world(struct ssh_world *w, bool keep_keys)
{
    struct ssh_config config;

    seen_reset();
    world_init(w, MINI_CHACHA20, MINI_NO_FAULT, &config);
    w->on_event = seen_event;
    w->shell.command = "ssh there";
    w->shell.agent = true;
    config.credentials.private_keys[0] = key_text;
    config.credentials.private_keys[1] = "-----BEGIN nonsense";
    config.credentials.private_key_count = 2;
    config.credentials.try_none = true;
    config.keep_keys = keep_keys;
    world_start(w, &config);
    world_settle(w);
    CHECK_EQ(seen[w->channel].count[SSH_EVENT_OPEN], 1);
    mini_open(w->server, "auth-agent@openssh.com", PLACE);
    world_settle(w);
    return w->channel;
}

static void close_world(struct ssh_world *w)
{
    CHECK(!w->server->broken);
    ssh_session_close(w->session);
    CHECK(world_closes(w));
    world_free(w);
}

static void ask(struct ssh_world *w, const uint8_t *bytes, size_t len)
{
    mini_select(w->server, PLACE);
    w->server->received_len = 0;
    CHECK_EQ(mini_send_data(w->server, false, bytes, len), len);
    world_settle(w);
}

/* [len][13][blob][data][flags] */
static size_t sign_request(uint8_t *dst, const uint8_t *blob, size_t blob_len, const char *data)
{
    size_t len = strlen(data), total = 1 + 4 + blob_len + 4 + len + 4;

    store_be32(dst, (uint32_t)total);
    dst[4] = 13;
    store_be32(dst + 5, (uint32_t)blob_len);
    memcpy(dst + 9, blob, blob_len);
    store_be32(dst + 9 + blob_len, (uint32_t)len);
    memcpy(dst + 13 + blob_len, data, len);
    store_be32(dst + 13 + blob_len + len, 0);
    return 4 + total;
}

static bool answered(const struct ssh_world *w, uint8_t type)
{
    return w->server->received_len >= 5 && w->server->received[4] == type &&
           load_be32(w->server->received) == w->server->received_len - 4;
}

static void test_list(void)
{
    struct ssh_world w;
    const uint8_t list[] = {0, 0, 0, 1, 11};

    open_world(&w, true);
    CHECK_EQ(w.server->accepted_opens, 1);
    for (size_t piece = 1; piece < sizeof list; piece += 3) {
        mini_select(w.server, PLACE);
        mini_send_data(w.server, false, list, piece);
        world_settle(&w);
        ask(&w, list + piece, sizeof list - piece);
        CHECK(answered(&w, 12));
        CHECK_EQ(load_be32(w.server->received + 5), 1); /* the other is no key */
        CHECK_EQ(load_be32(w.server->received + 9), key_blob_len);
        CHECK_MEM(w.server->received + 13, key_blob, key_blob_len);
        CHECK_EQ(load_be32(w.server->received + 13 + key_blob_len), 7);
        CHECK_MEM(w.server->received + 17 + key_blob_len, "me@home", 7);
    }
    close_world(&w);
}

static void test_sign(void)
{
    uint8_t request[400], first[200];
    size_t len = sign_request(request, key_blob, key_blob_len, "to be signed");
    struct ssh_world w;
    int channel;

    channel = open_world(&w, true);
    ask(&w, request, len);
    CHECK_EQ(seen[channel].count[SSH_EVENT_AGENT_SIGN], 1);
    CHECK(strncmp(seen[channel].text, "ssh-ed25519 SHA256:", 19) == 0);
    CHECK(strstr(seen[channel].text, " me@home") != NULL);
    CHECK_EQ(w.server->received_len, 0);
    world_pass(&w, 3600 * 1000); /* a person takes their time */
    ssh_session_answer_agent(w.session, seen[channel].question + 1, true);
    ssh_session_answer_agent(w.session, 0, true);
    world_settle(&w);
    CHECK_EQ(w.server->received_len, 0);
    ssh_session_answer_agent(w.session, seen[channel].question, true);
    world_settle(&w);
    CHECK(answered(&w, 14));
    CHECK_EQ(w.server->received_len, 9 + 4 + 11 + 4 + 64);
    memcpy(first, w.server->received, w.server->received_len);

    ask(&w, request, len); /* again: asked again; no */
    CHECK_EQ(seen[channel].count[SSH_EVENT_AGENT_SIGN], 2);
    ssh_session_answer_agent(w.session, seen[channel].question, false);
    world_settle(&w);
    CHECK(answered(&w, 5));
    ask(&w, request, len); /* Ed25519: the same bytes, the same signature */
    ssh_session_answer_agent(w.session, seen[channel].question, true);
    world_settle(&w);
    CHECK_MEM(w.server->received, first, 9 + 4 + 11 + 4 + 64);
    close_world(&w);
}

/* Several in one piece are answered in order, each when it has its answer. */
static void test_one_behind_another(void)
{
    uint8_t requests[900];
    const uint8_t list[] = {0, 0, 0, 1, 11};
    size_t len = 0;
    struct ssh_world w;
    int channel = open_world(&w, true);

    len += sign_request(requests, key_blob, key_blob_len, "one");
    memcpy(requests + len, list, sizeof list);
    len += sizeof list;
    len += sign_request(requests + len, key_blob, key_blob_len, "two");
    ask(&w, requests, len);
    CHECK_EQ(seen[channel].count[SSH_EVENT_AGENT_SIGN], 1);
    CHECK_EQ(w.server->received_len, 0);
    ssh_session_answer_agent(w.session, seen[channel].question, false);
    world_settle(&w);
    CHECK_EQ(seen[channel].count[SSH_EVENT_AGENT_SIGN], 2);
    CHECK_EQ(w.server->received[4], 5);
    CHECK_EQ(w.server->received[9], 12);
    ssh_session_answer_agent(w.session, seen[channel].question, true);
    world_settle(&w);
    CHECK_EQ(w.server->received[5 + 4 + load_be32(w.server->received + 5) + 4], 14);
    close_world(&w);
}

/* What is not ours to answer fails; what is no message ends its channel, not the connection. */
static void test_nonsense(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool ends;
    } cases[] = {
        {"\0\0\0\1\1", 5, false},                                /* SSH 1's list */
        {"\0\0\0\0", 4, false},                                  /* no type */
        {"\0\0\0\1\15", 5, false},                               /* a sign request, cut off */
        {"\0\0\0\11\15\377\377\377\377\0\0\0\0", 13, false},     /* with a long blob */
        {"\0\0\0\15\15\0\0\0\0\0\0\0\0\0\0\0\0", 17, false},     /* by no key */
        {"\0\0\0\1\31", 5, false},                               /* remove all keys */
        {"\0\0\0\5\33\0\0\0\0", 9, false},                       /* an extension */
        {"\0\4\0\1\13", 5, true},                                /* longer than any */
        {"\377\377\377\377\13", 5, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ssh_world w;
        int channel = open_world(&w, true);

        ask(&w, (const uint8_t *)cases[i].bytes, cases[i].len);
        CHECK_EQ(seen[channel].count[SSH_EVENT_AGENT_SIGN], 0);
        if (!CHECK_EQ(w.server->client_closed, cases[i].ends) ||
            !CHECK_EQ(answered(&w, 5), !cases[i].ends))
            fprintf(stderr, "    case %zu\n", i);
        CHECK_EQ(seen[channel].count[SSH_EVENT_ERROR], 0);
        close_world(&w);
    }
}

/* A message of the greatest length arrives through a small window. */
static void test_longest(void)
{
    enum { LEN = 256 << 10 };
    static uint8_t message[4 + LEN];
    struct ssh_world w;
    size_t at = 0;

    open_world(&w, true);
    store_be32(message, LEN);
    message[4] = 13;
    mini_select(w.server, PLACE);
    CHECK(w.server->client_window < LEN);
    for (int i = 0; i < 100 && at < sizeof message; i++) {
        at += mini_send_data(w.server, false, message + at, sizeof message - at);
        world_settle(&w);
    }
    CHECK_EQ(at, sizeof message);
    CHECK(answered(&w, 5));
    close_world(&w);
}

/* Without keys that are kept nothing is asked for; then the server's open is refused. */
static void test_not_asked_for(void)
{
    struct ssh_world w;

    open_world(&w, false);
    CHECK_EQ(w.server->accepted_opens, 0);
    CHECK_EQ(w.server->refused_opens, 1);
    close_world(&w);
}

/* The far side's program ends: the channel goes. The shell ends: nobody is left to ask. */
static void test_ends(void)
{
    uint8_t request[400];
    size_t len = sign_request(request, key_blob, key_blob_len, "x");
    struct ssh_world w;
    int channel = open_world(&w, true);

    mini_select(w.server, PLACE);
    mini_send_eof(w.server);
    world_settle(&w);
    CHECK(w.server->client_eof && w.server->client_closed);
    mini_send_close(w.server);
    world_settle(&w);
    memset(&w.server->current, 0, offsetof(struct mini_channel, received));
    mini_open(w.server, "auth-agent@openssh.com", PLACE);
    world_settle(&w);
    CHECK_EQ(w.server->accepted_opens, 2);
    ask(&w, request, len);
    CHECK_EQ(seen[channel].count[SSH_EVENT_AGENT_SIGN], 1);
    ssh_session_close_channel(w.session, channel);
    world_settle(&w);
    CHECK(answered(&w, 5));
    mini_open(w.server, "auth-agent@openssh.com", PLACE + 1);
    world_settle(&w);
    CHECK_EQ(w.server->refused_opens, 1);
    close_world(&w);
}

/* Whoever was asked leaves without an answer: the next one with an agent is asked the same. */
static void test_asked_again(void)
{
    uint8_t request[400];
    size_t len = sign_request(request, key_blob, key_blob_len, "x");
    struct ssh_world w;
    int first = open_world(&w, true), second, question;

    second = ssh_session_open_channel(w.session, &w.shell);
    world_settle(&w);
    CHECK_EQ(seen[second].count[SSH_EVENT_OPEN], 1);
    ask(&w, request, len);
    CHECK_EQ(seen[first].count[SSH_EVENT_AGENT_SIGN], 1);
    question = seen[first].question;
    ssh_session_close_channel(w.session, first);
    world_settle(&w);
    CHECK_EQ(seen[second].count[SSH_EVENT_AGENT_SIGN], 1);
    CHECK(seen[second].question != question);
    ssh_session_answer_agent(w.session, question, false); /* too late */
    world_settle(&w);
    mini_select(w.server, PLACE);
    CHECK_EQ(w.server->received_len, 0);
    ssh_session_answer_agent(w.session, seen[second].question, true);
    world_settle(&w);
    CHECK(answered(&w, 14));
    close_world(&w);
}

/* A server that opens more than it needs does not take the page's places. */
static void test_many(void)
{
    struct ssh_world w;

    open_world(&w, true);
    for (int i = 0; i < 30; i++)
        mini_open(w.server, "auth-agent@openssh.com", PLACE + 1 + i);
    world_settle(&w);
    CHECK_EQ(w.server->accepted_opens, 16);
    CHECK_EQ(w.server->refused_opens, 15);
    close_world(&w);
}

int main(void)
{
    world_random(11);
    make_key();
    test_list();
    test_sign();
    test_one_behind_another();
    test_nonsense();
    test_longest();
    test_not_asked_for();
    test_ends();
    test_asked_again();
    test_many();
    seen_reset();
    return TEST_DONE();
}
