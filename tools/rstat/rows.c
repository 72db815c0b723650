// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"
#include "say.h"

#define UNKNOWN		CELL_UNKNOWN
#define NUMBER_LEN	22	/* ':', sign, 19 digits, and a little */

bool set_map_make(struct set_map *ret_map, const struct meta *meta,
		  unsigned int number, const struct schema *schema)
{
	struct set_map map = { .set = &meta->set[number], .number = number };
	bool any = false;

	for (unsigned int i = 0; i < map.set->nr; i++) {
		const char *name = map.set->resource[i].name;

		map.from[i] = -1;
		/* Of two with the same name the newer one is written. */
		if (meta_find(meta, name, NULL) != &map.set->resource[i])
			continue;
		for (unsigned int r = 0; r < schema->nr; r++) {
			if (strcmp(schema->resource[r].name, name))
				continue;
			map.from[i] = (int)r;
			any = true;
			break;
		}
	}
	*ret_map = map;

	return any;
}

static const struct cells *cells_of(const struct series *series,
				    enum layout_kind kind)
{
	return kind == LAYOUT_CAP ? &series->cap : &series->use;
}

int64_t rows_newest(const struct series *series, enum layout_kind kind)
{
	const struct cells *cells = cells_of(series, kind);

	return cells->nr ? cells->stamp[cells->nr - 1] : 0;
}

/* As layout.h says: which values make the columns of one resource. */
static int use_values(const struct series *series, size_t row, int r,
		      int64_t *value)
{
	const struct cell *cell = series_row(series, row) + r;

	value[0] = cell->held;
	value[1] = UNKNOWN;
	if (cell->held != UNKNOWN && cell->failcnt <= INT64_MAX)
		value[1] = (int64_t)cell->failcnt;
	return 2;
}

static int peak_values(const struct series *series, size_t row, int r,
		       int64_t *value)
{
	const struct cell *cell = series_row(series, row) + r;

	value[0] = cell->held != UNKNOWN ? cell->peak : UNKNOWN;
	return 1;
}

static int64_t unless_unlimited(int64_t bound)
{
	return bound == RESCORE_UNLIMITED ? UNKNOWN : bound;
}

static int cap_values(const struct series *series, size_t row, int r,
		      int64_t *value)
{
	const struct cap_cell *cell = series_cap_row(series, row) + r;

	value[0] = value[1] = value[2] = UNKNOWN;
	if (cell->known) {
		value[0] = unless_unlimited(cell->bounds.barrier);
		value[1] = unless_unlimited(cell->bounds.limit);
		value[2] = cell->maxheld;
	}
	return 3;
}

typedef int (*values_fn)(const struct series *, size_t, int, int64_t *);

static const values_fn values_of[LAYOUT_KINDS] = {
	[LAYOUT_USE] = use_values,
	[LAYOUT_PEAK] = peak_values,
	[LAYOUT_CAP] = cap_values,
};

static size_t count_digits(uint64_t value)
{
	size_t digits = 1;

	for (; value >= 10000; value /= 10000)
		digits += 4;
	return digits + (value >= 10) + (value >= 100) + (value >= 1000);
}

/* What sprintf("%lld") writes, at a tenth of its cost: there are millions. */
static char *put_number(char *to, uint64_t value)
{
	static const char pairs[] = "00010203040506070809"
				    "10111213141516171819"
				    "20212223242526272829"
				    "30313233343536373839"
				    "40414243444546474849"
				    "50515253545556575859"
				    "60616263646566676869"
				    "70717273747576777879"
				    "80818283848586878889"
				    "90919293949596979899";
	char *end = to + count_digits(value);
	char *at = end;

	for (; value >= 10; value /= 100) {
		at -= 2;
		memcpy(at, pairs + 2 * (value % 100), 2);
	}
	if (at > to)
		*to = (char)('0' + value);

	return end;
}

static char *put_value(char *to, int64_t value)
{
	*to++ = ':';
	if (value >= 0)
		return put_number(to, (uint64_t)value);
	*to++ = 'U';	/* UNKNOWN; and below 0 is no value, but a bug */
	return to;
}

struct maker {
	const struct set_map *map;
	const struct series *series;
	enum layout_kind kind;
	struct rows *rows;
	char *end;
};

static void end_row(struct maker *m)
{
	*m->end++ = '\0';
	m->rows->nr++;
}

/* The row before the first one after a gap. */
static void gap_row(struct maker *m, int64_t stamp, bool fail_from_0)
{
	m->rows->row[m->rows->nr] = m->end;
	m->end = put_number(m->end, (uint64_t)stamp);
	for (unsigned int i = 0; i < m->map->set->nr; i++)
		for (int c = 0; c < layout_files[m->kind].nr_columns; c++)
			m->end = put_value(m->end,
					   c == 1 && fail_from_0 ? 0 : UNKNOWN);
	end_row(m);
}

static void value_row(struct maker *m, size_t row, int64_t stamp, bool carry)
{
	int64_t value[LAYOUT_COLUMNS_MAX] = {};

	m->rows->row[m->rows->nr] = m->end;
	m->end = put_number(m->end, (uint64_t)stamp);
	for (unsigned int i = 0; i < m->map->set->nr; i++) {
		int r = m->map->from[i];
		int n = layout_files[m->kind].nr_columns;

		if (r < 0)
			value[0] = value[1] = value[2] = UNKNOWN;
		else
			n = values_of[m->kind](m->series, row, r, value);
		if (r >= 0 && carry && m->series->carried[r] > value[0] &&
		    value[0] != UNKNOWN)
			value[0] = m->series->carried[r];
		for (int c = 0; c < n; c++)
			m->end = put_value(m->end, value[c]);
	}
	end_row(m);
}

static size_t columns_of(const struct set_map *map, enum layout_kind kind)
{
	return (size_t)map->set->nr * (size_t)layout_files[kind].nr_columns;
}

static int rows_alloc(const struct set_map *map, enum layout_kind kind,
		      size_t nr, struct rows *rows)
{
	size_t columns = columns_of(map, kind);

	*rows = (struct rows){
		.row = calloc(nr, sizeof(*rows->row)),
		.text = malloc(nr * (columns + 1) * NUMBER_LEN),
	};
	if (!rows->row || !rows->text) {
		rows_free(rows);
		return fail(ENOMEM, "no memory");
	}

	return 0;
}

char *rows_columns(const struct set_map *map, enum layout_kind kind)
{
	const struct layout_file *file = &layout_files[kind];
	char *columns, *to;

	columns = malloc(columns_of(map, kind) * (META_RES_NAME_MAX + 8) + 1);
	to = columns;
	for (unsigned int i = 0; to && i < map->set->nr; i++)
		for (int c = 0; c < file->nr_columns; c++)
			to += sprintf(to, "%s%s_%s", to == columns ? "" : ":",
				      map->set->resource[i].name,
				      file->column[c].suffix);

	return columns;
}

int rows_make(const struct set_map *map, const struct series *series,
	      enum layout_kind kind, int step, int64_t last, bool fresh,
	      struct rows *ret_rows)
{
	const struct cells *cells = cells_of(series, kind);
	int file_step = layout_step(kind, step);
	struct rows rows;
	struct maker m = {
		.map = map,
		.series = series,
		.kind = kind,
		.rows = &rows,
	};
	int err;

	/* Each row may have one of unknowns before it. */
	err = rows_alloc(map, kind, 2 * cells->nr + 1, &rows);
	if (err) {
		*ret_rows = (struct rows){};
		return err;
	}
	m.end = rows.text;
	for (size_t i = 0; i < cells->nr; i++) {
		int64_t stamp = cells->stamp[i];
		int64_t before = stamp - file_step;
		bool gap = stamp - last > layout_heartbeat(file_step);
		/* A container that was not there a step ago had no failures. */
		bool young = fresh && !i && series->id.created >= before;

		if (stamp <= last)
			continue;
		if (gap)
			gap_row(&m, before, kind == LAYOUT_USE && young);
		value_row(&m, i, stamp,
			  kind == LAYOUT_PEAK && !i && !gap && series->carried);
		last = stamp;
	}
	*ret_rows = rows;

	return 0;
}

void rows_free(struct rows *rows)
{
	free(rows->row);
	free(rows->text);
	*rows = (struct rows){};
}
