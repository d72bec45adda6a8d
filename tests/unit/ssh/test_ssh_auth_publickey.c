/* Logging in by keys and certificates; the keys that an agent keeps. */
#include "unit/ssh/auth_keys.h"

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
    test_each_key();
    test_rsa_with_sha1_only();
    test_several_keys();
    test_certificates();
    test_certificate_in_the_same_text();
    test_bad_keys();
    test_passphrases();
    test_passphrases_missed();
    test_keep_keys();
    dialog_wipe();
    return TEST_DONE();
}
