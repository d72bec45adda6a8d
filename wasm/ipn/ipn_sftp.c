/* Files over SSH: requests of the page on an id of kind sftp. Not there yet. */
#include "ipn/ipn_internal.h"

static int answer(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    ipn->now_ms = now_ms;
    return ipn_stream_find(ipn, id, IPN_STREAM_SSH) ? IPN_ERR_STATE : IPN_ERR_NOT_FOUND;
}

int ipn_sftp_request(struct ipn *ipn, uint32_t id, const uint8_t *fields, size_t len,
                     uint64_t now_ms)
{
    (void)fields;
    (void)len;
    return answer(ipn, id, now_ms);
}

int ipn_sftp_write(struct ipn *ipn, uint32_t id, uint32_t request, const uint8_t *src, size_t len,
                   uint64_t now_ms)
{
    (void)request;
    (void)src;
    (void)len;
    return answer(ipn, id, now_ms);
}

int ipn_sftp_end(struct ipn *ipn, uint32_t id, uint32_t request, uint64_t now_ms)
{
    (void)request;
    return answer(ipn, id, now_ms);
}

int ipn_sftp_credit(struct ipn *ipn, uint32_t id, uint32_t request, size_t len, uint64_t now_ms)
{
    (void)request;
    (void)len;
    return answer(ipn, id, now_ms);
}

int ipn_sftp_cancel(struct ipn *ipn, uint32_t id, uint32_t request, uint64_t now_ms)
{
    (void)request;
    return answer(ipn, id, now_ms);
}

int ipn_ssh_keygen(struct ipn *ipn, const char *comment, uint64_t now_ms)
{
    (void)comment;
    ipn->now_ms = now_ms;
    return IPN_ERR_STATE;
}
