/*
 * A key file that somebody pasted. The first byte says how the rest is meant, the second whether
 * there is a passphrase:
 *
 *   0  text as it is     1 to 5  bytes, to be wrapped as base64 between the lines of a label
 *
 * What is taken must be shown, written and read again as the same key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/host.h"
#include "ssh/ssh_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_LEN = 6000 };

static const char *const labels[] = {
    NULL,          "OPENSSH PRIVATE KEY",  "RSA PRIVATE KEY", "EC PRIVATE KEY",
    "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"};

static void zeros(uint8_t *dst, size_t len)
{
    memset(dst, 7, len);
}

static void use(const struct ssh_key *key)
{
    struct bytes blob = ssh_key_public_blob(key), data = {(const uint8_t *)"x", 1};
    struct ssh_key *again;
    struct buf out;

    buf_init(&out, 1 << 16);
    if (ssh_key_public_line(&out, key, ssh_key_comment(key)) < 0)
        abort();
    buf_consume(&out, out.len);
    if (ssh_key_private_text(&out, key, ssh_key_comment(key)) < 0 ||
        ssh_key_parse(&again, (struct bytes){buf_head(&out), out.len}, (struct bytes){0}) < 0 ||
        ssh_key_public_blob(again).len != blob.len ||
        memcmp(ssh_key_public_blob(again).data, blob.data, blob.len) != 0)
        abort();
    ssh_key_free(again);
    if (strcmp(ssh_key_type(key), "ssh-rsa") != 0 && /* that takes long */
        ssh_key_sign(&out, key, ssh_key_type(key), data) < 0)
        abort();
    buf_wipe(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[BASE64_LEN(MAX_LEN) + 200];
    struct bytes passphrase = {(const uint8_t *)"correct horse", 13};
    const char *label;
    struct ssh_key *key;
    struct buf blob;
    size_t len;

    if (size < 2 || size > MAX_LEN)
        return 0;
    host_init(&(struct host_calls){.random_bytes = zeros});
    label = labels[data[0] % 6];
    if (!(data[1] & 1))
        passphrase.len = 0;
    data += 2;
    size -= 2;
    if (label) {
        len = (size_t)sprintf(text, "-----BEGIN %s-----\n", label);
        len += base64_encode(text + len, data, size);
        len += (size_t)sprintf(text + len, "\n-----END %s-----\n", label);
    } else {
        memcpy(text, data, size);
        len = size;
    }
    if (ssh_key_parse(&key, (struct bytes){(const uint8_t *)text, len}, passphrase) == 0)
        use(key);
    ssh_key_free(key);
    buf_init(&blob, 1 << 16);
    ssh_key_parse_public(&blob, (struct bytes){(const uint8_t *)text, len});
    buf_wipe(&blob);
    return 0;
}
