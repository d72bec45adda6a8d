/*
 * The SFTP client on its way to a server: over the pipes of a child process, or as a channel of a
 * real SSH connection (ssh_session on a socket). For sftp_drive.c.
 */
#ifndef SFTP_LINK_H
#define SFTP_LINK_H

#include "ssh/ssh_sftp.h"

struct sftp_link;

struct sftp_link *link_spawn(char **argv);
struct sftp_link *link_ssh(int port, const char *user);
void link_free(struct sftp_link *l);

/* Waits at most 20 ms for the wire, then moves what can be moved. */
void link_turn(struct sftp_link *l);
/* 1 and *ev, or 0. What is no SFTP event is left out, but OPEN and ERROR. */
int link_next(struct sftp_link *l, struct ssh_event *ev);
bool link_over(const struct sftp_link *l); /* and every event was told */
void link_kill(struct sftp_link *l);       /* the server's end */

int link_request(struct sftp_link *l, const struct ssh_sftp_request *q);
int link_write(struct sftp_link *l, uint32_t request, const uint8_t *src, size_t len);
void link_end(struct sftp_link *l, uint32_t request);
void link_credit(struct sftp_link *l, uint32_t request, size_t n);
void link_cancel(struct sftp_link *l, uint32_t request);

#endif
