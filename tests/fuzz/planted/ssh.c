/* A server that names itself in a certain number of letters. */
#include <string.h>

#include "fuzz/planted/planted.h"
#include "ssh/ssh_session_internal.h"

void __real_ssh_event_push_text(struct ssh_session *s, enum ssh_event_type type, int code,
                                const char *text);
void __wrap_ssh_event_push_text(struct ssh_session *s, enum ssh_event_type type, int code,
                                const char *text);

void __wrap_ssh_event_push_text(struct ssh_session *s, enum ssh_event_type type, int code,
                                const char *text)
{
    if (type == SSH_EVENT_STEP && code == SSH_STEP_VERSION && strlen(text) == 33)
        planted_bug();
    __real_ssh_event_push_text(s, type, code, text);
}
