/*
 * world.wasm: all that surrounds the engine (tests/sim/engine/world.h) as a module of its own, in
 * virtual time. The engine is ipn.wasm; the driver (whole.mjs) stands between the two.
 */
#ifndef BENCH_CORE_WORLD_H
#define BENCH_CORE_WORLD_H

#include "include/ipn.h"

/* The longest message that the engine gets, and how many bytes of a burst before it is drained. */
extern size_t bench_piece, bench_joined;

#define DRIVER(name) __attribute__((import_module("driver"), import_name(#name)))

/* The calls of ipn.h as the driver takes them; times are ms, pointers into world.wasm. */
DRIVER(create)
void driver_new(const char *control_url, const char *auth_key, double wall, double now);
DRIVER(free) void driver_free(void);
DRIVER(run) int driver_run(double now);
DRIVER(poll) int driver_poll(struct ipn_event *ev, double now);
DRIVER(nextDeadline) double driver_next_deadline(void); /* < 0: never */
DRIVER(tick) void driver_tick(double now);
DRIVER(socketOpened) void driver_socket_opened(uint32_t id, double now);
DRIVER(socketInput)
void driver_socket_input(uint32_t id, const uint8_t *src, size_t len, double now);
DRIVER(httpDone)
void driver_http_done(uint32_t id, int status, const uint8_t *body, size_t len, double now);
DRIVER(tcpOpen) int driver_tcp_open(const char *host, int port, double timeout, double now);
DRIVER(tcpWrite) int driver_tcp_write(uint32_t id, const uint8_t *src, size_t len, double now);
DRIVER(tcpCredit) int driver_tcp_credit(uint32_t id, size_t len, double now);
DRIVER(sshOpen) int driver_ssh_open(const uint8_t *fields, size_t len, double now);
DRIVER(sshWrite) int driver_ssh_write(uint32_t id, const uint8_t *src, size_t len, double now);
DRIVER(sshCredit) int driver_ssh_credit(uint32_t id, size_t len, double now);
DRIVER(sshAnswerHostKey) int driver_ssh_answer_host_key(uint32_t id, bool accept, double now);
DRIVER(mark) void driver_mark(void); /* the transfer begins; it ends with the last call */

#endif
