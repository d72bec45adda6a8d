/*
 * Reads the generated files of tests/vectors: lines of "name = hex", "#" begins a comment.
 */
#ifndef VECTORS_H
#define VECTORS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"

/* Decodes the value called name in file into out; returns its length in bytes. A file or name that
 * is missing, bad hex and too little room end the program: a test without its vector proves
 * nothing. */
static inline size_t vector_get(const char *file, const char *name, uint8_t *out, size_t cap)
{
    static char line[1 << 18];
    char path[1024];
    size_t name_len = strlen(name), len;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", TEST_VECTORS, file);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        const char *hex = line + name_len + 3;

        if (strncmp(line, name, name_len) != 0 || strncmp(line + name_len, " = ", 3) != 0)
            continue;
        len = strcspn(hex, "\r\n");
        if (len % 2 != 0 || len / 2 > cap || hex_decode(out, len / 2, hex) < 0)
            break;
        fclose(f);
        return len / 2;
    }
    fprintf(stderr, "%s: no %s of at most %zu bytes\n", path, name, cap);
    exit(1);
}

#endif
