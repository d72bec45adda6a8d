/*
 * ctgrind's method: secrets are marked as undefined memory, and valgrind's memcheck reports every
 * branch and every address that depends on one.
 */
#ifndef TESTS_CT_DECLASSIFY_H
#define TESTS_CT_DECLASSIFY_H

#include <stddef.h>

/* From here on the bytes are a secret, or no longer one. */
void secret(void *p, size_t len);
void declassify(const void *p, size_t len);

#endif
