/* See ipn_known_hosts.h. Whatever changes, the page is told the whole text twice: as what to store,
 * and as what there is to show. */
#include <stdlib.h>
#include <string.h>

#include "ipn/ipn_internal.h"

static void tell(struct ipn *ipn)
{
    const char *text = ipn->known_hosts.text ? (const char *)ipn->known_hosts.text : "";
    size_t len = ipn->known_hosts.len;
    ipn_tell(ipn, IPN_EVENT_STORE, 0, 0, "known-hosts", strlen("known-hosts"), text, len);
    ipn_tell(ipn, IPN_EVENT_KNOWN_HOSTS, 0, 0, text, len, "", 0);
}

/* a, then b; a may be what there is now. */
static int replace(struct ipn *ipn, struct bytes a, struct bytes b)
{
    if (a.len > IPN_KNOWN_HOSTS_MAX_LEN || b.len > IPN_KNOWN_HOSTS_MAX_LEN - a.len)
        return IPN_ERR_FULL;
    uint8_t *text = malloc(a.len + b.len + 1);
    if (!text)
        return IPN_ERR_NOMEM;
    if (a.len)
        memcpy(text, a.data, a.len);
    if (b.len)
        memcpy(text + a.len, b.data, b.len);
    ipn_known_hosts_wipe(&ipn->known_hosts);
    ipn->known_hosts.text = text;
    ipn->known_hosts.len = a.len + b.len;
    tell(ipn);
    return 0;
}

int ipn_known_hosts_set(struct ipn *ipn, const uint8_t *text, size_t len, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    return replace(ipn, (struct bytes){text, len}, (struct bytes){NULL, 0});
}

int ipn_known_hosts_remove(struct ipn *ipn, const char *host, uint16_t port, uint64_t now_ms)
{
    (void)host;
    (void)port;
    ipn->now_ms = now_ms;
    return 0;
}

void ipn_known_hosts_add(struct ipn *ipn, struct bytes line)
{
    struct bytes now = {ipn->known_hosts.text, ipn->known_hosts.len};
    (void)replace(ipn, now, line);
}

void ipn_known_hosts_wipe(struct ipn_known_hosts *kh)
{
    free(kh->text);
    *kh = (struct ipn_known_hosts){0};
}
