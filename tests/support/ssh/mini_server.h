/*
 * An SSH server in memory for the tests of ssh/: enough of RFC 4253, 4252 and 4254 to let a client
 * in and open a channel, and then to say whatever a test wants it to say. Written after the RFCs,
 * with libsodium and mbedTLS directly, so that it is a second implementation for the client.
 *
 *   mini_input(bytes from the client) -> packets -> script -> mini_output(bytes to the client)
 *
 * curve25519-sha256 and an ssh-ed25519 host key always; one of three ciphers.
 */
#ifndef MINI_SERVER_H
#define MINI_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mini_cipher { MINI_CHACHA20, MINI_AES128_GCM, MINI_AES128_CTR_ETM };

/* What goes wrong; everything else goes on as usual. */
enum mini_fault {
    MINI_NO_FAULT,
    MINI_NO_STRICT,           /* a server without strict-kex */
    MINI_BAD_SIGNATURE,     /* of the key exchange */
    MINI_ZERO_POINT,        /* the X25519 public key is all zero */
    MINI_NO_COMMON_KEX,     /* offers only what nobody has */
    MINI_SHORT_KEXINIT,     /* lists cut off in the middle */
    MINI_WRONG_HOST_KEY_BLOB, /* not an ssh-ed25519 blob */
    MINI_IGNORE_BEFORE_KEX, /* a packet before KEXINIT: against strict-kex */
    MINI_NO_SERVICE,        /* DISCONNECT instead of SERVICE_ACCEPT */
    MINI_REFUSE_AUTH,       /* USERAUTH_FAILURE */
    MINI_HOLD_AUTH,         /* no answer: the test answers */
    MINI_HOLD_CHANNEL,      /* no answer to CHANNEL_OPEN */
    MINI_HOLD_REQUESTS,     /* no answer to CHANNEL_REQUESTs */
    MINI_REFUSE_REQUESTS,   /* CHANNEL_FAILURE to every request that wants an answer */
};

struct mini_keys {
    uint8_t key[64], mac[32], iv[16];
    uint64_t ctr_offset;
};

/* One channel. The server's number is its place plus 7. */
#define MINI_CHANNEL_FIELDS                                                   \
    bool channel_open, shell, client_eof, client_closed;                      \
    uint32_t client_channel, client_window, rows, cols;                       \
    char kind[32], command[256], term[64], env[512], signals[64], target[64]; \
    uint8_t *received; /* of a megabyte, made when it is needed */            \
    size_t received_len;

struct mini_channel {
    MINI_CHANNEL_FIELDS
};

enum { MINI_MAX_CHANNELS = 160, MINI_SERVER_CHANNEL = 7, MINI_RECEIVED_CAP = 1 << 20 };

struct mini_server {
    enum mini_cipher cipher;
    enum mini_fault fault;
    /* Looks at each packet first; true: that was all. For servers with more than this one has. */
    bool (*take)(struct mini_server *m, void *ctx, const uint8_t *packet, size_t len);
    void *ctx;
    uint32_t window; /* that the client gets for its input */
    bool strict;

    /* What goes wrong in a re-key; all false: nothing. */
    bool rekey_other_cipher, rekey_other_host_key, rekey_bad_signature;
    bool rekey_hold; /* its KEXINIT comes, and then nothing */
    bool limited; /* `left` more bytes come out, and then nothing */
    size_t left;

    uint8_t in[1 << 20], out[1 << 22];
    size_t in_at, in_len, out_len, out_at;
    bool version_seen, sealed_in, sealed_out, first_kex_done;
    bool kexinit_sent; /* of the exchange under way */
    bool client_in_kex; /* between its KEXINIT and its NEWKEYS */
    unsigned violations; /* packets of the client there that RFC 4253 section 7.1 forbids */
    unsigned exchanges; /* that came to their end */
    char client_version[256];
    uint32_t seq_in, seq_out;
    uint8_t host_pk[32], host_sk[64], other_pk[32], other_sk[64], session_id[32];
    uint8_t kexinit[2][4096]; /* client's, server's: payloads */
    size_t kexinit_len[2];
    struct mini_keys keys_in, keys_out, next_in, next_out;

    /* What the client has done. */
    bool broken; /* a packet that did not open: nothing is read any more */
    bool authenticated, disconnected;
    unsigned requests, env_requests, replies, rekeys, opens, refused_opens, accepted_opens,
        asked_alive;
    char user[64];

    /* The channel that mini_select chose; at first, and with one channel, the first. */
    union {
        struct {
            MINI_CHANNEL_FIELDS
        };
        struct mini_channel current;
    };
    struct mini_channel channels[MINI_MAX_CHANNELS]; /* the others */
    int selected;
};

/* *m must be all zero (calloc): it is large, and most of it is never touched. */
void mini_init(struct mini_server *m, enum mini_cipher cipher, enum mini_fault fault);

void mini_free(struct mini_server *m); /* and what is in it */

/* What the functions below are about: channel 0 is the first that the client opened. */
void mini_select(struct mini_server *m, int channel);

/* "ssh-ed25519 AAAA…" of its host key. */
void mini_pin(const struct mini_server *m, char dst[128]);

/* Bytes from the client; answers go to the output. */
void mini_input(struct mini_server *m, const uint8_t *src, size_t len);
size_t mini_output(struct mini_server *m, uint8_t *dst, size_t cap);

/* One packet; padding of the least size. */
void mini_send(struct mini_server *m, const uint8_t *payload, size_t len);
/* The same with a padding length that is a lie, and a packet with a length field that is. */
void mini_send_padding(struct mini_server *m, const uint8_t *payload, size_t len, uint8_t padding);
void mini_send_raw(struct mini_server *m, const uint8_t *bytes, size_t len);

void mini_send_banner(struct mini_server *m, const char *text);
/* As much of it as the client's window takes; returns that. */
size_t mini_send_data(struct mini_server *m, bool to_stderr, const uint8_t *src, size_t len);
void mini_send_exit_status(struct mini_server *m, uint32_t status);
void mini_send_exit_signal(struct mini_server *m, const char *name);
/* CHANNEL_OPEN of a kind, from our side; place: where it is kept, for mini_select. */
void mini_open(struct mini_server *m, const char *kind, int place);
void mini_send_window(struct mini_server *m, uint32_t add);
void mini_send_eof(struct mini_server *m);
void mini_send_close(struct mini_server *m);
void mini_send_disconnect(struct mini_server *m, const char *text);
void mini_send_keepalive(struct mini_server *m);
void mini_start_rekey(struct mini_server *m); /* the client may as well, at any time */

#endif
