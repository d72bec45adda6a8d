/*
 * JSON, written from front to back into a buf: no document is built, so ten thousand peers cost their
 * text and nothing else. Commas are set by themselves; a failure is kept until the end.
 */
#ifndef IPN_IPN_JSON_H
#define IPN_IPN_JSON_H

#include "base/buf.h"

struct ipn_json {
    struct buf out;
    bool comma;  /* one is due before the next member */
    bool failed; /* out of memory */
};

void ipn_json_init(struct ipn_json *j);
/* The text, malloced, without NUL; NULL when out of memory. j is empty again. */
char *ipn_json_take(struct ipn_json *j, size_t *len);

/* name: of a member, without anything to escape; NULL in an array. */
void ipn_json_open(struct ipn_json *j, const char *name, char bracket);
void ipn_json_close(struct ipn_json *j, char bracket);
void ipn_json_text(struct ipn_json *j, const char *name, const char *text, size_t len); /* UTF-8 */
void ipn_json_int(struct ipn_json *j, const char *name, int64_t value);
void ipn_json_bool(struct ipn_json *j, const char *name, bool value);

#endif
