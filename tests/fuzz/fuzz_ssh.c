/*
 * The bytes of a server, before there are keys, into a session: version, KEXINIT, key exchange.
 * The first byte says how they come: whole, or at most that many at a time.
 */
#include "support/ssh/ssh_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ssh_world w;
    struct ssh_config config;

    if (!size)
        return 0;
    world_random(7);
    world_raw(&w, data + 1, size - 1, &config);
    w.chunk = data[0];
    w.raw_ends = true;
    world_start(&w, &config);
    if (!world_closes(&w))
        __builtin_trap();
    world_free(&w);
    return 0;
}
