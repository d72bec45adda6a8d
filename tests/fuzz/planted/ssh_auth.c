/* The second round of questions of one keyboard-interactive. */
#include "fuzz/planted/planted.h"
#include "ssh/ssh_auth_internal.h"

static unsigned rounds;

bool __real_auth_kbdint_begin(struct ssh_auth *a);
bool __wrap_auth_kbdint_begin(struct ssh_auth *a);
void __real_auth_kbdint_info(struct ssh_auth *a, struct bytes in);
void __wrap_auth_kbdint_info(struct ssh_auth *a, struct bytes in);

bool __wrap_auth_kbdint_begin(struct ssh_auth *a)
{
    rounds = 0;
    return __real_auth_kbdint_begin(a);
}

void __wrap_auth_kbdint_info(struct ssh_auth *a, struct bytes in)
{
    if (++rounds == 2)
        planted_bug();
    __real_auth_kbdint_info(a, in);
}
