/*
 * The injected calls and the wall clock's offset: the only state of the core that is not inside an
 * object, because libsodium's and lwIP's random hooks have no argument to carry one.
 */
#include "base/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { HOST_LOG_MAX = 512 };

static struct host_calls host;
static int64_t wall_offset_ms;

void host_init(const struct host_calls *calls)
{
    host = *calls;
}

void host_random(uint8_t *dst, size_t len)
{
    /* A key made without randomness would be worse than no program at all. */
    if (!host.random_bytes)
        abort();
    if (len > 0)
        host.random_bytes(dst, len);
}

/* The largest length <= len that does not end inside a UTF-8 sequence. */
static size_t utf8_cut(const char *text, size_t len)
{
    size_t lead = len;

    while (lead > 0 && len - lead < 4) {
        unsigned char c = (unsigned char)text[--lead];
        size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

        if ((c & 0xc0) == 0x80)
            continue;
        return len - lead < need ? lead : len;
    }
    return len;
}

void host_log(int level, const char *format, ...)
{
    char line[HOST_LOG_MAX + 1];
    va_list args;
    int n;
    size_t len;

    if (!host.log)
        return;
    va_start(args, format);
    n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0)
        return;
    len = (size_t)n;
    if (len > HOST_LOG_MAX)
        len = utf8_cut(line, HOST_LOG_MAX);
    host.log(level, line, len);
}

void host_set_wall_offset(int64_t offset_ms)
{
    wall_offset_ms = offset_ms;
}

int64_t host_wall_ms(uint64_t now_ms)
{
    return (int64_t)now_ms + wall_offset_ms;
}
