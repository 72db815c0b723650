// SPDX-License-Identifier: GPL-2.0
/* rstat report: refusals and nearness to limits, from the stored samples. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "events.h"
#include "layout.h"
#include "report.h"
#include "say.h"
#include "show.h"

#define DAY		86400
#define TOP		10
#define ROWS_WANTED	1000	/* of a file, for the whole time */

struct job {
	const struct args *args;
	const struct store *store;
	struct report report;
};

/* The bound that is met first, as rlimitctl shows it: barrier, or else limit. */
static double bound_at(const struct meta_resource *r, int64_t stamp)
{
	const struct bounds *b = NULL;
	double bound;

	for (unsigned int c = 0; c < r->nr_changes; c++)
		if (!c || r->change[c].stamp <= stamp)
			b = &r->change[c].bounds;
	if (!b || !meta_bounds_met(r))
		return NAN;
	/* Where nothing is allowed nothing can come near. */
	bound = b->barrier ? bound_value(b->barrier) : (double)NAN;

	return isnan(bound) ? bound_value(b->limit) : bound;
}

static void measure(const struct rrd_table *use, const struct rrd_table *peak,
		    const struct meta_resource *r, const struct report *report,
		    struct report_row *row)
{
	char fail_name[24], peak_name[24];
	int fail_column, peak_column;

	snprintf(fail_name, sizeof(fail_name), "%s_fail", r->name);
	snprintf(peak_name, sizeof(peak_name), "%s_peak", r->name);
	fail_column = rrd_table_column(use, fail_name);
	peak_column = rrd_table_column(peak, peak_name);
	for (size_t i = 0; i < use->rows; i++) {
		int64_t stamp = use->from + ((int64_t)i + 1) * use->step;
		double refused = rrd_table_value(use, fail_column, stamp) *
				 (double)use->step;
		double high = rrd_table_value(peak, peak_column, stamp);
		double bound = bound_at(r, stamp);

		if (stamp <= report->from || stamp - use->step >= report->to)
			continue;
		if (refused > 0) {
			row->failures += refused;
			row->last_failure = stamp;
			row->refused_by = bound;
		}
		row->peak = fmax(row->peak, high);
		if (bound > 0 && !(high / bound <= row->used) && !isnan(high)) {
			row->used = high / bound;
			row->bound = bound;
			row->used_at = stamp;
		}
	}
	row->failures = round(row->failures);
}

static int add_row(struct report *report, const struct report_row *row)
{
	if (!(row->failures > 0) && isnan(row->used))
		return 0;
	if (report->nr == report->room) {
		size_t room = report->room ? 2 * report->room : 64;
		struct report_row *more = realloc(report->row,
						  room * sizeof(*more));

		if (!more)
			return fail(ENOMEM, "no memory");
		report->row = more;
		report->room = room;
	}
	report->row[report->nr++] = *row;

	return 0;
}

static int add_set(struct job *job, const struct series_dir *dir,
		   const struct meta *meta, unsigned int set)
{
	struct report *report = &job->report;
	struct rrd_table use = {}, peak = {};
	int64_t from = report->from, step;
	int err;

	/* Only archives that go so far back are read: no farther than needed. */
	if (from < meta->first - meta->step)
		from = meta->first - meta->step;
	step = (report->to - from) / ROWS_WANTED + 1;
	err = history_rows(LAYOUT_USE, set, from, report->to, step, &use);
	if (!err)
		err = history_rows(LAYOUT_PEAK, set, from, report->to, use.step,
				   &peak);
	for (unsigned int i = 0; !err && i < meta->set[set].nr; i++) {
		const struct meta_resource *r = &meta->set[set].resource[i];
		struct report_row row = {
			.unit = meta_shown_unit(r),
			.refused_by = NAN,
			.peak = NAN,
			.bound = NAN,
			.used = NAN,
		};

		if (meta_find(meta, r->name, NULL) != r)
			continue;
		memcpy(row.name, meta->id.name, sizeof(row.name));
		memcpy(row.resource, r->name, sizeof(row.resource));
		snprintf(row.series, sizeof(row.series), "%s",
			 series_dir_serial(dir));
		measure(&use, &peak, r, report, &row);
		err = add_row(report, &row);
	}
	rrd_table_free(&use);
	rrd_table_free(&peak);

	return err == -ENOENT ? 0 : err;
}

static int visit(void *arg, const struct series_dir *dir,
		 const struct meta *meta)
{
	struct job *job = arg;
	int64_t last;
	int err;

	/* One that is damaged does not hide the others. */
	if (!meta || history_last(dir, meta, &last)) {
		say("%s", failure());
		job->report.damaged++;
		return 0;
	}
	if (last <= job->report.from || meta->first > job->report.to)
		return 0;
	job->report.containers++;
	history_sync(job->store, dir, meta);
	for (unsigned int s = 0; s < meta->nr_sets; s++) {
		err = add_set(job, dir, meta, s);
		if (err == -ENOMEM)
			return err;
		if (!err)
			continue;
		say("'%s': %s", dir->path, failure());
		job->report.damaged++;
		break;
	}

	return 0;
}

static int visit_last(void *arg, const struct series_dir *dir,
		      const struct meta *meta)
{
	int64_t *newest = arg, last;

	if (meta && !history_last(dir, meta, &last) && last > *newest)
		*newest = last;
	return 0;
}

/* Without words: the last day that is in the store. */
static int find_range(struct job *job)
{
	const struct args *args = job->args;
	struct report *report = &job->report;
	char from[32], to[32];
	int64_t newest = 0;
	int err;

	err = store_each(job->store, visit_last, &newest);
	if (err)
		return err;
	snprintf(to, sizeof(to), "%lld", (long long)newest);
	snprintf(from, sizeof(from), "end-%ds", DAY);
	err = rrd_shim_times(args->from ? args->from : from,
			     args->to ? args->to : to, &report->from,
			     &report->to);
	if (!err && report->from >= report->to)
		err = fail(EINVAL, "--from '%s' is not before --to '%s'",
			   args->from ? args->from : "a day before",
			   args->to ? args->to : "the last sample");

	return err;
}

static int read_report(void *arg, FILE *out)
{
	struct job *job = arg;
	struct store store;
	int err = store_open(&store, job->args->dir);

	if (err)
		return err;
	job->store = &store;
	err = find_range(job);
	if (!err)
		err = store_each(&store, visit, job);
	store_close(&store);
	if (err)
		return err;
	fwrite(&job->report, sizeof(job->report), 1, out);
	if (job->report.nr)
		fwrite(job->report.row, sizeof(*job->report.row),
		       job->report.nr, out);

	return 0;
}

static int add_event(void *arg, const struct live_event *event)
{
	struct report *report = arg;
	int64_t stamp = event->time_ns / 1000000000;

	if (stamp <= report->from || stamp > report->to)
		return 0;
	if (report->nr_events == report->events_room) {
		size_t room = report->events_room ? 2 * report->events_room :
						    64;
		struct live_event *more = realloc(report->event,
						  room * sizeof(*more));

		if (!more)
			return fail(ENOMEM, "no memory");
		report->event = more;
		report->events_room = room;
	}
	report->event[report->nr_events++] = *event;

	return 0;
}

/* A log that cannot be read does not hide what was counted. */
static void add_events(struct report *report, const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct events_gaps gaps = {};

	if (dir < 0)
		return;
	if (events_each(dir, add_event, report, &gaps)) {
		say("'%s': %s", path, failure());
		report->damaged++;
	}
	if (gaps.damaged)
		say("'%s': %llu damaged lines in the log of refusals", path,
		    (unsigned long long)gaps.damaged);
	report->events_lost = gaps.lost;
	close(dir);
}

static int take_report(struct blob *blob, struct report *report)
{
	memcpy(report, blob->data, sizeof(*report));
	report->row = calloc(report->nr + 1, sizeof(*report->row));
	if (report->row)
		memcpy(report->row, blob->data + sizeof(*report),
		       report->nr * sizeof(*report->row));
	blob_free(blob);

	return report->row ? 0 : fail(ENOMEM, "no memory");
}

int report_run(const struct args *args)
{
	struct job job = { .args = args };
	struct report report = {};
	struct blob blob;
	int err;

	err = child_run(read_report, &job, &blob);
	if (!err)
		err = take_report(&blob, &report);
	if (!err)
		add_events(&report, args->dir);
	if (!err && args->json)
		err = report_json(&report, stdout);
	else if (!err)
		report_print(&report, args->count ? (size_t)args->count : TOP,
			     stdout);
	if (err)
		say("%s", failure());
	free(report.row);
	free(report.event);

	return err ? RSTAT_FAILED : RSTAT_OK;
}
