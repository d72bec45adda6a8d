/* A session with each cipher, for the tests of its life and of its flow. */
#ifndef SESSION_WORLD_H
#define SESSION_WORLD_H

#include "support/ssh/ssh_world.h"
#include "test.h"

static const enum mini_cipher ciphers[] = {MINI_CHACHA20, MINI_AES128_GCM, MINI_AES128_CTR_ETM};

/* Open and idle. */
static inline void open_world(struct ssh_world *w, enum mini_cipher cipher)
{
    world_open(w, cipher, MINI_NO_FAULT);
    CHECK_EQ(w->count[SSH_EVENT_OPEN], 1);
}

#endif
