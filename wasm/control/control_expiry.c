/*
 * The end of our own node key, by the server's clock:
 *
 *   ... a day ... an hour ... five minutes ... expired > a new key by the auth key, or NEED_LOGIN
 *         \________\____________\__ KEY_EXPIRING: from here on login() renews the key
 *
 * The map goes on after the end: an ephemeral node without one is deleted soon, and its address with it;
 * and an admin may give the key more time.
 */
#include "base/host.h"
#include "control/control_session.h"

/* When a person is told, before the key runs out, and again. */
static const int64_t warnings_ms[] = {24 * 3600 * 1000, 3600 * 1000, 300 * 1000};

/* How many of the warnings are due with so much left. */
static unsigned warnings_due(int64_t left_ms)
{
    unsigned n = 0;

    while (n < sizeof warnings_ms / sizeof *warnings_ms && left_ms <= warnings_ms[n])
        n++;
    return n;
}

static int64_t key_left_ms(const struct control_client *cc)
{
    return cc->netmap.self.key_expiry_wall_ms - (host_wall_ms(cc->now_ms) + cc->control_ahead_ms);
}

bool control_expiry_is_over(const struct control_client *cc)
{
    const struct netmap_node *self = &cc->netmap.self;

    return cc->netmap.valid &&
           (self->expired || (self->key_expiry_wall_ms != 0 && key_left_ms(cc) <= 0));
}

void control_expiry_watch(struct control_client *cc)
{
    int64_t left_ms = key_left_ms(cc);
    unsigned due;

    cc->expiry_deadline = cc->warning_deadline = NEVER;
    if (!cc->netmap.valid || !cc->registered || !cc->map_begun)
        return; /* or what we have is from before the key was renewed */
    if (control_expiry_is_over(cc)) {
        if (!cc->expired)
            cc->expiry_deadline = cc->now_ms;
        return;
    }
    cc->expired = false; /* or it was extended */
    if (cc->netmap.self.key_expiry_wall_ms == 0) { /* it never runs out */
        cc->warned = 0;
        return;
    }
    cc->expiry_deadline = cc->now_ms + (uint64_t)left_ms;
    due = warnings_due(left_ms);
    if (due < cc->warned) /* it was extended */
        cc->warned = due;
    if (due > cc->warned)
        cc->warning_deadline = cc->now_ms;
    else if (due < sizeof warnings_ms / sizeof *warnings_ms)
        cc->warning_deadline = cc->now_ms + (uint64_t)(left_ms - warnings_ms[due]);
}

void control_expiry_warn(struct control_client *cc)
{
    int64_t minutes = (key_left_ms(cc) + 59999) / 60000;
    bool hours = minutes >= 120;

    cc->warned = warnings_due(key_left_ms(cc));
    control_emit_problem(cc, CONTROL_PROBLEM_KEY_EXPIRING, "This node's key expires in %d %s%s",
                         (int)(hours ? minutes / 60 : minutes),
                         hours          ? "hours"
                         : minutes == 1 ? "minute"
                                        : "minutes",
                         cc->auth_key[0] != '\0'
                             ? "; its auth key renews it then, if that may be used again."
                             : ": log in again; sessions go on.");
    control_expiry_watch(cc);
}

bool control_expiry_has_key(const struct control_client *cc)
{
    return !cc->expired && cc->kept_auth_key != NULL && cc->kept_auth_key[0] != '\0';
}

void control_expiry_reached(struct control_client *cc)
{
    /* no busy loop of new keys */
    bool young = cc->renewed_ms != 0 && cc->now_ms - cc->renewed_ms < CONTROL_STABLE_MS;

    cc->expiry_deadline = NEVER;
    if (cc->auth_url[0] != '\0' && control_expiry_has_key(cc) && !young)
        control_forget_renewal(cc); /* nobody came in time */
    else if (cc->streams[CONTROL_STREAM_REGISTER].id != 0 ||
             cc->register_at != NEVER) { /* the map overtook it: it may renew the key */
        cc->expired_early = true;
        return;
    }
    if (cc->auth_key[0] != '\0' && !young) {
        control_session_renew(cc);
        return;
    }
    control_emit_problem(cc, CONTROL_PROBLEM_KEY_EXPIRED,
                         "This node's key has expired: log in again.");
    control_expiry_need_login(cc);
}

void control_expiry_need_login(struct control_client *cc)
{
    cc->expired = true;
    control_emit(cc, CONTROL_EVENT_NEED_LOGIN, NULL);
}
