#include "support/sftp/sftp_script.h"

#include <stdlib.h>
#include <string.h>

struct script *script_new(void)
{
    struct script *s = calloc(1, sizeof *s);

    if (!s || !(s->asked = calloc(SCRIPT_MAX_ASKED, sizeof *s->asked)))
        abort();
    buf_init(&s->wire, 8 << 20);
    s->sf = ssh_sftp_new();
    return s;
}

void script_free(struct script *s)
{
    ssh_sftp_free(s->sf);
    for (size_t i = 0; i < s->count; i++)
        free(s->asked[i].data);
    buf_wipe(&s->wire);
    free(s->asked);
    free(s);
}

/* ---- what the client asks ---- */

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void get_path(struct bytes *b, char path[SCRIPT_PATH_LEN])
{
    struct bytes text;
    size_t len;

    must(sftp_get_string(b, &text));
    len = text.len < SCRIPT_PATH_LEN - 1 ? text.len : SCRIPT_PATH_LEN - 1;
    memcpy(path, text.data, len);
    path[len] = '\0';
}

static void get_attrs(struct bytes *b, struct asked *a)
{
    must(sftp_get_u32(b, &a->attr_flags));
    if (a->attr_flags & SFTP_ATTR_SIZE)
        must(sftp_get_u64(b, &a->size));
    if (a->attr_flags & SFTP_ATTR_MODE)
        must(sftp_get_u32(b, &a->mode));
}

static void get_write(struct bytes *b, struct asked *a)
{
    struct bytes data;

    must(sftp_get_u64(b, &a->offset) && sftp_get_string(b, &data));
    a->len = (uint32_t)data.len;
    a->data = malloc(data.len);
    must(a->data != NULL);
    memcpy(a->data, data.data, data.len);
}

static void parse(struct asked *a, struct bytes b)
{
    a->type = b.data[0];
    b = (struct bytes){b.data + 1, b.len - 1};
    must(sftp_get_u32(&b, a->type == FXP_INIT ? &a->flags : &a->id));
    if (a->type == FXP_INIT)
        a->answered = true;
    else
        get_path(&b, a->path);
    switch (a->type) {
    case FXP_OPEN:
        must(sftp_get_u32(&b, &a->flags));
        get_attrs(&b, a);
        break;
    case FXP_SETSTAT:
    case FXP_MKDIR:
        get_attrs(&b, a);
        break;
    case FXP_READ:
        must(sftp_get_u64(&b, &a->offset) && sftp_get_u32(&b, &a->len));
        break;
    case FXP_WRITE:
        get_write(&b, a);
        break;
    case FXP_EXTENDED:
        get_path(&b, a->path);
        get_path(&b, a->path2);
        break;
    case FXP_RENAME:
    case FXP_SYMLINK:
        get_path(&b, a->path2);
        break;
    default:
        must(a->type <= FXP_READLINK);
    }
    must(b.len == 0);
}

void script_pull(struct script *s)
{
    struct bytes out;

    while ((out = ssh_sftp_output(s->sf)).len) {
        size_t n = s->room && s->room < out.len ? s->room : out.len;

        must(buf_append(&s->wire, out.data, n) == 0);
        ssh_sftp_sent(s->sf, n);
    }
    while (s->wire.len >= 4 && s->wire.len - 4 >= load_be32(buf_head(&s->wire))) {
        uint32_t len = load_be32(buf_head(&s->wire));

        must(len >= 5 && len <= 34000 && s->count < SCRIPT_MAX_ASKED);
        parse(&s->asked[s->count++], (struct bytes){buf_head(&s->wire) + 4, len});
        buf_consume(&s->wire, 4 + len);
    }
}

struct asked *script_find(struct script *s, uint8_t type)
{
    for (size_t i = 0; i < s->count; i++) {
        if (!s->asked[i].answered && s->asked[i].type == type)
            return &s->asked[i];
    }
    return NULL;
}

size_t script_waiting(const struct script *s, uint8_t type)
{
    size_t count = 0;

    for (size_t i = 0; i < s->count; i++)
        count += !s->asked[i].answered && (!type || s->asked[i].type == type);
    return count;
}

/* ---- answers ---- */

void script_raw(struct script *s, const void *src, size_t len)
{
    const uint8_t *from = src;

    while (len) {
        size_t n = s->piece && s->piece < len ? s->piece : len;

        ssh_sftp_input(s->sf, from, n);
        from += n;
        len -= n;
    }
    script_pull(s);
}

void script_packet(struct script *s, struct asked *to, uint8_t type, const void *body, size_t len)
{
    uint8_t *packet = malloc(9 + len);

    must(packet != NULL);
    store_be32(packet, (uint32_t)(5 + len));
    packet[4] = type;
    store_be32(packet + 5, to ? to->id : 0);
    if (len)
        memcpy(packet + 9, body, len);
    if (to)
        to->answered = true;
    script_raw(s, packet, 9 + len);
    free(packet);
}

void script_version(struct script *s, bool posix_rename)
{
    static const char name[] = "posix-rename@openssh.com";
    uint8_t packet[64] = {0, 0, 0, 5, FXP_VERSION, 0, 0, 0, 3}, *at = packet + 9;

    if (posix_rename) {
        sftp_put_string(&at, name, sizeof name - 1);
        sftp_put_string(&at, "1", 1);
    }
    store_be32(packet, (uint32_t)(at - packet - 4));
    script_raw(s, packet, (size_t)(at - packet));
}

void script_status(struct script *s, struct asked *to, uint32_t code, const char *text)
{
    uint8_t body[400], *at = body;

    sftp_put_u32(&at, code);
    sftp_put_string(&at, text, strlen(text));
    sftp_put_string(&at, "", 0);
    script_packet(s, to, FXP_STATUS, body, (size_t)(at - body));
}

void script_handle(struct script *s, struct asked *to, const char *handle)
{
    uint8_t body[400], *at = body;

    sftp_put_string(&at, handle, strlen(handle));
    script_packet(s, to, FXP_HANDLE, body, (size_t)(at - body));
}

void script_data(struct script *s, struct asked *to, const uint8_t *src, size_t len)
{
    uint8_t *body = malloc(4 + len), *at = body;

    must(body != NULL);
    sftp_put_string(&at, src, len);
    script_packet(s, to, FXP_DATA, body, 4 + len);
    free(body);
}

void script_attrs(struct script *s, struct asked *to, uint32_t mode, uint64_t size)
{
    uint8_t body[16], *at = body;

    sftp_put_u32(&at, SFTP_ATTR_SIZE | SFTP_ATTR_MODE);
    sftp_put_u64(&at, size);
    sftp_put_u32(&at, mode);
    script_packet(s, to, FXP_ATTRS, body, sizeof body);
}

void script_names(struct script *s, struct asked *to, const char *const *names)
{
    static uint8_t body[16384];
    uint8_t *at = body + 4;
    uint32_t count = 0;

    for (; *names; names++, count++) {
        sftp_put_string(&at, *names, strlen(*names));
        sftp_put_string(&at, "long name", 9);
        sftp_put_u32(&at, SFTP_ATTR_SIZE | SFTP_ATTR_MODE);
        sftp_put_u64(&at, count);
        sftp_put_u32(&at, 0100644);
    }
    store_be32(body, count);
    script_packet(s, to, FXP_NAME, body, (size_t)(at - body));
}
