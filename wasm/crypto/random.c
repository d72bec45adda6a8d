/*
 * libsodium's own sources are the operating system natively and EM_ASM in Emscripten; the core
 * has one source only, the one that was injected.
 */
#include "crypto/random.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/host.h"

static const char *random_name(void)
{
    return "host";
}

static uint32_t random_word(void)
{
    uint32_t v;

    host_random((uint8_t *)&v, sizeof v);
    return v;
}

static void random_fill(void *const dst, const size_t len)
{
    host_random(dst, len);
}

static struct randombytes_implementation host_randombytes = {
    .implementation_name = random_name,
    .random = random_word,
    .buf = random_fill,
};

void crypto_init(void)
{
    randombytes_set_implementation(&host_randombytes);
    if (sodium_init() < 0)
        abort();
}
