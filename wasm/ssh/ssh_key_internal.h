/*
 * How a key text becomes a key. Every format ends in the same bytes, the fields of a key as OpenSSH's
 * private section has them, and those are checked and taken in one place:
 *
 *   ssh_key.c       text > its PEM block > by label
 *   ssh_key_openssh.c   "OPENSSH PRIVATE KEY": decrypt > fields
 *   ssh_key_pem.c       DER of the others: decrypt > fields       ssh_key_der.c  reads DER
 *   ssh_key_object.c    fields > struct ssh_key, and what can be done with it
 */
#ifndef SSH_SSH_KEY_INTERNAL_H
#define SSH_SSH_KEY_INTERNAL_H

#include "ssh/crypto_backend_pbe.h"
#include "ssh/crypto_backend_sign.h"
#include "ssh/ssh_key.h"
#include "ssh/ssh_wire.h"

/* A fuzzer has no time for more. */
#ifndef SSH_KEY_MAX_BCRYPT_ROUNDS
#define SSH_KEY_MAX_BCRYPT_ROUNDS 1024 /* ssh-keygen writes 16 or 24; some 20 ms each */
#endif
#ifndef SSH_KEY_MAX_PBKDF2_ROUNDS
#define SSH_KEY_MAX_PBKDF2_ROUNDS 10000000 /* OpenSSL writes 2048 */
#endif

/*
 * Takes the fields of one key from the front of in:
 *   "ssh-ed25519"          public key 32, secret key 64
 *   "ecdsa-sha2-nistp256"  "nistp256", point, mpint d      (an empty point is worked out)
 *   "ssh-rsa"              mpints n, e, d, 1/q mod p, p, q
 * 0 and *key, or an error of ssh_key_err or IPN_ERR_NOMEM.
 */
int ssh_key_from_fields(struct ssh_key **key, struct bytes *in);
/* The same as they were taken. */
struct bytes ssh_key_fields(const struct ssh_key *key);
void ssh_key_set_comment(struct ssh_key *key, struct bytes comment);
/* 0 if a key with this public blob can be taken, as far as its type says. */
int ssh_key_check_type(struct bytes blob);

/* data: "openssh-key-v1" and what follows; decrypted in place. */
int ssh_key_from_openssh(struct ssh_key **key, uint8_t *data, size_t len, struct bytes passphrase);
/* Its public half, which lies there in clear; borrowed. */
int ssh_key_openssh_public(struct bytes *blob, struct bytes data);

enum ssh_key_label { SSH_KEY_RSA, SSH_KEY_EC, SSH_KEY_PKCS8, SSH_KEY_PKCS8_ENCRYPTED };

/* der: decrypted in place. dek_info: what follows "DEK-Info: " in a PEM header, or empty. */
int ssh_key_from_der(struct ssh_key **key, enum ssh_key_label label, uint8_t *der, size_t len,
                     struct bytes dek_info, struct bytes passphrase);

/* ---- DER (ssh_key_der.c) ---- */

enum der_tag {
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_SEQUENCE = 0x30,
    DER_CONTEXT_0 = 0xa0,
    DER_CONTEXT_1 = 0xa1
};

/* Takes the next element from the front of in if it has this tag; value is its contents. */
bool der_get(struct bytes *value, struct bytes *in, enum der_tag tag);
/* A number that is not negative, without leading zeros. */
bool der_get_number(struct bytes *number, struct bytes *in);
/* One of at most 31 bits. */
bool der_get_int(uint32_t *value, struct bytes *in);
/* SEQUENCE { OBJECT IDENTIFIER, anything }: the rest goes to parameters. */
bool der_get_algorithm(struct bytes *oid, struct bytes *parameters, struct bytes *in);

#endif
