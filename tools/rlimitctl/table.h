/* SPDX-License-Identifier: GPL-2.0 */
/* Tables for people: aligned columns, two spaces apart. */
#ifndef RLIMITCTL_TABLE_H
#define RLIMITCTL_TABLE_H

#include <stdbool.h>
#include <stdio.h>

enum colour {
	COLOUR_NONE,
	COLOUR_NEAR,	/* yellow */
	COLOUR_BAD,	/* red */
};

struct table_column {
	const char *title;
	bool right;	/* numbers; text is on the left */
};

#define TABLE_COLUMNS_MAX	8
#define TABLE_WIDTH		80	/* that notes are folded to */

struct table;

/* @columns must live as long as the table. NULL: out of memory. */
struct table *table_new(const struct table_column *columns, size_t n);
void table_free(struct table *table);	/* NULL is fine */

/*
 * Start a row; then its cells from left to right, those left out are empty.
 * Text is escaped. A failure is remembered, for table_print() to return.
 */
void table_row(struct table *table);
void table_cell(struct table *table, enum colour colour, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Text below the row, indented, folded at words. */
void table_note(struct table *table, const char *text);

/* 0 or -ENOMEM. A table without rows prints its titles. */
int table_print(const struct table *table, FILE *out, bool colours);

/* Does @out show colours, and does the user want them? */
bool want_colours(FILE *out);

#endif /* RLIMITCTL_TABLE_H */
