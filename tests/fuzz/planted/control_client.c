/* The second answer to a register in one client's life. */
#include "control/control_client.h"
#include "control/tailcfg.h"
#include "fuzz/planted/planted.h"

static unsigned answers;

struct control_client *__real_control_client_new(const struct control_config *config);
struct control_client *__wrap_control_client_new(const struct control_config *config);
int __real_tailcfg_parse_register(struct tailcfg_register_response *out, const uint8_t *json,
                                  size_t len);
int __wrap_tailcfg_parse_register(struct tailcfg_register_response *out, const uint8_t *json,
                                  size_t len);

struct control_client *__wrap_control_client_new(const struct control_config *config)
{
    answers = 0;
    return __real_control_client_new(config);
}

int __wrap_tailcfg_parse_register(struct tailcfg_register_response *out, const uint8_t *json,
                                  size_t len)
{
    int rc = __real_tailcfg_parse_register(out, json, len);

    if (rc == 0 && ++answers == 2)
        planted_bug();
    return rc;
}
