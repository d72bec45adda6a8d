#include "ssh/ssh_wire.h"

#include <string.h>

bool ssh_put_text(struct buf *b, const char *text)
{
    return ssh_put_string(b, (struct bytes){(const uint8_t *)text, strlen(text)});
}

bool ssh_put_mpint(struct buf *b, struct bytes number)
{
    while (number.len && !number.data[0])
        number = (struct bytes){number.data + 1, number.len - 1};
    if (number.len && number.data[0] & 0x80)
        return ssh_put_u32(b, (uint32_t)number.len + 1) && ssh_put_u8(b, 0) &&
               buf_append(b, number.data, number.len) == 0;
    return ssh_put_string(b, number);
}

bool ssh_bytes_are(struct bytes b, const char *text)
{
    size_t len = strlen(text);

    return b.len == len && (!len || memcmp(b.data, text, len) == 0);
}

size_t ssh_unshowable_len(struct bytes text)
{
    const uint8_t *p = text.data;

    if (!text.len)
        return 0;
    if (p[0] < ' ' || p[0] == 127)
        return 1;
    if (text.len >= 2 && p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
        return 2; /* U+0080 to U+009F */
    if (text.len >= 2 && p[0] == 0xd8 && p[1] == 0x9c)
        return 2; /* U+061C */
    if (text.len >= 3 && p[0] == 0xe2 && p[1] == 0x80 &&
        (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae)))
        return 3; /* U+200E, U+200F, U+2028 to U+202E */
    if (text.len >= 3 && p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
        return 3; /* U+2066 to U+2069 */
    return 0;
}

bool ssh_list_has(struct bytes list, const char *word)
{
    struct bytes item = {list.data, 0};

    for (size_t i = 0; i <= list.len; i++) {
        if (i < list.len && list.data[i] != ',') {
            item.len++;
            continue;
        }
        if (ssh_bytes_are(item, word))
            return true;
        item = (struct bytes){list.data + i + 1, 0};
    }
    return false;
}
