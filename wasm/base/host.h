/*
 * The two things the core asks of whoever drives it: random bytes and a place for log lines.
 * Injected once per process or module instance, before anything else; neither may call back into
 * the core.
 */
#ifndef BASE_HOST_H
#define BASE_HOST_H

#include <stddef.h>
#include <stdint.h>

enum host_log_level { HOST_LOG_ERROR = 0, HOST_LOG_INFO = 1, HOST_LOG_DEBUG = 2 };

struct host_calls {
    /* Fills dst from a cryptographically secure source; cannot fail. */
    void (*random_bytes)(uint8_t *dst, size_t len);
    /* One line of UTF-8 without newline, never with a secret; may be NULL. */
    void (*log)(int level, const char *line, size_t len);
};

void host_init(const struct host_calls *calls);
void host_random(uint8_t *dst, size_t len);

/* printf-like; lines over 512 bytes are cut. Never pass key material. */
void host_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A moment that never comes: what x_next_deadline() returns when nothing is due. All times are
 * milliseconds of a monotonic clock that the driver chooses (now_ms), save where named wall_ms
 * (milliseconds since 1970, UTC). */
#define NEVER UINT64_MAX

static inline uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The driver's wall clock minus its monotonic clock, in ms: wall_ms = now_ms + offset. Set at
 * start and whenever the driver sees it change (sleep, clock set). */
void host_set_wall_offset(int64_t offset_ms);
int64_t host_wall_ms(uint64_t now_ms);

#endif
