/*
 * What is said to the control server once HTTP/2 is up, and our own key's time: the insides that
 * control_client.c drives.
 */
#ifndef CONTROL_CONTROL_SESSION_H
#define CONTROL_CONTROL_SESSION_H

#include "control/control_internal.h"

/* control_session.c */
/* HTTP/2 is up: register, or go on with the map. */
void control_session_begin(struct control_client *cc);
void control_session_register(struct control_client *cc);
/* Registers with a fresh node key, which takes the old one's place once that is done: a person may
 * have to log in first. */
void control_session_renew(struct control_client *cc);
void control_session_try_map(struct control_client *cc);
void control_session_lite(struct control_client *cc);
void control_session_logout(struct control_client *cc);
void control_session_reset(struct control_client *cc);
/* Acts upon what came in for the streams; call after each input and output of HTTP/2. */
void control_session_service(struct control_client *cc);
extern const struct control_h2_handler control_session_handler;

/* control_expiry.c */
/* Sets the deadlines at which our node key runs out, and at which that is told, by the server's
 * clock. */
void control_expiry_watch(struct control_client *cc);
/* Whether it has run out. */
bool control_expiry_is_over(const struct control_client *cc);
void control_expiry_warn(struct control_client *cc);
void control_expiry_reached(struct control_client *cc);

#endif
