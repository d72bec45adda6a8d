/* X25519 by libsodium, which clamps the scalar and refuses points of low order. */
#include "crypto/dh.h"

#include <sodium.h>

#include "base/bytes.h"
#include "base/host.h"

void dh_private_generate(uint8_t private_key[DH_LEN])
{
    host_random(private_key, DH_LEN);
    private_key[0] &= 248;
    private_key[31] = (uint8_t)((private_key[31] & 127) | 64);
}

void dh_generate(uint8_t private_key[DH_LEN], uint8_t public_key[DH_LEN])
{
    dh_private_generate(private_key);
    dh_public(public_key, private_key);
}

void dh_public(uint8_t public_key[DH_LEN], const uint8_t private_key[DH_LEN])
{
    /* Not by crypto_scalarmult_base, which takes longer without its table. Cannot fail: a clamped
     * scalar times the base point is never zero. */
    static const uint8_t base[DH_LEN] = {9};
    (void)dh(public_key, private_key, base);
}

bool dh(uint8_t out[DH_LEN], const uint8_t private_key[DH_LEN], const uint8_t public_key[DH_LEN])
{
    if (crypto_scalarmult(out, private_key, public_key) == 0)
        return true;
    wipe(out, DH_LEN);
    return false;
}
