/* What the caller gave us, copied: each set of strings lies in one block, wiped when it is freed. */
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_session_internal.h"

/* Copies text behind *at and moves *at; NULL stays NULL. */
static const char *copy_text(uint8_t **at, const char *text)
{
    char *copy = (char *)*at;

    if (!text)
        return NULL;
    memcpy(copy, text, strlen(text) + 1);
    *at += strlen(text) + 1;
    return copy;
}

static struct bytes copy_bytes(uint8_t **at, struct bytes bytes)
{
    struct bytes copy = {*at, bytes.len};

    if (bytes.len)
        memcpy(*at, bytes.data, bytes.len);
    *at += bytes.len;
    return copy;
}

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static void wipe_block(uint8_t **block, size_t *len)
{
    if (*block) {
        wipe(*block, *len);
        free(*block);
    }
    *block = NULL;
    *len = 0;
}

static bool copy_credentials(struct ssh_session *s, const struct ssh_credentials *from)
{
    struct ssh_credentials *to = &s->config.credentials;
    size_t len = text_size(from->password) + text_size(from->passphrase);
    uint8_t *at;

    if (to->private_key_count > SSH_MAX_PRIVATE_KEYS)
        to->private_key_count = SSH_MAX_PRIVATE_KEYS;
    for (size_t i = 0; i < to->private_key_count; i++)
        len += text_size(from->private_keys[i]);
    at = s->credentials_block = malloc(len + 1);
    if (!at)
        return false;
    s->credentials_block_len = len + 1;
    to->password = copy_text(&at, from->password);
    to->passphrase = copy_text(&at, from->passphrase);
    for (size_t i = 0; i < to->private_key_count; i++)
        to->private_keys[i] = copy_text(&at, from->private_keys[i]);
    return true;
}

bool ssh_config_copy(struct ssh_session *s, const struct ssh_config *config)
{
    const char *user = config->user ? config->user : "";
    size_t len = text_size(user);
    uint8_t *at;

    s->config = *config;
    if (s->config.pinned_count > SSH_MAX_PINNED_KEYS)
        s->config.pinned_count = SSH_MAX_PINNED_KEYS;
    for (size_t i = 0; i < s->config.pinned_count; i++)
        len += text_size(config->pinned[i]);
    /* ssh_hostkey_init takes what it needs of these. */
    s->config.known_hosts = (struct bytes){NULL, 0};
    s->config.host = s->config.replace_host_key = NULL;
    s->config.host_name_count = 0;
    if (!copy_credentials(s, &config->credentials))
        return false;
    at = s->config_block = malloc(len);
    if (!at)
        return false;
    s->config_block_len = len;
    s->config.user = copy_text(&at, user);
    for (size_t i = 0; i < s->config.pinned_count; i++)
        s->config.pinned[i] = copy_text(&at, config->pinned[i]);
    return true;
}

void ssh_config_wipe_credentials(struct ssh_session *s)
{
    wipe_block(&s->credentials_block, &s->credentials_block_len);
    s->config.credentials = (struct ssh_credentials){0};
}

void ssh_config_wipe(struct ssh_session *s)
{
    ssh_config_wipe_credentials(s);
    wipe_block(&s->config_block, &s->config_block_len);
}

/* ---- of a channel ---- */

bool ssh_channel_configure(struct ssh_channel *c, const struct ssh_channel_config *config)
{
    const char *term = config->term ? config->term : "xterm-256color";
    size_t len = text_size(term) + text_size(config->command) + text_size(config->subsystem) +
                 text_size(config->host) + config->env_len;
    uint8_t *at = c->config_block = malloc(len);

    if (!at)
        return false;
    c->config_block_len = len;
    c->config = *config;
    c->config.term = copy_text(&at, term);
    c->config.command = copy_text(&at, config->command);
    c->config.subsystem = copy_text(&at, config->subsystem);
    c->config.host = copy_text(&at, config->host);
    c->config.env =
        (const char *)copy_bytes(&at, (struct bytes){(const uint8_t *)config->env, config->env_len})
            .data;
    return true;
}

void ssh_channel_config_wipe(struct ssh_channel *c)
{
    wipe_block(&c->config_block, &c->config_block_len);
}
