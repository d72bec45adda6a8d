/*
 * Noise_IK and Noise_IKpsk2, composed here from the SymmetricState's functions token by token and
 * compared with the messages of a second implementation.
 */
#include "test.h"

#include "base/bytes.h"
#include "crypto/aead.h"
#include "crypto/dh.h"
#include "crypto/random.h"
#include "noise/noise_symmetric.h"
#include "prng.h"
#include "vectors.h"

static const char *prefix;

static size_t get(const char *name, uint8_t *out, size_t cap)
{
    char full[64];

    snprintf(full, sizeof full, "%s_%s", prefix, name);
    return vector_get("noise_ik.txt", full, out, cap);
}

struct keys {
    uint8_t i[32], i_public[32], i_ephemeral[32], i_ephemeral_public[32];
    uint8_t r[32], r_public[32], r_ephemeral[32], r_ephemeral_public[32];
    uint8_t psk[32];
    size_t psk_len;
};

static void load_keys(struct keys *k)
{
    get("initiator_private", k->i, 32);
    get("initiator_public", k->i_public, 32);
    get("initiator_ephemeral_private", k->i_ephemeral, 32);
    get("responder_private", k->r, 32);
    get("responder_public", k->r_public, 32);
    get("responder_ephemeral_private", k->r_ephemeral, 32);
    k->psk_len = get("psk", k->psk, 32);
    dh_public(k->i_ephemeral_public, k->i_ephemeral);
    dh_public(k->r_ephemeral_public, k->r_ephemeral);
}

static void start(struct noise_symmetric *s, const struct keys *k)
{
    uint8_t name[64] = {0}, prologue[64];

    get("name", name, sizeof name - 1);
    noise_symmetric_init(s, (const char *)name);
    noise_mix_hash(s, prologue, get("prologue", prologue, sizeof prologue));
    noise_mix_hash(s, k->r_public, 32);
}

/* e: with a psk in the pattern the ephemeral is also mixed into the key (section 9.2). */
static void mix_e(struct noise_symmetric *s, const struct keys *k, const uint8_t public_key[32])
{
    noise_mix_hash(s, public_key, 32);
    if (k->psk_len)
        noise_mix_key(s, public_key, 32);
}

/* -> e, es, s, ss, payload; compared with the vector as it is made, then opened as responder. */
static void first_message(struct noise_symmetric *i, struct noise_symmetric *r,
                          const struct keys *k)
{
    uint8_t expect[200], made[200], payload[64], opened[64];
    size_t len = get("message1", expect, sizeof expect), plain_len;

    plain_len = get("payload1", payload, sizeof payload);
    CHECK_EQ(len, 32 + 48 + plain_len + 16);
    memcpy(made, k->i_ephemeral_public, 32);
    mix_e(i, k, made);
    CHECK(noise_mix_dh(i, k->i_ephemeral, k->r_public));
    noise_encrypt_and_hash(i, made + 32, k->i_public, 32);
    CHECK(noise_mix_dh(i, k->i, k->r_public));
    noise_encrypt_and_hash(i, made + 80, payload, plain_len);
    CHECK_MEM(made, expect, len);

    mix_e(r, k, expect);
    CHECK(noise_mix_dh(r, k->r, expect));
    CHECK(noise_decrypt_and_hash(r, opened, expect + 32, 48));
    CHECK_MEM(opened, k->i_public, 32);
    CHECK(noise_mix_dh(r, k->r, k->i_public));
    CHECK(noise_decrypt_and_hash(r, opened, expect + 80, len - 80));
    CHECK_MEM(opened, payload, plain_len);
    CHECK_MEM(i, r, sizeof *i);
}

/* <- e, ee, se, psk, payload */
static void second_message(struct noise_symmetric *i, struct noise_symmetric *r,
                           const struct keys *k)
{
    uint8_t expect[200], made[200], payload[64], opened[64];
    size_t len = get("message2", expect, sizeof expect), plain_len;

    plain_len = get("payload2", payload, sizeof payload);
    CHECK_EQ(len, 32 + plain_len + 16);
    memcpy(made, k->r_ephemeral_public, 32);
    mix_e(r, k, made);
    CHECK(noise_mix_dh(r, k->r_ephemeral, k->i_ephemeral_public));
    CHECK(noise_mix_dh(r, k->r_ephemeral, k->i_public));
    if (k->psk_len)
        noise_mix_key_and_hash(r, k->psk);
    noise_encrypt_and_hash(r, made + 32, payload, plain_len);
    CHECK_MEM(made, expect, len);

    mix_e(i, k, expect);
    CHECK(noise_mix_dh(i, k->i_ephemeral, expect));
    CHECK(noise_mix_dh(i, k->i, expect));
    if (k->psk_len)
        noise_mix_key_and_hash(i, k->psk);
    CHECK(noise_decrypt_and_hash(i, opened, expect + 32, len - 32));
    CHECK_MEM(opened, payload, plain_len);
    CHECK_MEM(i, r, sizeof *i);
}

static void transport(const struct noise_symmetric *s)
{
    uint8_t k1[32], k2[32], nonce[12], plain[64], sealed[80], expect[80];

    noise_split(s, k1, k2);
    for (unsigned n = 0; n < 3; n++) {
        char name[40];
        size_t len;

        aead_nonce_le(nonce, n);
        snprintf(name, sizeof name, "transport%u_plain", n);
        len = get(name, plain, sizeof plain);
        snprintf(name, sizeof name, "transport%u_from_initiator", n);
        CHECK_EQ(get(name, expect, sizeof expect), len + 16);
        aead_seal(sealed, plain, len, NULL, 0, nonce, k1);
        CHECK_MEM(sealed, expect, len + 16);
        snprintf(name, sizeof name, "transport%u_from_responder", n);
        get(name, expect, sizeof expect);
        aead_seal(sealed, plain, len, NULL, 0, nonce, k2);
        CHECK_MEM(sealed, expect, len + 16);
    }
}

static void test_handshake(const char *which)
{
    struct noise_symmetric i, r;
    struct keys k;
    uint8_t hash[32];

    prefix = which;
    load_keys(&k);
    start(&i, &k);
    start(&r, &k);
    first_message(&i, &r, &k);
    second_message(&i, &r, &k);
    get("handshake_hash", hash, sizeof hash);
    CHECK_MEM(i.h, hash, 32);
    transport(&i);
    noise_symmetric_wipe(&i);
    CHECK(bytes_are_zero((const uint8_t *)&i, sizeof i));
}

static void test_refusals(void)
{
    struct noise_symmetric s, before;
    uint8_t key[32], zero[32] = {0}, sealed[10 + 16], out[10 + 16];

    noise_symmetric_init(&s, "short name");
    CHECK_MEM(s.h, "short name\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);
    CHECK_MEM(s.ck, s.h, 32);
    prng_fill(key, sizeof key);
    before = s;
    CHECK(!noise_mix_dh(&s, key, zero));
    CHECK_MEM(&s, &before, sizeof s);

    noise_mix_key(&s, key, sizeof key);
    before = s;
    noise_encrypt_and_hash(&s, sealed, key, 10);
    CHECK_EQ(s.n, 1);
    s = before;
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(!noise_decrypt_and_hash(&s, out, sealed, sizeof sealed));
        CHECK_MEM(&s, &before, sizeof s);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    CHECK(!noise_decrypt_and_hash(&s, out, sealed, 15));
    CHECK(noise_decrypt_and_hash(&s, out, sealed, sizeof sealed));
    CHECK_MEM(out, key, 10);
}

/* mix_chain is mix_key without the cipher key. */
static void test_mix_chain(void)
{
    struct noise_symmetric a, b;
    uint8_t input[32];

    prng_fill(input, sizeof input);
    noise_symmetric_init(&a, "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s");
    b = a;
    noise_mix_key(&a, input, sizeof input);
    noise_mix_chain(&b, input, sizeof input);
    CHECK_MEM(a.ck, b.ck, 32);
    CHECK(bytes_are_zero(b.k, 32) && !bytes_are_zero(a.k, 32));
}

int main(void)
{
    prng_init(11);
    prng_host_init();
    crypto_init();
    test_handshake("ik");
    test_handshake("ikpsk2");
    test_refusals();
    test_mix_chain();
    return TEST_DONE();
}
