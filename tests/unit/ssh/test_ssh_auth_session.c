/*
 * Logging in over a whole session and a server in memory: questions become events, answers packets,
 * in the middle of a key exchange too; and nothing secret is left once it is over.
 */
#include "test.h"

#include "base/err.h"
#include "ssh/ssh_session_internal.h"
#include "ssh/ssh_wire.h"
#include "support/ssh/plain_key.h"
#include "support/ssh/ssh_world.h"

enum { REQUEST = 50, FAILURE = 51, SUCCESS = 52, INFO_RESPONSE = 61 };

static struct ssh_world w;
static struct ssh_config config;
static uint8_t last[4096]; /* of the client's requests */
static size_t last_len;
static unsigned requests;

static bool take(struct mini_server *m, void *ctx, const uint8_t *packet, size_t len)
{
    (void)m;
    (void)ctx;
    if (packet[0] != REQUEST && packet[0] != INFO_RESPONSE)
        return false;
    requests++;
    last_len = len < sizeof last ? len : 0;
    memcpy(last, packet, last_len);
    return true;
}

/* Up to where the server has `none` before it. */
static void begin(void)
{
    requests = 0;
    world_init(&w, MINI_CHACHA20, MINI_NO_FAULT, &config);
    w.server->take = take;
    config.can_prompt = true;
}

static void start(void)
{
    world_start(&w, &config);
    world_settle(&w);
    CHECK_EQ(requests, 1);
}

static void refuse(const char *methods)
{
    struct buf b;

    buf_init(&b, 1024);
    CHECK(ssh_put_u8(&b, FAILURE) && ssh_put_text(&b, methods) && ssh_put_u8(&b, 0));
    mini_send(w.server, buf_head(&b), b.len);
    buf_wipe(&b);
    world_settle(&w);
}

static void accept(void)
{
    static const uint8_t packet = SUCCESS;

    w.server->authenticated = true;
    w.server->take = NULL;
    mini_send(w.server, &packet, 1);
    world_settle(&w);
}

static bool last_has(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i + len <= last_len; i++) {
        if (memcmp(last + i, text, len) == 0)
            return true;
    }
    return false;
}

static int answer(const char *text)
{
    return ssh_session_answer_prompt(w.session, (const uint8_t *)text, strlen(text) + 1);
}

static void check_wiped(void)
{
    CHECK(w.session->auth == NULL);
    CHECK(w.session->credentials_block == NULL);
    CHECK(w.session->config.credentials.password == NULL);
    CHECK(w.session->config.credentials.private_keys[0] == NULL);
}

/* ---- */

static void test_password(void)
{
    begin();
    config.credentials.password = "given";
    start();
    CHECK_EQ(answer("x"), IPN_ERR_STATE);
    refuse("password");
    CHECK(last_has("given"));
    CHECK(w.session->credentials_block != NULL);
    refuse("password");
    CHECK_EQ(w.count[SSH_EVENT_PROMPT], 1);
    world_free(&w);
}

static void test_prompt(void)
{
    begin();
    start();
    refuse("password");
    CHECK_EQ(w.count[SSH_EVENT_PROMPT], 1);
    CHECK_EQ(requests, 1);
    world_pass(&w, 600000); /* there is time */
    CHECK_EQ(answer("typed"), 0);
    world_settle(&w);
    CHECK_EQ(requests, 2);
    CHECK(last_has("typed"));
    accept();
    CHECK_EQ(w.count[SSH_EVENT_AUTHENTICATED], 1);
    CHECK_EQ(w.count[SSH_EVENT_OPEN], 1);
    CHECK_STR(ssh_session_info(w.session)->auth_method, "password");
    check_wiped();
    CHECK_EQ(answer("again"), IPN_ERR_STATE);
    world_free(&w);
}

/* The server changes keys while a person types; the answer comes in the middle of that. */
static void test_rekey_while_asking(void)
{
    begin();
    start();
    refuse("password");
    mini_start_rekey(w.server);
    w.server->limited = true; /* its KEXINIT arrives, and no more for now */
    w.server->left = w.server->out_len - w.server->out_at;
    world_settle(&w);
    CHECK(w.server->client_in_kex);
    CHECK_EQ(answer("typed"), 0);
    world_settle(&w);
    CHECK_EQ(requests, 1);
    w.server->limited = false;
    world_settle(&w);
    CHECK_EQ(w.server->rekeys, 1);
    CHECK_EQ(w.server->violations, 0);
    CHECK_EQ(requests, 2);
    CHECK(last_has("typed"));
    accept();
    CHECK_EQ(w.count[SSH_EVENT_OPEN], 1);
    world_free(&w);
}

static void test_connection_ends_while_asking(void)
{
    begin();
    start();
    refuse("password");
    w.read_ends = true;
    CHECK(world_closes(&w));
    CHECK_STR(w.error, "The server waited no longer for an answer and closed the connection.");
    CHECK_EQ(w.error_code, SSH_PROBLEM_AUTH);
    check_wiped();
    CHECK_EQ(answer("late"), IPN_ERR_STATE);
    world_free(&w);

    begin();
    config.credentials.password = "given";
    start();
    refuse("password");
    refuse("password");
    mini_send_disconnect(w.server, "Too many authentication failures");
    CHECK(world_closes(&w));
    CHECK_STR(w.error, "The server ended the connection: \"Too many authentication failures\"; it "
                       "had refused the password.");
    world_free(&w);
}

static void test_given_up(void)
{
    begin();
    start();
    refuse("password");
    CHECK_EQ(ssh_session_answer_prompt(w.session, NULL, 0), 0);
    CHECK(world_closes(&w));
    CHECK_STR(w.error, "Logging in was cancelled.");
    check_wiped();
    world_free(&w);

    begin(); /* closed from our side */
    start();
    refuse("password");
    ssh_session_close(w.session);
    check_wiped();
    CHECK_EQ(answer("late"), IPN_ERR_STATE);
    CHECK(world_closes(&w));
    CHECK_STR(w.error, "");
    world_free(&w);

    begin(); /* freed in the middle of it */
    start();
    refuse("password");
    world_free(&w);
}

static void test_refused(void)
{
    begin();
    config.can_prompt = false;
    config.credentials.private_keys[0] = PLAIN_KEY;
    config.credentials.private_key_count = 1;
    config.keep_keys = true;
    start();
    refuse("publickey");
    CHECK(last_has("ssh-ed25519"));
    refuse("publickey");
    CHECK(world_closes(&w));
    CHECK(strstr(w.error, "The server wants \"user\" to log in by publickey; it refused the key "
                          "SHA256:") == w.error);
    check_wiped();
    CHECK_EQ(w.session->agent_key_count, 0);
    world_free(&w);
}

static void test_keep_keys(void)
{
    for (int keep = 0; keep < 2; keep++) {
        begin();
        config.credentials.private_keys[0] = PLAIN_KEY;
        config.credentials.private_key_count = 1;
        config.keep_keys = keep;
        start();
        accept();
        CHECK_STR(ssh_session_info(w.session)->auth_method, "none");
        check_wiped();
        CHECK_EQ(w.session->agent_key_count, keep);
        world_free(&w);
    }
}

int main(void)
{
    world_random(4252);
    test_password();
    test_prompt();
    test_rekey_while_asking();
    test_connection_ends_while_asking();
    test_given_up();
    test_refused();
    test_keep_keys();
    return TEST_DONE();
}
