/* A key with a comment of one letter. */
#include <string.h>

#include "fuzz/planted/planted.h"
#include "ssh/ssh_key.h"

int __real_ssh_key_parse(struct ssh_key **key, struct bytes text, struct bytes passphrase);
int __wrap_ssh_key_parse(struct ssh_key **key, struct bytes text, struct bytes passphrase);

int __wrap_ssh_key_parse(struct ssh_key **key, struct bytes text, struct bytes passphrase)
{
    int rc = __real_ssh_key_parse(key, text, passphrase);

    if (rc == 0 && strlen(ssh_key_type(*key)) == 19) /* ecdsa */
        planted_bug();
    return rc;
}
