#include "support/ssh/mini_server.h"

#include <mbedtls/aes.h>
#include <mbedtls/gcm.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/encoding.h"

enum {
    DISCONNECT = 1,
    IGNORE = 2,
    SERVICE_REQUEST = 5,
    SERVICE_ACCEPT = 6,
    KEXINIT = 20,
    NEWKEYS = 21,
    ECDH_INIT = 30,
    ECDH_REPLY = 31,
    USERAUTH_REQUEST = 50,
    USERAUTH_FAILURE = 51,
    USERAUTH_SUCCESS = 52,
    USERAUTH_BANNER = 53,
    GLOBAL_REQUEST = 80,
    REQUEST_SUCCESS = 81,
    REQUEST_FAILURE = 82,
    CHANNEL_OPEN = 90,
    CHANNEL_OPEN_CONFIRMATION = 91,
    CHANNEL_OPEN_FAILURE = 92,
    CHANNEL_WINDOW_ADJUST = 93,
    CHANNEL_DATA = 94,
    CHANNEL_EXTENDED_DATA = 95,
    CHANNEL_EOF = 96,
    CHANNEL_CLOSE = 97,
    CHANNEL_REQUEST = 98,
    CHANNEL_SUCCESS = 99,
    CHANNEL_FAILURE = 100
};

enum { CLIENT = 0, SERVER = 1 };

static const char server_version[] = "SSH-2.0-mini";

/* ---- a payload being written ---- */

struct writer {
    size_t len;
    uint8_t data[40000];
};

/* Not zeroed: a keep-alive need not cost 40 kB. */
#define WRITER(name)    \
    struct writer name; \
    name.len = 0

static void put(struct writer *w, const void *src, size_t len)
{
    if (len > sizeof w->data - w->len)
        abort();
    memcpy(w->data + w->len, src, len);
    w->len += len;
}

static void put_u8(struct writer *w, uint8_t v)
{
    put(w, &v, 1);
}

static void put_u32(struct writer *w, uint32_t v)
{
    uint8_t bytes[4];

    store_be32(bytes, v);
    put(w, bytes, 4);
}

static void put_string(struct writer *w, const void *src, size_t len)
{
    put_u32(w, (uint32_t)len);
    put(w, src, len);
}

static void put_text(struct writer *w, const char *text)
{
    put_string(w, text, strlen(text));
}

/* The string at *at of a client's payload; empty where there is none. */
static struct bytes get_string(struct bytes p, size_t *at)
{
    struct bytes none = {p.data, 0};
    uint32_t len;

    if (*at + 4 > p.len)
        return none;
    len = load_be32(p.data + *at);
    if (len > p.len - *at - 4)
        return none;
    *at += 4 + (size_t)len;
    return (struct bytes){p.data + *at - len, len};
}

static bool is(struct bytes text, const char *name)
{
    return text.len == strlen(name) && memcmp(text.data, name, text.len) == 0;
}

static struct bytes text_bytes(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static void keep(char *dst, size_t cap, struct bytes text)
{
    size_t len = text.len < cap - 1 ? text.len : cap - 1;

    memcpy(dst, text.data, len);
    dst[len] = '\0';
}

/* ---- packets out ---- */

void mini_send_raw(struct mini_server *m, const uint8_t *bytes, size_t len)
{
    if (m->out_at && m->out_len + len > sizeof m->out) {
        memmove(m->out, m->out + m->out_at, m->out_len - m->out_at);
        m->out_len -= m->out_at;
        m->out_at = 0;
    }
    if (m->out_len + len > sizeof m->out)
        return; /* a test that sends more than it reads */
    memcpy(m->out + m->out_len, bytes, len);
    m->out_len += len;
}

size_t mini_output(struct mini_server *m, uint8_t *dst, size_t cap)
{
    size_t n = m->out_len - m->out_at < cap ? m->out_len - m->out_at : cap;

    if (m->limited && n > m->left)
        n = m->left;
    m->left -= m->limited ? n : 0;
    memcpy(dst, m->out + m->out_at, n);
    m->out_at += n;
    return n;
}

static void ctr_crypt(struct mini_keys *k, uint8_t *data, size_t len)
{
    mbedtls_aes_context aes;
    uint8_t stream[16];
    size_t at = 0;

    mbedtls_aes_init(&aes);
    mbedtls_aes_setkey_enc(&aes, k->key, 128);
    mbedtls_aes_crypt_ctr(&aes, len, &at, k->iv, stream, data, data);
    mbedtls_aes_free(&aes);
}

static void gcm_step(struct mini_keys *k)
{
    store_be64(k->iv + 4, load_be64(k->iv + 4) + 1);
}

/* packet: [length 4][padding length][payload][padding], room for the tag behind it. */
static size_t seal(struct mini_server *m, uint8_t *packet, size_t len)
{
    struct mini_keys *k = &m->keys_out;
    uint8_t nonce[8] = {0}, poly_key[32] = {0}, seq[4];
    mbedtls_gcm_context gcm;

    store_be32(nonce + 4, m->seq_out);
    store_be32(seq, m->seq_out);
    switch (m->cipher) {
    case MINI_CHACHA20:
        crypto_stream_chacha20_xor_ic(poly_key, poly_key, 32, nonce, 0, k->key);
        crypto_stream_chacha20_xor_ic(packet, packet, 4, nonce, 0, k->key + 32);
        crypto_stream_chacha20_xor_ic(packet + 4, packet + 4, len - 4, nonce, 1, k->key);
        crypto_onetimeauth_poly1305(packet + len, packet, len, poly_key);
        return len + 16;
    case MINI_AES128_GCM:
        mbedtls_gcm_init(&gcm);
        mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, k->key, 128);
        mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, len - 4, k->iv, 12, packet, 4,
                                  packet + 4, packet + 4, 16, packet + len);
        mbedtls_gcm_free(&gcm);
        gcm_step(k);
        return len + 16;
    default: {
        crypto_auth_hmacsha256_state mac;

        ctr_crypt(k, packet + 4, len - 4);
        crypto_auth_hmacsha256_init(&mac, k->mac, 32);
        crypto_auth_hmacsha256_update(&mac, seq, 4);
        crypto_auth_hmacsha256_update(&mac, packet, len);
        crypto_auth_hmacsha256_final(&mac, packet + len);
        return len + 32;
    }
    }
}

/* A block size of 16 suits all of them; only the clear length is outside of it. */
void mini_send_padding(struct mini_server *m, const uint8_t *payload, size_t len, uint8_t padding)
{
    static uint8_t packet[80000];
    size_t clear = m->sealed_out ? 4 : 0, pad = 4, total;

    while ((4 - clear + 1 + len + pad) % 16)
        pad++;
    total = 4 + 1 + len + pad;
    if (total + 32 > sizeof packet)
        abort();
    store_be32(packet, (uint32_t)(total - 4));
    packet[4] = padding ? padding : (uint8_t)pad;
    memcpy(packet + 5, payload, len);
    memset(packet + 5 + len, 0, pad);
    if (m->sealed_out)
        total = seal(m, packet, total);
    m->seq_out++;
    mini_send_raw(m, packet, total);
}

void mini_send(struct mini_server *m, const uint8_t *payload, size_t len)
{
    mini_send_padding(m, payload, len, 0);
}

static void send_writer(struct mini_server *m, struct writer *w)
{
    mini_send(m, w->data, w->len);
}

/* ---- key exchange ---- */

static void host_key_blob(const struct mini_server *m, struct writer *w)
{
    put_text(w, m->fault == MINI_WRONG_HOST_KEY_BLOB ? "ssh-unheard-of" : "ssh-ed25519");
    put_string(w, m->rekeys && m->rekey_other_host_key ? m->other_pk : m->host_pk, 32);
}

static void send_kexinit(struct mini_server *m)
{
    static const char *ciphers[] = {"chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com",
                                    "aes128-ctr"};
    const char *cipher = ciphers[(m->cipher + (m->rekeys && m->rekey_other_cipher)) % 3];
    const char *kex = m->fault == MINI_NO_COMMON_KEX ? "sntrup4591761x25519-sha512@tinyssh.org"
                      : m->strict ? "curve25519-sha256,kex-strict-s-v00@openssh.com"
                                  : "curve25519-sha256";
    const char *lists[] = {kex,
                           "ssh-ed25519",
                           cipher,
                           cipher,
                           "hmac-sha2-256-etm@openssh.com",
                           "hmac-sha2-256-etm@openssh.com",
                           "none",
                           "none",
                           "",
                           ""};
    WRITER(w);
    uint8_t cookie[16] = {1, 2, 3};

    put_u8(&w, KEXINIT);
    put(&w, cookie, 16);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        put_text(&w, lists[i]);
    put_u8(&w, 0);
    put_u32(&w, 0);
    if (m->fault == MINI_SHORT_KEXINIT)
        w.len = 40;
    memcpy(m->kexinit[SERVER], w.data, w.len);
    m->kexinit_len[SERVER] = w.len;
    m->kexinit_sent = true;
    send_writer(m, &w);
}

static void put_mpint(struct writer *w, const uint8_t *src, size_t len)
{
    uint8_t zero = 0;

    while (len && !*src)
        src++, len--;
    put_u32(w, (uint32_t)(len + (len && *src >= 0x80)));
    if (len && *src >= 0x80)
        put(w, &zero, 1);
    put(w, src, len);
}

/* RFC 4253 section 7.2. */
static void derive(uint8_t *dst, size_t len, struct writer *k, const uint8_t h[32], char letter,
                   const uint8_t session_id[32])
{
    uint8_t block[32];
    size_t made = 0;

    while (made < len) {
        crypto_hash_sha256_state state;

        crypto_hash_sha256_init(&state);
        crypto_hash_sha256_update(&state, k->data, k->len);
        crypto_hash_sha256_update(&state, h, 32);
        if (made) {
            crypto_hash_sha256_update(&state, dst, made);
        } else {
            crypto_hash_sha256_update(&state, (const uint8_t *)&letter, 1);
            crypto_hash_sha256_update(&state, session_id, 32);
        }
        crypto_hash_sha256_final(&state, block);
        memcpy(dst + made, block, len - made < 32 ? len - made : 32);
        made += 32;
    }
}

static void derive_keys(struct mini_keys *keys, struct writer *k, const uint8_t h[32],
                        const char letters[3], const uint8_t session_id[32])
{
    derive(keys->iv, sizeof keys->iv, k, h, letters[0], session_id);
    derive(keys->key, sizeof keys->key, k, h, letters[1], session_id);
    derive(keys->mac, sizeof keys->mac, k, h, letters[2], session_id);
}

static void answer_ecdh(struct mini_server *m, struct bytes q_c)
{
    uint8_t secret[32], q_s[32], shared[32] = {0}, h[32], sig[64];
    WRITER(hashed);
    WRITER(k);
    WRITER(blob);
    WRITER(w);
    WRITER(sig_blob);

    for (size_t i = 0; i < 32; i++)
        secret[i] = (uint8_t)(i + 9 + m->rekeys);
    crypto_scalarmult_base(q_s, secret);
    if (q_c.len != 32 || crypto_scalarmult(shared, secret, q_c.data))
        return;
    if (m->fault == MINI_ZERO_POINT)
        memset(q_s, 0, 32);
    host_key_blob(m, &blob);
    put_mpint(&k, shared, 32);
    put_text(&hashed, m->client_version);
    put_text(&hashed, server_version);
    put_string(&hashed, m->kexinit[CLIENT], m->kexinit_len[CLIENT]);
    put_string(&hashed, m->kexinit[SERVER], m->kexinit_len[SERVER]);
    put_string(&hashed, blob.data, blob.len);
    put_string(&hashed, q_c.data, 32);
    put_string(&hashed, q_s, 32);
    put(&hashed, k.data, k.len);
    crypto_hash_sha256(h, hashed.data, hashed.len);
    if (!m->first_kex_done)
        memcpy(m->session_id, h, 32);
    derive_keys(&m->next_in, &k, h, "ACE", m->session_id);
    derive_keys(&m->next_out, &k, h, "BDF", m->session_id);
    crypto_sign_detached(sig, NULL, h, 32,
                         m->rekeys && m->rekey_other_host_key ? m->other_sk : m->host_sk);
    if (m->fault == MINI_BAD_SIGNATURE || (m->rekeys && m->rekey_bad_signature))
        sig[5] ^= 1;
    put_text(&sig_blob, "ssh-ed25519");
    put_string(&sig_blob, sig, 64);
    put_u8(&w, ECDH_REPLY);
    put_string(&w, blob.data, blob.len);
    put_string(&w, q_s, 32);
    put_string(&w, sig_blob.data, sig_blob.len);
    send_writer(m, &w);
    mini_send(m, (const uint8_t[]){NEWKEYS}, 1);
    m->keys_out = m->next_out;
    m->sealed_out = true;
    m->kexinit_sent = false;
    if (m->strict)
        m->seq_out = 0;
}

void mini_start_rekey(struct mini_server *m)
{
    m->rekeys++;
    send_kexinit(m);
}

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
    send_writer(m, &w);
}

void mini_select(struct mini_server *m, int channel)
{
    if (channel < 0 || channel >= MINI_MAX_CHANNELS)
        abort();
    m->channels[m->selected] = m->current;
    m->current = m->channels[channel];
    m->selected = channel;
}

void mini_free(struct mini_server *m)
{
    if (!m)
        return;
    mini_select(m, m->selected ? 0 : 1);
    m->channels[m->selected] = m->current;
    for (int i = 0; i < MINI_MAX_CHANNELS; i++)
        free(m->channels[i].received);
    free(m);
}

/* A place that was closed on both sides is used again. */
static void on_channel_open(struct mini_server *m, struct bytes p)
{
    WRITER(w);
    size_t at = 1;
    int place = 0, before = m->selected;

    m->opens++;
    mini_select(m, m->selected);
    while (place < MINI_MAX_CHANNELS - 1 && m->channels[place].kind[0])
        place++;
    mini_select(m, place);
    keep(m->kind, sizeof m->kind, get_string(p, &at));
    if (at + 12 > p.len)
        return;
    m->client_channel = load_be32(p.data + at);
    m->client_window = load_be32(p.data + at + 4);
    at += 12;
    if (is(text_bytes(m->kind), "direct-tcpip"))
        keep(m->target, sizeof m->target, get_string(p, &at));
    if (m->fault != MINI_HOLD_CHANNEL) {
        m->channel_open = true;
        put_u8(&w, CHANNEL_OPEN_CONFIRMATION);
        put_u32(&w, m->client_channel);
        put_u32(&w, MINI_SERVER_CHANNEL + (uint32_t)place);
        put_u32(&w, m->window);
        put_u32(&w, 32768);
        send_writer(m, &w);
    }
    mini_select(m, before);
}

void mini_open(struct mini_server *m, const char *kind, int place)
{
    WRITER(w);
    int before = m->selected;

    mini_select(m, place);
    keep(m->kind, sizeof m->kind, text_bytes(kind));
    mini_select(m, before);
    put_u8(&w, CHANNEL_OPEN);
    put_text(&w, kind);
    put_u32(&w, MINI_SERVER_CHANNEL + (uint32_t)place);
    put_u32(&w, 1 << 20);
    put_u32(&w, 32768);
    send_writer(m, &w);
}

/* [91][our number][the client's number][window][packet size], or [92][our number]... */
static void on_open_answer(struct mini_server *m, struct bytes p)
{
    if (p.data[0] == CHANNEL_OPEN_FAILURE) {
        m->refused_opens++;
    } else if (p.len >= 17) {
        m->accepted_opens++;
        m->channel_open = true;
        m->client_channel = load_be32(p.data + 5);
        m->client_window = load_be32(p.data + 9);
    }
}

static void on_pty(struct mini_server *m, struct bytes p, size_t at)
{
    keep(m->term, sizeof m->term, get_string(p, &at));
    if (at + 8 <= p.len) {
        m->cols = load_be32(p.data + at);
        m->rows = load_be32(p.data + at + 4);
    }
}

static void on_env(struct mini_server *m, struct bytes p, size_t at)
{
    struct bytes name = get_string(p, &at), value = get_string(p, &at);
    size_t len = strlen(m->env);

    m->env_requests++;
    if (len + name.len + value.len + 3 > sizeof m->env)
        return;
    memcpy(m->env + len, name.data, name.len);
    m->env[len + name.len] = '=';
    memcpy(m->env + len + name.len + 1, value.data, value.len);
    strcpy(m->env + len + name.len + 1 + value.len, ";");
}

static void on_channel_request(struct mini_server *m, struct bytes p)
{
    WRITER(w);
    size_t at = 5;
    struct bytes name = get_string(p, &at);
    bool want_reply = at < p.len && p.data[at++];

    m->requests++;
    if (is(name, "pty-req")) {
        on_pty(m, p, at);
    } else if (is(name, "env")) {
        on_env(m, p, at);
    } else if (is(name, "window-change") && at + 8 <= p.len) {
        m->cols = load_be32(p.data + at);
        m->rows = load_be32(p.data + at + 4);
    } else if (is(name, "shell") || is(name, "exec") || is(name, "subsystem")) {
        m->shell = true;
        keep(m->command, sizeof m->command, get_string(p, &at));
    } else if (is(name, "signal") && strlen(m->signals) < 40) {
        keep(m->signals + strlen(m->signals), 16, get_string(p, &at));
        strcat(m->signals, ";");
    }
    if (!want_reply || m->fault == MINI_HOLD_REQUESTS)
        return;
    put_u8(&w, m->fault == MINI_REFUSE_REQUESTS ? CHANNEL_FAILURE : CHANNEL_SUCCESS);
    put_u32(&w, m->client_channel);
    send_writer(m, &w);
}

static void on_channel_data(struct mini_server *m, struct bytes p)
{
    size_t at = 5;
    struct bytes data = get_string(p, &at);

    if (!m->received)
        m->received = malloc(MINI_RECEIVED_CAP);
    if (!m->received || m->received_len + data.len > MINI_RECEIVED_CAP)
        return;
    memcpy(m->received + m->received_len, data.data, data.len);
    m->received_len += data.len;
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
    send_writer(m, &w);
}

static void on_newkeys(struct mini_server *m)
{
    m->keys_in = m->next_in;
    m->sealed_in = m->first_kex_done = true;
    m->client_in_kex = false;
    m->exchanges++;
    if (m->strict)
        m->seq_in = 0;
}

static void on_kexinit(struct mini_server *m, struct bytes p)
{
    m->kexinit_len[CLIENT] = p.len < sizeof m->kexinit[0] ? p.len : sizeof m->kexinit[0];
    memcpy(m->kexinit[CLIENT], p.data, m->kexinit_len[CLIENT]);
    m->client_in_kex = true;
    if (!m->kexinit_sent)
        mini_start_rekey(m);
}

/* [type][our number]... */
static void on_channel_packet(struct mini_server *m, struct bytes p)
{
    uint32_t place = load_be32(p.data + 1) - MINI_SERVER_CHANNEL;
    int before = m->selected;

    if (place >= MINI_MAX_CHANNELS)
        return;
    mini_select(m, (int)place);
    switch (p.data[0]) {
    case CHANNEL_OPEN_CONFIRMATION:
    case CHANNEL_OPEN_FAILURE:
        on_open_answer(m, p);
        break;
    case CHANNEL_REQUEST:
        on_channel_request(m, p);
        break;
    case CHANNEL_DATA:
        on_channel_data(m, p);
        break;
    case CHANNEL_WINDOW_ADJUST:
        if (p.len >= 9)
            m->client_window += load_be32(p.data + 5);
        break;
    case CHANNEL_EOF:
        m->client_eof = true;
        break;
    case CHANNEL_CLOSE:
        m->client_closed = true;
        break;
    default:
        break;
    }
    mini_select(m, before);
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
        on_kexinit(m, p);
        break;
    case ECDH_INIT:
        if (!m->rekeys || !m->rekey_hold)
            answer_ecdh(m, get_string(p, &at));
        break;
    case NEWKEYS:
        on_newkeys(m);
        break;
    case SERVICE_REQUEST:
        on_service(m);
        break;
    case USERAUTH_REQUEST:
        on_userauth(m, p);
        break;
    case CHANNEL_OPEN:
        on_channel_open(m, p);
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
            on_channel_packet(m, p);
        break;
    }
}

/* ---- packets in ---- */

/* What the client sent makes no sense. A test looks at `broken`; a fuzzer has brought it about. */
static size_t give_up(struct mini_server *m)
{
    m->broken = true;
    return 0;
}

static bool etm_verify(const struct mini_server *m, const uint8_t *packet, size_t len)
{
    crypto_auth_hmacsha256_state mac;
    uint8_t seq[4], made[32];

    store_be32(seq, m->seq_in);
    crypto_auth_hmacsha256_init(&mac, m->keys_in.mac, 32);
    crypto_auth_hmacsha256_update(&mac, seq, 4);
    crypto_auth_hmacsha256_update(&mac, packet, len);
    crypto_auth_hmacsha256_final(&mac, made);
    return sodium_memcmp(made, packet + len, 32) == 0;
}

/* Opens the packet at the front of m->in in place: its whole length, 0 when more is needed. */
static size_t open_packet(struct mini_server *m, struct bytes *payload)
{
    uint8_t *in = m->in + m->in_at;
    struct mini_keys *k = &m->keys_in;
    uint8_t nonce[8] = {0}, head[4], zero[32] = {0};
    size_t tag_len = !m->sealed_in ? 0 : m->cipher == MINI_AES128_CTR_ETM ? 32 : 16;
    mbedtls_gcm_context gcm;
    uint32_t len;

    if (m->in_len < 4)
        return 0;
    memcpy(head, in, 4);
    store_be32(nonce + 4, m->seq_in);
    if (m->sealed_in && m->cipher == MINI_CHACHA20)
        crypto_stream_chacha20_xor_ic(head, head, 4, nonce, 0, k->key + 32);
    len = load_be32(head);
    if (len > 40000 || len < 5)
        return give_up(m);
    if (m->in_len < 4 + (size_t)len + tag_len)
        return 0;
    if (m->sealed_in && m->cipher == MINI_CHACHA20) {
        crypto_stream_chacha20_xor_ic(zero, zero, 32, nonce, 0, k->key);
        if (crypto_onetimeauth_poly1305_verify(in + 4 + len, in, 4 + len, zero))
            return give_up(m);
        crypto_stream_chacha20_xor_ic(in + 4, in + 4, len, nonce, 1, k->key);
    } else if (m->sealed_in && m->cipher == MINI_AES128_GCM) {
        mbedtls_gcm_init(&gcm);
        mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, k->key, 128);
        if (mbedtls_gcm_auth_decrypt(&gcm, len, k->iv, 12, head, 4, in + 4 + len, 16, in + 4,
                                     in + 4)) {
            mbedtls_gcm_free(&gcm);
            return give_up(m);
        }
        mbedtls_gcm_free(&gcm);
        gcm_step(k);
    } else if (m->sealed_in) {
        if (!etm_verify(m, in, 4 + (size_t)len))
            return give_up(m);
        ctr_crypt(k, in + 4, len);
    }
    if (in[4] > len - 1)
        return give_up(m);
    m->seq_in++;
    *payload = (struct bytes){in + 5, len - 1 - in[4]};
    return 4 + (size_t)len + tag_len;
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
    while ((packet_len = open_packet(m, &payload)) > 0) {
        if (payload.len)
            on_packet(m, payload);
        drop_input(m, packet_len);
    }
}

/* ---- what a server says ---- */

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
    mini_send_raw(m, (const uint8_t *)server_version, strlen(server_version));
    mini_send_raw(m, (const uint8_t *)"\r\n", 2);
    if (fault == MINI_IGNORE_BEFORE_KEX)
        mini_send(m, (const uint8_t[]){IGNORE, 0, 0, 0, 0}, 5);
    send_kexinit(m);
}

void mini_pin(const struct mini_server *m, char dst[128])
{
    WRITER(blob);

    host_key_blob(m, &blob);
    memcpy(dst, "ssh-ed25519 ", 12);
    base64_encode(dst + 12, blob.data, blob.len);
}

void mini_send_banner(struct mini_server *m, const char *text)
{
    WRITER(w);

    put_u8(&w, USERAUTH_BANNER);
    put_text(&w, text);
    put_text(&w, "");
    send_writer(m, &w);
}

size_t mini_send_data(struct mini_server *m, bool to_stderr, const uint8_t *src, size_t len)
{
    size_t sent = 0;

    while (sent < len && m->client_window) {
        WRITER(w);
        size_t n = len - sent < 32768 ? len - sent : 32768;

        if (n > m->client_window)
            n = m->client_window;
        put_u8(&w, to_stderr ? CHANNEL_EXTENDED_DATA : CHANNEL_DATA);
        put_u32(&w, m->client_channel);
        if (to_stderr)
            put_u32(&w, 1);
        put_string(&w, src + sent, n);
        send_writer(m, &w);
        m->client_window -= (uint32_t)n;
        sent += n;
    }
    return sent;
}

static void channel_request(struct mini_server *m, struct writer *w, const char *name)
{
    put_u8(w, CHANNEL_REQUEST);
    put_u32(w, m->client_channel);
    put_text(w, name);
    put_u8(w, 0);
}

void mini_send_exit_status(struct mini_server *m, uint32_t status)
{
    WRITER(w);

    channel_request(m, &w, "exit-status");
    put_u32(&w, status);
    send_writer(m, &w);
}

void mini_send_exit_signal(struct mini_server *m, const char *name)
{
    WRITER(w);

    channel_request(m, &w, "exit-signal");
    put_text(&w, name);
    put_u8(&w, 0);
    put_text(&w, "");
    put_text(&w, "");
    send_writer(m, &w);
}

static void send_channel_message(struct mini_server *m, uint8_t type)
{
    WRITER(w);

    put_u8(&w, type);
    put_u32(&w, m->client_channel);
    send_writer(m, &w);
}

void mini_send_window(struct mini_server *m, uint32_t add)
{
    WRITER(w);

    put_u8(&w, CHANNEL_WINDOW_ADJUST);
    put_u32(&w, m->client_channel);
    put_u32(&w, add);
    send_writer(m, &w);
}

void mini_send_eof(struct mini_server *m)
{
    send_channel_message(m, CHANNEL_EOF);
}
void mini_send_close(struct mini_server *m)
{
    send_channel_message(m, CHANNEL_CLOSE);
}

void mini_send_disconnect(struct mini_server *m, const char *text)
{
    WRITER(w);

    put_u8(&w, DISCONNECT);
    put_u32(&w, 11);
    put_text(&w, text);
    put_text(&w, "");
    send_writer(m, &w);
}

void mini_send_keepalive(struct mini_server *m)
{
    WRITER(w);

    put_u8(&w, GLOBAL_REQUEST);
    put_text(&w, "keepalive@openssh.com");
    put_u8(&w, 1);
    send_writer(m, &w);
}
