/*
 * The SFTP client with its n-th allocation failing, for every n: nothing crashes or leaks, and each
 * request that was taken has one DONE. The linker wraps malloc, calloc and realloc, which fail only
 * within calls into the client; those that the script makes are wrapped too.
 */
#include <stdlib.h>

#include "support/sftp/sftp_script.h"
#include "test.h"

static bool armed;
static unsigned allocations, fail_at;

static bool fails(void)
{
    return armed && allocations++ == fail_at;
}

void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *p, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *p, size_t len);
bool __real_ssh_sftp_input(struct ssh_sftp *sf, const uint8_t *src, size_t len);
bool __wrap_ssh_sftp_input(struct ssh_sftp *sf, const uint8_t *src, size_t len);
struct bytes __real_ssh_sftp_output(struct ssh_sftp *sf);
struct bytes __wrap_ssh_sftp_output(struct ssh_sftp *sf);

void *__wrap_malloc(size_t len)
{
    return fails() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len)
{
    return fails() ? NULL : __real_calloc(count, len);
}

void *__wrap_realloc(void *p, size_t len)
{
    return fails() ? NULL : __real_realloc(p, len);
}

bool __wrap_ssh_sftp_input(struct ssh_sftp *sf, const uint8_t *src, size_t len)
{
    armed = true;
    bool going = __real_ssh_sftp_input(sf, src, len);

    armed = false;
    return going;
}

struct bytes __wrap_ssh_sftp_output(struct ssh_sftp *sf)
{
    armed = true;
    struct bytes out = __real_ssh_sftp_output(sf);

    armed = false;
    return out;
}

static void answer(struct script *s, struct asked *a)
{
    static const char *const names[] = {"a", "b", NULL};
    static const uint8_t bytes[100];

    switch (a->type) {
    case FXP_OPEN:
    case FXP_OPENDIR:
        script_handle(s, a, "h");
        break;
    case FXP_STAT:
    case FXP_FSTAT:
        script_attrs(s, a, 0100644, 200);
        break;
    case FXP_READ:
        if (a->offset < 200)
            script_data(s, a, bytes, 100);
        else
            script_status(s, a, SSH_SFTP_EOF, "");
        break;
    case FXP_READDIR:
        if (s->count < 40)
            script_names(s, a, names);
        else
            script_status(s, a, SSH_SFTP_EOF, "");
        break;
    case FXP_LSTAT:
        script_status(s, a, SSH_SFTP_NO_SUCH_FILE, "");
        break;
    case FXP_READLINK:
        script_names(s, a, names);
        break;
    default:
        script_status(s, a, 0, "");
    }
}

/* Every kind of request, answered until nothing is asked any more. */
static void run(void)
{
    static const uint8_t bytes[50000];
    struct script *s = script_new();
    unsigned taken[SSH_SFTP_WRITE + 1] = {0}, done[SSH_SFTP_WRITE + 1] = {0};
    struct ssh_event ev;

    script_pull(s);
    script_version(s, true);
    for (uint32_t op = 1; op <= SSH_SFTP_WRITE; op++) {
        struct ssh_sftp_request q = {.request = op,
                                     .op = (enum ssh_sftp_op)op,
                                     .path = "f",
                                     .path2 = "g",
                                     .flags = op == SSH_SFTP_WRITE ? SSH_SFTP_APPEND : 0};

        armed = true;
        taken[op] = ssh_sftp_request(s->sf, &q) == 0;
        armed = false;
    }
    script_pull(s);
    armed = true;
    ssh_sftp_write(s->sf, SSH_SFTP_WRITE, bytes, sizeof bytes);
    armed = false;
    ssh_sftp_end(s->sf, SSH_SFTP_WRITE);
    script_pull(s);
    for (int i = 0; i < 200; i++) {
        for (size_t k = 0; k < s->count; k++) {
            if (!s->asked[k].answered)
                answer(s, &s->asked[k]);
        }
        while (ssh_sftp_next(s->sf, &ev)) {
            if (ev.type == SSH_EVENT_SFTP_DONE)
                done[ev.request]++;
        }
        script_pull(s);
    }
    for (uint32_t op = 1; op <= SSH_SFTP_WRITE; op++)
        CHECK_EQ(done[op], taken[op]);
    CHECK(!s->sf->begun[0].first && !s->sf->begun[1].first && !s->sf->calls);
    script_free(s);
}

int main(void)
{
    fail_at = 1u << 30;
    run();
    unsigned all = allocations;

    CHECK(all > 30);
    for (fail_at = 0; fail_at < all; fail_at++) {
        allocations = 0;
        run();
    }
    return TEST_DONE();
}
