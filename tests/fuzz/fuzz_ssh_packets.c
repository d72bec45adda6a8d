/*
 * Packets under keys, into a session with a running shell:
 *
 *   [cipher, what is awaited, chunk size: 1 byte each] then again and again
 *   [length 2 BE][padding length 1, 0 = the true one][payload]
 */
#include "base/bytes.h"
#include "support/ssh/ssh_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send_packets(struct ssh_world *w, const uint8_t *data, size_t size)
{
    while (size >= 4) {
        size_t len = load_be16(data);

        if (len > size - 3)
            len = size - 3;
        if (len > 33000)
            len = 33000;
        mini_send_padding(w->server, data + 3, len, data[2]);
        data += 3 + len;
        size -= 3 + len;
        world_turn(w);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum mini_fault faults[] = {MINI_NO_FAULT, MINI_HOLD_AUTH, MINI_HOLD_CHANNEL,
                                             MINI_NO_STRICT};
    struct ssh_world w;
    struct ssh_config config;

    if (size < 3)
        return 0;
    world_random(7);
    world_init(&w, (enum mini_cipher)(data[0] % 3), faults[data[1] % 4], &config);
    w.shell.pty = true;
    world_start(&w, &config);
    world_settle(&w);
    w.chunk = data[2];
    send_packets(&w, data + 3, size - 3);
    w.read_ends = true;
    if (!world_closes(&w))
        __builtin_trap();
    world_free(&w);
    return 0;
}
