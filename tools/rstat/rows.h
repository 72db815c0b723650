/* SPDX-License-Identifier: GPL-2.0 */
/* The text that librrd takes: "stamp:value:value…" of one file. */
#ifndef RSTAT_ROWS_H
#define RSTAT_ROWS_H

#include "batch.h"
#include "layout.h"

/* Which value of a reading each resource of a set of files takes; -1: none. */
struct set_map {
	const struct meta_set *set;
	unsigned int number;	/* of the set, from 0 */
	int from[META_SET_MAX];
};

/* False: none of the set's resources is in @schema. */
bool set_map_make(struct set_map *ret_map, const struct meta *meta,
		  unsigned int number, const struct schema *schema);

/* "name:name…" of a file, to be freed; NULL: no memory. */
char *rows_columns(const struct set_map *map, enum layout_kind kind);

struct rows {
	int nr;
	const char **row;
	char *text;		/* what row[] points into */
};

/* Stamp of the last row that waits for a file of this kind; 0: none. */
int64_t rows_newest(const struct series *series, enum layout_kind kind);

/*
 * What waits and is later than @last, the newest row of the file. @fresh: the
 * file is new. After a gap comes a row of unknowns, else librrd would drop the
 * first value together with the gap.
 */
int rows_make(const struct set_map *map, const struct series *series,
	      enum layout_kind kind, int step, int64_t last, bool fresh,
	      struct rows *ret_rows);
void rows_free(struct rows *rows);

#endif /* RSTAT_ROWS_H */
