/* The relays are asked for a sign of life twice: two changes of the network. */
#include "derp/derp_client.h"
#include "fuzz/planted/planted.h"

static unsigned checks;

struct derp_client *__real_derp_client_new(const struct node_private *key);
struct derp_client *__wrap_derp_client_new(const struct node_private *key);
void __real_derp_client_check(struct derp_client *dc, uint64_t now_ms);
void __wrap_derp_client_check(struct derp_client *dc, uint64_t now_ms);

struct derp_client *__wrap_derp_client_new(const struct node_private *key)
{
    checks = 0;
    return __real_derp_client_new(key);
}

void __wrap_derp_client_check(struct derp_client *dc, uint64_t now_ms)
{
    if (++checks == 2)
        planted_bug();
    __real_derp_client_check(dc, now_ms);
}
