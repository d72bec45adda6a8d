/*
 * One ssh_session and one mini_server, back to back, in virtual time.
 *
 *   session --write--> to_server --mini_input-->  server
 *           <--read--- at most `chunk` bytes each time <--mini_output--
 *
 * Raw bytes can take the server's place: world_raw.
 */
#ifndef SSH_WORLD_H
#define SSH_WORLD_H

#include "ssh/ssh_session.h"
#include "support/ssh/mini_server.h"

struct ssh_world {
    struct mini_server *server; /* NULL: raw bytes */
    const uint8_t *raw;
    size_t raw_len, raw_at;
    bool raw_ends; /* the connection closes behind the raw bytes */
    struct ssh_session *session;
    struct ssh_channel_config shell; /* opened by world_start, unless no_channel */
    int channel;
    void (*on_event)(struct ssh_world *w, const struct ssh_event *ev); /* NULL: as below */
    bool no_channel, keep_open; /* keep_open: the session outlives its last channel */
    uint64_t now_ms;
    size_t chunk; /* 0: no limit */
    bool read_ends, write_full, write_ends;
    bool hold_credit, hold_host_key, refuse_host_key;

    /* What came out. */
    unsigned count[SSH_EVENT_COUNT]; /* of events; ERROR: of the channel's, or, without one, of 0 */
    int order_len;
    enum ssh_event_type order[64];
    char banner[512], error[1024], host_key[512], exit_signal[32];
    char progress[1024], known_host[512], replaced_names[512], known_key[64];
    int error_code, exit_code;
    uint8_t *data;
    size_t data_len, data_cap, stderr_len, held;
    char stderr_text[256];
};

/* Ready to go, with config filled in for "user" and w->shell for a shell unless changed before
 * world_start. */
void world_init(struct ssh_world *w, enum mini_cipher cipher, enum mini_fault fault,
                struct ssh_config *config);
void world_raw(struct ssh_world *w, const uint8_t *raw, size_t len, struct ssh_config *config);
void world_start(struct ssh_world *w, const struct ssh_config *config);
/* All of that, with a terminal, until both have nothing more to say. */
void world_open(struct ssh_world *w, enum mini_cipher cipher, enum mini_fault fault);
void world_free(struct ssh_world *w);

/* One turn: run, carry bytes over, take the events. True if anything moved. */
bool world_turn(struct ssh_world *w);
/* Until nothing moves any more, at most 100,000 turns. */
void world_settle(struct ssh_world *w);
/* Then lets time pass, with the deadlines in it. */
void world_pass(struct ssh_world *w, uint64_t ms);
/* Repeats as deadlines come until CLOSED; false if that never happens. */
bool world_closes(struct ssh_world *w);

/* host_init with a generator that starts from this seed. */
void world_random(uint64_t seed);

#endif
