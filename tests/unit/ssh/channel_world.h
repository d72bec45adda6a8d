/* A connection that is logged in and has no channel yet, for the tests of channels. */
#ifndef CHANNEL_WORLD_H
#define CHANNEL_WORLD_H

#include "ssh/ssh_session_internal.h"
#include "support/ssh/ssh_seen.h"
#include "test.h"

static const struct ssh_channel_config command = {.kind = SSH_CHANNEL_SHELL, .command = "cat"};
static const struct ssh_channel_config forward = {
    .kind = SSH_CHANNEL_FORWARD, .host = "db.example", .port = 5432};

/* Logged in, no channel yet. */
static inline void open_world(struct ssh_world *w, enum mini_fault fault)
{
    struct ssh_config config;

    seen_reset();
    world_init(w, MINI_CHACHA20, fault, &config);
    w->no_channel = true;
    w->on_event = seen_event;
    world_start(w, &config);
    world_settle(w);
}

static inline int open_channel(struct ssh_world *w, const struct ssh_channel_config *config)
{
    int channel = ssh_session_open_channel(w->session, config);

    world_settle(w);
    return channel;
}

static inline void close_world(struct ssh_world *w)
{
    CHECK(!w->server->broken);
    ssh_session_close(w->session);
    CHECK(world_closes(w));
    CHECK_EQ(seen[0].last, SSH_EVENT_CLOSED);
    world_free(w);
}

static inline void fill(uint8_t *dst, size_t len, int salt)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + (size_t)salt * 31);
}

static inline void server_ends(struct mini_server *m, int place, uint32_t status)
{
    mini_select(m, place);
    mini_send_exit_status(m, status);
    mini_send_eof(m);
    mini_send_close(m);
}

#endif
