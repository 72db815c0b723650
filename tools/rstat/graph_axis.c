// SPDX-License-Identifier: GPL-2.0
/* What a picture shows: numbers for the legend, and both axes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <rescore/abi.h>

#include "graph.h"

/*
 * A bound more than so many times above everything else would press the rest
 * flat: it is named in the legend instead.
 */
#define BOUND_IN_VIEW	5
#define GRID_LINES	6	/* about */
#define HEADROOM	1.08	/* above the highest; failures hang there */
#define LABEL_PIXELS	90	/* of the time axis, at least */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Nearest rank: the smallest value that 95 % of the rows do not exceed. */
static double percentile_95(const struct track *track, size_t known)
{
	double *value = calloc(known + 1, sizeof(*value));
	double p95 = NAN;
	size_t n = 0;

	if (!value || !known) {
		free(value);
		return p95;
	}
	for (size_t i = 0; i < track->nr; i++)
		if (!isnan(track->row[i].held))
			value[n++] = track->row[i].held;
	qsort(value, n, sizeof(*value), by_value);
	p95 = value[(size_t)ceil(0.95 * (double)n) - 1];
	free(value);

	return p95;
}

void graph_summarize(const struct track *track, struct graph_summary *ret)
{
	struct graph_summary s = {
		.last = NAN,
		.mean = NAN,
		.p95 = NAN,
		.highest = NAN,
		.barrier = NAN,
		.limit = NAN,
		.failures = NAN,
		.bound_top = NAN,
	};
	double sum = 0, failures = 0;
	bool any_failures = false;

	for (size_t i = 0; i < track->nr; i++) {
		const struct track_row *row = &track->row[i];

		s.highest = fmax(s.highest, fmax(row->held, row->peak));
		s.bound_top = fmax(s.bound_top, fmax(row->barrier, row->limit));
		if (row->stamp >= track->meta.first &&
		    row->stamp - track->step < track->last) {
			s.barrier = row->barrier;
			s.limit = row->limit;
		}
		if (!isnan(row->failures)) {
			failures += row->failures;
			any_failures = true;
		}
		if (isnan(row->held)) {
			s.gap |= row->stamp > track->meta.first &&
				 row->stamp <= track->last;
			continue;
		}
		s.last = row->held;
		sum += row->held;
		s.known++;
	}
	if (s.known)
		s.mean = sum / (double)s.known;
	if (any_failures)
		s.failures = round(failures);
	s.p95 = percentile_95(track, s.known);
	*ret = s;
}

/* 1, 2 or 5 times a power of ten, at least @least. */
static double nice_step(double least)
{
	static const double nice[] = { 1, 2, 5, 10 };
	double power = pow(10, floor(log10(least)));

	for (size_t i = 0; i < sizeof(nice) / sizeof(nice[0]); i++)
		if (nice[i] * power >= least * (1 - 1e-9))
			return nice[i] * power;
	return 10 * power;
}

/* The highest that the picture says will be; not that of a band gone wild. */
static double future_top(const struct track *track, double top)
{
	const struct forecast *f = &track->forecast;
	double likely = 0, high = 0;

	if (!track->forecasting || f->trend == FORECAST_TOO_LITTLE)
		return 0;
	for (int64_t t = f->origin + f->bucket;
	     t <= track->to + f->bucket && t <= f->reach; t += f->bucket) {
		struct forecast_value v = forecast_at(f, t);

		likely = fmax(likely, v.value);
		high = fmax(high, v.high);
	}
	return fmax(fmin(likely, 5 * top), fmin(high, 1.5 * top));
}

static bool in_view(double bound, double highest)
{
	return !(highest > 0) || bound <= BOUND_IN_VIEW * highest;
}

void graph_axis_of(unsigned int unit, double top, struct graph_axis *ret_axis)
{
	struct graph_axis axis = {};

	if (isnan(top))
		top = 0;
	axis.scale = unit_scale(unit, top);
	top *= axis.scale.factor / axis.scale.divisor;
	/* Nothing there: an empty picture still needs an axis. */
	axis.top = (top > 0 ? top : 1) * HEADROOM;
	axis.grid = nice_step(axis.top / GRID_LINES);
	/* There are no half processes, nor bytes. */
	if (axis.scale.divisor == 1 && axis.grid < 1 && unit != RESCORE_NSEC &&
	    unit != RESCORE_PERCENT)
		axis.grid = 1;
	if (axis.grid < 1)
		axis.decimals = (int)ceil(-log10(axis.grid) - 1e-9);
	*ret_axis = axis;
}

void graph_axis(const struct track *track, const struct graph_summary *summary,
		struct graph_axis *ret_axis)
{
	unsigned int unit = meta_shown_unit(track->resource);
	double top = fmax(summary->highest, 0);

	for (size_t i = 0; i < track->nr; i++) {
		const struct track_row *row = &track->row[i];

		if (in_view(row->barrier, summary->highest))
			top = fmax(top, row->barrier);
		if (in_view(row->limit, summary->highest))
			top = fmax(top, row->limit);
	}
	if (isnan(top))
		top = 0;
	top = fmax(top, future_top(track, top));
	graph_axis_of(unit, top, ret_axis);
	ret_axis->barrier_above = summary->barrier > top;
	ret_axis->limit_above = summary->limit > top;
}

/* Distances of labels, with the lines between them, as rrdtool names them. */
static const struct {
	int seconds;
	const char *grid;	/* line, major line, label */
	const char *format;
} time_grids[] = {
	{ 1, "SECOND:1:SECOND:1:SECOND:1:0", "%H:%M:%S" },
	{ 2, "SECOND:1:SECOND:2:SECOND:2:0", "%H:%M:%S" },
	{ 5, "SECOND:1:SECOND:5:SECOND:5:0", "%H:%M:%S" },
	{ 10, "SECOND:2:SECOND:10:SECOND:10:0", "%H:%M:%S" },
	{ 30, "SECOND:10:SECOND:30:SECOND:30:0", "%H:%M:%S" },
	{ 60, "SECOND:15:MINUTE:1:MINUTE:1:0", "%H:%M" },
	{ 120, "SECOND:30:MINUTE:2:MINUTE:2:0", "%H:%M" },
	{ 300, "MINUTE:1:MINUTE:5:MINUTE:5:0", "%H:%M" },
	{ 600, "MINUTE:2:MINUTE:10:MINUTE:10:0", "%H:%M" },
	{ 1800, "MINUTE:10:MINUTE:30:MINUTE:30:0", "%H:%M" },
	{ 3600, "MINUTE:15:HOUR:1:HOUR:1:0", "%H:%M" },
	{ 7200, "MINUTE:30:HOUR:2:HOUR:2:0", "%H:%M" },
	{ 10800, "HOUR:1:HOUR:3:HOUR:3:0", "%H:%M" },
	{ 21600, "HOUR:3:HOUR:6:HOUR:6:0", "%a %H:%M" },
	{ 43200, "HOUR:6:HOUR:12:HOUR:12:0", "%a %H:%M" },
	{ 86400, "HOUR:12:DAY:1:DAY:1:0", "%a %d %b" },
	{ 172800, "DAY:1:DAY:2:DAY:2:0", "%a %d %b" },
	{ 604800, "DAY:1:WEEK:1:WEEK:1:0", "%d %b" },
	{ 1209600, "DAY:7:WEEK:2:WEEK:2:0", "%d %b" },
	{ 2678400, "WEEK:1:MONTH:1:MONTH:1:0", "%d %b %Y" },
	{ 8035200, "MONTH:1:MONTH:3:MONTH:3:0", "%b %Y" },
};

bool graph_time_grid(int64_t span, long width, char *buf, size_t size)
{
	/* librrd 1.7 labels nothing below a few minutes. */
	for (size_t i = 0; i < sizeof(time_grids) / sizeof(time_grids[0]);
	     i++) {
		double pixels = (double)time_grids[i].seconds * (double)width /
				(double)span;

		if (pixels < LABEL_PIXELS)
			continue;
		snprintf(buf, size, "%s:%s", time_grids[i].grid,
			 time_grids[i].format);
		return true;
	}

	return false;
}
