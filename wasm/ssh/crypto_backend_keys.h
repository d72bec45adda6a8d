/*
 * The part of crypto_backend.h about numbers and keys, in libssh2's names on the left and ours on
 * the right. All of them are opaque to libssh2, made and freed here; freeing wipes.
 */
#ifndef SSH_CRYPTO_BACKEND_KEYS_H
#define SSH_CRYPTO_BACKEND_KEYS_H

#include <stddef.h>
#include <stdint.h>

struct ssh_crypto_bn;
struct ssh_crypto_ec;
struct ssh_crypto_ed25519;
struct ssh_crypto_rsa;

#define _libssh2_bn struct ssh_crypto_bn
#define _libssh2_bn_ctx int
#define _libssh2_bn_ctx_new() 0
#define _libssh2_bn_ctx_free(ctx) ((void)(ctx))
#define _libssh2_bn_init() ssh_crypto_bn_new()
#define _libssh2_bn_init_from_bin() ssh_crypto_bn_new()
#define _libssh2_bn_set_word(bn, word) ssh_crypto_bn_set_word(bn, word)
#define _libssh2_bn_from_bin(bn, len, src) ssh_crypto_bn_from_bytes(bn, src, len)
#define _libssh2_bn_to_bin(bn, dst) ssh_crypto_bn_to_bytes(dst, bn)
#define _libssh2_bn_bytes(bn) ssh_crypto_bn_byte_len(bn)
#define _libssh2_bn_bits(bn) ssh_crypto_bn_bit_len(bn)
#define _libssh2_bn_free(bn) ssh_crypto_bn_free(bn)

struct ssh_crypto_bn *ssh_crypto_bn_new(void);
void ssh_crypto_bn_free(struct ssh_crypto_bn *bn); /* wipes */
int ssh_crypto_bn_set_word(struct ssh_crypto_bn *bn, unsigned long word);
int ssh_crypto_bn_from_bytes(struct ssh_crypto_bn *bn, const uint8_t *src, size_t len);
/* Big endian, exactly ssh_crypto_bn_byte_len bytes. */
int ssh_crypto_bn_to_bytes(uint8_t *dst, const struct ssh_crypto_bn *bn);
size_t ssh_crypto_bn_byte_len(const struct ssh_crypto_bn *bn);
size_t ssh_crypto_bn_bit_len(const struct ssh_crypto_bn *bn);

#define LIBSSH2_DH_GEX_MINGROUP 2048
#define LIBSSH2_DH_GEX_OPTGROUP 4096
#define LIBSSH2_DH_GEX_MAXGROUP 8192
#define LIBSSH2_DH_MAX_MODULUS_BITS 16384

#define _libssh2_dh_ctx struct ssh_crypto_bn *
#define libssh2_dh_init(dh) ssh_crypto_dh_init(dh)
#define libssh2_dh_key_pair(dh, pub, g, p, order, ctx) ssh_crypto_dh_key_pair(dh, pub, g, p, order)
#define libssh2_dh_secret(dh, secret, f, p, ctx) ssh_crypto_dh_secret(dh, secret, f, p)
#define libssh2_dh_dtor(dh) ssh_crypto_dh_wipe(dh)
void ssh_crypto_dh_init(struct ssh_crypto_bn **dh);
/* A private exponent of 8 * order - 1 bits in *dh and public = g^dh mod p. */
int ssh_crypto_dh_key_pair(struct ssh_crypto_bn **dh, struct ssh_crypto_bn *pub,
                           struct ssh_crypto_bn *g, struct ssh_crypto_bn *p, int order);
/* secret = f^dh mod p; refuses an f that is not between 2 and p - 2 (RFC 4253 section 8). */
int ssh_crypto_dh_secret(struct ssh_crypto_bn **dh, struct ssh_crypto_bn *secret,
                         struct ssh_crypto_bn *f, struct ssh_crypto_bn *p);
void ssh_crypto_dh_wipe(struct ssh_crypto_bn **dh);

#define libssh2_rsa_ctx struct ssh_crypto_rsa
#define _libssh2_rsa_free(rsa) ssh_crypto_rsa_free(rsa)
void ssh_crypto_rsa_free(struct ssh_crypto_rsa *rsa);

/* The values are mbedtls_ecp_group_id's; crypto_backend_ec.c proves it. */
typedef enum {
    LIBSSH2_EC_CURVE_NISTP256 = 3,
    LIBSSH2_EC_CURVE_NISTP384 = 4,
    LIBSSH2_EC_CURVE_NISTP521 = 5
} libssh2_curve_type;
#define _libssh2_ec_key struct ssh_crypto_ec
#define libssh2_ecdsa_ctx struct ssh_crypto_ec
#define _libssh2_ecdsa_free(ec) ssh_crypto_ec_free(ec)
void ssh_crypto_ec_free(struct ssh_crypto_ec *ec);

#define libssh2_ed25519_ctx struct ssh_crypto_ed25519
#define _libssh2_ed25519_free(ed) ssh_crypto_ed25519_free(ed)
void ssh_crypto_ed25519_free(struct ssh_crypto_ed25519 *ed);

#endif
