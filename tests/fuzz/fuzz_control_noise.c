/*
 * What a control server sends, from its Noise response on. Input: [how to cut 1][stream]. The
 * client's keys are fixed, so that the corpus' genuine transcript opens.
 */
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "control/control_noise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static volatile uint8_t sink; /* so that the bytes are really read */

/* Those of tests/vectors/ts2021.txt. */
static const char machine_hex[] =
    "28d473df81f61d8766c5270630368af6900fa5544f3ababb081e483cc29ce250";
static const char ephemeral_hex[] =
    "201e153a7bc3fa615b262350abddd23a01fa038ff2fa7111d4d1a063a6409d4b";
static const char server_hex[] = "cf4ece95785298f4aa81e7bd1bc4cd619797c6cdb468aab6ebcbe740fb713e0c";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t initiation[CONTROL_NOISE_INITIATION_LEN], ephemeral[KEY_LEN];
    struct machine_private machine;
    struct machine_public server;
    struct control_noise cn = {0};
    size_t piece;
    uint8_t sum = 0;
    int result = 0;

    if (len < 1)
        return 0;
    piece = data[0] ? data[0] : 4096;
    hex_decode(machine.b, KEY_LEN, machine_hex);
    hex_decode(ephemeral, KEY_LEN, ephemeral_hex);
    hex_decode(server.b, KEY_LEN, server_hex);
    if (control_noise_create_initiation_with(&cn, initiation, 131, &machine, &server, ephemeral) <
        0)
        abort();
    for (size_t at = 1; at < len && result >= 0; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        uint8_t *copy = malloc(n);
        struct bytes src = {copy, n}, plain;

        if (!copy)
            abort();
        memcpy(copy, data + at, n);
        while ((result = control_noise_input(&cn, &src, &plain)) > 0)
            for (size_t i = 0; result == CONTROL_NOISE_RECORD && i < plain.len; i++)
                sum ^= plain.data[i]; /* every byte can be read */
        free(copy);
    }
    if (strlen(cn.hint) >= CONTROL_NOISE_HINT_CAP)
        abort();
    control_noise_wipe(&cn);
    sink = sum;
    return 0;
}
