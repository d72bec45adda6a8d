/* lwIP's memory: malloc's, counted, with a ceiling. Included by lwipopts.h. */
#ifndef NETSTACK_NETSTACK_HEAP_H
#define NETSTACK_NETSTACK_HEAP_H

#include <stddef.h>

enum {
    /* All segments of all connections; the module's memory may grow to 256 MB. Nothing more is
     * given out beyond: packets drop, writes wait. */
    NETSTACK_HEAP_MAX = 128 << 20,
    /* Sixteen windows that nobody reads. From here on data for a connection that is not read, and
     * data out of order, is dropped and comes again: peers cannot fill the page's memory through
     * connections that it forgot, nor starve those that it reads. */
    NETSTACK_HEAP_PRESSURE = 64 << 20,
    NETSTACK_UNREAD_UNDER_PRESSURE = 64 << 10,
};

void *netstack_heap_malloc(size_t len);
void *netstack_heap_calloc(size_t count, size_t len);
void netstack_heap_free(void *p);

size_t netstack_heap_in_use(void);

#endif
