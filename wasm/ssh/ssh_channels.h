/* All channels of one connection: the table of slots (ssh_channels.c). Private to ssh/. */
#ifndef SSH_SSH_CHANNELS_H
#define SSH_SSH_CHANNELS_H

#include "ssh/ssh_channel.h"

enum {
    SSH_MAX_AGENT_CHANNELS = 16,     /* of the slots, opened by the server */
    SSH_MAX_REFUSALS = 32,           /* opens of the server not yet answered */
    SSH_MAX_ALL_INPUT_LEN = 4 << 20, /* plain bytes for all channels */
    SSH_ALL_WINDOWS = 8 << 20        /* together, beyond SSH_MIN_WINDOW each */
};

struct ssh_channels {
    bool send_due; /* telling made room for something to send */
    struct ssh_channel *slot[SSH_MAX_CHANNELS];
    int count;       /* slots in use */
    int last_number; /* given out */
    int next_told, next_sent; /* slots whose turn it is */
    size_t input_len;
    uint8_t *data;              /* SSH_DATA_LEN: an event out of several chunks */
    struct ssh_chunk *lent;     /* in the last event */
    uint32_t global_failures_due;
    uint32_t refusals[SSH_MAX_REFUSALS]; /* the server's numbers of channels it may not open */
    uint8_t refusal_count;
    bool agent_allowed; /* some channel asked for it */
    bool broken;        /* a packet that makes no sense: the connection ends */
};

/* Takes a packet of the server that is for a channel of ours, or a global request. */
enum ssh_verdict ssh_channels_take(struct ssh_session *s, struct bytes packet);
enum ssh_verdict ssh_channels_broken(struct ssh_session *s);
/* Sends what is due. < 0: libssh2's error, the connection is lost. */
int ssh_channels_send(struct ssh_session *s);
/* 1 and *ev, or 0. */
int ssh_channels_next(struct ssh_session *s, struct ssh_event *ev);
/* Lets go of everything that is not handed out, of every channel. */
void ssh_channels_close(struct ssh_session *s);
bool ssh_channels_all_told(const struct ssh_session *s);
void ssh_channels_wipe(struct ssh_session *s);
struct ssh_channel *ssh_channel_find(const struct ssh_session *s, int number);
/* How much this window may grow. */
size_t ssh_channels_window_room(const struct ssh_session *s, const struct ssh_channel *c);
struct ssh_channel *ssh_channels_add(struct ssh_session *s, enum ssh_channel_kind kind);

#endif
