// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "history.h"
#include "layout.h"
#include "rrd_shim.h"
#include "say.h"
#include "track.h"

#define DAY	86400

void track_free(struct track *track)
{
	series_dir_close(&track->dir);
	meta_free(&track->meta);
	free(track->row);
	*track = (struct track){ .dir.fd = -1 };
}

void track_column(const struct track *track, const char *suffix, char buf[24])
{
	snprintf(buf, 24, "%s_%s", track->resource->name, suffix);
}

static int fail_resource(const struct track *track, const char *name)
{
	char list[512] = "";
	size_t used = 0;

	for (unsigned int s = 0; s < track->meta.nr_sets; s++) {
		const struct meta_set *set = &track->meta.set[s];

		for (unsigned int i = 0; i < set->nr; i++)
			if (used < sizeof(list))
				used += (size_t)snprintf(list + used,
							 sizeof(list) - used,
							 " %s",
							 set->resource[i].name);
	}
	return fail(ENOENT, "'%s' is no resource of '%s'; there are:%s", name,
		    track->meta.id.name, list);
}

/*
 * The last day, or all there is if that is less. A given end does not need a
 * given beginning, nor the other way round.
 */
static int find_range(const struct track *track,
		      const struct track_query *query, int64_t *ret_from,
		      int64_t *ret_to)
{
	int64_t first = track->meta.first - track->meta.step;
	char from[32], to[32];
	int err;

	snprintf(to, sizeof(to), "%lld", (long long)track->last);
	if (query->from && query->to) {
		err = rrd_shim_times(query->from, query->to, ret_from, ret_to);
	} else if (query->to) {
		err = rrd_shim_times(to, query->to, ret_from, ret_to);
		*ret_from = *ret_to - DAY;
	} else if (query->from) {
		/* Relative to now, as rrdtool has it; ends with the samples. */
		err = rrd_shim_times(query->from, "now", ret_from, ret_to);
		if (!err && *ret_from < track->last)
			*ret_to = track->last;
	} else {
		snprintf(from, sizeof(from), "%lld", (long long)first);
		err = rrd_shim_times(from, to, ret_from, ret_to);
		if (!err && *ret_from < *ret_to - DAY)
			*ret_from = *ret_to - DAY;
	}
	if (err)
		return err;
	if ((!query->from || query->at_most) && *ret_from < first &&
	    first < *ret_to)
		*ret_from = first;
	if (*ret_from >= *ret_to)
		return fail(EINVAL, "--from '%s' is not before --to '%s'",
			    query->from ? query->from : "the first sample",
			    query->to ? query->to : "the last sample");
	return 0;
}

static int fetch(const struct track *track, enum layout_kind kind, int64_t from,
		 int64_t step, struct rrd_table *table)
{
	char name[LAYOUT_FILE_LEN];
	int err;

	layout_file_name(kind, track->set, name);
	err = rrd_shim_fetch(name, layout_files[kind].cf, from, track->to, step,
			     table);
	if (err)
		return fail(-err, "'%s/%s': %s", track->dir.path, name,
			    failure());
	return 0;
}

static int column_of(const struct track *track, const struct rrd_table *table,
		     const char *suffix)
{
	char name[24];

	track_column(track, suffix, name);
	return rrd_table_column(table, name);
}

/* Nanoseconds of CPU time since the row before, in percent of one CPU. */
static double rate(const struct rrd_table *use, int column, int64_t stamp)
{
	double grown = rrd_table_value(use, column, stamp) -
		       rrd_table_value(use, column, stamp - use->step);

	/* It began anew. */
	if (grown < 0)
		return NAN;
	return grown / 1e9 / (double)use->step * 100;
}

static int make_rows(struct track *track, const struct rrd_table *use)
{
	int held = column_of(track, use, "held");
	int failed = column_of(track, use, "fail");
	bool grows = meta_held_grows(track->resource);

	track->step = use->step;
	track->row = calloc(use->rows + 1, sizeof(*track->row));
	if (!track->row)
		return fail(ENOMEM, "no memory");
	for (size_t i = 0; i < use->rows; i++) {
		struct track_row *row = &track->row[track->nr];

		row->stamp = use->from + ((int64_t)i + 1) * use->step;
		/* librrd gives a row more at the end than was asked for. */
		if (row->stamp - use->step >= track->to ||
		    row->stamp <= track->from)
			continue;
		row->held = rrd_table_value(use, held, row->stamp);
		if (grows)
			row->held = rate(use, held, row->stamp);
		row->failures = rrd_table_value(use, failed, row->stamp) *
				(double)use->step;
		track->nr++;
	}

	return 0;
}

/* Changes in meta.json are exact; before the first of them cap.rrd must do. */
static void set_bounds(struct track *track, const struct rrd_table *cap)
{
	const struct meta_resource *r = track->resource;
	int barrier = column_of(track, cap, "bar");
	int limit = column_of(track, cap, "lim");

	for (size_t i = 0; i < track->nr; i++) {
		struct track_row *row = &track->row[i];
		const struct bounds *b = NULL;

		row->barrier = NAN;
		row->limit = NAN;
		if (row->stamp - track->step >= track->last ||
		    row->stamp < track->meta.first || !meta_bounds_shown(r))
			continue;
		for (unsigned int c = 0; c < r->nr_changes; c++)
			if (r->change[c].stamp <= row->stamp)
				b = &r->change[c].bounds;
		if (!b) {
			row->barrier = rrd_table_value(cap, barrier,
						       row->stamp);
			row->limit = rrd_table_value(cap, limit, row->stamp);
			continue;
		}
		if (b->barrier != RESCORE_UNLIMITED)
			row->barrier = (double)b->barrier;
		if (b->limit != RESCORE_UNLIMITED)
			row->limit = (double)b->limit;
	}
}

static int read_rows(struct track *track)
{
	struct rrd_table use = {}, peak = {}, cap = {};
	int err, column;

	err = fetch(track, LAYOUT_USE, track->from, 1, &use);
	if (!err && meta_held_grows(track->resource)) {
		/* The first row needs one before it. */
		int64_t before = track->from - use.step;

		rrd_table_free(&use);
		err = fetch(track, LAYOUT_USE, before, 1, &use);
	}
	if (!err)
		err = make_rows(track, &use);
	if (!err)
		err = fetch(track, LAYOUT_PEAK, track->from, track->step,
			    &peak);
	if (!err)
		err = fetch(track, LAYOUT_CAP, track->from, 1, &cap);
	if (!err) {
		column = column_of(track, &peak, "peak");
		for (size_t i = 0; i < track->nr; i++)
			track->row[i].peak =
				rrd_table_value(&peak, column,
						track->row[i].stamp);
		set_bounds(track, &cap);
	}
	rrd_table_free(&use);
	rrd_table_free(&peak);
	rrd_table_free(&cap);

	return err;
}

static int keep_forecast(void *arg, const struct outlook *outlook)
{
	struct track *track = arg;

	track->forecast = outlook->forecast;
	track->forecasting = true;

	return 0;
}

/*
 * Without a range: what the forecast was made from, and half as much of what
 * will be.
 */
static int add_forecast(struct track *track, const struct track_query *query)
{
	const struct forecast *f = &track->forecast;
	int64_t reach, history;
	int err;

	err = history_forecast(&track->dir, &track->meta, query->resource,
			       keep_forecast, track);
	if (err || !track->forecasting)
		return err;
	reach = f->trend == FORECAST_TOO_LITTLE ? track->last : f->reach;
	history = f->trend == FORECAST_TOO_LITTLE ? track->last - f->first :
						    reach - f->origin;
	if (!query->from)
		track->from = track->last - history;
	if (!query->to)
		track->to = track->last + (reach - track->last + 1) / 2;

	return 0;
}

int track_read(const struct store *store, const struct track_query *query,
	       struct track *ret_track)
{
	struct track track = { .dir.fd = -1 };
	char name[LAYOUT_FILE_LEN];
	int err;

	err = store_find_series(store, query->container, query->serial,
				&track.dir, &track.meta);
	if (err)
		return err;
	history_sync(store, &track.dir, &track.meta);
	track.resource = meta_find(&track.meta, query->resource, &track.set);
	if (!track.resource)
		err = fail_resource(&track, query->resource);
	else if (fchdir(track.dir.fd))
		err = fail(errno, "%s", strerror(errno));
	if (!err) {
		layout_file_name(LAYOUT_USE, track.set, name);
		err = rrd_shim_last(name, &track.last);
		if (err)
			err = fail(-err, "'%s/%s/%s': %s", store->path,
				   track.dir.path, name, failure());
	}
	if (!err)
		err = find_range(&track, query, &track.from, &track.to);
	if (!err && query->forecast)
		err = add_forecast(&track, query);
	if (!err)
		err = read_rows(&track);
	if (err)
		track_free(&track);
	else
		*ret_track = track;

	return err;
}
