/* READs and WRITEs all at once, answered in any order: against a naive twin. */
#include "prng.h"
#include "unit/ssh/sftp_transfer.h"

enum { FILES = 12, FILE_MAX = 400000 };

struct twin {
    struct script *s;
    uint64_t got[FILES], size[FILES], end[FILES]; /* of READ i */
    uint8_t *file[FILES];                         /* of WRITE FILES + i */
    uint64_t written[FILES], wanted[FILES], owed[FILES];
    bool done[2 * FILES], cancelled[2 * FILES], ended[FILES];
};

static void twin_event(struct twin *t, const struct ssh_event *ev)
{
    uint32_t i = ev->request;
    bool good = true;

    CHECK(i < 2 * FILES && !t->done[i]);
    if (ev->type == SSH_EVENT_SFTP_DATA) {
        CHECK(!t->cancelled[i]);
        for (size_t at = 0; at < ev->text.len; at++)
            good &= ev->text.data[at] == content(t->got[i] + at);
        CHECK(good);
        t->got[i] += ev->text.len;
        t->owed[i] += ev->text.len;
    } else if (ev->type == SSH_EVENT_SFTP_DONE) {
        t->done[i] = true;
        CHECK_EQ(ev->code, t->cancelled[i] ? IPN_ERR_CLOSED : 0);
        if (i < FILES && !t->cancelled[i])
            CHECK_EQ(t->got[i], t->end[i]);
        if (i >= FILES && !t->cancelled[i])
            CHECK_EQ(load_le64(ev->aux.data + 8), t->wanted[i - FILES]);
    }
}

/* Answers one packet, whichever. */
static void twin_answer(struct twin *t)
{
    struct script *s = t->s;
    size_t waiting = script_waiting(s, 0), chosen;
    struct asked *a = s->asked;
    uint32_t file;

    if (!waiting)
        return;
    for (chosen = prng_below(waiting < 40 ? waiting : 40);; a++) {
        if (!a->answered && chosen-- == 0)
            break;
    }
    file = (uint32_t)atoi(a->path);
    if (a->type == FXP_OPEN) {
        script_handle(s, a, a->path);
    } else if (a->type == FXP_FSTAT) {
        script_attrs(s, a, 0100644, prng_below(4) ? t->size[file] : 0);
    } else if (a->type == FXP_READ && a->offset >= t->size[file]) {
        script_status(s, a, SSH_SFTP_EOF, "");
    } else if (a->type == FXP_READ) {
        uint64_t most = t->size[file] - a->offset;

        most = most < a->len ? most : a->len;
        give(s, a, prng_below(3) ? most : 1 + prng_below(most));
    } else {
        if (a->type == FXP_WRITE) {
            CHECK(a->offset + a->len <= FILE_MAX);
            memcpy(t->file[file - FILES] + a->offset, a->data, a->len);
            free(a->data);
            a->data = NULL;
        }
        script_status(s, a, 0, "");
    }
}

static void twin_page(struct twin *t)
{
    uint32_t i = (uint32_t)prng_below(FILES);

    if (t->owed[i] && prng_below(2)) {
        size_t n = 1 + prng_below(t->owed[i]);

        ssh_sftp_credit(t->s->sf, i, n);
        t->owed[i] -= n;
    }
    if (!t->done[FILES + i] && !t->cancelled[FILES + i] && t->written[i] < t->wanted[i]) {
        uint64_t left = t->wanted[i] - t->written[i];

        feed(t->s, FILES + i, &t->written[i], 1 + prng_below(left < 90000 ? left : 90000));
    } else if (t->written[i] == t->wanted[i]) {
        ssh_sftp_end(t->s->sf, FILES + i);
    }
    if (prng_below(400) == 0) {
        i = (uint32_t)prng_below(2 * FILES);
        t->cancelled[i] |= !t->done[i];
        ssh_sftp_cancel(t->s->sf, i);
    }
}

static void twin_start(struct twin *t)
{
    static const char *const names[2 * FILES] = {"0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",
                                                 "8",  "9",  "10", "11", "12", "13", "14", "15",
                                                 "16", "17", "18", "19", "20", "21", "22", "23"};

    t->s = started();
    t->s->piece = prng_below(2) ? 1 + prng_below(3000) : 0;
    t->s->room = prng_below(2) ? 1 + prng_below(50000) : 0;
    for (uint32_t i = 0; i < FILES; i++) {
        t->size[i] = prng_below(FILE_MAX);
        t->got[i] = prng_below(t->size[i] + 2);
        t->wanted[i] = prng_below(FILE_MAX);
        t->file[i] = calloc(1, FILE_MAX);
        struct ssh_sftp_request q = {.request = i,
                                     .op = SSH_SFTP_READ,
                                     .path = names[i],
                                     .offset = t->got[i],
                                     .length = prng_below(2) * prng_below(FILE_MAX)};

        t->end[i] = t->size[i] > t->got[i] ? t->size[i] : t->got[i];
        if (q.length && t->got[i] + q.length < t->end[i])
            t->end[i] = t->got[i] + q.length;
        CHECK_EQ(ssh_sftp_request(t->s->sf, &q), 0);
        q = (struct ssh_sftp_request){.request = FILES + i,
                                      .op = SSH_SFTP_WRITE,
                                      .path = names[FILES + i],
                                      .flags = SSH_SFTP_CREATE};
        CHECK_EQ(ssh_sftp_request(t->s->sf, &q), 0);
    }
}

static bool twin_done(const struct twin *t)
{
    for (size_t i = 0; i < 2 * FILES; i++) {
        if (!t->done[i])
            return false;
    }
    return true;
}

static void test_twin(void)
{
    struct twin *t = calloc(1, sizeof *t);
    struct ssh_event ev;
    bool good = true;

    twin_start(t);
    for (int i = 0; i < 100000 && !(twin_done(t) && !script_waiting(t->s, 0)); i++) {
        twin_page(t);
        twin_answer(t);
        script_pull(t->s);
        while (ssh_sftp_next(t->s->sf, &ev))
            twin_event(t, &ev);
    }
    CHECK(twin_done(t));
    CHECK(!t->s->sf->calls && !t->s->sf->begun[0].first && !t->s->sf->begun[1].first);
    for (size_t i = 0; i < FILES; i++) {
        for (size_t at = 0; !t->cancelled[FILES + i] && at < t->wanted[i]; at++)
            good &= t->file[i][at] == content(at);
        free(t->file[i]);
    }
    CHECK(good);
    script_free(t->s);
    free(t);
}

int main(void)
{
    prng_init(0x5f7b);
    for (int i = 0; i < 8; i++)
        test_twin();
    return TEST_DONE();
}
