#include "ssh/ssh_known_hosts.h"

#include <stdio.h>
#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "ssh/ssh_hmac_sha1.h"

enum line_marker { LINE_NO_KEY, LINE_KEY, LINE_REVOKED, LINE_AUTHORITY };

struct known_line {
    struct bytes raw; /* with its newline, if it has one */
    enum line_marker marker;
    struct bytes hosts, type, base64;
};

/* ---- reading ---- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of *rest, which moves behind it. */
static struct bytes next_word(struct bytes *rest)
{
    struct bytes word;

    while (rest->len && is_blank(*rest->data)) {
        rest->data++;
        rest->len--;
    }
    word = (struct bytes){rest->data, 0};
    while (rest->len && !is_blank(*rest->data)) {
        rest->data++;
        rest->len--;
        word.len++;
    }
    return word;
}

static bool is_text(struct bytes word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.data, text, word.len) == 0;
}

static enum line_marker marker_of(struct bytes word)
{
    if (is_text(word, "@revoked"))
        return LINE_REVOKED;
    return is_text(word, "@cert-authority") ? LINE_AUTHORITY : LINE_NO_KEY;
}

/* Whether base64 is a key blob of this type: its first string says so. */
static bool is_key(struct bytes type, struct bytes base64)
{
    uint8_t blob[SSH_HOST_KEY_MAX_LEN];
    int len = base64_decode(blob, sizeof blob, (const char *)base64.data, base64.len);

    return len > 4 && type.len && load_be32(blob) == type.len && type.len <= (size_t)len - 4 &&
           memcmp(blob + 4, type.data, type.len) == 0;
}

/* The next line of *text, which moves behind it; false at the end. */
static bool next_line(struct bytes *text, struct known_line *line)
{
    const uint8_t *end = text->len ? memchr(text->data, '\n', text->len) : NULL;
    size_t len = end ? (size_t)(end - text->data) : text->len;
    struct bytes rest = {text->data, len}, word;

    if (!text->len)
        return false;
    *line = (struct known_line){.raw = {text->data, len + (end ? 1 : 0)}};
    text->data += line->raw.len;
    text->len -= line->raw.len;
    word = next_word(&rest);
    if (!word.len || word.data[0] == '#')
        return true;
    line->marker = LINE_KEY;
    if (word.data[0] == '@') {
        line->marker = marker_of(word);
        word = next_word(&rest);
    }
    line->hosts = word;
    line->type = next_word(&rest);
    line->base64 = next_word(&rest);
    if (!is_key(line->type, line->base64))
        line->marker = LINE_NO_KEY;
    return true;
}

/* ---- names ---- */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* Whether the pattern, with * and ? in it, is all of name. Goes back to the last * only, so the time
 * is at most the product of the lengths. */
static bool pattern_matches(struct bytes pattern, struct bytes name)
{
    size_t p = 0, n = 0, star = 0, star_n = 0;
    bool have_star = false;

    while (n < name.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            have_star = true;
            star = ++p;
            star_n = n;
        } else if (p < pattern.len &&
                   (pattern.data[p] == '?' || lower(pattern.data[p]) == name.data[n])) {
            p++;
            n++;
        } else if (have_star) {
            p = star;
            n = ++star_n;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}

/* "|1|salt|hash", both base64 of 20 bytes. */
static bool hash_matches(struct bytes hosts, struct bytes name)
{
    enum { TEXT_LEN = BASE64_LEN(SSH_SHA1_LEN) };
    uint8_t salt[SSH_SHA1_LEN], hash[SSH_SHA1_LEN], made[SSH_SHA1_LEN];
    const char *text = (const char *)hosts.data + 3;

    if (hosts.len != 3 + TEXT_LEN + 1 + TEXT_LEN || text[TEXT_LEN] != '|' ||
        base64_decode(salt, sizeof salt, text, TEXT_LEN) != SSH_SHA1_LEN ||
        base64_decode(hash, sizeof hash, text + TEXT_LEN + 1, TEXT_LEN) != SSH_SHA1_LEN)
        return false;
    return ssh_hmac_sha1(made, (struct bytes){salt, sizeof salt}, name) &&
           bytes_equal(made, hash, sizeof made);
}

static bool is_hashed(struct bytes hosts)
{
    return hosts.len > 3 && memcmp(hosts.data, "|1|", 3) == 0;
}

/* The next item of a comma list, which moves behind it; false at the end. */
static bool next_item(struct bytes *list, struct bytes *item)
{
    const uint8_t *comma;

    if (!list->data)
        return false;
    comma = list->len ? memchr(list->data, ',', list->len) : NULL;
    *item = *list;
    if (!comma) {
        *list = (struct bytes){NULL, 0};
        return true;
    }
    item->len = (size_t)(comma - list->data);
    list->data += item->len + 1;
    list->len -= item->len + 1;
    return true;
}

/* One "!pattern" that matches outweighs all others. */
static bool hosts_match(struct bytes hosts, struct bytes name)
{
    struct bytes item;
    bool found = false;

    if (is_hashed(hosts))
        return hash_matches(hosts, name);
    while (next_item(&hosts, &item)) {
        if (item.len > 1 && item.data[0] == '!') {
            if (pattern_matches((struct bytes){item.data + 1, item.len - 1}, name))
                return false;
        } else if (item.len && pattern_matches(item, name)) {
            found = true;
        }
    }
    return found;
}

/* The item is this very name, not a pattern for it. */
static bool is_name(struct bytes item, struct bytes name)
{
    if (item.len != name.len)
        return false;
    for (size_t i = 0; i < item.len; i++) {
        if (lower(item.data[i]) != name.data[i])
            return false;
    }
    return true;
}

bool ssh_known_hosts_name(char dst[SSH_KNOWN_NAME_CAP], const char *host, uint16_t port)
{
    size_t len = strlen(host);
    bool plain = port == 0 || port == 22;

    dst[0] = '\0';
    if (!len || len > SSH_KNOWN_NAME_CAP - sizeof "[]:65535")
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((uint8_t)host[i] <= ' ' || host[i] == 127 || strchr("*?!,|#@[]", host[i]))
            return false;
    }
    if (plain)
        snprintf(dst, SSH_KNOWN_NAME_CAP, "%s", host);
    else
        snprintf(dst, SSH_KNOWN_NAME_CAP, "[%s]:%u", host, (unsigned)port);
    for (char *c = dst; *c; c++)
        *c = (char)lower((uint8_t)*c);
    return true;
}

bool ssh_known_hosts_pattern(struct bytes pattern, const char *name)
{
    return pattern_matches(pattern, (struct bytes){(const uint8_t *)name, strlen(name)});
}

void ssh_known_keys_init(struct ssh_known_keys *k)
{
    buf_init(&k->keys, SSH_KNOWN_HOSTS_MAX_LEN);
    buf_init(&k->revoked, SSH_KNOWN_HOSTS_MAX_LEN);
    buf_init(&k->authorities, SSH_KNOWN_HOSTS_MAX_LEN);
}

void ssh_known_keys_wipe(struct ssh_known_keys *k)
{
    buf_wipe(&k->keys);
    buf_wipe(&k->revoked);
    buf_wipe(&k->authorities);
}

int ssh_known_hosts_find(struct ssh_known_keys *found, struct bytes text, const char *name)
{
    struct bytes host = {(const uint8_t *)name, strlen(name)};
    struct known_line line;
    struct buf *to;
    int rc = 0;

    while (rc == 0 && next_line(&text, &line)) {
        if (line.marker == LINE_NO_KEY || !hosts_match(line.hosts, host))
            continue;
        to = line.marker == LINE_KEY       ? &found->keys
             : line.marker == LINE_REVOKED ? &found->revoked
                                           : &found->authorities;
        rc = buf_append(to, line.type.data, line.type.len);
        if (rc == 0)
            rc = buf_append(to, " ", 1);
        if (rc == 0)
            rc = buf_append(to, line.base64.data, line.base64.len);
        if (rc == 0)
            rc = buf_append(to, "\n", 1);
    }
    return rc;
}

/* ---- writing ---- */

int ssh_known_hosts_line(struct buf *out, const char *name, struct bytes blob)
{
    char base64[BASE64_LEN(SSH_HOST_KEY_MAX_LEN) + 1];
    uint32_t type_len = blob.len >= 4 ? load_be32(blob.data) : 0;
    int rc;

    if (!name[0] || !type_len || type_len > blob.len - 4 || blob.len > SSH_HOST_KEY_MAX_LEN)
        return IPN_ERR_ARG;
    for (uint32_t i = 0; i < type_len; i++) {
        if (blob.data[4 + i] <= ' ' || blob.data[4 + i] >= 127)
            return IPN_ERR_ARG;
    }
    rc = buf_append(out, name, strlen(name));
    if (rc == 0)
        rc = buf_append(out, " ", 1);
    if (rc == 0)
        rc = buf_append(out, blob.data + 4, type_len);
    if (rc == 0)
        rc = buf_append(out, " ", 1);
    return rc < 0 ? rc : buf_append(out, base64, base64_encode(base64, blob.data, blob.len));
}

/* True if a name that stands for a host is left: one that is neither gone nor a "!not". */
static bool names_left(struct bytes hosts, struct bytes gone)
{
    struct bytes item;

    while (next_item(&hosts, &item)) {
        if (item.len && item.data[0] != '!' && !is_name(item, gone))
            return true;
    }
    return false;
}

static bool has_name(struct bytes hosts, struct bytes name)
{
    struct bytes item;

    if (is_hashed(hosts))
        return hash_matches(hosts, name);
    while (next_item(&hosts, &item)) {
        if (is_name(item, name))
            return true;
    }
    return false;
}

/* The line without one of its names. */
static int append_without(struct buf *out, const struct known_line *line, struct bytes gone)
{
    struct bytes hosts = line->hosts, item;
    const uint8_t *behind = hosts.data + hosts.len;
    size_t before_len = (size_t)(hosts.data - line->raw.data);
    int rc = buf_append(out, line->raw.data, before_len);
    bool first = true;

    while (rc == 0 && next_item(&hosts, &item)) {
        if (is_name(item, gone))
            continue;
        if (!first)
            rc = buf_append(out, ",", 1);
        if (rc == 0 && item.len)
            rc = buf_append(out, item.data, item.len);
        first = false;
    }
    return rc < 0 ? rc : buf_append(out, behind, line->raw.len - (size_t)(behind - line->raw.data));
}

static int remove_name(struct buf *out, struct bytes text, struct bytes name)
{
    struct known_line line;
    int rc = 0, removed = 0;

    while (rc == 0 && next_line(&text, &line)) {
        if (line.marker != LINE_KEY || !has_name(line.hosts, name)) {
            rc = buf_append(out, line.raw.data, line.raw.len);
            continue;
        }
        removed++;
        if (!is_hashed(line.hosts) && names_left(line.hosts, name))
            rc = append_without(out, &line, name);
    }
    return rc < 0 ? rc : removed;
}

int ssh_known_hosts_remove(struct buf *out, struct bytes text, const char *name)
{
    return remove_name(out, text, (struct bytes){(const uint8_t *)name, strlen(name)});
}

static bool has_line(struct bytes text, struct bytes wanted)
{
    struct known_line line;

    while (next_line(&text, &line)) {
        size_t len = line.raw.len;

        while (len && (is_blank(line.raw.data[len - 1]) || line.raw.data[len - 1] == '\n'))
            len--;
        if (len == wanted.len && memcmp(line.raw.data, wanted.data, len) == 0)
            return true;
    }
    return false;
}

static struct bytes bytes_of(struct buf *b)
{
    return (struct bytes){b->len ? buf_head(b) : NULL, b->len};
}

/* *kept becomes text without the keys of these names. */
static int remove_all(struct buf *kept, struct bytes text, struct bytes names)
{
    struct bytes name;
    struct buf next;
    int rc = text.len ? buf_append(kept, text.data, text.len) : 0;

    while (rc == 0 && names.len && next_item(&names, &name)) {
        buf_init(&next, kept->max_len);
        rc = remove_name(&next, bytes_of(kept), name);
        if (rc < 0) {
            buf_wipe(&next);
            break;
        }
        buf_wipe(kept);
        *kept = next;
        rc = 0;
    }
    return rc;
}

int ssh_known_hosts_add(struct buf *out, struct bytes text, struct bytes line,
                        struct bytes replaces)
{
    struct buf kept;
    int rc;

    buf_init(&kept, text.len);
    rc = remove_all(&kept, text, replaces);
    text = bytes_of(&kept);
    if (rc == 0 && text.len)
        rc = buf_append(out, text.data, text.len);
    if (rc == 0 && !has_line(text, line)) {
        if (text.len && text.data[text.len - 1] != '\n')
            rc = buf_append(out, "\n", 1);
        if (rc == 0)
            rc = buf_append(out, line.data, line.len);
        if (rc == 0)
            rc = buf_append(out, "\n", 1);
    }
    buf_wipe(&kept);
    return rc;
}
