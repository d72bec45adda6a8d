/*
 * SSH's data types (RFC 4251 section 5). Getters take from the front of b and move it; false leaves
 * b as it was. Putters append to a buf; false when it is full or out of memory.
 */
#ifndef SSH_SSH_WIRE_H
#define SSH_SSH_WIRE_H

#include "base/buf.h"

static inline bool ssh_get_u8(uint8_t *value, struct bytes *b)
{
    if (b->len < 1)
        return false;
    *value = b->data[0];
    *b = (struct bytes){b->data + 1, b->len - 1};
    return true;
}

static inline bool ssh_get_u32(uint32_t *value, struct bytes *b)
{
    if (b->len < 4)
        return false;
    *value = load_be32(b->data);
    *b = (struct bytes){b->data + 4, b->len - 4};
    return true;
}

/* Borrowed from b. */
static inline bool ssh_get_string(struct bytes *value, struct bytes *b)
{
    struct bytes rest = *b;
    uint32_t len;

    if (!ssh_get_u32(&len, &rest) || len > rest.len)
        return false;
    *value = (struct bytes){rest.data, len};
    *b = (struct bytes){rest.data + len, rest.len - len};
    return true;
}

static inline bool ssh_put_u8(struct buf *b, uint8_t value)
{
    return buf_append(b, &value, 1) == 0;
}

static inline bool ssh_put_u32(struct buf *b, uint32_t value)
{
    uint8_t wire[4];

    store_be32(wire, value);
    return buf_append(b, wire, sizeof wire) == 0;
}

static inline bool ssh_put_string(struct buf *b, struct bytes value)
{
    return ssh_put_u32(b, (uint32_t)value.len) &&
           (!value.len || buf_append(b, value.data, value.len) == 0);
}

bool ssh_put_text(struct buf *b, const char *text);
/* An mpint of a positive big-endian number, with or without leading zeros. */
bool ssh_put_mpint(struct buf *b, struct bytes number);

bool ssh_bytes_are(struct bytes b, const char *text);
/* Bytes at the front of text that no sentence may hold: a control character, of C1 too, or one that
 * turns the order of letters around. 0: what is there can be shown. */
size_t ssh_unshowable_len(struct bytes text);
/* True if word is one of those in a list with commas. */
bool ssh_list_has(struct bytes list, const char *word);

#endif
