/*
 * Logging in, without a connection: the test is the server. Each step is one message of the server's
 * and what must come back. Keys and certificates are those of vectors/ssh_keys.
 */
#include <stdlib.h>

#include "base/encoding.h"
#include "base/err.h"
#include "prng.h"
#include "ssh/ssh_auth.h"
#include "ssh/ssh_event.h"
#include "ssh/ssh_wire.h"
#include "test.h"

#define KEYS TEST_VECTORS "/ssh_keys/"

enum { FAILURE = 51, SUCCESS = 52, MESSAGE_60 = 60, MAX_LEN = 32 << 10 };

static const char session_id[] = "the exchange hash";

/* ---- both ends ---- */

static struct ssh_auth *auth;
/* What it told last, by kind; emptied by turn(). */
static struct buf sent;
static char prompt[4096], notes[4096], banners[4096], ended[4096];
static size_t prompt_len;
static int prompt_kind;
static bool is_done, is_failed;

static char *read_file(const char *name)
{
    static char block[1 << 16];
    char path[1024], *copy;
    FILE *file;
    size_t len;

    snprintf(path, sizeof path, "%s%s", KEYS, name);
    file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s is missing\n", path);
        exit(1);
    }
    len = fread(block, 1, sizeof block - 1, file);
    fclose(file);
    copy = malloc(len + 1);
    memcpy(copy, block, len);
    copy[len] = '\0';
    return copy;
}

static void append(char *dst, struct bytes text)
{
    size_t len = strlen(dst);

    snprintf(dst + len, 4096 - len, "%s%.*s", len ? "|" : "", (int)text.len,
             (const char *)text.data);
}

/* Takes all that auth has to tell. */
static void turn(void)
{
    struct ssh_auth_event ev;

    buf_consume(&sent, sent.len);
    prompt_len = 0;
    notes[0] = banners[0] = '\0';
    while (ssh_auth_next(auth, &ev)) {
        CHECK(!is_done && !is_failed); /* nothing comes behind the end */
        switch (ev.type) {
        case SSH_AUTH_SEND:
            CHECK_EQ(sent.len, 0);
            CHECK_EQ(buf_append(&sent, ev.text.data, ev.text.len), 0);
            ssh_auth_sent(auth);
            break;
        case SSH_AUTH_PROMPT:
            prompt_kind = ev.code;
            prompt_len = ev.text.len;
            memcpy(prompt, ev.text.data, ev.text.len);
            break;
        case SSH_AUTH_BANNER:
            append(banners, ev.text);
            break;
        case SSH_AUTH_NOTE:
            append(notes, ev.text);
            break;
        case SSH_AUTH_DONE:
        case SSH_AUTH_FAILED:
            *(ev.type == SSH_AUTH_DONE ? &is_done : &is_failed) = true;
            snprintf(ended, sizeof ended, "%.*s", (int)ev.text.len, (const char *)ev.text.data);
        }
    }
}

static void begin(const struct ssh_auth_config *config)
{
    buf_wipe(&sent);
    buf_init(&sent, MAX_LEN);
    is_done = is_failed = false;
    ended[0] = '\0';
    ssh_auth_free(auth);
    auth = ssh_auth_new(config);
    ssh_auth_set_session_id(auth, (struct bytes){(const uint8_t *)session_id, sizeof session_id});
    turn();
}

static void input(struct buf *b)
{
    ssh_auth_input(auth, (struct bytes){buf_head(b), b->len});
    buf_wipe(b);
    turn();
}

static void fails(const char *methods, bool partial)
{
    struct buf b;

    buf_init(&b, MAX_LEN);
    CHECK(ssh_put_u8(&b, FAILURE) && ssh_put_text(&b, methods) && ssh_put_u8(&b, partial));
    input(&b);
}

static void succeeds(void)
{
    struct buf b;

    buf_init(&b, MAX_LEN);
    CHECK(ssh_put_u8(&b, SUCCESS));
    input(&b);
}

static void ext_info(const char *algorithms)
{
    struct buf b;

    buf_init(&b, MAX_LEN);
    CHECK(ssh_put_u8(&b, 7) && ssh_put_u32(&b, 2) && ssh_put_text(&b, "other") &&
          ssh_put_text(&b, "x") && ssh_put_text(&b, "server-sig-algs") &&
          ssh_put_text(&b, algorithms));
    ssh_auth_input(auth, (struct bytes){buf_head(&b), b.len});
    buf_wipe(&b);
}

/* INFO_REQUEST; prompts: "0hidden", "1shown", up to NULL. */
static void asks(const char *name, const char *instruction, const char *const *prompts)
{
    struct buf b;
    uint32_t count = 0;

    while (prompts[count])
        count++;
    buf_init(&b, MAX_LEN);
    CHECK(ssh_put_u8(&b, MESSAGE_60) && ssh_put_text(&b, name) && ssh_put_text(&b, instruction) &&
          ssh_put_text(&b, "") && ssh_put_u32(&b, count));
    for (uint32_t i = 0; i < count; i++)
        CHECK(ssh_put_text(&b, prompts[i] + 1) && ssh_put_u8(&b, prompts[i][0] == '1'));
    input(&b);
}

/* NUL-ended answers, as of a string literal: answer("a\0b", 4). */
static int answer(const char *answers, size_t len)
{
    int rc = ssh_auth_answer(auth, (const uint8_t *)answers, len);

    turn();
    return rc;
}

/* ---- what was sent ---- */

static struct bytes rest; /* of the packet that was sent */

static bool take_text(const char *want)
{
    struct bytes got;

    return ssh_get_string(&got, &rest) && ssh_bytes_are(got, want);
}

static bool take_u8(uint8_t want)
{
    uint8_t got;

    return ssh_get_u8(&got, &rest) && got == want;
}

static bool sent_request(const char *method)
{
    rest = (struct bytes){buf_head(&sent), sent.len};
    return take_u8(50) && take_text("tester") && take_text("ssh-connection") && take_text(method);
}

static bool sent_none(void)
{
    return sent_request("none") && !rest.len;
}

static bool sent_password(const char *password)
{
    return sent_request("password") && take_u8(0) && take_text(password) && !rest.len;
}

static bool sent_kbdint(void)
{
    return sent_request("keyboard-interactive") && take_text("") && take_text("") && !rest.len;
}

static bool sent_answers(const char *const *answers)
{
    uint32_t count, want = 0;

    while (answers[want])
        want++;
    rest = (struct bytes){buf_head(&sent), sent.len};
    if (!take_u8(61) || !ssh_get_u32(&count, &rest) || count != want)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!take_text(answers[i]))
            return false;
    }
    return !rest.len;
}

/* The blob of the public line in a file. */
static struct bytes blob_in(const char *file)
{
    static uint8_t blob[8192];
    char *line = read_file(file), *base64 = strchr(line, ' ') + 1;
    int len = base64_decode(blob, sizeof blob, base64, strcspn(base64, " \n"));

    free(line);
    CHECK(len > 0);
    return (struct bytes){blob, len > 0 ? (size_t)len : 0};
}

static bool sent_blob(const char *file)
{
    struct bytes got, want = blob_in(file);

    return ssh_get_string(&got, &rest) && got.len == want.len &&
           memcmp(got.data, want.data, want.len) == 0;
}

/* Whether the server would take it. */
static bool sent_query(const char *algorithm, const char *pub)
{
    return sent_request("publickey") && take_u8(0) && take_text(algorithm) && sent_blob(pub) &&
           !rest.len;
}

static void ok(const char *algorithm, const char *pub)
{
    struct buf b;

    buf_init(&b, MAX_LEN);
    CHECK(ssh_put_u8(&b, MESSAGE_60) && ssh_put_text(&b, algorithm) &&
          ssh_put_string(&b, blob_in(pub)));
    input(&b);
}

/* Signed by the key in file; Ed25519 and RSA sign the same twice. ECDSA's is looked at by servers. */
static bool sent_signed(const char *algorithm, const char *plain, const char *pub, const char *file)
{
    struct bytes id = {(const uint8_t *)session_id, sizeof session_id}, got;
    struct buf to_sign, want;
    struct ssh_key *key;
    char *text = read_file(file);
    bool good;

    if (!sent_request("publickey") || !take_u8(1) || !take_text(algorithm) || !sent_blob(pub)) {
        free(text);
        return false;
    }
    buf_init(&to_sign, MAX_LEN);
    buf_init(&want, MAX_LEN);
    CHECK_EQ(ssh_key_parse(&key, (struct bytes){(const uint8_t *)text, strlen(text)},
                           (struct bytes){(const uint8_t *)"correct horse", 13}),
             0);
    good = ssh_put_string(&to_sign, id) &&
           buf_append(&to_sign, buf_head(&sent), sent.len - rest.len) == 0 &&
           ssh_key_sign(&want, key, plain, (struct bytes){buf_head(&to_sign), to_sign.len}) == 0 &&
           ssh_get_string(&got, &rest) && !rest.len &&
           (strncmp(plain, "ecdsa", 5) == 0 ||
            (got.len == want.len && memcmp(got.data, buf_head(&want), want.len) == 0));
    buf_wipe(&to_sign);
    buf_wipe(&want);
    ssh_key_free(key);
    free(text);
    return good;
}

static bool prompted(enum ssh_prompt_kind kind, const char *fields, size_t len)
{
    if (prompt_len == len && prompt_kind == (int)kind && memcmp(prompt, fields, len) == 0)
        return true;
    fprintf(stderr, "    prompted %d: ", prompt_kind);
    for (size_t i = 0; i < prompt_len; i++)
        fprintf(stderr, "%c", prompt[i] ? prompt[i] : '/');
    fprintf(stderr, "\n");
    return false;
}

#define PROMPTED(kind, fields) CHECK(prompted(kind, fields, sizeof(fields) - 1))
/* Its own NUL ends the last one. */
#define ANSWER(answers) answer(answers, sizeof(answers))

static bool ended_with(bool done, const char *text)
{
    if ((done ? is_done : is_failed) && strcmp(ended, text) == 0)
        return true;
    fprintf(stderr, "    %s: %s\n", is_done ? "done" : is_failed ? "failed" : "goes on", ended);
    return false;
}

#define DONE(text) CHECK(ended_with(true, text))
#define FAILED(text) CHECK(ended_with(false, text))

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

/* ---- publickey ---- */

/* A session with these keys; each file is read for as long as the program runs. */
static struct ssh_auth_config with_keys(const char *a, const char *b, const char *c)
{
    struct ssh_auth_config config = {.user = "tester"};
    const char *files[] = {a, b, c};
    static char *texts[256];
    static int count;

    for (int i = 0; i < 3 && files[i]; i++) {
        texts[count] = read_file(files[i]);
        config.credentials.private_keys[config.credentials.private_key_count++] = texts[count++];
    }
    while (count > 240)
        abort();
    return config;
}

static void test_each_key(void)
{
    static const struct {
        const char *file, *pub, *server_has, *algorithm;
    } cases[] = {
        {"ed25519.openssh", "ed25519.pub", NULL, "ssh-ed25519"},
        {"ed25519o.pkcs8", "ed25519o.pub", "ssh-rsa", "ssh-ed25519"},
        {"p256.pem", "p256.pub", NULL, "ecdsa-sha2-nistp256"},
        {"p384.pkcs8", "p384.pub", NULL, "ecdsa-sha2-nistp384"},
        {"p521.openssh", "p521.pub", NULL, "ecdsa-sha2-nistp521"},
        {"rsa2048.pem", "rsa2048.pub", "ssh-rsa,rsa-sha2-256,rsa-sha2-512", "rsa-sha2-512"},
        {"rsa2048.openssh", "rsa2048.pub", "ssh-ed25519,rsa-sha2-256", "rsa-sha2-256"},
        {"rsa2048.openssh", "rsa2048.pub", NULL, "rsa-sha2-256"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ssh_auth_config config = with_keys(cases[i].file, NULL, NULL);

        begin(&config);
        if (cases[i].server_has)
            ext_info(cases[i].server_has);
        fails("publickey,password", false);
        CHECK(sent_query(cases[i].algorithm, cases[i].pub));
        CHECK(strstr(notes, "Trying the key SHA256:") != NULL);
        ok(cases[i].algorithm, cases[i].pub);
        CHECK(sent_signed(cases[i].algorithm, cases[i].algorithm, cases[i].pub, cases[i].file));
        succeeds();
        DONE("publickey");
    }
}

static void test_rsa_with_sha1_only(void)
{
    struct ssh_auth_config config = with_keys("rsa2048.pem", NULL, NULL);

    begin(&config);
    ext_info("ssh-rsa,ssh-ed25519");
    fails("publickey", false);
    FAILED("The server wants \"tester\" to log in by publickey. Key 1 was left out: the server "
           "takes only SHA-1 signatures of RSA keys, which are not safe.");
}

static void test_several_keys(void)
{
    struct ssh_auth_config config = with_keys("ed25519.openssh", "p256.pem", "rsa2048.pem");
    char fingerprint[SSH_KEY_FINGERPRINT_LEN + 1];

    begin(&config);
    ext_info("rsa-sha2-512");
    fails("publickey", false);
    CHECK(sent_query("ssh-ed25519", "ed25519.pub"));
    fails("publickey", false);
    CHECK(sent_query("ecdsa-sha2-nistp256", "p256.pub"));
    ok("ecdsa-sha2-nistp256", "p256.pub");
    fails("publickey", false); /* the signature is refused all the same */
    CHECK(sent_query("rsa-sha2-512", "rsa2048.pub"));
    fails("publickey", false);
    CHECK(is_failed);
    ssh_key_fingerprint(fingerprint, blob_in("p256.pub"));
    CHECK(strstr(ended, "The server wants \"tester\" to log in by publickey; it refused the key "
                        "SHA256:") == ended);
    CHECK(strstr(ended, fingerprint) != NULL);
    CHECK(strncmp(ssh_auth_tried(auth), strstr(ended, "the key"), 150) == 0);
}

static void test_certificates(void)
{
    static const struct {
        const char *key, *cert, *pub, *plain, *name;
    } cases[] = {
        {"ed25519.openssh", "ed25519-cert.pub", "ed25519.pub", "ssh-ed25519",
         "ssh-ed25519-cert-v01@openssh.com"},
        {"p256.pkcs8", "p256-cert.pub", "p256.pub", "ecdsa-sha2-nistp256",
         "ecdsa-sha2-nistp256-cert-v01@openssh.com"},
        {"rsa2048.pem", "rsa2048-cert.pub", "rsa2048.pub", "rsa-sha2-512",
         "rsa-sha2-512-cert-v01@openssh.com"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int order = 0; order < 2; order++) {
            struct ssh_auth_config config =
                order ? with_keys(cases[i].cert, cases[i].key, NULL)
                      : with_keys(cases[i].key, cases[(i + 1) % 3].cert, cases[i].cert);

            begin(&config);
            ext_info("rsa-sha2-512,ssh-ed25519");
            fails("publickey", false);
            CHECK(sent_query(cases[i].name, cases[i].cert));
            ok(cases[i].name, cases[i].cert);
            CHECK(sent_signed(cases[i].name, cases[i].plain, cases[i].cert, cases[i].key));
            fails("publickey", false);
            CHECK(sent_query(cases[i].plain, cases[i].pub)); /* then the bare key */
            ok(cases[i].plain, cases[i].pub);
            CHECK(sent_signed(cases[i].plain, cases[i].plain, cases[i].pub, cases[i].key));
            fails("publickey", false);
            CHECK(is_failed);
            CHECK(strstr(ended, "it refused the certificate of SHA256:") != NULL);
            CHECK(strstr(ended, ", the key SHA256:") != NULL);
        }
    }
}

/* One text with both, as two files put together. */
static void test_certificate_in_the_same_text(void)
{
    struct ssh_auth_config config = {.user = "tester", .credentials.private_key_count = 1};
    char *key = read_file("ed25519.openssh"), *cert = read_file("ed25519-cert.pub"), both[8192];

    snprintf(both, sizeof both, "%s%s", key, cert);
    config.credentials.private_keys[0] = both;
    begin(&config);
    fails("publickey", false);
    CHECK(sent_query("ssh-ed25519-cert-v01@openssh.com", "ed25519-cert.pub"));
    free(key);
    free(cert);
}

static void test_bad_keys(void)
{
    struct ssh_auth_config config = with_keys("ed25519.pub", "refused/dsa.pem", "p256.pem");

    begin(&config);
    fails("publickey,password", false);
    CHECK(sent_query("ecdsa-sha2-nistp256", "p256.pub"));
    CHECK(strstr(notes, "Key 1 was left out: This is a public key") != NULL);
    CHECK(strstr(notes, "Key 2 was left out: This is a DSA key") != NULL);
    fails("publickey,password", false);
    CHECK(is_failed);
    CHECK(strstr(ended, "Key 1 was left out: This is a public key") != NULL);
    CHECK(strstr(ended, "it refused the key SHA256:") != NULL);
}

static void test_passphrases(void)
{
    struct ssh_auth_config config = with_keys("ed25519.openssh.aes256-ctr", NULL, NULL);
    const char query[] = "ssh-ed25519";

    /* Given with the key. */
    config.credentials.passphrase = "correct horse";
    begin(&config);
    fails("publickey", false);
    CHECK(sent_query(query, "ed25519.pub"));
    ok(query, "ed25519.pub");
    CHECK(sent_signed(query, query, "ed25519.pub", "ed25519.openssh"));

    /* Not given, nobody to ask: the server is asked for it still, and the failure says why. */
    config.credentials.passphrase = NULL;
    begin(&config);
    fails("publickey", false);
    ok(query, "ed25519.pub");
    FAILED(
        "The server wants \"tester\" to log in by publickey. Key 1 was left out: The private key "
        "is encrypted; its passphrase is needed.");
    config.credentials.passphrase = "wrong";
    begin(&config);
    fails("publickey", false);
    ok(query, "ed25519.pub");
    FAILED("The server wants \"tester\" to log in by publickey. Key 1 was left out: The passphrase "
           "does not open the private key.");

    /* Asked for, but only when the server takes the key. */
    config.can_prompt = true;
    begin(&config);
    fails("publickey", false);
    CHECK_EQ(prompt_len, 0);
    fails("publickey", false);
    CHECK(is_failed);
    config.credentials.passphrase = NULL;
    begin(&config);
    fails("publickey", false);
    ok(query, "ed25519.pub");
    CHECK_EQ(prompt_kind, SSH_PROMPT_PASSPHRASE);
    CHECK(prompt_len > 30 && memcmp(prompt,
                                    "\0\0"
                                    "0Passphrase of the key SHA256:",
                                    31) == 0);
    CHECK(ssh_auth_is_asking(auth));
    CHECK_EQ(ANSWER("wrong\0"), IPN_ERR_ARG); /* two, and one was asked for */
    CHECK_EQ(answer("wrong", 5), IPN_ERR_ARG); /* not ended */
    CHECK_EQ(answer("", 0), IPN_ERR_ARG);
    CHECK_EQ(answer("wrong", 6), 0);
    CHECK(prompt_len > 60 && memcmp(prompt, "\0The passphrase does not open", 29) == 0);
    CHECK_EQ(answer("correct horse", 14), 0);
    CHECK(!ssh_auth_is_asking(auth));
    CHECK(sent_signed(query, query, "ed25519.pub", "ed25519.openssh"));
    succeeds();
    DONE("publickey");
}

static void test_passphrases_missed(void)
{
    struct ssh_auth_config config =
        with_keys("p256.pkcs8.aes128", "ed25519.openssh.aes256-ctr", "p384.pem");

    config.can_prompt = true;
    begin(&config);
    fails("publickey", false); /* PKCS #8 hides the public half as well */
    PROMPTED(SSH_PROMPT_PASSPHRASE, "\0\0"
                                    "0Passphrase of key 1\0");
    for (int i = 0; i < 3; i++) {
        CHECK(ssh_auth_is_asking(auth));
        CHECK_EQ(answer("wrong", 6), 0);
    }
    CHECK(sent_query("ssh-ed25519", "ed25519.pub")); /* three are enough */
    ok("ssh-ed25519", "ed25519.pub");
    CHECK_EQ(answer("", 1), 0); /* none: on with the next */
    CHECK(sent_query("ecdsa-sha2-nistp384", "p384.pub"));
    ok("ecdsa-sha2-nistp384", "p384.pub");
    CHECK(sent_signed("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", "p384.pub", "p384.pem"));

    begin(&config);
    fails("publickey", false);
    CHECK_EQ(answer("correct horse", 14), 0);
    CHECK(sent_query("ecdsa-sha2-nistp256", "p256.pub"));

    begin(&config);
    fails("publickey", false);
    CHECK_EQ(answer(NULL, 0), 0);
    FAILED("Logging in was cancelled.");
    CHECK_EQ(answer("x", 2), IPN_ERR_STATE);
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

/* ---- keyboard-interactive ---- */

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

/* ---- keys for an agent ---- */

static void test_keep_keys(void)
{
    struct ssh_auth_config config = with_keys("ed25519.openssh", "p256.pem", "p384.pem.aes128");
    struct ssh_key *keys[SSH_MAX_PRIVATE_KEYS];
    size_t count;

    begin(&config);
    succeeds();
    CHECK_EQ(ssh_auth_take_keys(auth, keys), 0);

    config.keep_keys = true;
    begin(&config);
    succeeds();
    count = ssh_auth_take_keys(auth, keys); /* the encrypted one stays closed */
    CHECK_EQ(count, 2);
    if (count == 2) {
        CHECK_STR(ssh_key_type(keys[0]), "ssh-ed25519");
        CHECK_STR(ssh_key_type(keys[1]), "ecdsa-sha2-nistp256");
    }
    for (size_t i = 0; i < count; i++)
        ssh_key_free(keys[i]);
    CHECK_EQ(ssh_auth_take_keys(auth, keys), 0);

    begin(&config); /* not after a failure; what is left is freed */
    fails("", false);
    CHECK_EQ(ssh_auth_take_keys(auth, keys), 0);
    begin(&config);
    succeeds();
}

int main(void)
{
    prng_init(4252);
    prng_host_init();
    test_none();
    test_each_key();
    test_rsa_with_sha1_only();
    test_several_keys();
    test_certificates();
    test_certificate_in_the_same_text();
    test_bad_keys();
    test_passphrases();
    test_passphrases_missed();
    test_partial();
    test_password();
    test_password_change();
    test_kbdint();
    test_kbdint_with_password();
    test_kbdint_without_end();
    test_broken();
    test_long_answers();
    test_keep_keys();
    ssh_auth_free(auth);
    buf_wipe(&sent);
    return TEST_DONE();
}
