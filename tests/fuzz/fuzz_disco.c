/*
 * disco_open twice: the input as a datagram from the network, which hardly ever passes the box, and
 * the input as what was inside an authentic box, which reaches the parser behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "disco/disco.h"

enum { HEADER_LEN = 62, PLAIN_MAX = 1500 };

static const struct disco_private alice = {{8, 1, [31] = 64}}, bob = {{16, 2, [31] = 64}};

static void open_datagram(const uint8_t *datagram, size_t len)
{
    struct disco_message m;
    struct disco_public from;

    if (disco_is_message(datagram, len))
        disco_sender(&from, datagram);
    if (disco_open(&m, datagram, len, &bob) == 0 && m.has_node_key && m.type != DISCO_PING)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t sealed[HEADER_LEN + BOX_OVERHEAD + PLAIN_MAX] = {'T', 'S', 0xf0, 0x9f, 0x92, 0xac};
    uint8_t shared[BOX_SHARED_LEN];
    struct disco_public alice_public, bob_public;

    open_datagram(data, len);
    if (len > PLAIN_MAX)
        len = PLAIN_MAX;
    disco_public_derive(&alice_public, &alice);
    disco_public_derive(&bob_public, &bob);
    if (!box_precompute(shared, bob_public.b, alice.b))
        abort();
    memcpy(sealed + 6, alice_public.b, KEY_LEN);
    box_seal(sealed + HEADER_LEN, data, len, sealed + 38, shared);
    open_datagram(sealed, HEADER_LEN + BOX_OVERHEAD + len);
    return 0;
}
