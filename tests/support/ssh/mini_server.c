/* The server's life: its first words, which packet is for which part, and authentication. */
#include <sodium.h>

#include "base/encoding.h"
#include "support/ssh/mini_internal.h"

const char mini_version[] = "SSH-2.0-mini";

/* ---- what the client asks for ---- */

static void on_userauth(struct mini_server *m, struct bytes p)
{
    WRITER(w);
    size_t at = 1;

    keep(m->user, sizeof m->user, get_string(p, &at));
    if (m->fault == MINI_HOLD_AUTH)
        return;
    if (m->fault == MINI_REFUSE_AUTH) {
        put_u8(&w, USERAUTH_FAILURE);
        put_text(&w, "publickey,password");
        put_u8(&w, 0);
    } else {
        put_u8(&w, USERAUTH_SUCCESS);
        m->authenticated = true;
    }
    mini_send_writer(m, &w);
}

static void on_service(struct mini_server *m)
{
    WRITER(w);

    if (m->fault == MINI_NO_SERVICE) {
        mini_send_disconnect(m, "no such service");
        return;
    }
    put_u8(&w, SERVICE_ACCEPT);
    put_text(&w, "ssh-userauth");
    mini_send_writer(m, &w);
}

static void on_packet(struct mini_server *m, struct bytes p)
{
    size_t at = 1;

    if (m->client_in_kex && p.data[0] > 4 && (p.data[0] < 20 || p.data[0] > 49))
        m->violations++;
    if (m->take && m->take(m, m->ctx, p.data, p.len))
        return;
    switch (p.data[0]) {
    case KEXINIT:
        mini_on_kexinit(m, p);
        break;
    case ECDH_INIT:
        if (!m->rekeys || !m->rekey_hold)
            mini_answer_ecdh(m, get_string(p, &at));
        break;
    case NEWKEYS:
        mini_on_newkeys(m);
        break;
    case SERVICE_REQUEST:
        on_service(m);
        break;
    case USERAUTH_REQUEST:
        on_userauth(m, p);
        break;
    case CHANNEL_OPEN:
        mini_on_channel_open(m, p);
        break;
    case GLOBAL_REQUEST: /* a keep-alive is all that a client asks */
        m->asked_alive++;
        mini_send(m, (const uint8_t[]){REQUEST_FAILURE}, 1);
        break;
    case REQUEST_SUCCESS:
    case REQUEST_FAILURE:
        m->replies++;
        break;
    case DISCONNECT:
        m->disconnected = true;
        break;
    default:
        if (p.data[0] > CHANNEL_OPEN && p.len >= 5)
            mini_on_channel_packet(m, p);
        break;
    }
}

static void drop_input(struct mini_server *m, size_t len)
{
    m->in_at += len;
    m->in_len -= len;
    if (!m->in_len)
        m->in_at = 0;
}

static bool take_version(struct mini_server *m)
{
    uint8_t *in = m->in + m->in_at, *end = memchr(in, '\n', m->in_len);

    if (!end)
        return false;
    keep(m->client_version, sizeof m->client_version, (struct bytes){in, (size_t)(end - in) - 1});
    drop_input(m, (size_t)(end - in) + 1);
    m->version_seen = true;
    return true;
}

void mini_input(struct mini_server *m, const uint8_t *src, size_t len)
{
    struct bytes payload;
    size_t packet_len;

    if (m->broken)
        return;
    if (m->in_at + m->in_len + len > sizeof m->in) {
        memmove(m->in, m->in + m->in_at, m->in_len);
        m->in_at = 0;
    }
    if (m->in_len + len > sizeof m->in)
        abort();
    memcpy(m->in + m->in_at + m->in_len, src, len);
    m->in_len += len;
    if (!m->version_seen && !take_version(m))
        return;
    while ((packet_len = mini_open_packet(m, &payload)) > 0) {
        if (payload.len)
            on_packet(m, payload);
        drop_input(m, packet_len);
    }
}

/* ---- what the server says ---- */

void mini_init(struct mini_server *m, enum mini_cipher cipher, enum mini_fault fault)
{
    uint8_t seed[32] = {42};

    m->cipher = cipher;
    m->fault = fault;
    m->window = 1 << 21;
    m->strict = fault != MINI_NO_STRICT;
    crypto_sign_seed_keypair(m->host_pk, m->host_sk, seed);
    seed[1] = 1;
    crypto_sign_seed_keypair(m->other_pk, m->other_sk, seed);
    mini_send_raw(m, (const uint8_t *)mini_version, strlen(mini_version));
    mini_send_raw(m, (const uint8_t *)"\r\n", 2);
    if (fault == MINI_IGNORE_BEFORE_KEX)
        mini_send(m, (const uint8_t[]){IGNORE, 0, 0, 0, 0}, 5);
    mini_send_kexinit(m);
}

void mini_pin(const struct mini_server *m, char dst[128])
{
    WRITER(blob);

    mini_put_host_key(m, &blob);
    memcpy(dst, "ssh-ed25519 ", 12);
    base64_encode(dst + 12, blob.data, blob.len);
}

void mini_send_banner(struct mini_server *m, const char *text)
{
    WRITER(w);

    put_u8(&w, USERAUTH_BANNER);
    put_text(&w, text);
    put_text(&w, "");
    mini_send_writer(m, &w);
}

void mini_send_disconnect(struct mini_server *m, const char *text)
{
    WRITER(w);

    put_u8(&w, DISCONNECT);
    put_u32(&w, 11);
    put_text(&w, text);
    put_text(&w, "");
    mini_send_writer(m, &w);
}

void mini_send_keepalive(struct mini_server *m)
{
    WRITER(w);

    put_u8(&w, GLOBAL_REQUEST);
    put_text(&w, "keepalive@openssh.com");
    put_u8(&w, 1);
    mini_send_writer(m, &w);
}
