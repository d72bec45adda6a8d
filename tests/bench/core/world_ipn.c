/*
 * ipn.h for the simulated world (tests/sim/engine), with the engine in another module: each call
 * goes to the driver (whole.mjs), which makes it on ipn.wasm and keeps it for the replay.
 *
 * What the relay has for the page in one millisecond is a burst: joined into messages of
 * bench_piece, as a pass-through does it, that go in before the next poll, as the package's pump
 * does it.
 */
#include "sim/engine/world.h"

#include <string.h>

#include "bench/core/world.h"

enum { RELAY_ID = 1001 };

static struct ipn *const THE_ONE = (struct ipn *)1;
static uint8_t burst[1 << 17];
static size_t burst_len;

/* What came in goes to the engine. Before every other call. */
static void deliver(uint64_t now_ms)
{
    for (size_t at = 0, n; at < burst_len; at += n) {
        n = burst_len - at < bench_piece ? burst_len - at : bench_piece;
        driver_socket_input(RELAY_ID, burst + at, n, (double)now_ms);
    }
    burst_len = 0;
}

struct ipn *ipn_new(const struct ipn_config *config, const char **err, uint64_t now_ms)
{
    *err = NULL;
    driver_new(config->control_url, config->auth_key, (double)config->wall_offset_ms,
               (double)now_ms);
    return THE_ONE;
}

void ipn_free(struct ipn *ipn)
{
    (void)ipn;
    driver_free();
}

int ipn_run(struct ipn *ipn, uint64_t now_ms)
{
    (void)ipn;
    deliver(now_ms);
    return driver_run((double)now_ms);
}

int ipn_poll(struct ipn *ipn, struct ipn_event *ev, uint64_t now_ms)
{
    (void)ipn;
    if (burst_len && burst_len < bench_joined && world->items && world->items->at_ms <= now_ms)
        return 0;
    deliver(now_ms);
    return driver_poll(ev, (double)now_ms);
}

uint64_t ipn_next_deadline(const struct ipn *ipn)
{
    (void)ipn;
    double at = driver_next_deadline();
    return at < 0 ? NEVER : (uint64_t)at;
}

void ipn_tick(struct ipn *ipn, uint64_t now_ms)
{
    (void)ipn;
    deliver(now_ms);
    driver_tick((double)now_ms);
}

void ipn_socket_opened(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    (void)ipn;
    deliver(now_ms);
    driver_socket_opened(id, (double)now_ms);
}

void ipn_socket_input(struct ipn *ipn, uint32_t id, uint8_t *data, size_t len, uint64_t now_ms)
{
    (void)ipn;
    if (id == RELAY_ID && burst_len + len <= sizeof burst) {
        memcpy(burst + burst_len, data, len);
        burst_len += len;
        return;
    }
    deliver(now_ms);
    driver_socket_input(id, data, len, (double)now_ms);
}

void ipn_socket_closed(struct ipn *ipn, uint32_t id, int code, const char *reason, size_t len,
                       uint64_t now_ms)
{
    (void)ipn, (void)id, (void)code, (void)reason, (void)len, (void)now_ms;
    abort(); /* nothing is cut here */
}

void ipn_http_done(struct ipn *ipn, uint32_t id, int status, const uint8_t *body, size_t len,
                   uint64_t now_ms)
{
    (void)ipn;
    deliver(now_ms);
    driver_http_done(id, status, body, len, (double)now_ms);
}

int ipn_tcp_open(struct ipn *ipn, const char *host, uint16_t port, uint32_t timeout_ms,
                 uint64_t now_ms)
{
    (void)ipn;
    deliver(now_ms);
    return driver_tcp_open(host, port, timeout_ms, (double)now_ms);
}

int ipn_tcp_write(struct ipn *ipn, uint32_t id, const uint8_t *src, size_t len, uint64_t now_ms)
{
    (void)ipn;
    deliver(now_ms);
    return driver_tcp_write(id, src, len, (double)now_ms);
}

int ipn_tcp_credit(struct ipn *ipn, uint32_t id, size_t len, uint64_t now_ms)
{
    (void)ipn;
    deliver(now_ms);
    return driver_tcp_credit(id, len, (double)now_ms);
}

int ipn_tcp_shutdown(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    (void)ipn, (void)id, (void)now_ms;
    abort();
}

int ipn_tcp_close(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    (void)ipn, (void)id, (void)now_ms;
    abort();
}

int ipn_ssh_open(struct ipn *ipn, const uint8_t *fields, size_t len, uint64_t now_ms)
{
    (void)ipn;
    deliver(now_ms);
    return driver_ssh_open(fields, len, (double)now_ms);
}

int ipn_ssh_write(struct ipn *ipn, uint32_t id, const uint8_t *src, size_t len, uint64_t now_ms)
{
    (void)ipn;
    deliver(now_ms);
    return driver_ssh_write(id, src, len, (double)now_ms);
}

int ipn_ssh_credit(struct ipn *ipn, uint32_t id, size_t len, uint64_t now_ms)
{
    (void)ipn;
    deliver(now_ms);
    return driver_ssh_credit(id, len, (double)now_ms);
}

int ipn_ssh_close(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    (void)ipn, (void)id, (void)now_ms;
    abort();
}

int ipn_ssh_answer_host_key(struct ipn *ipn, uint32_t id, bool accept, uint64_t now_ms)
{
    (void)ipn;
    deliver(now_ms);
    return driver_ssh_answer_host_key(id, accept, (double)now_ms);
}
