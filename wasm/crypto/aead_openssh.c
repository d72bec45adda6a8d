#include "crypto/aead_openssh.h"

#include <sodium.h>

#include "base/bytes.h"
#include "crypto/aead_simd128.h"

enum {
    LENGTH_LEN = AEAD_OPENSSH_LENGTH_LEN,
    MAIN_KEY_LEN = 32, /* the header key follows */
};

static void crypt_length(uint8_t length[LENGTH_LEN], const uint8_t nonce[AEAD_NONCE_LEN],
                         const uint8_t *key)
{
    crypto_stream_chacha20_ietf_xor(length, length, LENGTH_LEN, nonce, key + MAIN_KEY_LEN);
}

#ifdef __wasm__

static void seal_text(uint8_t *packet, size_t len, const uint8_t *nonce, const uint8_t *key)
{
    aead_simd128_openssh_seal(packet, len, nonce, key);
}

static bool open_text(uint8_t *packet, size_t len, const uint8_t *nonce, const uint8_t *key)
{
    return aead_simd128_openssh_open(packet, len, nonce, key);
}

#else /* natively libsodium has AVX2 and the like */

/* Block 0 of the key stream is the MAC's key, the text begins with block 1. */
static void seal_text(uint8_t *packet, size_t len, const uint8_t *nonce, const uint8_t *key)
{
    uint8_t once[crypto_onetimeauth_KEYBYTES], *text = packet + LENGTH_LEN;

    crypto_stream_chacha20_ietf(once, sizeof once, nonce, key);
    crypto_stream_chacha20_ietf_xor_ic(text, text, len, nonce, 1, key);
    crypto_onetimeauth(text + len, packet, LENGTH_LEN + len, once);
    wipe(once, sizeof once);
}

static bool open_text(uint8_t *packet, size_t len, const uint8_t *nonce, const uint8_t *key)
{
    uint8_t once[crypto_onetimeauth_KEYBYTES], *text = packet + LENGTH_LEN;
    bool ok;

    crypto_stream_chacha20_ietf(once, sizeof once, nonce, key);
    ok = crypto_onetimeauth_verify(text + len, packet, LENGTH_LEN + len, once) == 0;
    if (ok)
        crypto_stream_chacha20_ietf_xor_ic(text, text, len, nonce, 1, key);
    wipe(once, sizeof once);
    return ok;
}

#endif

void aead_openssh_seal(uint8_t *packet, size_t len, uint32_t number,
                       const uint8_t key[AEAD_OPENSSH_KEY_LEN])
{
    uint8_t nonce[AEAD_NONCE_LEN];

    aead_nonce_be(nonce, number);
    crypt_length(packet, nonce, key);
    seal_text(packet, len, nonce, key);
}

bool aead_openssh_open(uint8_t *packet, size_t len, uint32_t number,
                       const uint8_t key[AEAD_OPENSSH_KEY_LEN])
{
    uint8_t nonce[AEAD_NONCE_LEN];

    aead_nonce_be(nonce, number);
    if (!open_text(packet, len, nonce, key))
        return false;
    crypt_length(packet, nonce, key);
    return true;
}

uint32_t aead_openssh_length(const uint8_t packet[AEAD_OPENSSH_LENGTH_LEN], uint32_t number,
                             const uint8_t key[AEAD_OPENSSH_KEY_LEN])
{
    uint8_t nonce[AEAD_NONCE_LEN], length[LENGTH_LEN];
    uint32_t len;

    aead_nonce_be(nonce, number);
    for (int i = 0; i < LENGTH_LEN; i++)
        length[i] = packet[i];
    crypt_length(length, nonce, key);
    len = load_be32(length);
    wipe(length, sizeof length);
    return len;
}
