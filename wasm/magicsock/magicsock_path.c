/*
 * The way back: a node is answered by the region it last wrote from (proven by WireGuard or disco,
 * the relay's word is not enough), until that connection drops,
 * the relay says it is gone, or the netmap moves the node to another home. A small cache with the
 * oldest of four thrown out; losing an entry only means the node's home region again.
 */
#include "base/host.h"
#include "magicsock/magicsock_internal.h"

static struct ms_path *path_set(struct magicsock *ms, const struct node_public *node)
{
    return ms->paths[load_le32(node->b) % PATH_SETS];
}

static struct ms_path *path_find(struct magicsock *ms, const struct node_public *node)
{
    struct ms_path *set = path_set(ms, node);
    for (size_t i = 0; i < PATH_WAYS; i++)
        if (set[i].region && bytes_equal(set[i].node.b, node->b, KEY_LEN))
            return &set[i];
    return NULL;
}

static bool netmap_home(const struct magicsock *ms, const struct node_public *node, int *home)
{
    struct disco_public disco;
    *home = 0;
    return ms->config.find_node(ms->config.ctx, node, &disco, home);
}

struct ms_region *ms_path_route(struct magicsock *ms, const struct node_public *to, uint64_t now_ms)
{
    struct ms_path *p = path_find(ms, to);
    int home;
    if (p && now_ms - p->checked_ms < PATH_CHECK_MS)
        return p->region;
    bool known = netmap_home(ms, to, &home);
    if (p && (!known || home == 0 || home == p->home_seen)) {
        p->checked_ms = now_ms;
        return p->region;
    }
    if (p)
        p->region = NULL; /* the node has moved since */
    struct ms_region *r = known && home != 0 ? ms_region_find(ms, home) : NULL;
    return r ? r : ms->home;
}

void ms_path_learn(struct magicsock *ms, const struct node_public *from, struct ms_region *r,
                   uint64_t now_ms)
{
    struct ms_path *p = path_find(ms, from);
    int home;
    if (p && p->region == r) {
        p->used_ms = now_ms;
        return;
    }
    if (!netmap_home(ms, from, &home))
        return;
    if (!p) {
        struct ms_path *set = path_set(ms, from);
        p = set;
        for (size_t i = 1; i < PATH_WAYS && p->region; i++)
            if (!set[i].region || set[i].used_ms < p->used_ms)
                p = &set[i];
    }
    *p = (struct ms_path){
        .node = *from, .region = r, .home_seen = home, .used_ms = now_ms, .checked_ms = now_ms};
}

void ms_path_forget(struct magicsock *ms, const struct node_public *node, const struct ms_region *r)
{
    struct ms_path *p = path_find(ms, node);
    if (p && p->region == r)
        p->region = NULL;
}

void ms_path_forget_region(struct magicsock *ms, const struct ms_region *r)
{
    for (size_t i = 0; i < PATH_SETS; i++)
        for (size_t j = 0; j < PATH_WAYS; j++)
            if (ms->paths[i][j].region == r)
                ms->paths[i][j].region = NULL;
}
