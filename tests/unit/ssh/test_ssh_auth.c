/* Logging in by nothing and by a password, in several steps, to servers that break the rules. */
#include "unit/ssh/auth_keys.h"

/* ---- none ---- */

static void test_none(void)
{
    struct ssh_auth_config config = {.user = "tester"};

    begin(&config);
    CHECK(sent_none());
    CHECK_EQ(ANSWER("x\0"), IPN_ERR_STATE);
    succeeds();
    DONE("none");

    begin(&config);
    fails("publickey,password", false);
    FAILED("The server wants \"tester\" to log in by publickey,password, and no key or password "
           "was given.");
    config.credentials.try_none = true;
    begin(&config);
    fails("publickey", false);
    FAILED("The server wants \"tester\" to log in by publickey, and no key or password was given; "
           "it is no Tailscale SSH server, or its policy does not allow this user.");
    begin(&config);
    fails("tailscale", false);
    FAILED("The server does not let \"tester\" in.");
    begin(&config);
    fails("", false);
    FAILED("The server does not let \"tester\" in.");
    config.credentials.password = "secret";
    begin(&config);
    fails("publickey,gssapi-with-mic", false);
    FAILED("The server wants \"tester\" to log in by publickey,gssapi-with-mic, which is not what "
           "was given for it.");
}

/* ---- partial success ---- */

static void test_partial(void)
{
    struct ssh_auth_config config = with_keys("ed25519.openssh", "p256.pem", NULL);

    config.credentials.password = "secret";
    begin(&config);
    fails("publickey", false);
    ok("ssh-ed25519", "ed25519.pub");
    fails("password", true);
    CHECK(sent_password("secret"));
    succeeds();
    DONE("publickey,password");

    begin(&config); /* two keys are wanted, and not the same one twice */
    fails("publickey", false);
    ok("ssh-ed25519", "ed25519.pub");
    fails("publickey", true);
    CHECK(sent_query("ecdsa-sha2-nistp256", "p256.pub"));
    ok("ecdsa-sha2-nistp256", "p256.pub");
    fails("publickey", true);
    CHECK(is_failed); /* a third there is not */
    CHECK(strstr(ended,
                 "The server accepted publickey,publickey, and wants \"tester\" to log in by "
                 "publickey as well") == ended);

    begin(&config); /* a key refused at first is tried again for the second */
    fails("publickey", false);
    fails("publickey", false);
    CHECK(sent_query("ecdsa-sha2-nistp256", "p256.pub"));
    ok("ecdsa-sha2-nistp256", "p256.pub");
    fails("publickey", true);
    CHECK(sent_query("ssh-ed25519", "ed25519.pub"));

    config.can_prompt = true;
    begin(&config); /* without end */
    fails("password", false);
    for (int i = 0; i < 20 && !is_failed; i++) {
        if (ssh_auth_is_asking(auth))
            CHECK_EQ(ANSWER("x"), 0);
        fails("password", true);
    }
    FAILED("The server accepts one method after the other and never lets \"tester\" in.");
}

/* ---- password ---- */

static void test_password(void)
{
    struct ssh_auth_config config = {.user = "tester", .credentials.password = "secret"};

    begin(&config);
    fails("publickey,password", false);
    CHECK(sent_password("secret"));
    succeeds();
    DONE("password");

    begin(&config);
    fails("publickey,password", false);
    fails("publickey,password", false);
    FAILED("The server wants \"tester\" to log in by publickey,password; it refused the password.");

    config.can_prompt = true;
    begin(&config);
    fails("password", false);
    fails("password", false);
    PROMPTED(SSH_PROMPT_PASSWORD, "\0That was refused.\0"
                                  "0Password of tester\0");
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(answer("guess", 6), 0);
        CHECK(sent_password("guess"));
        fails("password", false);
    }
    CHECK(is_failed);

    config.credentials.password = NULL;
    begin(&config);
    fails("password", false);
    PROMPTED(SSH_PROMPT_PASSWORD, "\0\0"
                                  "0Password of tester\0");
    CHECK_EQ(answer("gue\xc3\x9f", 6), 0);
    CHECK(sent_password("gue\xc3\x9f"));
    succeeds();
    DONE("password");

    begin(&config);
    fails("password", false);
    CHECK_EQ(answer(NULL, 0), 0);
    FAILED("Logging in was cancelled.");
}

static void change_request(const char *text)
{
    struct buf b;

    buf_init(&b, MAX_LEN);
    CHECK(ssh_put_u8(&b, MESSAGE_60) && ssh_put_text(&b, text) && ssh_put_text(&b, "en"));
    input(&b);
}

static bool sent_change(const char *old, const char *new)
{
    return sent_request("password") && take_u8(1) && take_text(old) && take_text(new) && !rest.len;
}

static void test_password_change(void)
{
    struct ssh_auth_config config = {
        .user = "tester", .credentials.password = "secret", .can_prompt = true};

    begin(&config);
    fails("password", false);
    change_request("It is a year old.\x1b[2J");
    PROMPTED(SSH_PROMPT_NEW_PASSWORD, "\0It is a year old.[2J\0"
                                      "0New password\0"
                                      "0New password again\0");
    CHECK_EQ(ANSWER("one\0two"), 0);
    CHECK(prompt_len > 0 && strcmp(prompt + 1, "The two were not the same.") == 0);
    CHECK_EQ(ANSWER("\0"), 0);
    CHECK(prompt_len > 0 && strcmp(prompt + 1, "It may not be empty.") == 0);
    CHECK_EQ(ANSWER("newer\0newer"), 0);
    CHECK(sent_change("secret", "newer"));
    change_request("Too short.");
    CHECK(prompt_len > 0 && strcmp(prompt + 1, "Too short.") == 0);
    CHECK_EQ(ANSWER("newest one\0newest one"), 0);
    CHECK(sent_change("secret", "newest one"));
    fails("keyboard-interactive", true);
    CHECK(sent_kbdint());
    succeeds();
    DONE("password,keyboard-interactive");

    config.can_prompt = false;
    begin(&config);
    fails("password", false);
    change_request("It is a year old.");
    FAILED("The password of \"tester\" has expired: the server wants a new one, and nobody can be "
           "asked for it here.");
}

/* ---- broken servers ---- */

static void test_broken(void)
{
    static const char *const protocol =
        "The server broke the SSH protocol while \"tester\" logged in.";
    static const struct {
        const char *methods, *hex;
    } cases[] = {
        {NULL, "33"}, /* FAILURE cut off */
        {NULL, "3300000002"}, /* longer than the packet */
        {NULL, "33ffffffff"}, /* far longer */
        {NULL, "330000000070617373"}, /* no flag... and more behind it */
        {NULL, "3c0000000000000000"}, /* 60 to none */
        {NULL, "36"}, /* no such message */
        {"password", "3c"}, /* CHANGEREQ cut off */
        {"publickey", "3c0000000000000000"}, /* PK_OK for another key */
        {"publickey", "3c"},
        {"keyboard-interactive", "3c"},
        {"keyboard-interactive", "3c000000000000000000000000"}, /* no count */
        {"keyboard-interactive", "3c00000000000000000000000000000001"}, /* one, and no prompt */
        {"keyboard-interactive", "3c000000000000000000000000ffffffff"},
        {"keyboard-interactive", "3c0000000000000000000000000000000100000000"}, /* no echo flag */
    };
    struct ssh_auth_config config = with_keys("ed25519.openssh", NULL, NULL);
    uint8_t packet[64];
    size_t len;

    config.credentials.password = "secret";
    config.can_prompt = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(&config);
        if (cases[i].methods)
            fails(cases[i].methods, false);
        len = strlen(cases[i].hex) / 2;
        CHECK_EQ(hex_decode(packet, len, cases[i].hex), 0);
        ssh_auth_input(auth, (struct bytes){packet, len});
        turn();
        if (i == 3)
            CHECK(sent.len || is_failed || prompt_len); /* bytes too many are no harm */
        else if (!CHECK(ended_with(false, protocol)))
            fprintf(stderr, "    case %zu\n", i);
        ssh_auth_input(auth, (struct bytes){packet, len}); /* the end is the end */
        turn();
    }

    begin(&config); /* an answer while a person is asked */
    config.credentials.private_key_count = 0;
    config.credentials.password = NULL;
    begin(&config);
    fails("password", false);
    CHECK(ssh_auth_is_asking(auth));
    fails("password", false);
    FAILED(protocol);

    ssh_auth_free(auth); /* before anything was asked */
    auth = ssh_auth_new(&config);
    is_failed = false;
    ssh_auth_input(auth, (struct bytes){(const uint8_t *)"\x34", 1});
    turn();
    FAILED(protocol);
}

static void test_long_answers(void)
{
    static char longest[MAX_LEN + 2];
    struct ssh_auth_config config = {.user = "tester", .can_prompt = true};

    memset(longest, 'x', MAX_LEN);
    begin(&config);
    fails("password", false);
    CHECK_EQ(answer(longest, MAX_LEN + 1), 0);
    FAILED("What was entered is too long to be sent.");

    config.credentials.password = longest;
    begin(&config);
    fails("password", false);
    FAILED("The password is too long to be sent.");
}

int main(void)
{
    prng_init(4252);
    prng_host_init();
    test_none();
    test_partial();
    test_password();
    test_password_change();
    test_broken();
    test_long_answers();
    dialog_wipe();
    return TEST_DONE();
}
