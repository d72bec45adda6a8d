/*
 * The part of DER (X.690) that key files are made of: [tag 1][length 1, or 0x8n and n bytes][value].
 * Definite, shortest lengths only.
 */
#include "ssh/ssh_key_internal.h"

bool der_get(struct bytes *value, struct bytes *in, enum der_tag tag)
{
    size_t len, bytes, at = 2;

    if (in->len < 2 || in->data[0] != (uint8_t)tag)
        return false;
    len = in->data[1];
    if (len >= 0x80) {
        bytes = len - 0x80;
        if (bytes < 1 || bytes > 3 || in->len < 2 + bytes)
            return false;
        for (len = 0; at < 2 + bytes; at++)
            len = len << 8 | in->data[at];
        if (len < 0x80 || (bytes > 1 && len < (size_t)1 << (8 * (bytes - 1))))
            return false;
    }
    if (len > in->len - at)
        return false;
    *value = (struct bytes){in->data + at, len};
    *in = (struct bytes){in->data + at + len, in->len - at - len};
    return true;
}

bool der_get_number(struct bytes *number, struct bytes *in)
{
    struct bytes n;

    if (!der_get(&n, in, DER_INTEGER) || !n.len || n.data[0] & 0x80)
        return false;
    while (n.len && !n.data[0])
        n = (struct bytes){n.data + 1, n.len - 1};
    *number = n;
    return true;
}

bool der_get_int(uint32_t *value, struct bytes *in)
{
    struct bytes n;

    if (!der_get_number(&n, in) || n.len > 4 || (n.len == 4 && n.data[0] & 0x80))
        return false;
    *value = 0;
    for (size_t i = 0; i < n.len; i++)
        *value = *value << 8 | n.data[i];
    return true;
}

bool der_get_algorithm(struct bytes *oid, struct bytes *parameters, struct bytes *in)
{
    return der_get(parameters, in, DER_SEQUENCE) && der_get(oid, parameters, DER_OID);
}
