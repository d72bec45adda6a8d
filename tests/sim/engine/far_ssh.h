/*
 * An SSH server of the far node: mini_server's transport with many channels on it.
 *
 *   shell         echoes                    exec "exit N"   status N, EOF, CLOSE
 *   exec "hang"   never answers             direct-tcpip    another server of this kind inside
 *   exec "flood"  output without an end     exec "sink"     takes input, says nothing
 */
#ifndef SIM_ENGINE_FAR_SSH_H
#define SIM_ENGINE_FAR_SSH_H

#include "support/ssh/mini_server.h"

struct far_ssh_ways {
    enum mini_fault fault;
    unsigned max_sessions; /* channels of kind session per connection; 0: any number */
    bool frozen;           /* neither reads nor writes */
    bool no_close;         /* leaves CHANNEL_CLOSE without an answer */
    const char *banner;    /* before the answer to the login */
    const char *greeting;  /* what a shell says first */
    /* Of all servers together. */
    unsigned logins, sessions, refused, forwards, signals, agents;
};

struct far_ssh;

struct far_ssh *far_ssh_new(struct far_ssh_ways *ways);
void far_ssh_banner(struct far_ssh *s, const char *text);
void far_ssh_free(struct far_ssh *s);
void far_ssh_input(struct far_ssh *s, const uint8_t *src, size_t len);
size_t far_ssh_output(struct far_ssh *s, uint8_t *dst, size_t cap);

#endif
