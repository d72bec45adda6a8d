/*
 * The packet path, where control's netmap, WireGuard, the relays and TCP/IP meet:
 *
 *   netstack --output--> wg_device_send --reserve/commit--> magicsock > SOCKET_SEND
 *   magicsock WIREGUARD > wg_device_receive > netstack_input
 *
 * The hooks only look things up or pass bytes on; none of them calls back into its caller.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ipn/ipn_internal.h"

static const struct netmap *netmap_of(struct ipn *ipn)
{
    return control_client_netmap(ipn->cc);
}

/* ---- hooks of the WireGuard device ---- */

/* A peer may use what it owns: what it only claims is another's (control/netmap.h). */
static bool fill_peer(struct wg_peer_config *out, const struct netmap *nm,
                      const struct netmap_node *node)
{
    if (!node)
        return false;
    out->key = node->key;
    out->allowed_count = 0;
    for (size_t i = 0; i < node->allowed_ip_count; i++) {
        const struct ipprefix *p = &node->allowed_ips[i];
        bool exit_route = p->bits == 0; /* exit nodes are not ours to use */
        if (!exit_route && out->allowed_count < WG_MAX_ALLOWED_IPS && netmap_owns(nm, node, p))
            out->allowed[out->allowed_count++] = *p;
    }
    return true;
}

static bool find_peer_by_key(void *ctx, const struct node_public *key, struct wg_peer_config *out)
{
    const struct netmap *nm = netmap_of(ctx);
    return fill_peer(out, nm, netmap_find_key(nm, key));
}

static bool find_peer_by_ip(void *ctx, const struct ipaddr *dst, struct wg_peer_config *out)
{
    const struct netmap *nm = netmap_of(ctx);
    return fill_peer(out, nm, netmap_find_route(nm, dst));
}

static uint8_t *reserve_datagram(void *ctx, const struct node_public *to, size_t len)
{
    struct ipn *ipn = ctx;
    return magicsock_reserve(ipn->ms, to, len, ipn->now_ms);
}

static void commit_datagram(void *ctx, size_t len)
{
    struct ipn *ipn = ctx;
    (void)len;
    magicsock_commit(ipn->ms);
}

static void heard(void *ctx, const struct node_public *from)
{
    struct ipn *ipn = ctx;
    magicsock_heard(ipn->ms, from, ipn->received_region, ipn->now_ms);
}

/* ---- hooks of magicsock ---- */

static bool find_node(void *ctx, const struct node_public *key, struct disco_public *disco,
                      int *home_region)
{
    const struct netmap_node *node = netmap_find_key(netmap_of(ctx), key);
    if (!node)
        return false;
    *disco = node->disco;
    *home_region = node->home_derp;
    return true;
}

static bool find_disco(void *ctx, const struct disco_public *disco, struct node_public *key)
{
    const struct netmap_node *node = netmap_find_disco(netmap_of(ctx), disco);
    if (node)
        *key = node->key;
    return node != NULL;
}

/* ---- hook of the netstack ---- */

static void output_packet(void *ctx, const uint8_t *packet, size_t len)
{
    struct ipn *ipn = ctx;
    wg_device_send(ipn->wg, packet, len, ipn->now_ms);
}

/* ---- life ---- */

static int make_tunnel(struct ipn *ipn)
{
    struct wg_hooks hooks = {
        ipn, find_peer_by_key, find_peer_by_ip, reserve_datagram, commit_datagram, heard};
    struct magicsock_config config = {.node_key = ipn->node_key,
                                      .node_public = ipn->node_public,
                                      .disco_key = ipn->disco_key,
                                      .disco_public = ipn->disco_public,
                                      .ctx = ipn,
                                      .find_node = find_node,
                                      .find_disco = find_disco};
    ipn->wg = wg_device_new(&ipn->node_key, ipn->stored_timestamp_ms, &hooks);
    ipn->ms = magicsock_new(&config);
    wipe(&config, sizeof config);
    return ipn->wg && ipn->ms ? 0 : IPN_ERR_NOMEM;
}

int ipn_net_start(struct ipn *ipn)
{
    struct netstack_hooks hooks = {ipn, output_packet};
    int rc = netstack_init(&hooks, ipn->now_ms);
    if (rc < 0)
        return rc;
    ipn->have_netstack = true;
    return make_tunnel(ipn);
}

static void free_tunnel(struct ipn *ipn)
{
    wg_device_free(ipn->wg);
    magicsock_free(ipn->ms);
}

void ipn_net_stop(struct ipn *ipn)
{
    if (ipn->have_netstack)
        netstack_wipe();
    ipn->have_netstack = false;
    free_tunnel(ipn);
    ipn->wg = NULL;
    ipn->ms = NULL;
}

/* The relays know the old key: their sockets go. */
static void close_relays(struct ipn *ipn)
{
    struct magicsock_event me;
    magicsock_set_regions(ipn->ms, NULL, 0, 0, ipn->now_ms);
    while (magicsock_next(ipn->ms, &me, ipn->now_ms) == 1) {
        if (me.type == MAGICSOCK_EVENT_CLOSE)
            ipn_tell(ipn, IPN_EVENT_SOCKET_CLOSE, IPN_SOCKET_DERP + (uint32_t)me.region, 0, "", 0,
                     "", 0);
    }
}

void ipn_net_rekey(struct ipn *ipn)
{
    struct wg_device *old_wg = ipn->wg;
    struct magicsock *old_ms = ipn->ms;
    ipn->stored_timestamp_ms = wg_device_last_timestamp_ms(ipn->wg);
    close_relays(ipn);
    if (make_tunnel(ipn) < 0) { /* without a way to anyone, but whole */
        free_tunnel(ipn);
        ipn->wg = old_wg;
        ipn->ms = old_ms;
        ipn->nomem = true;
        return;
    }
    wg_device_free(old_wg);
    magicsock_free(old_ms);
    ipn->handshakes_seen = ipn->unanswered_seen = 0;
}

/* ---- the DERP map ---- */

/* A relay is spoken to in the clear only where the control server is, on the same host or on
 * loopback: everywhere else https. */
static bool relay_uses_tls(const struct ipn *ipn, const struct netmap_derp_node *node)
{
    if (ipn->control.tls)
        return true;
    return !ipn_url_same_host(node->host_name, ipn->control.host) &&
           !ipn_url_is_loopback(node->host_name);
}

static bool region_urls(struct ipn *ipn, struct magicsock_region *out,
                        const struct netmap_region *region)
{
    const struct netmap_derp_node *node = NULL;
    for (size_t i = 0; i < region->node_count && !node; i++) {
        if (region->nodes[i].derp_port >= 0)
            node = &region->nodes[i];
    }
    if (!node)
        return false;
    memset(out, 0, sizeof *out);
    out->id = region->id;
    struct ipn_url url = {.tls = relay_uses_tls(ipn, node)};
    url.port = node->derp_port ? node->derp_port : url.tls ? 443 : 80;
    snprintf(url.host, sizeof url.host, strchr(node->host_name, ':') ? "[%s]" : "%s",
             node->host_name);
    size_t len;
    const char *given =
        ipn_url_override(ipn->derp_urls, region->id, node->host_name, url.port, &len);
    if (given) {
        if (len >= sizeof out->url)
            return false;
        memcpy(out->url, given, len);
        return true;
    }
    int a = ipn_url_format(out->url, sizeof out->url, &url, true, "/derp", 5);
    int b = ipn_url_format(out->probe_url, sizeof out->probe_url, &url, false, "/derp/probe", 11);
    return a > 0 && b > 0;
}

void ipn_net_apply_regions(struct ipn *ipn)
{
    const struct netmap *nm = netmap_of(ipn);
    struct magicsock_region *regions = calloc(MAGICSOCK_MAX_REGIONS, sizeof *regions);
    if (!regions) {
        ipn->nomem = true;
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < nm->region_count && count < MAGICSOCK_MAX_REGIONS; i++) {
        if (!nm->regions[i].avoid && region_urls(ipn, &regions[count], &nm->regions[i]))
            count++;
    }
    if (count)
        magicsock_set_regions(ipn->ms, regions, count, ipn->stored_home, ipn->now_ms);
    free(regions);
    ipn->status_dirty = true;
}

/* ---- netmap changes ---- */

static void apply_addresses(struct ipn *ipn)
{
    struct ipaddr v4 = {0}, v6 = {0};
    const struct netmap_node *self = &netmap_of(ipn)->self;
    for (size_t i = 0; i < self->address_count; i++) {
        const struct ipaddr *a = &self->addresses[i].addr;
        if (a->family == 4 && !v4.family)
            v4 = *a;
        if (a->family == 6 && !v6.family)
            v6 = *a;
    }
    if (ipn->own_v4.family && !ipaddr_equal(&v4, &ipn->own_v4))
        ipn_streams_address_lost(ipn, 4);
    if (ipn->own_v6.family && !ipaddr_equal(&v6, &ipn->own_v6))
        ipn_streams_address_lost(ipn, 6);
    ipn->own_v4 = v4;
    ipn->own_v6 = v6;
    netstack_set_addresses(&v4, &v6);
    ipn->netstack_touched = true;
}

static void drop_removed_peers(struct ipn *ipn)
{
    struct node_public key;
    while (netmap_next_removed(control_client_netmap(ipn->cc), &key)) {
        wg_device_remove_peer(ipn->wg, &key);
        ipn_streams_peer_removed(ipn, &key);
    }
}

void ipn_net_netmap_changed(struct ipn *ipn, uint32_t changed)
{
    if (changed & NETMAP_CHANGED_DERP)
        ipn_net_apply_regions(ipn);
    if (changed & NETMAP_CHANGED_SELF)
        apply_addresses(ipn);
    if (changed & NETMAP_REMOVED_PEERS)
        drop_removed_peers(ipn);
    if (changed & NETMAP_CHANGED_ROUTES)
        wg_device_refresh(ipn->wg);
    if (changed & NETMAP_CHANGED_SELF) /* that tick told our peers, too */
        wg_device_kick_unanswered(ipn->wg, ipn->now_ms);
    if (changed & NETMAP_NEW_SELF) /* they may have forgotten us in between */
        wg_device_resume(ipn->wg, ipn->now_ms);
    ipn_streams_touch_waiting(ipn);
}

/* ---- what magicsock says ---- */

static void answer_ping(struct ipn *ipn, const struct node_public *from, int region, int rtt_ms)
{
    const struct netmap_region *via = netmap_find_region(netmap_of(ipn), region);
    const char *code = via && via->code ? via->code : "";
    for (size_t i = 0; i < IPN_MAX_PINGS; i++) {
        struct ipn_ping *p = &ipn->pings[i];
        if (!p->id || memcmp(&p->to, from, sizeof *from) != 0)
            continue;
        ipn_tell(ipn, IPN_EVENT_PONG, p->id, rtt_ms, code, strlen(code), "", 0);
        p->id = 0;
    }
}

static void note_region_down(struct ipn *ipn, const struct magicsock_event *me)
{
    char text[200];
    int n = snprintf(text, sizeof text, "The relay (DERP region %d) is out of reach: %.*s",
                     me->region, (int)(me->len > 120 ? 120 : me->len), (const char *)me->data);
    bool home = me->region == magicsock_home(ipn->ms);
    if (home && !ipn->logging_out && n > 0)
        ipn_tell_problem(ipn, "relay-unreachable", text, strlen(text), true);
    control_client_check(ipn->cc, ipn->now_ms);
    ipn->status_dirty = true;
}

static void note_home(struct ipn *ipn, int region)
{
    char text[16];
    control_client_set_home_derp(ipn->cc, region, ipn->now_ms);
    ipn->stored_home = region;
    snprintf(text, sizeof text, "%d", region);
    ipn_store(ipn, "home-derp", text);
    ipn->status_dirty = true;
}

static void receive_datagram(struct ipn *ipn, struct magicsock_event *me)
{
    struct wg_received got;
    ipn->received_region = me->region;
    wg_device_receive(ipn->wg, &got, me->data, me->len, &me->from, ipn->now_ms);
    if (wg_device_stats(ipn->wg)->handshakes != ipn->handshakes_seen) {
        ipn->handshakes_seen = wg_device_stats(ipn->wg)->handshakes;
        netstack_resume();
        ipn->netstack_touched = true;
        ipn_streams_touch_waiting(ipn);
    }
    if (!got.len)
        return;
    netstack_input(got.packet, got.len, ipn->now_ms);
    ipn->netstack_touched = true;
}

/* A relay is there, again or for the first time: nothing waits for the timers that ran meanwhile. */
static void resume(struct ipn *ipn)
{
    control_client_rebind(ipn->cc, ipn->now_ms);
    wg_device_kick_unanswered(ipn->wg, ipn->now_ms);
    wg_device_resume(ipn->wg, ipn->now_ms);
    netstack_resume();
    ipn->netstack_touched = true;
    ipn_streams_touch_waiting(ipn); /* to ask after peers that are said to be offline */
    ipn->status_dirty = true;
}

static void apply(struct ipn *ipn, struct magicsock_event *me)
{
    const char *text = (const char *)me->data;
    uint32_t socket = IPN_SOCKET_DERP + (uint32_t)me->region;
    switch (me->type) {
    case MAGICSOCK_EVENT_CONNECT:
        ipn_tell(ipn, IPN_EVENT_SOCKET_OPEN, socket, 0, text, me->len, "derp", 4);
        ipn->status_dirty = true;
        break;
    case MAGICSOCK_EVENT_CLOSE:
        ipn_tell(ipn, IPN_EVENT_SOCKET_CLOSE, socket, 0, "", 0, "", 0);
        break;
    case MAGICSOCK_EVENT_PROBE:
        ipn->probe_sent_ms[me->region % IPN_PROBE_SLOTS] = ipn->now_ms;
        ipn_tell(ipn, IPN_EVENT_HTTP_GET, socket, 1, text, me->len, "", 0);
        break;
    case MAGICSOCK_EVENT_WIREGUARD:
        receive_datagram(ipn, me);
        break;
    case MAGICSOCK_EVENT_HOME:
        note_home(ipn, me->region);
        break;
    case MAGICSOCK_EVENT_PEER_GONE:
        ipn_streams_peer_gone(ipn, &me->from);
        break;
    case MAGICSOCK_EVENT_PONG:
        answer_ping(ipn, &me->from, me->region, (int)me->len);
        break;
    case MAGICSOCK_EVENT_REGION_UP:
        resume(ipn);
        break;
    case MAGICSOCK_EVENT_REGION_DOWN:
        note_region_down(ipn, me);
        break;
    default:
        break;
    }
}

/* The bytes are the caller's only for now, so every datagram in them goes its way at once; what they
 * cause waits for the poll, so that a burst of messages becomes one batch. */
void ipn_net_input(struct ipn *ipn, int region, uint8_t *data, size_t len)
{
    struct magicsock_event me;
    bool measured = magicsock_region_rtt_ms(ipn->ms, region) >= 0;
    magicsock_input(ipn->ms, region, data, len, ipn->now_ms);
    while (magicsock_next_input(ipn->ms, &me, ipn->now_ms) == 1)
        apply(ipn, &me);
    ipn->status_dirty |= !measured && magicsock_region_rtt_ms(ipn->ms, region) >= 0;
}

int ipn_net_pump(struct ipn *ipn, struct ipn_event *ev)
{
    struct magicsock_event me;
    magicsock_set_eager(ipn->ms, ipn->streams.count > 0);
    while (magicsock_next(ipn->ms, &me, ipn->now_ms) == 1) {
        if (me.type == MAGICSOCK_EVENT_SEND) {
            *ev = (struct ipn_event){.type = IPN_EVENT_SOCKET_SEND,
                                     .id = IPN_SOCKET_DERP + (uint32_t)me.region,
                                     .text = me.data,
                                     .text_len = me.len};
            return 1;
        }
        apply(ipn, &me);
    }
    return 0;
}

/* ---- pings of the page, and time ---- */

enum { PING_TIMEOUT_MS = 5000, PING_RETRY_MS = 200 };

int ipn_ping(struct ipn *ipn, const char *host, uint64_t now_ms)
{
    struct ipaddr addr;
    ipn->now_ms = now_ms;
    if (!ipn->cc || netmap_resolve(netmap_of(ipn), &addr, 1, host, strlen(host)) < 1)
        return IPN_ERR_NOT_FOUND;
    const struct netmap_node *node = netmap_find_route(netmap_of(ipn), &addr);
    if (!node)
        return IPN_ERR_NOT_FOUND;
    for (size_t i = 0; i < IPN_MAX_PINGS; i++) {
        struct ipn_ping *p = &ipn->pings[i];
        if (p->id)
            continue;
        p->id = ++ipn->next_ping & 0x7fffffff;
        p->to = node->key;
        p->deadline_ms = now_ms + PING_TIMEOUT_MS;
        p->sent = magicsock_ping(ipn->ms, &node->key, now_ms) == 0;
        p->retry_ms = p->sent ? NEVER : now_ms + PING_RETRY_MS;
        return (int)p->id;
    }
    return IPN_ERR_FULL;
}

static void tick_ping(struct ipn *ipn, struct ipn_ping *p)
{
    if (ipn->now_ms >= p->deadline_ms) {
        ipn_tell(ipn, IPN_EVENT_PONG, p->id, IPN_ERR_TIMEOUT, "", 0, "", 0);
        control_client_verify(ipn->cc, ipn->now_ms);
        p->id = 0;
    } else if (ipn->now_ms >= p->retry_ms) {
        p->sent = magicsock_ping(ipn->ms, &p->to, ipn->now_ms) == 0;
        p->retry_ms = p->sent ? NEVER : ipn->now_ms + PING_RETRY_MS;
    }
}

uint64_t ipn_net_next_deadline(const struct ipn *ipn)
{
    uint64_t next = earlier(magicsock_next_deadline(ipn->ms), wg_device_next_deadline(ipn->wg));
    next = earlier(next, netstack_next_deadline());
    for (size_t i = 0; i < IPN_MAX_PINGS; i++) {
        if (ipn->pings[i].id)
            next = earlier(next, earlier(ipn->pings[i].deadline_ms, ipn->pings[i].retry_ms));
    }
    return next;
}

void ipn_net_tick(struct ipn *ipn)
{
    magicsock_tick(ipn->ms, ipn->now_ms);
    wg_device_tick(ipn->wg, ipn->now_ms);
    if (wg_device_stats(ipn->wg)->unanswered != ipn->unanswered_seen) {
        ipn->unanswered_seen = wg_device_stats(ipn->wg)->unanswered;
        control_client_verify(ipn->cc, ipn->now_ms);
    }
    netstack_tick(ipn->now_ms);
    for (size_t i = 0; i < IPN_MAX_PINGS; i++) {
        if (ipn->pings[i].id)
            tick_ping(ipn, &ipn->pings[i]);
    }
    ipn->netstack_touched = true;
}
