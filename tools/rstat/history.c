// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cached.h"
#include "history.h"
#include "say.h"

#define HOUR		3600
#define DAY		86400LL

double bound_value(int64_t bound)
{
	return bound == RESCORE_UNLIMITED ? NAN : (double)bound;
}

static int enter(const struct series_dir *dir)
{
	if (fchdir(dir->fd))
		return fail(errno, "'%s': %s", dir->path, strerror(errno));
	return 0;
}

static int fail_file(const struct series_dir *dir, const char *name, int err)
{
	return fail(-err, "'%s/%s': %s", dir->path, name, failure());
}

static int sync_file(struct cached *cached, const struct store *store,
		     const struct series_dir *dir, enum layout_kind kind,
		     unsigned int set)
{
	char name[LAYOUT_FILE_LEN], path[4096];
	char file[STORE_SERIES_LEN + LAYOUT_FILE_LEN];
	int err;

	snprintf(file, sizeof(file), "%s/%s", dir->path,
		 layout_file_name(kind, set, name));
	err = cached_path(cached, store->real, file, path, sizeof(path));

	return err ? err : cached_flush(cached, path);
}

void history_sync(const struct store *store, const struct series_dir *dir,
		  const struct meta *meta)
{
	struct cached *cached;
	int err;

	if (!store->cached)
		return;
	err = cached_open(&cached, store->cached);
	if (!err) {
		for (unsigned int s = 0; !err && s < meta->nr_sets; s++)
			for (int kind = 0; !err && kind < LAYOUT_KINDS; kind++)
				err = sync_file(cached, store, dir,
						(enum layout_kind)kind, s);
		cached_close(cached);
	}
	if (err)
		say("%s; what it has not written is missing here", failure());
}

int history_last(const struct series_dir *dir, const struct meta *meta,
		 int64_t *ret_last)
{
	int64_t newest = 0;
	int err = enter(dir);

	for (unsigned int s = 0; !err && s < meta->nr_sets; s++) {
		char name[LAYOUT_FILE_LEN];
		int64_t last;

		layout_file_name(LAYOUT_USE, s, name);
		if (access(name, F_OK) && errno == ENOENT)
			continue;	/* its writer was interrupted */
		err = rrd_shim_last(name, &last);
		if (err)
			return fail_file(dir, name, err);
		if (last >= meta->first && last > newest)
			newest = last;
	}
	if (!err)
		*ret_last = newest;

	return err;
}

int history_rows(enum layout_kind kind, unsigned int set, int64_t from,
		 int64_t to, int64_t step, struct rrd_table *ret_table)
{
	char name[LAYOUT_FILE_LEN];

	layout_file_name(kind, set, name);
	if (access(name, F_OK) && errno == ENOENT)
		return -ENOENT;
	return rrd_shim_fetch(name, layout_files[kind].cf, from, to, step,
			      ret_table);
}

/* Rows for the past, and shorter ones for what is newer than the last row. */
struct peaks {
	struct rrd_table past;
	struct rrd_table recent;
	int64_t last;
};

static void peaks_free(struct peaks *peaks)
{
	rrd_table_free(&peaks->past);
	rrd_table_free(&peaks->recent);
}

/* As long as the buckets of the forecast will be, or shorter. */
static int64_t row_length(const struct meta *meta, int64_t age)
{
	if (age >= 14 * DAY)
		return DAY;
	if (age >= 4 * DAY)
		return HOUR;
	return meta->step;
}

static int read_peaks(const struct meta *meta, unsigned int set, int64_t last,
		      struct peaks *ret)
{
	int64_t from = last - (FORECAST_BUCKETS_MAX + 1) * DAY;
	struct peaks peaks = { .last = last };
	int64_t step, done;
	int err;

	if (from < meta->first - meta->step)
		from = meta->first - meta->step;
	step = row_length(meta, last - from);
	err = history_rows(LAYOUT_PEAK, set, from, last, step, &peaks.past);
	if (err)
		return err;
	/* The last row ends in the future. */
	done = last - last % peaks.past.step;
	if (done < last && peaks.past.step > meta->step)
		err = history_rows(LAYOUT_PEAK, set, done, last,
				   peaks.past.step > HOUR ? HOUR : meta->step,
				   &peaks.recent);
	if (err)
		peaks_free(&peaks);
	else
		*ret = peaks;

	return err;
}

static size_t add_points(const struct rrd_table *table, int column,
			 int64_t from, int64_t last,
			 struct forecast_point *point)
{
	size_t n = 0;

	if (column < 0)
		return 0;
	for (size_t i = 0; i < table->rows; i++) {
		int64_t stamp = table->from + ((int64_t)i + 1) * table->step;

		/* The rest of a row that has only begun is not known. */
		if (stamp <= from)
			continue;
		if (stamp > last)
			break;
		point[n].stamp = stamp;
		point[n++].value =
			table->data[i * table->columns + (size_t)column];
	}

	return n;
}

static void fit_peaks(const struct peaks *peaks, const char *resource,
		      struct forecast_point *point, struct forecast *ret)
{
	const struct rrd_table *past = &peaks->past, *recent = &peaks->recent;
	int64_t done = peaks->last - peaks->last % past->step;
	char name[24];
	size_t n;

	snprintf(name, sizeof(name), "%s_peak", resource);
	n = add_points(past, rrd_table_column(past, name), 0, peaks->last,
		       point);
	if (recent->rows)
		n += add_points(recent, rrd_table_column(recent, name), done,
				peaks->last, point + n);
	forecast_fit(point, n, past->step, ret);
}

static struct bounds newest_bounds(const struct meta_resource *r)
{
	static const struct bounds none = { RESCORE_UNLIMITED,
					    RESCORE_UNLIMITED };

	return r->nr_changes && meta_bounds_met(r) ?
		       r->change[r->nr_changes - 1].bounds :
		       none;
}

static int forecast_set(const struct meta *meta, unsigned int set,
			const struct peaks *peaks, const char *only,
			int (*visit)(void *arg, const struct outlook *outlook),
			void *arg)
{
	struct forecast_point *point;
	int err = 0;

	point = calloc(peaks->past.rows + peaks->recent.rows + 1,
		       sizeof(*point));
	if (!point)
		return fail(ENOMEM, "no memory");
	for (unsigned int i = 0; !err && i < meta->set[set].nr; i++) {
		const struct meta_resource *r = &meta->set[set].resource[i];
		struct outlook outlook = { .resource = r };

		/* Of two with the same name the newer one counts. */
		if ((only && strcmp(only, r->name)) ||
		    meta_find(meta, r->name, NULL) != r)
			continue;
		outlook.bounds = newest_bounds(r);
		fit_peaks(peaks, r->name, point, &outlook.forecast);
		err = visit(arg, &outlook);
	}
	free(point);

	return err;
}

int history_forecast(const struct series_dir *dir, const struct meta *meta,
		     const char *only,
		     int (*visit)(void *arg, const struct outlook *outlook),
		     void *arg)
{
	int64_t last;
	int err = history_last(dir, meta, &last);

	for (unsigned int s = 0; !err && last && s < meta->nr_sets; s++) {
		char name[LAYOUT_FILE_LEN];
		struct peaks peaks;

		err = read_peaks(meta, s, last, &peaks);
		if (err == -ENOENT) {
			err = 0;
			continue;
		}
		if (err) {
			layout_file_name(LAYOUT_PEAK, s, name);
			return fail_file(dir, name, err);
		}
		err = forecast_set(meta, s, &peaks, only, visit, arg);
		peaks_free(&peaks);
	}

	return err;
}

/* As everywhere: a barrier of 0 leaves the word to the limit. */
struct forecast_hit outlook_barrier(const struct outlook *o, int64_t horizon)
{
	double bound = o->bounds.barrier ? bound_value(o->bounds.barrier) :
					   (double)NAN;

	return forecast_hit(&o->forecast, bound, horizon);
}

/* Where nothing is allowed, and nothing there, nothing will be. */
struct forecast_hit outlook_limit(const struct outlook *o, int64_t horizon)
{
	double bound = bound_value(o->bounds.limit);

	if (bound <= 0 && o->forecast.now <= 0)
		bound = NAN;
	return forecast_hit(&o->forecast, bound, horizon);
}
