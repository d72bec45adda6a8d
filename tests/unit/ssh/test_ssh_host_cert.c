/* Host certificates by ssh-keygen (tests/vectors/host_certs.txt): what is read of them, who has signed
 * them, and that not one bit of them can be changed. */
#include <stdlib.h>

#include "base/err.h"
#include "ssh/ssh_host_cert.h"
#include "ssh/ssh_known_hosts.h"
#include "ssh/ssh_libssh2.h"
#include "support/ssh/ssh_world.h"
#include "test.h"
#include "vectors.h"

enum { CAP = 4096, NOT_BEFORE_S = 1767225600, NOT_AFTER_S = 1798761600 }; /* both of 2026/27 */

static LIBSSH2_SESSION *lib;

static struct bytes get(const char *name, uint8_t dst[CAP])
{
    return (struct bytes){dst, vector_get("host_certs.txt", name, dst, CAP)};
}

/* 0 and whether it is signed, or < 0. */
static int check(struct bytes blob, bool *is_signed)
{
    struct ssh_host_cert cert;
    struct buf plain;
    int rc;

    buf_init(&plain, CAP);
    rc = ssh_host_cert_parse(&cert, &plain, blob);
    *is_signed = rc == 0 && ssh_host_cert_signed(lib, &cert);
    buf_wipe(&plain);
    return rc;
}

static void test_good(void)
{
    static const char *const names[] = {"ed25519", "nistp256", "nistp384", "nistp521", "rsa"};
    static const char *const host[] = {"a.example"};
    uint8_t cert_bytes[CAP], key_bytes[CAP];
    struct ssh_host_cert cert;
    struct buf plain;
    char key_name[40];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct bytes blob = get(names[i], cert_bytes), key;

        snprintf(key_name, sizeof key_name, "%s_key", names[i]);
        key = get(key_name, key_bytes);
        buf_init(&plain, CAP);
        CHECK(ssh_host_cert_is(blob) && !ssh_host_cert_is(key));
        CHECK_EQ(ssh_host_cert_parse(&cert, &plain, blob), 0);
        CHECK(plain.len == key.len && memcmp(buf_head(&plain), key.data, key.len) == 0);
        CHECK(ssh_host_cert_signed(lib, &cert));
        CHECK(ssh_host_cert_flaw(&cert, host, 1, NOT_BEFORE_S) == NULL);
        buf_wipe(&plain);
    }
}

/* Every byte, for the quick ones; no change of any is missed. */
static void test_forged(const char *name, size_t step)
{
    uint8_t bytes[CAP];
    struct bytes blob = get(name, bytes);
    bool is_signed;

    CHECK_EQ(check(blob, &is_signed), 0);
    CHECK(is_signed);
    for (size_t i = 0; i < blob.len; i += step) {
        bytes[i] ^= (uint8_t)(1 << i % 8);
        check(blob, &is_signed);
        if (!CHECK(!is_signed))
            fprintf(stderr, "    byte %zu of %s\n", i, name);
        bytes[i] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t len = 0; len < blob.len; len++)
        CHECK_EQ(check((struct bytes){bytes, len}, &is_signed), IPN_ERR_ARG);
    bytes[blob.len] = 0;
    CHECK_EQ(check((struct bytes){bytes, blob.len + 1}, &is_signed), IPN_ERR_ARG);
}

static void test_flaws(void)
{
    static const struct {
        const char *vector, *names[2];
        uint64_t wall_s;
        const char *flaw;
    } cases[] = {
        {"ed25519", {"a.example"}, NOT_BEFORE_S, NULL},
        {"ed25519", {"a.example"}, NOT_AFTER_S - 1, NULL},
        {"ed25519", {"a.example"}, NOT_BEFORE_S - 1, "is not valid yet"},
        {"ed25519", {"a.example"}, NOT_AFTER_S, "has expired"},
        {"ed25519", {"x.b.example"}, NOT_BEFORE_S, NULL},
        {"ed25519", {"b.example"}, NOT_BEFORE_S, "is for another host's name"},
        {"ed25519", {"a.example.org"}, NOT_BEFORE_S, "is for another host's name"},
        {"ed25519", {"100.64.0.1", "a.example"}, NOT_BEFORE_S, NULL},
        {"ed25519", {NULL}, NOT_BEFORE_S, "is for another host's name"},
        {"user", {"a.example"}, NOT_BEFORE_S, "is one for users, not for hosts"},
        {"any", {"anything"}, 0, NULL},
        {"any", {"anything"}, UINT64_MAX - 1, NULL},
    };
    uint8_t bytes[CAP];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t count = cases[i].names[1] ? 2 : cases[i].names[0] ? 1 : 0;
        struct ssh_host_cert cert;
        struct buf plain;
        const char *flaw;

        buf_init(&plain, CAP);
        CHECK_EQ(ssh_host_cert_parse(&cert, &plain, get(cases[i].vector, bytes)), 0);
        flaw = ssh_host_cert_flaw(&cert, cases[i].names, count, cases[i].wall_s);
        CHECK_STR(flaw ? flaw : "", cases[i].flaw ? cases[i].flaw : "");
        buf_wipe(&plain);
    }
}

/* RSA with SHA-2 will do, with SHA-1 it will not. */
static void test_sha1(void)
{
    uint8_t bytes[CAP];
    bool is_signed;

    CHECK_EQ(check(get("any", bytes), &is_signed), 0);
    CHECK(is_signed);
    CHECK_EQ(check(get("sha1", bytes), &is_signed), 0);
    CHECK(!is_signed);
}

int main(void)
{
    struct ssh_libssh2_hooks hooks = {.heap = {.max = 1 << 20}};

    world_random(3);
    lib = ssh_libssh2_new(&hooks);
    test_good();
    test_forged("ed25519", 1);
    test_forged("nistp256", 7);
    test_forged("rsa", 5);
    test_flaws();
    test_sha1();
    ssh_libssh2_free(lib, &hooks);
    return TEST_DONE();
}
