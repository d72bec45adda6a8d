/* A prefix of some lengths. */
#include "base/ipaddr.h"
#include "fuzz/planted/planted.h"

int __real_ipprefix_parse(struct ipprefix *out, const char *text, size_t len);
int __wrap_ipprefix_parse(struct ipprefix *out, const char *text, size_t len);

int __wrap_ipprefix_parse(struct ipprefix *out, const char *text, size_t len)
{
    int rc = __real_ipprefix_parse(out, text, len);

    if (rc == 0 && out->addr.family == 6 && out->bits > 48 && out->bits < 60)
        planted_bug();
    return rc;
}
