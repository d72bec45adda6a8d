/*
 * ChaCha20 of four blocks at once, one word of the four in each vector, and Poly1305 in scalar
 * arithmetic between its rounds: the two use different parts of the processor, so the MAC of one
 * chunk of 256 bytes is nearly free while the next one is enciphered.
 *
 *   x[i] = { word i of block n, of block n + 1, of block n + 2, of block n + 3 }
 *
 *   seal   encipher 0 | encipher 1, absorb 0 | encipher 2, absorb 1 | ... | absorb the rest
 *   open   absorb and decipher 0 | absorb and decipher 1 | ...
 *
 * Written with the compilers' vector extension: WebAssembly SIMD128 with -msimd128, SSE2 or NEON
 * in the native build, where the tests run it under sanitizers. Branches and addresses depend on
 * lengths only.
 */
#include "crypto/aead_simd128.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/aead_openssh.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words lie in memory as ChaCha20 wants");

typedef uint32_t vec __attribute__((vector_size(16)));
typedef uint8_t vec_bytes __attribute__((vector_size(16)));

enum {
    BLOCK_LEN = 64,
    CHUNK_LEN = 4 * BLOCK_LEN,
    MAC_BLOCK_LEN = 16,
    LIMB_BITS = 26,
    LIMB_MASK = (1 << LIMB_BITS) - 1,
};

/* RFC 8439 section 2.3: constants, key, counter of the next block, nonce. */
struct chacha {
    uint32_t word[16];
};

/* RFC 8439 section 2.5: accumulator h and clamped key r in five limbs of 26 bits; s = 5 r. */
struct poly {
    uint64_t h[5], r[5], s[5];
    uint8_t pad[16];
};

static ALWAYS_INLINE vec rotate(vec v, int bits)
{
    return v << bits | v >> (32 - bits);
}

static ALWAYS_INLINE vec rotate_16(vec v)
{
    vec_bytes b = (vec_bytes)v;

    return (vec)__builtin_shufflevector(b, b, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

/* Four quarter rounds: columns with skew 0, diagonals with skew 1. */
static ALWAYS_INLINE void chacha_round(vec x[16], int skew)
{
    vec *a = x, *b = x + 4, *c = x + 8, *d = x + 12;

    for (int i = 0; i < 4; i++) {
        a[i] += b[(i + skew) & 3];
        d[(i + 3 * skew) & 3] = rotate_16(d[(i + 3 * skew) & 3] ^ a[i]);
    }
    for (int i = 0; i < 4; i++) {
        c[(i + 2 * skew) & 3] += d[(i + 3 * skew) & 3];
        b[(i + skew) & 3] = rotate(b[(i + skew) & 3] ^ c[(i + 2 * skew) & 3], 12);
    }
    for (int i = 0; i < 4; i++) {
        a[i] += b[(i + skew) & 3];
        d[(i + 3 * skew) & 3] = rotate(d[(i + 3 * skew) & 3] ^ a[i], 8);
    }
    for (int i = 0; i < 4; i++) {
        c[(i + 2 * skew) & 3] += d[(i + 3 * skew) & 3];
        b[(i + skew) & 3] = rotate(b[(i + skew) & 3] ^ c[(i + 2 * skew) & 3], 7);
    }
}

static ALWAYS_INLINE void xor_row(uint8_t *dst, const uint8_t *src, vec key_stream)
{
    vec v;

    memcpy(&v, src, sizeof v);
    v ^= key_stream;
    memcpy(dst, &v, sizeof v);
}

/* Four words of four blocks, turned into 16 bytes of each block and XORed with src. */
static ALWAYS_INLINE void xor_words(uint8_t *dst, const uint8_t *src, const vec x[4])
{
    vec low_01 = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5);
    vec low_23 = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
    vec high_01 = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7);
    vec high_23 = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);

    xor_row(dst, src, __builtin_shufflevector(low_01, low_23, 0, 1, 4, 5));
    xor_row(dst + BLOCK_LEN, src + BLOCK_LEN, __builtin_shufflevector(low_01, low_23, 2, 3, 6, 7));
    xor_row(dst + 2 * BLOCK_LEN, src + 2 * BLOCK_LEN,
            __builtin_shufflevector(high_01, high_23, 0, 1, 4, 5));
    xor_row(dst + 3 * BLOCK_LEN, src + 3 * BLOCK_LEN,
            __builtin_shufflevector(high_01, high_23, 2, 3, 6, 7));
}

/* h = (h + block) * r mod 2^130 - 5, carried once. top: bit 128, as it lies in the last limb. */
static ALWAYS_INLINE void poly_absorb(struct poly *p, const uint8_t m[MAC_BLOCK_LEN], uint32_t top)
{
    uint64_t *h = p->h, *r = p->r, *s = p->s, d[5], carry;

    h[0] += load_le32(m) & LIMB_MASK;
    h[1] += load_le32(m + 3) >> 2 & LIMB_MASK;
    h[2] += load_le32(m + 6) >> 4 & LIMB_MASK;
    h[3] += load_le32(m + 9) >> 6;
    h[4] += load_le32(m + 12) >> 8 | top;

    d[0] = h[0] * r[0] + h[1] * s[4] + h[2] * s[3] + h[3] * s[2] + h[4] * s[1];
    d[1] = h[0] * r[1] + h[1] * r[0] + h[2] * s[4] + h[3] * s[3] + h[4] * s[2];
    d[2] = h[0] * r[2] + h[1] * r[1] + h[2] * r[0] + h[3] * s[4] + h[4] * s[3];
    d[3] = h[0] * r[3] + h[1] * r[2] + h[2] * r[1] + h[3] * r[0] + h[4] * s[4];
    d[4] = h[0] * r[4] + h[1] * r[3] + h[2] * r[2] + h[3] * r[1] + h[4] * r[0];

    carry = d[0] >> LIMB_BITS;
    h[0] = d[0] & LIMB_MASK;
    for (int i = 1; i < 5; i++) {
        d[i] += carry;
        carry = d[i] >> LIMB_BITS;
        h[i] = d[i] & LIMB_MASK;
    }
    h[0] += carry * 5;
    h[1] += h[0] >> LIMB_BITS;
    h[0] &= LIMB_MASK;
}

/* A whole block: bit 128 is set. */
static ALWAYS_INLINE void poly_block(struct poly *p, const uint8_t m[MAC_BLOCK_LEN])
{
    poly_absorb(p, m, 1u << 24);
}

/* dst = src ^ key stream for one chunk; if stitched, absorbs the chunk at mac_src meanwhile. Nothing
 * is written before all is absorbed. */
static ALWAYS_INLINE void chunk(struct chacha *c, uint8_t *dst, const uint8_t *src, bool stitched,
                                struct poly *p, const uint8_t *mac_src)
{
    enum { STITCHED_ROUNDS = 8 }; /* of ten double rounds; each carries two of 16 MAC blocks */
    const vec first = {0, 1, 2, 3};
    struct poly local;
    vec x[16];

    if (stitched)
        local = *p;
    for (int i = 0; i < 16; i++)
        x[i] = (vec){0} + c->word[i];
    x[12] += first;
    for (int i = 0; i < STITCHED_ROUNDS; i++) {
        chacha_round(x, 0);
        if (stitched)
            poly_block(&local, mac_src);
        chacha_round(x, 1);
        if (stitched) {
            poly_block(&local, mac_src + MAC_BLOCK_LEN);
            mac_src += 2 * MAC_BLOCK_LEN;
        }
    }
    chacha_round(x, 0);
    chacha_round(x, 1);
    chacha_round(x, 0);
    chacha_round(x, 1);
    if (stitched)
        memcpy(p->h, local.h, sizeof p->h);
    for (int i = 0; i < 16; i++)
        x[i] += c->word[i];
    x[12] += first;
    for (int i = 0; i < 4; i++)
        xor_words(dst + 16 * i, src + 16 * i, x + 4 * i);
    c->word[12] += 4;
}

static __attribute__((noinline)) void chunk_alone(struct chacha *c, uint8_t *dst,
                                                  const uint8_t *src)
{
    chunk(c, dst, src, false, NULL, NULL);
}

static __attribute__((noinline)) void chunk_stitched(struct chacha *c, uint8_t *dst,
                                                     const uint8_t *src, struct poly *p,
                                                     const uint8_t *mac_src)
{
    chunk(c, dst, src, true, p, mac_src);
}

/* The last, short chunk. */
static void chunk_tail(struct chacha *c, uint8_t *dst, const uint8_t *src, size_t len)
{
    uint8_t whole[CHUNK_LEN];

    if (len == 0)
        return;
    memcpy(whole, src, len);
    memset(whole + len, 0, sizeof whole - len);
    chunk_alone(c, whole, whole);
    memcpy(dst, whole, len);
    wipe(whole, sizeof whole);
}

/* Absorbs len bytes and zeros up to a whole MAC block, as RFC 8439 section 2.8 pads. */
static void poly_padded(struct poly *p, const uint8_t *src, size_t len)
{
    struct poly local = *p;
    uint8_t last[MAC_BLOCK_LEN] = {0};

    for (; len >= MAC_BLOCK_LEN; src += MAC_BLOCK_LEN, len -= MAC_BLOCK_LEN)
        poly_block(&local, src);
    if (len > 0) {
        memcpy(last, src, len);
        poly_block(&local, last);
    }
    memcpy(p->h, local.h, sizeof p->h);
}

/* Absorbs the end of a message without padding: RFC 8439 section 2.5.1 sets the bit after it. */
static void poly_end(struct poly *p, const uint8_t *src, size_t len)
{
    size_t whole = len - len % MAC_BLOCK_LEN;
    uint8_t last[MAC_BLOCK_LEN] = {0};

    poly_padded(p, src, whole);
    if (len > whole) {
        memcpy(last, src + whole, len - whole);
        last[len - whole] = 1;
        poly_absorb(p, last, 0);
    }
}

/* RFC 8439 section 2.6: block 0 of the key stream is the one-time key; data begins with block 1. */
static void begin(struct chacha *c, struct poly *p, const uint8_t nonce[AEAD_NONCE_LEN],
                  const uint8_t key[AEAD_KEY_LEN])
{
    static const uint8_t constant[] = "expand 32-byte k";
    uint8_t once[32];

    for (int i = 0; i < 4; i++)
        c->word[i] = load_le32(constant + 4 * i);
    for (int i = 0; i < 8; i++)
        c->word[4 + i] = load_le32(key + 4 * i);
    c->word[12] = 1;
    for (int i = 0; i < 3; i++)
        c->word[13 + i] = load_le32(nonce + 4 * i);

    crypto_stream_chacha20_ietf(once, sizeof once, nonce, key);
    p->r[0] = load_le32(once) & 0x3ffffff;
    p->r[1] = load_le32(once + 3) >> 2 & 0x3ffff03;
    p->r[2] = load_le32(once + 6) >> 4 & 0x3ffc0ff;
    p->r[3] = load_le32(once + 9) >> 6 & 0x3f03fff;
    p->r[4] = load_le32(once + 12) >> 8 & 0x00fffff;
    for (int i = 0; i < 5; i++) {
        p->s[i] = p->r[i] * 5;
        p->h[i] = 0;
    }
    memcpy(p->pad, once + 16, sizeof p->pad);
    wipe(once, sizeof once);
}

/* h mod 2^130 - 5, whole: h itself or h - p, chosen by a mask. */
static void poly_reduce(uint64_t h[5])
{
    uint64_t minus_p[5], carry = 0, use;

    for (int round = 0; round < 2; round++) {
        carry = 0;
        for (int i = 0; i < 5; i++) {
            h[i] += carry;
            carry = h[i] >> LIMB_BITS;
            h[i] &= LIMB_MASK;
        }
        h[0] += carry * 5;
    }
    carry = 5;
    for (int i = 0; i < 5; i++) {
        minus_p[i] = h[i] + carry;
        carry = minus_p[i] >> LIMB_BITS;
        minus_p[i] &= LIMB_MASK;
    }
    use = 0 - carry; /* a carry out of h + 5 means h >= p */
    for (int i = 0; i < 5; i++)
        h[i] = (h[i] & ~use) | (minus_p[i] & use);
}

/* The tag: (h mod p) + pad mod 2^128. */
static void poly_tag(uint8_t tag[AEAD_TAG_LEN], struct poly *p)
{
    uint64_t *h = p->h, word[4], sum = 0;

    poly_reduce(h);
    word[0] = h[0] | h[1] << 26;
    word[1] = h[1] >> 6 | h[2] << 20;
    word[2] = h[2] >> 12 | h[3] << 14;
    word[3] = h[3] >> 18 | h[4] << 8;
    for (int i = 0; i < 4; i++) {
        sum = (sum >> 32) + (uint32_t)word[i] + load_le32(p->pad + 4 * i);
        store_le32(tag + 4 * i, (uint32_t)sum);
    }
}

/* Absorbs both lengths and writes the tag. */
static void finish(uint8_t tag[AEAD_TAG_LEN], struct poly *p, size_t ad_len, size_t len)
{
    uint8_t lengths[MAC_BLOCK_LEN];

    store_le64(lengths, ad_len);
    store_le64(lengths + 8, len);
    poly_block(p, lengths);
    poly_tag(tag, p);
}

void aead_simd128_seal(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t *ad,
                       size_t ad_len, const uint8_t nonce[AEAD_NONCE_LEN],
                       const uint8_t key[AEAD_KEY_LEN])
{
    struct chacha c;
    struct poly p;
    size_t done = 0, absorbed = 0;

    begin(&c, &p, nonce, key);
    poly_padded(&p, ad, ad_len);
    if (len >= CHUNK_LEN) {
        chunk_alone(&c, dst, src);
        done = CHUNK_LEN;
    }
    for (; len - done >= CHUNK_LEN; done += CHUNK_LEN, absorbed += CHUNK_LEN)
        chunk_stitched(&c, dst + done, src + done, &p, dst + absorbed);
    chunk_tail(&c, dst + done, src + done, len - done);
    poly_padded(&p, dst + absorbed, len - absorbed);
    finish(dst + len, &p, ad_len, len);
    wipe(&c, sizeof c);
    wipe(&p, sizeof p);
}

bool aead_simd128_open(uint8_t *dst, const uint8_t *src, size_t src_len, const uint8_t *ad,
                       size_t ad_len, const uint8_t nonce[AEAD_NONCE_LEN],
                       const uint8_t key[AEAD_KEY_LEN])
{
    struct chacha c;
    struct poly p;
    uint8_t tag[AEAD_TAG_LEN];
    size_t len, done = 0;
    bool ok;

    if (src_len < AEAD_TAG_LEN)
        return false;
    len = src_len - AEAD_TAG_LEN;
    begin(&c, &p, nonce, key);
    poly_padded(&p, ad, ad_len);
    for (; len - done >= CHUNK_LEN; done += CHUNK_LEN)
        chunk_stitched(&c, dst + done, src + done, &p, src + done);
    poly_padded(&p, src + done, len - done);
    chunk_tail(&c, dst + done, src + done, len - done);
    finish(tag, &p, ad_len, len);
    ok = bytes_equal(tag, src + len, sizeof tag);
    if (!ok)
        wipe(dst, len);
    wipe(&c, sizeof c);
    wipe(&p, sizeof p);
    wipe(tag, sizeof tag);
    return ok;
}

/* The MAC runs over the packet from its first byte, 4 bytes ahead of the text, so a chunk of it and
 * a chunk of text never end together. Sealing absorbs what the chunk before has written; opening
 * absorbs one chunk ahead, which the text deciphered meanwhile does not reach. */
void aead_simd128_openssh_seal(uint8_t *packet, size_t len, const uint8_t nonce[AEAD_NONCE_LEN],
                               const uint8_t key[AEAD_KEY_LEN])
{
    uint8_t *text = packet + AEAD_OPENSSH_LENGTH_LEN;
    size_t done = 0, absorbed = 0, mac_len = len + AEAD_OPENSSH_LENGTH_LEN;
    struct chacha c;
    struct poly p;

    begin(&c, &p, nonce, key);
    if (len >= CHUNK_LEN) {
        chunk_alone(&c, text, text);
        done = CHUNK_LEN;
    }
    for (; len - done >= CHUNK_LEN; done += CHUNK_LEN, absorbed += CHUNK_LEN)
        chunk_stitched(&c, text + done, text + done, &p, packet + absorbed);
    chunk_tail(&c, text + done, text + done, len - done);
    poly_end(&p, packet + absorbed, mac_len - absorbed);
    poly_tag(packet + mac_len, &p);
    wipe(&c, sizeof c);
    wipe(&p, sizeof p);
}

bool aead_simd128_openssh_open(uint8_t *packet, size_t len, const uint8_t nonce[AEAD_NONCE_LEN],
                               const uint8_t key[AEAD_KEY_LEN])
{
    uint8_t *text = packet + AEAD_OPENSSH_LENGTH_LEN, tag[AEAD_TAG_LEN];
    size_t done = 0, absorbed = 0, mac_len = len + AEAD_OPENSSH_LENGTH_LEN;
    struct chacha c;
    struct poly p;
    bool ok;

    begin(&c, &p, nonce, key);
    if (mac_len >= CHUNK_LEN) {
        poly_padded(&p, packet, CHUNK_LEN);
        absorbed = CHUNK_LEN;
    }
    for (; mac_len - absorbed >= CHUNK_LEN; done += CHUNK_LEN, absorbed += CHUNK_LEN)
        chunk_stitched(&c, text + done, text + done, &p, packet + absorbed);
    poly_end(&p, packet + absorbed, mac_len - absorbed);
    for (; len - done >= CHUNK_LEN; done += CHUNK_LEN)
        chunk_alone(&c, text + done, text + done);
    chunk_tail(&c, text + done, text + done, len - done);
    poly_tag(tag, &p);
    ok = bytes_equal(tag, packet + mac_len, sizeof tag);
    if (!ok)
        wipe(text, len);
    wipe(&c, sizeof c);
    wipe(&p, sizeof p);
    wipe(tag, sizeof tag);
    return ok;
}
