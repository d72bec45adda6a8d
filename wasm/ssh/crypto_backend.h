/*
 * The crypto backend of libssh2, in libssh2's own terms: libsodium for X25519, Ed25519, SHA-2 and
 * HMAC, mbedTLS for AES, RSA, finite-field Diffie-Hellman and the NIST curves.
 *
 *   libssh2's crypto.h  --includes-->  mbedtls.h     LIBSSH2_MBEDTLS_H is defined here first, so
 *                                                    that file is empty and these macros stand
 *   kex, hostkey, mac, crypt, pem  --call-->  _libssh2_*  prototypes in crypto.h, bodies in
 *                                                    crypto_backend*.c
 *
 * Only pointers to keys and numbers pass through libssh2, so no mbedTLS header shows up in it.
 * libssh2_config.h includes this file; nothing else should. The functions that crypto.h does not
 * declare are declared here. They answer the way libssh2 expects: hashes and MACs 1 for success
 * and 0 for failure, everything else 0 for success and -1 for failure.
 */
#ifndef LIBSSH2_MBEDTLS_H
#define LIBSSH2_MBEDTLS_H

#include <stddef.h>
#include <stdint.h>

#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/crypto_auth_hmacsha512.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_hash_sha512.h>

struct ssh_crypto_cipher;

#define LIBSSH2_CRYPTO_ENGINE libssh2_mbedtls

#define LIBSSH2_MD5 0
#define LIBSSH2_HMAC_RIPEMD 0
#define LIBSSH2_HMAC_SHA256 1
#define LIBSSH2_HMAC_SHA512 1
#define LIBSSH2_AES_CBC 1 /* for encrypted private keys; never offered to a server */
#define LIBSSH2_AES_CTR 1
#define LIBSSH2_AES_GCM 1
#define LIBSSH2_BLOWFISH 0
#define LIBSSH2_RC4 0
#define LIBSSH2_CAST 0
#define LIBSSH2_3DES 0
#define LIBSSH2_RSA 1
#define LIBSSH2_RSA_SHA1 1 /* or libssh2 takes no RSA key at all; it signs and verifies nothing */
#define LIBSSH2_RSA_SHA2 1
#define LIBSSH2_DSA 0
#define LIBSSH2_ECDSA 1
#define LIBSSH2_ED25519 1

#include "crypto_config.h" /* libssh2's: applies LIBSSH2_NO_* */

#define SHA_DIGEST_LENGTH 20
#define SHA256_DIGEST_LENGTH 32
#define SHA384_DIGEST_LENGTH 48
#define SHA512_DIGEST_LENGTH 64
#define EC_MAX_POINT_LEN (1 + 2 * 66) /* 04 || x || y on P-521 */

/* ---- setting up, randomness ---- */

#define libssh2_crypto_init() ((void)0)
#define libssh2_crypto_exit() ((void)0)
#define libssh2_prepare_iovec(vec, len) ((void)0)
#define _libssh2_init_aes_ctr() ((void)0)
#define _libssh2_random(buf, len) ssh_crypto_random(buf, len)
int ssh_crypto_random(uint8_t *buf, size_t len);

/* ---- hashes ---- */

/* One struct for every size: SHA-384 is SHA-512 from other starting words, cut short. SHA-1 is
 * not built: its init fails. */
struct ssh_crypto_hash {
    int bits;
    union {
        crypto_hash_sha256_state sha256;
        crypto_hash_sha512_state sha512;
    } state;
};

int ssh_crypto_hash_init(struct ssh_crypto_hash *h, int bits);
int ssh_crypto_hash_update(struct ssh_crypto_hash *h, const void *src, size_t len);
/* Writes bits / 8 bytes and wipes the state. */
int ssh_crypto_hash_final(struct ssh_crypto_hash *h, uint8_t *dst);

#define libssh2_sha1_ctx struct ssh_crypto_hash
#define libssh2_sha256_ctx struct ssh_crypto_hash
#define libssh2_sha384_ctx struct ssh_crypto_hash
#define libssh2_sha512_ctx struct ssh_crypto_hash
#define libssh2_sha1_init(ctx) ssh_crypto_hash_init(ctx, 160)
#define libssh2_sha256_init(ctx) ssh_crypto_hash_init(ctx, 256)
#define libssh2_sha384_init(ctx) ssh_crypto_hash_init(ctx, 384)
#define libssh2_sha512_init(ctx) ssh_crypto_hash_init(ctx, 512)
#define libssh2_sha1_update(ctx, src, len) ssh_crypto_hash_update(&(ctx), src, len)
#define libssh2_sha256_update(ctx, src, len) ssh_crypto_hash_update(&(ctx), src, len)
#define libssh2_sha384_update(ctx, src, len) ssh_crypto_hash_update(&(ctx), src, len)
#define libssh2_sha512_update(ctx, src, len) ssh_crypto_hash_update(&(ctx), src, len)
#define libssh2_sha1_final(ctx, dst) ssh_crypto_hash_final(&(ctx), dst)
#define libssh2_sha256_final(ctx, dst) ssh_crypto_hash_final(&(ctx), dst)
#define libssh2_sha384_final(ctx, dst) ssh_crypto_hash_final(&(ctx), dst)
#define libssh2_sha512_final(ctx, dst) ssh_crypto_hash_final(&(ctx), dst)

struct ssh_crypto_hmac {
    int bits;
    union {
        crypto_auth_hmacsha256_state sha256;
        crypto_auth_hmacsha512_state sha512;
    } state;
};
#define libssh2_hmac_ctx struct ssh_crypto_hmac

#include "ssh/crypto_backend_keys.h" /* numbers, DH, RSA, curves */

/* ---- ciphers ---- */

/* mode << 8 | key bytes */
enum ssh_crypto_cipher_id {
    _libssh2_cipher_chacha20 = 0, /* crypto_backend_chachapoly.c */
    _libssh2_cipher_aes128ctr = 0x110,
    _libssh2_cipher_aes192ctr = 0x118,
    _libssh2_cipher_aes256ctr = 0x120,
    _libssh2_cipher_aes128 = 0x210, /* CBC */
    _libssh2_cipher_aes192 = 0x218,
    _libssh2_cipher_aes256 = 0x220,
    _libssh2_cipher_aes128gcm = 0x310,
    _libssh2_cipher_aes256gcm = 0x320
};
#define _libssh2_cipher_type(name) int name
#define _libssh2_cipher_ctx struct ssh_crypto_cipher *
#define _libssh2_cipher_dtor(ctx) ssh_crypto_cipher_free(ctx)
void ssh_crypto_cipher_free(struct ssh_crypto_cipher **ctx);

#endif
