/*
 * The one file that knows it is WebAssembly: pointers and doubles in, no logic. Times are
 * milliseconds as double; strings end in NUL; 0 stands for an absent one. See js/src/core/.
 */
#include <emscripten.h>
#include <math.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "include/ipn.h"

#define EXPORT EMSCRIPTEN_KEEPALIVE
#define IMPORT(name) __attribute__((import_module("env"), import_name(name)))

IMPORT("host_random") void import_host_random(uint8_t *dst, size_t len);
IMPORT("host_log") void import_host_log(int level, const char *line, size_t len);

static struct ipn *ipn;
static struct ipn_event event;
static uint8_t *scratch;
static size_t scratch_cap;

static uint64_t ms(double now)
{
    return now > 0 ? (uint64_t)now : 0;
}

EXPORT void *x_alloc(size_t len)
{
    return malloc(len ? len : 1);
}

EXPORT void x_free(void *p)
{
    free(p);
}

/* It has held what was typed. */
static void drop_scratch(void)
{
    if (scratch)
        wipe(scratch, scratch_cap);
    free(scratch);
    scratch = NULL;
    scratch_cap = 0;
}

/* Room for input bytes, valid until the next x_buffer; 0 when out of memory. */
EXPORT uint8_t *x_buffer(size_t len)
{
    if (len <= scratch_cap)
        return scratch;
    drop_scratch();
    scratch_cap = len < 65536 ? 65536 : len;
    scratch = malloc(scratch_cap);
    if (!scratch)
        scratch_cap = 0;
    return scratch;
}

/* 0, or a sentence that says what is wrong. */
EXPORT const char *x_new(const char *control_url, const char *control_key, const char *auth_key,
                         const char *hostname, const char *state, const char *derp_urls,
                         double wall_offset, double now)
{
    const struct host_calls calls = {import_host_random, import_host_log};
    const char *err = "There is one already.";
    if (ipn)
        return err;
    host_init(&calls);
    struct ipn_config config = {.control_url = control_url,
                                .control_key = control_key,
                                .auth_key = auth_key,
                                .hostname = hostname,
                                .state = state,
                                .derp_urls = derp_urls,
                                .wall_offset_ms = (int64_t)wall_offset};
    ipn = ipn_new(&config, &err, ms(now));
    return ipn ? NULL : err;
}

EXPORT void x_close(void)
{
    ipn_free(ipn);
    ipn = NULL;
    drop_scratch();
}

EXPORT int x_run(double now)
{
    return ipn_run(ipn, ms(now));
}

EXPORT void x_want(uint32_t wanted)
{
    ipn_want(ipn, wanted);
}

EXPORT int x_login(const char *auth_key, double now)
{
    return ipn_login(ipn, auth_key, ms(now));
}

EXPORT int x_logout(double now)
{
    return ipn_logout(ipn, ms(now));
}

EXPORT int x_close_streams(double now)
{
    return ipn_close_streams(ipn, ms(now));
}

EXPORT const struct ipn_event *x_poll(double now)
{
    return ipn_poll(ipn, &event, ms(now)) == 1 ? &event : NULL;
}

EXPORT double x_next_deadline(void)
{
    uint64_t at = ipn_next_deadline(ipn);
    return at == NEVER ? INFINITY : (double)at;
}

EXPORT void x_tick(double now)
{
    ipn_tick(ipn, ms(now));
}

EXPORT void x_rebind(double wall_offset, double now)
{
    ipn_rebind(ipn, (int64_t)wall_offset, ms(now));
}

EXPORT void x_socket_opened(uint32_t id, double now)
{
    ipn_socket_opened(ipn, id, ms(now));
}

EXPORT void x_socket_input(uint32_t id, uint8_t *data, size_t len, double now)
{
    ipn_socket_input(ipn, id, data, len, ms(now));
}

EXPORT void x_socket_closed(uint32_t id, int code, const char *reason, size_t len, double now)
{
    ipn_socket_closed(ipn, id, code, reason, len, ms(now));
}

EXPORT void x_http_done(uint32_t id, int status, const uint8_t *body, size_t len, double now)
{
    ipn_http_done(ipn, id, status, body, len, ms(now));
}

EXPORT int x_ssh_open(const uint8_t *fields, size_t len, double now)
{
    return ipn_ssh_open(ipn, fields, len, ms(now));
}

EXPORT int x_ssh_write(uint32_t id, const uint8_t *src, size_t len, double now)
{
    return ipn_ssh_write(ipn, id, src, len, ms(now));
}

EXPORT int x_ssh_eof(uint32_t id, double now)
{
    return ipn_ssh_eof(ipn, id, ms(now));
}

EXPORT int x_ssh_resize(uint32_t id, int rows, int cols, double now)
{
    return ipn_ssh_resize(ipn, id, rows, cols, ms(now));
}

EXPORT int x_ssh_credit(uint32_t id, size_t len, double now)
{
    return ipn_ssh_credit(ipn, id, len, ms(now));
}

EXPORT int x_ssh_answer_host_key(uint32_t id, int accept, double now)
{
    return ipn_ssh_answer_host_key(ipn, id, accept != 0, ms(now));
}

EXPORT int x_ssh_answer_prompt(uint32_t id, const uint8_t *answers, size_t len, double now)
{
    return ipn_ssh_answer_prompt(ipn, id, answers, len, ms(now));
}

EXPORT int x_ssh_answer_agent(uint32_t id, int request, int allow, double now)
{
    return ipn_ssh_answer_agent(ipn, id, request, allow != 0, ms(now));
}

EXPORT int x_ssh_signal(uint32_t id, const char *name, double now)
{
    return ipn_ssh_signal(ipn, id, name, ms(now));
}

EXPORT int x_ssh_close(uint32_t id, double now)
{
    return ipn_ssh_close(ipn, id, ms(now));
}

EXPORT int x_ssh_keygen(const char *comment, double now)
{
    return ipn_ssh_keygen(ipn, comment, ms(now));
}

EXPORT int x_ssh_key_check(const uint8_t *text, size_t len, double now)
{
    return ipn_ssh_key_check(ipn, text, len, ms(now));
}

EXPORT int x_known_hosts_set(const uint8_t *text, size_t len, double now)
{
    return ipn_known_hosts_set(ipn, text, len, ms(now));
}

EXPORT int x_known_hosts_remove(const char *host, int port, double now)
{
    return ipn_known_hosts_remove(ipn, host, (uint16_t)port, ms(now));
}

EXPORT int x_sftp_request(uint32_t id, const uint8_t *fields, size_t len, double now)
{
    return ipn_sftp_request(ipn, id, fields, len, ms(now));
}

EXPORT int x_sftp_write(uint32_t id, uint32_t request, const uint8_t *src, size_t len, double now)
{
    return ipn_sftp_write(ipn, id, request, src, len, ms(now));
}

EXPORT int x_sftp_end(uint32_t id, uint32_t request, double now)
{
    return ipn_sftp_end(ipn, id, request, ms(now));
}

EXPORT int x_sftp_credit(uint32_t id, uint32_t request, size_t len, double now)
{
    return ipn_sftp_credit(ipn, id, request, len, ms(now));
}

EXPORT int x_sftp_cancel(uint32_t id, uint32_t request, double now)
{
    return ipn_sftp_cancel(ipn, id, request, ms(now));
}

EXPORT int x_tcp_open(const char *host, int port, double timeout, double now)
{
    return ipn_tcp_open(ipn, host, (uint16_t)port, (uint32_t)timeout, ms(now));
}

EXPORT int x_tcp_write(uint32_t id, const uint8_t *src, size_t len, double now)
{
    return ipn_tcp_write(ipn, id, src, len, ms(now));
}

EXPORT int x_tcp_shutdown(uint32_t id, double now)
{
    return ipn_tcp_shutdown(ipn, id, ms(now));
}

EXPORT int x_tcp_credit(uint32_t id, size_t len, double now)
{
    return ipn_tcp_credit(ipn, id, len, ms(now));
}

EXPORT int x_tcp_close(uint32_t id, double now)
{
    return ipn_tcp_close(ipn, id, ms(now));
}

EXPORT int x_ping(const char *host, double now)
{
    return ipn_ping(ipn, host, ms(now));
}
