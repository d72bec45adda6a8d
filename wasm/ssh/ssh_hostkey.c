/*
 * Host keys: which types to ask for, and whether the key that the server proved is the right one.
 *
 *   revoked in known_hosts          refused, whatever follows
 *   pins (the netmap's)             one of them: go on; none: refused
 *   certificate of a known          good: go on; not good (any more): refused, unless the key itself
 *     authority                     is known
 *   known hosts                     one of them: go on; another one of its type: refused, unless
 *                                   the person named this very fingerprint as the replacement
 *   neither                         SSH_EVENT_HOST_KEY asks; with nobody to ask: refused
 *
 * Pins and known keys have one shape: lines "type base64 …".
 */
#include "ssh/ssh_hostkey.h"

#include <stdio.h>
#include <string.h>

#include "base/encoding.h"
#include "ssh/ssh_host_cert.h"
#include "ssh/ssh_session_internal.h"
#include "ssh/ssh_sha256.h"

enum { SHOWN_KEYS_CAP = 4 * (40 + SSH_FINGERPRINT_LEN + 8) };

/* Signature algorithms in our order of preference, and the key type that each goes with. */
static const struct {
    const char *algorithm, *key_type;
} known_algorithms[] = {{"ssh-ed25519", "ssh-ed25519"},
                        {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
                        {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"},
                        {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"},
                        {"rsa-sha2-512", "ssh-rsa"},
                        {"rsa-sha2-256", "ssh-rsa"}};

/* ---- lines of keys ---- */

static struct bytes lines_of(const struct buf *b)
{
    return (struct bytes){b->len ? b->data + b->head : NULL, b->len};
}

/* The word at the start of *line, which moves behind it; a newline ends the line. */
static struct bytes next_word(struct bytes *line)
{
    struct bytes word;

    while (line->len && (*line->data == ' ' || *line->data == '\t')) {
        line->data++;
        line->len--;
    }
    word = (struct bytes){line->data, 0};
    while (word.len < line->len && !strchr(" \t\r\n", word.data[word.len]))
        word.len++;
    line->data += word.len;
    line->len -= word.len;
    return word;
}

/* The type and the blob (its length in *len; 0 if it is none) of the next line of *lines, which moves
 * behind it; false at the end. */
static bool next_key(struct bytes *lines, struct bytes *type, uint8_t blob[SSH_HOST_KEY_MAX_LEN],
                     size_t *len)
{
    struct bytes line = *lines, base64;
    const uint8_t *end = lines->len ? memchr(lines->data, '\n', lines->len) : NULL;
    int n;

    if (!lines->len)
        return false;
    line.len = end ? (size_t)(end - lines->data) : lines->len;
    lines->data += line.len + (end ? 1 : 0);
    lines->len -= line.len + (end ? 1 : 0);
    *type = next_word(&line);
    base64 = next_word(&line);
    n = base64_decode(blob, SSH_HOST_KEY_MAX_LEN, (const char *)base64.data, base64.len);
    *len = n > 0 ? (size_t)n : 0;
    return true;
}

static bool lines_have_type(struct bytes lines, const char *key_type)
{
    uint8_t blob[SSH_HOST_KEY_MAX_LEN];
    struct bytes type;
    size_t len;

    while (next_key(&lines, &type, blob, &len)) {
        if (type.len == strlen(key_type) && memcmp(type.data, key_type, type.len) == 0)
            return true;
    }
    return false;
}

static bool lines_have_key(struct bytes lines, struct bytes key)
{
    uint8_t blob[SSH_HOST_KEY_MAX_LEN];
    struct bytes type;
    size_t len;

    while (next_key(&lines, &type, blob, &len)) {
        if (len && len == key.len && memcmp(blob, key.data, len) == 0)
            return true;
    }
    return false;
}

void ssh_hostkey_fingerprint(char dst[SSH_FINGERPRINT_LEN + 1], struct bytes blob)
{
    char text[BASE64_LEN(32) + 1];
    uint8_t hash[32];

    ssh_sha256(hash, blob);
    base64_encode(text, hash, 32);
    snprintf(dst, SSH_FINGERPRINT_LEN + 1, "SHA256:%.43s", text);
}

/* " or type SHA256:…" for each key, only those of one type if that is given. */
static void append_fingerprints(char *dst, size_t cap, struct bytes lines, const char *only)
{
    char fingerprint[SSH_FINGERPRINT_LEN + 1], shown[40];
    uint8_t blob[SSH_HOST_KEY_MAX_LEN];
    size_t at = strlen(dst), len;
    struct bytes type;

    while (next_key(&lines, &type, blob, &len)) {
        if (!len || (only && (type.len != strlen(only) || memcmp(type.data, only, type.len) != 0)))
            continue;
        if (at + sizeof shown + SSH_FINGERPRINT_LEN + 6 > cap)
            return;
        ssh_printable(shown, sizeof shown, type);
        ssh_hostkey_fingerprint(fingerprint, (struct bytes){blob, len});
        at += (size_t)snprintf(dst + at, cap - at, "%s%s %s", at ? " or " : "", shown, fingerprint);
    }
}

/* ---- what is known beforehand ---- */

static struct bytes pin_of(const struct ssh_session *s, size_t i)
{
    return ssh_text(s->config.pinned[i]);
}

/* Unless there are some already. */
static void move_keys(struct buf *to, struct buf *from)
{
    if (to->len)
        return;
    buf_wipe(to);
    *to = *from;
    buf_init(from, SSH_KNOWN_HOSTS_MAX_LEN);
}

/* The first name that knows a key decides, likewise for authorities; all count for what is revoked. */
static int look_up(struct ssh_hostkey *hk, struct bytes text, uint16_t port)
{
    struct ssh_known_keys found;
    char name[SSH_KNOWN_NAME_CAP];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < hk->host_count; i++) {
        ssh_known_keys_init(&found);
        ssh_known_hosts_name(name, hk->hosts[i], port);
        rc = ssh_known_hosts_find(&found, text, name);
        if (rc == 0 && found.revoked.len)
            rc = buf_append(&hk->known.revoked, buf_head(&found.revoked), found.revoked.len);
        move_keys(&hk->known.keys, &found.keys);
        move_keys(&hk->known.authorities, &found.authorities);
        ssh_known_keys_wipe(&found);
    }
    return rc;
}

int ssh_hostkey_init(struct ssh_session *s, const struct ssh_config *config)
{
    struct ssh_hostkey *hk = &s->hostkey;
    const char *host = config->host ? config->host : "";
    const char *const *names = config->host_name_count ? config->host_names : &host;
    size_t count = config->host_name_count ? config->host_name_count : 1;
    bool by_port;
    int rc;

    ssh_known_keys_init(&hk->known);
    hk->known.revoked.max_len =
        2 * SSH_MAX_HOST_NAMES * SSH_KNOWN_HOSTS_MAX_LEN; /* all, each time */
    if (config->replace_host_key)
        snprintf(hk->replace, sizeof hk->replace, "%s", config->replace_host_key);
    ssh_known_hosts_name(hk->name, host, config->port);
    hk->port = config->port ? config->port : 22;
    for (size_t i = 0; i < count && i < SSH_MAX_HOST_NAMES; i++)
        hk->host_count += ssh_known_hosts_name(hk->hosts[hk->host_count], names[i], 22);
    rc = look_up(hk, config->known_hosts, hk->port);
    by_port = hk->known.keys.len > 0;
    /* A host that was verified on port 22 is the same host here; OpenSSH has it so, too. */
    if (rc == 0 && hk->port != 22)
        rc = look_up(hk, config->known_hosts, 22);
    hk->other_port = hk->known.keys.len && !by_port;
    return rc;
}

void ssh_hostkey_wipe(struct ssh_session *s)
{
    ssh_known_keys_wipe(&s->hostkey.known);
}

static bool type_wanted(const struct ssh_session *s, const char *key_type)
{
    for (size_t i = 0; i < s->config.pinned_count; i++) {
        if (lines_have_type(pin_of(s, i), key_type))
            return true;
    }
    return !s->config.pinned_count && lines_have_type(lines_of(&s->hostkey.known.keys), key_type);
}

const char *ssh_hostkey_preference(const struct ssh_session *s, char *dst, size_t cap)
{
    size_t count = sizeof known_algorithms / sizeof *known_algorithms, len = 0;

    if (!s->config.pinned_count && s->hostkey.known.authorities.len)
        len = (size_t)snprintf(dst, cap, "%s", SSH_HOST_CERT_ALGORITHMS);
    /* First those we could check, then the others: they lead to "changed", not to "no common". */
    for (int wanted = 1; wanted >= 0; wanted--) {
        for (size_t i = 0; i < count; i++) {
            const char *name = known_algorithms[i].algorithm;

            if (type_wanted(s, known_algorithms[i].key_type) != (wanted == 1))
                continue;
            if (len + strlen(name) + 2 > cap)
                return dst;
            len += (size_t)snprintf(dst + len, cap - len, "%s%s", len ? "," : "", name);
        }
    }
    return dst;
}

/* ---- the decision ---- */

/* The key that libssh2 holds; empty if there is none. */
static struct bytes shown_key(const struct ssh_session *s)
{
    size_t len = 0;
    int type;
    const char *data = libssh2_session_hostkey(s->lib, &len, &type);

    return (struct bytes){(const uint8_t *)data, data ? len : 0};
}

/* The key type in a blob: its first string. */
static void blob_type(char dst[40], struct bytes blob)
{
    uint32_t len = blob.len >= 4 ? load_be32(blob.data) : 0;

    dst[0] = '\0';
    if (len && len < 40 && len <= blob.len - 4)
        ssh_printable(dst, 40, (struct bytes){blob.data + 4, len});
    /* The name of a signature, which libssh2 takes in a key as well: it must not look new. */
    if (strncmp(dst, "rsa-sha2-", 9) == 0)
        memcpy(dst, "ssh-rsa", sizeof "ssh-rsa");
}

static bool is_pinned(const struct ssh_session *s, struct bytes blob)
{
    for (size_t i = 0; i < s->config.pinned_count; i++) {
        if (lines_have_key(pin_of(s, i), blob))
            return true;
    }
    return false;
}

/* "a,[b]:2222" for the names it was looked up by. */
static int append_names(struct buf *out, const struct ssh_hostkey *hk)
{
    char name[SSH_KNOWN_NAME_CAP];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < hk->host_count; i++) {
        ssh_known_hosts_name(name, hk->hosts[i], hk->port);
        if (i)
            rc = buf_append(out, ",", 1);
        if (rc == 0)
            rc = buf_append(out, name, strlen(name));
    }
    return rc;
}

/* The line to remember, for a key that was not known before. */
static void tell_known_host(struct ssh_session *s, struct bytes blob)
{
    struct ssh_hostkey *hk = &s->hostkey;
    struct buf line, names;
    int rc;

    buf_init(&line, 3 * SSH_HOST_KEY_MAX_LEN);
    buf_init(&names, sizeof hk->hosts);
    rc = ssh_known_hosts_line(&line, hk->name, blob);
    if (rc == 0 && hk->replaces)
        rc = append_names(&names, hk);
    if (rc == 0)
        ssh_event_push(s, SSH_EVENT_KNOWN_HOST, 0, lines_of(&line), lines_of(&names));
    s->out_of_memory = s->out_of_memory || rc == IPN_ERR_NOMEM;
    buf_wipe(&line);
    buf_wipe(&names);
}

static bool accept_key(struct ssh_session *s, const char *trust)
{
    char line[sizeof s->info.host_key_type + sizeof s->info.host_key_fingerprint + 1];

    snprintf(line, sizeof line, "%s %s", s->info.host_key_type, s->info.host_key_fingerprint);
    ssh_event_push_text(s, SSH_EVENT_STEP, SSH_STEP_HOST_KEY, line);
    snprintf(s->info.host_key_trust, sizeof s->info.host_key_trust, "%s", trust);
    s->hostkey.trust = trust;
    s->state = SSH_AUTH;
    return true;
}

/* For whoever shows both keys side by side and offers to replace the known one; the error follows.
 * Not for pins: those cannot be replaced. */
static void tell_changed(struct ssh_session *s, const char *shown, const char *known)
{
    char line[sizeof s->info.host_key_type + 1 + SSH_FINGERPRINT_LEN + 1];
    const char *fingerprint = strstr(known, "SHA256:");
    struct bytes aux = {(const uint8_t *)fingerprint, fingerprint ? SSH_FINGERPRINT_LEN : 0};

    snprintf(line, sizeof line, "%s %s", s->info.host_key_type, shown);
    ssh_event_push(s, SSH_EVENT_HOST_KEY, 1, ssh_text(line), aux);
}

static bool refuse_pinned(struct ssh_session *s, const char *shown)
{
    char pins[SHOWN_KEYS_CAP] = "";

    for (size_t i = 0; i < s->config.pinned_count; i++)
        append_fingerprints(pins, sizeof pins, pin_of(s, i), s->info.host_key_type);
    for (size_t i = 0; !pins[0] && i < s->config.pinned_count; i++)
        append_fingerprints(pins, sizeof pins, pin_of(s, i), NULL);
    ssh_session_fail(s, SSH_PROBLEM_HOST_KEY_CHANGED,
                     "The host key is not the one this node published: it shows %s %s, expected "
                     "%s. Somebody may be listening in, or the node was set up anew; do not go on "
                     "before you know.",
                     s->info.host_key_type, shown, pins[0] ? pins : "another type of key");
    return false;
}

static bool refuse_changed(struct ssh_session *s, const char *shown)
{
    struct bytes known = lines_of(&s->hostkey.known.keys);
    char keys[SHOWN_KEYS_CAP] = "";

    append_fingerprints(keys, sizeof keys, known, s->info.host_key_type);
    tell_changed(s, shown, keys);
    ssh_session_fail(s, SSH_PROBLEM_HOST_KEY_CHANGED,
                     "The host key of %.100s has changed: it shows %s %s, known is %s. Somebody "
                     "may be listening in, or the machine was set up anew: ask its keeper. If the "
                     "new fingerprint is right, replace the known key with it.",
                     s->hostkey.name, s->info.host_key_type, shown, keys);
    return false;
}

static bool refuse_revoked(struct ssh_session *s, const char *shown)
{
    ssh_session_fail(s, SSH_PROBLEM_HOST_KEY_REVOKED,
                     "The host key %s %s is marked as revoked in the known hosts: it must not be "
                     "trusted any more. The host needs a new key.",
                     s->info.host_key_type, shown);
    return false;
}

/* Somebody in the middle might show a type that we cannot compare. */
static void tell_other_types(struct ssh_session *s, const char *keys)
{
    char text[SHOWN_KEYS_CAP + 100];

    snprintf(text, sizeof text, "This host is known by other keys, none of which it shows: %s",
             keys);
    ssh_event_push_text(s, SSH_EVENT_PROGRESS, 0, text);
}

/* Not one of the known keys; a key of a type that is not known yet is as good as no key. */
static bool decide_unknown(struct ssh_session *s, struct bytes blob, const char *shown)
{
    struct ssh_hostkey *hk = &s->hostkey;
    bool changed =
        !hk->other_port && lines_have_type(lines_of(&hk->known.keys), s->info.host_key_type);
    char keys[SHOWN_KEYS_CAP] = "";
    char line[sizeof s->info.host_key_type + 1 + SSH_FINGERPRINT_LEN + 1 + SHOWN_KEYS_CAP];

    if (hk->replace[0] && strcmp(hk->replace, shown) == 0) {
        hk->replaces = changed;
        tell_known_host(s, blob);
        return accept_key(s, "accepted");
    }
    if (changed)
        return refuse_changed(s, shown);
    if (!s->config.can_ask_host_key) {
        ssh_session_fail(s, SSH_PROBLEM_HOST_KEY_UNKNOWN,
                         "The host key is not known: %s %s, and there is nobody to ask. "
                         "Verify this fingerprint, then give it, or add the host to the known "
                         "hosts.",
                         s->info.host_key_type, shown);
        return false;
    }
    append_fingerprints(keys, sizeof keys, lines_of(&hk->known.keys), NULL);
    if (keys[0])
        tell_other_types(s, keys);
    snprintf(line, sizeof line, "%s %s%s%s", s->info.host_key_type, shown, keys[0] ? " " : "",
             keys);
    ssh_event_push(s, SSH_EVENT_HOST_KEY, 0, ssh_text(line), blob);
    s->state = SSH_HOST_KEY_ANSWER;
    return false;
}

/* ---- certificates ---- */

/* Vouched for by an authority that known_hosts names for this host: true. Otherwise *flaw says why
 * not, or stays NULL if the authority is a stranger: then the key counts as without certificate. */
static bool is_certified(struct ssh_session *s, const struct ssh_host_cert *cert, const char **flaw)
{
    const struct ssh_hostkey *hk = &s->hostkey;
    const char *names[SSH_MAX_HOST_NAMES];
    int64_t wall_ms = host_wall_ms(s->now_ms);

    *flaw = NULL;
    if (!lines_have_key(lines_of(&hk->known.authorities), cert->authority))
        return false;
    for (size_t i = 0; i < hk->host_count; i++)
        names[i] = hk->hosts[i];
    if (!ssh_host_cert_signed(s->lib, cert))
        *flaw = "bears no valid signature of its authority";
    else
        *flaw = ssh_host_cert_flaw(cert, names, hk->host_count,
                                   wall_ms > 0 ? (uint64_t)wall_ms / 1000 : 0);
    return !*flaw;
}

static bool refuse_certificate(struct ssh_session *s, const char *flaw, const char *shown)
{
    ssh_session_fail(s, SSH_PROBLEM_HOST_KEY_UNKNOWN,
                     "The certificate of the host key %s %s %s. Its authority is in the known "
                     "hosts, so the host should have a good one: tell its keeper.",
                     s->info.host_key_type, shown, flaw);
    return false;
}

/* ---- all together ---- */

static bool decide(struct ssh_session *s, const struct ssh_host_cert *cert, struct bytes blob)
{
    const struct ssh_known_keys *known = &s->hostkey.known;
    char shown[SSH_FINGERPRINT_LEN + 1];
    const char *flaw = NULL;

    blob_type(s->info.host_key_type, blob);
    ssh_sha256(s->hostkey.hash, blob);
    ssh_hostkey_fingerprint(shown, blob);
    memcpy(s->info.host_key_fingerprint, shown, sizeof shown);
    if (lines_have_key(lines_of(&known->revoked), blob) ||
        (cert && lines_have_key(lines_of(&known->revoked), cert->authority)))
        return refuse_revoked(s, shown);
    if (s->config.pinned_count)
        return is_pinned(s, blob) ? accept_key(s, "pinned") : refuse_pinned(s, shown);
    if (cert && is_certified(s, cert, &flaw))
        return accept_key(s, "known");
    if (lines_have_key(lines_of(&known->keys), blob))
        return accept_key(s, "known");
    if (flaw)
        return refuse_certificate(s, flaw, shown);
    return decide_unknown(s, blob, shown);
}

/* What libssh2 holds, in *plain without its certificate. 0, or an error. */
static int read_shown_key(const struct ssh_session *s, struct ssh_host_cert *cert, bool *has_cert,
                          struct buf *plain)
{
    struct bytes blob = shown_key(s);

    *has_cert = blob.len && ssh_host_cert_is(blob);
    if (*has_cert)
        return ssh_host_cert_parse(cert, plain, blob);
    return blob.len ? buf_append(plain, blob.data, blob.len) : IPN_ERR_ARG;
}

bool ssh_hostkey_step(struct ssh_session *s)
{
    struct ssh_host_cert cert;
    struct buf plain;
    bool has_cert, again = false;
    int rc;

    buf_init(&plain, SSH_HOST_KEY_MAX_LEN * 4);
    rc = read_shown_key(s, &cert, &has_cert, &plain);
    if (rc == 0)
        again = decide(s, has_cert ? &cert : NULL, lines_of(&plain));
    else if (rc == IPN_ERR_NOMEM)
        s->out_of_memory = true;
    else
        ssh_session_fail(s, SSH_PROBLEM_HANDSHAKE, "The server showed no host key.");
    buf_wipe(&plain);
    return again;
}

void ssh_hostkey_answer(struct ssh_session *s, bool accept)
{
    struct ssh_host_cert cert;
    struct buf plain;
    uint8_t hash[32];
    bool has_cert;

    if (s->state != SSH_HOST_KEY_ANSWER)
        return;
    buf_init(&plain, SSH_HOST_KEY_MAX_LEN * 4);
    if (accept && read_shown_key(s, &cert, &has_cert, &plain) == 0) {
        ssh_sha256(hash, lines_of(&plain));
        accept = bytes_equal(hash, s->hostkey.hash, sizeof hash);
    }
    if (accept && plain.len) {
        tell_known_host(s, lines_of(&plain));
        accept_key(s, "accepted");
    } else {
        ssh_session_fail(s, SSH_PROBLEM_HOST_KEY_CHANGED, "The host key was not accepted.");
    }
    buf_wipe(&plain);
}
