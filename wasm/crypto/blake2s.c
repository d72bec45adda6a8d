/*
 * BLAKE2s as RFC 7693 writes it (section 3), HMAC as RFC 2104 and the HKDF of Noise on top.
 *
 *   h[0..7]   chained state             t   bytes hashed so far
 *   block     bytes not yet compressed; the last block waits here until it is known to be the last
 */
#include "crypto/blake2s.h"

#include <string.h>

#include "base/bytes.h"

static const uint32_t blake2s_iv[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint8_t blake2s_sigma[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static inline uint32_t rotr(uint32_t v, int n)
{
    return v >> n | v << (32 - n);
}

/* RFC 7693 section 3.1: the mixing function G on columns or diagonals a, b, c, d of v. */
static inline void mix(uint32_t v[16], int a, int b, int c, int d, uint32_t x, uint32_t y)
{
    v[a] += v[b] + x;
    v[d] = rotr(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotr(v[b] ^ v[c], 12);
    v[a] += v[b] + y;
    v[d] = rotr(v[d] ^ v[a], 8);
    v[c] += v[d];
    v[b] = rotr(v[b] ^ v[c], 7);
}

/* RFC 7693 section 3.2: the compression function F; len bytes of the block count. */
static void compress(struct blake2s *s, const uint8_t block[BLAKE2S_BLOCK_LEN], uint32_t len,
                     uint32_t last)
{
    uint32_t v[16], m[16];

    s->t[0] += len;
    s->t[1] += s->t[0] < len;
    for (int i = 0; i < 16; i++)
        m[i] = load_le32(block + 4 * i);
    memcpy(v, s->h, sizeof s->h);
    memcpy(v + 8, blake2s_iv, sizeof blake2s_iv);
    v[12] ^= s->t[0];
    v[13] ^= s->t[1];
    v[14] ^= last;
    for (int round = 0; round < 10; round++) {
        const uint8_t *p = blake2s_sigma[round];

        mix(v, 0, 4, 8, 12, m[p[0]], m[p[1]]);
        mix(v, 1, 5, 9, 13, m[p[2]], m[p[3]]);
        mix(v, 2, 6, 10, 14, m[p[4]], m[p[5]]);
        mix(v, 3, 7, 11, 15, m[p[6]], m[p[7]]);
        mix(v, 0, 5, 10, 15, m[p[8]], m[p[9]]);
        mix(v, 1, 6, 11, 12, m[p[10]], m[p[11]]);
        mix(v, 2, 7, 8, 13, m[p[12]], m[p[13]]);
        mix(v, 3, 4, 9, 14, m[p[14]], m[p[15]]);
    }
    for (int i = 0; i < 8; i++)
        s->h[i] ^= v[i] ^ v[i + 8];
    wipe(v, sizeof v);
    wipe(m, sizeof m);
}

void blake2s_init(struct blake2s *s, size_t out_len, const uint8_t *key, size_t key_len)
{
    memset(s, 0, sizeof *s);
    memcpy(s->h, blake2s_iv, sizeof blake2s_iv);
    s->h[0] ^= 0x01010000u ^ (uint32_t)key_len << 8 ^ (uint32_t)out_len;
    s->out_len = out_len;
    if (key_len > 0) {
        memcpy(s->block, key, key_len);
        s->block_len = BLAKE2S_BLOCK_LEN;
    }
}

void blake2s_update(struct blake2s *s, const uint8_t *src, size_t len)
{
    size_t room = BLAKE2S_BLOCK_LEN - s->block_len;

    if (len == 0)
        return;
    if (len > room) {
        memcpy(s->block + s->block_len, src, room);
        compress(s, s->block, BLAKE2S_BLOCK_LEN, 0);
        s->block_len = 0;
        src += room;
        len -= room;
        for (; len > BLAKE2S_BLOCK_LEN; src += BLAKE2S_BLOCK_LEN, len -= BLAKE2S_BLOCK_LEN)
            compress(s, src, BLAKE2S_BLOCK_LEN, 0);
    }
    memcpy(s->block + s->block_len, src, len);
    s->block_len += len;
}

void blake2s_final(struct blake2s *s, uint8_t *out)
{
    uint8_t hash[BLAKE2S_LEN];

    memset(s->block + s->block_len, 0, BLAKE2S_BLOCK_LEN - s->block_len);
    compress(s, s->block, (uint32_t)s->block_len, ~0u);
    for (int i = 0; i < 8; i++)
        store_le32(hash + 4 * i, s->h[i]);
    memcpy(out, hash, s->out_len);
    wipe(hash, sizeof hash);
    wipe(s, sizeof *s);
}

void blake2s(uint8_t *out, size_t out_len, const uint8_t *key, size_t key_len, const uint8_t *src,
             size_t len)
{
    struct blake2s s;

    blake2s_init(&s, out_len, key, key_len);
    blake2s_update(&s, src, len);
    blake2s_final(&s, out);
}

/* RFC 2104: out = H(key ^ opad, H(key ^ ipad, src)). */
void blake2s_hmac(uint8_t out[BLAKE2S_LEN], const uint8_t *key, size_t key_len, const uint8_t *src,
                  size_t len)
{
    struct blake2s s;
    uint8_t pad[BLAKE2S_BLOCK_LEN] = {0}, inner[BLAKE2S_LEN];

    if (key_len > BLAKE2S_BLOCK_LEN)
        blake2s(pad, BLAKE2S_LEN, NULL, 0, key, key_len);
    else if (key_len > 0)
        memcpy(pad, key, key_len);

    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36;
    blake2s_init(&s, BLAKE2S_LEN, NULL, 0);
    blake2s_update(&s, pad, sizeof pad);
    blake2s_update(&s, src, len);
    blake2s_final(&s, inner);

    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    blake2s_init(&s, BLAKE2S_LEN, NULL, 0);
    blake2s_update(&s, pad, sizeof pad);
    blake2s_update(&s, inner, sizeof inner);
    blake2s_final(&s, out);
    wipe(pad, sizeof pad);
    wipe(inner, sizeof inner);
}

void blake2s_hkdf(uint8_t out1[BLAKE2S_LEN], uint8_t *out2, uint8_t *out3,
                  const uint8_t chaining_key[BLAKE2S_LEN], const uint8_t *input, size_t len)
{
    uint8_t *const outs[3] = {out1, out2, out3};
    uint8_t secret[BLAKE2S_LEN], block[BLAKE2S_LEN + 1];
    size_t block_len = 0;

    blake2s_hmac(secret, chaining_key, BLAKE2S_LEN, input, len);
    for (uint8_t i = 0; i < 3 && outs[i]; i++) {
        block[block_len] = (uint8_t)(i + 1);
        blake2s_hmac(block, secret, sizeof secret, block, block_len + 1);
        block_len = BLAKE2S_LEN;
        memcpy(outs[i], block, BLAKE2S_LEN);
    }
    wipe(secret, sizeof secret);
    wipe(block, sizeof block);
}
