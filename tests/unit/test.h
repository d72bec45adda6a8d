/*
 * Checks for the test programs. A check that fails prints where and what, and the program goes on;
 * TEST_DONE() at the end of main prints the sum and makes the exit status: 0 only if there was at
 * least one check and none failed.
 */
#ifndef TEST_H
#define TEST_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned test_checks, test_failures;

static inline int test_check(int ok, const char *what, const char *file, int line)
{
    test_checks++;
    if (!ok) {
        test_failures++;
        fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    }
    return ok;
}

static inline int test_check_eq(long long a, long long b, const char *what, const char *file,
                                int line)
{
    int ok = test_check(a == b, what, file, line);

    if (!ok)
        fprintf(stderr, "    left  %lld (0x%llx)\n    right %lld (0x%llx)\n", a,
                (unsigned long long)a, b, (unsigned long long)b);
    return ok;
}

static inline void test_print_bytes(const char *name, const uint8_t *bytes, size_t len, size_t at)
{
    size_t from = at < 8 ? 0 : at - 8, to = len - from < 32 ? len : from + 32;

    fprintf(stderr, "    %s [%zu..%zu)", name, from, to);
    for (size_t i = from; i < to; i++)
        fprintf(stderr, "%s%02x", i == at ? " >" : " ", bytes[i]);
    fprintf(stderr, "\n");
}

static inline int test_check_mem(const void *a, const void *b, size_t len, const char *what,
                                 const char *file, int line)
{
    const uint8_t *left = a, *right = b;
    size_t at = 0;

    while (at < len && left[at] == right[at])
        at++;
    if (test_check(at == len, what, file, line))
        return 1;
    fprintf(stderr, "    first difference at byte %zu of %zu\n", at, len);
    test_print_bytes("left ", left, len, at);
    test_print_bytes("right", right, len, at);
    return 0;
}

static inline int test_check_str(const char *a, const char *b, const char *what, const char *file,
                                 int line)
{
    int ok = test_check(a && b && strcmp(a, b) == 0, what, file, line);

    if (!ok)
        fprintf(stderr, "    left  \"%s\"\n    right \"%s\"\n", a ? a : "(null)", b ? b : "(null)");
    return ok;
}

static inline int test_done(void)
{
    printf("%u checks, %u failed\n", test_checks, test_failures);
    return test_checks == 0 || test_failures != 0;
}

/* Each is an expression: 1 if it held, 0 if not; `if (!CHECK(p)) return TEST_DONE();` stops. */
#define CHECK(cond) test_check(!!(cond), #cond, __FILE__, __LINE__)
#define CHECK_EQ(a, b) \
    test_check_eq((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_MEM(a, b, len) \
    test_check_mem((a), (b), (len), #a " == " #b " for " #len " bytes", __FILE__, __LINE__)
#define CHECK_STR(a, b) test_check_str((a), (b), #a " == " #b, __FILE__, __LINE__)

/* Last line of main: return TEST_DONE(); */
#define TEST_DONE() test_done()

#endif
