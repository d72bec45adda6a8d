/* The receive queue against a flat array of the same bytes, and its bound on memory. */
#include "netstack/recv_queue.h"

#include <stdlib.h>

#include "base/host.h"
#include "lwip/pbuf.h"
#include "test.h"

enum { SEED = 20240607, ROUNDS = 20000, HEADERS = 60 };

static uint8_t twin[1 << 20], chunk[4096];
static size_t twin_head, twin_tail;

static struct pbuf *packet(size_t len, uint8_t *next_byte)
{
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)(HEADERS + len), PBUF_RAM);
    uint8_t *data;

    pbuf_remove_header(p, HEADERS); /* as a segment comes from lwIP */
    data = p->payload;
    for (size_t i = 0; i < len; i++)
        data[i] = (*next_byte)++;
    return p;
}

static size_t random_len(void)
{
    switch (rand() % 4) {
    case 0:
        return (size_t)rand() % 3;
    case 1:
        return 200 + (size_t)rand() % 120;
    case 2:
        return 1220;
    default:
        return (size_t)rand() % 1221;
    }
}

static void test_against_twin(void)
{
    struct recv_queue q = {0};
    uint8_t byte = 0;

    for (int i = 0; i < ROUNDS; i++) {
        if (q.len < 50000 && rand() % 2) {
            struct pbuf *p = NULL;

            for (int n = 1 + rand() % 3; n > 0; n--) {
                struct pbuf *one = packet(random_len(), &byte);

                memcpy(twin + twin_tail, one->payload, one->len);
                twin_tail += one->len;
                if (p)
                    pbuf_cat(p, one);
                else
                    p = one;
            }
            recv_queue_append(&q, p);
        } else {
            size_t cap = (size_t)rand() % sizeof chunk, n = recv_queue_read(&q, chunk, cap);

            if (n != (cap < twin_tail - twin_head ? cap : twin_tail - twin_head) ||
                memcmp(chunk, twin + twin_head, n) != 0) {
                CHECK(!"queue and twin agree");
                break;
            }
            twin_head += n;
        }
        if (!CHECK_EQ(q.len, twin_tail - twin_head))
            break;
        if (twin_tail > sizeof twin - 8192) {
            memmove(twin, twin + twin_head, twin_tail - twin_head);
            twin_tail -= twin_head;
            twin_head = 0;
        }
    }
    recv_queue_wipe(&q);
    CHECK_EQ(q.len, 0);
    CHECK(!q.head && !q.tail);
}

static const struct {
    int number;
    size_t a, b; /* segment lengths in turn */
} floods[] = {
    {1, 1, 1},      {2, 255, 255},   {3, 256, 256}, {4, 1, 1220},   {5, 1, 256},
    {6, 255, 1220}, {7, 1220, 1220}, {8, 0, 1},     {9, 130, 1220},
};

/* What malloc holds for the queue, at least. */
static size_t footprint(const struct recv_queue *q)
{
    size_t sum = 0;

    for (const struct pbuf *p = q->head; p; p = p->next) {
        /* a block of ours has all its bytes behind payload, a packet its headers before */
        sum += sizeof *p + 16;
        sum += p == q->tail && q->tail_room > 0 ? p->len + q->tail_room
               : p->len <= 1220                 ? HEADERS + (size_t)p->len
                                                : 2048;
    }
    return sum;
}

static void test_floods(void)
{
    enum { TOTAL = 1 << 20 };

    for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
        struct recv_queue q = {0};
        uint8_t byte = 0;
        size_t turn = 0;

        while (q.len < TOTAL)
            recv_queue_append(&q, packet(turn++ % 2 ? floods[i].b : floods[i].a, &byte));
        if (!CHECK(footprint(&q) < q.len * 17 / 10))
            fprintf(stderr, "    flood %d: %zu bytes for %zu\n", floods[i].number, footprint(&q),
                    q.len);
        recv_queue_wipe(&q);
    }
}

int main(void)
{
    printf("seed %d\n", SEED);
    srand(SEED);
    test_against_twin();
    test_floods();
    return TEST_DONE();
}
