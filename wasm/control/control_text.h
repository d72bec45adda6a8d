/* Text for people: what a server said, made harmless, and sentences put together from it. */
#ifndef CONTROL_CONTROL_TEXT_H
#define CONTROL_CONTROL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_TEXT_MAX 200 /* characters of a server's words that are shown */

/* Copies at most cap - 1 characters, and at most CONTROL_TEXT_MAX, of text: runs of anything but
 * printable ASCII become one blank, blanks at the ends go. Of markup, which says nothing to a person,
 * nothing is copied. Returns the length. */
size_t control_text_sanitise(char *dst, size_t cap, const uint8_t *text, size_t len);

/* True if text, case ignored, contains the lower-case word. */
bool control_text_contains(const char *text, const char *word);

/* True for an absolute http or https URL of printable ASCII without blanks or quotes, at most 2,000
 * bytes. */
bool control_text_is_web_url(const char *text, size_t len);

#endif
