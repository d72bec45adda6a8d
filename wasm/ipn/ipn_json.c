#include "ipn/ipn_json.h"

#include <string.h>

enum { MAX_JSON = 64 << 20 }; /* a hundred thousand peers */

void ipn_json_init(struct ipn_json *j)
{
    memset(j, 0, sizeof *j);
    buf_init(&j->out, MAX_JSON);
}

char *ipn_json_take(struct ipn_json *j, size_t *len)
{
    char *text = (char *)j->out.data;

    if (j->failed || j->out.head > 0) {
        buf_wipe(&j->out);
        return NULL;
    }
    *len = j->out.len;
    ipn_json_init(j);
    return text;
}

static void put(struct ipn_json *j, const void *src, size_t len)
{
    struct buf *b = &j->out;
    if (b->cap - b->head - b->len >= len && len > 0) {
        memcpy(b->data + b->head + b->len, src, len);
        b->len += len;
    } else if (!j->failed && buf_append(b, src, len) < 0) {
        j->failed = true;
    }
}

/* What comes before a value. */
static void begin(struct ipn_json *j, const char *name)
{
    if (j->comma)
        put(j, ",", 1);
    j->comma = true;
    if (!name)
        return;
    put(j, "\"", 1);
    put(j, name, strlen(name));
    put(j, "\":", 2);
}

void ipn_json_open(struct ipn_json *j, const char *name, char bracket)
{
    begin(j, name);
    put(j, &bracket, 1);
    j->comma = false;
}

void ipn_json_close(struct ipn_json *j, char bracket)
{
    put(j, &bracket, 1);
    j->comma = true;
}

static void put_escaped(struct ipn_json *j, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

    if (c == '"' || c == '\\')
        text[1] = (char)c;
    put(j, text, c == '"' || c == '\\' ? 2 : 6);
}

void ipn_json_text(struct ipn_json *j, const char *name, const char *text, size_t len)
{
    size_t plain = 0;

    begin(j, name);
    put(j, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)text[i];

        if (c >= ' ' && c != '"' && c != '\\')
            continue;
        put(j, text + plain, i - plain);
        put_escaped(j, c);
        plain = i + 1;
    }
    put(j, text + plain, len - plain);
    put(j, "\"", 1);
}

void ipn_json_int(struct ipn_json *j, const char *name, int64_t value)
{
    char text[20], *at = text + sizeof text;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        *--at = '-';
    begin(j, name);
    put(j, at, (size_t)(text + sizeof text - at));
}

void ipn_json_bool(struct ipn_json *j, const char *name, bool value)
{
    begin(j, name);
    put(j, value ? "true" : "false", value ? 4 : 5);
}
