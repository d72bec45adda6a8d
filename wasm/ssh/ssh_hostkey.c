/*
 * Host keys: which types to ask for, and whether the key that the server proved is the right one.
 *
 *   pinned "ssh-ed25519 AAAA… comment"  --base64-->  blob  == the server's blob?  go on
 *                                                          no match             HOST_KEY_CHANGED
 *   nothing pinned                      SSH_EVENT_HOST_KEY, then the answer
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "ssh/ssh_session_internal.h"
#include "ssh/ssh_sha256.h"

enum { FINGERPRINT_LEN = 7 + 43, MAX_BLOB_LEN = 4096 };

/* Signature algorithms in our order of preference, and the key type in a pin that each goes with. */
static const struct {
    const char *algorithm, *key_type;
} known_algorithms[] = {{"ssh-ed25519", "ssh-ed25519"},
                        {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
                        {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"},
                        {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"},
                        {"rsa-sha2-512", "ssh-rsa"},
                        {"rsa-sha2-256", "ssh-rsa"}};

/* The word at *line, which moves behind it. */
static struct bytes next_word(const char **line)
{
    const char *start = *line;

    while (*start == ' ' || *start == '\t')
        start++;
    *line = start;
    while (**line && !strchr(" \t\r\n", **line))
        (*line)++;
    return (struct bytes){(const uint8_t *)start, (size_t)(*line - start)};
}

static bool pin_has_type(const char *line, const char *key_type)
{
    struct bytes word = next_word(&line);

    return word.len == strlen(key_type) && memcmp(word.data, key_type, word.len) == 0;
}

static bool type_wanted(const struct ssh_session *s, const char *key_type)
{
    for (size_t i = 0; i < s->config.pinned_count; i++) {
        if (pin_has_type(s->config.pinned[i], key_type))
            return true;
    }
    return false;
}

const char *ssh_hostkey_preference(const struct ssh_session *s, char *dst, size_t cap)
{
    size_t count = sizeof known_algorithms / sizeof *known_algorithms, len = 0;

    /* First those we could check, then the others: they lead to "changed", not to "no common". */
    for (int pinned = 1; pinned >= 0; pinned--) {
        for (size_t i = 0; i < count; i++) {
            const char *name = known_algorithms[i].algorithm;

            if (type_wanted(s, known_algorithms[i].key_type) != (pinned == 1))
                continue;
            if (len + strlen(name) + 2 > cap)
                return dst;
            len += (size_t)snprintf(dst + len, cap - len, "%s%s", len ? "," : "", name);
        }
    }
    return dst;
}

/* "SHA256:" and 43 characters, as ssh-keygen -l prints it. */
static void fingerprint(char dst[FINGERPRINT_LEN + 1], const uint8_t hash[32])
{
    char text[BASE64_LEN(32) + 1];

    base64_encode(text, hash, 32);
    snprintf(dst, FINGERPRINT_LEN + 1, "SHA256:%.43s", text);
}

/* The blob of a pin line into dst; its length, or < 0. */
static int pin_blob(uint8_t dst[MAX_BLOB_LEN], const char *line)
{
    struct bytes base64;

    next_word(&line);
    base64 = next_word(&line);
    if (!base64.len)
        return IPN_ERR_ARG;
    return base64_decode(dst, MAX_BLOB_LEN, (const char *)base64.data, base64.len);
}

/* The key type in a blob: its first string. */
static void blob_type(char dst[40], struct bytes blob)
{
    uint32_t len = blob.len >= 4 ? load_be32(blob.data) : 0;

    dst[0] = '\0';
    if (len && len < 40 && len <= blob.len - 4)
        ssh_printable(dst, 40, (struct bytes){blob.data + 4, len});
}

/* Fingerprints of the pins, those of the server's type if there are any. */
static void pinned_fingerprints(const struct ssh_session *s, char *dst, size_t cap)
{
    bool same_type = type_wanted(s, s->host_key_type);
    uint8_t blob[MAX_BLOB_LEN], hash[32];
    char text[FINGERPRINT_LEN + 1];
    size_t len = 0;
    int blob_len;

    dst[0] = '\0';
    for (size_t i = 0; i < s->config.pinned_count; i++) {
        if (same_type && !pin_has_type(s->config.pinned[i], s->host_key_type))
            continue;
        blob_len = pin_blob(blob, s->config.pinned[i]);
        if (blob_len < 0 || len + FINGERPRINT_LEN + 8 > cap)
            continue;
        ssh_sha256(hash, (struct bytes){blob, (size_t)blob_len});
        fingerprint(text, hash);
        len += (size_t)snprintf(dst + len, cap - len, "%s%s", len ? " or " : "", text);
    }
}

static bool is_pinned(const struct ssh_session *s, struct bytes blob)
{
    uint8_t pin[MAX_BLOB_LEN];
    int pin_len;

    for (size_t i = 0; i < s->config.pinned_count; i++) {
        pin_len = pin_blob(pin, s->config.pinned[i]);
        if (pin_len > 0 && (size_t)pin_len == blob.len && memcmp(pin, blob.data, blob.len) == 0)
            return true;
    }
    return false;
}

bool ssh_hostkey_step(struct ssh_session *s)
{
    char text[FINGERPRINT_LEN + 1], pins[SSH_MAX_PINNED_KEYS * (FINGERPRINT_LEN + 4) + 16];
    char line[40 + 1 + FINGERPRINT_LEN + 1];
    struct bytes blob = {NULL, 0};
    uint8_t hash[32];
    size_t len = 0;
    int type;

    blob.data = (const uint8_t *)libssh2_session_hostkey(s->lib, &len, &type);
    blob.len = len;
    if (!blob.data) {
        ssh_session_fail(s, SSH_PROBLEM_HANDSHAKE, "The server showed no host key.");
        return false;
    }
    blob_type(s->host_key_type, blob);
    ssh_sha256(hash, blob);
    fingerprint(text, hash);
    if (!s->config.pinned_count) {
        snprintf(line, sizeof line, "%s %s", s->host_key_type, text);
        ssh_event_push(s, SSH_EVENT_HOST_KEY, 0, ssh_text(line), blob);
        s->state = SSH_HOST_KEY_ANSWER;
        return false;
    }
    if (is_pinned(s, blob)) {
        s->state = SSH_AUTH;
        return true;
    }
    pinned_fingerprints(s, pins, sizeof pins);
    ssh_session_fail(s, SSH_PROBLEM_HOST_KEY_CHANGED,
                     "The host key is not the one this node published: it shows %s %s, expected "
                     "%s. Somebody may be listening in, or the node was set up anew; do not go on "
                     "before you know.",
                     s->host_key_type, text, pins[0] ? pins : "another type of key");
    return false;
}
