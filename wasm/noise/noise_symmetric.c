/*
 * SymmetricState, function by function as revision 34 of the Noise specification lists them
 * (section 5.2); names in the comments are the specification's.
 */
#include "noise/noise_symmetric.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/dh.h"

static_assert(NOISE_HASH_LEN == BLAKE2S_LEN, "the hash is BLAKE2s");
static_assert(NOISE_TAG_LEN == AEAD_TAG_LEN, "the cipher is ChaChaPoly");

/* InitializeSymmetric */
void noise_symmetric_init(struct noise_symmetric *s, const char *protocol_name)
{
    size_t len = strlen(protocol_name);

    memset(s, 0, sizeof *s);
    if (len <= NOISE_HASH_LEN)
        memcpy(s->h, protocol_name, len);
    else
        blake2s(s->h, NOISE_HASH_LEN, NULL, 0, (const uint8_t *)protocol_name, len);
    memcpy(s->ck, s->h, NOISE_HASH_LEN);
}

void noise_symmetric_wipe(struct noise_symmetric *s)
{
    wipe(s, sizeof *s);
}

/* MixHash: h = HASH(h || data) */
void noise_mix_hash(struct noise_symmetric *s, const uint8_t *data, size_t len)
{
    struct blake2s hash;

    blake2s_init(&hash, NOISE_HASH_LEN, NULL, 0);
    blake2s_update(&hash, s->h, NOISE_HASH_LEN);
    blake2s_update(&hash, data, len);
    blake2s_final(&hash, s->h);
}

/* MixKey */
void noise_mix_key(struct noise_symmetric *s, const uint8_t *input, size_t len)
{
    blake2s_hkdf(s->ck, s->k, NULL, s->ck, input, len);
    s->n = 0;
}

void noise_mix_chain(struct noise_symmetric *s, const uint8_t *input, size_t len)
{
    blake2s_hkdf(s->ck, NULL, NULL, s->ck, input, len);
}

bool noise_mix_dh(struct noise_symmetric *s, const uint8_t private_key[32],
                  const uint8_t public_key[32])
{
    uint8_t shared[DH_LEN];
    bool ok = dh(shared, private_key, public_key);

    if (ok)
        noise_mix_key(s, shared, sizeof shared);
    wipe(shared, sizeof shared);
    return ok;
}

/* MixKeyAndHash */
void noise_mix_key_and_hash(struct noise_symmetric *s, const uint8_t psk[32])
{
    uint8_t temp[NOISE_HASH_LEN];

    blake2s_hkdf(s->ck, temp, s->k, s->ck, psk, 32);
    s->n = 0;
    noise_mix_hash(s, temp, sizeof temp);
    wipe(temp, sizeof temp);
}

/* EncryptAndHash */
void noise_encrypt_and_hash(struct noise_symmetric *s, uint8_t *dst, const uint8_t *src, size_t len)
{
    uint8_t nonce[AEAD_NONCE_LEN];

    aead_nonce_le(nonce, s->n);
    aead_seal(dst, src, len, s->h, NOISE_HASH_LEN, nonce, s->k);
    s->n++;
    noise_mix_hash(s, dst, len + NOISE_TAG_LEN);
}

/* DecryptAndHash */
bool noise_decrypt_and_hash(struct noise_symmetric *s, uint8_t *dst, const uint8_t *src, size_t len)
{
    uint8_t nonce[AEAD_NONCE_LEN];

    aead_nonce_le(nonce, s->n);
    if (!aead_open(dst, src, len, s->h, NOISE_HASH_LEN, nonce, s->k))
        return false;
    s->n++;
    noise_mix_hash(s, src, len);
    return true;
}

/* Split */
void noise_split(const struct noise_symmetric *s, uint8_t k1[32], uint8_t k2[32])
{
    blake2s_hkdf(k1, k2, NULL, s->ck, NULL, 0);
}
