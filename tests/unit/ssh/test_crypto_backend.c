/*
 * The crypto backend on its own: published vectors, and libsodium and mbedTLS called directly as
 * second opinions. Vectors that no standard has
 * were made by OpenSSL 3.0.19.
 */
#include "prng.h" /* before libssh2's headers, which define fprintf away */
#include "test.h"

#include "libssh2_priv.h"

#include <mbedtls/gcm.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/encoding.h"
#include "ssh/crypto_backend_internal.h"
#include "ssh/crypto_backend_sign.h"
#include "ssh/ssh_libssh2.h"

static uint8_t bytes[4096];

/* The bytes of a hexadecimal text, in a buffer that the next call but three overwrites. */
static uint8_t *hex(const char *text)
{
    static uint8_t ring[4][1024];
    static int at;
    uint8_t *dst = ring[at++ % 4];

    if (hex_decode(dst, strlen(text) / 2, text) < 0)
        abort();
    return dst;
}

/* ---- a session to allocate from ---- */

static int no_read(void *ctx, uint8_t *dst, size_t cap)
{
    (void)ctx;
    (void)dst;
    (void)cap;
    return -1;
}

static int no_write(void *ctx, const uint8_t *src, size_t len)
{
    (void)ctx;
    (void)src;
    (void)len;
    return -1;
}

static struct ssh_libssh2_hooks hooks;
static LIBSSH2_SESSION *session;

/* ---- hashes ---- */

static void test_hashes(void)
{
    static const struct {
        int bits;
        const char *text, *digest;
    } cases[] = {
        /* FIPS 180-4 examples */
        {256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {384, "abc",
         "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
         "8086072ba1e7cc2358baeca134c825a7"},
        {512, "abc",
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
        {256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {384, "",
         "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
         "274edebfe76f65fbd51ad2f14898b95b"},
    };
    struct ssh_crypto_hash h;
    uint8_t digest[64];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = strlen(cases[i].text);

        CHECK_EQ(ssh_crypto_hash(digest, cases[i].bits, (const uint8_t *)cases[i].text, len), 0);
        CHECK_MEM(digest, hex(cases[i].digest), (size_t)cases[i].bits / 8);
        CHECK_EQ(ssh_crypto_hash_init(&h, cases[i].bits), 1);
        for (size_t k = 0; k < len; k++)
            CHECK_EQ(ssh_crypto_hash_update(&h, cases[i].text + k, 1), 1);
        CHECK_EQ(ssh_crypto_hash_final(&h, digest), 1);
        CHECK_MEM(digest, hex(cases[i].digest), (size_t)cases[i].bits / 8);
    }
    CHECK_EQ(ssh_crypto_hash_init(&h, 160), 0); /* no SHA-1 */
    CHECK_EQ(ssh_crypto_hash_update(&h, "a", 1), 0);
    CHECK_EQ(ssh_crypto_hash_final(&h, digest), 0);
}

static void test_hmac(void)
{
    /* RFC 4231 test case 2 */
    uint8_t key[] = {'J', 'e', 'f', 'e'}, mac[64];
    static const char text[] = "what do ya want for nothing?";
    libssh2_hmac_ctx ctx;

    CHECK(_libssh2_hmac_ctx_init(&ctx) && _libssh2_hmac_sha256_init(&ctx, key, 4) &&
          _libssh2_hmac_update(&ctx, text, 28) && _libssh2_hmac_final(&ctx, mac));
    CHECK_MEM(mac, hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"), 32);
    _libssh2_hmac_cleanup(&ctx);
    CHECK(_libssh2_hmac_ctx_init(&ctx) && _libssh2_hmac_sha512_init(&ctx, key, 4) &&
          _libssh2_hmac_update(&ctx, text, 10) && _libssh2_hmac_update(&ctx, text + 10, 18) &&
          _libssh2_hmac_final(&ctx, mac));
    CHECK_MEM(mac,
              hex("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                  "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"),
              64);
    _libssh2_hmac_cleanup(&ctx);
    CHECK(!_libssh2_hmac_sha1_init(&ctx, key, 4));
    CHECK(!_libssh2_hmac_update(&ctx, text, 1) && !_libssh2_hmac_final(&ctx, mac));
}

/* ---- ciphers ---- */

/* NIST SP 800-38A F.2 and F.5, all four blocks, in pieces of 16 as libssh2 hands them over. */
static void test_aes(void)
{
    static const char plain[] = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
                                "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
    static const struct {
        int id;
        const char *key, *iv, *sealed;
    } cases[] = {
        {_libssh2_cipher_aes128ctr, "2b7e151628aed2a6abf7158809cf4f3c",
         "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
         "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
         "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee"},
        {_libssh2_cipher_aes192ctr, "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
         "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
         "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94"
         "1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050"},
        {_libssh2_cipher_aes256ctr,
         "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
         "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
         "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
         "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"},
        {_libssh2_cipher_aes128, "2b7e151628aed2a6abf7158809cf4f3c",
         "000102030405060708090a0b0c0d0e0f",
         "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
         "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"},
        {_libssh2_cipher_aes256, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
         "000102030405060708090a0b0c0d0e0f",
         "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
         "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int encrypt = 0; encrypt < 2; encrypt++) {
            _libssh2_cipher_ctx ctx;

            memcpy(bytes, hex(encrypt ? plain : cases[i].sealed), 64);
            CHECK_EQ(_libssh2_cipher_init(&ctx, cases[i].id, hex(cases[i].iv), hex(cases[i].key),
                                          encrypt),
                     0);
            for (int at = 0; at < 64; at += 16)
                CHECK_EQ(_libssh2_cipher_crypt(&ctx, cases[i].id, encrypt, bytes + at, 16, 0), 0);
            CHECK_MEM(bytes, hex(encrypt ? cases[i].sealed : plain), 64);
            _libssh2_cipher_dtor(&ctx);
            CHECK(ctx == NULL);
            _libssh2_cipher_dtor(&ctx);
        }
    }
}

/* Runs a packet [length 4][text][tag 16] through the backend in libssh2's pieces. */
static int gcm_pieces(_libssh2_cipher_ctx *ctx, int encrypt, uint8_t *packet, size_t len)
{
    size_t at = 16;
    int id = _libssh2_cipher_aes128gcm;

    if (_libssh2_cipher_crypt(ctx, id, encrypt, packet, 16, FIRST_BLOCK))
        return -2;
    while (at + 32 <= len) {
        if (_libssh2_cipher_crypt(ctx, id, encrypt, packet + at, 16, MIDDLE_BLOCK))
            return -3;
        at += 16;
    }
    return _libssh2_cipher_crypt(ctx, id, encrypt, packet + at, len - at, LAST_BLOCK);
}

/* Against mbedTLS in one piece, the invocation counter going on, over its carry too. */
static void test_gcm(void)
{
    uint8_t key[16], iv[12], packet[600], expect[600];
    _libssh2_cipher_ctx seal;
    _libssh2_cipher_ctx open;
    mbedtls_gcm_context gcm;
    uint64_t invocation = 0xfffffffeu;

    prng_fill(key, sizeof key);
    prng_fill(iv, sizeof iv);
    store_be64(iv + 4, invocation);
    mbedtls_gcm_init(&gcm);
    CHECK_EQ(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 128), 0);
    CHECK_EQ(_libssh2_cipher_init(&seal, _libssh2_cipher_aes128gcm, iv, key, 1), 0);
    CHECK_EQ(_libssh2_cipher_init(&open, _libssh2_cipher_aes128gcm, iv, key, 0), 0);
    for (size_t text_len = 16; text_len <= 560; text_len += 16) {
        size_t len = 4 + text_len + 16;

        prng_fill(packet, len);
        memcpy(expect, packet, len);
        CHECK_EQ(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, text_len, iv, 12, expect, 4,
                                           packet + 4, expect + 4, 16, expect + 4 + text_len),
                 0);
        store_be64(iv + 4, ++invocation);
        CHECK_EQ(gcm_pieces(&seal, 1, packet, len), 0);
        CHECK_MEM(packet, expect, len);
        if (text_len % 48 == 0) /* damage: found with the last piece, not before */
            packet[text_len % 64] ^= 1;
        CHECK_EQ(gcm_pieces(&open, 0, packet, len), text_len % 48 == 0 ? -1 : 0);
    }
    /* Pieces too short for what they must hold. */
    CHECK_EQ(_libssh2_cipher_crypt(&open, _libssh2_cipher_aes128gcm, 0, packet, 3, FIRST_BLOCK), 0);
    CHECK_EQ(_libssh2_cipher_crypt(&open, _libssh2_cipher_aes128gcm, 0, packet, 5, LAST_BLOCK), -1);
    CHECK_EQ(_libssh2_cipher_crypt(&open, _libssh2_cipher_aes128gcm, 0, packet, 16, LAST_BLOCK),
             -1);
    _libssh2_cipher_dtor(&seal);
    _libssh2_cipher_dtor(&open);
    mbedtls_gcm_free(&gcm);
    CHECK_EQ(_libssh2_cipher_init(&seal, 0x410, iv, key, 1), -1);
}

/* ---- key agreement ---- */

static void test_x25519(void)
{
    /* OpenSSL 3.0: a private key, a public key, what they agree on */
    static const char secret[] = "3078d24a6f0f26bc970fdb7c6c2b96ef6e9ed5db4fe0b2017fdadc636d733170";
    static const char theirs[] = "f9fdcfba14118d5c97add97f673f0ed3f47e3d8a631b414b72f651faca1a106e";
    static const char agreed[] = "0ab011d574b68abbd256cda1e0f39f0db339c5ba1c10c0377898abd4493fe029";
    uint8_t shared[32], zero[32] = {0}, *pub = NULL, *priv = NULL;
    struct ssh_crypto_bn *k = ssh_crypto_bn_new();

    CHECK_EQ(_libssh2_curve25519_gen_k(&k, hex(secret), hex(theirs)), 0);
    CHECK_EQ(ssh_crypto_bn_byte_len(k), 32);
    CHECK_EQ(ssh_crypto_bn_to_bytes(bytes, k), 0);
    CHECK_MEM(bytes, hex(agreed), 32);
    CHECK_EQ(_libssh2_curve25519_gen_k(&k, hex(secret), zero), -1);

    CHECK_EQ(_libssh2_curve25519_new(session, &pub, &priv), 0);
    CHECK_EQ(crypto_scalarmult_base(shared, priv), 0);
    CHECK_MEM(pub, shared, 32);
    LIBSSH2_FREE(session, pub);
    LIBSSH2_FREE(session, priv);
    ssh_crypto_bn_free(k);
}

static void test_nist_curves(void)
{
    static const libssh2_curve_type curves[] = {
        LIBSSH2_EC_CURVE_NISTP256, LIBSSH2_EC_CURVE_NISTP384, LIBSSH2_EC_CURVE_NISTP521};
    static const size_t sizes[] = {32, 48, 66};

    for (size_t i = 0; i < 3; i++) {
        struct ssh_crypto_ec *a = NULL, *b = NULL, *pub = NULL;
        struct ssh_crypto_bn *k1 = ssh_crypto_bn_new(), *k2 = ssh_crypto_bn_new();
        uint8_t *point_a, *point_b, sig[SSH_CRYPTO_SIGNATURE_MAX];
        size_t a_len, b_len, sig_len, r_len, s_len;

        CHECK_EQ(_libssh2_ecdsa_create_key(session, &a, &point_a, &a_len, curves[i]), 0);
        CHECK_EQ(_libssh2_ecdsa_create_key(session, &b, &point_b, &b_len, curves[i]), 0);
        CHECK_EQ(a_len, 1 + 2 * sizes[i]);
        CHECK_EQ(_libssh2_ecdsa_get_curve_type(a), curves[i]);
        CHECK_EQ(_libssh2_ecdh_gen_k(&k1, a, point_b, b_len), 0);
        CHECK_EQ(_libssh2_ecdh_gen_k(&k2, b, point_a, a_len), 0);
        CHECK_EQ(ssh_crypto_bn_byte_len(k1), ssh_crypto_bn_byte_len(k2));
        ssh_crypto_bn_to_bytes(bytes, k1);
        ssh_crypto_bn_to_bytes(bytes + 100, k2);
        CHECK_MEM(bytes, bytes + 100, ssh_crypto_bn_byte_len(k1));

        /* [r: mpint][s: mpint], by the public half alone */
        sig_len = ssh_crypto_ec_sign(sig, a, (struct bytes){(const uint8_t *)"sample", 6});
        r_len = load_be32(sig);
        s_len = load_be32(sig + 4 + r_len);
        CHECK_EQ(sig_len, 8 + r_len + s_len);
        CHECK_EQ(_libssh2_ecdsa_curve_name_with_octal_new(&pub, point_a, a_len, curves[i]), 0);
        CHECK_EQ(_libssh2_ecdsa_verify(pub, sig + 4, r_len, sig + 8 + r_len, s_len,
                                       (const uint8_t *)"sample", 6),
                 0);
        CHECK_EQ(_libssh2_ecdsa_verify(pub, sig + 4, r_len, sig + 8 + r_len, s_len,
                                       (const uint8_t *)"simple", 6),
                 -1);
        sig[4 + r_len / 2] ^= 4;
        CHECK_EQ(_libssh2_ecdsa_verify(pub, sig + 4, r_len, sig + 8 + r_len, s_len,
                                       (const uint8_t *)"sample", 6),
                 -1);
        CHECK_EQ(_libssh2_ecdsa_verify(pub, sig, 0, sig, 0, (const uint8_t *)"sample", 6), -1);

        point_a[a_len - 1] ^= 1; /* off the curve; cut off; another form */
        CHECK_EQ(_libssh2_ecdh_gen_k(&k1, b, point_a, a_len), -1);
        CHECK_EQ(_libssh2_ecdh_gen_k(&k1, b, point_a, a_len - 1), -1);
        CHECK_EQ(_libssh2_ecdh_gen_k(&k1, b, (const uint8_t *)"", 1), -1);
        ssh_crypto_ec_free(pub);
        pub = NULL;
        CHECK_EQ(_libssh2_ecdsa_curve_name_with_octal_new(&pub, point_a, a_len, curves[i]), -1);
        CHECK(pub == NULL);
        LIBSSH2_FREE(session, point_a);
        LIBSSH2_FREE(session, point_b);
        ssh_crypto_ec_free(a);
        ssh_crypto_ec_free(b);
        ssh_crypto_bn_free(k1);
        ssh_crypto_bn_free(k2);
    }
}

/* RFC 6979 A.2.5: P-256 with SHA-256, message "sample". */
static void test_ecdsa_vector(void)
{
    struct ssh_crypto_ec *pub = NULL;

    CHECK_EQ(_libssh2_ecdsa_curve_name_with_octal_new(
                 &pub,
                 hex("0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                     "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"),
                 65, LIBSSH2_EC_CURVE_NISTP256),
             0);
    CHECK_EQ(_libssh2_ecdsa_verify(
                 pub, hex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"), 32,
                 hex("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"), 32,
                 (const uint8_t *)"sample", 6),
             0);
    ssh_crypto_ec_free(pub);
}

static void test_dh(void)
{
    /* RFC 3526 group 14 */
    static const char prime[] = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74"
                                "020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437"
                                "4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed"
                                "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf05"
                                "98da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb"
                                "9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3b"
                                "e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf695581718"
                                "3995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff";
    struct ssh_crypto_bn *p = ssh_crypto_bn_new(), *g = ssh_crypto_bn_new(), *x, *y;
    struct ssh_crypto_bn *e = ssh_crypto_bn_new(), *f = ssh_crypto_bn_new();
    struct ssh_crypto_bn *k1 = ssh_crypto_bn_new(), *k2 = ssh_crypto_bn_new();

    ssh_crypto_dh_init(&x);
    ssh_crypto_dh_init(&y);
    CHECK_EQ(ssh_crypto_bn_from_bytes(p, hex(prime), 256), 0);
    CHECK_EQ(ssh_crypto_bn_set_word(g, 2), 0);
    CHECK_EQ(ssh_crypto_dh_key_pair(&x, e, g, p, 256), 0);
    CHECK_EQ(ssh_crypto_dh_key_pair(&y, f, g, p, 256), 0);
    CHECK_EQ(ssh_crypto_bn_bit_len(x), 511); /* short: the prime is safe */
    CHECK_EQ(ssh_crypto_dh_secret(&x, k1, f, p), 0);
    CHECK_EQ(ssh_crypto_dh_secret(&y, k2, e, p), 0);
    CHECK_EQ(ssh_crypto_bn_byte_len(k1), ssh_crypto_bn_byte_len(k2));
    ssh_crypto_bn_to_bytes(bytes, k1);
    ssh_crypto_bn_to_bytes(bytes + 1000, k2);
    CHECK_MEM(bytes, bytes + 1000, ssh_crypto_bn_byte_len(k1));

    /* 0, 1, p - 1, p: none of them is a public key. */
    ssh_crypto_bn_set_word(f, 0);
    CHECK_EQ(ssh_crypto_dh_secret(&x, k1, f, p), -1);
    ssh_crypto_bn_set_word(f, 1);
    CHECK_EQ(ssh_crypto_dh_secret(&x, k1, f, p), -1);
    memcpy(bytes, hex(prime), 256);
    CHECK_EQ(ssh_crypto_bn_from_bytes(f, bytes, 256), 0);
    CHECK_EQ(ssh_crypto_dh_secret(&x, k1, f, p), -1);
    bytes[255]--;
    CHECK_EQ(ssh_crypto_bn_from_bytes(f, bytes, 256), 0);
    CHECK_EQ(ssh_crypto_dh_secret(&x, k1, f, p), -1);
    bytes[255]--;
    CHECK_EQ(ssh_crypto_bn_from_bytes(f, bytes, 256), 0);
    CHECK_EQ(ssh_crypto_dh_secret(&x, k1, f, p), 0);
    CHECK_EQ(ssh_crypto_dh_key_pair(&x, e, g, p, 0), -1);
    ssh_crypto_dh_wipe(&x);
    ssh_crypto_dh_wipe(&y);
    CHECK(x == NULL);
    ssh_crypto_bn_free(p);
    ssh_crypto_bn_free(g);
    ssh_crypto_bn_free(e);
    ssh_crypto_bn_free(f);
    ssh_crypto_bn_free(k1);
    ssh_crypto_bn_free(k2);
}

/* ---- signatures ---- */

static void test_ed25519(void)
{
    /* RFC 8032 section 7.1, test 2 */
    uint8_t key[32], sig[64], message = 0x72, secret[64], other[64];
    struct ssh_crypto_ed25519 *pub = NULL;

    memcpy(key, hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"), 32);
    memcpy(sig,
           hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
               "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
           64);
    CHECK_EQ(_libssh2_ed25519_new_public(&pub, session, key, 31), -1);
    CHECK_EQ(_libssh2_ed25519_new_public(&pub, session, key, 32), 0);
    CHECK_EQ(_libssh2_ed25519_verify(pub, sig, 64, &message, 1), 0);
    CHECK_EQ(_libssh2_ed25519_verify(pub, sig, 63, &message, 1), -1);
    CHECK_EQ(_libssh2_ed25519_verify(pub, sig, 64, &message, 0), -1);
    sig[40] ^= 1;
    CHECK_EQ(_libssh2_ed25519_verify(pub, sig, 64, &message, 1), -1);
    ssh_crypto_ed25519_free(pub);

    crypto_sign_seed_keypair(key, secret, other);
    CHECK_EQ(crypto_sign_detached(sig, NULL, bytes, 100, secret), 0);
    CHECK_EQ(_libssh2_ed25519_new_public(&pub, session, key, 32), 0);
    CHECK_EQ(_libssh2_ed25519_verify(pub, sig, 64, bytes, 100), 0);
    ssh_crypto_ed25519_free(pub);
}

/* OpenSSL 3.0: a 2048-bit key, "signed text" signed with PKCS #1 v1.5 and both hashes. */
static const char rsa_n[] = "dd8c4e769f12dbe5170b5b0df9ef7b84f80c992af01ea69523c84c9d3deecfc3"
                            "f277bd1ed585daac611ba4076683089c22da07c242574a7d1a67a31b426458f3"
                            "2449fcce717fbe826ca1d767350ad063ed9cb938b23a25be5abd17d66caca1e2"
                            "5ea0b434d338788acd502bc1b05ce4a2921bb9644a4dc7c66932f8e0c50146d2"
                            "47316f953b3e12b19513b9e70d16b73ea584510954cdaa52afb7c67fb53dfd35"
                            "5b28cb6e8690592a63ef6cbba3e09247a344d6f2a9f6e7765d314465154e3d3f"
                            "8e5158d362fb0147408cde758cf4662b81b8d589016c64345d7b60ba8f5dc320"
                            "bb8f7722e96f847360b40f32d14b1f11e7636c04ede7f5555c148b358ddd969f";
static const char rsa_sha256[] = "b0042888d56a2b2c542c38812af08f235597102cb06f0dc0be39cfd2286a2a4a"
                                 "9fc75ca3ec73db3315bda27da43bcdd0ccfbbc40d1384d1631d9293d439c04dc"
                                 "389f177b6acaf5715c32eaef708044f9fd9a03bb92cffd3425e7c9bdfa84ca5d"
                                 "13fef30d9ff9b5f29dd2c71b4df708345f497440ca301597dea34c2893389ab1"
                                 "5354a2c620e4262f052b6b59fdfd50cdf7eca910d2be9ab63cf6a553e46557e5"
                                 "2d4a39b739bd9430ba2a6e1d2e3edd7a28b46acd890a60f63dfbb09b2e57b2eb"
                                 "1be19e16bbe33e1cead387c988e0b54d8e1905b300d12521868287be66ecb01d"
                                 "6bd031ad81effe1c5f72a21be538fcfcf0c87174f45e68f3140c506d84b609a0";
static const char rsa_sha512[] = "4df88369ceb5abe66ddb8265efb23f67fb529442bc3d3c4536419c5057d80eb1"
                                 "7b7bac86e69b066dbc965c7d9eff09ca1ee7548826fe05a383ac59e8747601c9"
                                 "6b35403d4721330c62570324e5745346238e2644672133f411c003fead35090d"
                                 "d4c097869f97aca48763b31bd2db63d45caae74e005b1da5033c97ccb11850b4"
                                 "f0fd9030b597f1a762195f2549894d815af4b250a3ad28b9011c4045250463ec"
                                 "841d9083a1d935b14fd29d5716bb5031721bee03e5792e2d0812c32a42463af8"
                                 "f3ce266d7f46bd23afb207a4e93933f4b17de375e0c5ad97e9f5124b3c8a699b"
                                 "6d0b63d4aee8221a180c3c7ae21d3248e8a87c1de21f89454b6fff7b4bd0ac04";

static void test_rsa(void)
{
    static const uint8_t e[] = {1, 0, 1}, text[] = "signed text";
    struct ssh_crypto_rsa *rsa = NULL;
    uint8_t n[256], sig[SSH_CRYPTO_SIGNATURE_MAX];

    memcpy(n, hex(rsa_n), 256);
    CHECK_EQ(
        _libssh2_rsa_new(&rsa, e, 3, n, 256, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0),
        0);
    CHECK_EQ(_libssh2_rsa_sha2_verify(rsa, 32, hex(rsa_sha256), 256, text, 11), 0);
    CHECK_EQ(_libssh2_rsa_sha2_verify(rsa, 64, hex(rsa_sha512), 256, text, 11), 0);
    CHECK_EQ(_libssh2_rsa_sha2_verify(rsa, 64, hex(rsa_sha256), 256, text, 11), -1);
    CHECK_EQ(_libssh2_rsa_sha2_verify(rsa, 32, hex(rsa_sha256), 256, text, 10), -1);
    CHECK_EQ(_libssh2_rsa_sha2_verify(rsa, 32, hex(rsa_sha256), 255, text, 11), -1);
    CHECK_EQ(_libssh2_rsa_sha2_verify(rsa, 32, bytes, 257, text, 11), -1);
    CHECK_EQ(_libssh2_rsa_sha2_verify(rsa, 20, hex(rsa_sha256), 256, text, 11), -1);
    CHECK_EQ(_libssh2_rsa_sha1_verify(rsa, hex(rsa_sha256), 256, text, 11), -1);
    CHECK_EQ(ssh_crypto_rsa_sign(sig, rsa, 256, (struct bytes){text, 11}), 0); /* no private half */
    ssh_crypto_rsa_free(rsa);

    rsa = NULL; /* too small, even, no exponent */
    CHECK_EQ(
        _libssh2_rsa_new(&rsa, e, 3, n, 64, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0),
        -1);
    CHECK_EQ(
        _libssh2_rsa_new(&rsa, e, 0, n, 256, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0),
        -1);
    n[255] &= 0xfe;
    CHECK_EQ(
        _libssh2_rsa_new(&rsa, e, 3, n, 256, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0),
        -1);
    CHECK(rsa == NULL);
}

static void test_heap(void)
{
    struct ssh_heap h = {.max = 1000};
    uint8_t *a = ssh_heap_alloc(&h, 600), *b;
    size_t header = h.in_use - 600; /* counted: many small blocks are not free */

    CHECK(header > 0 && header <= 64);
    CHECK(a && bytes_are_zero(a, 600));
    CHECK(ssh_heap_alloc(&h, 401 - 2 * header) == NULL && h.exhausted);
    CHECK(ssh_heap_alloc(&h, SIZE_MAX) == NULL);
    CHECK(ssh_heap_alloc(&h, SIZE_MAX - header) == NULL);
    b = ssh_heap_alloc(&h, 400 - 2 * header);
    CHECK(b != NULL);
    CHECK_EQ(h.in_use, 1000);
    CHECK(ssh_heap_alloc(&h, 0) == NULL); /* no room for a header */
    memset(a, 7, 600);
    ssh_heap_free(&h, b);
    b = ssh_heap_realloc(&h, NULL, 10);
    memset(b, 3, 10);
    b = ssh_heap_realloc(&h, b, 20);
    CHECK(b[9] == 3 && b[10] == 0);
    b = ssh_heap_realloc(&h, b, 5);
    CHECK_EQ(h.in_use, 605 + 2 * header);
    ssh_heap_free(&h, NULL);
    ssh_heap_free(&h, a);
    ssh_heap_wipe(&h); /* b is left: it goes too */
    CHECK(h.first == NULL);
    CHECK_EQ(h.in_use, 0);
}

int main(void)
{
    prng_init(4251);
    prng_host_init();
    hooks =
        (struct ssh_libssh2_hooks){.heap = {.max = 1 << 20}, .read = no_read, .write = no_write};
    session = ssh_libssh2_new(&hooks);
    if (!CHECK(session != NULL))
        return TEST_DONE();
    test_hashes();
    test_hmac();
    test_aes();
    test_gcm();
    test_x25519();
    test_nist_curves();
    test_ecdsa_vector();
    test_dh();
    test_ed25519();
    test_rsa();
    ssh_libssh2_free(session, &hooks);
    test_heap();
    return TEST_DONE();
}
