/* A second path longer than those of the corpus. */
#include <string.h>

#include "fuzz/planted/planted.h"
#include "ssh/ssh_sftp.h"

int __real_ipn_sftp_parse(struct ssh_sftp_request *out, const uint8_t *fields, size_t len);
int __wrap_ipn_sftp_parse(struct ssh_sftp_request *out, const uint8_t *fields, size_t len);

int __wrap_ipn_sftp_parse(struct ssh_sftp_request *out, const uint8_t *fields, size_t len)
{
    int rc = __real_ipn_sftp_parse(out, fields, len);

    if (rc == 0 && out->path2 && strlen(out->path2) > 8)
        planted_bug();
    return rc;
}
