/*
 * Our crypto with secrets that valgrind watches (ct/declassify.h): every private key and every 32
 * random bytes that the code asks for. Runs under valgrind only; a part that branches on a secret
 * is named.
 *
 *   valgrind -q ct            all parts: exit status 0, if none leaks
 *   valgrind -q ct leak       a part that does leak: must not be 0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/host.h"
#include "control/control_noise.h"
#include "crypto/aead.h"
#include "crypto/aead_simd128.h"
#include "crypto/blake2s.h"
#include "crypto/random.h"
#include "ct/declassify.h"
#include "disco/disco.h"
#include "noise/noise_symmetric.h"
#include "wg/device.h"

enum { MAX_LEN = 1400, KEYS_LEN = 32 };

static uint8_t state = 1;

/* Keys, and seeds of keys, are 32 bytes and secret; indices, nonces and jitter are seen by all. */
static void random_bytes(uint8_t *dst, size_t len)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = state = (uint8_t)(state * 5 + 31);
    if (len == KEYS_LEN)
        secret(dst, len);
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "ct: %s does not work\n", what);
    exit(3);
}

/* ---- base ---- */

static void test_bytes(void)
{
    uint8_t a[100] = {1}, b[100] = {1};

    secret(a, sizeof a);
    must(bytes_equal(a, b, sizeof a), "bytes_equal");
    b[99] = 1;
    must(!bytes_equal(a, b, sizeof a) && !bytes_are_zero(a, sizeof a), "bytes_equal");
}

static void test_encoding(void)
{
    uint8_t key[256], back[256];
    char text[BASE64_LEN(256) + 2 * 256 + 2];

    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    secret(key, sizeof key);
    for (size_t len = 250; len <= sizeof key; len++) {
        size_t text_len = base64_encode(text, key, len);

        declassify(text + text_len - 2, 2); /* whether they pad is the length, not the secret */
        must(base64_decode(back, sizeof back, text, text_len) == (int)len, "base64");
        hex_encode(text, key, len);
        must(hex_decode(back, len, text) == 0, "hex");
    }
    declassify(back, sizeof back);
    must(back[255] == 255, "hex");
}

static void test_key_text(void)
{
    struct machine_private machine;
    struct node_private node, again;
    char text[KEY_TEXT_CAP];

    machine_private_generate(&machine);
    node_private_generate(&node);
    must(machine_private_parse(&machine, text, machine_private_format(text, &machine)) == 0, "key");
    must(node_private_parse(&again, text, node_private_format(text, &node)) == 0, "key");
    must(bytes_equal(node.b, again.b, KEY_LEN), "key");
}

/* ---- crypto, noise ---- */

static void test_blake2s(void)
{
    uint8_t key[BLAKE2S_LEN], input[300], out[3][BLAKE2S_LEN];

    random_bytes(key, sizeof key);
    memset(input, 3, sizeof input);
    secret(input, sizeof input);
    for (size_t len = 0; len < sizeof input; len += 13) {
        blake2s(out[0], 1 + len % BLAKE2S_LEN, key, sizeof key, input, len);
        blake2s_hmac(out[0], input, len, input, len);
        blake2s_hkdf(out[0], out[1], out[2], key, input, len);
    }
}

static void test_aead(void)
{
    static uint8_t text[MAX_LEN], sealed[MAX_LEN + AEAD_TAG_LEN];
    uint8_t key[AEAD_KEY_LEN], nonce[XAEAD_NONCE_LEN] = {7}, ad[20] = {1};
    static const size_t lens[] = {0, 1, 15, 16, 63, 64, 255, 256, 257, 600, 1023, 1280, MAX_LEN};

    random_bytes(key, sizeof key);
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        size_t len = lens[i], sealed_len = len + AEAD_TAG_LEN;

        for (int forged = 0; forged < 2; forged++) {
            secret(text, sizeof text);
            aead_simd128_seal(sealed, text, len, ad, i, nonce, key);
            sealed[len] ^= (uint8_t)forged;
            must(aead_simd128_open(text, sealed, sealed_len, ad, i, nonce, key) != forged, "SIMD");
            secret(text, sizeof text);
            aead_seal(sealed, text, len, ad, i, nonce, key);
            sealed[len] ^= (uint8_t)forged;
            must(aead_open(text, sealed, sealed_len, ad, i, nonce, key) != forged, "AEAD");
            secret(text, sizeof text);
            xaead_seal(sealed, text, len, ad, i, nonce, key);
            sealed[len] ^= (uint8_t)forged;
            must(xaead_open(text, sealed, sealed_len, ad, i, nonce, key) != forged, "XAEAD");
        }
    }
}

static void test_noise(void)
{
    struct noise_symmetric s, copy;
    uint8_t secrets[KEYS_LEN], public[KEYS_LEN] = {9}, text[40] = {0}, sealed[56], k[2][KEYS_LEN];

    random_bytes(secrets, sizeof secrets);
    noise_symmetric_init(&s, "Noise_IK_25519_ChaChaPoly_BLAKE2s");
    noise_mix_hash(&s, public, sizeof public);
    must(noise_mix_dh(&s, secrets, public), "noise");
    noise_mix_key_and_hash(&s, secrets);
    noise_mix_chain(&s, secrets, sizeof secrets);
    copy = s;
    noise_encrypt_and_hash(&s, sealed, text, sizeof text);
    must(noise_decrypt_and_hash(&copy, text, sealed, sizeof sealed), "noise");
    noise_split(&s, k[0], k[1]);
    noise_symmetric_wipe(&s);
}

static void test_disco(void)
{
    struct disco_private mine, theirs;
    struct disco_public my_public, their_public;
    struct node_public node = {{5}};
    struct disco_message m;
    uint8_t datagram[DISCO_MAX_LEN], tx_id[DISCO_TX_ID_LEN] = {1};
    size_t len;

    disco_private_generate(&mine);
    disco_private_generate(&theirs);
    disco_public_derive(&my_public, &mine);
    disco_public_derive(&their_public, &theirs);
    len = disco_seal_ping(datagram, tx_id, &node, &my_public, &mine, &their_public);
    must(disco_open(&m, datagram, len, &theirs) == 0 && m.has_node_key, "disco");
    len = disco_seal_pong(datagram, tx_id, 1, &my_public, &mine, &their_public);
    datagram[len - 1] ^= 1;
    must(disco_open(&m, datagram, len, &theirs) != 0, "disco");
}

/* ---- WireGuard: two devices, from the first initiation to a new key ---- */

struct end {
    struct wg_device *dev;
    struct node_private private_key;
    struct wg_peer_config config; /* as the other sees it */
    struct end *other;
    uint8_t datagram[2048];
    unsigned received;
};

static struct end ends[2];
static uint64_t now_ms = 1000;

static bool find_by_key(void *ctx, const struct node_public *key, struct wg_peer_config *out)
{
    *out = ((struct end *)ctx)->other->config;
    return memcmp(key, &out->key, sizeof *key) == 0;
}

static bool find_by_ip(void *ctx, const struct ipaddr *dst, struct wg_peer_config *out)
{
    *out = ((struct end *)ctx)->other->config;
    return ipprefix_contains(&out->allowed[0], dst);
}

static struct {
    uint8_t data[2048];
    size_t len;
    struct end *to;
} queue[16];
static size_t queued;

static uint8_t *reserve(void *ctx, const struct node_public *to, size_t len)
{
    (void)to;
    return len <= sizeof ends->datagram ? ((struct end *)ctx)->datagram : NULL;
}

/* What goes out is for all to see. */
static void commit(void *ctx, size_t len)
{
    struct end *from = ctx;

    must(queued < sizeof queue / sizeof *queue, "the queue");
    declassify(from->datagram, len);
    memcpy(queue[queued].data, from->datagram, len);
    queue[queued].len = len;
    queue[queued++].to = from->other;
}

static void deliver(bool spoil)
{
    while (queued) {
        uint8_t datagram[2048];
        size_t len = queue[0].len;
        struct end *to = queue[0].to;
        struct wg_received got;

        memcpy(datagram, queue[0].data, len);
        memmove(queue, queue + 1, --queued * sizeof *queue);
        if (spoil) {
            uint8_t copy[2048];

            memcpy(copy, datagram, len);
            copy[len - 1] ^= 1;
            wg_device_receive(to->dev, &got, copy, len, &to->other->config.key, now_ms);
        }
        wg_device_receive(to->dev, &got, datagram, len, &to->other->config.key, now_ms);
        to->received += got.len > 0;
    }
}

static void talk(int from)
{
    uint8_t packet[60] = {0x45, 0, 0, 60};

    packet[12] = (uint8_t)(10 + from);
    packet[16] = (uint8_t)(11 - from);
    must(wg_device_send(ends[from].dev, packet, sizeof packet, now_ms) == 0, "sending");
    deliver(true);
}

static void test_wireguard(void)
{
    for (int i = 0; i < 2; i++) {
        struct wg_hooks hooks = {.ctx = &ends[i],
                                 .find_by_key = find_by_key,
                                 .find_by_ip = find_by_ip,
                                 .reserve = reserve,
                                 .commit = commit};

        ends[i].other = &ends[1 - i];
        node_private_generate(&ends[i].private_key);
        node_public_derive(&ends[i].config.key, &ends[i].private_key);
        ends[i].config.allowed[0] = (struct ipprefix){{4, {(uint8_t)(10 + i)}}, 8};
        ends[i].config.allowed_count = 1;
        ends[i].dev = wg_device_new(&ends[i].private_key, 0, &hooks);
    }
    wg_device_force_load(ends[1].dev, true); /* so that cookies are made and taken */
    for (unsigned n = 0; n < 40; n++) {
        talk((int)n % 2);
        now_ms += n == 20 ? 121 * 1000 : n == 30 ? 600 * 1000 : 1000;
        for (int i = 0; i < 2; i++)
            wg_device_tick(ends[i].dev, now_ms);
        deliver(false);
    }
    must(ends[0].received > 10 && ends[1].received > 10, "WireGuard");
    must(wg_device_stats(ends[0].dev)->handshakes >= 3, "WireGuard's renewal of keys");
    for (int i = 0; i < 2; i++)
        wg_device_free(ends[i].dev);
}

/* ---- ts2021: the client against the responder's half of Noise IK ---- */

static int answer(uint8_t out[CONTROL_NOISE_RESPONSE_LEN], const struct machine_private *server,
                  const uint8_t *initiation);

static void test_ts2021(void)
{
    struct machine_private machine, server;
    struct machine_public server_public;
    static struct control_noise cn;
    uint8_t initiation[CONTROL_NOISE_INITIATION_LEN], response[CONTROL_NOISE_RESPONSE_LEN];
    uint8_t text[100] = {1}, record[100 + CONTROL_NOISE_OVERHEAD];
    struct bytes src = {response, sizeof response}, plain;

    machine_private_generate(&machine);
    machine_private_generate(&server);
    machine_public_derive(&server_public, &server);
    must(control_noise_create_initiation(&cn, initiation, 113, &machine, &server_public) == 0,
         "ts2021");
    declassify(initiation, sizeof initiation);
    must(answer(response, &server, initiation) == 0, "ts2021's responder");
    must(control_noise_input(&cn, &src, &plain) == CONTROL_NOISE_READY, "ts2021's answer");
    secret(text, sizeof text);
    must(control_noise_seal(&cn, record, text, sizeof text) == (int)sizeof record, "ts2021");
    record[sizeof record - 1] ^= 1;
    src = (struct bytes){record, sizeof record};
    declassify(record, sizeof record);
    must(control_noise_input(&cn, &src, &plain) < 0, "a forged record");
    control_noise_wipe(&cn);
}

/* [version 2][type 2][length 2]... as control_noise.c has it: <- e, ee, se */
static int answer(uint8_t out[CONTROL_NOISE_RESPONSE_LEN], const struct machine_private *server,
                  const uint8_t *initiation)
{
    static const char prologue[] = "Tailscale Control Protocol v113";
    struct noise_symmetric s;
    struct machine_private ephemeral;
    struct machine_public server_public, mine;
    uint8_t client[KEY_LEN], nothing[1];
    const uint8_t *e = initiation + 5;

    machine_public_derive(&server_public, server);
    noise_symmetric_init(&s, "Noise_IK_25519_ChaChaPoly_BLAKE2s");
    noise_mix_hash(&s, (const uint8_t *)prologue, sizeof prologue - 1);
    noise_mix_hash(&s, server_public.b, KEY_LEN);
    noise_mix_hash(&s, e, KEY_LEN);
    if (!noise_mix_dh(&s, server->b, e) ||
        !noise_decrypt_and_hash(&s, client, e + KEY_LEN, KEY_LEN + NOISE_TAG_LEN) ||
        !noise_mix_dh(&s, server->b, client) ||
        !noise_decrypt_and_hash(&s, nothing, e + 2 * KEY_LEN + NOISE_TAG_LEN, NOISE_TAG_LEN))
        return -1;
    machine_private_generate(&ephemeral);
    machine_public_derive(&mine, &ephemeral);
    out[0] = 2;
    store_be16(out + 1, CONTROL_NOISE_RESPONSE_LEN - 3);
    memcpy(out + 3, mine.b, KEY_LEN);
    noise_mix_hash(&s, mine.b, KEY_LEN);
    if (!noise_mix_dh(&s, ephemeral.b, e) || !noise_mix_dh(&s, ephemeral.b, client))
        return -1;
    noise_encrypt_and_hash(&s, out + 3 + KEY_LEN, nothing, 0);
    declassify(out, CONTROL_NOISE_RESPONSE_LEN);
    return 0;
}

/* ---- all of it ---- */

/* What the check is there to find: a comparison that stops at the first difference. */
static void test_leak(void)
{
    uint8_t a[16] = {1}, b[16] = {1};

    secret(a, sizeof a);
    for (size_t i = 0; i < sizeof a; i++)
        if (*(volatile uint8_t *)&a[i] != b[i])
            return;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } parts[] = {{"leak", test_leak},         {"bytes", test_bytes},
                 {"encoding", test_encoding}, {"key text", test_key_text},
                 {"blake2s", test_blake2s},   {"aead", test_aead},
                 {"noise", test_noise},       {"disco", test_disco},
                 {"ts2021", test_ts2021},     {"wireguard", test_wireguard}};
    bool leak_wanted = argc > 1 && strcmp(argv[1], "leak") == 0;
    unsigned leaks = 0;

    if (!RUNNING_ON_VALGRIND) {
        fprintf(stderr, "usage: valgrind -q %s [leak]\n", argv[0]);
        return 2;
    }
    host_init(&(struct host_calls){.random_bytes = random_bytes});
    crypto_init();
    for (size_t i = leak_wanted ? 0 : 1; i < (leak_wanted ? 1 : sizeof parts / sizeof *parts);
         i++) {
        unsigned before = VALGRIND_COUNT_ERRORS;

        parts[i].run();
        unsigned found = VALGRIND_COUNT_ERRORS - before;
        printf("%-10s %s\n", parts[i].name, found ? "DEPENDS ON A SECRET" : "constant time");
        leaks += found > 0;
    }
    return leaks > 0;
}
