/* The control protocol's JSON, the large message: MapResponse. */
#ifndef CONTROL_TAILCFG_MAP_H
#define CONTROL_TAILCFG_MAP_H

#include "control/netmap_delta.h"

/* Fills *d, which the caller wipes whatever is returned: 0, IPN_ERR_PROTOCOL if it is no JSON
 * object, IPN_ERR_NOMEM. A node without an id or a good node key is left out and counted in
 * d->skipped; what else is malformed counts as absent. */
int tailcfg_parse_map(struct netmap_delta *d, const uint8_t *json, size_t len);

#endif
