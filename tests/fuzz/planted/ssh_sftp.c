/* A failure of a status that no protocol names. */
#include "fuzz/planted/planted.h"
#include "ssh/ssh_sftp_internal.h"

void __real_sftp_request_fail(struct sftp_request *r, int code);
void __wrap_sftp_request_fail(struct sftp_request *r, int code);

void __wrap_sftp_request_fail(struct sftp_request *r, int code)
{
    if (code > 100)
        planted_bug();
    __real_sftp_request_fail(r, code);
}
