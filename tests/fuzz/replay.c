/*
 * Stands in for libFuzzer where the compiler has none: runs a harness over every file of its
 * corpus, over each file cut short at every length, and over the empty input. A corpus that is
 * missing or empty is a failure.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { INPUT_MAX = 1 << 20, CUTS_MAX = 512 };

/* Exactly len bytes on the heap, so that the sanitizer sees a read past the end. */
static void run(const uint8_t *src, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    if (!copy)
        abort();
    if (len)
        memcpy(copy, src, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static int run_file(const char *path)
{
    static uint8_t bytes[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    size_t len, step;

    if (!file) {
        perror(path);
        return -1;
    }
    len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    step = len / CUTS_MAX + 1;
    for (size_t cut = 0; cut < len; cut += step)
        run(bytes, cut);
    run(bytes, len);
    return 0;
}

int main(int argc, char **argv)
{
    char path[4096];
    unsigned files = 0;
    struct dirent *entry;
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;

    if (!dir) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    run(NULL, 0);
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        if (run_file(path) < 0)
            return 1;
        files++;
    }
    closedir(dir);
    printf("%u files replayed\n", files);
    return files == 0;
}
