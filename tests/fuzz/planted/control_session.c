/* The connection is closed with a rare code while there is a map. */
#include "control/control_client.h"
#include "control/netmap.h"
#include "fuzz/planted/planted.h"

void __real_control_client_closed(struct control_client *cc, int code, const char *reason,
                                  size_t len, uint64_t now_ms);
void __wrap_control_client_closed(struct control_client *cc, int code, const char *reason,
                                  size_t len, uint64_t now_ms);

void __wrap_control_client_closed(struct control_client *cc, int code, const char *reason,
                                  size_t len, uint64_t now_ms)
{
    if (control_client_netmap(cc)->valid && code > 1150)
        planted_bug();
    __real_control_client_closed(cc, code, reason, len, now_ms);
}
