#include "control/json_split.h"

#include "base/err.h"

static const uint8_t *skip_blanks(const uint8_t *at, const uint8_t *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

/* Behind the closing quote of a string whose first byte behind the opening one is at; NULL if there
 * is none. */
static const uint8_t *skip_string(const uint8_t *at, const uint8_t *end)
{
    for (; at < end; at++) {
        if (*at == '"')
            return at + 1;
        if (*at == '\\' && end - at > 1)
            at++;
    }
    return NULL;
}

/* Behind an object or an array. */
static const uint8_t *skip_nested(const uint8_t *at, const uint8_t *end)
{
    size_t depth = 0;

    while (at != NULL && at < end) {
        uint8_t c = *at++;

        if (c == '"') {
            at = skip_string(at, end);
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return at;
        }
    }
    return NULL;
}

static const uint8_t *skip_value(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *first = at;

    if (at == end)
        return NULL;
    if (*at == '"')
        return skip_string(at + 1, end);
    if (*at == '{' || *at == '[')
        return skip_nested(at, end);
    while (at < end && *at != ',' && *at != '}' && *at != ']' && *at > ' ')
        at++;
    return at == first ? NULL : at;
}

static bool open_at(struct json_split *s, const uint8_t *at, const uint8_t *end, char open)
{
    s->at = skip_blanks(at, end);
    s->end = end;
    s->close = open == '{' ? '}' : ']';
    s->begun = false;
    return s->at < end && *s->at++ == open;
}

bool json_split_open(struct json_split *s, struct bytes json, char open)
{
    return open_at(s, json.data, json.data + json.len, open);
}

bool json_split_enter(const struct json_split *s, struct json_split *inner)
{
    return open_at(inner, s->at, s->end, '[');
}

void json_split_leave(struct json_split *s, const struct json_split *inner)
{
    s->at = inner->at;
}

bool json_split_ended(const struct json_split *s)
{
    return skip_blanks(s->at, s->end) == s->end;
}

/* The name and the colon of a member. */
static bool take_name(struct json_split *s, struct bytes *name)
{
    const uint8_t *behind;

    if (s->at == s->end || *s->at != '"')
        return false;
    behind = skip_string(s->at + 1, s->end);
    if (behind == NULL)
        return false;
    *name = (struct bytes){s->at + 1, (size_t)(behind - s->at) - 2};
    s->at = skip_blanks(behind, s->end);
    if (s->at == s->end || *s->at++ != ':')
        return false;
    s->at = skip_blanks(s->at, s->end);
    return true;
}

int json_split_next(struct json_split *s, struct bytes *name)
{
    struct bytes unused;

    s->at = skip_blanks(s->at, s->end);
    if (s->at < s->end && *s->at == s->close) {
        s->at++;
        return 0;
    }
    if (s->begun) {
        if (s->at == s->end || *s->at++ != ',')
            return IPN_ERR_PROTOCOL;
        s->at = skip_blanks(s->at, s->end);
    }
    s->begun = true;
    if (s->close == '}' && !take_name(s, name == NULL ? &unused : name))
        return IPN_ERR_PROTOCOL;
    return s->at == s->end ? IPN_ERR_PROTOCOL : 1;
}

int json_split_value(struct json_split *s, struct bytes *value)
{
    const uint8_t *behind = skip_value(s->at, s->end);

    if (behind == NULL)
        return IPN_ERR_PROTOCOL;
    *value = (struct bytes){s->at, (size_t)(behind - s->at)};
    s->at = behind;
    return 0;
}
