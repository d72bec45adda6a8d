/*
 * HTTP/2 and all above it, as a server that holds the keys could send them. Input: pairs of
 * [kind 1][len 1][bytes]: plaintext for the next record, time that passes, or the socket's end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "control/control_client.h"
#include "control/control_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint8_t counter;

static void random_bytes(uint8_t *dst, size_t len)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = counter++;
}

static void drain(struct control_client *cc, uint64_t now_ms)
{
    struct control_event ev;

    for (int i = 0; control_client_next(cc, &ev, now_ms) == 1; i++)
        if (i > 10000 || ev.data.len > CONTROL_MAX_MESSAGE)
            abort();
}

/* The handshake is skipped: the harness stands where its end would. */
static void go_online(struct control_client *cc, uint64_t now_ms)
{
    struct control_h2_handler handler = control_session_handler;

    control_client_opened(cc, now_ms);
    if (cc->state != CONTROL_EXPECT_RESPONSE)
        return;
    cc->noise.state = CONTROL_NOISE_EXPECT_RECORDS;
    handler.user = cc;
    cc->h2 = control_h2_new(&handler, cc->authority);
    if (!cc->h2)
        abort();
    cc->state_deadline = NEVER;
    cc->state = CONTROL_ONLINE;
    control_session_begin(cc);
    drain(cc, now_ms);
}

static void step(struct control_client *cc, uint8_t kind, const uint8_t *bytes, size_t len,
                 uint64_t *now_ms)
{
    switch (kind % 8) {
    case 0:
        *now_ms += len * 100;
        control_client_tick(cc, *now_ms);
        break;
    case 1:
        control_client_closed(cc, 1000 + (int)len, (const char *)bytes, len, *now_ms);
        break;
    case 2:
        control_client_set_home_derp(cc, (int)len, *now_ms);
        break;
    default:
        if (cc->state == CONTROL_ONLINE) {
            int err = control_h2_input(cc->h2, bytes, len);

            control_session_service(cc);
            if (err < 0 && cc->state == CONTROL_ONLINE)
                control_client_closed(cc, 1006, "", 0, *now_ms);
        }
        break;
    }
    drain(cc, *now_ms);
    go_online(cc, *now_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct control_config config = {.auth_key = "k", .have_server_key = true, .known_node = true};
    struct control_client *cc;
    uint64_t now_ms = 1000;

    counter = 1;
    host_init(&(struct host_calls){.random_bytes = random_bytes});
    memset(config.server_key.b, 9, KEY_LEN);
    memset(config.node_key.b, 8, KEY_LEN);
    cc = control_client_new(&config);
    if (!cc)
        abort();
    control_client_start(cc, now_ms);
    drain(cc, now_ms);
    go_online(cc, now_ms);
    while (len >= 2) {
        size_t n = data[1] < len - 2 ? data[1] : len - 2;

        step(cc, data[0], data + 2, n, &now_ms);
        data += 2 + n;
        len -= 2 + n;
    }
    control_client_free(cc);
    return 0;
}
