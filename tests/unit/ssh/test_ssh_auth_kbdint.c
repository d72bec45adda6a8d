/* Logging in by answers to questions. */
#include "unit/ssh/auth_dialog.h"

static const char *const nothing[] = {NULL};

static void test_kbdint(void)
{
    static const char *const two[] = {"0Password: ", "1Code:\n", NULL};
    static const char *const one[] = {"0Verification code: ", NULL};
    static const char *const two_answers[] = {"secret", "", NULL};
    static const char *const one_answer[] = {"123456", NULL};
    struct ssh_auth_config config = {.user = "tester", .can_prompt = true};

    begin(&config);
    fails("keyboard-interactive,password", false);
    CHECK(sent_kbdint());
    asks("Welcome", "Two\nlines\x07", two);
    PROMPTED(SSH_PROMPT_KEYBOARD_INTERACTIVE, "Welcome\0Two\nlines\0"
                                              "0Password: \0"
                                              "1Code:\n\0");
    CHECK_EQ(ANSWER("secret"), IPN_ERR_ARG); /* one of two */
    CHECK_EQ(ANSWER("secret\0"), 0);
    CHECK(sent_answers(two_answers));
    asks("", "", one);
    CHECK_EQ(ANSWER("123456"), 0);
    CHECK(sent_answers(one_answer));
    asks("", "You are in.", nothing);
    CHECK_STR(banners, "You are in.");
    CHECK(sent_answers(nothing));
    succeeds();
    DONE("keyboard-interactive");

    begin(&config); /* refused three times, then it is over: the password was asked for as well */
    fails("keyboard-interactive,password", false);
    for (int i = 0; i < 3; i++) {
        CHECK(sent_kbdint());
        asks("", "", one);
        CHECK_EQ(ANSWER("654321"), 0);
        fails("keyboard-interactive,password", false);
    }
    FAILED("The server wants \"tester\" to log in by keyboard-interactive,password; it refused "
           "keyboard-interactive.");

    begin(&config); /* it asks nothing, which is no refusal: password at once */
    fails("keyboard-interactive,password", false);
    fails("keyboard-interactive,password", false);
    PROMPTED(SSH_PROMPT_PASSWORD, "\0\0"
                                  "0Password of tester\0");
}

static void test_kbdint_with_password(void)
{
    static const char *const password[] = {"0tester@host's Password:", NULL};
    static const char *const code[] = {"0Code:", NULL};
    static const char *const both[] = {"0Password:", "0Code:", NULL};
    static const char *const shown[] = {"1Password:", NULL};
    static const char *const secret[] = {"secret", NULL};
    struct ssh_auth_config config = {.user = "tester", .credentials.password = "secret"};

    for (int can_prompt = 0; can_prompt < 2; can_prompt++) {
        config.can_prompt = can_prompt;
        begin(&config);
        fails("keyboard-interactive,password", false);
        asks("", "", password);
        CHECK(sent_answers(secret));
        succeeds();
        DONE("keyboard-interactive");
    }

    begin(&config); /* the password, then a code that a person has */
    fails("keyboard-interactive", false);
    asks("", "", password);
    asks("", "", code);
    PROMPTED(SSH_PROMPT_KEYBOARD_INTERACTIVE, "\0\0"
                                              "0Code:\0");

    begin(&config); /* a code is no password */
    fails("keyboard-interactive", false);
    asks("", "", code);
    CHECK_EQ(prompt_kind, SSH_PROMPT_KEYBOARD_INTERACTIVE);
    CHECK(prompt_len > 0);
    begin(&config); /* the given one refused: the person is asked, never the same again */
    fails("keyboard-interactive,password", false);
    asks("", "", password);
    fails("keyboard-interactive,password", false);
    CHECK(sent_kbdint());
    asks("", "", password);
    CHECK(prompt_len > 0);

    config.can_prompt = false;
    begin(&config); /* nobody there: a hidden question gets the password, whatever it says */
    fails("keyboard-interactive,password", false);
    asks("", "", code);
    CHECK(sent_answers(secret));
    fails("keyboard-interactive,password", false);
    CHECK(sent_password("secret"));
    begin(&config);
    fails("keyboard-interactive,password", false);
    asks("", "", password);
    fails("keyboard-interactive,password", false);
    FAILED("The server wants \"tester\" to log in by keyboard-interactive,password; it refused the "
           "password.");
    begin(&config); /* two questions, or one that shows: by password then */
    fails("keyboard-interactive,password", false);
    asks("", "", both);
    CHECK(sent_password("secret"));
    begin(&config);
    fails("keyboard-interactive", false);
    asks("", "", shown);
    FAILED("The server wants \"tester\" to log in by keyboard-interactive. The server asks "
           "\"Password:\", and nobody can answer that here.");
}

static void test_kbdint_without_end(void)
{
    struct ssh_auth_config config = {.user = "tester", .can_prompt = true};

    begin(&config);
    fails("keyboard-interactive", false);
    for (int i = 0; i < 200 && !is_failed; i++)
        asks("", "", nothing);
    FAILED("The server does not stop asking questions.");
    begin(&config);
    fails("keyboard-interactive", false);
    for (int i = 0; i < 200 && !is_failed; i++) {
        asks("", "", nothing);
        fails("keyboard-interactive", false);
    }
    CHECK(is_failed);
}

int main(void)
{
    prng_init(4252);
    prng_host_init();
    test_kbdint();
    test_kbdint_with_password();
    test_kbdint_without_end();
    dialog_wipe();
    return TEST_DONE();
}
