/* What lwIP asks of its platform: no stdio, no clock, no random numbers of its own. */
#ifndef NETSTACK_ARCH_CC_H
#define NETSTACK_ARCH_CC_H

#include <stdint.h>

#include "netstack/checksum.h"

/* Nothing is printed. A broken invariant of lwIP ends the module at once instead of going on with
 * a damaged list; the page learns of it as a panic. */
#define LWIP_PLATFORM_DIAG(x) \
    do {                      \
    } while (0)
#define LWIP_PLATFORM_ASSERT(x) __builtin_trap()

uint32_t netstack_random(void);
#define LWIP_RAND() netstack_random()

#define LWIP_CHKSUM netstack_checksum

#endif
