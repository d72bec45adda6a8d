/* See ipn_ssh_options.h. One table names the fields; a field given twice counts as its last. */
#include "ipn/ipn_ssh_options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

enum field_type { TEXT, NUMBER };

/* TEXT: max bytes, and what to call it. NUMBER: min and max. */
static const struct field {
    const char *name;
    enum field_type type;
    size_t at;
    uint32_t min, max;
    const char *words;
} known_fields[] = {
#define TEXT_FIELD(name, member, max, words) \
    {name, TEXT, offsetof(struct ipn_ssh_options, member), 0, max, words}
#define NUMBER_FIELD(name, member, min, max) \
    {name, NUMBER, offsetof(struct ipn_ssh_options, member), min, max, ""}
    TEXT_FIELD("host", host, IPN_SSH_MAX_NAME_LEN, "The name of the host"),
    TEXT_FIELD("user", user, IPN_SSH_MAX_USER_LEN, "The user name"),
    TEXT_FIELD("term", term, IPN_SSH_MAX_TERM_LEN, "The terminal type (TERM)"),
    TEXT_FIELD("command", command, IPN_SSH_MAX_COMMAND_LEN, "The command"),
    TEXT_FIELD("subsystem", subsystem, IPN_SSH_MAX_NAME_LEN, "The subsystem's name"),
    TEXT_FIELD("password", password, IPN_SSH_MAX_SECRET_LEN, "The password"),
    TEXT_FIELD("passphrase", passphrase, IPN_SSH_MAX_SECRET_LEN, "The passphrase"),
    TEXT_FIELD("replaceHostKey", replace_host_key, 1024, "The fingerprint to replace"),
    TEXT_FIELD("destHost", dest_host, IPN_SSH_MAX_NAME_LEN, "The name of the host to forward to"),
    NUMBER_FIELD("port", port, 1, 65535),
    NUMBER_FIELD("destPort", dest_port, 1, 65535),
    NUMBER_FIELD("rows", rows, 1, 65535),
    NUMBER_FIELD("cols", cols, 1, 65535),
    NUMBER_FIELD("timeout", timeout_ms, 0, UINT32_MAX),
    NUMBER_FIELD("keepAlive", keep_alive_ms, 0, UINT32_MAX),
    NUMBER_FIELD("retries", retries, 0, IPN_SSH_MAX_RETRIES),
    NUMBER_FIELD("retryDelay", retry_delay_ms, 0, UINT32_MAX),
    NUMBER_FIELD("via", via, 1, UINT32_MAX),
    NUMBER_FIELD("on", on, 1, UINT32_MAX),
    NUMBER_FIELD("pty", pty, 0, 1),
    NUMBER_FIELD("prompts", prompts, 0, 1),
    NUMBER_FIELD("askHostKey", ask_host_key, 0, 2),
    NUMBER_FIELD("agent", agent, 0, 1),
    NUMBER_FIELD("reuse", reuse, 0, 1),
};

static const char *const kinds[] = {"shell", "forward", "sftp", "test"};

/* ---- values ---- */

__attribute__((format(printf, 2, 3))) static int too_long(struct ipn_ssh_options *o,
                                                          const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(o->problem, sizeof o->problem, format, args);
    va_end(args);
    return 0; /* the others are still read: host and port are wanted */
}

static int parse_number(uint32_t *out, const char *text, uint32_t min, uint32_t max)
{
    uint64_t v = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 10)
        return IPN_ERR_ARG;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return IPN_ERR_ARG;
        v = v * 10 + (uint64_t)(text[i] - '0');
    }
    if (v < min || v > max)
        return IPN_ERR_ARG;
    *out = (uint32_t)v;
    return 0;
}

static int set_kind(struct ipn_ssh_options *o, const char *value)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i], value) == 0) {
            o->kind = (enum ipn_ssh_kind)i;
            return 0;
        }
    }
    return IPN_ERR_ARG;
}

static int add_key(struct ipn_ssh_options *o, const char *value)
{
    if (o->key_count == IPN_SSH_MAX_KEYS)
        return too_long(o, "Too many private keys: at most %d can be tried.", IPN_SSH_MAX_KEYS);
    if (strlen(value) > IPN_SSH_MAX_KEY_LEN)
        return too_long(o, "A private key is too long: at most %d bytes.", IPN_SSH_MAX_KEY_LEN);
    o->keys[o->key_count++] = value;
    return 0;
}

/* Behind the copy of the fields lies room for as much again: the environment goes there. */
static int add_env(struct ipn_ssh_options *o, const char *name, const char *value)
{
    size_t name_len = strlen(name), value_len = strlen(value);
    if (name_len == 0)
        return IPN_ERR_ARG;
    if (name_len > IPN_SSH_MAX_ENV_NAME_LEN)
        return too_long(o, "The name of an environment variable is too long: at most %d bytes.",
                        IPN_SSH_MAX_ENV_NAME_LEN);
    if (value_len > IPN_SSH_MAX_ENV_VALUE_LEN)
        return too_long(o, "The environment variable %.60s is too long: at most %d bytes.", name,
                        IPN_SSH_MAX_ENV_VALUE_LEN);
    size_t len = name_len + value_len + 2;
    if (o->env_len + len > IPN_SSH_MAX_ENV_LEN)
        return too_long(o, "The environment is too large: at most %d bytes in all.",
                        IPN_SSH_MAX_ENV_LEN);
    uint8_t *at = o->block + o->block_len / 2 + o->env_len;
    memcpy(at, name, name_len + 1);
    memcpy(at + name_len + 1, value, value_len + 1);
    o->env_len += len;
    return 0;
}

static int set_field(struct ipn_ssh_options *o, const char *name, const char *value)
{
    if (strcmp(name, "kind") == 0)
        return set_kind(o, value);
    if (strcmp(name, "key") == 0)
        return add_key(o, value);
    if (strncmp(name, "env.", 4) == 0)
        return add_env(o, name + 4, value);
    for (size_t i = 0; i < sizeof known_fields / sizeof *known_fields; i++) {
        const struct field *f = &known_fields[i];
        if (strcmp(name, f->name) != 0)
            continue;
        void *at = (uint8_t *)o + f->at;
        if (f->type == NUMBER)
            return parse_number(at, value, f->min, f->max);
        if (strlen(value) > f->max)
            return too_long(o, "%s is too long: at most %u bytes.", f->words, (unsigned)f->max);
        memcpy(at, &value, sizeof value);
        return 0;
    }
    return IPN_ERR_ARG;
}

/* ---- the block ---- */

/* The NUL-terminated string at *at, which moves behind it; NULL: it has no end. */
static const char *next_string(const uint8_t *block, size_t len, size_t *at)
{
    const uint8_t *start = block + *at;
    const uint8_t *end = *at < len ? memchr(start, 0, len - *at) : NULL;
    if (!end)
        return NULL;
    *at += (size_t)(end - start) + 1;
    return (const char *)start;
}

static void set_defaults(struct ipn_ssh_options *o)
{
    *o = (struct ipn_ssh_options){.refs = 1,
                                  .host = "",
                                  .user = "",
                                  .dest_host = "",
                                  .term = "xterm-256color",
                                  .command = "",
                                  .subsystem = "",
                                  .replace_host_key = "",
                                  .port = 22,
                                  .rows = 24,
                                  .cols = 80,
                                  .timeout_ms = 5000,
                                  .keep_alive_ms = 30 * 1000,
                                  .retry_delay_ms = 2000,
                                  .reuse = 1};
}

/* What each kind cannot do without. A channel on another id's connection needs no host. */
static bool is_complete(const struct ipn_ssh_options *o)
{
    bool has_target = o->on || (o->host[0] && o->user[0]);
    bool has_dest = o->dest_host[0] && o->dest_port;
    return has_target && (o->kind == IPN_SSH_FORWARD) == has_dest &&
           !(o->command[0] && o->subsystem[0]) && !(o->on && (o->via || o->kind == IPN_SSH_TEST));
}

int ipn_ssh_options_parse(struct ipn_ssh_options *out, const uint8_t *fields, size_t len)
{
    set_defaults(out);
    if (!fields || len == 0 || len > IPN_SSH_MAX_FIELDS_LEN)
        return IPN_ERR_ARG;
    out->block = calloc(2, len);
    if (!out->block)
        return IPN_ERR_NOMEM;
    out->block_len = 2 * len;
    memcpy(out->block, fields, len);
    out->env = (const char *)out->block + len;
    for (size_t at = 0; at < len;) {
        const char *name = next_string(out->block, len, &at);
        const char *value = name ? next_string(out->block, len, &at) : NULL;
        int rc = value ? set_field(out, name, value) : IPN_ERR_ARG;
        if (rc < 0)
            return rc;
    }
    if (!out->term[0])
        out->term = "xterm-256color";
    if (out->timeout_ms == 0)
        out->timeout_ms = 5000;
    if (out->problem[0])
        return IPN_ERR_FULL;
    return is_complete(out) ? 0 : IPN_ERR_ARG;
}

void ipn_ssh_options_wipe(struct ipn_ssh_options *o)
{
    if (o->block)
        wipe(o->block, o->block_len);
    free(o->block);
    wipe(o, sizeof *o);
}

struct ipn_ssh_options *ipn_ssh_options_share(struct ipn_ssh_options *o)
{
    o->refs++;
    return o;
}

void ipn_ssh_options_release(struct ipn_ssh_options **o)
{
    struct ipn_ssh_options *last = *o;
    *o = NULL;
    if (!last || --last->refs)
        return;
    ipn_ssh_options_wipe(last);
    free(last);
}
