/* A peer leaves the netmap while its session is up. */
#include "fuzz/planted/planted.h"
#include "wg/device.h"

void __real_wg_device_remove_peer(struct wg_device *dev, const struct node_public *key);
void __wrap_wg_device_remove_peer(struct wg_device *dev, const struct node_public *key);

void __wrap_wg_device_remove_peer(struct wg_device *dev, const struct node_public *key)
{
    if (wg_device_stats(dev)->handshakes > 0)
        planted_bug();
    __real_wg_device_remove_peer(dev, key);
}
