/*
 * How much is on its way to a terminal: what the page draws in 150 ms, whatever its speed, so that
 * the last line behind ^C is drawn soon. A model in virtual time:
 *
 *   server fills the window at once --> session --> page: a frame each 16 ms, `rate` bytes per ms
 */
#include <stdlib.h>

#include "ssh/ssh_session_internal.h"
#include "support/ssh/ssh_world.h"
#include "test.h"

enum { FRAME_MS = 16, ALLOWED_MS = 150 };

static uint8_t text[SSH_MAX_WINDOW];
static size_t sent_len; /* by the server */

static void open_world(struct ssh_world *w)
{
    world_open(w, MINI_CHACHA20, MINI_NO_FAULT);
    w->hold_credit = true;
    sent_len = 0;
}

/* `yes` runs for this long; the page draws so many bytes in each frame. */
static void run_for(struct ssh_world *w, unsigned ms, size_t rate)
{
    for (unsigned i = 0; i < ms; i += FRAME_MS) {
        size_t drawn = rate * FRAME_MS;

        sent_len += mini_send_data(w->server, false, text, sizeof text);
        w->now_ms += FRAME_MS;
        world_turn(w);
        drawn = w->held < drawn ? w->held : drawn;
        ssh_session_credit(w->session, w->channel, drawn);
        w->held -= drawn;
        world_turn(w);
    }
}

/* Sent and not drawn, and what may be sent before the server hears of a ^C. */
static size_t outstanding(const struct ssh_world *w)
{
    return w->server->client_window + (sent_len - w->data_len) + w->held;
}

/* ^C: how long until everything is drawn that is already on its way. */
static unsigned ms_to_draw(const struct ssh_world *w, size_t rate)
{
    return (unsigned)(outstanding(w) / rate);
}

static void test_steady(void)
{
    static const size_t rates[] = {500, 1000, 3000, 8000, 20000}; /* 0.5 to 20 MB/s */

    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct ssh_world w;

        open_world(&w);
        run_for(&w, 3000, rates[i]); /* the window has grown to what it will be */
        for (int k = 0; k < 100; k++) {
            size_t allowed = rates[i] * (ALLOWED_MS + FRAME_MS);

            run_for(&w, FRAME_MS, rates[i]);
            if (allowed < SSH_MIN_WINDOW)
                allowed = SSH_MIN_WINDOW;
            CHECK(outstanding(&w) <= allowed);
            CHECK(outstanding(&w) >= rates[i] * FRAME_MS); /* and the next frame has its bytes */
        }
        CHECK_EQ(w.count[SSH_EVENT_ERROR], 0);
        world_free(&w);
    }
}

/* A page that is suddenly ten times slower gets nothing new until it is down to its new share. */
static void test_slower(void)
{
    static const size_t rates[][2] = {{20000, 2000}, {8000, 800}, {5000, 500}};

    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        size_t sent, most = rates[i][0] * (ALLOWED_MS + FRAME_MS), slow = rates[i][1];
        struct ssh_world w;

        open_world(&w);
        run_for(&w, 3000, rates[i][0]);
        for (int k = 0; k < 3000 / FRAME_MS; k++) {
            sent = sent_len;
            run_for(&w, FRAME_MS, slow);
            CHECK(outstanding(&w) <= most);
            /* Two intervals after the change it is known, and the server hears of no more. */
            if (k * FRAME_MS > 2 * SSH_WINDOW_INTERVAL_MS && ms_to_draw(&w, slow) > ALLOWED_MS * 2)
                CHECK_EQ(sent_len, sent);
            if (ms_to_draw(&w, slow) < ALLOWED_MS / 2)
                break;
        }
        run_for(&w, 3000, slow);
        CHECK(ms_to_draw(&w, slow) <= ALLOWED_MS + FRAME_MS);
        world_free(&w);
    }
}

/* A page that draws nothing for a while (a hidden tab) comes back to what it had left. */
static void test_pause(void)
{
    struct ssh_world w;
    size_t before;

    open_world(&w);
    run_for(&w, 3000, 8000);
    before = outstanding(&w);
    run_for(&w, 10000, 0);
    CHECK(outstanding(&w) <= before);
    run_for(&w, 500, 8000);
    CHECK(outstanding(&w) >= 8000 * FRAME_MS);
    run_for(&w, 3000, 8000);
    CHECK(ms_to_draw(&w, 8000) <= ALLOWED_MS + FRAME_MS);
    CHECK(ms_to_draw(&w, 8000) >= 50);
    world_free(&w);
}

int main(void)
{
    world_random(6);
    test_steady();
    test_slower();
    test_pause();
    return TEST_DONE();
}
