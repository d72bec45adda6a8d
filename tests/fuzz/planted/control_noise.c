/* A long error message of the server's. */
#include "control/control_text.h"
#include "fuzz/planted/planted.h"

size_t __real_control_text_sanitise(char *dst, size_t cap, const uint8_t *text, size_t len);
size_t __wrap_control_text_sanitise(char *dst, size_t cap, const uint8_t *text, size_t len);

size_t __wrap_control_text_sanitise(char *dst, size_t cap, const uint8_t *text, size_t len)
{
    if (len > 40 && len < 50)
        planted_bug();
    return __real_control_text_sanitise(dst, cap, text, len);
}
