/* One connection between the two stacks of world.h, and what the owners of its ends do. */
#ifndef SIM_NETSTACK_ENDS_H
#define SIM_NETSTACK_ENDS_H

#include "sim/netstack/world.h"
#include "unit/test.h"

enum {
    MB = 1 << 20,
    SECOND = 1000,
    MINUTE = 60 * SECOND,
    HOUR = 60 * MINUTE,
    WINDOW = 4 * MB,
    SEND_BUFFER = 256 * 1024,
};

static const struct link clean = {.delay_ms = 5};
static const struct link lossy = {.delay_ms = 10, .jitter_ms = 6, .loss = 20, .dup = 20};

/* One end of a connection: sends `total` bytes of a pattern, then FIN, and checks what it reads. */
struct end {
    struct tcp_conn *tc;
    uint64_t total, sent, received;
    bool shut, stalled, corrupt;
    size_t read_max, write_max; /* random sizes up to these; 0: as much as there is */
};

extern struct end ends[2]; /* the client's, the server's */

/* Fresh stacks; the client, who sends `up` bytes, opens a connection over IPv4 or 6 to the server,
 * who sends `down`. */
void start(const struct link *link, unsigned seed, int family, uint64_t up, uint64_t down);

/* Runs until both ends are closed or the time is up; true if closed. */
bool run(uint64_t ms);
void run_for(uint64_t ms);

/* What run does after each step of the world. */
void take_accepted(void);
void pump(void);
/* One end writes or reads what it can; true if anything moved. world_flush sends it. */
bool pump_write(int i);
bool pump_read(int i);

static inline void check_equal_bytes(const char *what)
{
    bool ok = CHECK(!ends[0].corrupt && !ends[1].corrupt);

    ok &= CHECK_EQ(ends[0].received, ends[1].total);
    ok &= CHECK_EQ(ends[1].received, ends[0].total);
    if (!ok)
        fprintf(stderr, "    in %s, at %llu ms\n", what, (unsigned long long)world.now_ms);
}

/* Frees both ends; nothing of lwIP's may be left after TIME_WAIT, and no deadline. */
static inline void finish(const char *what)
{
    for (int i = 0; i < 2; i++) {
        if (ends[i].tc)
            world.side[i]->free(ends[i].tc, false);
        ends[i].tc = NULL;
    }
    world_flush();
    while (world_step(world.now_ms + 10 * MINUTE))
        ;
    for (int i = 0; i < 2; i++) {
        if (!CHECK_EQ(world.side[i]->pcb_count(), 0) ||
            !CHECK(world.side[i]->next_deadline() == NEVER))
            fprintf(stderr, "    in %s, side %d\n", what, i);
    }
    CHECK_EQ(world.forgotten, 0);
    world_stop();
}

#endif
