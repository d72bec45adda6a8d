/*
 * The SFTP client against a real server, on the orders of a script.
 *
 *   sftp_drive COMMAND [ARG...] < script > events
 *   sftp_drive --ssh PORT USER < script > events
 *
 * COMMAND is an SFTP server that speaks on its standard input and output. With --ssh it is a channel
 * of ssh_session, to 127.0.0.1, logged in by "none". Script lines, N being the number of a request,
 * paths and texts with %XX for odd bytes:
 *
 *   stat|lstat|list|rmdir|remove|readlink|realpath N PATH     mkdir N PATH MODE
 *   setstat N PATH FLAGS SIZE MODE    rename N PATH PATH2 FLAGS    symlink N LINK TARGET
 *   read N PATH OFFSET LENGTH FILE          what comes goes to FILE
 *   write N PATH OFFSET MODE FLAGS FILE     from FILE, from its OFFSET on (0 when appending)
 *   hold N, release N       give no credit; give it again
 *   wait N | waitall | waitdata N BYTES | cancel N | kill (the server, or the connection)
 *
 * What is asked between two waits is asked at once. Events come out as lines: open, entry N NAME
 * ATTRS, attrs N ATTRS, got N BYTES (of a read that is done), done N CODE TEXT ATTRS, error TEXT,
 * peak BYTES (the most the client had allocated).
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/sftp/sftp_link.h"

enum { MAX_JOBS = 200 };

struct job {
    uint32_t number;
    bool done, held, writing, full, ended;
    FILE *file;
    uint64_t got;
    size_t owed;
};

struct drive {
    struct sftp_link *link;
    bool open;
    struct job jobs[MAX_JOBS];
    size_t job_count;
};

static struct job *job_of(struct drive *d, uint32_t number)
{
    for (size_t i = d->job_count; i-- > 0;) {
        if (d->jobs[i].number == number)
            return &d->jobs[i];
    }
    return NULL;
}

/* ---- text ---- */

static char *decode(char *text)
{
    char *to = text, *from = text;
    unsigned byte;

    for (; *from; from++) {
        if (*from == '%' && sscanf(from + 1, "%2x", &byte) == 1) {
            *to++ = (char)byte;
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return text;
}

static void print(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (c > ' ' && c < 127 && c != '%')
            putchar(c);
        else
            printf("%%%02x", c);
    }
}

static void print_attrs(struct bytes aux)
{
    const uint8_t *a = aux.data;

    if (aux.len != SSH_SFTP_ATTRS_LEN)
        return;
    printf(" %u %o %llu %u %u %u %u", (unsigned)load_le32(a), (unsigned)load_le32(a + 4),
           (unsigned long long)load_le64(a + 8), (unsigned)load_le32(a + 16),
           (unsigned)load_le32(a + 20), (unsigned)load_le32(a + 24), (unsigned)load_le32(a + 28));
}

/* ---- events ---- */

static void on_done(struct drive *d, struct job *job, const struct ssh_event *ev)
{
    job->done = true;
    job->writing = false;
    if (job->file) {
        fclose(job->file);
        job->file = NULL;
        printf("got %u %llu\n", (unsigned)job->number, (unsigned long long)job->got);
    }
    printf("done %u %d ", (unsigned)ev->request, ev->code);
    print(ev->text);
    print_attrs(ev->aux);
    putchar('\n');
    (void)d;
}

static void on_data(struct drive *d, struct job *job, struct bytes data)
{
    if (fwrite(data.data, 1, data.len, job->file) != data.len)
        exit(3);
    job->got += data.len;
    job->owed += data.len;
    if (!job->held) {
        link_credit(d->link, job->number, job->owed);
        job->owed = 0;
    }
}

static void on_event(struct drive *d, const struct ssh_event *ev)
{
    struct job *job = job_of(d, ev->request);

    switch (ev->type) {
    case SSH_EVENT_OPEN:
        d->open = true;
        printf("open\n");
        break;
    case SSH_EVENT_ERROR:
        printf("error ");
        print(ev->text);
        putchar('\n');
        break;
    case SSH_EVENT_SFTP_ENTRY:
    case SSH_EVENT_SFTP_ATTRS:
        printf("%s %u ", ev->type == SSH_EVENT_SFTP_ENTRY ? "entry" : "attrs",
               (unsigned)ev->request);
        print(ev->text);
        print_attrs(ev->aux);
        putchar('\n');
        if (ev->type == SSH_EVENT_SFTP_ENTRY)
            link_credit(d->link, ev->request, 1);
        break;
    case SSH_EVENT_SFTP_DATA:
        on_data(d, job, ev->text);
        break;
    case SSH_EVENT_SFTP_WRITABLE:
        job->full = false;
        break;
    case SSH_EVENT_SFTP_DONE:
        on_done(d, job, ev);
        break;
    default:
        exit(3);
    }
}

/* ---- bytes ---- */

/* Feeds a WRITE from its file until the client takes no more. */
static void feed(struct drive *d, struct job *job)
{
    uint8_t piece[40000];

    while (job->writing && !job->full && !job->ended) {
        size_t n = fread(piece, 1, sizeof piece, job->file);
        int taken;

        if (!n) {
            job->ended = true;
            link_end(d->link, job->number);
            return;
        }
        taken = link_write(d->link, job->number, piece, n);
        if (taken < 0) { /* DONE will say why */
            job->writing = false;
            return;
        }
        job->got += (uint64_t)taken;
        job->full = (size_t)taken < n;
        fseek(job->file, taken - (long)n, SEEK_CUR);
    }
}

static void drain(struct drive *d)
{
    struct ssh_event ev;

    for (size_t i = 0; i < d->job_count; i++)
        feed(d, &d->jobs[i]);
    while (link_next(d->link, &ev))
        on_event(d, &ev);
}

static void turn(struct drive *d)
{
    drain(d);
    link_turn(d->link);
    drain(d);
}

/* ---- the script ---- */

static void request(struct drive *d, enum ssh_sftp_op op, char **arg, int count)
{
    struct ssh_sftp_request q = {
        .request = (uint32_t)atol(arg[1]), .op = op, .path = decode(arg[2])};
    struct job *job = &d->jobs[d->job_count++];
    const char *file = NULL;
    int rc;

    *job = (struct job){.number = q.request};
    if (op == SSH_SFTP_MKDIR && count > 3) {
        q.mode = (uint32_t)strtoul(arg[3], NULL, 8);
    } else if (op == SSH_SFTP_SETSTAT && count > 5) {
        q.flags = (uint32_t)atol(arg[3]);
        q.length = strtoull(arg[4], NULL, 10);
        q.mode = (uint32_t)strtoul(arg[5], NULL, 8);
    } else if ((op == SSH_SFTP_RENAME || op == SSH_SFTP_SYMLINK) && count > 3) {
        q.path2 = decode(arg[3]);
        q.flags = count > 4 ? (uint32_t)atol(arg[4]) : 0;
    } else if (op == SSH_SFTP_READ && count > 5) {
        q.offset = strtoull(arg[3], NULL, 10);
        q.length = strtoull(arg[4], NULL, 10);
        file = arg[5];
    } else if (op == SSH_SFTP_WRITE && count > 6) {
        q.offset = strtoull(arg[3], NULL, 10);
        q.mode = (uint32_t)strtoul(arg[4], NULL, 8);
        q.flags = (uint32_t)atol(arg[5]);
        file = arg[6];
        job->writing = true;
    }
    if (file && !(job->file = fopen(file, op == SSH_SFTP_READ ? "wb" : "rb")))
        exit(3);
    if (job->writing && !(q.flags & SSH_SFTP_APPEND))
        fseek(job->file, (long)q.offset, SEEK_SET);
    rc = link_request(d->link, &q);
    if (rc < 0) {
        printf("refused %u %d\n", (unsigned)q.request, rc);
        job->done = true;
        job->writing = false;
    }
}

static bool all_done(const struct drive *d)
{
    for (size_t i = 0; i < d->job_count; i++) {
        if (!d->jobs[i].done)
            return false;
    }
    return true;
}

static void control(struct drive *d, char **arg, int count)
{
    uint32_t number = count > 1 ? (uint32_t)atol(arg[1]) : 0;
    uint64_t bytes = count > 2 ? strtoull(arg[2], NULL, 10) : 0;
    struct job *job = job_of(d, number);

    if (strcmp(arg[0], "wait") == 0) {
        while (job && !job->done && !link_over(d->link))
            turn(d);
    } else if (strcmp(arg[0], "waitdata") == 0) {
        while (job && job->got < bytes && !job->done && !link_over(d->link))
            turn(d);
    } else if (strcmp(arg[0], "waitall") == 0) {
        while (!all_done(d) && !link_over(d->link))
            turn(d);
    } else if (strcmp(arg[0], "hold") == 0) {
        job->held = true;
    } else if (strcmp(arg[0], "release") == 0) {
        job->held = false;
        link_credit(d->link, number, job->owed);
        job->owed = 0;
    } else if (strcmp(arg[0], "cancel") == 0) {
        link_cancel(d->link, number);
    } else if (strcmp(arg[0], "kill") == 0) {
        link_kill(d->link);
    } else {
        fprintf(stderr, "no such order: %s\n", arg[0]);
        exit(2);
    }
}

static void obey(struct drive *d, char *line)
{
    static const char *names[] = {"",         "stat",     "lstat",  "setstat", "list",
                                  "mkdir",    "rmdir",    "remove", "rename",  "symlink",
                                  "readlink", "realpath", "read",   "write"};
    char *arg[8] = {NULL};
    int count = 0;

    for (char *word = strtok(line, " \n"); word && count < 8; word = strtok(NULL, " \n"))
        arg[count++] = word;
    if (!count)
        return;
    for (unsigned op = 1; op < sizeof names / sizeof *names; op++) {
        if (strcmp(arg[0], names[op]) == 0 && count > 2) {
            request(d, (enum ssh_sftp_op)op, arg, count);
            return;
        }
    }
    control(d, arg, count);
}

/* ---- memory of the client: linked with --wrap ---- */

static size_t allocated, peak;

void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *p, size_t len);
void __real_free(void *p);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *p, size_t len);
void __wrap_free(void *p);

static void *count_in(void *p)
{
    allocated += p ? malloc_usable_size(p) : 0;
    peak = allocated > peak ? allocated : peak;
    return p;
}

void *__wrap_malloc(size_t len)
{
    return count_in(__real_malloc(len));
}

void *__wrap_calloc(size_t count, size_t len)
{
    return count_in(__real_calloc(count, len));
}

void *__wrap_realloc(void *p, size_t len)
{
    allocated -= p ? malloc_usable_size(p) : 0;
    return count_in(__real_realloc(p, len));
}

void __wrap_free(void *p)
{
    allocated -= p ? malloc_usable_size(p) : 0;
    __real_free(p);
}

/* ---- */

int main(int argc, char **argv)
{
    static struct drive d;
    char line[40000];

    if (argc < 2)
        return 2;
    if (argc == 4 && strcmp(argv[1], "--ssh") == 0)
        d.link = link_ssh(atoi(argv[2]), argv[3]);
    else
        d.link = link_spawn(argv + 1);
    while (fgets(line, sizeof line, stdin)) {
        while (!d.open && !link_over(d.link))
            turn(&d);
        obey(&d, line);
    }
    while (!all_done(&d) && !link_over(d.link))
        turn(&d);
    drain(&d);
    link_free(d.link);
    printf("peak %zu\nleft %zu\n", peak, allocated);
    return 0;
}
