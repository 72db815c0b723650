// SPDX-License-Identifier: GPL-2.0
/* rstat forecast: when containers, and the machine, will be full. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "forecast_report.h"
#include "say.h"
#include "show.h"

#define HORIZON		7776000	/* 90 days */
#define YEAR		31536000

int parse_span(const char *text, int64_t *ret_seconds)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} units[] = {
		{ "", 86400 }, { "s", 1 },     { "min", 60 },	{ "m", 60 },
		{ "h", 3600 }, { "d", 86400 }, { "w", 604800 }, { "y", YEAR },
	};
	char *end;
	double value = strtod(text, &end);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end == text || strcmp(end, units[i].name))
			continue;
		value *= (double)units[i].seconds;
		if (!(value >= 1) || value > 100.0 * YEAR)
			break;
		*ret_seconds = (int64_t)value;
		return 0;
	}
	return -EINVAL;
}

/* --- in a child: some of the containers ------------------------------------------ */

struct part {
	const struct args *args;
	int64_t horizon;
	unsigned int number, parts;
	bool all;		/* rows without interest, too */

	const struct store *store;
	unsigned int next;	/* series, counted */
	struct forecast_report report;
	size_t room;
	size_t tallies_room;
	struct forecast_row row; /* of the series that is being read */
	struct forecast_tally tally;
};

static bool meets(const struct forecast_hit *hit)
{
	return hit->when == FORECAST_OVER || hit->when == FORECAST_AT ||
	       hit->when == FORECAST_PERHAPS;
}

bool forecast_interesting(const struct forecast_row *row)
{
	return meets(&row->barrier) || meets(&row->limit);
}

static void leave_out(const struct forecast_row *row,
		      struct forecast_left_out *n)
{
	if (row->limit.when == FORECAST_UNKNOWN ||
	    row->barrier.when == FORECAST_UNKNOWN)
		n->little++;
	else if (row->limit.when == FORECAST_UNBOUND &&
		 row->barrier.when == FORECAST_UNBOUND)
		n->unbound++;
	else
		n->not_in_sight++;
}

static int add_row(void *arg, const struct outlook *outlook)
{
	struct part *part = arg;
	struct forecast_report *report = &part->report;
	struct forecast_row *row;

	if (report->nr == part->room) {
		size_t room = part->room ? 2 * part->room : 64;
		struct forecast_row *more;

		more = realloc(report->row, room * sizeof(*more));
		if (!more)
			return fail(ENOMEM, "no memory");
		report->row = more;
		part->room = room;
	}
	row = &report->row[report->nr++];
	*row = part->row;
	memcpy(row->resource, outlook->resource->name, sizeof(row->resource));
	row->unit = meta_shown_unit(outlook->resource);
	row->bounds = outlook->bounds;
	row->forecast = outlook->forecast;
	row->barrier = outlook_barrier(outlook, part->horizon);
	row->limit = outlook_limit(outlook, part->horizon);
	if (!part->all && !forecast_interesting(row)) {
		leave_out(row, &part->tally.left_out);
		report->nr--;
	}

	return 0;
}

static int add_tally(struct part *part)
{
	struct forecast_report *report = &part->report;

	if (report->nr_tallies == part->tallies_room) {
		size_t room = part->tallies_room ? 2 * part->tallies_room : 64;
		struct forecast_tally *more;

		more = realloc(report->tally, room * sizeof(*more));
		if (!more)
			return fail(ENOMEM, "no memory");
		report->tally = more;
		part->tallies_room = room;
	}
	report->tally[report->nr_tallies++] = part->tally;

	return 0;
}

static int add_series(struct part *part, const struct series_dir *dir,
		      const struct meta *meta)
{
	struct forecast_report *report = &part->report;
	int64_t last;
	int err;

	err = history_last(dir, meta, &last);
	if (err || !last)
		return err;
	if (!report->first || meta->first < report->first)
		report->first = meta->first;
	if (last > report->last)
		report->last = last;
	part->row = (struct forecast_row){ .last = last };
	memcpy(part->row.name, meta->id.name, sizeof(part->row.name));
	snprintf(part->row.series, sizeof(part->row.series), "%s",
		 series_dir_serial(dir));

	part->tally = (struct forecast_tally){ .last = last };
	err = history_forecast(dir, meta, part->args->resource, add_row, part);

	return err ? err : add_tally(part);
}

static int visit(void *arg, const char *path)
{
	struct part *part = arg;
	struct series_dir dir = { .fd = -1 };
	struct meta meta = {};

	if (part->next++ % part->parts != part->number)
		return 0;
	snprintf(dir.path, sizeof(dir.path), "%s", path);
	/* One that is damaged does not hide the others. */
	if (store_open_series(part->store, &dir, &meta) ||
	    add_series(part, &dir, &meta)) {
		say("%s", failure());
		part->report.damaged++;
	}
	series_dir_close(&dir);
	meta_free(&meta);

	return 0;
}

static int fail_resource(const struct meta *meta, const char *name)
{
	return fail(ENOENT,
		    "'%s' is no resource of '%s'; 'rstat list --json' "
		    "says which there are",
		    name, meta->id.name);
}

static int read_one(struct part *part)
{
	const struct args *args = part->args;
	struct series_dir dir = { .fd = -1 };
	struct meta meta = {};
	int err;

	err = store_find_series(part->store, args->container, args->serial,
				&dir, &meta);
	if (!err && args->resource && !meta_find(&meta, args->resource, NULL))
		err = fail_resource(&meta, args->resource);
	if (!err) {
		history_sync(part->store, &dir, &meta);
		err = add_series(part, &dir, &meta);
	}
	series_dir_close(&dir);
	meta_free(&meta);

	return err;
}

static int read_part(void *arg, FILE *out)
{
	struct part *part = arg;
	struct store store;
	int err;

	err = store_open(&store, part->args->dir);
	if (err)
		return err;
	part->store = &store;
	if (part->args->container)
		err = read_one(part);
	else
		err = store_each_path(&store, visit, part);
	store_close(&store);
	if (err)
		return err;
	fwrite(&part->report, sizeof(part->report), 1, out);
	if (part->report.nr)
		fwrite(part->report.row, sizeof(*part->report.row),
		       part->report.nr, out);
	if (part->report.nr_tallies)
		fwrite(part->report.tally, sizeof(*part->report.tally),
		       part->report.nr_tallies, out);

	return 0;
}

/* --- put together ------------------------------------------------------------------ */

/* @nr elements more, from @data on; NULL: no memory. */
static void *append(void *array, size_t had, const char *data, size_t nr,
		    size_t size)
{
	void *more = realloc(array, (had + nr + 1) * size);

	if (more)
		memcpy((char *)more + had * size, data, nr * size);
	return more;
}

static int merge(struct forecast_report *report, const struct blob *blob)
{
	const char *data = blob->data + sizeof(*report);
	struct forecast_report part;
	void *more;

	memcpy(&part, blob->data, sizeof(part));
	more = append(report->row, report->nr, data, part.nr,
		      sizeof(*report->row));
	if (!more)
		return fail(ENOMEM, "no memory");
	report->row = more;
	report->nr += part.nr;
	data += part.nr * sizeof(*report->row);
	more = append(report->tally, report->nr_tallies, data, part.nr_tallies,
		      sizeof(*report->tally));
	if (!more)
		return fail(ENOMEM, "no memory");
	report->tally = more;
	report->nr_tallies += part.nr_tallies;
	report->damaged += part.damaged;
	if (part.first && (!report->first || part.first < report->first))
		report->first = part.first;
	if (part.last > report->last)
		report->last = part.last;

	return 0;
}

/* What ended before the others did needs no forecast. */
static void drop_ended(struct forecast_report *report, int step)
{
	size_t kept = 0;

	for (size_t i = 0; i < report->nr; i++)
		if (report->row[i].last + layout_heartbeat(step) >=
		    report->last)
			report->row[kept++] = report->row[i];
	report->nr = kept;
	kept = 0;
	for (size_t i = 0; i < report->nr_tallies; i++)
		if (report->tally[i].last + layout_heartbeat(step) >=
		    report->last)
			report->tally[kept++] = report->tally[i];
	report->nr_tallies = kept;
}

/* Soonest first: over now, dates of limits, of barriers, the rest. */
static int64_t urgency(const struct forecast_row *row)
{
	static const int64_t later = (int64_t)1 << 40;
	const struct forecast_hit *hits[] = { &row->limit, &row->barrier };

	for (int i = 0; i < 2; i++)
		if (hits[i]->when == FORECAST_OVER)
			return i;
	for (int i = 0; i < 2; i++)
		if (hits[i]->when == FORECAST_AT)
			return hits[i]->at + i;
	for (int i = 0; i < 2; i++)
		if (hits[i]->when == FORECAST_PERHAPS)
			return later + hits[i]->earliest + i;
	return 2 * later;
}

static int by_urgency(const void *a, const void *b)
{
	const struct forecast_row *x = a, *y = b;
	int64_t d = urgency(x) - urgency(y);
	int order = (d > 0) - (d < 0);

	if (!order)
		order = strcmp(x->name, y->name);
	return order ? order : strcmp(x->resource, y->resource);
}

int forecast_rows(const struct args *args, struct forecast_report *report)
{
	unsigned int parts = args->container ? 1 : child_cpus();
	struct child child[parts];
	unsigned int started = 0;
	int err = 0;

	for (; !err && started < parts; started += !err) {
		struct part part = {
			.args = args,
			.horizon = report->horizon,
			.number = started,
			.parts = parts,
			.all = args->all || args->json || args->container,
		};

		err = child_start(read_part, &part, &child[started]);
	}
	for (unsigned int i = 0; i < started; i++) {
		struct blob blob = {};
		int rc = child_finish(&child[i], &blob);

		if (!rc && !err)
			rc = merge(report, &blob);
		if (!rc)
			blob_free(&blob);
		if (!err)
			err = rc;
	}

	return err;
}

static int read_host(const struct store *store, struct forecast_report *report)
{
	struct host host;
	int err = host_load(store, &host);

	if (err == -ENOENT) {
		host_read(&host);
		report->host_is_ours = true;
		err = 0;
	}
	if (!err)
		err = forecast_host(store, &host, report);
	report->host_view = !err;

	return err;
}

/* Has no container the one resource that was asked for? */
static bool is_unknown(const struct args *args,
		       const struct forecast_report *report)
{
	size_t n = report->nr;

	if (!args->resource || args->container || !report->last)
		return false;
	for (size_t i = 0; i < report->nr_tallies; i++)
		n += report->tally[i].left_out.little +
		     report->tally[i].left_out.unbound +
		     report->tally[i].left_out.not_in_sight;
	return !n;
}

static int gather(const struct args *args, struct forecast_report *report)
{
	struct store store;
	int err = store_open(&store, args->dir);

	if (err)
		return err;
	err = forecast_rows(args, report);
	if (!err && is_unknown(args, report))
		err = fail(ENOENT,
			   "no container has a resource '%s'; 'rstat list "
			   "--json' says which there are",
			   args->resource);
	if (!err && !args->container)
		drop_ended(report, store.step);
	if (!err && report->nr)
		qsort(report->row, report->nr, sizeof(*report->row),
		      by_urgency);
	if (!err && report->last && !args->container && !args->resource)
		err = read_host(&store, report);
	store_close(&store);

	return err;
}

int forecast_run(const struct args *args)
{
	struct forecast_report report = { .horizon = HORIZON };
	int status = RSTAT_OK;
	int err;

	if (args->horizon && parse_span(args->horizon, &report.horizon)) {
		say("forecast: --horizon '%s': give a length of time, such as "
		    "90d, 12h or 1y",
		    args->horizon);
		return RSTAT_USAGE;
	}
	err = gather(args, &report);
	if (!err && args->json)
		err = forecast_json(&report, stdout);
	else if (!err)
		forecast_print(&report, stdout);
	if (err) {
		say("%s", failure());
		status = RSTAT_FAILED;
	}
	free(report.row);
	free(report.tally);

	return status;
}
