/*
 * ts2021's transport: a Noise_IK_25519_ChaChaPoly_BLAKE2s handshake in which we are the initiator
 * and know the server's static key, then records. Bytes on the stream:
 *
 *   initiation  [version 2 BE][type 1][len 2 BE = 96][e 32][s 32+16][tag 16]       101 bytes
 *   response    [type 2][len 2 BE = 48][e 32][tag 16]                               51 bytes
 *   error       [type 3][len 2 BE][text]         in the clear: a hint, never a proof
 *   record      [type 4][len 2 BE][ciphertext 0..4077 + 16], nonce 0^4 || counter 8 BE, no AD
 *
 * Tailscale: control/controlbase/{handshake,messages,conn}.go.
 */
#ifndef CONTROL_CONTROL_NOISE_H
#define CONTROL_CONTROL_NOISE_H

#include "base/bytes.h"
#include "crypto/key.h"
#include "noise/noise_symmetric.h"

enum {
    CONTROL_NOISE_INITIATION_LEN = 101,
    CONTROL_NOISE_RESPONSE_LEN = 51,
    CONTROL_NOISE_HEADER_LEN = 3,
    CONTROL_NOISE_MAX_RECORD = 4096, /* on the wire, header included */
    CONTROL_NOISE_OVERHEAD = CONTROL_NOISE_HEADER_LEN + NOISE_TAG_LEN,
    CONTROL_NOISE_MAX_PLAIN = CONTROL_NOISE_MAX_RECORD - CONTROL_NOISE_OVERHEAD, /* 4077 */
    CONTROL_NOISE_HINT_CAP = 201,
};

enum control_noise_state {
    CONTROL_NOISE_IDLE = 0,
    CONTROL_NOISE_EXPECT_RESPONSE,
    CONTROL_NOISE_EXPECT_RECORDS,
    CONTROL_NOISE_FAILED, /* nothing more is opened or sealed */
};

struct control_noise {
    enum control_noise_state state;
    struct noise_symmetric handshake;
    uint8_t ephemeral[KEY_LEN], machine[KEY_LEN];
    uint8_t tx_key[KEY_LEN], rx_key[KEY_LEN];
    uint64_t tx_counter, rx_counter;
    uint8_t rx[CONTROL_NOISE_MAX_RECORD]; /* one message, whole or in part */
    size_t rx_len;
    char hint[CONTROL_NOISE_HINT_CAP]; /* what an error message said, printable; "" = nothing */
};

/* Starts over with a fresh ephemeral key and writes the initiation. 0, or IPN_ERR_CRYPTO if
 * server is a point of low order. */
int control_noise_create_initiation(struct control_noise *cn,
                                    uint8_t out[CONTROL_NOISE_INITIATION_LEN], uint16_t version,
                                    const struct machine_private *machine,
                                    const struct machine_public *server);

/* The same with a given ephemeral key: for test vectors. */
int control_noise_create_initiation_with(struct control_noise *cn,
                                         uint8_t out[CONTROL_NOISE_INITIATION_LEN],
                                         uint16_t version, const struct machine_private *machine,
                                         const struct machine_public *server,
                                         const uint8_t ephemeral[KEY_LEN]);

enum control_noise_input {
    CONTROL_NOISE_MORE = 0,     /* *src is used up */
    CONTROL_NOISE_READY = 1,    /* the response was authentic: records may be sealed */
    CONTROL_NOISE_RECORD = 2, /* *plain holds a record's bytes, valid until the next call on cn */
};

/* Consumes from *src until something is there: one of the above, or IPN_ERR_PROTOCOL (a message
 * that may not stand here, an error message: see hint), IPN_ERR_CRYPTO (not authentic),
 * IPN_ERR_STATE. After an error only wipe or create_initiation may follow. */
int control_noise_input(struct control_noise *cn, struct bytes *src, struct bytes *plain);

/* Seals len <= CONTROL_NOISE_MAX_PLAIN bytes into one record of len + CONTROL_NOISE_OVERHEAD
 * bytes, whose length is returned; IPN_ERR_STATE, IPN_ERR_ARG. dst and src may not overlap. */
int control_noise_seal(struct control_noise *cn, uint8_t *dst, const uint8_t *src, size_t len);

void control_noise_wipe(struct control_noise *cn);

#endif
