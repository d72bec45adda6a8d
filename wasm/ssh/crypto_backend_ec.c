/*
 * Curves for libssh2: X25519 and Ed25519 by libsodium, the NIST curves (ECDH, ECDSA) by mbedTLS.
 * Signatures are only verified here; crypto_backend_sign.c makes them.
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

/* ---- NIST curves ---- */

struct ssh_crypto_ec *ssh_crypto_ec_new(mbedtls_ecp_group_id curve)
{
    struct ssh_crypto_ec *ec = malloc(sizeof *ec);

    if (!ec)
        return NULL;
    mbedtls_ecp_keypair_init(&ec->pair);
    if (mbedtls_ecp_group_load(&ec->pair.MBEDTLS_PRIVATE(grp), curve)) {
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
    struct ssh_crypto_ec *ec = ssh_crypto_ec_new((mbedtls_ecp_group_id)curve_type);
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
    struct ssh_crypto_ec *ec = ssh_crypto_ec_new((mbedtls_ecp_group_id)type);

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

int ssh_crypto_ec_hash_bits(const struct ssh_crypto_ec *ec)
{
    switch (ec->pair.MBEDTLS_PRIVATE(grp).id) {
    case MBEDTLS_ECP_DP_SECP256R1:
        return 256;
    case MBEDTLS_ECP_DP_SECP384R1:
        return 384;
    default:
        return 512;
    }
}

int _libssh2_ecdsa_verify(libssh2_ecdsa_ctx *ctx, const unsigned char *r, size_t r_len,
                          const unsigned char *s, size_t s_len, const unsigned char *m,
                          size_t m_len)
{
    int bits = ssh_crypto_ec_hash_bits(ctx);
    uint8_t hash[SHA512_DIGEST_LENGTH];
    mbedtls_mpi sig_r, sig_s;
    int rc = -1;

    if (ssh_crypto_hash(hash, bits, m, m_len))
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
