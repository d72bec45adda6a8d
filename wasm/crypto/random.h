/* Ties libsodium's random source to base/host; the only set-up that crypto needs. */
#ifndef CRYPTO_RANDOM_H
#define CRYPTO_RANDOM_H

/* Makes libsodium draw from host_random() and initialises it. Call once after host_init() and
 * before any other function of crypto; more calls do nothing. */
void crypto_init(void);

#endif
