/*
 * Curve25519 keys by purpose, so that no key can stand where another belongs, and their text
 * forms as Tailscale's types/key writes them: a prefix and 64 hex digits.
 */
#ifndef CRYPTO_KEY_H
#define CRYPTO_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_LEN 32
#define KEY_TEXT_CAP 80 /* any text form with its NUL */

struct machine_private {
    uint8_t b[KEY_LEN]; /* text: "privkey:" */
};
struct machine_public {
    uint8_t b[KEY_LEN]; /* text: "mkey:" */
};
struct node_private {
    uint8_t b[KEY_LEN]; /* text: "privkey:" */
};
struct node_public {
    uint8_t b[KEY_LEN]; /* text: "nodekey:" */
};
struct disco_private {
    uint8_t b[KEY_LEN]; /* never in text */
};
struct disco_public {
    uint8_t b[KEY_LEN]; /* text: "discokey:" */
};

/* Fresh clamped private keys and the public halves. */
void machine_private_generate(struct machine_private *out);
void node_private_generate(struct node_private *out);
void disco_private_generate(struct disco_private *out);
void machine_public_derive(struct machine_public *out, const struct machine_private *key);
void node_public_derive(struct node_public *out, const struct node_private *key);
void disco_public_derive(struct disco_public *out, const struct disco_private *key);

/* Text forms; each returns the length without the NUL. */
size_t machine_private_format(char out[KEY_TEXT_CAP], const struct machine_private *key);
size_t machine_public_format(char out[KEY_TEXT_CAP], const struct machine_public *key);
size_t node_private_format(char out[KEY_TEXT_CAP], const struct node_private *key);
size_t node_public_format(char out[KEY_TEXT_CAP], const struct node_public *key);
size_t disco_public_format(char out[KEY_TEXT_CAP], const struct disco_public *key);

/* Parse exactly len characters with the right prefix: 0, or IPN_ERR_ARG. */
int machine_private_parse(struct machine_private *out, const char *text, size_t len);
int machine_public_parse(struct machine_public *out, const char *text, size_t len);
int node_private_parse(struct node_private *out, const char *text, size_t len);
int node_public_parse(struct node_public *out, const char *text, size_t len);
int disco_public_parse(struct disco_public *out, const char *text, size_t len);

#endif
