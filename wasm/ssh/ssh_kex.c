#include "ssh/ssh_kex.h"

#include "libssh2_priv.h"
#include "mac.h"
#include "ssh/ssh_sha256.h"

enum {
    MSG_DEBUG = 4, /* 1 to 4: DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, at any time */
    MSG_KEXINIT = 20,
    MSG_NEWKEYS = 21,
    MSG_KEX_FIRST = 30, /* 30 to 49: of the method */
    MSG_KEX_REPLY = 31, /* of every method we offer */
    MSG_KEX_LAST = 49,
    MSG_USERAUTH_SUCCESS = 52,
    MSG_CONNECTION_FIRST = 80
};

static int fail(struct ssh_kex *k, enum ssh_kex_problem problem, uint8_t type)
{
    k->problem = problem;
    k->type = type;
    return LIBSSH2_ERROR_PROTO;
}

bool ssh_kex_under_way(const LIBSSH2_SESSION *session)
{
    return session->state & LIBSSH2_STATE_EXCHANGING_KEYS;
}

bool ssh_kex_sound(LIBSSH2_SESSION *session, struct ssh_kex *k)
{
    /* libssh2 has left an exchange, and NEWKEYS never came: it would go on under the old keys. */
    if (!k->problem && k->count && k->server_init && !ssh_kex_under_way(session))
        fail(k, SSH_KEX_FAILED, MSG_KEXINIT);
    if (k->problem)
        session->socket_state = LIBSSH2_SOCKET_DISCONNECTED;
    return !k->problem;
}

/* ---- the packets of an exchange ---- */

/* From now on we offer what is in use. */
static int pin_methods(LIBSSH2_SESSION *session)
{
    const struct {
        int method;
        const char *name;
    } pins[] = {{LIBSSH2_METHOD_HOSTKEY, session->hostkey->name},
                {LIBSSH2_METHOD_CRYPT_CS, session->local.crypt->name},
                {LIBSSH2_METHOD_CRYPT_SC, session->remote.crypt->name},
                {LIBSSH2_METHOD_MAC_CS, session->local.mac->name},
                {LIBSSH2_METHOD_MAC_SC, session->remote.mac->name}};

    for (size_t i = 0; i < sizeof pins / sizeof *pins; i++) {
        if (i >= 3 && _libssh2_mac_override(session->local.crypt))
            break; /* the cipher's own, which no list names */
        if (libssh2_session_method_pref(session, pins[i].method, pins[i].name))
            return LIBSSH2_ERROR_ALLOC;
    }
    return 0;
}

static int on_kexinit(LIBSSH2_SESSION *session, struct ssh_kex *k)
{
    if (k->server_init)
        return fail(k, SSH_KEX_PHASE, MSG_KEXINIT);
    k->server_init = true;
    k->server_reply = false;
    if (k->count && session->server_hostkey) { /* libssh2 would forget it, not free it */
        LIBSSH2_FREE(session, session->server_hostkey);
        session->server_hostkey = NULL;
        session->server_hostkey_len = 0;
    }
    return 0;
}

/* The server's proof has been checked when its NEWKEYS is read; nothing has been sent under the
 * new keys yet. */
static int on_newkeys(LIBSSH2_SESSION *session, struct ssh_kex *k)
{
    struct bytes key = {session->server_hostkey, session->server_hostkey_len};

    if (!ssh_kex_under_way(session) || !k->server_reply || !key.data)
        return fail(k, SSH_KEX_PHASE, MSG_NEWKEYS);
    ssh_sha256(k->count ? k->shown_hash : k->host_key_hash, key);
    if (k->count && !bytes_equal(k->shown_hash, k->host_key_hash, sizeof k->shown_hash))
        return fail(k, SSH_KEX_HOST_KEY, MSG_NEWKEYS);
    if (session->local.crypt != session->remote.crypt)
        return fail(k, SSH_KEX_CIPHERS, MSG_NEWKEYS);
    if (!k->count && pin_methods(session))
        return LIBSSH2_ERROR_ALLOC;
    k->count++;
    k->server_init = k->server_reply = false;
    k->in_len = k->out_len = 0;
    return 0;
}

static int on_kex_packet(LIBSSH2_SESSION *session, struct ssh_kex *k, uint8_t type)
{
    if (!ssh_kex_under_way(session) || !k->server_init)
        return fail(k, SSH_KEX_PHASE, type);
    if (type == MSG_KEX_REPLY)
        k->server_reply = true;
    return 0;
}

int ssh_kex_on_packet(LIBSSH2_SESSION *session, struct ssh_kex *k, struct bytes packet)
{
    uint8_t type = packet.data[0];

    if (!ssh_kex_sound(session, k))
        return LIBSSH2_ERROR_PROTO;
    if (type >= 1 && type <= MSG_DEBUG)
        return 0;
    if (type == MSG_KEXINIT)
        return on_kexinit(session, k);
    if (type == MSG_NEWKEYS)
        return on_newkeys(session, k);
    if (type >= MSG_KEX_FIRST && type <= MSG_KEX_LAST)
        return on_kex_packet(session, k, type);
    /* Data behind a KEXINIT breaks section 7.1 too, but does no harm, and some servers do it. */
    if (!k->count || (type >= MSG_CONNECTION_FIRST ? !k->logged_in : k->server_init))
        return fail(k, SSH_KEX_PHASE, type);
    if (type == MSG_USERAUTH_SUCCESS)
        k->logged_in = true;
    return 0;
}

/* ---- new keys that we ask for ---- */

bool ssh_kex_due(const struct ssh_kex *k)
{
    return k->in_len >= k->max_len || k->out_len >= k->max_len;
}

int ssh_kex_start(LIBSSH2_SESSION *session)
{
    int rc;

    if (ssh_kex_under_way(session))
        return 0;
    /* As packet.c does when the server asks; every read and write then goes on with it. */
    memset(&session->startup_key_state, 0, sizeof session->startup_key_state);
    rc = _libssh2_kex_exchange(session, 1, &session->startup_key_state);
    return rc == LIBSSH2_ERROR_EAGAIN ? 0 : rc ? rc : LIBSSH2_ERROR_KEX_FAILURE;
}

static bool has_keys(const libssh2_endpoint_data *end)
{
    if (end->crypt && end->crypt->init && !end->crypt_abstract)
        return false;
    return !end->crypt || end->crypt->auth_len || end->mac_abstract ||
           _libssh2_mac_override(end->crypt);
}

bool ssh_kex_can_send(const LIBSSH2_SESSION *session, const struct ssh_kex *k)
{
    if (k->server_reply) /* ours is answered with our NEWKEYS at once */
        return false;
    return !(session->state & LIBSSH2_STATE_NEWKEYS) ||
           (has_keys(&session->local) && has_keys(&session->remote));
}
