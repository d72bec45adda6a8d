/*
 * Curves for libssh2: X25519 and Ed25519 by libsodium, the NIST curves (ECDH, ECDSA) by mbedTLS.
 */
#include "libssh2_priv.h"

#include <assert.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <sodium/crypto_scalarmult.h>
#include <sodium/crypto_sign.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/host.h"
#include "ssh/crypto_backend_internal.h"

static_assert((int)LIBSSH2_EC_CURVE_NISTP256 == (int)MBEDTLS_ECP_DP_SECP256R1, "same number");
static_assert((int)LIBSSH2_EC_CURVE_NISTP384 == (int)MBEDTLS_ECP_DP_SECP384R1, "same number");
static_assert((int)LIBSSH2_EC_CURVE_NISTP521 == (int)MBEDTLS_ECP_DP_SECP521R1, "same number");

/* ---- X25519 ---- */

int _libssh2_curve25519_new(LIBSSH2_SESSION *session, uint8_t **out_public_key,
                            uint8_t **out_private_key)
{
    uint8_t *pub = LIBSSH2_ALLOC(session, crypto_scalarmult_BYTES);
    uint8_t *priv = LIBSSH2_ALLOC(session, crypto_scalarmult_SCALARBYTES);

    if (!pub || !priv)
        goto fail;
    host_random(priv, crypto_scalarmult_SCALARBYTES);
    if (crypto_scalarmult_base(pub, priv))
        goto fail;
    *out_public_key = pub;
    *out_private_key = priv;
    return 0;
fail:
    if (pub)
        LIBSSH2_FREE(session, pub);
    if (priv)
        LIBSSH2_FREE(session, priv);
    return -1;
}

int _libssh2_curve25519_gen_k(_libssh2_bn **k, uint8_t private_key[LIBSSH2_ED25519_KEY_LEN],
                              uint8_t server_public_key[LIBSSH2_ED25519_KEY_LEN])
{
    uint8_t shared[crypto_scalarmult_BYTES];
    int rc;

    if (!k || !*k)
        return -1;
    /* Fails on an all-zero result, as RFC 8731 section 3 asks. */
    rc = crypto_scalarmult(shared, private_key, server_public_key);
    if (rc == 0)
        rc = ssh_crypto_bn_from_bytes(*k, shared, sizeof shared);
    wipe(shared, sizeof shared);
    return rc ? -1 : 0;
}

/* ---- Ed25519 ---- */

struct ssh_crypto_ed25519 {
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES]; /* seed, then public key */
};

void ssh_crypto_ed25519_free(struct ssh_crypto_ed25519 *ed)
{
    if (!ed)
        return;
    wipe(ed, sizeof *ed);
    free(ed);
}

int _libssh2_ed25519_new_public(libssh2_ed25519_ctx **ed_ctx, LIBSSH2_SESSION *session,
                                const unsigned char *raw_pub_key, const size_t key_len)
{
    struct ssh_crypto_ed25519 *ed;

    (void)session;
    if (key_len != sizeof ed->public_key)
        return -1;
    ed = calloc(1, sizeof *ed);
    if (!ed)
        return -1;
    memcpy(ed->public_key, raw_pub_key, key_len);
    *ed_ctx = ed;
    return 0;
}

int _libssh2_ed25519_verify(libssh2_ed25519_ctx *ctx, const uint8_t *s, size_t s_len,
                            const uint8_t *m, size_t m_len)
{
    if (s_len != crypto_sign_BYTES)
        return -1;
    return crypto_sign_verify_detached(s, m, m_len, ctx->public_key) ? -1 : 0;
}

int _libssh2_ed25519_sign(libssh2_ed25519_ctx *ctx, LIBSSH2_SESSION *session, uint8_t **out_sig,
                          size_t *out_sig_len, const uint8_t *message, size_t message_len)
{
    uint8_t *sig = LIBSSH2_ALLOC(session, crypto_sign_BYTES);

    if (!sig)
        return -1;
    if (crypto_sign_detached(sig, NULL, message, message_len, ctx->secret_key)) {
        LIBSSH2_FREE(session, sig);
        return -1;
    }
    *out_sig = sig;
    *out_sig_len = crypto_sign_BYTES;
    return 0;
}

/* [cipher, KDF and padding dealt with by libssh2] "ssh-ed25519", public 32, secret 64. */
int _libssh2_ed25519_new_private_frommemory(libssh2_ed25519_ctx **ed_ctx, LIBSSH2_SESSION *session,
                                            const char *filedata, size_t filedata_len,
                                            unsigned const char *passphrase)
{
    struct ssh_crypto_ed25519 *ed = NULL;
    struct string_buf *key = NULL;
    unsigned char *name, *pub, *secret;
    size_t name_len, pub_len, secret_len;
    int rc = -1;

    if (_libssh2_openssh_pem_parse_memory(session, passphrase, filedata, filedata_len, &key) ||
        !key || _libssh2_get_string(key, &name, &name_len) ||
        _libssh2_get_string(key, &pub, &pub_len) || _libssh2_get_string(key, &secret, &secret_len))
        goto out;
    if (name_len != 11 || memcmp(name, "ssh-ed25519", 11) != 0 ||
        pub_len != sizeof ed->public_key || secret_len != sizeof ed->secret_key)
        goto out;
    ed = calloc(1, sizeof *ed);
    if (!ed)
        goto out;
    memcpy(ed->public_key, pub, pub_len);
    memcpy(ed->secret_key, secret, secret_len);
    *ed_ctx = ed;
    rc = 0;
out:
    if (key)
        _libssh2_string_buf_free(session, key);
    return rc;
}

int _libssh2_ed25519_new_private(libssh2_ed25519_ctx **ed_ctx, LIBSSH2_SESSION *session,
                                 const char *filename, const uint8_t *passphrase)
{
    (void)ed_ctx;
    (void)filename;
    (void)passphrase;
    return _libssh2_error(session, LIBSSH2_ERROR_FILE, "there are no files here");
}

/* ---- NIST curves ---- */

struct ssh_crypto_ec {
    mbedtls_ecp_keypair pair;
};

static struct ssh_crypto_ec *ec_new(libssh2_curve_type curve)
{
    struct ssh_crypto_ec *ec = malloc(sizeof *ec);

    if (!ec)
        return NULL;
    mbedtls_ecp_keypair_init(&ec->pair);
    if (mbedtls_ecp_group_load(&ec->pair.MBEDTLS_PRIVATE(grp), (mbedtls_ecp_group_id)curve)) {
        ssh_crypto_ec_free(ec);
        return NULL;
    }
    return ec;
}

void ssh_crypto_ec_free(struct ssh_crypto_ec *ec)
{
    if (!ec)
        return;
    mbedtls_ecp_keypair_free(&ec->pair);
    free(ec);
}

int _libssh2_ecdsa_create_key(LIBSSH2_SESSION *session, _libssh2_ec_key **out_private_key,
                              unsigned char **out_public_key_octal,
                              size_t *out_public_key_octal_len, libssh2_curve_type curve_type)
{
    struct ssh_crypto_ec *ec = ec_new(curve_type);
    uint8_t *point = LIBSSH2_ALLOC(session, EC_MAX_POINT_LEN);
    size_t point_len;

    if (!ec || !point ||
        mbedtls_ecp_gen_keypair(&ec->pair.MBEDTLS_PRIVATE(grp), &ec->pair.MBEDTLS_PRIVATE(d),
                                &ec->pair.MBEDTLS_PRIVATE(Q), ssh_crypto_mbedtls_random, NULL) ||
        mbedtls_ecp_point_write_binary(&ec->pair.MBEDTLS_PRIVATE(grp), &ec->pair.MBEDTLS_PRIVATE(Q),
                                       MBEDTLS_ECP_PF_UNCOMPRESSED, &point_len, point,
                                       EC_MAX_POINT_LEN)) {
        ssh_crypto_ec_free(ec);
        if (point)
            LIBSSH2_FREE(session, point);
        return -1;
    }
    *out_private_key = ec;
    *out_public_key_octal = point;
    *out_public_key_octal_len = point_len;
    return 0;
}

int _libssh2_ecdsa_curve_name_with_octal_new(libssh2_ecdsa_ctx **ecdsactx, const unsigned char *k,
                                             size_t k_len, libssh2_curve_type type)
{
    struct ssh_crypto_ec *ec = ec_new(type);

    if (!ec)
        return -1;
    if (mbedtls_ecp_point_read_binary(&ec->pair.MBEDTLS_PRIVATE(grp), &ec->pair.MBEDTLS_PRIVATE(Q),
                                      k, k_len) ||
        mbedtls_ecp_check_pubkey(&ec->pair.MBEDTLS_PRIVATE(grp), &ec->pair.MBEDTLS_PRIVATE(Q))) {
        ssh_crypto_ec_free(ec);
        return -1;
    }
    *ecdsactx = ec;
    return 0;
}

int _libssh2_ecdh_gen_k(_libssh2_bn **k, _libssh2_ec_key *private_key,
                        const unsigned char *server_public_key, size_t server_public_key_len)
{
    mbedtls_ecp_group *group = &private_key->pair.MBEDTLS_PRIVATE(grp);
    mbedtls_ecp_point theirs;
    int rc = -1;

    if (!k || !*k)
        return -1;
    mbedtls_ecp_point_init(&theirs);
    /* compute_shared checks that the point is on the curve and the result not at infinity. */
    if (mbedtls_ecp_point_read_binary(group, &theirs, server_public_key, server_public_key_len) ==
            0 &&
        mbedtls_ecp_check_pubkey(group, &theirs) == 0 &&
        mbedtls_ecdh_compute_shared(group, &(*k)->mpi, &theirs,
                                    &private_key->pair.MBEDTLS_PRIVATE(d),
                                    ssh_crypto_mbedtls_random, NULL) == 0)
        rc = 0;
    mbedtls_ecp_point_free(&theirs);
    return rc;
}

libssh2_curve_type _libssh2_ecdsa_get_curve_type(libssh2_ecdsa_ctx *ec_ctx)
{
    return (libssh2_curve_type)ec_ctx->pair.MBEDTLS_PRIVATE(grp).id;
}

int _libssh2_ecdsa_curve_type_from_name(const char *name, libssh2_curve_type *out_type)
{
    static const struct {
        const char *name;
        libssh2_curve_type type;
    } known[] = {{"ecdsa-sha2-nistp256", LIBSSH2_EC_CURVE_NISTP256},
                 {"ecdsa-sha2-nistp384", LIBSSH2_EC_CURVE_NISTP384},
                 {"ecdsa-sha2-nistp521", LIBSSH2_EC_CURVE_NISTP521}};

    for (size_t i = 0; name && i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i].name) == 0) {
            if (out_type)
                *out_type = known[i].type;
            return 0;
        }
    }
    return -1;
}

/* RFC 5656 section 6.2.1: the hash goes with the size of the curve. */
static int ec_hash_bits(libssh2_curve_type curve)
{
    switch (curve) {
    case LIBSSH2_EC_CURVE_NISTP256:
        return 256;
    case LIBSSH2_EC_CURVE_NISTP384:
        return 384;
    case LIBSSH2_EC_CURVE_NISTP521:
        return 512;
    }
    return 0;
}

int _libssh2_ecdsa_verify(libssh2_ecdsa_ctx *ctx, const unsigned char *r, size_t r_len,
                          const unsigned char *s, size_t s_len, const unsigned char *m,
                          size_t m_len)
{
    int bits = ec_hash_bits(_libssh2_ecdsa_get_curve_type(ctx));
    uint8_t hash[SHA512_DIGEST_LENGTH];
    mbedtls_mpi sig_r, sig_s;
    int rc = -1;

    if (!bits || ssh_crypto_hash(hash, bits, m, m_len))
        return -1;
    mbedtls_mpi_init(&sig_r);
    mbedtls_mpi_init(&sig_s);
    if (mbedtls_mpi_read_binary(&sig_r, r, r_len) == 0 &&
        mbedtls_mpi_read_binary(&sig_s, s, s_len) == 0 &&
        mbedtls_ecdsa_verify(&ctx->pair.MBEDTLS_PRIVATE(grp), hash, (size_t)bits / 8,
                             &ctx->pair.MBEDTLS_PRIVATE(Q), &sig_r, &sig_s) == 0)
        rc = 0;
    mbedtls_mpi_free(&sig_r);
    mbedtls_mpi_free(&sig_s);
    return rc;
}

/* An mpint (RFC 4251 section 5) of a positive number; returns the bytes written. */
static size_t mpint_store(uint8_t *dst, const mbedtls_mpi *n)
{
    size_t len = mbedtls_mpi_size(n);
    size_t pad = len && mbedtls_mpi_bitlen(n) % 8 == 0 ? 1 : 0;

    store_be32(dst, (uint32_t)(len + pad));
    dst[4] = 0;
    if (mbedtls_mpi_write_binary(n, dst + 4 + pad, len))
        return 0;
    return 4 + pad + len;
}

int _libssh2_ecdsa_sign(LIBSSH2_SESSION *session, libssh2_ecdsa_ctx *ec_ctx,
                        const unsigned char *hash, size_t hash_len, unsigned char **signature,
                        size_t *signature_len)
{
    uint8_t *dst = LIBSSH2_ALLOC(session, 2 * (4 + 1 + 66));
    mbedtls_mpi r, s;
    size_t r_len = 0, s_len = 0;

    if (!dst)
        return -1;
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    if (mbedtls_ecdsa_sign(&ec_ctx->pair.MBEDTLS_PRIVATE(grp), &r, &s,
                           &ec_ctx->pair.MBEDTLS_PRIVATE(d), hash, hash_len,
                           ssh_crypto_mbedtls_random, NULL) == 0) {
        r_len = mpint_store(dst, &r);
        s_len = r_len ? mpint_store(dst + r_len, &s) : 0;
    }
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    if (!s_len) {
        LIBSSH2_FREE(session, dst);
        return -1;
    }
    *signature = dst;
    *signature_len = r_len + s_len;
    return 0;
}

/* [by libssh2] "ecdsa-sha2-nistp…", curve name, point, private number. */
int _libssh2_ecdsa_new_private_frommemory(libssh2_ecdsa_ctx **ec_ctx, LIBSSH2_SESSION *session,
                                          const char *filedata, size_t filedata_len,
                                          unsigned const char *passphrase)
{
    struct ssh_crypto_ec *ec = NULL;
    struct string_buf *key = NULL;
    unsigned char *name, *curve, *point, *secret;
    size_t name_len, curve_len, point_len, secret_len;
    libssh2_curve_type type;
    char type_name[20] = "";
    int rc = -1;

    if (_libssh2_openssh_pem_parse_memory(session, passphrase, filedata, filedata_len, &key) ||
        !key || _libssh2_get_string(key, &name, &name_len) || name_len >= sizeof type_name ||
        _libssh2_get_string(key, &curve, &curve_len) ||
        _libssh2_get_string(key, &point, &point_len) ||
        _libssh2_get_bignum_bytes(key, &secret, &secret_len))
        goto out;
    memcpy(type_name, name, name_len);
    if (_libssh2_ecdsa_curve_type_from_name(type_name, &type))
        goto out;
    ec = ec_new(type);
    if (ec &&
        mbedtls_ecp_read_key((mbedtls_ecp_group_id)type, &ec->pair, secret, secret_len) == 0 &&
        mbedtls_ecp_keypair_calc_public(&ec->pair, ssh_crypto_mbedtls_random, NULL) == 0) {
        *ec_ctx = ec;
        ec = NULL;
        rc = 0;
    }
out:
    ssh_crypto_ec_free(ec);
    if (key)
        _libssh2_string_buf_free(session, key);
    return rc;
}

int _libssh2_ecdsa_new_private(libssh2_ecdsa_ctx **ec_ctx, LIBSSH2_SESSION *session,
                               const char *filename, unsigned const char *passphrase)
{
    (void)ec_ctx;
    (void)filename;
    (void)passphrase;
    return _libssh2_error(session, LIBSSH2_ERROR_FILE, "there are no files here");
}
