/* Keys made here, whose private text the page stores, and keys that a person gave it, looked at. */
#include <string.h>

#include "base/buf.h"
#include "ipn/ipn_internal.h"
#include "ssh/ssh_key.h"

enum { KEY_TEXT_MAX_LEN = 4096 };

/* One line of printable text: it becomes part of an authorized_keys line. */
static bool is_comment(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 127)
            return false;
    }
    return len <= SSH_KEY_MAX_COMMENT_LEN;
}

int ipn_ssh_keygen(struct ipn *ipn, const char *comment, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    if (!is_comment(comment))
        return IPN_ERR_ARG;
    struct buf text, line;
    struct ssh_key *key = ssh_key_generate_ed25519();
    buf_init(&text, KEY_TEXT_MAX_LEN);
    buf_init(&line, KEY_TEXT_MAX_LEN);
    uint32_t id = ++ipn->next_key & 0x7fffffff;
    int rc = key ? ssh_key_private_text(&text, key, comment) : IPN_ERR_NOMEM;
    if (rc == 0)
        rc = ssh_key_public_line(&line, key, comment);
    if (rc == 0)
        rc = ipn_event_push(&ipn->events, IPN_EVENT_KEY, id, 0, buf_head(&text), text.len,
                            buf_head(&line), line.len);
    buf_wipe(&text);
    buf_wipe(&line);
    ssh_key_free(key);
    return rc < 0 ? rc : (int)id;
}

/* "SHA256:…" and the line of what is public of a key that only its passphrase opens: 0, or < 0. */
static int describe_locked(char fingerprint[SSH_KEY_FINGERPRINT_LEN + 1], struct buf *line,
                           struct bytes text)
{
    struct buf blob;
    buf_init(&blob, KEY_TEXT_MAX_LEN);
    int rc = ssh_key_parse_public(&blob, text);
    if (rc == 0) {
        struct bytes public = {buf_head(&blob), blob.len};
        ssh_key_fingerprint(fingerprint, public);
        rc = ssh_key_blob_line(line, public, "");
    }
    buf_wipe(&blob);
    return rc == SSH_KEY_ERR_ENCRYPTED ? 0 : rc;
}

int ipn_ssh_key_check(struct ipn *ipn, const uint8_t *text, size_t len, uint64_t now_ms)
{
    char fingerprint[SSH_KEY_FINGERPRINT_LEN + 1] = "";
    struct bytes given = {text, len};
    struct ssh_key *key;
    struct buf line;
    ipn->now_ms = now_ms;
    buf_init(&line, KEY_TEXT_MAX_LEN);
    int rc = ssh_key_parse(&key, given, (struct bytes){NULL, 0});
    bool is_locked = rc == SSH_KEY_ERR_ENCRYPTED;
    if (rc == 0) {
        ssh_key_fingerprint(fingerprint, ssh_key_public_blob(key));
        rc = ssh_key_public_line(&line, key, ssh_key_comment(key));
    } else if (is_locked) {
        rc = describe_locked(fingerprint, &line, given);
    }
    ssh_key_free(key);
    const char *words = rc < 0 ? ssh_key_error_text(rc) : fingerprint;
    uint32_t id = ++ipn->next_key & 0x7fffffff;
    size_t line_len = rc < 0 ? 0 : line.len;
    int pushed = ipn_event_push(&ipn->events, IPN_EVENT_KEY_CHECKED, id, rc < 0 ? -1 : is_locked,
                                words, strlen(words), line_len ? buf_head(&line) : NULL, line_len);
    buf_wipe(&line);
    return pushed < 0 ? pushed : (int)id;
}
