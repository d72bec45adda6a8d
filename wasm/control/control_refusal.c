/* What servers say when they say no, and what a person can do about it. */
#include "base/host.h"
#include "control/control_session.h"

struct refusal {
    const char *words; /* lower case, part of what the server says */
    enum control_problem problem;
    const char *sentence;
};

#define USED "This auth key was already used, and it is good for one node only: make a new one."
#define EXPIRED "This auth key has expired: make a new one."
#define UNKNOWN "The control server does not know this auth key: check it, or make a new one."

/* Headscale 0.28 and 0.29: hscontrol/auth.go, types/preauth_key.go, db/preauth_keys.go, at times
 * wrapped in other words; "invalid key" is what Tailscale's own server says. */
static const struct refusal refusals[] = {
    {"authkey already used", CONTROL_PROBLEM_AUTH_KEY_USED, USED},
    {"auth-key has already been used", CONTROL_PROBLEM_AUTH_KEY_USED, USED},
    {"authkey expired", CONTROL_PROBLEM_AUTH_KEY_EXPIRED, EXPIRED},
    {"auth-key expired", CONTROL_PROBLEM_AUTH_KEY_EXPIRED, EXPIRED},
    {"invalid pre auth key", CONTROL_PROBLEM_AUTH_KEY_INVALID, UNKNOWN},
    {"invalid authkey", CONTROL_PROBLEM_AUTH_KEY_INVALID, UNKNOWN},
    {"auth-key not found", CONTROL_PROBLEM_AUTH_KEY_INVALID, UNKNOWN},
    {"failed to parse auth-key", CONTROL_PROBLEM_AUTH_KEY_INVALID, UNKNOWN},
    {"invalid key", CONTROL_PROBLEM_AUTH_KEY_INVALID, UNKNOWN},
};

static void refuse_version(struct control_client *cc, const char *words)
{
    control_emit_problem(cc, CONTROL_PROBLEM_VERSION,
                         "The control server does not support this client's version (%d): %s.",
                         CONTROL_CAPABILITY_VERSION, words);
}

bool control_renews_early(const struct control_client *cc)
{
    return cc->renewing && cc->registered && !control_expiry_is_over(cc);
}

void control_withdraw_url(struct control_client *cc)
{
    if (cc->registered && !cc->logging_out && cc->auth_url[0] != '\0')
        control_emit(cc, CONTROL_EVENT_AUTH_URL, "");
    cc->auth_url[0] = '\0';
}

void control_login_failed(struct control_client *cc)
{
    bool over = control_expiry_is_over(cc), again = control_expiry_has_key(cc);

    if (cc->renewing && cc->logging_out) { /* the old key's node is to be taken back */
        control_forget_renewal(cc);
        control_session_logout(cc);
    } else if (cc->renewing && cc->registered) { /* the old key's map goes on */
        control_forget_renewal(cc);
        cc->auth_url[0] = '\0';
        cc->refusals = 0;
        cc->config.known_node = true;
        cc->register_deadline = NEVER;
        if (over && again)
            control_expiry_reached(cc);
        else if (over)
            control_expiry_need_login(cc);
    } else {
        control_need_login(cc);
    }
}

/* The auth key was good, once. What a person must know is why it was needed again. */
static bool refuse_return(struct control_client *cc)
{
    static const char and_key[] = "and its auth key is good no more: log in, or use another key.";

    if (cc->rejoined)
        control_emit_problem(cc, CONTROL_PROBLEM_NODE_GONE,
                             "The control server has removed this node, %s", and_key);
    else if (cc->renewing && control_expiry_is_over(cc) && !control_expiry_has_key(cc))
        control_emit_problem(cc, CONTROL_PROBLEM_KEY_EXPIRED, "This node's key has expired, %s",
                             and_key);
    else
        return false;
    return true;
}

void control_refused(struct control_client *cc, const char *error)
{
    control_withdraw_url(cc); /* a login that ended badly starts anew */
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        if (control_text_contains(error, refusals[i].words)) {
            if (!refuse_return(cc))
                control_emit_problem(cc, refusals[i].problem, "%s", refusals[i].sentence);
            control_login_failed(cc);
            return;
        }
    }
    if (control_text_contains(error, "unsupported client version")) {
        refuse_version(cc, error);
        control_login_failed(cc);
        return;
    }
    control_emit_problem(cc, CONTROL_PROBLEM_REFUSED,
                         "The control server refused to register this node: %s.", error);
    if (++cc->refusals >= CONTROL_REFUSALS_MAX || control_renews_early(cc))
        control_login_failed(cc);
    else
        control_retry_later(cc);
}

/* 5 to 10 s if the server did not say for how long. */
static uint64_t retry_delay(const struct control_stream *s)
{
    uint64_t delay_ms = s->retry_after_s > 0 ? (uint64_t)s->retry_after_s * 1000 : 0;
    uint8_t random[2];

    if (delay_ms > 0 && delay_ms <= CONTROL_RATE_MAX_MS)
        return delay_ms;
    host_random(random, sizeof random);
    return 5000 + load_le16(random) % 5000;
}

void control_bad_status(struct control_client *cc, enum control_stream_kind kind,
                        const struct control_stream *s)
{
    struct bytes body = control_stream_body(s);
    char words[CONTROL_TEXT_MAX + 1];
    bool login = kind == CONTROL_STREAM_REGISTER, early = login && control_renews_early(cc);

    control_text_sanitise(words, sizeof words, body.data, body.len);
    if (early && s->status != 429)
        control_withdraw_url(cc);
    if (control_text_contains(words, "unsupported client version")) {
        refuse_version(cc, words);
        if (login)
            control_login_failed(cc);
        else
            control_need_login(cc);
        return;
    }
    if (s->status == 429) {
        uint64_t delay_ms = retry_delay(s);

        cc->earliest_retry = cc->now_ms + delay_ms;
        control_emit_problem(cc, CONTROL_PROBLEM_RATE,
                             "The control server asks to slow down; trying again in %d s.",
                             (int)((delay_ms + 999) / 1000));
        if (early && !cc->logging_out) {
            cc->register_at = cc->earliest_retry;
            cc->register_deadline = NEVER;
            return;
        }
    } else {
        control_emit_problem(cc, CONTROL_PROBLEM_REFUSED,
                             "The control server answered %s with HTTP %d%s%s.",
                             login ? "the registration" : "the request for the network map",
                             s->status, words[0] == '\0' ? "" : ": ", words);
    }
    if (early)
        control_login_failed(cc);
    else
        control_retry_later(cc);
}
