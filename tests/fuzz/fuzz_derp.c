/*
 * A DERP server's bytes into the client. Input: [how to cut 1][key known? 1][stream]. With the
 * low bit of the second byte the stream follows a genuine login, else it is the login.
 */
#include <stdlib.h>

#include "derp/derp_client.h"
#include "support/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void feed(struct derp_client *dc, const uint8_t *src, size_t len, size_t piece)
{
    struct derp_event ev;
    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        uint8_t *input = malloc(n);
        if (!input)
            abort();
        memcpy(input, src + at, n);
        if (derp_client_input(dc, input, n, at) == 0)
            while (derp_client_next(dc, &ev, at) == 1)
                if (ev.len > 0)
                    memset(ev.data, 0, ev.len); /* all of it is ours to change */
        free(input);
        derp_client_tick(dc, at);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct relay relay;
    static struct node_private key;
    const uint8_t *bytes;
    if (len < 2)
        return 0;
    host_init(&(struct host_calls){.random_bytes = relay_random_bytes});
    relay_seed = 1;
    relay_init(&relay);
    node_private_generate(&key);
    struct derp_client *dc = derp_client_new(&key);
    if (!dc)
        abort();
    derp_client_open(dc, 0);
    if (data[1] & 1) {
        int conn = relay_connect(&relay);
        struct buf *out = &relay.conns[conn].out;
        feed(dc, buf_head(out), out->len, out->len);
        buf_consume(out, out->len);
        size_t n = derp_client_output(dc, &bytes);
        relay_input(&relay, conn, bytes, n);
        feed(dc, buf_head(out), out->len, out->len);
        if (!derp_client_ready(dc))
            abort();
    }
    feed(dc, data + 2, len - 2, data[0] ? data[0] : 4096);
    while (derp_client_output(dc, &bytes) > 0) {
    }
    derp_client_free(dc);
    relay_free(&relay);
    return 0;
}
