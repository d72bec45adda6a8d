/* Keys by purpose: thin, typed doors to dh, hex and the prefixes of Tailscale's types/key. */
#include "crypto/key.h"

#include <string.h>

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/err.h"
#include "crypto/dh.h"

static const char private_prefix[] = "privkey:";
static const char machine_prefix[] = "mkey:";
static const char node_prefix[] = "nodekey:";
static const char disco_prefix[] = "discokey:";

static size_t format(char out[KEY_TEXT_CAP], const char *prefix, const uint8_t key[KEY_LEN])
{
    size_t prefix_len = strlen(prefix);

    memcpy(out, prefix, prefix_len);
    hex_encode(out + prefix_len, key, KEY_LEN);
    return prefix_len + 2 * KEY_LEN;
}

static int parse(uint8_t key[KEY_LEN], const char *prefix, const char *text, size_t len)
{
    size_t prefix_len = strlen(prefix);
    uint8_t parsed[KEY_LEN];
    int rc = IPN_ERR_ARG;

    if (len != prefix_len + 2 * KEY_LEN || memcmp(text, prefix, prefix_len) != 0)
        return IPN_ERR_ARG;
    if (hex_decode(parsed, KEY_LEN, text + prefix_len) == 0) {
        memcpy(key, parsed, KEY_LEN);
        rc = 0;
    }
    wipe(parsed, sizeof parsed);
    return rc;
}

void machine_private_generate(struct machine_private *out)
{
    dh_private_generate(out->b);
}

void node_private_generate(struct node_private *out)
{
    dh_private_generate(out->b);
}

void disco_private_generate(struct disco_private *out)
{
    dh_private_generate(out->b);
}

void machine_public_derive(struct machine_public *out, const struct machine_private *key)
{
    dh_public(out->b, key->b);
}

void node_public_derive(struct node_public *out, const struct node_private *key)
{
    dh_public(out->b, key->b);
}

void disco_public_derive(struct disco_public *out, const struct disco_private *key)
{
    dh_public(out->b, key->b);
}

size_t machine_private_format(char out[KEY_TEXT_CAP], const struct machine_private *key)
{
    return format(out, private_prefix, key->b);
}

size_t machine_public_format(char out[KEY_TEXT_CAP], const struct machine_public *key)
{
    return format(out, machine_prefix, key->b);
}

size_t node_private_format(char out[KEY_TEXT_CAP], const struct node_private *key)
{
    return format(out, private_prefix, key->b);
}

size_t node_public_format(char out[KEY_TEXT_CAP], const struct node_public *key)
{
    return format(out, node_prefix, key->b);
}

size_t disco_public_format(char out[KEY_TEXT_CAP], const struct disco_public *key)
{
    return format(out, disco_prefix, key->b);
}

int machine_private_parse(struct machine_private *out, const char *text, size_t len)
{
    return parse(out->b, private_prefix, text, len);
}

int machine_public_parse(struct machine_public *out, const char *text, size_t len)
{
    return parse(out->b, machine_prefix, text, len);
}

int node_private_parse(struct node_private *out, const char *text, size_t len)
{
    return parse(out->b, private_prefix, text, len);
}

int node_public_parse(struct node_public *out, const char *text, size_t len)
{
    return parse(out->b, node_prefix, text, len);
}

int disco_public_parse(struct disco_public *out, const char *text, size_t len)
{
    return parse(out->b, disco_prefix, text, len);
}
