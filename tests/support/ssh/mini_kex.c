/* The key exchange: curve25519-sha256 (RFC 8731) with an ssh-ed25519 host key. */
#include <sodium.h>

#include "support/ssh/mini_internal.h"

enum { CLIENT = 0, SERVER = 1 };

void mini_put_host_key(const struct mini_server *m, struct writer *w)
{
    put_text(w, m->fault == MINI_WRONG_HOST_KEY_BLOB ? "ssh-unheard-of" : "ssh-ed25519");
    put_string(w, m->rekeys && m->rekey_other_host_key ? m->other_pk : m->host_pk, 32);
}

void mini_send_kexinit(struct mini_server *m)
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
    mini_send_writer(m, &w);
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

void mini_answer_ecdh(struct mini_server *m, struct bytes q_c)
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
    mini_put_host_key(m, &blob);
    put_mpint(&k, shared, 32);
    put_text(&hashed, m->client_version);
    put_text(&hashed, mini_version);
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
    mini_send_writer(m, &w);
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
    mini_send_kexinit(m);
}

void mini_on_newkeys(struct mini_server *m)
{
    m->keys_in = m->next_in;
    m->sealed_in = m->first_kex_done = true;
    m->client_in_kex = false;
    m->exchanges++;
    if (m->strict)
        m->seq_in = 0;
}

void mini_on_kexinit(struct mini_server *m, struct bytes p)
{
    m->kexinit_len[CLIENT] = p.len < sizeof m->kexinit[0] ? p.len : sizeof m->kexinit[0];
    memcpy(m->kexinit[CLIENT], p.data, m->kexinit_len[CLIENT]);
    m->client_in_kex = true;
    if (!m->kexinit_sent)
        mini_start_rekey(m);
}
