/* READ and WRITE: in order out of any order, short answers, ends, failures, credit, cancelling. */
#include "unit/ssh/sftp_transfer.h"

/* ---- READ ---- */

static void test_read_backwards(void)
{
    struct script *s = started();
    const uint64_t size = 10 * CHUNK + 100;
    struct ssh_event ev;
    uint64_t at = 0;

    open_read(s, 1, 0, 0, size);
    CHECK_EQ(next(s).type, SSH_EVENT_SFTP_ATTRS);
    CHECK_EQ(script_waiting(s, FXP_READ), 11);
    for (size_t i = s->count; i-- > 0;) {
        struct asked *a = &s->asked[i];

        if (a->type == FXP_READ && !a->answered) {
            CHECK(take(s, &at, &ev) && at == 0);
            give(s, a, a->offset + a->len > size ? size - a->offset : a->len);
        }
    }
    CHECK(take(s, &at, &ev) && at == size);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.code == 0); /* before the CLOSE is answered */
    CHECK(script_find(s, FXP_CLOSE) && !script_find(s, FXP_READ));
    CHECK_EQ(script_waiting(s, 0), 1);
    script_free(s);
}

static void test_read_short(void)
{
    struct script *s = started();
    struct ssh_event ev;
    uint64_t at = 100;

    open_read(s, 1, 100, 100000, 1000000);
    CHECK_EQ(next(s).type, SSH_EVENT_SFTP_ATTRS);
    give(s, script_find(s, FXP_READ), 1); /* the first of the range */
    while (script_find(s, FXP_READ)) {
        struct asked *a = script_find(s, FXP_READ);

        CHECK(a->offset + a->len <= 100100);
        give(s, a, a->len > 7000 ? 7000 : a->len);
    }
    CHECK(take(s, &at, &ev) && at == 100100);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.code == 0);
    /* what came was 7000 at a time: no more is asked for at once */
    CHECK(s->asked[s->count - 2].len <= 7000);
    script_free(s);
}

/* A size of 0 as in /proc: asked for piece by piece until EOF, more at once while it goes on. */
static void test_read_unknown_size(void)
{
    struct script *s = started();
    struct ssh_event ev;
    uint64_t at = 0;
    size_t most = 0;

    open_read(s, 1, 0, 0, 0);
    CHECK_EQ(next(s).type, SSH_EVENT_SFTP_ATTRS);
    for (int i = 0; i < 30; i++) {
        size_t n = script_waiting(s, FXP_READ);

        CHECK(i || n == 1);
        most = n > most ? n : most;
        give(s, script_find(s, FXP_READ), CHUNK);
        CHECK(take(s, &at, &ev));
        ssh_sftp_credit(s->sf, 1, CHUNK);
        script_pull(s);
    }
    CHECK(most > 10);
    while (script_find(s, FXP_READ))
        script_status(s, script_find(s, FXP_READ), SSH_SFTP_EOF, "");
    CHECK(take(s, &at, &ev) && at == 30 * CHUNK);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.code == 0);
    script_free(s);
}

/* It became shorter while it was read: EOF in the middle, data behind it is not taken. */
static void test_read_eof_in_the_middle(void)
{
    struct script *s = started();
    struct ssh_event ev;
    uint64_t at = 0;

    open_read(s, 1, 0, 0, 4 * CHUNK);
    CHECK_EQ(next(s).type, SSH_EVENT_SFTP_ATTRS);
    struct asked *a = script_find(s, FXP_READ);
    give(s, a + 2, CHUNK);
    give(s, a, CHUNK);
    script_status(s, a + 1, SSH_SFTP_EOF, "");
    CHECK(take(s, &at, &ev) && at == CHUNK);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.code == 0);
    CHECK(!script_find(s, FXP_CLOSE)); /* answers are still due */
    while (script_find(s, FXP_READ))
        script_status(s, script_find(s, FXP_READ), SSH_SFTP_EOF, "");
    CHECK(script_find(s, FXP_CLOSE) != NULL);
    script_free(s);
}

static void test_read_error_in_the_middle(void)
{
    static const char sentence[] = "f could not be read from byte 32768 on: permission denied.";
    struct script *s = started();
    struct ssh_event ev;
    uint64_t at = 0;

    open_read(s, 1, 0, 0, 4 * CHUNK);
    CHECK_EQ(next(s).type, SSH_EVENT_SFTP_ATTRS);
    struct asked *a = script_find(s, FXP_READ);
    script_status(s, a + 1, SSH_SFTP_PERMISSION_DENIED, "");
    give(s, a, CHUNK);
    CHECK(take(s, &at, &ev) && at == CHUNK);
    CHECK_EQ(ev.type, SSH_EVENT_NONE);
    while (script_find(s, FXP_READ))
        give(s, script_find(s, FXP_READ), 5);
    script_status(s, script_find(s, FXP_CLOSE), 0, "");
    CHECK(take(s, &at, &ev) && at == CHUNK);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.code == 3);
    CHECK(ev.text.len == sizeof sentence - 1 && !memcmp(ev.text.data, sentence, ev.text.len));
    script_free(s);
}

/* The attributes are told before the data, whatever comes first. */
static void test_read_attrs_late(void)
{
    struct script *s = started();
    struct ssh_event ev;
    uint64_t at = 0;

    CHECK_EQ(ssh_sftp_request(
                 s->sf, &(struct ssh_sftp_request){.request = 1, .op = SSH_SFTP_READ, .path = "f"}),
             0);
    script_pull(s);
    script_handle(s, script_find(s, FXP_OPEN), "1");
    give(s, script_find(s, FXP_READ), 10);
    script_status(s, script_find(s, FXP_READ), SSH_SFTP_EOF, ""); /* the rest of the 32 kB */
    CHECK_EQ(next(s).type, SSH_EVENT_NONE);
    script_status(s, script_find(s, FXP_FSTAT), SSH_SFTP_OP_UNSUPPORTED, "");
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_ATTRS && load_le32(ev.aux.data) == 0);
    CHECK(take(s, &at, &ev) && at == 10);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.code == 0 && ev.request == 1);
    script_free(s);
}

/* No credit: 1 MB and no more, while others are served; it goes on where it stopped. */
static void test_read_without_credit(void)
{
    struct script *s = started();
    struct ssh_event ev;
    uint64_t at = 0;

    open_read(s, 1, 0, 0, 1 << 30);
    CHECK_EQ(next(s).type, SSH_EVENT_SFTP_ATTRS);
    for (int i = 0; i < 100 && script_find(s, FXP_READ); i++) {
        give(s, script_find(s, FXP_READ), CHUNK);
        CHECK(take(s, &at, &ev));
        script_pull(s);
    }
    CHECK_EQ(at, SSH_INITIAL_CREDIT);
    CHECK_EQ(script_waiting(s, 0), 0);
    ssh_sftp_request(
        s->sf, &(struct ssh_sftp_request){.request = 2, .op = SSH_SFTP_STAT, .path = "other"});
    script_pull(s);
    script_attrs(s, script_find(s, FXP_STAT), 0100644, 5);
    CHECK_EQ(next(s).request, 2);
    ssh_sftp_credit(s->sf, 1, 5); /* less than a piece: that much */
    script_pull(s);
    CHECK_EQ(script_find(s, FXP_READ)->len, 5);
    give(s, script_find(s, FXP_READ), 5);
    CHECK(take(s, &at, &ev) && at == SSH_INITIAL_CREDIT + 5);
    ssh_sftp_credit(s->sf, 1, 1 << 30); /* not more than was handed out */
    script_pull(s);
    for (int i = 0; i < 100 && script_find(s, FXP_READ); i++) {
        give(s, script_find(s, FXP_READ), script_find(s, FXP_READ)->len);
        CHECK(take(s, &at, &ev));
        script_pull(s);
    }
    CHECK_EQ(at, 2 * SSH_INITIAL_CREDIT + 5);
    script_free(s);
}

static void test_read_cancelled(void)
{
    struct script *s = started();
    struct ssh_event ev;

    open_read(s, 1, 0, 0, 1 << 30);
    CHECK_EQ(next(s).type, SSH_EVENT_SFTP_ATTRS);
    give(s, script_find(s, FXP_READ), CHUNK);
    give(s, script_find(s, FXP_READ) + 3, CHUNK);
    ssh_sftp_cancel(s->sf, 1);
    script_pull(s);
    CHECK_EQ(next(s).type, SSH_EVENT_NONE);
    while (script_find(s, FXP_READ)) {
        CHECK(!script_find(s, FXP_CLOSE));
        give(s, script_find(s, FXP_READ), 100); /* short ones are not asked to their end */
    }
    script_status(s, script_find(s, FXP_CLOSE), 0, "");
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.code == IPN_ERR_CLOSED);
    CHECK_EQ(next(s).type, SSH_EVENT_NONE);
    script_free(s);
}

static void test_read_at_the_end_of_numbers(void)
{
    struct script *s = started();
    struct ssh_event ev;

    open_read(s, 1, INT64_MAX - 10, 0, INT64_MAX);
    CHECK_EQ(next(s).type, SSH_EVENT_SFTP_ATTRS);
    CHECK_EQ(script_find(s, FXP_READ)->len, 10);
    CHECK_EQ(script_find(s, FXP_READ)->offset, INT64_MAX - 10);
    give(s, script_find(s, FXP_READ), 10);
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_DATA && ev.text.len == 10);
    CHECK_EQ(next(s).type, SSH_EVENT_SFTP_DONE);
    script_free(s);
}

/* ---- WRITE ---- */

static void test_write_window(void)
{
    struct script *s = started();
    struct ssh_event ev;
    uint64_t at = 1000, before;
    size_t pieces = 0;

    open_write(s, 1, 1000, SSH_SFTP_CREATE);
    for (int i = 0; i < 200; i++)
        feed(s, 1, &at, 50000);
    CHECK_EQ(script_waiting(s, FXP_WRITE), SSH_SFTP_MAX_WRITES);
    CHECK_EQ(at - 1000, SSH_SFTP_MAX_WRITES * CHUNK + SFTP_MAX_WRITE_QUEUE_LEN);
    CHECK_EQ(next(s).type, SSH_EVENT_NONE); /* still full */
    for (before = 1000; script_find(s, FXP_WRITE) && pieces < 5; pieces++) {
        struct asked *a = script_find(s, FXP_WRITE);

        CHECK(a->offset == before && a->len == CHUNK && a->data[7] == content(before + 7));
        before += a->len;
        script_status(s, a, 0, "");
    }
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_WRITABLE && ev.request == 1);
    CHECK_EQ(load_le64(ev.aux.data + 8), before);
    ssh_sftp_end(s->sf, 1);
    script_pull(s);
    CHECK_EQ(ssh_sftp_write(s->sf, 1, (const uint8_t *)"x", 1), IPN_ERR_STATE);
    while (script_find(s, FXP_WRITE)) {
        CHECK(!script_find(s, FXP_CLOSE));
        script_status(s, script_find(s, FXP_WRITE), 0, "");
    }
    CHECK_EQ(next(s).type, SSH_EVENT_NONE); /* not before the file is closed */
    script_status(s, script_find(s, FXP_CLOSE), 0, "");
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.code == 0);
    CHECK_EQ(load_le64(ev.aux.data + 8), at);
    script_free(s);
}

/* Small writes share a packet while one is out. */
static void test_write_small(void)
{
    struct script *s = started();
    uint64_t at = 0;

    open_write(s, 1, 0, SSH_SFTP_CREATE);
    for (int i = 0; i < 100; i++)
        feed(s, 1, &at, 3);
    CHECK_EQ(script_waiting(s, FXP_WRITE), 1);
    CHECK_EQ(script_find(s, FXP_WRITE)->len, 3);
    script_status(s, script_find(s, FXP_WRITE), 0, "");
    CHECK_EQ(script_find(s, FXP_WRITE)->len, 297);
    script_free(s);
}

static void test_write_fails(void)
{
    static const char sentence[] =
        "f could not be written from byte 65536 on: the server reports a failure; its disk may be "
        "full.";
    struct script *s = started();
    struct ssh_event ev;
    uint64_t at = 0;

    open_write(s, 1, 0, SSH_SFTP_CREATE);
    feed(s, 1, &at, 5 * CHUNK);
    struct asked *a = script_find(s, FXP_WRITE);
    script_status(s, a + 1, 0, "");
    script_status(s, a + 2, 4, "Failure");
    CHECK_EQ(ssh_sftp_write(s->sf, 1, (const uint8_t *)"x", 1), IPN_ERR_CLOSED);
    script_status(s, a + 3, 0, "");
    script_status(s, a, 0, "");
    CHECK(!script_find(s, FXP_CLOSE));
    script_status(s, a + 4, 4, "Failure");
    script_status(s, script_find(s, FXP_CLOSE), 4, "Failure");
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.code == 4);
    CHECK(ev.text.len == sizeof sentence - 1 && !memcmp(ev.text.data, sentence, ev.text.len));
    CHECK_EQ(load_le64(ev.aux.data + 8), 2 * CHUNK);
    script_free(s);
}

/* Some servers tell only at the end. */
static void test_write_close_fails(void)
{
    struct script *s = started();
    struct ssh_event ev;
    uint64_t at = 0;

    open_write(s, 1, 0, SSH_SFTP_CREATE);
    feed(s, 1, &at, 10);
    ssh_sftp_end(s->sf, 1);
    script_pull(s);
    script_status(s, script_find(s, FXP_WRITE), 0, "");
    script_status(s, script_find(s, FXP_CLOSE), 4, "quota exceeded");
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.code == 4 && ev.text.len > 40);
    script_free(s);
}

static void test_write_cancelled(void)
{
    struct script *s = started();
    struct ssh_event ev;
    uint64_t at = 0;

    open_write(s, 1, 0, SSH_SFTP_CREATE);
    feed(s, 1, &at, 5 * CHUNK);
    ssh_sftp_cancel(s->sf, 1);
    script_pull(s);
    CHECK_EQ(ssh_sftp_write(s->sf, 1, (const uint8_t *)"x", 1), IPN_ERR_CLOSED);
    while (script_find(s, FXP_WRITE)) {
        CHECK_EQ(next(s).type, SSH_EVENT_NONE);
        script_status(s, script_find(s, FXP_WRITE), 0, "");
    }
    script_status(s, script_find(s, FXP_CLOSE), 0, "");
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.code == IPN_ERR_CLOSED);
    CHECK_EQ(load_le64(ev.aux.data + 8), 5 * CHUNK); /* it was acknowledged after all */
    script_free(s);
}

static void test_write_connection_lost(void)
{
    struct script *s = started();
    struct ssh_event ev;
    uint64_t at = 0;

    open_write(s, 1, 0, SSH_SFTP_CREATE);
    feed(s, 1, &at, 5 * CHUNK);
    script_status(s, script_find(s, FXP_WRITE), 0, "");
    script_status(s, script_find(s, FXP_WRITE) + 1, 0, "");
    ssh_sftp_closed(s->sf, false);
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.code == IPN_ERR_CLOSED);
    CHECK_EQ(load_le64(ev.aux.data + 8), CHUNK);
    script_free(s);
}

static void test_append(void)
{
    struct script *s = started();
    uint64_t at = 0;

    open_write(s, 1, 77, SSH_SFTP_CREATE | SSH_SFTP_APPEND);
    feed(s, 1, &at, 10);
    CHECK(!script_find(s, FXP_WRITE)); /* not before it is known where the end is */
    script_attrs(s, script_find(s, FXP_FSTAT), 0100644, 5000);
    CHECK_EQ(script_find(s, FXP_WRITE)->offset, 5000);
    CHECK_EQ(s->asked[1].flags, 2 | 4 | 8);
    script_free(s);
}

static void test_write_at_the_end_of_numbers(void)
{
    struct script *s = started();
    struct ssh_event ev;
    uint64_t at = INT64_MAX - 5;

    open_write(s, 1, at, SSH_SFTP_CREATE);
    feed(s, 1, &at, 10);
    CHECK(!script_find(s, FXP_WRITE));
    script_status(s, script_find(s, FXP_CLOSE), 0, "");
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.code == IPN_ERR_ARG);
    script_free(s);
}

int main(void)
{
    test_read_backwards();
    test_read_short();
    test_read_unknown_size();
    test_read_eof_in_the_middle();
    test_read_error_in_the_middle();
    test_read_attrs_late();
    test_read_without_credit();
    test_read_cancelled();
    test_read_at_the_end_of_numbers();
    test_write_window();
    test_write_small();
    test_write_fails();
    test_write_close_fails();
    test_write_cancelled();
    test_write_connection_lost();
    test_append();
    test_write_at_the_end_of_numbers();
    return TEST_DONE();
}
