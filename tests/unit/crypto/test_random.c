/* libsodium draws from the injected source, and only from there. */
#include "test.h"

#include "base/host.h"
#include "crypto/dh.h"
#include "crypto/random.h"

/* sodium.h is crypto's alone; these two are what the test asks of it. */
void randombytes_buf(void *const buf, const size_t size);
const char *randombytes_implementation_name(void);

static size_t drawn;

static void fake_random(uint8_t *dst, size_t len)
{
    drawn += len;
    memset(dst, 0x5a, len);
}

int main(void)
{
    uint8_t bytes[33] = {0}, expect[33], private_key[32], public_key[32];

    host_init(&(struct host_calls){.random_bytes = fake_random});
    crypto_init();
    crypto_init();
    CHECK_STR(randombytes_implementation_name(), "host");
    drawn = 0;
    randombytes_buf(bytes, sizeof bytes);
    memset(expect, 0x5a, sizeof expect);
    CHECK_EQ(drawn, sizeof bytes);
    CHECK_MEM(bytes, expect, sizeof bytes);
    dh_generate(private_key, public_key);
    CHECK_EQ(drawn, sizeof bytes + 32);
    CHECK_EQ(private_key[1], 0x5a);
    return TEST_DONE();
}
