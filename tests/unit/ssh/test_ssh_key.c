/*
 * Private keys against ssh-keygen and openssl: every file of vectors/ssh_keys (made by
 * vectors/gen/ssh_keys.sh) is read, shown, written, signed with; what is no usable key is named.
 */
#include <dirent.h>
#include <stdlib.h>

#include "base/encoding.h"
#include "base/err.h"
#include "base/host.h"
#include "prng.h"
#include "ssh/ssh_key.h"
#include "ssh/ssh_wire.h"
#include "test.h"

#define KEYS TEST_VECTORS "/ssh_keys/"

static const char passphrase[] = "correct horse";

static struct bytes text_bytes(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* The file called name, in a block of its own that ends in NUL; the caller's to free. */
static char *read_file(const char *name, size_t *len)
{
    static char block[1 << 17];
    char path[1024], *copy;
    FILE *file;

    snprintf(path, sizeof path, "%s%s", KEYS, name);
    file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s is missing\n", path);
        exit(1);
    }
    *len = fread(block, 1, sizeof block - 1, file);
    fclose(file);
    copy = malloc(*len + 1);
    memcpy(copy, block, *len);
    copy[*len] = '\0';
    return copy;
}

static int parse(struct ssh_key **key, const char *text, const char *with)
{
    return ssh_key_parse(key, text_bytes(text), text_bytes(with));
}

/* ---- one file ---- */

/* "ssh-ed25519 AAAA… comment" of the key's .pub file. */
static void check_public(const struct ssh_key *key, const char *name)
{
    char pub_name[64], *pub, *end;
    struct buf line;
    size_t len;

    snprintf(pub_name, sizeof pub_name, "%.*s.pub", (int)strcspn(name, "."), name);
    pub = read_file(pub_name, &len);
    pub[strcspn(pub, "\n")] = '\0';
    if (strstr(name, ".openssh")) {
        end = strchr(strchr(pub, ' ') + 1, ' ');
        CHECK_STR(ssh_key_comment(key), end + 1);
    } else {
        CHECK_STR(ssh_key_comment(key), "");
        end = strchr(strchr(pub, ' ') + 1, ' ');
        if (end)
            *end = '\0';
    }
    buf_init(&line, 1 << 16);
    CHECK_EQ(ssh_key_public_line(&line, key, ssh_key_comment(key)), 0);
    CHECK_EQ(buf_append(&line, "", 1), 0);
    CHECK_STR((const char *)buf_head(&line), pub);
    buf_wipe(&line);
    free(pub);
}

/* A blob that does not begin with the name of a type makes no line. */
static void test_blob_line(void)
{
    static const struct {
        const char *blob;
        size_t len;
        const char *line; /* NULL: none */
    } cases[] = {
        {"\0\0\0\1a", 5, "a AAAAAWE= c"},
        {"\0\0\0\1a", 4, NULL},
        {"\0\0\0", 3, NULL},
        {"", 0, NULL},
        {"\0\0\0\0a", 5, NULL},
        {"\0\0\0\1 ", 5, NULL},
        {"\0\0\0\2a\n", 6, NULL},
        {"\377\377\377\377a", 5, NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes blob = {(const uint8_t *)cases[i].blob, cases[i].len};
        struct buf line;
        buf_init(&line, 100);
        int rc = ssh_key_blob_line(&line, blob, "c");
        CHECK_EQ(rc, cases[i].line ? 0 : SSH_KEY_ERR_MALFORMED);
        CHECK_EQ(line.len, cases[i].line ? strlen(cases[i].line) : 0);
        if (cases[i].line)
            CHECK(memcmp(buf_head(&line), cases[i].line, line.len) == 0);
        buf_wipe(&line);
    }
}

/* Written in OpenSSH's format and read again, it is the same key. */
static void check_written(const struct ssh_key *key)
{
    struct bytes blob = ssh_key_public_blob(key), other;
    struct ssh_key *again = NULL;
    struct buf text;

    buf_init(&text, 1 << 16);
    CHECK_EQ(ssh_key_private_text(&text, key, "made \xc3\xa4 here"), 0);
    CHECK_EQ(ssh_key_parse(&again, (struct bytes){buf_head(&text), text.len}, text_bytes("")), 0);
    if (again) {
        other = ssh_key_public_blob(again);
        CHECK_EQ(other.len, blob.len);
        CHECK_MEM(other.data, blob.data, blob.len);
        CHECK_STR(ssh_key_comment(again), "made \xc3\xa4 here");
    }
    ssh_key_free(again);
    buf_wipe(&text);
}

/* Line ends, blanks, a paste that lost its line ends, other blocks around it. */
static void check_pasted(const char *text, const char *name)
{
    size_t len = strlen(text);
    char *pasted = malloc(2 * len + 400), *at = pasted;
    bool has_headers = strstr(text, "DEK-Info") != NULL;
    struct ssh_key *key;

    at += sprintf(at, "\xef\xbb\xbf \t\r\n");
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            *at++ = '\r';
        *at++ = text[i];
    }
    sprintf(at, "\r\n  \r\n");
    CHECK_EQ(parse(&key, pasted, passphrase), 0);
    ssh_key_free(key);

    if (!has_headers) {
        memcpy(pasted, text, len + 1);
        for (size_t i = 0; i < len; i++) {
            if (pasted[i] == '\n')
                pasted[i] = ' ';
        }
        CHECK_EQ(parse(&key, pasted, passphrase), 0);
        ssh_key_free(key);
    }

    sprintf(pasted, "Bag Attributes\n%s%s-----BEGIN CERTIFICATE-----\nAAAA\n-----END ...\n",
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n", text);
    if (!CHECK_EQ(parse(&key, pasted, passphrase), 0))
        fprintf(stderr, "    %s\n", name);
    ssh_key_free(key);
    free(pasted);
}

static void check_passphrases(const char *text, bool encrypted)
{
    struct ssh_key *key = NULL;
    struct buf blob;

    if (!encrypted) {
        CHECK_EQ(parse(&key, text, ""), 0);
        ssh_key_free(key);
        return;
    }
    CHECK_EQ(parse(&key, text, ""), SSH_KEY_ERR_ENCRYPTED);
    CHECK_EQ(parse(&key, text, "wrong"), SSH_KEY_ERR_PASSPHRASE);
    CHECK(key == NULL);
    CHECK_EQ(parse(&key, text, passphrase), 0);
    buf_init(&blob, 1 << 16);
    if (strstr(text, "OPENSSH")) {
        CHECK_EQ(ssh_key_parse_public(&blob, text_bytes(text)), 0);
        CHECK_EQ(blob.len, ssh_key_public_blob(key).len);
        CHECK_MEM(buf_head(&blob), ssh_key_public_blob(key).data, blob.len);
    } else {
        CHECK_EQ(ssh_key_parse_public(&blob, text_bytes(text)), SSH_KEY_ERR_ENCRYPTED);
    }
    buf_wipe(&blob);
    ssh_key_free(key);
}

static bool is_key_file(const char *name)
{
    return name[0] != '.' && !strstr(name, ".pub") && !strstr(name, ".sig") &&
           strchr(name, '.') != NULL;
}

static void test_files(void)
{
    DIR *dir = opendir(KEYS);
    struct dirent *entry;
    unsigned files = 0, failures;
    struct ssh_key *key;
    const char *third;
    char *text;
    size_t len;

    while (dir && (entry = readdir(dir))) {
        if (!is_key_file(entry->d_name))
            continue;
        files++;
        failures = test_failures;
        text = read_file(entry->d_name, &len);
        third = strchr(strchr(entry->d_name, '.') + 1, '.');
        check_passphrases(text, third && strcmp(third, ".compressed") != 0);
        if (CHECK_EQ(parse(&key, text, passphrase), 0)) {
            check_public(key, entry->d_name);
            check_written(key);
            check_pasted(text, entry->d_name);
        }
        ssh_key_free(key);
        free(text);
        if (test_failures != failures)
            fprintf(stderr, "    in %s\n", entry->d_name);
    }
    if (dir)
        closedir(dir);
    CHECK_EQ(files, 56);
}

/* ---- signing ---- */

/* The two of them together make what openssl made. */
static void check_signature(const char *name, const char *algorithm, const char *sig_name)
{
    struct bytes blob, made_by, sig;
    struct ssh_key *key;
    char *text, *want;
    size_t len, want_len;
    struct buf out;

    text = read_file(name, &len);
    want = read_file(sig_name, &want_len);
    CHECK_EQ(parse(&key, text, ""), 0);
    buf_init(&out, 1 << 16);
    CHECK_EQ(ssh_key_sign(&out, key, algorithm, text_bytes("signed text")), 0);
    blob = (struct bytes){buf_head(&out), out.len};
    CHECK(ssh_get_string(&made_by, &blob) && ssh_get_string(&sig, &blob) && blob.len == 0);
    CHECK(ssh_bytes_are(made_by, algorithm));
    CHECK_EQ(sig.len, want_len);
    CHECK_MEM(sig.data, want, want_len);
    buf_wipe(&out);
    ssh_key_free(key);
    free(text);
    free(want);
}

static void test_signatures(void)
{
    check_signature("ed25519o.pkcs8", "ssh-ed25519", "ed25519o.sig");
    check_signature("rsa1024.openssh", "rsa-sha2-256", "rsa1024.sig.sha256");
    check_signature("rsa1024.pkcs8", "rsa-sha2-512", "rsa1024.sig.sha512");
    check_signature("rsa2048.pem", "rsa-sha2-256", "rsa2048.sig.sha256");
    check_signature("rsa2048.openssh", "rsa-sha2-512", "rsa2048.sig.sha512");
    check_signature("rsa8192.openssh", "rsa-sha2-256", "rsa8192.sig.sha256");
    check_signature("rsa8192.pem", "rsa-sha2-512", "rsa8192.sig.sha512");
}

static void test_algorithms(void)
{
    static const struct {
        const char *file, *algorithm;
        int rc;
    } cases[] = {
        {"ed25519.openssh", "ssh-rsa", IPN_ERR_ARG},
        {"ed25519.openssh", "", IPN_ERR_ARG},
        {"rsa1024.pem", "ssh-rsa", IPN_ERR_ARG}, /* that is SHA-1 */
        {"rsa1024.pem", "ssh-ed25519", IPN_ERR_ARG},
        {"p256.pem", "ecdsa-sha2-nistp384", IPN_ERR_ARG},
        {"p256.pem", "ecdsa-sha2-nistp256", 0},
        {"p384.pem", "ecdsa-sha2-nistp384", 0},
        {"p521.pem", "ecdsa-sha2-nistp521", 0},
    };
    struct ssh_key *key;
    struct buf out;
    char *text;
    size_t len;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text = read_file(cases[i].file, &len);
        buf_init(&out, 1 << 16);
        CHECK_EQ(parse(&key, text, ""), 0);
        CHECK_EQ(ssh_key_sign(&out, key, cases[i].algorithm, text_bytes("x")), cases[i].rc);
        CHECK_EQ(out.len > 0, cases[i].rc == 0);
        buf_wipe(&out);
        buf_init(&out, 20); /* no room for any */
        CHECK_EQ(ssh_key_sign(&out, key, cases[i].algorithm, text_bytes("x")),
                 cases[i].rc ? cases[i].rc : IPN_ERR_FULL);
        CHECK_EQ(out.len, 0);
        buf_wipe(&out);
        ssh_key_free(key);
        free(text);
    }
}

/* ---- generated keys ---- */

static void test_generate(void)
{
    struct ssh_key *a = ssh_key_generate_ed25519(), *b = ssh_key_generate_ed25519();
    char print_a[SSH_KEY_FINGERPRINT_LEN + 1], print_b[SSH_KEY_FINGERPRINT_LEN + 1];

    CHECK_STR(ssh_key_type(a), "ssh-ed25519");
    CHECK_STR(ssh_key_comment(a), "");
    check_written(a);
    ssh_key_fingerprint(print_a, ssh_key_public_blob(a));
    ssh_key_fingerprint(print_b, ssh_key_public_blob(b));
    CHECK_EQ(strlen(print_a), SSH_KEY_FINGERPRINT_LEN);
    CHECK(strncmp(print_a, "SHA256:", 7) == 0);
    CHECK(strcmp(print_a, print_b) != 0);
    ssh_key_free(a);
    ssh_key_free(b);
}

/* ---- what is no key ---- */

static int error_named(const char *name)
{
    return strncmp(name, "cipher.", 7) == 0   ? SSH_KEY_ERR_CIPHER
           : strncmp(name, "dsa.", 4) == 0    ? SSH_KEY_ERR_DSA
           : strncmp(name, "public.", 7) == 0 ? SSH_KEY_ERR_PUBLIC
           : strncmp(name, "size.", 5) == 0   ? SSH_KEY_ERR_SIZE
           : strncmp(name, "type.", 5) == 0   ? SSH_KEY_ERR_TYPE
                                              : 0;
}

static void test_refused_files(void)
{
    DIR *dir = opendir(KEYS "refused");
    struct dirent *entry;
    unsigned files = 0;
    struct ssh_key *key;
    char name[512], *text;
    size_t len;

    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        files++;
        snprintf(name, sizeof name, "refused/%s", entry->d_name);
        text = read_file(name, &len);
        if (!CHECK_EQ(parse(&key, text, passphrase), error_named(entry->d_name)))
            fprintf(stderr, "    %s\n", name);
        CHECK(key == NULL);
        free(text);
    }
    if (dir)
        closedir(dir);
    CHECK_EQ(files, 15);
}

static void test_refused_texts(void)
{
    static const struct {
        int error;
        const char *text;
    } cases[] = {
        {SSH_KEY_ERR_NO_KEY, ""},
        {SSH_KEY_ERR_NO_KEY, "hello"},
        {SSH_KEY_ERR_NO_KEY, "-----BEGIN "},
        {SSH_KEY_ERR_NO_KEY, "-----BEGIN OPENSSH PRIVATE KEY"},
        {SSH_KEY_ERR_NO_KEY, "-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP"},
        {SSH_KEY_ERR_PUTTY, "PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\n"},
        {SSH_KEY_ERR_TYPE, "SSH PRIVATE KEY FILE FORMAT 1.1\n"},
        {SSH_KEY_ERR_PUBLIC, "  ssh-ed25519 AAAA\n"},
        {SSH_KEY_ERR_PUBLIC, "ssh-ed25519-cert-v01@openssh.com AAAA\n"},
        {SSH_KEY_ERR_PUBLIC, "ecdsa-sha2-nistp256 AAAA me@home"},
        {SSH_KEY_ERR_PUBLIC, "sk-ssh-ed25519@openssh.com AAAA"},
        {SSH_KEY_ERR_CUT, "-----BEGIN OPENSSH PRIVATE KEY-----"},
        {SSH_KEY_ERR_CUT, "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAA"},
        {SSH_KEY_ERR_CUT, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"},
        {SSH_KEY_ERR_MALFORMED, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"},
        {SSH_KEY_ERR_MALFORMED, "-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----"},
        {SSH_KEY_ERR_MALFORMED, "-----BEGIN PRIVATE KEY-----\n%%%%\n-----END PRIVATE KEY-----"},
        {SSH_KEY_ERR_MALFORMED, "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n"
                                "-----END OPENSSH PRIVATE KEY-----"},
        {SSH_KEY_ERR_CIPHER, "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
                             "DEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----"},
    };
    struct ssh_key *key;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!CHECK_EQ(parse(&key, cases[i].text, ""), cases[i].error))
            fprintf(stderr, "    case %zu\n", i);
    }
}

/* An envelope of OpenSSH's as text; the caller's to free. */
static char *envelope(const char *cipher, uint32_t rounds, const char *type, const char *section)
{
    char *text = malloc(4096), *at = text;
    struct buf b, options, blob;

    buf_init(&b, 2048);
    buf_init(&options, 2048);
    buf_init(&blob, 2048);
    CHECK(ssh_put_text(&options, "salt") && ssh_put_u32(&options, rounds) &&
          ssh_put_text(&blob, type) && buf_append(&b, "openssh-key-v1", 15) == 0 &&
          ssh_put_text(&b, cipher) &&
          ssh_put_text(&b, strcmp(cipher, "none") == 0 ? "none" : "bcrypt") &&
          ssh_put_string(&b, (struct bytes){buf_head(&options), options.len}) &&
          ssh_put_u32(&b, 1) && ssh_put_string(&b, (struct bytes){buf_head(&blob), blob.len}) &&
          ssh_put_text(&b, section));
    at += sprintf(at, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    at += base64_encode(at, buf_head(&b), b.len);
    sprintf(at, "\n-----END OPENSSH PRIVATE KEY-----\n");
    buf_wipe(&b);
    buf_wipe(&options);
    buf_wipe(&blob);
    return text;
}

static void test_envelopes(void)
{
    static const char block[] = "0123456789abcdef";
    static const struct {
        const char *cipher;
        uint32_t rounds;
        const char *type, *with;
        int error;
    } cases[] = {
        {"aes256-ctr", 1, "sk-ssh-ed25519@openssh.com", "", SSH_KEY_ERR_HARDWARE},
        {"aes256-ctr", 1, "sk-ecdsa-sha2-nistp256@openssh.com", "x", SSH_KEY_ERR_HARDWARE},
        {"none", 1, "ssh-dss", "", SSH_KEY_ERR_DSA},
        {"none", 1, "ssh-xmss@openssh.com", "", SSH_KEY_ERR_TYPE},
        {"none", 1, "ssh-ed25519", "x", SSH_KEY_ERR_MALFORMED},
        {"aes256-ctr", 1, "ssh-ed25519", "", SSH_KEY_ERR_ENCRYPTED},
        {"aes256-ctr", 1, "ssh-ed25519", "x", SSH_KEY_ERR_PASSPHRASE},
        {"aes256-ctr", 0, "ssh-ed25519", "x", SSH_KEY_ERR_MALFORMED},
        {"aes256-ctr", UINT32_MAX, "ssh-ed25519", "x", SSH_KEY_ERR_ROUNDS},
        {"aes256-gcm@openssh.com", 1, "ssh-ed25519", "x", SSH_KEY_ERR_MALFORMED}, /* no tag */
        {"3des-cbc", 1, "ssh-ed25519", "x", SSH_KEY_ERR_CIPHER},
    };
    struct ssh_key *key;
    char *text;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text = envelope(cases[i].cipher, cases[i].rounds, cases[i].type, block);
        if (!CHECK_EQ(parse(&key, text, cases[i].with), cases[i].error))
            fprintf(stderr, "    case %zu\n", i);
        free(text);
    }
}

/* One byte changed anywhere: refused, or the same key. Never a key with other halves. */
static void test_damage(void)
{
    static const char *const names[] = {"ed25519.openssh", "p256.pkcs8", "rsa1024.pem",
                                        "ed25519.openssh.aes256-gcm"};
    struct ssh_key *key, *good;
    char *text, old;
    size_t len;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        text = read_file(names[i], &len);
        CHECK_EQ(parse(&good, text, passphrase), 0);
        for (size_t at = 0; at < len; at += 1 + len / 97) {
            old = text[at];
            text[at] = old == 'A' ? 'B' : 'A';
            if (parse(&key, text, passphrase) == 0)
                CHECK_MEM(ssh_key_public_blob(key).data, ssh_key_public_blob(good).data,
                          ssh_key_public_blob(good).len);
            ssh_key_free(key);
            text[at] = old;
        }
        ssh_key_free(good);
        free(text);
    }
}

static void test_sentences(void)
{
    for (int error = SSH_KEY_ERR_ENCRYPTED; error <= SSH_KEY_ERR_SIZE; error++) {
        CHECK(strlen(ssh_key_error_text(error)) > 20);
        for (int other = SSH_KEY_ERR_ENCRYPTED; other < error; other++)
            CHECK(strcmp(ssh_key_error_text(error), ssh_key_error_text(other)) != 0);
    }
}

int main(void)
{
    prng_init(10);
    prng_host_init();
    test_files();
    test_blob_line();
    test_signatures();
    test_algorithms();
    test_generate();
    test_refused_files();
    test_refused_texts();
    test_envelopes();
    test_damage();
    test_sentences();
    return TEST_DONE();
}
