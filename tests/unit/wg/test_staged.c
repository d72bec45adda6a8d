/* The queue of packets without a session, and what is kept after it was sent. */
#include "test.h"

#include "wg/staged.h"

static void push(struct wg_staged *q, uint8_t value)
{
    uint8_t packet[3] = {value, value, value};
    CHECK_EQ(wg_staged_push(q, packet, sizeof packet), 0);
}

static void check_values(const struct wg_staged *q, const char *expected)
{
    size_t n = 0;
    for (const struct wg_packet *p = q->first; p; p = p->next, n++) {
        CHECK_EQ(p->len, 3);
        CHECK_EQ(p->data[2], expected[n]);
    }
    CHECK_EQ(n, strlen(expected));
    CHECK_EQ(q->count, n);
    CHECK_EQ(q->bytes, 3 * n);
    CHECK(n > 0 || (q->last == NULL && q->unsent == NULL));
}

int main(void)
{
    struct wg_staged q = {0};
    wg_staged_pop(&q);
    check_values(&q, "");
    push(&q, 'a');
    push(&q, 'b');
    push(&q, 'c');
    check_values(&q, "abc");
    CHECK_EQ(q.unsent->data[0], 'a');
    wg_staged_pop(&q); /* the oldest, unsent */
    check_values(&q, "bc");
    CHECK_EQ(q.unsent->data[0], 'b');
    wg_staged_drop_sent(&q);
    check_values(&q, "bc");
    q.unsent = q.unsent->next; /* b was sent */
    push(&q, 'd');
    wg_staged_drop_sent(&q);
    check_values(&q, "cd");
    q.unsent = NULL; /* all were */
    push(&q, 'e');
    CHECK_EQ(q.unsent->data[0], 'e');
    wg_staged_rewind(&q);
    CHECK_EQ(q.unsent->data[0], 'c');
    q.unsent = NULL;
    wg_staged_drop_sent(&q);
    check_values(&q, "");
    push(&q, 'f');
    check_values(&q, "f");
    wg_staged_wipe(&q);
    check_values(&q, "");
    return TEST_DONE();
}
