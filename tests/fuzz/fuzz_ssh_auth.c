/*
 * A server and a person while somebody logs in. The first byte says what was given: 1 a password, 2 a
 * key, 4 an encrypted key, 8 somebody answers, 16 keys are kept. Then again and again
 *
 *   [what 1][length 2 BE][bytes]    what: 0 to 7f a packet, 80 to fe answers, ff giving up
 *
 * However it goes: one end at most, no packet while a person is asked, never an endless conversation
 * with oneself.
 */
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "ssh/ssh_auth.h"
#include "support/ssh/plain_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The second is made by ssh-keygen with the passphrase "x" and -a 1. */
static const char plain_key[] = PLAIN_KEY;
static const char locked_key[] =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABBwNR0uPm\n"
    "Z7DP12pzugfPwKAAAAAQAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIEyMEqoVQuZJEEHO\n"
    "2X4Ej0ZQ+aRynvtu3Hdip1LrfF7AAAAAkCRJ4E3+ejdSi/PMPnNIQjyeO5ja6wxN4/mer0\n"
    "C1kVBrFZikkxjmWnaXugbjhotHYHwSOBb3Y6N0xOxLrK4D3NKUNpwa9XOuO6UKABl3b6fc\n"
    "qMH8s9BjbdCKJ2ydrj9ETdk3Et9dw8mxweMIfZlO+ZVijRq6WegWS4c5Glk0S/gWYZZvA2\n"
    "0wcjCOSG0lkmbN4Q==\n"
    "-----END OPENSSH PRIVATE KEY-----\n";

static void sevens(uint8_t *dst, size_t len)
{
    memset(dst, 7, len);
}

static bool ended;

static void drain(struct ssh_auth *a)
{
    struct ssh_auth_event ev;

    for (int i = 0; ssh_auth_next(a, &ev); i++) {
        if (ended || i > 100)
            abort();
        if (ev.type == SSH_AUTH_SEND) {
            if (ssh_auth_is_asking(a) || !ev.text.len || ev.text.len > 1 << 16)
                abort();
            ssh_auth_sent(a);
        }
        if (ev.type == SSH_AUTH_PROMPT && (!ssh_auth_is_asking(a) || ev.text.data[ev.text.len - 1]))
            abort();
        ended = ev.type == SSH_AUTH_DONE || ev.type == SSH_AUTH_FAILED;
        if (ended && !ev.text.len)
            abort();
    }
}

static struct ssh_auth_config configure(uint8_t given)
{
    struct ssh_auth_config config = {
        .user = "tester", .can_prompt = given & 8, .keep_keys = given & 16};
    struct ssh_credentials *c = &config.credentials;

    if (given & 1)
        c->password = "secret";
    if (given & 2)
        c->private_keys[c->private_key_count++] = plain_key;
    if (given & 4)
        c->private_keys[c->private_key_count++] = locked_key;
    return config;
}

static void play(struct ssh_auth *a, const uint8_t *data, size_t size)
{
    while (size >= 3) {
        size_t len = (size_t)data[1] << 8 | data[2];

        if (len > size - 3)
            len = size - 3;
        if (data[0] < 0x80)
            ssh_auth_input(a, (struct bytes){data + 3, len});
        else
            ssh_auth_answer(a, data[0] == 0xff ? NULL : data + 3, data[0] == 0xff ? 0 : len);
        drain(a);
        data += 3 + len;
        size -= 3 + len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ssh_key *keys[SSH_MAX_PRIVATE_KEYS];
    struct ssh_auth_config config;
    struct ssh_auth *a;
    size_t count;

    if (!size || size > 1 << 16)
        return 0;
    host_init(&(struct host_calls){.random_bytes = sevens});
    config = configure(data[0]);
    a = ssh_auth_new(&config);
    if (!a)
        return 0;
    ended = false;
    ssh_auth_set_session_id(a, (struct bytes){(const uint8_t *)"id", 2});
    drain(a);
    play(a, data + 1, size - 1);
    count = ssh_auth_take_keys(a, keys);
    while (count)
        ssh_key_free(keys[--count]);
    ssh_auth_free(a);
    return 0;
}
