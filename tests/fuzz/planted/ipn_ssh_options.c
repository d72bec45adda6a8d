/* A port below ten, with a size. */
#include "fuzz/planted/planted.h"
#include "ipn/ipn_ssh_options.h"

int __real_ipn_ssh_options_parse(struct ipn_ssh_options *out, const uint8_t *fields, size_t len);
int __wrap_ipn_ssh_options_parse(struct ipn_ssh_options *out, const uint8_t *fields, size_t len);

int __wrap_ipn_ssh_options_parse(struct ipn_ssh_options *out, const uint8_t *fields, size_t len)
{
    int rc = __real_ipn_ssh_options_parse(out, fields, len);

    if (rc == 0 && out->port < 10)
        planted_bug();
    return rc;
}
