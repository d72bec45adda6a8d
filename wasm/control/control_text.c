#include "control/control_text.h"

#include <string.h>

enum { MAX_URL_LEN = 2000 }; /* what every browser opens */

static bool printable(uint8_t c)
{
    return c > 0x20 && c < 0x7f;
}

size_t control_text_sanitise(char *dst, size_t cap, const uint8_t *text, size_t len)
{
    size_t used = 0, limit = cap - 1 < CONTROL_TEXT_MAX ? cap - 1 : CONTROL_TEXT_MAX;
    bool blank = false;

    for (size_t i = 0; i < len && used + (blank ? 1 : 0) < limit; i++) {
        if (!printable(text[i])) {
            blank = used > 0;
            continue;
        }
        if (used == 0 && text[i] == '<')
            break;
        if (blank)
            dst[used++] = ' ';
        blank = false;
        dst[used++] = (char)text[i];
    }
    dst[used] = '\0';
    return used;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

bool control_text_contains(const char *text, const char *word)
{
    for (; *text != '\0'; text++) {
        size_t i = 0;

        while (word[i] != '\0' && lower(text[i]) == word[i])
            i++;
        if (word[i] == '\0')
            return true;
    }
    return *word == '\0';
}

static size_t scheme_len(const char *text, size_t len)
{
    static const char *const schemes[] = {"https://", "http://"};

    for (size_t s = 0; s < sizeof schemes / sizeof *schemes; s++) {
        size_t n = strlen(schemes[s]), i = 0;

        while (i < n && i < len && lower(text[i]) == schemes[s][i])
            i++;
        if (i == n)
            return n;
    }
    return 0;
}

bool control_text_is_web_url(const char *text, size_t len)
{
    size_t at = scheme_len(text, len);

    if (at == 0 || at == len || len > MAX_URL_LEN || text[at] == '/')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!printable((uint8_t)text[i]) || strchr("\"'<>`\\", text[i]) != NULL)
            return false;
    return true;
}
