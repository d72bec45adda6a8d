/* Packets out and in: the binary packet protocol of RFC 4253, section 6, by three ciphers. */
#include <mbedtls/aes.h>
#include <mbedtls/gcm.h>
#include <sodium.h>

#include "support/ssh/mini_internal.h"

/* ---- out ---- */

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

void mini_send_writer(struct mini_server *m, struct writer *w)
{
    mini_send(m, w->data, w->len);
}

/* ---- in ---- */

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

size_t mini_open_packet(struct mini_server *m, struct bytes *payload)
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
