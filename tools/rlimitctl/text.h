/* SPDX-License-Identifier: GPL-2.0 */
/* Text that is safe to show, and words that are near to one another. */
#ifndef RLIMITCTL_TEXT_H
#define RLIMITCTL_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Copy @len bytes of @src, with what could steer a terminal or break the line
 * as \n, \t, \xNN: control characters, bytes that are not UTF-8, and the
 * characters that turn the direction of writing. Always terminated; what does
 * not fit is cut off between two characters. Returns @dst.
 */
char *escape(char *dst, size_t size, const char *src, size_t len);

/* Columns of a terminal that a text from escape() takes. */
size_t text_width(const char *text);

/* Insertions, deletions, changes and swaps of neighbours from @a to @b. */
unsigned int edit_distance(const char *a, const char *b);

/*
 * Which word was meant: offer all there are; @found is the one that @word is
 * likely to be a slip for, or NULL.
 */
struct nearest {
	const char *word;
	const char *found;
	unsigned int distance;	/* of what is too far, or of @found */
};

struct nearest nearest_to(const char *word);
void nearest_offer(struct nearest *nearest, const char *candidate);

#define TIME_LEN 40
/* Local time with milliseconds, for people: "2026-11-23 10:11:12.345" */
char *local_time(char *buf, size_t size, int64_t realtime_ns);
/* ISO 8601, for programs: "2026-11-23T09:11:12.345Z" */
char *utc_time(char *buf, size_t size, int64_t realtime_ns);

#endif /* RLIMITCTL_TEXT_H */
