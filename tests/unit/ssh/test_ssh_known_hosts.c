/* known_hosts text: what tests/vectors/known_hosts.txt (made by ssh-keygen) says of each host, and
 * what is left of a text when it is changed. */
#include <stdlib.h>

#include "base/err.h"
#include "ssh/ssh_hmac_sha1.h"
#include "ssh/ssh_hostkey.h"
#include "ssh/ssh_known_hosts.h"
#include "test.h"
#include "vectors.h"

/* ssh-keygen -l of the keys in the file. */
#define ED25519 "SHA256:H2fiFGsBdojyo07mDnOgNJzPO0yO/y9FKaMl+X/oqdU"
#define ECDSA_256 "SHA256:LfnEAns7cOpDll5F5uw+x9QEqIinTIqcscKp9u59DSI"
#define ECDSA_384 "SHA256:Ip9PVtIhaakoqdpuzkBnLvKImaIvS08omVGKyOyl9L0"
#define ECDSA_521 "SHA256:W0Z9V5Vf2amYqnBK7UbbM8gSlYp6lUkfuV6/nEFXQjo"
#define RSA "SHA256:oAPIO6JrZHrVwD8ZdwMTi6T2b1ufBfDmNPQ3D4tLJbg"
#define OTHER "SHA256:FUTGRNt5eztKgfjvcHeSAYcztXBrVb3KJEX15bVHOMo"
#define AUTHORITY "SHA256:1MU4HwapA+C4gFo8YR10OKODULUurt5Z+LwIK/4doMU"
#define REVOKED "SHA256:ohRuWxDgMh4OIFnSAonzEdyzswa1UJTflIEgEymSF98"

#define KEY_A "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHfRaVQ9zo1MAeM9k2zso0HOHNvZDS0pqnVO41ipHcTN"
#define KEY_B "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIElqIni18j5ikDU7uta7JRuLbN5uRphXupCGizk4WbfN"

static struct bytes text_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static struct bytes read_file(void)
{
    static uint8_t text[65536];
    FILE *file = fopen(TEST_VECTORS "/known_hosts.txt", "rb");
    size_t len = file ? fread(text, 1, sizeof text, file) : 0;

    if (!len)
        exit(1);
    fclose(file);
    return (struct bytes){text, len};
}

/* The fingerprints of "type base64\n" lines, with blanks between them. */
static void fingerprints(char *dst, struct buf *lines)
{
    uint8_t blob[SSH_HOST_KEY_MAX_LEN];

    dst[0] = '\0';
    while (lines->len) {
        char *line = (char *)buf_head(lines), *blank = strchr(line, ' ');
        char *end = memchr(line, '\n', lines->len);
        int len = base64_decode(blob, sizeof blob, blank + 1, (size_t)(end - blank - 1));

        if (dst[0])
            strcat(dst, " ");
        CHECK(len > 0);
        ssh_hostkey_fingerprint(dst + strlen(dst), (struct bytes){blob, (size_t)len});
        buf_consume(lines, (size_t)(end - line) + 1);
    }
}

static char authorities[1024]; /* found last */

/* Fingerprints of the keys of name in text. */
static void find(char *keys, char *revoked, struct bytes text, const char *name)
{
    struct ssh_known_keys found;

    ssh_known_keys_init(&found);
    CHECK_EQ(ssh_known_hosts_find(&found, text, name), 0);
    fingerprints(keys, &found.keys);
    fingerprints(revoked, &found.revoked);
    fingerprints(authorities, &found.authorities);
    ssh_known_keys_wipe(&found);
}

static void test_find(void)
{
    static const struct {
        const char *host;
        uint16_t port;
        const char *keys;
    } cases[] = {
        {"plain-01", 22, ED25519 " " RSA},
        {"PLAIN-01", 0, ED25519 " " RSA},
        {"plain-01", 2222, ECDSA_521},
        {"plain-01", 2223, ""},
        {"plain-0", 22, ""},
        {"plain-011", 22, ""},
        {"list-a", 22, ECDSA_384},
        {"list-b", 22, ECDSA_384},
        {"100.64.0.7", 22, ECDSA_384},
        {"100.64.0.7", 2222, ""},
        {"list-", 22, ""},
        {"tabbed", 22, ECDSA_256},
        {"x.corp.example", 22, ED25519},
        {"x.y.corp.example", 22, ED25519},
        {"bad.corp.example", 22, ""},
        {"BAD.corp.example", 22, ""},
        {"corp.example", 22, ""},
        {"host-1", 22, ED25519},
        {"host-12", 22, ""},
        {"host-", 22, ""},
        {"dup-01", 22, ""},
        {"dup-02", 22, OTHER},
        {"dup-", 22, OTHER},
        {"hashed-01", 22, ED25519},
        {"Hashed-01", 22, ED25519},
        {"hashed-01", 2222, ECDSA_256},
        {"hashed-02", 22, ""},
        {"fd7a:115c:a1e0::5", 22, RSA},
        {"crlf-01", 22, OTHER},
        {"last-01", 22, OTHER},
        {"localhost", 22, ""},
    };
    char name[SSH_KNOWN_NAME_CAP], keys[1024], revoked[1024];
    struct bytes text = read_file();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(ssh_known_hosts_name(name, cases[i].host, cases[i].port));
        find(keys, revoked, text, name);
        CHECK_STR(keys, cases[i].keys);
        CHECK_STR(revoked, REVOKED);
        CHECK_STR(authorities, strstr(name, ".corp.example") ? AUTHORITY : "");
    }
}

static void test_names(void)
{
    static const char *bad[] = {"",     "a b", "a,b", "*",   "a?",  "!a",
                                "|1|x", "#a",  "@a",  "[a]", "a\n", "a\tb"};
    char name[SSH_KNOWN_NAME_CAP], overlong[400];

    CHECK(ssh_known_hosts_name(name, "Node.Tailnet.Example", 22));
    CHECK_STR(name, "node.tailnet.example");
    CHECK(ssh_known_hosts_name(name, "FD7A::1", 65535));
    CHECK_STR(name, "[fd7a::1]:65535");
    CHECK(ssh_known_hosts_name(name, "n\xc3\xb6rd", 22));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!ssh_known_hosts_name(name, bad[i], 22));
    memset(overlong, 'a', sizeof overlong);
    overlong[292] = '\0';
    CHECK(!ssh_known_hosts_name(name, overlong, 65535));
    overlong[291] = '\0';
    CHECK(ssh_known_hosts_name(name, overlong, 65535));
    CHECK_EQ(strlen(name), 299);
}

/* Patterns that a naive matcher would need longer than the universe for. */
static void test_stars(void)
{
    char text[600] = "", name[SSH_KNOWN_NAME_CAP], keys[1024], revoked[1024], host[200] = "";

    for (int i = 0; i < 60; i++)
        strcat(text, "*a");
    strcat(text, "b " KEY_A "\n");
    memset(host, 'a', sizeof host - 1);
    ssh_known_hosts_name(name, host, 22);
    find(keys, revoked, text_of(text), name);
    CHECK_STR(keys, "");
    host[sizeof host - 2] = 'b';
    ssh_known_hosts_name(name, host, 22);
    find(keys, revoked, text_of(text), name);
    CHECK_STR(keys, OTHER);
}

#define REST "# kept\n\n@revoked * " KEY_A "\n*.example " KEY_A "\nnonsense\nother " KEY_A " note\n"

static void test_remove(void)
{
    static const struct {
        const char *before, *name, *after;
        int removed;
    } cases[] = {
        {"", "host", "", 0},
        {REST, "host", REST, 0},
        {REST "host " KEY_A "\n", "host", REST, 1},
        {"host " KEY_A "\nHOST " KEY_B "\n" REST, "host", REST, 2},
        {"host " KEY_A, "host", "", 1},
        {REST "a,host,b " KEY_A " c\r\n" REST, "host", REST "a,b " KEY_A " c\r\n" REST, 1},
        {"host,a " KEY_A "\n", "host", "a " KEY_A "\n", 1},
        {"a,host " KEY_A "\n", "host", "a " KEY_A "\n", 1},
        {"host,host " KEY_A "\n", "host", "", 1},
        {"host,!a " KEY_A "\n", "host", "", 1},
        {" \thost,a\t" KEY_A "\n", "host", " \ta\t" KEY_A "\n", 1},
        {"[host]:2222 " KEY_A "\n", "host", "[host]:2222 " KEY_A "\n", 0},
        {"[host]:2222 " KEY_A "\n", "[host]:2222", "", 1},
        {"x.example " KEY_A "\n" REST, "x.example", REST, 1},
        {"h* " KEY_A "\n", "host", "h* " KEY_A "\n", 0},
        {"@cert-authority host " KEY_A "\n", "host", "@cert-authority host " KEY_A "\n", 0},
    };
    struct buf out;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_init(&out, SSH_KNOWN_HOSTS_MAX_LEN);
        CHECK_EQ(ssh_known_hosts_remove(&out, text_of(cases[i].before), cases[i].name),
                 cases[i].removed);
        buf_append(&out, "", 1);
        CHECK_STR((char *)buf_head(&out), cases[i].after);
        buf_wipe(&out);
    }
}

/* Every hashed and plain line of a name goes, and no other. */
static void test_remove_from_file(void)
{
    struct bytes text = read_file();
    char keys[1024], revoked[1024];
    struct buf out;

    buf_init(&out, SSH_KNOWN_HOSTS_MAX_LEN);
    CHECK_EQ(ssh_known_hosts_remove(&out, text, "hashed-01"), 1);
    text = (struct bytes){buf_head(&out), out.len};
    find(keys, revoked, text, "hashed-01");
    CHECK_STR(keys, "");
    find(keys, revoked, text, "[hashed-01]:2222");
    CHECK_STR(keys, ECDSA_256);
    find(keys, revoked, text, "plain-01");
    CHECK_STR(keys, ED25519 " " RSA);
    CHECK_STR(revoked, REVOKED);
    buf_wipe(&out);
}

static void test_add(void)
{
    static const struct {
        const char *before, *line, *replaces, *after;
    } cases[] = {
        {"", "host " KEY_A, "", "host " KEY_A "\n"},
        {"x", "host " KEY_A, "", "x\nhost " KEY_A "\n"},
        {REST, "host " KEY_A, "", REST "host " KEY_A "\n"},
        {"host " KEY_A "\r\n" REST, "host " KEY_A, "", "host " KEY_A "\r\n" REST},
        {"host " KEY_A "\n" REST, "host " KEY_B, "", "host " KEY_A "\n" REST "host " KEY_B "\n"},
        {"host " KEY_A "\n" REST, "host " KEY_B, "host", REST "host " KEY_B "\n"},
        {"h," KEY_A "\nh,host.x " KEY_A "\n[h]:1 " KEY_A "\n", "host.x " KEY_B, "h,host.x,z",
         "h," KEY_A "\n[h]:1 " KEY_A "\nhost.x " KEY_B "\n"},
    };
    struct buf out;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_init(&out, SSH_KNOWN_HOSTS_MAX_LEN);
        CHECK_EQ(ssh_known_hosts_add(&out, text_of(cases[i].before), text_of(cases[i].line),
                                     text_of(cases[i].replaces)),
                 0);
        buf_append(&out, "", 1);
        CHECK_STR((char *)buf_head(&out), cases[i].after);
        buf_wipe(&out);
    }
}

static void test_line(void)
{
    static const char base64[] =
        "AAAAC3NzaC1lZDI1NTE5AAAAIHfRaVQ9zo1MAeM9k2zso0HOHNvZDS0pqnVO41ipHcTN";
    uint8_t blob[SSH_HOST_KEY_MAX_LEN];
    int len = base64_decode(blob, sizeof blob, base64, sizeof base64 - 1);
    struct buf out;

    buf_init(&out, 1000);
    CHECK_EQ(ssh_known_hosts_line(&out, "[h]:2", (struct bytes){blob, (size_t)len}), 0);
    CHECK_EQ(out.len, strlen("[h]:2 " KEY_A));
    CHECK_MEM(buf_head(&out), "[h]:2 " KEY_A, out.len);
    buf_wipe(&out);
    CHECK_EQ(ssh_known_hosts_line(&out, "", (struct bytes){blob, (size_t)len}), IPN_ERR_ARG);
    CHECK_EQ(ssh_known_hosts_line(&out, "h", (struct bytes){blob, 3}), IPN_ERR_ARG);
    CHECK_EQ(ssh_known_hosts_line(&out, "h", (struct bytes){blob, 14}), IPN_ERR_ARG);
    blob[6] = ' ';
    CHECK_EQ(ssh_known_hosts_line(&out, "h", (struct bytes){blob, (size_t)len}), IPN_ERR_ARG);
    buf_wipe(&out);
}

/* Over the ceiling: an error, and never more than the ceiling. */
static void test_ceiling(void)
{
    struct buf out;

    buf_init(&out, sizeof "host " KEY_A - 1);
    CHECK_EQ(ssh_known_hosts_add(&out, text_of(""), text_of("host " KEY_A), text_of("")),
             IPN_ERR_FULL);
    buf_wipe(&out);
    CHECK_EQ(ssh_known_hosts_remove(&out, text_of(REST), "host"), IPN_ERR_FULL);
    buf_wipe(&out);
}

/* RFC 2202 section 3, test cases 1, 2 and 5. */
static void test_hmac_sha1(void)
{
    static const struct {
        uint8_t key_byte;
        size_t key_len;
        const char *text;
        uint8_t mac[4];
    } cases[] = {
        {0x0b, 20, "Hi There", {0xb6, 0x17, 0x31, 0x86}},
        {0x0c, 20, "Test With Truncation", {0x4c, 0x1a, 0x03, 0x42}},
    };
    uint8_t key[65], mac[SSH_SHA1_LEN];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(key, cases[i].key_byte, sizeof key);
        CHECK(ssh_hmac_sha1(mac, (struct bytes){key, cases[i].key_len}, text_of(cases[i].text)));
        CHECK_MEM(mac, cases[i].mac, 4);
    }
    CHECK(ssh_hmac_sha1(mac, text_of("Jefe"), text_of("what do ya want for nothing?")));
    CHECK_MEM(mac, "\xef\xfc\xdf\x6a", 4);
    CHECK(!ssh_hmac_sha1(mac, (struct bytes){key, 65}, text_of("x")));
}

int main(void)
{
    test_find();
    test_names();
    test_stars();
    test_remove();
    test_remove_from_file();
    test_add();
    test_line();
    test_ceiling();
    test_hmac_sha1();
    return TEST_DONE();
}
