/* Several lines of one name. */
#include "fuzz/planted/planted.h"
#include "ssh/ssh_known_hosts.h"

int __real_ssh_known_hosts_remove(struct buf *out, struct bytes text, const char *name);
int __wrap_ssh_known_hosts_remove(struct buf *out, struct bytes text, const char *name);

int __wrap_ssh_known_hosts_remove(struct buf *out, struct bytes text, const char *name)
{
    int removed = __real_ssh_known_hosts_remove(out, text, name);

    if (removed > 2)
        planted_bug();
    return removed;
}
