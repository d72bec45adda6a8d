/*
 * chacha20-poly1305@openssh.com (OpenSSH's PROTOCOL.chacha20poly1305): not the AEAD of RFC 8439. A
 * packet's length has a key of its own, and the MAC covers length and text without padding:
 *
 *   packet = [length 4, enciphered with the header key][text len][tag 16]
 *   key    = [main key 32][header key 32]; the nonce is the packet's number
 *
 * Everything happens in place. len is that of the text.
 */
#ifndef CRYPTO_AEAD_OPENSSH_H
#define CRYPTO_AEAD_OPENSSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEAD_OPENSSH_KEY_LEN 64
#define AEAD_OPENSSH_LENGTH_LEN 4

/* Enciphers length and text and writes the tag behind them. */
void aead_openssh_seal(uint8_t *packet, size_t len, uint32_t number,
                       const uint8_t key[AEAD_OPENSSH_KEY_LEN]);

/* Checks the tag behind the text, then deciphers. false, and nothing in packet that a caller may
 * use, unless authentic. */
bool aead_openssh_open(uint8_t *packet, size_t len, uint32_t number,
                       const uint8_t key[AEAD_OPENSSH_KEY_LEN]);

/* The length alone, which has to be known before the packet is whole; not authentic. */
uint32_t aead_openssh_length(const uint8_t packet[AEAD_OPENSSH_LENGTH_LEN], uint32_t number,
                             const uint8_t key[AEAD_OPENSSH_KEY_LEN]);

#endif
