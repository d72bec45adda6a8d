/*
 * Included ahead of nghttp2_time.c. The core reads no clock: nghttp2 uses its own only to refill
 * the allowance of stream resets that a server grants its clients; here it is always a client.
 */
#ifndef THIRD_PARTY_NGHTTP2_NO_CLOCK_H
#define THIRD_PARTY_NGHTTP2_NO_CLOCK_H

#include <time.h>

#define time(unused) ((time_t)0)

#endif
