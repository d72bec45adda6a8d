/* Reading yyjson values as Go's encoding/json would: null is absent; a wrong type is absent too. */
#ifndef CONTROL_TAILCFG_JSON_H
#define CONTROL_TAILCFG_JSON_H

#include <string.h>
#include <yyjson.h>

#include "control/tailcfg.h"

/* Text of at most max bytes without NUL, else "". Lives as long as the document. */
static inline const char *json_text(yyjson_val *v, size_t max)
{
    const char *text = yyjson_get_str(v);

    if (text == NULL || yyjson_get_len(v) > max || strlen(text) != yyjson_get_len(v))
        return "";
    return text;
}

static inline const char *json_get_text(yyjson_val *obj, const char *name, size_t max)
{
    return json_text(yyjson_obj_get(obj, name), max);
}

/* 0 for anything but an integer that int64_t holds. */
static inline int64_t json_int(yyjson_val *v)
{
    if (yyjson_is_sint(v))
        return yyjson_get_sint(v);
    return yyjson_is_uint(v) && yyjson_get_uint(v) <= INT64_MAX ? (int64_t)yyjson_get_uint(v) : 0;
}

/* 0 if it is no integer from lo to hi. */
static inline int json_get_int(yyjson_val *obj, const char *name, int lo, int hi)
{
    int64_t n = json_int(yyjson_obj_get(obj, name));

    return n < lo || n > hi ? 0 : (int)n;
}

static inline bool json_get_bool(yyjson_val *obj, const char *name)
{
    return yyjson_get_bool(yyjson_obj_get(obj, name));
}

/* False, and *wall_ms untouched, if it is absent or no time. */
static inline bool json_time(int64_t *wall_ms, yyjson_val *v)
{
    return yyjson_is_str(v) &&
           tailcfg_parse_time(wall_ms, yyjson_get_str(v), yyjson_get_len(v)) == 0;
}

static inline bool json_get_time(int64_t *wall_ms, yyjson_val *obj, const char *name)
{
    return json_time(wall_ms, yyjson_obj_get(obj, name));
}

#endif
