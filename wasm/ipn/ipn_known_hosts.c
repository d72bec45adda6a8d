#include "ipn/ipn_known_hosts.h"

#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "ipn/ipn_internal.h"
#include "ipn/ipn_ssh_conn.h"
#include "ssh/ssh_known_hosts.h"

/* ---- the text ---- */

static struct bytes text_of(const struct ipn *ipn)
{
    return (struct bytes){ipn->known_hosts.text, ipn->known_hosts.len};
}

int ipn_known_hosts_load(struct ipn *ipn, const char *base64, size_t len)
{
    if (len == 0 || len > BASE64_LEN(SSH_KNOWN_HOSTS_MAX_LEN))
        return 0;
    uint8_t *text = malloc(len);
    if (!text)
        return IPN_ERR_NOMEM;
    int text_len = base64_decode(text, SSH_KNOWN_HOSTS_MAX_LEN, base64, len);
    if (text_len <= 0) {
        free(text);
        return 0;
    }
    ipn_known_hosts_wipe(&ipn->known_hosts);
    ipn->known_hosts = (struct ipn_known_hosts){text, (size_t)text_len};
    return 0;
}

void ipn_known_hosts_tell(struct ipn *ipn)
{
    if (ipn->known_hosts.len)
        ipn_tell(ipn, IPN_EVENT_KNOWN_HOSTS, 0, 0, (const char *)ipn->known_hosts.text,
                 ipn->known_hosts.len, "", 0);
}

/* Copies text into the place of what there is, and tells. 0 or IPN_ERR_NOMEM, then nothing changes. */
static int replace(struct ipn *ipn, struct bytes text)
{
    char *base64 = malloc(BASE64_LEN(text.len) + 1);
    uint8_t *copy = malloc(text.len ? text.len : 1);
    if (!base64 || !copy) {
        free(base64);
        free(copy);
        return IPN_ERR_NOMEM;
    }
    if (text.len)
        memcpy(copy, text.data, text.len);
    ipn_known_hosts_wipe(&ipn->known_hosts);
    ipn->known_hosts = (struct ipn_known_hosts){copy, text.len};
    base64_encode(base64, copy, text.len);
    ipn_store(ipn, "known-hosts", base64);
    free(base64);
    ipn_tell(ipn, IPN_EVENT_KNOWN_HOSTS, 0, 0, (const char *)copy, text.len, "", 0);
    return 0;
}

static struct bytes bytes_of(struct buf *b)
{
    return (struct bytes){b->len ? buf_head(b) : NULL, b->len};
}

void ipn_known_hosts_wipe(struct ipn_known_hosts *kh)
{
    free(kh->text);
    *kh = (struct ipn_known_hosts){0};
}

/* ---- names ---- */

/* Lower case, without the final dot, cut to fit. */
static void normalise(char dst[256], const char *name)
{
    size_t len = strlen(name);
    while (len && name[len - 1] == '.')
        len--;
    if (len > 255)
        len = 255;
    for (size_t i = 0; i < len; i++)
        dst[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
    dst[len] = '\0';
}

/* Whether typed, if it is an address, is the node's own; then as text in its one form. */
static bool is_own_address(const struct netmap_node *node, char typed[256])
{
    struct ipaddr addr;
    if (ipaddr_parse(&addr, typed, strlen(typed)) < 0)
        return false;
    typed[ipaddr_format(typed, &addr)] = '\0';
    for (size_t i = 0; i < node->address_count; i++) {
        if (ipaddr_equal(&node->addresses[i].addr, &addr))
            return true;
    }
    return false;
}

/* The names to look up in *list (at most 3); their count. names->fqdn stays empty unless the node was
 * meant by what was typed. */
static size_t names_of(const struct netmap_node *node, const char *typed,
                       struct ipn_known_names *names, const char *list[3])
{
    size_t count = 0;
    *names = (struct ipn_known_names){0};
    normalise(names->typed, typed);
    list[count++] = names->typed;
    if (!node || !node->name[0])
        return count;
    normalise(names->fqdn, node->name);
    memcpy(names->short_name, names->fqdn, sizeof names->short_name);
    names->short_name[strcspn(names->short_name, ".")] = '\0';
    bool is_fqdn = strcmp(names->typed, names->fqdn) == 0;
    bool is_short = strcmp(names->typed, names->short_name) == 0;
    if (!is_fqdn && !is_short && !is_own_address(node, names->typed)) {
        names->fqdn[0] = '\0';
        return count;
    }
    if (!is_fqdn)
        list[count++] = names->fqdn;
    if (!is_short && strcmp(names->short_name, names->fqdn) != 0)
        list[count++] = names->short_name;
    return count;
}

void ipn_known_hosts_fill(struct ipn *ipn, const struct ipn_stream *st,
                          struct ipn_known_names *names, struct ssh_config *config)
{
    const struct netmap_node *node = NULL;
    if (!bytes_are_zero(st->peer.b, sizeof st->peer.b))
        node = netmap_find_key(control_client_netmap(ipn->cc), &st->peer);
    config->host_name_count = names_of(node, st->host, names, config->host_names);
    config->host = names->fqdn[0] ? names->fqdn : names->typed;
    config->port = st->port;
    config->known_hosts = text_of(ipn);
}

/* ---- changing it ---- */

void ipn_known_hosts_add(struct ipn *ipn, struct bytes line, struct bytes replaces)
{
    static const char full[] = "There is no room for one more known host (256 kB): remove some, or "
                               "this host will be asked about again.";
    struct buf out;
    buf_init(&out, SSH_KNOWN_HOSTS_MAX_LEN);
    int rc = ssh_known_hosts_add(&out, text_of(ipn), line, replaces);
    if (rc == 0)
        rc = replace(ipn, bytes_of(&out));
    if (rc == IPN_ERR_FULL)
        ipn_tell_problem(ipn, "known-hosts-full", full, sizeof full - 1, false);
    else if (rc < 0)
        ipn->nomem = true;
    buf_wipe(&out);
}

int ipn_known_hosts_set(struct ipn *ipn, const uint8_t *text, size_t len, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    if (len > SSH_KNOWN_HOSTS_MAX_LEN)
        return IPN_ERR_FULL;
    if (len && memchr(text, 0, len))
        return IPN_ERR_ARG;
    ipn_ssh_conns_distrust(ipn);
    return replace(ipn, (struct bytes){text, len});
}

/* text without one name; it moves into *kept. The count of lines changed, or < 0. */
static int remove_one(struct buf *kept, struct bytes text, const char *host, uint16_t port)
{
    char name[SSH_KNOWN_NAME_CAP];
    struct buf out;
    if (!ssh_known_hosts_name(name, host, port))
        return 0;
    buf_init(&out, SSH_KNOWN_HOSTS_MAX_LEN);
    int removed = ssh_known_hosts_remove(&out, text, name);
    if (removed <= 0) {
        buf_wipe(&out);
        return removed;
    }
    buf_wipe(kept);
    *kept = out;
    return removed;
}

int ipn_known_hosts_remove(struct ipn *ipn, const char *host, uint16_t port, uint64_t now_ms)
{
    const struct netmap *nm = control_client_netmap(ipn->cc);
    const struct netmap_node *node = NULL;
    struct ipn_known_names names;
    const char *list[3];
    struct ipaddr addr;
    struct buf kept;
    int rc = 0, removed = 0;

    ipn->now_ms = now_ms;
    if (nm->valid && netmap_resolve(nm, &addr, 1, host, strlen(host)) > 0)
        node = netmap_find_route(nm, &addr);
    size_t count = names_of(node, host, &names, list);
    buf_init(&kept, SSH_KNOWN_HOSTS_MAX_LEN);
    for (size_t i = 0; rc >= 0 && i < count; i++) {
        rc = remove_one(&kept, removed ? bytes_of(&kept) : text_of(ipn), list[i], port);
        removed += rc > 0 ? rc : 0;
    }
    if (rc >= 0 && removed) {
        ipn_ssh_conns_distrust(ipn);
        rc = replace(ipn, bytes_of(&kept));
    }
    buf_wipe(&kept);
    return rc < 0 ? rc : removed > 0;
}
