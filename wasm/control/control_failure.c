/* Why there is no connection, in words that a person can act on. */
#include "control/control_session.h"

void control_key_failed(struct control_client *cc, int status, const uint8_t *body, size_t len)
{
    char words[CONTROL_TEXT_MAX + 1];
    bool page = control_text_sanitise(words, sizeof words, body, len) == 0 && len > 0;

    if (status == 0)
        control_emit_problem(cc, CONTROL_PROBLEM_UNREACHABLE,
                             "The control server cannot be reached, or does not let this page read "
                             "its key: without controlKey the page must be on the same origin.");
    else if (control_text_contains(words, "unsupported client version"))
        control_emit_problem(cc, CONTROL_PROBLEM_VERSION,
                             "The control server does not support this client's version (%d): %s.",
                             CONTROL_CAPABILITY_VERSION, words);
    else if (status == 429)
        control_emit_problem(cc, CONTROL_PROBLEM_RATE, "The control server asks to slow down.");
    else if (page && status >= 500)
        control_emit_problem(
            cc, CONTROL_PROBLEM_UNREACHABLE,
            "%s answered HTTP %d with a web page: the control server behind it does "
            "not seem to run.",
            cc->url, status);
    else if (page || status == 200)
        control_emit_problem(
            cc, CONTROL_PROBLEM_PROTOCOL,
            "%s is no Tailscale control server: asked for its key it answered HTTP "
            "%d with %s. Check controlURL.",
            cc->url, status, page ? "a web page" : "something else");
    else
        control_emit_problem(
            cc, CONTROL_PROBLEM_UNREACHABLE,
            "The control server answered the request for its key with HTTP %d%s%s.", status,
            words[0] == '\0' ? "" : ": ", words);
    control_retry_later(cc);
}

void control_never_opened(struct control_client *cc)
{
    if (!cc->key_fresh)
        control_emit_problem(
            cc, CONTROL_PROBLEM_UNREACHABLE,
            "The control server cannot be reached, or its WebSocket is blocked: by "
            "a proxy, by this page's Content-Security-Policy (connect-src), or by "
            "Headscale 0.29.0 or 0.29.1.");
    else /* its key came by the same address a moment ago */
        control_emit_problem(
            cc, CONTROL_PROBLEM_TS2021_REFUSED,
            "The control server refused the WebSocket to /ts2021: Headscale 0.29.0 "
            "and 0.29.1 do that (0.28 and 0.29.2 or later work), and so do proxies "
            "that let no WebSocket through.");
    cc->have_server_key = cc->config.have_server_key; /* the next /key tells whether it is up */
}

void control_closed_in_handshake(struct control_client *cc, int code, const char *words)
{
    if (code == 1000 || code == 1005)
        control_emit_problem(
            cc, CONTROL_PROBLEM_SERVER_KEY, "The control server did not accept our handshake: %s",
            cc->config.have_server_key ? "the configured controlKey is not its key."
                                       : "its key must have changed; asking for it again.");
    else if (code == 1008 || code == 1002 || code == 1003)
        control_emit_problem(cc, CONTROL_PROBLEM_PROTOCOL,
                             "The control server rejected our handshake (WebSocket code %d%s%s).",
                             code, words[0] == '\0' ? "" : ": ", words);
    else
        control_emit_problem(cc, CONTROL_PROBLEM_LOST,
                             "The connection to the control server ended in the handshake "
                             "(WebSocket code %d%s%s); trying again.",
                             code, words[0] == '\0' ? "" : ": ", words);
    cc->have_server_key = cc->config.have_server_key;
}
