/*
 * What passphrases of private keys need: ciphers and ways from a passphrase to a key. For ssh_key;
 * nothing of it is offered to a server.
 */
#ifndef SSH_CRYPTO_BACKEND_PBE_H
#define SSH_CRYPTO_BACKEND_PBE_H

#include "base/bytes.h"

enum ssh_crypto_pbe_mode {
    SSH_CRYPTO_PBE_CBC = 1, /* AES; 16 bytes of IV, whole blocks */
    SSH_CRYPTO_PBE_CTR,     /* AES; 16 bytes of IV */
    SSH_CRYPTO_PBE_GCM,     /* AES; 12 bytes of IV */
    SSH_CRYPTO_PBE_CHACHA   /* chacha20-poly1305@openssh.com; 64 bytes of key, no IV */
};

/* Decrypts text in place. tag: 16 bytes, for GCM and CHACHA. False: damaged, or a wrong key. */
bool ssh_crypto_pbe_open(enum ssh_crypto_pbe_mode mode, struct bytes key, const uint8_t *iv,
                         uint8_t *text, size_t len, const uint8_t *tag);

/* OpenSSH's bcrypt_pbkdf. False for an empty passphrase or salt, no rounds, out of memory. */
bool ssh_crypto_bcrypt(uint8_t *key, size_t len, struct bytes passphrase, struct bytes salt,
                       uint32_t rounds);

/* RFC 8018 section 5.2 with HMAC of SHA-1 (hash_bits 160), SHA-256 or SHA-512. */
bool ssh_crypto_pbkdf2(uint8_t *key, size_t len, int hash_bits, struct bytes passphrase,
                       struct bytes salt, uint32_t iterations);

/* OpenSSL's EVP_BytesToKey with MD5 and one round: the key of a PEM file with DEK-Info. */
bool ssh_crypto_md5_key(uint8_t *key, size_t len, struct bytes passphrase, const uint8_t salt[8]);

#endif
