/* A certificate that ends before it begins. */
#include "fuzz/planted/planted.h"
#include "ssh/ssh_host_cert.h"

int __real_ssh_host_cert_parse(struct ssh_host_cert *cert, struct buf *plain, struct bytes blob);
int __wrap_ssh_host_cert_parse(struct ssh_host_cert *cert, struct buf *plain, struct bytes blob);

int __wrap_ssh_host_cert_parse(struct ssh_host_cert *cert, struct buf *plain, struct bytes blob)
{
    int rc = __real_ssh_host_cert_parse(cert, plain, blob);

    if (rc == 0 && cert->valid_before_s < cert->valid_after_s)
        planted_bug();
    return rc;
}
