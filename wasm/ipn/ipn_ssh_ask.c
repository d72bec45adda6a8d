/*
 * What a person is asked on behalf of a connection: its host key, or what the server wants to know.
 * One id is asked, the first that waits; should it leave, the next one is asked the same.
 */
#include <stdlib.h>
#include <string.h>

#include "ipn/ipn_ssh_conn.h"

void ipn_ssh_ask_wipe(struct ipn_ssh_ask *ask)
{
    if (ask->bytes)
        wipe(ask->bytes, ask->text_len + ask->aux_len);
    free(ask->bytes);
    *ask = (struct ipn_ssh_ask){0};
}

static void tell(struct ipn *ipn, struct ipn_ssh_conn *conn)
{
    struct ipn_ssh_ask *ask = &conn->ask;
    struct ipn_ssh *ssh = conn->ids;
    while (ssh && ssh->opened)
        ssh = ssh->next;
    if (!ssh)
        return;
    ask->id = ssh->st.id;
    if (ipn_event_push(&ipn->events, ask->type, ask->id, ask->code, ask->bytes, ask->text_len,
                       ask->bytes + ask->text_len, ask->aux_len) < 0)
        ipn_stream_fail(&conn->st, "out-of-memory", "The module ran out of memory.");
}

void ipn_ssh_ask_put(struct ipn *ipn, struct ipn_ssh_conn *conn, uint32_t type,
                     const struct ssh_event *from)
{
    struct ipn_ssh_ask *ask = &conn->ask;
    ipn_ssh_ask_wipe(ask);
    ask->bytes = malloc(from->text.len + from->aux.len + 1);
    if (!ask->bytes) {
        ipn_stream_fail(&conn->st, "out-of-memory", "The module ran out of memory.");
        return;
    }
    if (from->text.len)
        memcpy(ask->bytes, from->text.data, from->text.len);
    if (from->aux.len)
        memcpy(ask->bytes + from->text.len, from->aux.data, from->aux.len);
    ask->type = type;
    ask->code = from->code;
    ask->text_len = from->text.len;
    ask->aux_len = from->aux.len;
    conn->person = true;
    conn->open_deadline_ms = ipn->now_ms + IPN_SSH_PERSON_WAIT_MS;
    ipn_ssh_turn_lasts(ipn, conn, IPN_SSH_TURN_ASKED_MS);
    tell(ipn, conn);
}

void ipn_ssh_ask_pass_on(struct ipn *ipn, struct ipn_ssh_conn *conn)
{
    tell(ipn, conn);
}

void ipn_ssh_ask_answered(struct ipn *ipn, struct ipn_ssh_conn *conn)
{
    ipn_ssh_ask_wipe(&conn->ask);
    conn->open_deadline_ms = ipn->now_ms + conn->st.timeout_ms;
    ipn_ssh_turn_lasts(ipn, conn, IPN_SSH_TURN_MS);
}
