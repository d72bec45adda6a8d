/*
 * ChaCha20-Poly1305 and XChaCha20-Poly1305 by libsodium, in the layout [ciphertext][tag 16]. In
 * WebAssembly, where libsodium has no vector code, packets go through our own kernel instead.
 */
#include "crypto/aead.h"

#include <sodium.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/aead_simd128.h"

#ifdef __wasm__
enum { KERNEL_MIN_LEN = AEAD_SIMD128_MIN_LEN };
#else
#define KERNEL_MIN_LEN SIZE_MAX /* natively libsodium has AVX2 and the like */
#endif

void aead_seal(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t *ad, size_t ad_len,
               const uint8_t nonce[AEAD_NONCE_LEN], const uint8_t key[AEAD_KEY_LEN])
{
    if (len >= KERNEL_MIN_LEN) {
        aead_simd128_seal(dst, src, len, ad, ad_len, nonce, key);
        return;
    }
    /* Fails only for lengths that no memory holds. */
    (void)crypto_aead_chacha20poly1305_ietf_encrypt(dst, NULL, src, len, ad, ad_len, NULL, nonce,
                                                    key);
}

bool aead_open(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *ad, size_t ad_len,
               const uint8_t nonce[AEAD_NONCE_LEN], const uint8_t key[AEAD_KEY_LEN])
{
    if (src_len >= KERNEL_MIN_LEN)
        return aead_simd128_open(dst, src, src_len, ad, ad_len, nonce, key);
    return crypto_aead_chacha20poly1305_ietf_decrypt(dst, NULL, NULL, src, src_len, ad, ad_len,
                                                     nonce, key) == 0;
}

void xaead_seal(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t *ad, size_t ad_len,
                const uint8_t nonce[XAEAD_NONCE_LEN], const uint8_t key[AEAD_KEY_LEN])
{
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(dst, NULL, src, len, ad, ad_len, NULL, nonce,
                                                     key);
}

bool xaead_open(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *ad, size_t ad_len,
                const uint8_t nonce[XAEAD_NONCE_LEN], const uint8_t key[AEAD_KEY_LEN])
{
    return crypto_aead_xchacha20poly1305_ietf_decrypt(dst, NULL, NULL, src, src_len, ad, ad_len,
                                                      nonce, key) == 0;
}

void aead_nonce_le(uint8_t nonce[AEAD_NONCE_LEN], uint64_t counter)
{
    memset(nonce, 0, 4);
    store_le64(nonce + 4, counter);
}

void aead_nonce_be(uint8_t nonce[AEAD_NONCE_LEN], uint64_t counter)
{
    memset(nonce, 0, 4);
    store_be64(nonce + 4, counter);
}
