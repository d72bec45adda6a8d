/*
 * IP packets into lwIP with an open connection. The input is a list of records, each
 * [kind 1][length 2 LE][bytes]; kinds:
 *
 *   0  a whole IP packet as it is
 *   1  a TCP segment for the open connection: [flags][seq offset 2 LE][ack offset 2 LE][window 2 LE]
 *      [options 1 = count of 4 bytes][data ...], addresses and checksum made right
 *   2  time passes: [units of 50 ms, 2 LE]
 *   3  the owner acts: [what][count 2 LE]
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/host.h"
#include "netstack/checksum.h"
#include "netstack/netstack.h"
#include "netstack/tcp_conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { TCP_AT = 20, PORT = 22, SYN_ACK = 0x12, SEGMENT_HEAD = 8, ROUNDS_MAX = 512 };

static const struct ipaddr own4 = {4, {100, 64, 0, 1}}, peer4 = {4, {100, 64, 0, 2}};
static const struct ipaddr own6 = {6, {0xfd, 0x7a, [15] = 1}};
static uint8_t scratch[65536];
static uint64_t now;
static uint16_t port;          /* ours */
static uint32_t sent, heard;   /* the stack's next byte, and the last it acknowledged */
static struct tcp_conn *conn;

static void random_bytes(uint8_t *dst, size_t len)
{
    memset(dst, 0x5a, len);
}

static void on_output(void *ctx, const uint8_t *packet, size_t len)
{
    (void)ctx;
    if (packet[0] != 0x45 || len < TCP_AT + 20 || packet[9] != 6)
        return;
    port = load_be16(packet + TCP_AT);
    sent = load_be32(packet + TCP_AT + 4) + (packet[TCP_AT + 13] & 2 ? 1 : 0);
    heard = load_be32(packet + TCP_AT + 8);
}

static void send_segment(uint8_t flags, uint32_t seq, uint32_t ack, uint16_t window,
                         const uint8_t *rest, size_t options_len, size_t rest_len)
{
    uint8_t *p = calloc(1, TCP_AT + 20 + rest_len), pseudo[12] = {0};
    size_t tcp_len = 20 + rest_len;
    uint32_t sum;
    uint16_t folded;

    p[0] = 0x45;
    store_be16(p + 2, (uint16_t)(TCP_AT + tcp_len));
    p[8] = 64;
    p[9] = 6;
    memcpy(p + 12, peer4.b, 4);
    memcpy(p + 16, own4.b, 4);
    folded = (uint16_t)~netstack_checksum(p, TCP_AT);
    memcpy(p + 10, &folded, 2);
    store_be16(p + TCP_AT, PORT);
    store_be16(p + TCP_AT + 2, port);
    store_be32(p + TCP_AT + 4, seq);
    store_be32(p + TCP_AT + 8, ack);
    p[TCP_AT + 12] = (uint8_t)((5 + options_len / 4) << 4);
    p[TCP_AT + 13] = flags;
    store_be16(p + TCP_AT + 14, window);
    if (rest_len > 0)
        memcpy(p + TCP_AT + 20, rest, rest_len);
    memcpy(pseudo, p + 12, 8);
    pseudo[9] = 6;
    store_be16(pseudo + 10, (uint16_t)tcp_len);
    sum = netstack_checksum(pseudo, 12) + (uint32_t)netstack_checksum(p + TCP_AT, (int)tcp_len);
    folded = (uint16_t)~((sum >> 16) + (sum & 0xffff));
    memcpy(p + TCP_AT + 16, &folded, 2);
    netstack_input(p, TCP_AT + tcp_len, now);
    free(p);
}

static void open_connection(bool scaled)
{
    static const uint8_t options[12] = {2, 4, 4, 196, 1, 3, 3, 7, 1, 1, 4, 2};

    conn = tcp_conn_open(&peer4, PORT, NULL, false, now);
    netstack_flush(now);
    send_segment(SYN_ACK, 999, sent, 65535, options, scaled ? 12 : 4, scaled ? 12 : 4);
    netstack_flush(now);
}

static void segment_record(const uint8_t *p, size_t len)
{
    size_t options_len;

    if (len < SEGMENT_HEAD)
        return;
    options_len = (size_t)(p[7] % 11) * 4;
    if (options_len > len - SEGMENT_HEAD || len > 1400)
        return;
    send_segment(p[0], heard + (uint32_t)(int16_t)load_le16(p + 1),
                 sent + (uint32_t)(int16_t)load_le16(p + 3), load_le16(p + 5), p + SEGMENT_HEAD,
                 options_len, len - SEGMENT_HEAD);
}

static void owner_record(const uint8_t *p, size_t len)
{
    size_t count = len >= 3 ? load_le16(p + 1) : 0;

    if (!conn || len < 1)
        return;
    switch (p[0] % 6) {
    case 0:
        tcp_conn_read(conn, scratch, count);
        break;
    case 1:
        tcp_conn_write(conn, scratch, count);
        break;
    case 2:
        tcp_conn_shutdown(conn);
        break;
    case 3:
    case 4:
        tcp_conn_free(conn, p[0] % 6 == 3);
        conn = NULL;
        break;
    default:
        netstack_flush(now);
        break;
    }
}

static void record(uint8_t kind, const uint8_t *p, size_t len)
{
    switch (kind % 4) {
    case 0: {
        uint8_t *exact = malloc(len ? len : 1); /* so that a read past the end shows */

        if (len > 0)
            memcpy(exact, p, len);
        netstack_input(exact, len, now);
        free(exact);
        break;
    }
    case 1:
        segment_record(p, len);
        break;
    case 2:
        now += len >= 2 ? 50 * load_le16(p) : 0;
        netstack_tick(now);
        break;
    default:
        owner_record(p, len);
        break;
    }
    while (netstack_next_ready()) {
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct host_calls calls = {.random_bytes = random_bytes};
    static const struct netstack_hooks hooks = {.output = on_output};
    size_t at = 1;

    if (len < 1)
        return 0;
    host_init(&calls);
    now = 1000;
    if (netstack_init(&hooks, now) != 0)
        abort();
    netstack_set_addresses(&own4, &own6);
    open_connection(data[0] & 1);
    for (int i = 0; i < ROUNDS_MAX && at + 3 <= len; i++) {
        size_t n = load_le16(data + at + 1);

        if (n > len - at - 3)
            n = len - at - 3;
        record(data[at], data + at + 3, n);
        at += 3 + n;
    }
    netstack_flush(now);
    if (netstack_next_deadline() != NEVER)
        netstack_tick(earlier(netstack_next_deadline(), now + 100000));
    if (conn)
        tcp_conn_free(conn, false);
    conn = NULL;
    netstack_wipe();
    return 0;
}
