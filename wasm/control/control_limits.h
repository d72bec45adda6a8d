/* The control client's times and ceilings, each with its reason. */
#ifndef CONTROL_CONTROL_LIMITS_H
#define CONTROL_CONTROL_LIMITS_H

enum {
    CONTROL_KEY_TIMEOUT_MS = 15 * 1000,       /* GET /key */
    CONTROL_OPEN_TIMEOUT_MS = 15 * 1000,      /* WebSocket */
    CONTROL_HANDSHAKE_TIMEOUT_MS = 10 * 1000, /* the Noise response */
    CONTROL_REGISTER_TIMEOUT_MS = 30 * 1000,  /* without a person in it */
    CONTROL_MAP_TIMEOUT_MS = 120 * 1000,      /* a keep-alive comes every 50 to 59 s */
    CONTROL_PING_AFTER_MS = 30 * 1000,        /* without a byte from the server */
    CONTROL_PING_TIMEOUT_MS = 10 * 1000,
    CONTROL_REBIND_TIMEOUT_MS = 5 * 1000,     /* the ping after a sleep or a change of network */
    CONTROL_VERIFY_MS = 10 * 1000, /* between two questions whether we are still known: in doubt, */
    CONTROL_VERIFY_IDLE_MS = 5 * 60 * 1000, /* and else; Headscale 0.28 writes a row for each */
    CONTROL_FRESH_MS = 1000, /* an attempt of before a change of network is given up */
    CONTROL_LATE_MS = 2 * 1000, /* a tick that late means that we slept */
    CONTROL_LOGOUT_TIMEOUT_MS = 2 * 1000,
    CONTROL_BACKOFF_FIRST_MS = 200,
    CONTROL_BACKOFF_MAX_MS = 30 * 1000,
    CONTROL_STABLE_MS = 10 * 1000, /* a map stream that old forgives earlier failures */
    CONTROL_RATE_MAX_MS = 3600 * 1000,
    /* The speculative map. Headscale stores nodes in batches 500 ms apart; any try between the
     * batch that made the node and the next gets the map half a second earlier, so few tries do. */
    CONTROL_TRY_EVERY_MS = 100,
    CONTROL_TRY_MAX = 10,
    CONTROL_FOLLOWUP_PAUSE_MS = 1000, /* before waiting at a replaced login address */
    CONTROL_REFUSALS_MAX = 3, /* of a register in unknown words, then a person */

    CONTROL_MAX_BODY = 64 << 10, /* of a register response or an error */
    CONTROL_MAX_INPUT = 32 << 20, /* what a driver may feed before it drains */
    CONTROL_MAX_MESSAGE = 32768, /* one byte more, and Headscale closes the WebSocket */
    CONTROL_MAX_PLAIN_OUT = 64 << 10,
    CONTROL_MAX_EVENTS = 32,
    CONTROL_MAX_SENTENCE = 640,
};

#endif
