/*
 * The first line of the input as a host, the rest as known_hosts text. Whatever the text: what was
 * added is found (unless a "!not" keeps it out, never for the text alone), what was removed is gone
 * for its own name, and lines that do not concern the host stay byte for byte.
 */
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "ssh/ssh_known_hosts.h"

static const char key[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHfRaVQ9zo1MAeM9k2zso0HOHNvZDS0pqnVO41ipHcTN\n";

static struct bytes lines_of(struct buf *b)
{
    return (struct bytes){b->len ? buf_head(b) : NULL, b->len};
}

static bool contains(struct bytes text, struct bytes part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (memcmp(text.data + i, part.data, part.len) == 0)
            return true;
    }
    return false;
}

static void find(struct ssh_known_keys *found, struct bytes text, const char *name)
{
    ssh_known_keys_init(found);
    found->keys.max_len += 4096;
    if (ssh_known_hosts_find(found, text, name) < 0)
        abort();
}

/* Removing twice changes nothing more. */
static void fuzz_remove(struct bytes text, const char *name)
{
    struct buf once, twice;
    int removed;

    buf_init(&once, text.len);
    removed = ssh_known_hosts_remove(&once, text, name);
    if (removed < 0 || (removed == 0 && once.len != text.len))
        abort();
    buf_init(&twice, text.len);
    if (ssh_known_hosts_remove(&twice, lines_of(&once), name) != 0 || twice.len != once.len ||
        (once.len && memcmp(buf_head(&once), buf_head(&twice), once.len) != 0))
        abort();
    buf_wipe(&once);
    buf_wipe(&twice);
}

static void fuzz_add(struct bytes text, const char *name)
{
    char line[SSH_KNOWN_NAME_CAP + sizeof key + 1];
    struct bytes wanted = {(const uint8_t *)key, sizeof key - 1};
    struct ssh_known_keys found;
    struct buf out;

    line[0] = '\0';
    strcat(strcat(strcat(line, name), " "), key);
    buf_init(&out, SSH_KNOWN_HOSTS_MAX_LEN + 4096);
    if (ssh_known_hosts_add(&out, text, (struct bytes){(const uint8_t *)line, strlen(line) - 1},
                            (struct bytes){(const uint8_t *)name, strlen(name)}) < 0)
        abort();
    find(&found, lines_of(&out), name);
    if (!contains(lines_of(&found.keys), wanted))
        abort();
    ssh_known_keys_wipe(&found);
    buf_wipe(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const uint8_t *end = len ? memchr(data, '\n', len) : NULL;
    size_t host_len = end ? (size_t)(end - data) : len;
    char host[SSH_KNOWN_NAME_CAP + 1] = "", name[SSH_KNOWN_NAME_CAP];
    struct bytes text = {end ? end + 1 : data, end ? len - host_len - 1 : 0};
    struct ssh_known_keys found;

    if (host_len > SSH_KNOWN_NAME_CAP || len > SSH_KNOWN_HOSTS_MAX_LEN)
        return 0;
    if (host_len)
        memcpy(host, data, host_len);
    if (!ssh_known_hosts_name(name, host, len % 3 ? 22 : 2222))
        return 0;
    find(&found, text, name);
    ssh_known_keys_wipe(&found);
    fuzz_remove(text, name);
    fuzz_add(text, name);
    return 0;
}
