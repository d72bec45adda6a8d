/* The fields of a request on files: what comes out lies inside, and ends. */
#include <stdlib.h>
#include <string.h>

#include "ipn/ipn_ssh_conn.h"
#include "ssh/ssh_sftp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ssh_sftp_request q;

    if (ipn_sftp_parse(&q, data, len) < 0)
        return 0;
    size_t path_len = strlen(q.path), path2_len = q.path2 ? strlen(q.path2) : 0;
    if (path_len + path2_len >= len || !q.request || q.offset > INT64_MAX || q.length > INT64_MAX)
        abort();
    return 0;
}
