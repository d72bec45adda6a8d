/* What went wrong with a file, as a sentence that a person can act on. */
#include <stdio.h>
#include <string.h>

#include "ssh/ssh_sftp_internal.h"
#include "ssh/ssh_wire.h"

void sftp_clean(char *dst, size_t cap, struct bytes text)
{
    size_t len = 0;

    while (text.len && len < cap - 1) {
        size_t bad = ssh_unshowable_len(text), skip = bad ? bad : 1;

        dst[len++] = bad ? '?' : (char)text.data[0];
        text = (struct bytes){text.data + skip, text.len - skip};
    }
    while (len && (dst[len - 1] == '.' || dst[len - 1] == ' '))
        len--;
    dst[len] = '\0';
}

/* A path as it is shown: its end, if it is long. */
static void show(char *dst, size_t cap, const char *path)
{
    size_t len = strlen(path), skip = 0;

    if (len >= cap) {
        skip = len - (cap - 4); /* room for the ellipsis (3 bytes of UTF-8) and the NUL */
        while (((uint8_t)path[skip] & 0xc0) == 0x80)
            skip++;
        memcpy(dst, "\xe2\x80\xa6", 3);
        dst += 3;
        cap -= 3;
    }
    for (path += skip, len -= skip; len && cap > 1; cap--) {
        size_t bad = ssh_unshowable_len((struct bytes){(const uint8_t *)path, len});

        *dst++ = bad ? '?' : *path;
        path += bad ? bad : 1;
        len -= bad ? bad : 1;
    }
    *dst = '\0';
}

static const char *what_failed(const struct sftp_request *r)
{
    switch (r->op) {
    case SSH_SFTP_STAT:
    case SSH_SFTP_LSTAT:
        return "could not be looked up";
    case SSH_SFTP_SETSTAT:
        return r->flags & SSH_SFTP_SET_SIZE ? "could not be resized" : "could not be changed";
    case SSH_SFTP_LIST:
        return "could not be listed";
    case SSH_SFTP_MKDIR:
        return "could not be created";
    case SSH_SFTP_RMDIR:
    case SSH_SFTP_REMOVE:
        return "could not be removed";
    case SSH_SFTP_RENAME:
        return "could not be renamed to";
    case SSH_SFTP_SYMLINK:
        return "could not be made a link to";
    case SSH_SFTP_READLINK:
        return "could not be read as a link";
    case SSH_SFTP_REALPATH:
        return "could not be resolved";
    case SSH_SFTP_READ:
        return "could not be read";
    default:
        return r->has_handle || r->acked > r->offset ? "could not be written"
                                                     : "could not be opened for writing";
    }
}

static bool is_directory(const struct sftp_request *r)
{
    return r->has_attrs && (load_le32(r->attrs + 4) & 0170000) == 0040000;
}

/* FAILURE says nothing; these are its usual causes. */
static const char *guess(const struct sftp_request *r)
{
    switch (r->op) {
    case SSH_SFTP_MKDIR:
        return "the server reports a failure; it may be there already";
    case SSH_SFTP_RMDIR:
        return "the server reports a failure; the directory may not be empty";
    case SSH_SFTP_REMOVE:
        return "the server reports a failure; it may be a directory";
    case SSH_SFTP_RENAME:
        return r->flags & SSH_SFTP_OVERWRITE && !r->sf->posix_rename
                   ? "the server reports a failure; it may be unable to replace what is there"
                   : "the server reports a failure";
    case SSH_SFTP_SYMLINK:
        return "the server reports a failure; the name may be taken";
    case SSH_SFTP_READLINK:
        return "the server reports a failure; it may be no link";
    case SSH_SFTP_READ:
        return is_directory(r) ? "it is a directory" : "the server reports a failure";
    case SSH_SFTP_WRITE:
        if (r->flags & SSH_SFTP_EXCLUSIVE && !r->positioned)
            return "the server reports a failure; it may be there already";
        return r->positioned ? "the server reports a failure; its disk may be full"
                             : "the server reports a failure; it may be a directory";
    default:
        return "the server reports a failure; there may be too many links in a circle";
    }
}

/* Whether the server's words add to its number. */
static bool says_more(const struct sftp_request *r)
{
    return r->server_text[0] && strcmp(r->server_text, "Failure") != 0;
}

static const char *reason(const struct sftp_request *r, char *dst, size_t cap)
{
    switch (r->code) {
    case SSH_SFTP_NO_SUCH_FILE:
        return "there is no such file or directory";
    case SSH_SFTP_PERMISSION_DENIED:
        return "permission denied";
    case SSH_SFTP_BAD_MESSAGE:
        return "the server did not understand the request";
    case SSH_SFTP_NO_CONNECTION:
    case SSH_SFTP_CONNECTION_LOST:
        return "the server lost its own connection to the file";
    case SSH_SFTP_OP_UNSUPPORTED:
        return "the server does not support this";
    case SSH_SFTP_EXISTS:
        return r->op == SSH_SFTP_RENAME ? "that name is taken" : "it is there already";
    case IPN_ERR_CLOSED:
        return r->cancelled ? "it was cancelled" : "the connection was closed";
    case IPN_ERR_PROTOCOL:
        return "the SFTP server broke the protocol";
    case IPN_ERR_NOMEM:
        return "out of memory";
    case IPN_ERR_ARG:
        return "no file can be that long";
    case SSH_SFTP_FAILURE:
        if (!says_more(r))
            return guess(r);
        break;
    default:
        break;
    }
    if (says_more(r))
        snprintf(dst, cap, "the server says \"%s\" (status %d)", r->server_text, r->code);
    else
        snprintf(dst, cap, "the server answers with status %d", r->code);
    return dst;
}

struct bytes sftp_failure_text(struct ssh_sftp *sf, const struct sftp_request *r)
{
    bool two = r->op == SSH_SFTP_RENAME || r->op == SSH_SFTP_SYMLINK;
    bool transfer = r->op == SSH_SFTP_READ || r->op == SSH_SFTP_WRITE;
    char path[512], path2[512] = "", place[40] = "", why[256];
    int len;

    show(path, sizeof path, r->path);
    if (two)
        show(path2, sizeof path2, r->path2);
    if (transfer && r->acked > r->offset)
        snprintf(place, sizeof place, " from byte %llu on", (unsigned long long)r->acked);
    len = snprintf(sf->text, sizeof sf->text, "%s %s%s%s%s: %s.", path, what_failed(r),
                   two ? " " : "", path2, place, reason(r, why, sizeof why));
    return (struct bytes){(const uint8_t *)sf->text, (size_t)len};
}
