/* Requests of one question and one answer, lists, sentences, the beginning and the end. */
#include <stdlib.h>

#include "support/sftp/sftp_script.h"
#include "test.h"

static struct script *started(bool posix_rename)
{
    struct script *s = script_new();
    struct ssh_event ev;

    script_pull(s);
    CHECK(s->count == 1 && s->asked[0].type == FXP_INIT && s->asked[0].flags == 3);
    script_version(s, posix_rename);
    CHECK(ssh_sftp_next(s->sf, &ev) && ev.type == SSH_EVENT_OPEN);
    CHECK(!ssh_sftp_next(s->sf, &ev));
    return s;
}

static int ask(struct script *s, enum ssh_sftp_op op, uint32_t number, const char *path,
               const char *path2, uint32_t flags)
{
    struct ssh_sftp_request q = {.request = number,
                                 .op = op,
                                 .path = path,
                                 .path2 = path2,
                                 .length = op == SSH_SFTP_SETSTAT ? 12345 : 0,
                                 .mode = op == SSH_SFTP_WRITE ? 0600 : 0750,
                                 .flags = flags};
    int rc = ssh_sftp_request(s->sf, &q);

    script_pull(s);
    return rc;
}

static struct ssh_event next(struct script *s)
{
    struct ssh_event ev = {.type = SSH_EVENT_NONE};

    ssh_sftp_next(s->sf, &ev);
    return ev;
}

static bool text_is(struct bytes text, const char *expected)
{
    bool is = text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;

    if (!is)
        fprintf(stderr, "    \"%.*s\"\n    \"%s\"\n", (int)text.len, (const char *)text.data,
                expected);
    return is;
}

/* ---- what is sent, what comes out ---- */

static void test_packets(void)
{
    static const struct {
        enum ssh_sftp_op op;
        uint8_t type;
        const char *path2;
        uint32_t flags, attr_flags;
    } cases[] = {
        {SSH_SFTP_STAT, FXP_STAT, "", 0, 0},
        {SSH_SFTP_LSTAT, FXP_LSTAT, "", 0, 0},
        {SSH_SFTP_SETSTAT, FXP_SETSTAT, "", SSH_SFTP_SET_SIZE, SFTP_ATTR_SIZE},
        {SSH_SFTP_SETSTAT, FXP_SETSTAT, "", SSH_SFTP_SET_MODE, SFTP_ATTR_MODE},
        {SSH_SFTP_SETSTAT, FXP_SETSTAT, "", 5, 5},
        {SSH_SFTP_MKDIR, FXP_MKDIR, "", 0, SFTP_ATTR_MODE},
        {SSH_SFTP_RMDIR, FXP_RMDIR, "", 0, 0},
        {SSH_SFTP_REMOVE, FXP_REMOVE, "", 0, 0},
        {SSH_SFTP_RENAME, FXP_RENAME, "b", SSH_SFTP_OVERWRITE, 0},
        {SSH_SFTP_READLINK, FXP_READLINK, "", 0, 0},
        {SSH_SFTP_REALPATH, FXP_REALPATH, "", 0, 0},
        {SSH_SFTP_LIST, FXP_OPENDIR, "", 0, 0},
        {SSH_SFTP_READ, FXP_OPEN, "", 0, 0},
        {SSH_SFTP_WRITE, FXP_OPEN, "", SSH_SFTP_CREATE, SFTP_ATTR_MODE},
    };
    static const char path[] = "/odd \xff\xfe\n\x01%s.txt";
    struct script *s = started(false);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct asked *a = &s->asked[s->count];

        CHECK_EQ(ask(s, cases[i].op, 100 + (uint32_t)i, path, cases[i].path2, cases[i].flags), 0);
        CHECK_EQ(a->type, cases[i].type);
        CHECK_STR(a->path, path);
        CHECK_STR(a->path2, cases[i].path2);
        CHECK_EQ(a->attr_flags, cases[i].attr_flags);
        if (a->attr_flags & SFTP_ATTR_SIZE)
            CHECK_EQ(a->size, 12345);
        if (a->attr_flags & SFTP_ATTR_MODE)
            CHECK_EQ(a->mode, cases[i].op == SSH_SFTP_WRITE ? 0600 : 0750);
    }
    CHECK_EQ(script_find(s, FXP_OPEN)->flags, 1);
    script_find(s, FXP_OPEN)->answered = true;
    CHECK_EQ(script_find(s, FXP_OPEN)->flags, 2 | 8);
    script_free(s);
}

static void test_results(void)
{
    struct script *s = started(false);
    static const char *const target[] = {"/to/\xc3\xa4 b", NULL};
    struct ssh_event ev;

    ask(s, SSH_SFTP_STAT, 1, "a", NULL, 0);
    ask(s, SSH_SFTP_READLINK, 2, "l", NULL, 0);
    ask(s, SSH_SFTP_MKDIR, 3, "d", NULL, 0);
    /* answered in another order than asked */
    script_status(s, script_find(s, FXP_MKDIR), 0, "Success");
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.request == 3 && ev.code == 0 && !ev.text.len);
    script_names(s, script_find(s, FXP_READLINK), target);
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.request == 2 && text_is(ev.text, target[0]));
    script_attrs(s, script_find(s, FXP_STAT), 0100640, 1ull << 62);
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.request == 1 && ev.aux.len == SSH_SFTP_ATTRS_LEN);
    CHECK_EQ(load_le32(ev.aux.data), SFTP_ATTR_SIZE | SFTP_ATTR_MODE);
    CHECK_EQ(load_le32(ev.aux.data + 4), 0100640);
    CHECK_EQ(load_le64(ev.aux.data + 8), 1ll << 62);
    CHECK_EQ(next(s).type, SSH_EVENT_NONE);
    /* a number is free again after DONE */
    CHECK_EQ(ask(s, SSH_SFTP_STAT, 1, "a", NULL, 0), 0);
    CHECK_EQ(ask(s, SSH_SFTP_STAT, 1, "a", NULL, 0), IPN_ERR_ARG);
    script_free(s);
}

static void test_rename(void)
{
    struct script *s = started(true);
    struct ssh_event ev;

    ask(s, SSH_SFTP_RENAME, 1, "a", "b", SSH_SFTP_OVERWRITE);
    CHECK(script_find(s, FXP_EXTENDED) && !strcmp(script_find(s, FXP_EXTENDED)->path2, "b"));
    script_status(s, script_find(s, FXP_EXTENDED), 0, "");
    CHECK_EQ(next(s).code, 0);
    /* the new name is taken: nothing is renamed */
    ask(s, SSH_SFTP_RENAME, 2, "a", "b", 0);
    CHECK_STR(script_find(s, FXP_LSTAT)->path, "b");
    script_attrs(s, script_find(s, FXP_LSTAT), 0100644, 1);
    ev = next(s);
    CHECK_EQ(ev.code, SSH_SFTP_EXISTS);
    CHECK(text_is(ev.text, "a could not be renamed to b: that name is taken."));
    CHECK(!script_find(s, FXP_RENAME));
    /* it is free */
    ask(s, SSH_SFTP_RENAME, 3, "a", "c", 0);
    script_status(s, script_find(s, FXP_LSTAT), 2, "No such file");
    CHECK(script_find(s, FXP_RENAME) && !strcmp(script_find(s, FXP_RENAME)->path2, "c"));
    script_status(s, script_find(s, FXP_RENAME), 4, "Failure");
    ev = next(s);
    CHECK(text_is(ev.text, "a could not be renamed to c: the server reports a failure."));
    /* OpenSSH's order: the target first */
    ask(s, SSH_SFTP_SYMLINK, 4, "link", "target", 0);
    CHECK_STR(script_find(s, FXP_SYMLINK)->path, "target");
    CHECK_STR(script_find(s, FXP_SYMLINK)->path2, "link");
    script_free(s);
}

static void test_sentences(void)
{
    static const struct {
        enum ssh_sftp_op op;
        uint32_t flags, status;
        const char *said, *sentence;
    } cases[] = {
        {SSH_SFTP_READ, 0, 3, "Permission denied",
         "/etc/shadow could not be read: permission denied."},
        {SSH_SFTP_STAT, 0, 2, "No such file",
         "/etc/shadow could not be looked up: there is no such file or directory."},
        {SSH_SFTP_MKDIR, 0, 4, "Failure",
         "/etc/shadow could not be created: the server reports a failure; it may be there "
         "already."},
        {SSH_SFTP_MKDIR, 0, 4, "mkdir: \x1b[31mfile exists\n",
         "/etc/shadow could not be created: the server says \"mkdir: ?[31mfile exists?\" "
         "(status 4)."},
        {SSH_SFTP_MKDIR, 0, 4,
         "a\xc2\x9b"
         "31mb\xc3\xa4\xe2\x80\xae"
         "c\xe2\x81\xa7",
         "/etc/shadow could not be created: the server says \"a?31mb\xc3\xa4?c?\" (status 4)."},
        {SSH_SFTP_RMDIR, 0, 4, "",
         "/etc/shadow could not be removed: the server reports a failure; the directory may not be "
         "empty."},
        {SSH_SFTP_LIST, 0, 8, "",
         "/etc/shadow could not be listed: the server does not support this."},
        {SSH_SFTP_SETSTAT, SSH_SFTP_SET_MODE, 4711, "",
         "/etc/shadow could not be changed: the server answers with status 4711."},
        {SSH_SFTP_SETSTAT, SSH_SFTP_SET_SIZE, 14, "No space left.",
         "/etc/shadow could not be resized: the server says \"No space left\" (status 14)."},
        {SSH_SFTP_WRITE, SSH_SFTP_CREATE, 3, "",
         "/etc/shadow could not be opened for writing: permission denied."},
        {SSH_SFTP_WRITE, SSH_SFTP_CREATE | SSH_SFTP_EXCLUSIVE, 4, "",
         "/etc/shadow could not be opened for writing: the server reports a failure; it may be "
         "there already."},
        {SSH_SFTP_READLINK, 0, 5, "",
         "/etc/shadow could not be read as a link: the server did not understand the request."},
        {SSH_SFTP_REALPATH, 0, 1, "",
         "/etc/shadow could not be resolved: the server answers with status 1."},
    };
    struct script *s = started(true);
    struct ssh_event ev;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(s, cases[i].op, 1, "/etc/shadow", NULL, cases[i].flags);
        script_status(s, &s->asked[s->count - 1], cases[i].status, cases[i].said);
        ev = next(s);
        CHECK_EQ(ev.type, SSH_EVENT_SFTP_DONE);
        CHECK_EQ(ev.code, cases[i].status);
        CHECK(text_is(ev.text, cases[i].sentence));
        CHECK_EQ(next(s).type, SSH_EVENT_NONE);
    }
    script_free(s);
}

/* A path that is too long for a sentence shows its end; no byte of a character is cut. */
static void test_long_path(void)
{
    struct script *s = started(true);
    char path[3001];
    struct ssh_event ev;

    for (size_t i = 0; i < 3000; i++)
        path[i] = i & 1 ? '\xa4' : '\xc3';
    path[3000] = '\0';
    ask(s, SSH_SFTP_RENAME, 1, path, path, 1);
    script_status(s, script_find(s, FXP_EXTENDED), 3, "");
    ev = next(s);
    CHECK(ev.text.len < 1200 && !memcmp(ev.text.data, "\xe2\x80\xa6\xc3\xa4", 5));
    script_free(s);
}

/* What a name hides or turns around is not in the sentence about it. */
static void test_path_shown(void)
{
    struct script *s = started(true);

    ask(s, SSH_SFTP_STAT, 1, "a\x1b[2J\xc2\x85\xe2\x80\xaegpj.exe\xc3\xa4", NULL, 0);
    script_status(s, script_find(s, FXP_STAT), 3, "");
    CHECK(
        text_is(next(s).text, "a?[2J??gpj.exe\xc3\xa4 could not be looked up: permission denied."));
    script_free(s);
}

/* ---- lists ---- */

/* A page that does not read: so many entries, then nothing more is asked for. */
static void test_list_without_credit(void)
{
    enum { BATCH = 100 };
    static char texts[BATCH][16];
    const char *names[BATCH + 1] = {NULL};
    struct script *s = started(false);
    unsigned entries = 0, sent = 0;
    struct asked *a;

    for (int i = 0; i < BATCH; i++) {
        snprintf(texts[i], sizeof texts[i], "n%d", i);
        names[i] = texts[i];
    }
    ask(s, SSH_SFTP_LIST, 7, "/d", NULL, 0);
    script_handle(s, script_find(s, FXP_OPENDIR), "h1");
    while (entries < SSH_SFTP_MAX_ENTRIES && (a = script_find(s, FXP_READDIR))) {
        script_names(s, a, names);
        sent++;
        while (next(s).type == SSH_EVENT_SFTP_ENTRY)
            entries++;
        script_pull(s);
    }
    CHECK_EQ(entries, SSH_SFTP_MAX_ENTRIES);
    CHECK(sent <= SSH_SFTP_MAX_ENTRIES / BATCH + 1);
    a = script_find(s, FXP_READDIR);
    CHECK(a != NULL); /* one batch waits, one more may */
    script_status(s, a, 1, "");
    CHECK_EQ(next(s).type, SSH_EVENT_NONE); /* no DONE before the last of them */
    ssh_sftp_credit(s->sf, 7, 1);
    CHECK_EQ(next(s).type, SSH_EVENT_SFTP_ENTRY);
    CHECK_EQ(next(s).type, SSH_EVENT_NONE);
    ssh_sftp_credit(s->sf, 7, 1000000); /* no more than were handed out */
    for (entries++; entries < sent * BATCH; entries++)
        CHECK_EQ(next(s).type, SSH_EVENT_SFTP_ENTRY);
    CHECK_EQ(next(s).type, SSH_EVENT_SFTP_DONE);
    script_free(s);
}

/* Names that no file system has. */
static void test_list_long_names(void)
{
    static char good[SSH_SFTP_MAX_NAME_LEN + 1], bad[SSH_SFTP_MAX_NAME_LEN + 2];
    const char *names[] = {bad, good, NULL};
    struct script *s = started(false);

    memset(good, 'g', sizeof good - 1);
    memset(bad, 'b', sizeof bad - 1);
    ask(s, SSH_SFTP_LIST, 7, "/d", NULL, 0);
    script_handle(s, script_find(s, FXP_OPENDIR), "h1");
    script_names(s, script_find(s, FXP_READDIR), names);
    CHECK(text_is(next(s).text, good));
    CHECK_EQ(next(s).type, SSH_EVENT_NONE);
    script_free(s);
}

static void test_list(void)
{
    static const char *const first[] = {".", "..", "", "../x", "a", "b\xff", NULL},
                             *const second[] = {"c", NULL};
    static const char *const none[] = {NULL};
    struct script *s = started(false);
    struct ssh_event ev;

    ask(s, SSH_SFTP_LIST, 7, "/d", NULL, 0);
    script_handle(s, script_find(s, FXP_OPENDIR), "h1");
    CHECK_STR(script_find(s, FXP_READDIR)->path, "h1");
    script_names(s, script_find(s, FXP_READDIR), first);
    CHECK(script_waiting(s, FXP_READDIR) == 1); /* asked ahead, one at a time */
    script_names(s, script_find(s, FXP_READDIR), none);
    script_names(s, script_find(s, FXP_READDIR), second);
    CHECK(script_waiting(s, FXP_READDIR) == 0); /* two wait to be handed out */
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_ENTRY && ev.request == 7 && text_is(ev.text, "a"));
    CHECK_EQ(load_le64(ev.aux.data + 8), 4);
    CHECK(text_is(next(s).text, "b\xff"));
    CHECK(text_is(next(s).text, "c"));
    CHECK_EQ(next(s).type, SSH_EVENT_NONE);
    script_pull(s);
    script_status(s, script_find(s, FXP_READDIR), 1, "");
    CHECK_EQ(next(s).type, SSH_EVENT_SFTP_DONE);
    CHECK_STR(script_find(s, FXP_CLOSE)->path, "h1");
    script_status(s, script_find(s, FXP_CLOSE), 0, "");
    CHECK_EQ(next(s).type, SSH_EVENT_NONE);
    script_free(s);
}

static void test_list_cancelled(void)
{
    static const char *const names[] = {"a", "b", NULL};
    struct script *s = started(false);
    struct ssh_event ev;

    ask(s, SSH_SFTP_LIST, 7, "/d", NULL, 0);
    ssh_sftp_cancel(s->sf, 7); /* before the handle is there */
    script_handle(s, script_find(s, FXP_OPENDIR), "h1");
    CHECK(!script_find(s, FXP_READDIR) && script_find(s, FXP_CLOSE));
    CHECK_EQ(next(s).type, SSH_EVENT_NONE);
    script_status(s, script_find(s, FXP_CLOSE), 0, "");
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.code == IPN_ERR_CLOSED);
    CHECK(text_is(ev.text, "/d could not be listed: it was cancelled."));

    ask(s, SSH_SFTP_LIST, 8, "/d", NULL, 0);
    script_handle(s, script_find(s, FXP_OPENDIR), "h2");
    script_names(s, script_find(s, FXP_READDIR), names);
    CHECK_EQ(next(s).type, SSH_EVENT_SFTP_ENTRY);
    ssh_sftp_cancel(s->sf, 8);
    script_pull(s);
    CHECK_EQ(next(s).type, SSH_EVENT_NONE);
    CHECK(!script_find(s, FXP_CLOSE)); /* one answer is still due */
    script_names(s, script_find(s, FXP_READDIR), names);
    script_status(s, script_find(s, FXP_CLOSE), 0, "");
    CHECK_EQ(next(s).code, IPN_ERR_CLOSED);
    script_free(s);
}

/* ---- beginning, end, limits ---- */

static void check_problem(struct script *s, const char *sentence)
{
    struct ssh_event ev = next(s);

    CHECK(ev.type == SSH_EVENT_ERROR && text_is(ev.text, sentence));
    CHECK_EQ(next(s).type, SSH_EVENT_NONE);
    CHECK_EQ(ask(s, SSH_SFTP_STAT, 1, "a", NULL, 0), IPN_ERR_CLOSED);
    script_free(s);
}

static void test_beginnings(void)
{
    struct script *s = script_new();

    ssh_sftp_closed(s->sf, false);
    check_problem(s, "This server offers no SFTP.");

    s = script_new();
    script_raw(s, "Welcome to the machine\n", 23);
    check_problem(s, "The server prints text (\"Welc...\") where SFTP should begin: a login script "
                     "of this user (.bashrc or the like) must not print anything.");

    s = script_new();
    script_raw(s, "\0\0\0\5\2\0\0\0\2", 9);
    check_problem(s, "The server speaks an SFTP older than version 3, which is needed here.");

    s = script_new();
    script_raw(s, "\0\0\0\5\1\0\0\0\3", 9);
    check_problem(s, "What answers on the server's side is no SFTP server.");

    s = script_new(); /* closed by us: no error */
    ssh_sftp_closed(s->sf, true);
    CHECK_EQ(next(s).type, SSH_EVENT_NONE);
    script_free(s);

    s = script_new(); /* asked before the server's hello: waits */
    CHECK_EQ(ask(s, SSH_SFTP_STAT, 1, "a", NULL, 0), 0);
    CHECK(!script_find(s, FXP_STAT));
    s->piece = 1;
    script_version(s, true);
    CHECK(script_find(s, FXP_STAT));
    script_free(s);
}

static void test_closed(void)
{
    struct script *s = started(true);
    struct ssh_event ev;

    ask(s, SSH_SFTP_STAT, 1, "a", NULL, 0);
    ask(s, SSH_SFTP_LIST, 2, "b", NULL, 0);
    ssh_sftp_closed(s->sf, false);
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.request == 1 && ev.code == IPN_ERR_CLOSED);
    CHECK(text_is(ev.text, "a could not be looked up: the connection was closed."));
    ev = next(s);
    CHECK(ev.type == SSH_EVENT_SFTP_DONE && ev.request == 2 && ev.code == IPN_ERR_CLOSED);
    CHECK_EQ(next(s).type, SSH_EVENT_NONE);
    CHECK(!ssh_sftp_output(s->sf).len);
    script_free(s);
}

static void test_limits(void)
{
    struct script *s = started(true);
    struct ssh_sftp_request q = {.op = SSH_SFTP_STAT, .path = "a"};
    char *path = malloc(SSH_SFTP_MAX_PATH_LEN + 2);
    uint32_t number;
    int rc = 0;

    memset(path, 'p', SSH_SFTP_MAX_PATH_LEN + 1);
    path[SSH_SFTP_MAX_PATH_LEN + 1] = '\0';
    CHECK_EQ(ask(s, SSH_SFTP_STAT, 1, path, NULL, 0), IPN_ERR_ARG);
    CHECK_EQ(ask(s, SSH_SFTP_STAT, 1, path + 1, NULL, 0), 0);
    CHECK_EQ(ask(s, SSH_SFTP_RENAME, 2, "a", NULL, 0), IPN_ERR_ARG);
    CHECK_EQ(ask(s, SSH_SFTP_STAT, 2, NULL, NULL, 0), IPN_ERR_ARG);
    CHECK_EQ(ask(s, (enum ssh_sftp_op)0, 2, "a", NULL, 0), IPN_ERR_ARG);
    CHECK_EQ(ask(s, (enum ssh_sftp_op)14, 2, "a", NULL, 0), IPN_ERR_ARG);
    q.offset = (uint64_t)INT64_MAX + 1;
    CHECK_EQ(ssh_sftp_request(s->sf, &q), IPN_ERR_ARG);
    q.offset = 0;
    for (number = 10; !rc && number < 10000; number++) {
        q.request = number;
        rc = ssh_sftp_request(s->sf, &q);
    }
    CHECK_EQ(rc, IPN_ERR_FULL);
    script_pull(s);
    CHECK_EQ(script_waiting(s, FXP_STAT), SFTP_MAX_BEGUN);
    /* cancelled before it began: never sent */
    ssh_sftp_cancel(s->sf, number - 2);
    CHECK_EQ(next(s).request, number - 2);
    while (script_waiting(s, FXP_STAT)) {
        script_status(s, script_find(s, FXP_STAT), 0x10000, "");
        while (next(s).type)
            ;
        script_pull(s);
    }
    CHECK_EQ(s->count, 1 + 1 + SSH_SFTP_MAX_REQUESTS - 1);
    free(path);
    script_free(s);
}

int main(void)
{
    test_packets();
    test_results();
    test_rename();
    test_sentences();
    test_long_path();
    test_path_shown();
    test_list();
    test_list_without_credit();
    test_list_long_names();
    test_list_cancelled();
    test_beginnings();
    test_closed();
    test_limits();
    return TEST_DONE();
}
