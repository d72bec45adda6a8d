/* Text forms of bytes: standard base64 with padding (RFC 4648 section 4) and lower-case hex. */
#ifndef BASE_ENCODING_H
#define BASE_ENCODING_H

#include <stddef.h>
#include <stdint.h>

#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Writes BASE64_LEN(len) characters and a NUL; returns the length without the NUL. */
size_t base64_encode(char *dst, const uint8_t *src, size_t len);

/* Decodes at most cap bytes; returns the count, or IPN_ERR_ARG for anything but canonical
 * padded base64 or too little room. */
int base64_decode(uint8_t *dst, size_t cap, const char *src, size_t len);

/* Writes 2 * len characters and a NUL. */
void hex_encode(char *dst, const uint8_t *src, size_t len);

/* Decodes exactly len bytes from 2 * len characters (either case): 0 or IPN_ERR_ARG. */
int hex_decode(uint8_t *dst, size_t len, const char *src);

#endif
