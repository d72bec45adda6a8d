/*
 * Files over SSH: requests of the page on an id of kind sftp, and what comes of
 * them.
 *
 *   "request" "7" "op" "12" "path" "/etc/motd" "offset" "0" ...    each ends in
 * NUL, any order
 */
#include <stdlib.h>
#include <string.h>

#include "ipn/ipn_ssh_conn.h"
#include "ssh/ssh_sftp.h"

enum { MAX_FIELDS_LEN = 2 * SSH_SFTP_MAX_PATH_LEN + 1024 };

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

/* ---- the fields of a request ---- */

static bool parse_number(uint64_t *out, const char *text, uint64_t max)
{
    uint64_t v = 0;
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9 || v > (max - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return len > 0;
}

static bool set_field(struct ssh_sftp_request *r, const char *name, const char *value)
{
    uint64_t number = 0;
    if (strcmp(name, "path") == 0) {
        r->path = value;
        return true;
    }
    if (strcmp(name, "path2") == 0) {
        r->path2 = value;
        return true;
    }
    if (strcmp(name, "offset") == 0)
        return parse_number(&r->offset, value, INT64_MAX);
    if (strcmp(name, "length") == 0)
        return parse_number(&r->length, value, INT64_MAX);
    if (!parse_number(&number, value, UINT32_MAX))
        return false;
    if (strcmp(name, "request") == 0)
        r->request = (uint32_t)number;
    else if (strcmp(name, "op") == 0)
        r->op = (enum ssh_sftp_op)number;
    else if (strcmp(name, "mode") == 0)
        r->mode = (uint32_t)number;
    else if (strcmp(name, "flags") == 0)
        r->flags = (uint32_t)number;
    else
        return false;
    return true;
}

int ipn_sftp_parse(struct ssh_sftp_request *out, const uint8_t *fields, size_t len)
{
    *out = (struct ssh_sftp_request){0};
    if (!fields || !len || len > MAX_FIELDS_LEN || fields[len - 1] != 0)
        return IPN_ERR_ARG;
    for (const char *at = (const char *)fields, *end = at + len; at < end;) {
        const char *name = at, *value = name + strlen(name) + 1;
        if (value >= end || !set_field(out, name, value))
            return IPN_ERR_ARG;
        at = value + strlen(value) + 1;
    }
    bool known = out->op >= SSH_SFTP_STAT && out->op <= SSH_SFTP_WRITE;
    bool has_two = out->op != SSH_SFTP_RENAME && out->op != SSH_SFTP_SYMLINK;
    return out->request && known && out->path && (has_two || out->path2) ? 0 : IPN_ERR_ARG;
}

/* ---- calls of the page ---- */

/* The id, if it is one for files and its channel is asked for; else *rc says
 * what is wrong. */
static struct ipn_ssh *begin(struct ipn *ipn, uint32_t id, uint64_t now_ms, int *rc)
{
    struct ipn_ssh *ssh = ipn_ssh_begin(ipn, id, now_ms);
    bool ready = ssh && ssh->kind == IPN_SSH_SFTP && ssh->channel && ssh->conn->session;
    *rc = ssh ? IPN_ERR_STATE : IPN_ERR_NOT_FOUND;
    return ready ? ssh : NULL;
}

int ipn_sftp_request(struct ipn *ipn, uint32_t id, const uint8_t *fields, size_t len,
                     uint64_t now_ms)
{
    int rc;
    struct ssh_sftp_request request;
    struct ipn_ssh *ssh = begin(ipn, id, now_ms, &rc);
    if (!ssh)
        return rc;
    rc = ipn_sftp_parse(&request, fields, len);
    return rc < 0 ? rc : ssh_session_sftp_request(ssh->conn->session, ssh->channel, &request);
}

int ipn_sftp_write(struct ipn *ipn, uint32_t id, uint32_t request, const uint8_t *src, size_t len,
                   uint64_t now_ms)
{
    int rc;
    struct ipn_ssh *ssh = begin(ipn, id, now_ms, &rc);
    return ssh ? ssh_session_sftp_write(ssh->conn->session, ssh->channel, request, src, len) : rc;
}

int ipn_sftp_end(struct ipn *ipn, uint32_t id, uint32_t request, uint64_t now_ms)
{
    int rc;
    struct ipn_ssh *ssh = begin(ipn, id, now_ms, &rc);
    if (!ssh)
        return rc;
    ssh_session_sftp_end(ssh->conn->session, ssh->channel, request);
    return 0;
}

int ipn_sftp_credit(struct ipn *ipn, uint32_t id, uint32_t request, size_t len, uint64_t now_ms)
{
    int rc;
    struct ipn_ssh *ssh = begin(ipn, id, now_ms, &rc);
    if (!ssh)
        return rc;
    ssh_session_sftp_credit(ssh->conn->session, ssh->channel, request, len);
    return 0;
}

int ipn_sftp_cancel(struct ipn *ipn, uint32_t id, uint32_t request, uint64_t now_ms)
{
    int rc;
    struct ipn_ssh *ssh = begin(ipn, id, now_ms, &rc);
    if (!ssh)
        return rc;
    ssh_session_sftp_cancel(ssh->conn->session, ssh->channel, request);
    return 0;
}
