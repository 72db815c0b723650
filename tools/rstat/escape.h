/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Words of others (names of containers and programs) on their way into a text
 * that somebody interprets. Each kind of text has its own function. What does
 * not fit into @size is cut off at a whole character; always terminated.
 */
#ifndef RSTAT_ESCAPE_H
#define RSTAT_ESCAPE_H

#include <stddef.h>

/* Every byte becomes at most so many. */
#define ESCAPE_MAX	6

/* Printable ASCII; every other byte is a '?': as wide as it is long. */
const char *escape_terminal(const char *word, char *buf, size_t size);

/* In quotes; one that a spreadsheet would compute gets a ' in front. */
const char *escape_csv(const char *word, char *buf, size_t size);

/* Valid UTF-8 for JSON: other bytes become U+FFFD. */
const char *escape_utf8(const char *word, char *buf, size_t size);

/* The same, and \ " and newline as in a label of OpenMetrics. */
const char *escape_label(const char *word, char *buf, size_t size);

#endif /* RSTAT_ESCAPE_H */
