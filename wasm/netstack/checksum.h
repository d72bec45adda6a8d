/* The Internet checksum, RFC 1071; also lwIP's (LWIP_CHKSUM). */
#ifndef NETSTACK_CHECKSUM_H
#define NETSTACK_CHECKSUM_H

#include <stdint.h>

/* The one's complement sum of the 16-bit words as they lie in memory, not inverted; an odd last
 * byte counts as followed by a zero. */
uint16_t netstack_checksum(const void *data, int len);

#endif
