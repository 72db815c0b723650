/* SPDX-License-Identifier: GPL-2.0 */
/* Tables as text, columns as wide as what is in them. */
#ifndef RSTAT_TABLE_H
#define RSTAT_TABLE_H

#include <stdio.h>

#define TABLE_CELL	64
#define TABLE_COLUMNS	8

struct table {
	int columns;
	const char *align;	/* 'l' or 'r' for each */
	size_t nr, room;
	char (*row)[TABLE_COLUMNS][TABLE_CELL];
};

void table_head(struct table *table, const char *const *names);
/* A new row of empty cells; NULL: no memory. */
char (*table_row(struct table *table))[TABLE_CELL];
/* Print and free; a head alone is not printed. */
void table_finish(struct table *table, FILE *out);

/* Names come from files and must not steer the terminal. */
void table_name(char cell[TABLE_CELL], const char *name);
/* A value with its unit; "-": NAN. */
void table_value(char cell[TABLE_CELL], double value, unsigned int unit);
void table_time(char cell[TABLE_CELL], long long stamp);

#endif /* RSTAT_TABLE_H */
