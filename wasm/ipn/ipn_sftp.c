/* Files over SSH: requests of the page on an id of kind sftp, and what comes of them. */
#include <string.h>

#include "ipn/ipn_ssh_conn.h"

int ipn_sftp_give(struct ipn *ipn, struct ipn_ssh *ssh, struct ipn_event *ev,
                  const struct ssh_event *from)
{
    struct bytes none = {NULL, 0};
    int request = (int)from->request;
    size_t len = from->text.len < sizeof ipn->chunk - 4 ? from->text.len : sizeof ipn->chunk - 4;
    switch (from->type) {
    case SSH_EVENT_SFTP_ENTRY:
        return ipn_ssh_give(ipn, ssh, ev, IPN_EVENT_SFTP_ENTRY, request, from->text, from->aux);
    case SSH_EVENT_SFTP_DATA:
        return ipn_ssh_give(ipn, ssh, ev, IPN_EVENT_SFTP_DATA, request, from->text, none);
    case SSH_EVENT_SFTP_WRITABLE:
        return ipn_ssh_give(ipn, ssh, ev, IPN_EVENT_SFTP_WRITABLE, request, none, from->aux);
    case SSH_EVENT_SFTP_ATTRS:
        return ipn_ssh_give(ipn, ssh, ev, IPN_EVENT_SFTP_ATTRS, request, none, from->aux);
    case SSH_EVENT_SFTP_DONE:
        store_le32(ipn->chunk, (uint32_t)from->code);
        if (len)
            memcpy(ipn->chunk + 4, from->text.data, len);
        return ipn_ssh_give(ipn, ssh, ev, IPN_EVENT_SFTP_DONE, request,
                            (struct bytes){ipn->chunk, len + 4}, from->aux);
    default:
        return 0;
    }
}

static int answer(struct ipn *ipn, uint32_t id, uint64_t now_ms)
{
    return ipn_ssh_begin(ipn, id, now_ms) ? IPN_ERR_STATE : IPN_ERR_NOT_FOUND;
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
