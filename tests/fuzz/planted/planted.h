/*
 * Bugs put in on purpose, one for each harness, to show that it finds such: a file per harness,
 * linked into fuzz_<name> as planted_<name>, whose __wrap_ functions stand in front of those of the
 * core. The conditions are such that no single packet of an honest peer meets them.
 */
#ifndef TESTS_FUZZ_PLANTED_H
#define TESTS_FUZZ_PLANTED_H

#include <stdlib.h>

/* A write past the end, as a wrong length would do. */
static inline void planted_bug(void)
{
    volatile char *p = malloc(1);

    p[1] = 'x';
    free((void *)p);
}

#endif
