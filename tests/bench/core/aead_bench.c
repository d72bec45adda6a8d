/*
 * ChaCha20-Poly1305 of one packet again and again: our SIMD128 kernel and libsodium's C in turn.
 * Prints a line per round, `<implementation> <seal|open> <MB/s>`; whoever reads takes medians.
 */
#include <emscripten.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "crypto/aead.h"

enum { PACKET_LEN = 1280, PACKETS = 20000, ROUNDS = 9 };

static uint8_t key[AEAD_KEY_LEN], nonce[AEAD_NONCE_LEN];
static uint8_t plain[PACKET_LEN], sealed[PACKET_LEN + AEAD_TAG_LEN], opened[PACKET_LEN];

static bool kernel_seal(void)
{
    aead_seal(sealed, plain, PACKET_LEN, NULL, 0, nonce, key);
    return true;
}

static bool kernel_open(void)
{
    return aead_open(opened, sealed, sizeof sealed, NULL, 0, nonce, key);
}

static bool sodium_seal(void)
{
    return crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, plain, PACKET_LEN, NULL, 0, NULL,
                                                     nonce, key) == 0;
}

static bool sodium_open(void)
{
    return crypto_aead_chacha20poly1305_ietf_decrypt(opened, NULL, NULL, sealed, sizeof sealed,
                                                     NULL, 0, nonce, key) == 0;
}

static bool measure(const char *name, const char *what, bool (*work)(void))
{
    double began_ms = emscripten_get_now();

    for (int i = 0; i < PACKETS; i++) {
        nonce[4] = (uint8_t)(what[0] == 's' ? i : PACKETS - 1); /* open what was sealed last */
        if (!work())
            return false;
    }
    printf("%s %s %.1f\n", name, what,
           PACKETS * (double)PACKET_LEN / 1000 / (emscripten_get_now() - began_ms));
    return true;
}

int main(void)
{
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)i;
    memset(key, 7, sizeof key);
    for (int round = 0; round < ROUNDS; round++)
        if (!measure("kernel", "seal", kernel_seal) || !measure("kernel", "open", kernel_open) ||
            !measure("libsodium", "seal", sodium_seal) ||
            !measure("libsodium", "open", sodium_open))
            return 1;
    return memcmp(opened, plain, sizeof plain) != 0;
}
