/* Counted by what the allocator says that a block holds, so that no block needs a header. */
#include "netstack/netstack_heap.h"

#include <malloc.h>
#include <stdlib.h>

static size_t in_use;

static void *count(void *p)
{
    if (p)
        in_use += malloc_usable_size(p);
    return p;
}

void *netstack_heap_malloc(size_t len)
{
    return len > NETSTACK_HEAP_MAX - in_use ? NULL : count(malloc(len));
}

void *netstack_heap_calloc(size_t items, size_t len)
{
    /* lwIP asks for one item. */
    return len > NETSTACK_HEAP_MAX - in_use ? NULL : count(calloc(items, len));
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
