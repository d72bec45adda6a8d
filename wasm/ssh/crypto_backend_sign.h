/*
 * Private keys and their signatures, for ssh_key. libssh2 never sees a private key: it verifies
 * servers, ssh_auth signs. Numbers are big endian and positive; leading zeros do not matter.
 * Freeing wipes.
 */
#ifndef SSH_CRYPTO_BACKEND_SIGN_H
#define SSH_CRYPTO_BACKEND_SIGN_H

#include "base/bytes.h"

struct ssh_crypto_ec;
struct ssh_crypto_rsa;

enum {
    SSH_CRYPTO_ED25519_LEN = 32,        /* seed, public key */
    SSH_CRYPTO_ED25519_SECRET_LEN = 64, /* seed, then public key */
    SSH_CRYPTO_POINT_MAX = 133,         /* 04 || x || y on P-521 */
    SSH_CRYPTO_RSA_MIN_BITS = 1024,     /* less is refused, as OpenSSH does */
    SSH_CRYPTO_RSA_MAX_BITS = 8192,     /* more takes seconds for a signature */
    SSH_CRYPTO_SIGNATURE_MAX = SSH_CRYPTO_RSA_MAX_BITS / 8
};

/* RFC 8032: the secret key of a seed; its second half is the public key. */
void ssh_crypto_ed25519_secret(uint8_t secret[SSH_CRYPTO_ED25519_SECRET_LEN],
                               const uint8_t seed[SSH_CRYPTO_ED25519_LEN]);
void ssh_crypto_ed25519_sign(uint8_t sig[64], const uint8_t secret[SSH_CRYPTO_ED25519_SECRET_LEN],
                             struct bytes message);

/* bits: 256, 384 or 521. NULL if d is not between 1 and the order, or out of memory. */
struct ssh_crypto_ec *ssh_crypto_ec_private(int bits, struct bytes d);
/* The public point, uncompressed; its length, 0 on failure. */
size_t ssh_crypto_ec_point(uint8_t dst[SSH_CRYPTO_POINT_MAX], const struct ssh_crypto_ec *ec);
/* RFC 5656 section 3.1.2: mpint r, mpint s over the hash that goes with the curve; the length, 0
 * on failure. */
size_t ssh_crypto_ec_sign(uint8_t dst[SSH_CRYPTO_SIGNATURE_MAX], struct ssh_crypto_ec *ec,
                          struct bytes message);
void ssh_crypto_ec_free(struct ssh_crypto_ec *ec);

struct ssh_crypto_rsa_numbers {
    struct bytes n, e, d, p, q;
};
/* NULL if they do not fit together, are out of the sizes above, or out of memory. */
struct ssh_crypto_rsa *ssh_crypto_rsa_private(const struct ssh_crypto_rsa_numbers *numbers);
/* PKCS #1 v1.5 with SHA-256 or SHA-512 (hash_bits); the length, that of n, or 0 on failure. */
size_t ssh_crypto_rsa_sign(uint8_t dst[SSH_CRYPTO_SIGNATURE_MAX], struct ssh_crypto_rsa *rsa,
                           int hash_bits, struct bytes message);
void ssh_crypto_rsa_free(struct ssh_crypto_rsa *rsa);

#endif
