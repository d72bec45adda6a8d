/*
 * The body of a map stream: frames, each a map response in JSON or one zstd frame of it.
 *
 *   [len 4 LE][len bytes] [len 4 LE][len bytes] …
 *
 * Tailscale: control/controlclient/direct.go (sendMapRequest), map.go (decodeMsg).
 */
#ifndef CONTROL_CONTROL_MAP_H
#define CONTROL_CONTROL_MAP_H

#include "base/buf.h"

/* One response, compressed or not: 10,000 nodes are 15 MB, every second with SSH host keys. */
#define CONTROL_MAP_MAX_FRAME (32u << 20)

struct control_map {
    uint8_t header[4];
    size_t header_len;
    struct buf frame;
    bool zstd; /* the request asked for Compress "zstd" */
    struct buf json;
};

void control_map_init(struct control_map *cm, bool zstd);
void control_map_wipe(struct control_map *cm);

/* Consumes from *src. 1: *json is one whole response, valid until the next call on cm; 0: *src is
 * used up; IPN_ERR_PROTOCOL: over the cap or no zstd; IPN_ERR_NOMEM. */
int control_map_input(struct control_map *cm, struct bytes *src, struct bytes *json);

#endif
