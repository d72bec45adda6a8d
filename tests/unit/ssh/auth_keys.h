/* Logging in with the keys and certificates of vectors/ssh_keys, on auth_dialog.h. */
#ifndef AUTH_KEYS_H
#define AUTH_KEYS_H

#include <stdlib.h>

#include "base/encoding.h"
#include "unit/ssh/auth_dialog.h"

#define KEYS TEST_VECTORS "/ssh_keys/"

static inline char *read_file(const char *name)
{
    static char block[1 << 16];
    char path[1024], *copy;
    FILE *file;
    size_t len;

    snprintf(path, sizeof path, "%s%s", KEYS, name);
    file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s is missing\n", path);
        exit(1);
    }
    len = fread(block, 1, sizeof block - 1, file);
    fclose(file);
    copy = malloc(len + 1);
    memcpy(copy, block, len);
    copy[len] = '\0';
    return copy;
}

/* The blob of the public line in a file. */
static inline struct bytes blob_in(const char *file)
{
    static uint8_t blob[8192];
    char *line = read_file(file), *base64 = strchr(line, ' ') + 1;
    int len = base64_decode(blob, sizeof blob, base64, strcspn(base64, " \n"));

    free(line);
    CHECK(len > 0);
    return (struct bytes){blob, len > 0 ? (size_t)len : 0};
}

static inline bool sent_blob(const char *file)
{
    struct bytes got, want = blob_in(file);

    return ssh_get_string(&got, &rest) && got.len == want.len &&
           memcmp(got.data, want.data, want.len) == 0;
}

/* Whether the server would take it. */
static inline bool sent_query(const char *algorithm, const char *pub)
{
    return sent_request("publickey") && take_u8(0) && take_text(algorithm) && sent_blob(pub) &&
           !rest.len;
}

static inline void ok(const char *algorithm, const char *pub)
{
    struct buf b;

    buf_init(&b, MAX_LEN);
    CHECK(ssh_put_u8(&b, MESSAGE_60) && ssh_put_text(&b, algorithm) &&
          ssh_put_string(&b, blob_in(pub)));
    input(&b);
}

/* Signed by the key in file; Ed25519 and RSA sign the same twice. ECDSA's is looked at by servers. */
static inline bool sent_signed(const char *algorithm, const char *plain, const char *pub,
                               const char *file)
{
    struct bytes id = {(const uint8_t *)session_id, sizeof session_id}, got;
    struct buf to_sign, want;
    struct ssh_key *key;
    char *text = read_file(file);
    bool good;

    if (!sent_request("publickey") || !take_u8(1) || !take_text(algorithm) || !sent_blob(pub)) {
        free(text);
        return false;
    }
    buf_init(&to_sign, MAX_LEN);
    buf_init(&want, MAX_LEN);
    CHECK_EQ(ssh_key_parse(&key, (struct bytes){(const uint8_t *)text, strlen(text)},
                           (struct bytes){(const uint8_t *)"correct horse", 13}),
             0);
    good = ssh_put_string(&to_sign, id) &&
           buf_append(&to_sign, buf_head(&sent), sent.len - rest.len) == 0 &&
           ssh_key_sign(&want, key, plain, (struct bytes){buf_head(&to_sign), to_sign.len}) == 0 &&
           ssh_get_string(&got, &rest) && !rest.len &&
           (strncmp(plain, "ecdsa", 5) == 0 ||
            (got.len == want.len && memcmp(got.data, buf_head(&want), want.len) == 0));
    buf_wipe(&to_sign);
    buf_wipe(&want);
    ssh_key_free(key);
    free(text);
    return good;
}

/* A session with these keys; each file is read for as long as the program runs. */
static inline struct ssh_auth_config with_keys(const char *a, const char *b, const char *c)
{
    struct ssh_auth_config config = {.user = "tester"};
    const char *files[] = {a, b, c};
    static char *texts[256];
    static int count;

    for (int i = 0; i < 3 && files[i]; i++) {
        texts[count] = read_file(files[i]);
        config.credentials.private_keys[config.credentials.private_key_count++] = texts[count++];
    }
    if (count > 240)
        abort();
    return config;
}

#endif
