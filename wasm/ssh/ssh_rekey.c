/*
 * New keys that we ask for: after SSH_KEX_MAX_LEN bytes in one direction or SSH_REKEY_INTERVAL_MS,
 * whatever comes first (RFC 4253 section 9). And an end for an exchange that does not come to its
 * own, whoever asked for it: it holds up everything else.
 *
 *   step: due? KEXINIT goes out; until the server's NEWKEYS nothing else does, while what the server
 *         sent before its own KEXINIT is still taken (ssh_channel.h: taking never sends)
 */
#include "ssh/ssh_session_internal.h"

void ssh_rekey_init(struct ssh_session *s)
{
    s->hooks.kex.max_len = SSH_KEX_MAX_LEN;
    s->rekey = (struct ssh_rekey){.due_ms = NEVER, .wait_ms = NEVER};
}

int ssh_rekey_step(struct ssh_session *s)
{
    if (!s->rekey.due && !ssh_kex_due(&s->hooks.kex))
        return 0;
    s->rekey.due = false;
    return ssh_kex_start(s->lib);
}

void ssh_rekey_watch(struct ssh_session *s)
{
    struct ssh_rekey *r = &s->rekey;

    if (s->state != SSH_READY) {
        r->due_ms = r->wait_ms = NEVER;
        return;
    }
    if (r->count != s->hooks.kex.count) {
        r->count = s->hooks.kex.count;
        r->due = false;
        r->due_ms = s->now_ms + SSH_REKEY_INTERVAL_MS;
        r->wait_ms = NEVER;
    }
    if (!ssh_kex_under_way(s->lib)) {
        r->wait_ms = NEVER;
    } else if (r->wait_ms == NEVER) {
        r->waits = 0;
        r->wait_ms = s->now_ms + SSH_REKEY_WAIT_MS;
    }
}

void ssh_rekey_tick(struct ssh_session *s)
{
    struct ssh_rekey *r = &s->rekey;

    if (s->state != SSH_READY)
        return;
    if (s->now_ms >= r->due_ms) {
        r->due = true;
        r->due_ms = s->now_ms + SSH_REKEY_INTERVAL_MS;
    }
    if (s->now_ms < r->wait_ms)
        return;
    if (ssh_alive_path_silent(s, r->wait_ms - SSH_REKEY_WAIT_MS)) { /* nobody could answer */
        r->wait_ms = s->now_ms + SSH_REKEY_WAIT_MS;
        return;
    }
    /* Counted, not measured: a tick may be late by hours, with the answer waiting to be read. */
    if (++r->waits >= SSH_REKEY_MAX_WAITS)
        ssh_session_fail(s, SSH_PROBLEM_LOST,
                         "The server stopped answering while the keys of the connection were being "
                         "changed.");
    r->wait_ms = s->now_ms + SSH_REKEY_WAIT_MS;
}

uint64_t ssh_rekey_deadline(const struct ssh_session *s)
{
    return s->rekey.due_ms < s->rekey.wait_ms ? s->rekey.due_ms : s->rekey.wait_ms;
}
