/*
 * What the code may let the world know, by the linker's --wrap: whether a comparison held, whether a
 * text was well formed, whether a Diffie-Hellman result was zero, public keys, opened plaintext.
 */
#include "ct/declassify.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <valgrind/memcheck.h>

enum { TAG_LEN = 16, KEY_LEN = 32 };

void secret(void *p, size_t len)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(p, len);
}

void declassify(const void *p, size_t len)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(p, len);
}

/* An answer that its callers may branch on. */
#define ANSWER(type, name, parameters, ...)      \
    type __real_##name parameters;               \
    type __wrap_##name parameters;               \
    type __wrap_##name parameters                \
    {                                            \
        type answer = __real_##name __VA_ARGS__; \
        declassify(&answer, sizeof answer);      \
        return answer;                           \
    }

ANSWER(bool, bytes_equal, (const uint8_t *a, const uint8_t *b, size_t len), (a, b, len))
ANSWER(bool, bytes_are_zero, (const uint8_t *p, size_t len), (p, len))
ANSWER(int, hex_decode, (uint8_t *dst, size_t len, const char *src), (dst, len, src))
ANSWER(int, base64_decode, (uint8_t *dst, size_t cap, const char *src, size_t len),
       (dst, cap, src, len))
ANSWER(int, crypto_verify_16, (const unsigned char *x, const unsigned char *y), (x, y))

int __real_crypto_scalarmult_curve25519(unsigned char *q, const unsigned char *n,
                                        const unsigned char *p);
int __wrap_crypto_scalarmult_curve25519(unsigned char *q, const unsigned char *n,
                                        const unsigned char *p);

/* Times the base point it is a public key. */
int __wrap_crypto_scalarmult_curve25519(unsigned char *q, const unsigned char *n,
                                        const unsigned char *p)
{
    static const unsigned char base[KEY_LEN] = {9};
    int rc = __real_crypto_scalarmult_curve25519(q, n, p);

    if (memcmp(p, base, KEY_LEN) == 0)
        declassify(q, KEY_LEN);
    declassify(&rc, sizeof rc);
    return rc;
}

/* What was opened is the application's, which branches on it. */
#define OPENED(name)                                                                        \
    bool __real_##name(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *ad, \
                       size_t ad_len, const uint8_t *nonce, const uint8_t *key);            \
    bool __wrap_##name(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *ad, \
                       size_t ad_len, const uint8_t *nonce, const uint8_t *key);            \
    bool __wrap_##name(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *ad, \
                       size_t ad_len, const uint8_t *nonce, const uint8_t *key)             \
    {                                                                                       \
        bool ok = __real_##name(dst, src, src_len, ad, ad_len, nonce, key);                 \
        if (ok)                                                                             \
            declassify(dst, src_len - TAG_LEN);                                             \
        return ok;                                                                          \
    }

OPENED(aead_open)
OPENED(xaead_open)

bool __real_box_open(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *nonce,
                     const uint8_t *shared);
bool __wrap_box_open(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *nonce,
                     const uint8_t *shared);

bool __wrap_box_open(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *nonce,
                     const uint8_t *shared)
{
    bool ok = __real_box_open(dst, src, src_len, nonce, shared);

    if (ok)
        declassify(dst, src_len - TAG_LEN);
    return ok;
}
