// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "table.h"
#include "text.h"

#define GAP		2
#define NOTE_INDENT	4

struct row {
	char *text[TABLE_COLUMNS_MAX];	/* NULL = empty */
	enum colour colour[TABLE_COLUMNS_MAX];
	size_t nr_cells;
	char *note;
};

struct table {
	const struct table_column *columns;
	size_t nr_columns;
	struct row *rows;
	size_t nr_rows, room;
	bool failed;
};

struct table *table_new(const struct table_column *columns, size_t n)
{
	struct table *table;

	if (n > TABLE_COLUMNS_MAX)
		return NULL;
	table = calloc(1, sizeof(*table));
	if (!table)
		return NULL;
	table->columns = columns;
	table->nr_columns = n;
	return table;
}

void table_free(struct table *table)
{
	size_t i, j;

	if (!table)
		return;
	for (i = 0; i < table->nr_rows; i++) {
		for (j = 0; j < table->rows[i].nr_cells; j++)
			free(table->rows[i].text[j]);
		free(table->rows[i].note);
	}
	free(table->rows);
	free(table);
}

void table_row(struct table *table)
{
	size_t room = table->room ? 2 * table->room : 32;
	struct row *rows;

	if (table->nr_rows == table->room) {
		rows = realloc(table->rows, room * sizeof(*rows));
		if (!rows) {
			table->failed = true;
			return;
		}
		table->rows = rows;
		table->room = room;
	}
	table->rows[table->nr_rows++] = (struct row){ 0 };
}

/* A safe copy of @text; NULL = out of memory. */
static char *escaped(const char *text)
{
	size_t len = strlen(text), size = 4 * len + 1;
	char *safe = malloc(size);

	return safe ? escape(safe, size, text, len) : NULL;
}

void table_cell(struct table *table, enum colour colour, const char *fmt, ...)
{
	struct row *row;
	char *text;
	va_list ap;
	int len;

	if (table->failed || !table->nr_rows)
		return;
	row = &table->rows[table->nr_rows - 1];
	if (row->nr_cells == table->nr_columns)
		return;
	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0) {
		table->failed = true;
		return;
	}
	row->colour[row->nr_cells] = colour;
	row->text[row->nr_cells] = escaped(text);
	if (!row->text[row->nr_cells++])
		table->failed = true;
	free(text);
}

void table_note(struct table *table, const char *text)
{
	struct row *row;

	if (table->failed || !table->nr_rows)
		return;
	row = &table->rows[table->nr_rows - 1];
	free(row->note);
	row->note = escaped(text);
	if (!row->note)
		table->failed = true;
}

static void measure(const struct table *table, size_t *widths)
{
	size_t i, j, width;

	for (j = 0; j < table->nr_columns; j++) {
		widths[j] = strlen(table->columns[j].title);
		for (i = 0; i < table->nr_rows; i++) {
			if (!table->rows[i].text[j])
				continue;
			width = text_width(table->rows[i].text[j]);
			if (width > widths[j])
				widths[j] = width;
		}
	}
}

static void print_cell(FILE *out, const char *text, enum colour colour,
		       bool colours)
{
	static const char *const start[] = {
		[COLOUR_NONE] = "",
		[COLOUR_NEAR] = "\033[33m",
		[COLOUR_BAD] = "\033[31m",
	};

	if (colours && colour != COLOUR_NONE)
		fprintf(out, "%s%s\033[0m", start[colour], text);
	else
		fputs(text, out);
}

/* One line; spaces are printed only when something follows them. */
static void print_row(const struct table *table, const struct row *row,
		      const size_t *widths, FILE *out, bool colours)
{
	size_t j, width, pending = 0;

	for (j = 0; j < table->nr_columns; j++) {
		const char *text = row->text[j] ? row->text[j] : "";

		width = text_width(text);
		if (table->columns[j].right)
			pending += widths[j] - width;
		if (width) {
			fprintf(out, "%*s", (int)pending, "");
			print_cell(out, text, row->colour[j], colours);
			pending = 0;
		}
		if (!table->columns[j].right)
			pending += widths[j] - width;
		pending += GAP;
	}
	fputc('\n', out);
}

static void print_note(FILE *out, const char *note)
{
	size_t column = 0, len;

	while (*note) {
		len = strcspn(note, " ");
		if (column && column + 1 + len > TABLE_WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		if (len) {
			column += (size_t)fprintf(out, "%*s%.*s",
						  column ? 1 : NOTE_INDENT, "",
						  (int)len, note);
		}
		note += len;
		note += strspn(note, " ");
	}
	if (column)
		fputc('\n', out);
}

int table_print(const struct table *table, FILE *out, bool colours)
{
	size_t widths[TABLE_COLUMNS_MAX], i;
	struct row titles = { 0 };

	if (table->failed)
		return -ENOMEM;
	measure(table, widths);
	for (i = 0; i < table->nr_columns; i++)
		titles.text[i] = (char *)table->columns[i].title;
	print_row(table, &titles, widths, out, false);
	for (i = 0; i < table->nr_rows; i++) {
		print_row(table, &table->rows[i], widths, out, colours);
		if (table->rows[i].note)
			print_note(out, table->rows[i].note);
	}
	return 0;
}

bool want_colours(FILE *out)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && term && strcmp(term, "dumb") != 0 &&
	       isatty(fileno(out));
}
