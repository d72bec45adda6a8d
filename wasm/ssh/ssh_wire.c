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
