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
 * have to log in first. As long as the old one is good, its map goes on beside it. */
void control_session_renew(struct control_client *cc);
void control_session_try_map(struct control_client *cc);
void control_session_lite(struct control_client *cc);
void control_session_logout(struct control_client *cc);
void control_session_reset(struct control_client *cc);
/* Acts upon what came in for the streams; call after each input and output of HTTP/2. */
void control_session_service(struct control_client *cc);
extern const struct control_h2_handler control_session_handler;

/* control_client.c */
/* The auth key from before is in its place again. */
void control_forget_renewal(struct control_client *cc);
/* The new key is the node's, and so is the auth key that renewed it. */
void control_renewed(struct control_client *cc);

/* control_refusal.c */
/* What a RegisterResponse with Error means for the login. */
void control_refused(struct control_client *cc, const char *error);
/* An answer other than 200 to a register or a map request. */
void control_bad_status(struct control_client *cc, enum control_stream_kind kind,
                        const struct control_stream *s);
/* Whether a key that is good still is being renewed. */
bool control_renews_early(const struct control_client *cc);
/* Nobody needs to go to the login address any more; call before the problem that says why. */
void control_withdraw_url(struct control_client *cc);
/* A login ended badly, and the problem is told: a person must act, but not at once if it was to
 * renew a key that is good still. */
void control_login_failed(struct control_client *cc);

/* control_expiry.c */
/* Sets the deadlines at which our node key runs out, and at which that is told, by the server's
 * clock. */
void control_expiry_watch(struct control_client *cc);
/* Whether it has run out. */
bool control_expiry_is_over(const struct control_client *cc);
void control_expiry_warn(struct control_client *cc);
void control_expiry_reached(struct control_client *cc);
/* login() put an auth key aside, and that was not tried since: it may renew the node key. */
bool control_expiry_has_key(const struct control_client *cc);
/* NEED_LOGIN, for a key that has run out; the problem is told. */
void control_expiry_need_login(struct control_client *cc);

#endif
