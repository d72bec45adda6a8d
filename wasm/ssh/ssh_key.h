/*
 * Private keys of a person: read from the text of a key file, written, shown, signed with.
 *
 *   text  --ssh_key_parse-->  struct ssh_key  --ssh_key_sign-->  signature blob
 *                                  |   \--ssh_key_public_line, ssh_key_fingerprint
 *                                  \--ssh_key_private_text-->  text
 *
 * Formats: OpenSSH's own, PEM (PKCS #1, SEC 1), PKCS #8, each encrypted or not. Types: Ed25519,
 * ECDSA on P-256, P-384 and P-521, RSA of 1024 to 8192 bits. Everything freed is wiped first.
 */
#ifndef SSH_SSH_KEY_H
#define SSH_SSH_KEY_H

#include "base/buf.h"

struct ssh_key;

/* Beside IPN_ERR_NOMEM. */
enum ssh_key_err {
    SSH_KEY_ERR_ENCRYPTED = -100, /* needs a passphrase, and none was given */
    SSH_KEY_ERR_PASSPHRASE,       /* the passphrase given is not the one */
    SSH_KEY_ERR_PUBLIC,           /* the public half: a .pub file, a certificate */
    SSH_KEY_ERR_PUTTY,            /* a .ppk file */
    SSH_KEY_ERR_NO_KEY,           /* nothing that looks like a key */
    SSH_KEY_ERR_CUT,              /* begins, but does not end */
    SSH_KEY_ERR_MALFORMED,        /* damaged */
    SSH_KEY_ERR_HARDWARE,         /* sk-…: of a security key */
    SSH_KEY_ERR_DSA,
    SSH_KEY_ERR_TYPE,   /* other types and curves, SSH 1 */
    SSH_KEY_ERR_CIPHER, /* encrypted in a way that is not known here */
    SSH_KEY_ERR_ROUNDS, /* its passphrase would take minutes to work through */
    SSH_KEY_ERR_SIZE    /* RSA below 1024 or over 8192 bits */
};

enum {
    SSH_KEY_MAX_TEXT_LEN = 64 << 10,
    SSH_KEY_MAX_COMMENT_LEN = 255,
    SSH_KEY_FINGERPRINT_LEN = 50 /* "SHA256:" and 43 characters */
};

/* 0 and *key, the caller's to free; or an error, and *key is NULL. The passphrase may be empty, and
 * is not looked at where the key is not encrypted. What lies around the key in text (blanks, line
 * ends of any kind, other PEM blocks) does not matter. */
int ssh_key_parse(struct ssh_key **key, struct bytes text, struct bytes passphrase);
/* Appends the public blob of a key that is still encrypted: 0, or an error, SSH_KEY_ERR_ENCRYPTED
 * where only the passphrase opens that too (all but OpenSSH's format). */
int ssh_key_parse_public(struct buf *blob, struct bytes text);
/* One sentence, static, that a person can act on. */
const char *ssh_key_error_text(int error);

/* NULL when out of memory. */
struct ssh_key *ssh_key_generate_ed25519(void);
void ssh_key_free(struct ssh_key *key); /* NULL is fine */

/* These live as long as the key. The type: "ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa" …; the
 * blob as in RFC 4253 section 6.6; the comment found in the file, printable, or "". */
const char *ssh_key_type(const struct ssh_key *key);
struct bytes ssh_key_public_blob(const struct ssh_key *key);
const char *ssh_key_comment(const struct ssh_key *key);

/* "SHA256:…" of any public blob, NUL-terminated, as ssh-keygen -l shows it. */
void ssh_key_fingerprint(char dst[SSH_KEY_FINGERPRINT_LEN + 1], struct bytes blob);

/* Appends "TYPE BASE64 comment", without a line end: 0, IPN_ERR_FULL, IPN_ERR_NOMEM; of any public
 * blob also SSH_KEY_ERR_MALFORMED. */
int ssh_key_public_line(struct buf *dst, const struct ssh_key *key, const char *comment);
int ssh_key_blob_line(struct buf *dst, struct bytes blob, const char *comment);
/* Appends the key in OpenSSH's format, not encrypted, as lines: 0, IPN_ERR_FULL, IPN_ERR_NOMEM. */
int ssh_key_private_text(struct buf *dst, const struct ssh_key *key, const char *comment);

/* Appends the signature blob [string algorithm][string signature]. algorithm: the key's type, for
 * RSA "rsa-sha2-256" or "rsa-sha2-512". 0, IPN_ERR_ARG for an algorithm that is not the key's,
 * IPN_ERR_CRYPTO, IPN_ERR_FULL, IPN_ERR_NOMEM. */
int ssh_key_sign(struct buf *dst, const struct ssh_key *key, const char *algorithm,
                 struct bytes data);

#endif
