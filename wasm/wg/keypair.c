#include "wg/keypair.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

struct wg_keypair *wg_keypair_new(const uint8_t remote_index[4], bool is_initiator, uint64_t now_ms)
{
    struct wg_keypair *kp = calloc(1, sizeof *kp);
    if (!kp)
        return NULL;
    memcpy(kp->remote_index, remote_index, sizeof kp->remote_index);
    kp->created_ms = now_ms;
    kp->is_initiator = is_initiator;
    wg_replay_init(&kp->replay);
    return kp;
}

void wg_keypair_free(struct wg_keypair *kp, struct wg_index_table *t)
{
    if (!kp)
        return;
    wg_index_remove(t, &kp->entry);
    wipe(kp, sizeof *kp);
    free(kp);
}

bool wg_keypair_fresh(const struct wg_keypair *kp, uint64_t now_ms)
{
    return kp && now_ms < kp->created_ms + REJECT_AFTER_TIME_MS;
}

bool wg_keypair_usable(const struct wg_keypair *kp, uint64_t now_ms)
{
    return wg_keypair_fresh(kp, now_ms) && kp->send_counter < REJECT_AFTER_MESSAGES;
}

/* kp (or NULL) is not needed any more, but may still be heard. */
static void retire(struct wg_keypairs *k, struct wg_keypair *kp, struct wg_index_table *t)
{
    if (!kp)
        return;
    wg_keypair_free(k->retired[WG_KEYPAIRS_RETIRED - 1], t);
    memmove(&k->retired[1], &k->retired[0], (WG_KEYPAIRS_RETIRED - 1) * sizeof k->retired[0]);
    k->retired[0] = kp;
}

void wg_keypairs_add(struct wg_keypairs *k, struct wg_keypair *kp, struct wg_index_table *t)
{
    retire(k, k->previous, t);
    k->previous = NULL;
    if (!kp->is_initiator) {
        retire(k, k->next, t);
        k->next = kp;
        return;
    }
    if (k->next) { /* never confirmed, but the far end may be using it already */
        retire(k, k->current, t);
        k->previous = k->next;
        k->next = NULL;
    } else {
        k->previous = k->current;
    }
    k->current = kp;
}

/* Takes kp out of next or retired; false if it is in neither. */
static bool take(struct wg_keypairs *k, const struct wg_keypair *kp)
{
    if (kp == k->next) {
        k->next = NULL;
        return true;
    }
    for (int i = 0; i < WG_KEYPAIRS_RETIRED; i++) {
        if (kp == k->retired[i]) {
            k->retired[i] = NULL;
            return true;
        }
    }
    return false;
}

bool wg_keypairs_received_with(struct wg_keypairs *k, struct wg_keypair *kp,
                               struct wg_index_table *t)
{
    if (kp == k->current || kp == k->previous)
        return false;
    bool was_next = kp == k->next;
    if (!take(k, kp))
        return false;
    retire(k, k->previous, t);
    if (was_next || !k->current || k->current->created_ms < kp->created_ms) {
        k->previous = k->current;
        k->current = kp;
        return true;
    }
    k->previous = kp;
    return false;
}

void wg_keypairs_wipe_retired(struct wg_keypairs *k, struct wg_index_table *t)
{
    for (int i = 0; i < WG_KEYPAIRS_RETIRED; i++) {
        wg_keypair_free(k->retired[i], t);
        k->retired[i] = NULL;
    }
}

void wg_keypairs_wipe(struct wg_keypairs *k, struct wg_index_table *t)
{
    wg_keypairs_wipe_retired(k, t);
    wg_keypair_free(k->previous, t);
    wg_keypair_free(k->current, t);
    wg_keypair_free(k->next, t);
    memset(k, 0, sizeof *k);
}
