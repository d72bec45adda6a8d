/*
 * What a page, its sockets and its peers may do to the engine, as a list of steps:
 *   [what 1][a 1][len 1][len bytes]
 * in the world of tests/sim/engine, so that what has a key to it is within reach. Each id gets one
 * DONE, a drain ends, a deadline does not stay in the past, nothing comes after LOGGED_OUT.
 */
#include <stdio.h>

#include "sim/engine/world.h"
#include "wg/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { MAX_STEPS = 100, LONG_MS = 40000 };

static struct world w;

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void check(void)
{
    must(w.unknown_ids == 0 && w.busy == 0 && !w.after_logout);
    for (size_t i = 0; i < w.stream_count; i++)
        must(w.streams[i].dones <= 1 && w.streams[i].errors <= 1 && w.streams[i].opens <= 1);
    must(w.ipn == NULL || !w.logged_out || ipn_next_deadline(w.ipn) == NEVER);
}

static uint32_t id_at(uint8_t a)
{
    return w.stream_count ? w.streams[a % w.stream_count].id : a;
}

static void step_stream(unsigned what, uint8_t a, const uint8_t *data, size_t len)
{
    static const char *const hosts[] = {"far", "quiet", "gone", "nobody", "fd7a::2", "page", "1.1"};
    const char *host = hosts[a % (sizeof hosts / sizeof *hosts)];
    uint32_t id = id_at(a);
    switch (what) {
    case 0:
        world_tcp(&w, host, len ? data[0] : WORLD_PORT, len * 100);
        break;
    case 1:
        world_ssh(&w, host, (uint32_t)len * 50);
        break;
    case 2:
        IPN_CALL(ipn_tcp_write(w.ipn, id, data, len, w.now_ms));
        IPN_CALL(ipn_ssh_write(w.ipn, id, data, len, w.now_ms));
        break;
    case 3:
        IPN_CALL(ipn_tcp_shutdown(w.ipn, id, w.now_ms));
        IPN_CALL(ipn_ssh_eof(w.ipn, id, w.now_ms));
        break;
    case 4:
        IPN_CALL(ipn_tcp_close(w.ipn, id, w.now_ms));
        IPN_CALL(ipn_ssh_close(w.ipn, id, w.now_ms));
        break;
    case 5:
        IPN_CALL(ipn_tcp_credit(w.ipn, id, len * len * len * len, w.now_ms));
        IPN_CALL(ipn_ssh_credit(w.ipn, id, len * len * len * len, w.now_ms));
        IPN_CALL(ipn_ssh_resize(w.ipn, id, (int)len, (int)len - 5, w.now_ms));
        break;
    case 6:
        IPN_CALL(ipn_ssh_answer_host_key(w.ipn, id, len & 1, w.now_ms));
        break;
    default:
        IPN_CALL(ipn_ping(w.ipn, host, w.now_ms));
        break;
    }
}

/* Ids of every kind, over each other and over nothing. */
static void step_ssh(unsigned what, uint8_t a, const uint8_t *data, size_t len)
{
    static const char *const kinds[] = {"",
                                        " kind=test",
                                        " kind=sftp",
                                        " reuse=0 retries=2",
                                        " command=hang",
                                        " agent=1 password=x prompts=1",
                                        " kind=forward destHost=in destPort=22"};
    const char *kind = kinds[a % (sizeof kinds / sizeof *kinds)];
    char fields[300];
    uint32_t id = id_at(a), other = id_at(len ? data[0] : 0);
    switch (what) {
    case 0:
        snprintf(fields, sizeof fields, "host=far user=u askHostKey=%u%s", a & 1u, kind);
        world_ssh_with(&w, fields);
        break;
    case 1:
        snprintf(fields, sizeof fields, "on=%u%s", (unsigned)other, kind);
        world_ssh_with(&w, fields);
        break;
    case 2:
        snprintf(fields, sizeof fields, "host=in user=u askHostKey=1 via=%u%s", (unsigned)other,
                 kind);
        world_ssh_with(&w, fields);
        break;
    case 3:
        snprintf(fields, sizeof fields, "%.*s", (int)len, (const char *)data);
        world_ssh_with(&w, fields);
        break;
    case 4:
        IPN_CALL(ipn_ssh_answer_prompt(w.ipn, id, len ? data : NULL, len, w.now_ms));
        IPN_CALL(ipn_ssh_answer_agent(w.ipn, id, (int)len, a & 1, w.now_ms));
        IPN_CALL(ipn_ssh_signal(w.ipn, id, "INT", w.now_ms));
        break;
    case 5:
        w.far_mode = FAR_SSH;
        w.ssh_ways.max_sessions = a % 4;
        w.ssh_ways.frozen = a > 200;
        break;
    case 6:
        far_drop_conns(&w);
        break;
    default:
        if (a == 255)
            IPN_CALL(ipn_close_streams(w.ipn, w.now_ms));
        IPN_CALL(ipn_sftp_request(w.ipn, id, data, len, w.now_ms));
        break;
    }
}

static void step_socket(unsigned what, uint8_t a, const uint8_t *data, size_t len)
{
    static const uint32_t ids[] = {1, 1001, 1002, 0, 0xffffffffu};
    uint32_t id = ids[a % 5];
    uint8_t copy[256];
    if (len)
        memcpy(copy, data, len);
    switch (what) {
    case 0:
        IPN_CALL(ipn_socket_opened(w.ipn, id, w.now_ms));
        break;
    case 1:
        IPN_CALL(ipn_socket_input(w.ipn, id, copy, len, w.now_ms));
        break;
    case 2:
        if (id == 1 || id == 1001)
            world_cut(&w, id == 1 ? WORLD_CONTROL : WORLD_RELAY);
        else
            IPN_CALL(ipn_socket_closed(w.ipn, id, a * 20, (char *)copy, len, w.now_ms));
        break;
    case 3:
        IPN_CALL(ipn_http_done(w.ipn, id, a > 128 ? 200 : a, copy, len, w.now_ms));
        break;
    case 4: /* a datagram, and a packet inside the tunnel, from the far node */
        if (w.sockets[WORLD_RELAY].open)
            relay_put_packet(&w.relay.conns[w.sockets[WORLD_RELAY].conn], &w.far_public, copy, len);
        world_flush_server(WORLD_RELAY);
        break;
    default:
        wg_device_send(w.far_wg, copy, len, w.now_ms);
        break;
    }
}

static void step_server(unsigned what, uint8_t a, const uint8_t *data, size_t len)
{
    static const char *const deltas[] = {
        "{\"PeersRemoved\":[2]}",
        "{\"PeersChangedPatch\":[{\"NodeID\":2,\"Online\":false,\"DERPRegion\":7}]}",
        "{\"DERPMap\":{\"Regions\":{}}}",
        "{\"PeersRemoved\":[2,3,4]}",
        "{\"Peers\":[]}",
    };
    char text[256] = "";
    if (len)
        memcpy(text, data, len);
    switch (what) {
    case 0:
        w.script = (enum script_mode)(a % (SCRIPT_DEAF + 1));
        break;
    case 1:
        w.far_mode = (enum far_mode)(a % (FAR_BANNER_GARBAGE + 1));
        break;
    case 2:
        w.sockets[a % 2].link = (enum link_state)(len % 3);
        break;
    case 3:
        w.loss = a, w.dup = (unsigned)len, w.jitter_ms = a % 50;
        break;
    case 4:
        script_send_map(&w, deltas[a % (sizeof deltas / sizeof *deltas)]);
        break;
    case 5:
        script_expire_self(&w);
        break;
    default:
        script_send_map(&w, text);
        break;
    }
}

static void step(uint8_t what, uint8_t a, const uint8_t *data, size_t len)
{
    switch (what >> 5) {
    case 0:
        step_stream(what & 7, a, data, len);
        break;
    case 1:
        step_ssh(what & 7, a, data, len);
        break;
    case 2:
        step_socket((what & 7) % 6, a, data, len);
        break;
    case 3:
        step_server((what & 7) % 7, a, data, len);
        break;
    case 4:
        if (what == 0x80)
            IPN_CALL(ipn_logout(w.ipn, w.now_ms));
        else if (what & 1)
            IPN_CALL(ipn_login(w.ipn, "", w.now_ms));
        else
            IPN_CALL(ipn_rebind(w.ipn, 1767225600000 + a * 100000 - 50000, w.now_ms));
        break;
    case 5: /* sleep without a tick */
        w.now_ms += (uint64_t)a * a * 10;
        break;
    default:
        world_run(&w, (uint64_t)a * 4, NULL);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool set_up;
    uint8_t flags = len ? data[0] : 0;
    if (!set_up)
        world_setup();
    set_up = true;
    world_reseed(1);
    world_start(&w, flags & 1 ? "" : "key", flags & 2 ? 1 : 0);
    if (flags & 4)
        world_join(&w);
    else
        IPN_CALL(ipn_run(w.ipn, w.now_ms));
    for (unsigned steps = 0; len >= 4 && steps < MAX_STEPS; steps++) {
        size_t n = data[3] < len - 4 ? data[3] : len - 4;
        step(data[1], data[2], data + 4, n);
        world_drain(&w);
        check();
        data += 3 + n;
        len -= 3 + n;
    }
    if (flags & 8) { /* every stream ends once it is closed */
        for (size_t i = 0; i < w.stream_count; i++)
            if (!w.streams[i].done)
                world_close_stream(&w, &w.streams[i]);
        world_run(&w, LONG_MS, NULL);
        check();
        for (size_t i = 0; i < w.stream_count; i++)
            must(w.streams[i].dones == 1);
    }
    world_stop(&w);
    return 0;
}
