/* Files over SSH: requests of the page on an id of kind sftp, and what comes of them. */
#include <string.h>

#include "ipn/ipn_ssh_conn.h"
#include "ssh/ssh_sftp.h"

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

/* ---- what the page asks for ---- */

/* Decimal, at most max. */
static int parse_number(uint64_t *out, const char *text, uint64_t max)
{
    uint64_t v = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 19)
        return IPN_ERR_ARG;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return IPN_ERR_ARG;
        v = v * 10 + (uint64_t)(text[i] - '0');
    }
    if (v > max)
        return IPN_ERR_ARG;
    *out = v;
    return 0;
}

static int set_field(struct ssh_sftp_request *q, const char *name, const char *value)
{
    static const struct {
        const char *name;
        uint64_t max;
    } numbers[] = {{"request", UINT32_MAX}, {"op", SSH_SFTP_WRITE}, {"offset", INT64_MAX},
                   {"length", INT64_MAX},   {"mode", UINT32_MAX},   {"flags", UINT32_MAX}};
    uint64_t v[6] = {q->request, q->op, q->offset, q->length, q->mode, q->flags};
    size_t i = 0;
    if (strcmp(name, "path") == 0) {
        q->path = value;
        return 0;
    }
    if (strcmp(name, "path2") == 0) {
        q->path2 = value;
        return 0;
    }
    while (i < 6 && strcmp(name, numbers[i].name) != 0)
        i++;
    if (i == 6 || parse_number(&v[i], value, numbers[i].max) < 0)
        return IPN_ERR_ARG;
    q->request = (uint32_t)v[0];
    q->op = (enum ssh_sftp_op)v[1];
    q->offset = v[2];
    q->length = v[3];
    q->mode = (uint32_t)v[4];
    q->flags = (uint32_t)v[5];
    return 0;
}

/* NAME\0VALUE\0 pairs; paths stay where they are. */
static int parse_fields(struct ssh_sftp_request *q, const uint8_t *fields, size_t len)
{
    const char *at = (const char *)fields, *end = at + len;
    if (len == 0 || fields[len - 1] != '\0')
        return IPN_ERR_ARG;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (value >= end || set_field(q, at, value) < 0)
            return IPN_ERR_ARG;
        at = value + strlen(value) + 1;
    }
    return q->request > 0 ? 0 : IPN_ERR_ARG;
}

/* 0 if id takes requests; then it has a channel of kind SFTP. */
static int begin(struct ipn *ipn, struct ipn_ssh **ssh, uint32_t id, uint64_t now_ms)
{
    *ssh = ipn_ssh_begin(ipn, id, now_ms);
    if (!*ssh)
        return IPN_ERR_NOT_FOUND;
    bool open = (*ssh)->conn && (*ssh)->conn->session && (*ssh)->channel && (*ssh)->opened;
    return open && (*ssh)->kind == IPN_SSH_SFTP ? 0 : IPN_ERR_STATE;
}

int ipn_sftp_request(struct ipn *ipn, uint32_t id, const uint8_t *fields, size_t len,
                     uint64_t now_ms)
{
    struct ssh_sftp_request q = {0};
    struct ipn_ssh *ssh;
    int rc = begin(ipn, &ssh, id, now_ms);
    if (!rc)
        rc = parse_fields(&q, fields, len);
    return rc ? rc : ssh_session_sftp_request(ssh->conn->session, ssh->channel, &q);
}

int ipn_sftp_write(struct ipn *ipn, uint32_t id, uint32_t request, const uint8_t *src, size_t len,
                   uint64_t now_ms)
{
    struct ipn_ssh *ssh;
    int rc = begin(ipn, &ssh, id, now_ms);
    return rc ? rc : ssh_session_sftp_write(ssh->conn->session, ssh->channel, request, src, len);
}

int ipn_sftp_end(struct ipn *ipn, uint32_t id, uint32_t request, uint64_t now_ms)
{
    struct ipn_ssh *ssh;
    int rc = begin(ipn, &ssh, id, now_ms);
    if (!rc)
        ssh_session_sftp_end(ssh->conn->session, ssh->channel, request);
    return rc;
}

int ipn_sftp_credit(struct ipn *ipn, uint32_t id, uint32_t request, size_t len, uint64_t now_ms)
{
    struct ipn_ssh *ssh;
    int rc = begin(ipn, &ssh, id, now_ms);
    if (!rc)
        ssh_session_sftp_credit(ssh->conn->session, ssh->channel, request, len);
    return rc;
}

int ipn_sftp_cancel(struct ipn *ipn, uint32_t id, uint32_t request, uint64_t now_ms)
{
    struct ipn_ssh *ssh;
    int rc = begin(ipn, &ssh, id, now_ms);
    if (!rc)
        ssh_session_sftp_cancel(ssh->conn->session, ssh->channel, request);
    return rc;
}
