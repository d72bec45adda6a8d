/*
 * What an SFTP server sends, against requests of every kind, as packets and as raw bytes.
 *
 *   input: [how 1] then, if how is even, raw bytes for the client; if odd, orders of the form
 *          [order 1][len 1][bytes]: order 0..99: an answer to unanswered question number `order`
 *          (modulo how many there are), bytes = [type][...]; from 100 on: the page does something
 */
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_sftp_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void drain(struct ssh_sftp *sf)
{
    struct ssh_event ev;
    struct bytes out;
    volatile uint8_t sum = 0;

    while ((out = ssh_sftp_output(sf)).len)
        ssh_sftp_sent(sf, out.len);
    while (ssh_sftp_next(sf, &ev)) {
        for (size_t i = 0; i < ev.text.len; i++)
            sum = (uint8_t)(sum + ev.text.data[i]);
        for (size_t i = 0; i < ev.aux.len; i++)
            sum = (uint8_t)(sum + ev.aux.data[i]);
        if (ev.type == SSH_EVENT_SFTP_DATA && ev.request % 2)
            ssh_sftp_credit(sf, ev.request, ev.text.len);
    }
}

static void ask(struct ssh_sftp *sf, uint32_t number, unsigned op, uint64_t offset)
{
    struct ssh_sftp_request q = {.request = number,
                                 .op = (enum ssh_sftp_op)(1 + op % SSH_SFTP_WRITE),
                                 .path = "/some/\xff path",
                                 .path2 = "other",
                                 .offset = offset,
                                 .length = offset / 3,
                                 .mode = 0644,
                                 .flags = op / 16};

    ssh_sftp_request(sf, &q);
}

static void page(struct ssh_sftp *sf, uint8_t order, struct bytes b)
{
    static const uint8_t zeros[70000];
    uint32_t number = b.len ? b.data[0] % 32 : 0;
    unsigned op = b.len > 1 ? b.data[1] : 0;

    switch (order % 5) {
    case 0:
        ask(sf, number, op, b.len > 9 ? load_be64(b.data + 2) >> 1 : op);
        break;
    case 1:
        ssh_sftp_cancel(sf, number);
        break;
    case 2:
        ssh_sftp_write(sf, number, zeros, op * 270u);
        break;
    case 3:
        ssh_sftp_end(sf, number);
        break;
    default:
        ssh_sftp_credit(sf, number, op * 1000u);
    }
}

static void answer(struct ssh_sftp *sf, uint8_t order, struct bytes b)
{
    struct sftp_call *call = sf->calls;
    uint8_t packet[9 + 256];
    size_t count = 0;

    for (struct sftp_call *c = call; c; c = c->next)
        count++;
    if (!count || !b.len)
        return;
    for (count = order % count; count--;)
        call = call->next;
    store_be32(packet, (uint32_t)(4 + b.len));
    packet[4] = b.data[0];
    store_be32(packet + 5, call->id);
    memcpy(packet + 9, b.data + 1, b.len - 1);
    ssh_sftp_input(sf, packet, 8 + b.len);
}

static void obey(struct ssh_sftp *sf, const uint8_t *data, size_t len)
{
    static const uint8_t version[] = {0, 0, 0, 5, FXP_VERSION, 0, 0, 0, 3};

    ssh_sftp_input(sf, version, sizeof version);
    drain(sf);
    while (len >= 2) {
        size_t n = data[1] < len - 2 ? data[1] : len - 2;
        struct bytes b = {data + 2, n};

        if (data[0] < 100)
            answer(sf, data[0], b);
        else
            page(sf, data[0], b);
        drain(sf);
        data += 2 + n;
        len -= 2 + n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ssh_sftp *sf;

    if (!len)
        return 0;
    sf = ssh_sftp_new();
    for (uint32_t i = 0; i < SSH_SFTP_WRITE; i++)
        ask(sf, i, i, 0);
    ssh_sftp_write(sf, SSH_SFTP_WRITE - 1, data, len);
    if (data[0] % 2) {
        obey(sf, data + 1, len - 1);
    } else {
        ssh_sftp_input(sf, data + 1, len - 1);
        drain(sf);
    }
    if (data[0] & 2)
        ssh_sftp_closed(sf, data[0] & 4);
    drain(sf);
    if ((data[0] & 2) && (sf->begun[0].first || sf->begun[1].first || sf->calls))
        abort(); /* something was never told */
    ssh_sftp_free(sf);
    return 0;
}
