// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "table.h"
#include "unit.h"

char (*table_row(struct table *table))[TABLE_CELL]
{
	if (table->nr == table->room) {
		size_t room = table->room ? 2 * table->room : 64;
		void *more = realloc(table->row, room * sizeof(*table->row));

		if (!more)
			return NULL;
		table->row = more;
		table->room = room;
	}
	memset(table->row[table->nr], 0, sizeof(*table->row));

	return table->row[table->nr++];
}

void table_head(struct table *table, const char *const *names)
{
	char(*row)[TABLE_CELL] = table_row(table);

	for (int c = 0; row && c < table->columns; c++)
		snprintf(row[c], TABLE_CELL, "%s", names[c]);
}

static void print_row(const struct table *table, size_t r, const int *width,
		      FILE *out)
{
	for (int c = 0; c < table->columns; c++) {
		const char *cell = table->row[r][c];
		bool last = c + 1 == table->columns;

		if (table->align[c] == 'r')
			fprintf(out, "%*s", width[c], cell);
		else
			fprintf(out, "%-*s", last ? 0 : width[c], cell);
		fputs(last ? "\n" : "  ", out);
	}
}

void table_finish(struct table *table, FILE *out)
{
	int width[TABLE_COLUMNS] = {};

	for (size_t r = 0; r < table->nr; r++)
		for (int c = 0; c < table->columns; c++) {
			int len = (int)strlen(table->row[r][c]);

			if (len > width[c])
				width[c] = len;
		}
	for (size_t r = 0; table->nr > 1 && r < table->nr; r++)
		print_row(table, r, width, out);
	free(table->row);
	table->row = NULL;
	table->nr = table->room = 0;
}

void table_name(char cell[TABLE_CELL], const char *name)
{
	snprintf(cell, TABLE_CELL, "%s", name);
	for (char *c = cell; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

void table_value(char cell[TABLE_CELL], double value, unsigned int unit)
{
	if (isnan(value))
		strcpy(cell, "-");
	else
		unit_format(value, unit, cell, TABLE_CELL);
}

void table_time(char cell[TABLE_CELL], long long stamp)
{
	time_t when = (time_t)stamp;
	struct tm tm;

	if (!stamp || !localtime_r(&when, &tm) ||
	    !strftime(cell, TABLE_CELL, "%Y-%m-%d %H:%M:%S", &tm))
		strcpy(cell, "-");
}
