/* Counted by what the allocator says that a block holds, so that no block needs a header. */
#include "netstack/netstack_heap.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>

static size_t in_use;

/* A block holds more than was asked for, so the last one may reach over the ceiling. */
static bool has_room(size_t len)
{
    return in_use < NETSTACK_HEAP_MAX && len <= NETSTACK_HEAP_MAX - in_use;
}

static void *count(void *p)
{
    if (p)
        in_use += malloc_usable_size(p);
    return p;
}

void *netstack_heap_malloc(size_t len)
{
    return has_room(len) ? count(malloc(len)) : NULL;
}

void *netstack_heap_calloc(size_t items, size_t len)
{
    /* lwIP asks for one item. */
    return has_room(len) ? count(calloc(items, len)) : NULL;
}

void netstack_heap_free(void *p)
{
    if (p)
        in_use -= malloc_usable_size(p);
    free(p);
}

size_t netstack_heap_in_use(void)
{
    return in_use;
}
