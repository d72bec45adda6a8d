/*
 * Cuts the text of a large JSON object or array into its members, so that each is read alone: a
 * map of ten thousand nodes never becomes one document. Strings and brackets are respected, the
 * values themselves are not checked: whoever reads one does that.
 *
 *   {"Node":{…},"Peers":[{…},{…}]}   >  Node {…}   Peers [{…},{…}]   >  {…}   {…}
 */
#ifndef CONTROL_JSON_SPLIT_H
#define CONTROL_JSON_SPLIT_H

#include "base/bytes.h"

struct json_split {
    const uint8_t *at, *end;
    uint8_t close; /* '}' or ']' */
    bool begun;
};

/* open: '{' or '['. False if the text does not begin with it, blanks apart. */
bool json_split_open(struct json_split *s, struct bytes json, char open);

/* 1: s stands at the value of the next member, which json_split_value or json_split_enter must take;
 * *name, unless NULL, is what is written between its quotes (of an object; escapes stay). 0: the end
 * is passed. IPN_ERR_PROTOCOL. */
int json_split_next(struct json_split *s, struct bytes *name);
/* Takes the whole value. 0 or IPN_ERR_PROTOCOL. */
int json_split_value(struct json_split *s, struct bytes *value);
/* If the value is an array goes into it: true, and *inner is drained with json_split_next, then
 * json_split_leave. Else false, and nothing is taken. */
bool json_split_enter(const struct json_split *s, struct json_split *inner);
void json_split_leave(struct json_split *s, const struct json_split *inner);

/* Whether only blanks are left behind the end. */
bool json_split_ended(const struct json_split *s);

#endif
