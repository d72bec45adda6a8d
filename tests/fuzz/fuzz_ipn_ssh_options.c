/* The block of ipn_ssh_open: whatever it is, what comes out lies inside, ends, and keeps its limits. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "ipn/ipn_ssh_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ipn_ssh_options o;
    int rc = ipn_ssh_options_parse(&o, data, len);

    if (rc == 0) {
        size_t env = 0, pairs = 0;
        while (env < o.env_len) {
            env += strlen(o.env + env) + 1;
            pairs++;
        }
        if (env != o.env_len || pairs % 2 || o.env_len > IPN_SSH_MAX_ENV_LEN)
            abort();
        for (size_t i = 0; i < o.key_count; i++) {
            if (strlen(o.keys[i]) > IPN_SSH_MAX_KEY_LEN)
                abort();
        }
        if (strlen(o.command) > IPN_SSH_MAX_COMMAND_LEN || !o.term[0] || o.port > 65535)
            abort();
    } else if (rc == IPN_ERR_FULL && !o.problem[0]) {
        abort();
    }
    ipn_ssh_options_wipe(&o);
    return 0;
}
