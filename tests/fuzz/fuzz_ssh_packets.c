/*
 * Packets under keys, into a session with a running shell (our number 0) that forwards an agent,
 * and a forward (1); a channel that the server opens to the agent is 2:
 *
 *   [cipher, what is awaited, chunk size: 1 byte each] then again and again
 *   [length 2 BE][padding length 1, 0 = the true one][payload]
 *
 * Without a payload, the padding length says what the page or the server does instead: see act.
 */
#include <string.h>

#include "base/buf.h"
#include "ssh/ssh_key.h"
#include "ssh/ssh_session_internal.h"
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

/* The page and the server in between; channel: of the page's numbers. */
static void act(struct ssh_world *w, uint8_t what)
{
    static const struct ssh_channel_config command = {.kind = SSH_CHANNEL_SHELL, .command = "c"};
    static const uint8_t text[5000];
    int channel = 1 + what / 16 % 8;

    switch (what % 16) {
    case 1:
        mini_start_rekey(w->server);
        break;
    case 2: /* the client asks */
        w->session->hooks.kex.max_len = 1;
        break;
    case 3:
        w->session->hooks.kex.max_len = SSH_KEX_MAX_LEN;
        break;
    case 4:
        ssh_session_write(w->session, channel, text, sizeof text);
        break;
    case 5:
        ssh_session_open_channel(w->session, &command);
        break;
    case 6:
        ssh_session_close_channel(w->session, channel);
        break;
    case 7:
        ssh_session_resize(w->session, channel, 1 + what, 80);
        ssh_session_signal(w->session, channel, "INT");
        break;
    case 8:
        ssh_session_send_eof(w->session, channel);
        break;
    case 9:
        w->server->rekey_other_cipher = !w->server->rekey_other_cipher;
        break;
    case 10:
        w->server->rekey_other_host_key = !w->server->rekey_other_host_key;
        break;
    case 11:
        w->server->rekey_hold = !w->server->rekey_hold;
        break;
    case 12:
        w->hold_credit = !w->hold_credit;
        break;
    case 13:
        world_pass(w, 25 * 1000);
        break;
    case 14:
        ssh_session_close(w->session);
        break;
    default:
        mini_send(w->server, (const uint8_t *)"", 0);
    }
}

static void send_packets(struct ssh_world *w, const uint8_t *data, size_t size)
{
    while (size >= 3) {
        size_t len = load_be16(data);

        if (len > size - 3)
            len = size - 3;
        if (len > 33000)
            len = 33000;
        if (len)
            mini_send_padding(w->server, data + 3, len, data[2]);
        else
            act(w, data[2]);
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
