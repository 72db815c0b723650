// SPDX-License-Identifier: GPL-2.0
/* What is on a sheet: all resources of a container, or all containers. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "layout.h"
#include "say.h"
#include "sheet.h"

#define CELL_WIDTH	300
#define CELL_HEIGHT	90
#define COLUMNS		3	/* of the sheet of one container */
#define SMALL_WIDTH	170
#define SMALL_HEIGHT	44
/* The containers and resources in most trouble: a page that can be read. */
#define ROWS_MAX	40
#define COLUMNS_MAX	6

/* --- one container ---------------------------------------------------------------------- */

static int fill(const struct store *store, const struct track_query *query,
		struct sheet *sheet, struct sheet_cell *cell)
{
	int err = track_read(store, query, &cell->track);

	if (err)
		return err;
	graph_summarize(&cell->track, &cell->summary);
	cell->filled = true;
	if (!sheet->from || cell->track.from < sheet->from)
		sheet->from = cell->track.from;
	if (cell->track.to > sheet->to)
		sheet->to = cell->track.to;

	return 0;
}

static void sheet_free(struct sheet *sheet)
{
	for (size_t i = 0; sheet->cell && i < sheet->rows * sheet->columns; i++)
		if (sheet->cell[i].filled)
			track_free(&sheet->cell[i].track);
	free(sheet->cell);
	free(sheet->row_name);
	free(sheet->column_name);
}

static int fill_resources(const struct store *store, const struct args *args,
			  const struct meta *meta, struct sheet *sheet)
{
	struct track_query query = {
		.container = args->container,
		.serial = args->serial,
		.from = args->from,
		.to = args->to,
	};
	size_t n = 0;
	int err = 0;

	for (unsigned int s = 0; !err && s < meta->nr_sets; s++) {
		for (unsigned int i = 0; !err && i < meta->set[s].nr; i++) {
			const char *name = meta->set[s].resource[i].name;

			if (meta_find(meta, name, NULL) !=
			    &meta->set[s].resource[i])
				continue;
			snprintf(sheet->cell[n].label,
				 sizeof(sheet->cell[n].label), "%s", name);
			query.resource = name;
			err = fill(store, &query, sheet, &sheet->cell[n++]);
		}
	}

	return err;
}

static int gather_container(const struct store *store, const struct args *args,
			    struct sheet *sheet)
{
	struct series_dir dir = { .fd = -1 };
	struct meta meta = {};
	size_t n = 0;
	int err;

	err = store_find_series(store, args->container, args->serial, &dir,
				&meta);
	if (err)
		return err;
	for (unsigned int s = 0; s < meta.nr_sets; s++)
		n += meta.set[s].nr;
	sheet->title = args->container;
	sheet->note = "every resource";
	sheet->columns = n < COLUMNS ? n : COLUMNS;
	sheet->rows = n ? (n + sheet->columns - 1) / sheet->columns : 0;
	sheet->cell = calloc(n + COLUMNS, sizeof(*sheet->cell));
	if (!n)
		err = fail(ENOENT, "'%s' has no resources", args->container);
	else if (!sheet->cell)
		err = fail(ENOMEM, "no memory");
	else
		err = fill_resources(store, args, &meta, sheet);
	series_dir_close(&dir);
	meta_free(&meta);

	return err;
}

/* --- all containers ----------------------------------------------------------------------- */

/* How near its bounds a container is; 1: at one of them. */
struct entry {
	char name[RESCORE_NAME_LEN];
	char serial[32];
	int64_t last;
	double worst;
};

struct column {
	char name[RESCORE_RES_NAME_LEN];
	double worst;		/* of all containers; < 0: no bound anywhere */
};

struct overview {
	const struct store *store;
	struct entry *entry;
	size_t nr, room;
	struct column column[RESCORE_RESOURCES_MAX * 2];
	size_t nr_columns;
	size_t damaged;
};

static void note_column(struct overview *o, const char *name, double used)
{
	size_t i = 0;

	while (i < o->nr_columns && strcmp(o->column[i].name, name))
		i++;
	if (i == sizeof(o->column) / sizeof(o->column[0]))
		return;
	if (i == o->nr_columns) {
		snprintf(o->column[i].name, sizeof(o->column[i].name), "%s",
			 name);
		o->column[i].worst = -1;
		o->nr_columns++;
	}
	o->column[i].worst = fmax(o->column[i].worst, used);
}

/* The peak of the last few rows, as part of the bound; NAN: no bound. */
static double used_now(const struct rrd_table *peak,
		       const struct meta_resource *r)
{
	const struct bounds *b;
	double highest = NAN, bound;
	char name[24];
	int column;

	if (!r->nr_changes || !meta_bounds_shown(r))
		return NAN;
	b = &r->change[r->nr_changes - 1].bounds;
	bound = bound_value(b->barrier);
	if (isnan(bound))
		bound = bound_value(b->limit);
	snprintf(name, sizeof(name), "%s_peak", r->name);
	column = rrd_table_column(peak, name);
	for (size_t i = 0; column >= 0 && i < peak->rows; i++)
		highest = fmax(highest,
			       peak->data[i * peak->columns + (size_t)column]);
	return bound > 0 ? highest / bound : NAN;
}

static int rate(struct overview *o, const struct series_dir *dir,
		const struct meta *meta, struct entry *entry)
{
	int err = history_last(dir, meta, &entry->last);

	for (unsigned int s = 0; !err && entry->last && s < meta->nr_sets;
	     s++) {
		struct rrd_table peak;

		err = history_rows(LAYOUT_PEAK, s,
				   entry->last - 5 * (int64_t)meta->step,
				   entry->last, meta->step, &peak);
		if (err == -ENOENT) {
			err = 0;
			continue;
		}
		if (err)
			break;
		for (unsigned int i = 0; i < meta->set[s].nr; i++) {
			const struct meta_resource *r =
				&meta->set[s].resource[i];
			double used = used_now(&peak, r);

			entry->worst = fmax(entry->worst, used);
			note_column(o, r->name, used);
		}
		rrd_table_free(&peak);
	}

	return err;
}

static int visit(void *arg, const struct series_dir *dir,
		 const struct meta *meta)
{
	struct overview *o = arg;
	struct entry entry = { .worst = -1 };

	if (!meta || rate(o, dir, meta, &entry)) {
		say("%s", failure());
		o->damaged++;
		return 0;
	}
	if (!entry.last)
		return 0;
	if (o->nr == o->room) {
		size_t room = o->room ? 2 * o->room : 64;
		struct entry *more = realloc(o->entry, room * sizeof(*more));

		if (!more)
			return fail(ENOMEM, "no memory");
		o->entry = more;
		o->room = room;
	}
	memcpy(entry.name, meta->id.name, sizeof(entry.name));
	snprintf(entry.serial, sizeof(entry.serial), "%s",
		 series_dir_serial(dir));
	o->entry[o->nr++] = entry;

	return 0;
}

static int by_trouble(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = (x->worst < y->worst) - (x->worst > y->worst);

	return order ? order : strcmp(x->name, y->name);
}

static int by_worst(const void *a, const void *b)
{
	const struct column *x = a, *y = b;
	int order = (x->worst < y->worst) - (x->worst > y->worst);

	return order ? order : strcmp(x->name, y->name);
}

static void keep_live(struct overview *o)
{
	int64_t newest = 0;
	size_t kept = 0;

	for (size_t i = 0; i < o->nr; i++)
		if (o->entry[i].last > newest)
			newest = o->entry[i].last;
	for (size_t i = 0; i < o->nr; i++)
		if (o->entry[i].last + layout_heartbeat(o->store->step) >=
		    newest)
			o->entry[kept++] = o->entry[i];
	o->nr = kept;
}

static int fill_row(const struct store *store, const struct args *args,
		    const struct entry *entry, struct sheet *sheet,
		    struct sheet_cell *cell)
{
	struct track_query query = {
		.container = entry->name,
		.serial = entry->serial,
		.from = args->from,
		.to = args->to,
	};
	int err = 0;

	for (size_t c = 0; !err && c < sheet->columns; c++) {
		query.resource = sheet->column_name[c];
		err = fill(store, &query, sheet, &cell[c]);
		/* Another version of rescore counted other things. */
		if (err == -ENOENT)
			err = 0;
	}

	return err;
}

static int fill_overview(const struct args *args, const struct overview *o,
			 struct sheet *sheet, char *note, size_t size)
{
	int err = 0;

	sheet->rows = o->nr < ROWS_MAX ? o->nr : ROWS_MAX;
	sheet->columns = o->nr_columns < COLUMNS_MAX ? o->nr_columns :
						       COLUMNS_MAX;
	if (!sheet->rows || !sheet->columns)
		return fail(ENOENT, "no container is recorded now");
	sheet->row_name = calloc(sheet->rows, sizeof(*sheet->row_name));
	sheet->column_name = calloc(sheet->columns,
				    sizeof(*sheet->column_name));
	sheet->cell = calloc(sheet->rows * sheet->columns,
			     sizeof(*sheet->cell));
	if (!sheet->row_name || !sheet->column_name || !sheet->cell)
		return fail(ENOMEM, "no memory");
	for (size_t c = 0; c < sheet->columns; c++)
		snprintf(sheet->column_name[c], sizeof(*sheet->column_name),
			 "%s", o->column[c].name);
	for (size_t r = 0; !err && r < sheet->rows; r++) {
		snprintf(sheet->row_name[r], sizeof(*sheet->row_name), "%s",
			 o->entry[r].name);
		err = fill_row(o->store, args, &o->entry[r], sheet,
			       &sheet->cell[r * sheet->columns]);
	}
	snprintf(note, size,
		 "%zu of %zu containers and %zu of %zu resources, nearest to "
		 "their bounds first",
		 sheet->rows, o->nr, sheet->columns, o->nr_columns);

	return err;
}

static int gather_all(const struct store *store, const struct args *args,
		      struct sheet *sheet, char *note, size_t size)
{
	struct overview *o = calloc(1, sizeof(*o));
	int err;

	if (!o)
		return fail(ENOMEM, "no memory");
	o->store = store;
	err = store_each(store, visit, o);
	if (!err) {
		keep_live(o);
		if (o->nr)
			qsort(o->entry, o->nr, sizeof(*o->entry), by_trouble);
		qsort(o->column, o->nr_columns, sizeof(*o->column), by_worst);
		sheet->title = "All containers";
		sheet->note = note;
		err = fill_overview(args, o, sheet, note, size);
	}
	free(o->entry);
	free(o);

	return err;
}

int graph_draw_sheet(const struct store *store, const struct args *args,
		     const struct graph_look *look, FILE *out)
{
	bool one = args->container;
	struct sheet sheet = {
		.cell_width = args->width  ? args->width :
			      one	   ? CELL_WIDTH :
					    SMALL_WIDTH,
		.cell_height = args->height ? args->height :
			       one	    ? CELL_HEIGHT :
					      SMALL_HEIGHT,
	};
	struct blob image;
	char note[160];
	int err;

	err = one ? gather_container(store, args, &sheet) :
		    gather_all(store, args, &sheet, note, sizeof(note));
	if (!err)
		err = sheet_draw(&sheet, look, &image);
	if (!err) {
		graph_put(&image, look->format, sheet.title, sheet.note, out);
		blob_free(&image);
	}
	sheet_free(&sheet);

	return err;
}
