/*
 * A whole TCP/IP stack as a loadable module. lwIP keeps globals, so two stacks in one process are
 * two copies of this module, each loaded with dlopen. It exports one symbol, `endpoint`.
 */
#ifndef SIM_NETSTACK_ENDPOINT_H
#define SIM_NETSTACK_ENDPOINT_H

#include "base/host.h"
#include "netstack/netstack.h"
#include "netstack/tcp_conn.h"

struct endpoint {
    void (*host_init)(const struct host_calls *calls);
    int (*init)(const struct netstack_hooks *hooks, uint64_t now_ms);
    void (*wipe)(void);
    void (*set_addresses)(const struct ipaddr *v4, const struct ipaddr *v6);
    void (*input)(const uint8_t *packet, size_t len, uint64_t now_ms);
    void (*flush)(uint64_t now_ms);
    uint64_t (*next_deadline)(void);
    void (*tick)(uint64_t now_ms);
    void (*resume)(void);
    struct tcp_conn *(*next_ready)(void);
    const struct netstack_stats *(*stats)(void);

    struct tcp_conn *(*open)(const struct ipaddr *to, uint16_t port, void *owner, bool held,
                             uint64_t now_ms);
    void (*release_syn)(struct tcp_conn *tc, uint64_t now_ms);
    enum tcp_conn_state (*state)(const struct tcp_conn *tc);
    int (*error)(const struct tcp_conn *tc);
    size_t (*read)(struct tcp_conn *tc, uint8_t *dst, size_t cap);
    size_t (*readable)(const struct tcp_conn *tc);
    int (*write)(struct tcp_conn *tc, const uint8_t *src, size_t len);
    size_t (*writable)(const struct tcp_conn *tc);
    void (*shutdown)(struct tcp_conn *tc);
    void (*free)(struct tcp_conn *tc, bool abort);

    /* What the product does not have: connections that come in. */
    void (*listen)(uint16_t port);
    void (*unlisten)(void);
    struct tcp_conn *(*accept)(void); /* the next one, or NULL */
    /* Connections of lwIP's alive in any state. */
    unsigned (*pcb_count)(void);
    /* Something of lwIP's waits for its timers, by a look at every connection. */
    bool (*waits)(void);
};

#endif
