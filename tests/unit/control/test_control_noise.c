/* control_noise against a connection that Tailscale's controlbase recorded, and nonsense. */
#include <stdlib.h>

#include "base/err.h"
#include "control/control_noise.h"
#include "crypto/random.h"
#include "prng.h"
#include "test.h"
#include "vectors.h"

enum { STREAM_CAP = 64 << 10 };

static uint8_t client_sent[STREAM_CAP], server_sent[STREAM_CAP];
static size_t client_len, server_len;
static struct machine_private machine;
static struct machine_public server;
static uint8_t ephemeral[KEY_LEN];
static uint16_t version;

static void read_vectors(void)
{
    uint8_t v[2];

    client_len = vector_get("ts2021.txt", "client_sent", client_sent, STREAM_CAP);
    server_len = vector_get("ts2021.txt", "server_sent", server_sent, STREAM_CAP);
    vector_get("ts2021.txt", "machine_private", machine.b, KEY_LEN);
    vector_get("ts2021.txt", "control_public", server.b, KEY_LEN);
    vector_get("ts2021.txt", "machine_ephemeral_private", ephemeral, KEY_LEN);
    vector_get("ts2021.txt", "protocol_version", v, sizeof v);
    version = load_be16(v);
}

static void start(struct control_noise *cn)
{
    uint8_t initiation[CONTROL_NOISE_INITIATION_LEN];

    CHECK_EQ(
        control_noise_create_initiation_with(cn, initiation, version, &machine, &server, ephemeral),
        0);
    CHECK_MEM(initiation, client_sent, sizeof initiation);
}

/* What all the to_client writes say, one after the other. */
static size_t expected_plain(uint8_t *out)
{
    size_t len = 0;

    for (int i = 0; i < 4; i++) {
        char name[32];

        snprintf(name, sizeof name, "to_client%d", i);
        len += vector_get("ts2021.txt", name, out + len, STREAM_CAP - len);
    }
    return len;
}

static void test_transcript(size_t piece)
{
    static uint8_t want[STREAM_CAP], got[STREAM_CAP];
    size_t want_len = expected_plain(want), got_len = 0, readies = 0;
    struct control_noise cn = {0};

    start(&cn);
    for (size_t at = 0; at < server_len; at += piece) {
        size_t n = server_len - at < piece ? server_len - at : piece;
        uint8_t *copy = malloc(n); /* so that a read past it is found */
        struct bytes src = {copy, n}, plain;
        int result;

        memcpy(copy, server_sent + at, n);
        while ((result = control_noise_input(&cn, &src, &plain)) > 0) {
            readies += result == CONTROL_NOISE_READY;
            if (result == CONTROL_NOISE_RECORD) {
                memcpy(got + got_len, plain.data, plain.len);
                got_len += plain.len;
            }
        }
        CHECK_EQ(result, 0);
        CHECK_EQ(src.len, 0);
        free(copy);
    }
    CHECK_EQ(readies, 1);
    CHECK_EQ(got_len, want_len);
    CHECK_MEM(got, want, want_len);
    control_noise_wipe(&cn);
}

static void test_sealing(void)
{
    static uint8_t plain[STREAM_CAP], sealed[STREAM_CAP];
    size_t at = CONTROL_NOISE_INITIATION_LEN;
    struct control_noise cn = {0};
    struct bytes src = {server_sent, CONTROL_NOISE_RESPONSE_LEN}, none;

    start(&cn);
    CHECK_EQ(control_noise_seal(&cn, sealed, plain, 1), IPN_ERR_STATE);
    CHECK_EQ(control_noise_input(&cn, &src, &none), CONTROL_NOISE_READY);
    for (int i = 0; i < 4; i++) {
        char name[32];
        size_t len, from = 0;

        snprintf(name, sizeof name, "to_server%d", i);
        len = vector_get("ts2021.txt", name, plain, sizeof plain);
        while (from < len) {
            size_t n = len - from < CONTROL_NOISE_MAX_PLAIN ? len - from : CONTROL_NOISE_MAX_PLAIN;
            int sealed_len = control_noise_seal(&cn, sealed, plain + from, n);

            CHECK_EQ(sealed_len, n + CONTROL_NOISE_OVERHEAD);
            CHECK(at + (size_t)sealed_len <= client_len);
            CHECK_MEM(sealed, client_sent + at, (size_t)sealed_len);
            at += (size_t)sealed_len;
            from += n;
        }
    }
    CHECK_EQ(at, client_len);
    CHECK_EQ(control_noise_seal(&cn, sealed, plain, CONTROL_NOISE_MAX_PLAIN + 1), IPN_ERR_ARG);
    control_noise_wipe(&cn);
}

/* Every bit of the response and of the first record matters. */
static void test_flipped_bits(void)
{
    size_t end = CONTROL_NOISE_RESPONSE_LEN + CONTROL_NOISE_MAX_RECORD;

    for (size_t at = 0; at < end; at += at < 60 ? 1 : 97) {
        uint8_t copy[CONTROL_NOISE_RESPONSE_LEN + CONTROL_NOISE_MAX_RECORD];
        struct control_noise cn = {0};
        struct bytes src = {copy, end}, plain;
        int result, records = 0;

        memcpy(copy, server_sent, end);
        copy[at] ^= (uint8_t)(1 << at % 8);
        start(&cn);
        while ((result = control_noise_input(&cn, &src, &plain)) > 0)
            records += result == CONTROL_NOISE_RECORD;
        CHECK_EQ(records, 0);
        if (result == 0) /* a length that now promises more bytes: nothing came of it */
            CHECK(at == CONTROL_NOISE_RESPONSE_LEN + 1 || at == CONTROL_NOISE_RESPONSE_LEN + 2);
        else
            CHECK_EQ(control_noise_input(&cn, &src, &plain), IPN_ERR_STATE);
    }
}

static void test_wrong_messages(void)
{
    static const struct {
        int number;
        bool after_response;
        uint8_t bytes[24];
        size_t len;
        int result;
        const char *hint;
    } cases[] = {
        {1, false, {2, 0, 47}, 3, IPN_ERR_PROTOCOL, ""},
        {2, false, {2, 0xff, 0xff}, 3, IPN_ERR_PROTOCOL, ""},
        {3, false, {4, 0, 16}, 3, IPN_ERR_PROTOCOL, ""}, /* a record before the response */
        {4, false, {1, 0, 96}, 3, IPN_ERR_PROTOCOL, ""},
        {5,
         false,
         {3, 0, 9, 'n', 'o', ' ', '\n', 0x1b, '[', '3', 'm', 0xff},
         12,
         IPN_ERR_PROTOCOL,
         "no [3m"},
        {6, false, {3, 0, 0}, 3, IPN_ERR_PROTOCOL, ""},
        {7, false, {3, 0, 2, 'a'}, 4, 0, ""},
        {8, true, {2, 0, 48}, 3, IPN_ERR_PROTOCOL, ""}, /* a second response */
        {9, true, {4, 0, 15}, 3, IPN_ERR_PROTOCOL, ""}, /* too short for its tag */
        {10, true, {4, 0x0f, 0xfe}, 3, IPN_ERR_PROTOCOL, ""}, /* 4094 > 4093 */
        {11, true, {4, 0x0f, 0xfd}, 3, 0, ""},
        {12,
         true,
         {4, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
         19,
         IPN_ERR_CRYPTO,
         ""},
        {13, true, {3, 0, 3, 'b', 'y', 'e'}, 6, IPN_ERR_PROTOCOL, "bye"},
        {14, true, {0, 0, 0}, 3, IPN_ERR_PROTOCOL, ""},
        {15, false, {'H', 'T', 'T', 'P', '/', '1', '.', '1'}, 8, IPN_ERR_PROTOCOL, ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct control_noise cn = {0};
        struct bytes src = {server_sent, CONTROL_NOISE_RESPONSE_LEN}, plain;

        start(&cn);
        if (cases[i].after_response)
            CHECK_EQ(control_noise_input(&cn, &src, &plain), CONTROL_NOISE_READY);
        src = (struct bytes){cases[i].bytes, cases[i].len};
        if (!CHECK_EQ(control_noise_input(&cn, &src, &plain), cases[i].result))
            fprintf(stderr, "    case %d\n", cases[i].number);
        CHECK_STR(cn.hint, cases[i].hint);
        if (cases[i].result < 0)
            CHECK_EQ(cn.state, CONTROL_NOISE_FAILED);
    }
}

/* A server's key of low order would make the shared secret zero. */
static void test_bad_server_key(void)
{
    struct machine_public zero = {{0}};
    struct control_noise cn = {0};
    uint8_t out[CONTROL_NOISE_INITIATION_LEN];

    CHECK_EQ(control_noise_create_initiation(&cn, out, 113, &machine, &zero), IPN_ERR_CRYPTO);
    CHECK_EQ(cn.state, CONTROL_NOISE_IDLE);
}

static void test_fresh_ephemerals(void)
{
    uint8_t a[CONTROL_NOISE_INITIATION_LEN], b[CONTROL_NOISE_INITIATION_LEN];
    struct control_noise cn = {0};

    CHECK_EQ(control_noise_create_initiation(&cn, a, 113, &machine, &server), 0);
    CHECK_EQ(control_noise_create_initiation(&cn, b, 113, &machine, &server), 0);
    CHECK_EQ(load_be16(a), 113);
    CHECK(memcmp(a + 5, b + 5, KEY_LEN) != 0);
    control_noise_wipe(&cn);
    CHECK(bytes_are_zero((uint8_t *)&cn, sizeof cn));
}

int main(void)
{
    prng_init(0x7532303231);
    prng_host_init();
    crypto_init();
    read_vectors();
    test_transcript(1);
    test_transcript(7);
    test_transcript(4096);
    test_transcript(STREAM_CAP);
    test_sealing();
    test_flipped_bits();
    test_wrong_messages();
    test_bad_server_key();
    test_fresh_ephemerals();
    return TEST_DONE();
}
