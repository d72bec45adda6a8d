/* The input as a host certificate. What is read of it lies inside it. */
#include <stdlib.h>

#include "ssh/ssh_host_cert.h"
#include "ssh/ssh_known_hosts.h"

static void check_inside(struct bytes part, const uint8_t *data, size_t len)
{
    if (part.len && (part.data < data || part.len > len - (size_t)(part.data - data)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const names[] = {"a.example", "100.64.0.1"};
    struct ssh_host_cert cert;
    struct buf plain;

    buf_init(&plain, SSH_HOST_KEY_MAX_LEN);
    if (ssh_host_cert_parse(&cert, &plain, (struct bytes){data, len}) == 0) {
        if (!ssh_host_cert_is((struct bytes){data, len}) || plain.len >= len)
            abort();
        check_inside(cert.principals, data, len);
        check_inside(cert.authority, data, len);
        check_inside(cert.signature, data, len);
        check_inside(cert.signed_part, data, len);
        ssh_host_cert_flaw(&cert, names, 2, 1790000000);
    }
    buf_wipe(&plain);
    return 0;
}
