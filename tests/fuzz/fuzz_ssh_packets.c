/*
 * Packets under keys, into a session with a running shell (our number 0) that forwards an agent,
 * and a forward (1); a channel that the server opens to the agent is 2:
 *
 *   [cipher, what is awaited, chunk size: 1 byte each] then again and again
 *   [length 2 BE][padding length 1, 0 = the true one][payload]
 */
#include <string.h>

#include "base/buf.h"
#include "ssh/ssh_key.h"
#include "support/ssh/ssh_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same in every run; its public half is in the corpus. */
static const char *agent_key(void)
{
    static char text[1000];
    struct ssh_key *key = NULL;
    struct buf out;

    if (!text[0]) {
        world_random(3);
        key = ssh_key_generate_ed25519();
        buf_init(&out, sizeof text - 1);
        if (ssh_key_private_text(&out, key, "fuzz"))
            __builtin_trap();
        memcpy(text, buf_head(&out), out.len);
        buf_wipe(&out);
    }
    ssh_key_free(key);
    return text;
}

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
    static const struct ssh_channel_config forward = {
        .kind = SSH_CHANNEL_FORWARD, .host = "host", .port = 80};
    struct ssh_world w;
    struct ssh_config config;

    if (size < 3)
        return 0;
    agent_key();
    world_random(7);
    world_init(&w, (enum mini_cipher)(data[0] % 3), faults[data[1] % 4], &config);
    w.shell.pty = w.shell.agent = config.keep_keys = true;
    config.credentials.private_keys[0] = agent_key();
    config.credentials.private_key_count = 1;
    config.credentials.try_none = true;
    world_start(&w, &config);
    ssh_session_open_channel(w.session, &forward);
    world_settle(&w);
    w.chunk = data[2];
    send_packets(&w, data + 3, size - 3);
    w.read_ends = true;
    if (!world_closes(&w))
        __builtin_trap();
    world_free(&w);
    return 0;
}
