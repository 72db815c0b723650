// SPDX-License-Identifier: GPL-2.0
/* The areas and lines of a picture, as the arguments of rrdtool graph. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "forecast_report.h"
#include "graph.h"
#include "layout.h"

static double scale_of(const struct graph_axis *axis)
{
	return axis->scale.factor / axis->scale.divisor;
}

static void add_defs(const struct track *track, const struct graph_axis *axis,
		     struct graph_text *t)
{
	double scale = scale_of(axis);
	const char *name = track->resource->name;
	char use[LAYOUT_FILE_LEN], peak[LAYOUT_FILE_LEN], cap[LAYOUT_FILE_LEN];

	layout_file_name(LAYOUT_USE, track->set, use);
	layout_file_name(LAYOUT_PEAK, track->set, peak);
	layout_file_name(LAYOUT_CAP, track->set, cap);
	text_add(t, "DEF:held0=%s:%s_held:AVERAGE", use, name);
	text_add(t, "DEF:fail0=%s:%s_fail:AVERAGE", use, name);
	text_add(t, "DEF:peak0=%s:%s_peak:MAX", peak, name);
	text_add(t, "DEF:bar0=%s:%s_bar:LAST", cap, name);
	text_add(t, "DEF:lim0=%s:%s_lim:LAST", cap, name);
	if (meta_held_grows(track->resource))
		/* CPU time: what it grew by, as part of the time */
		text_add(t,
			 "CDEF:held=held0,PREV(held0),-,DUP,0,LT,UNKN,0,IF,+,"
			 "STEPWIDTH,/,1e-7,*,%.17g,*",
			 scale);
	else
		text_add(t, "CDEF:held=held0,%.17g,*", scale);
	text_add(t, "CDEF:peak=peak0,%.17g,*", scale);
	text_add(t, "CDEF:tick=fail0,0,GT,1,UNKN,IF");
	text_add(t, "CDEF:none=held0,POP,UNKN");
	/* Between the first and the last sample only: before and after them
	 * nobody was looking.
	 */
	text_add(t,
		 "CDEF:gap=held0,UN,TIME,%" PRId64 ",GT,*,TIME,%" PRId64
		 ",LE,*,INF,UNKN,IF",
		 track->meta.first, track->last);
}

/*
 * A bound as a function of time: the changes in meta.json, and before the first
 * of them what cap.rrd has; after the last sample, that. "base,POP" makes
 * librrd evaluate it at every sample and not only once per row of cap.rrd.
 */
void graph_bound(const struct track *track, double scale, const char *name,
		 const char *base, const char *stored, bool limit,
		 struct graph_text *t)
{
	const struct meta_resource *r = track->resource;
	char rpn[2048];
	size_t used;

	used = (size_t)snprintf(rpn, sizeof(rpn),
				"%s,POP,TIME,%" PRId64 ",GT,TIME,%" PRId64
				",LT,+,UNKN,",
				base,
				track->forecasting ? track->to : track->last,
				track->meta.first);
	for (unsigned int i = r->nr_changes; i-- > 0;) {
		const struct bounds *b = &r->change[i].bounds;
		int64_t bound = limit ? b->limit : b->barrier;
		char value[32] = "UNKN";

		if (bound != RESCORE_UNLIMITED && meta_bounds_shown(r))
			snprintf(value, sizeof(value), "%.17g",
				 (double)bound * scale);
		used += (size_t)snprintf(rpn + used, sizeof(rpn) - used,
					 "TIME,%" PRId64 ",GE,%s,",
					 r->change[i].stamp, value);
	}
	used += (size_t)snprintf(rpn + used, sizeof(rpn) - used, "%s,%.17g,*",
				 stored,
				 meta_bounds_shown(r) ? scale : (double)NAN);
	for (unsigned int i = 0; i < r->nr_changes; i++)
		used += (size_t)snprintf(rpn + used, sizeof(rpn) - used, ",IF");
	text_add(t, "CDEF:%s=%s,IF", name, rpn);
}

static void format_bound(double bound, bool above, unsigned int unit,
			 char buf[64])
{
	char number[32];

	unit_format(bound, unit, number, sizeof(number));
	snprintf(buf, 64, "%s%s", isnan(bound) ? "unlimited" : number,
		 above ? "  (above the picture)" : "");
}

void graph_legend(struct graph_text *t, const char *element, const char *label,
		  const char *words)
{
	char escaped[256];

	text_add(t, "%s:%-10s%s\\l", element, label,
		 text_escape(words, escaped, sizeof(escaped)));
}

/* An element with its colour, "LINE2:held#2B7BBA". */
static const char *paint(char buf[64], const char *element, const char *colour)
{
	snprintf(buf, 64, "%s%s", element, colour);
	return buf;
}

/* --- forecast ----------------------------------------------------------------------- */

/*
 * The same as forecast_at(), for librrd to evaluate at every pixel: buckets
 * after the origin are "ahead", the season is chosen by the bucket.
 */
static void add_future(const struct track *track, double scale,
		       struct graph_text *t)
{
	const struct forecast *f = &track->forecast;
	char season[512] = "0";
	size_t used = 0;

	text_add(t, "CDEF:ahead=held0,POP,TIME,%" PRId64 ",-,%" PRId64 ",/",
		 f->origin, f->bucket);
	if (f->period > 1)
		text_add(t, "CDEF:phase=ahead,FLOOR,%u,+,%u,%%", f->phase,
			 f->period);
	for (unsigned int p = 0; f->period > 1 && p + 1 < f->period; p++)
		used += (size_t)snprintf(season + used, sizeof(season) - used,
					 "phase,%u,LT,%.9g,", p + 1,
					 f->season[p]);
	if (f->period > 1)
		used += (size_t)snprintf(season + used, sizeof(season) - used,
					 "%.9g", f->season[f->period - 1]);
	for (unsigned int p = 0; f->period > 1 && p + 1 < f->period; p++)
		used += (size_t)snprintf(season + used, sizeof(season) - used,
					 ",IF");
	text_add(t,
		 "CDEF:fore=TIME,%" PRId64 ",GT,TIME,%" PRId64
		 ",LE,*,ahead,%.17g,*,%.17g,+,%s,+,UNKN,IF",
		 track->last, f->reach, f->slope, f->level, season);
	text_add(t,
		 "CDEF:error=ahead,%.1f,+,DUP,*,%.17g,*,ahead,%.17g,*,+,%.17g,"
		 "+,SQRT,%.17g,*",
		 FORECAST_LEVEL_LAG, f->slope_error, f->walk,
		 f->noise + f->level_error, f->quantile);
	text_add(t, "CDEF:low=fore,error,-,0,MAX,%.17g,*", scale);
	text_add(t, "CDEF:band=fore,error,+,0,MAX,%.17g,*,low,-", scale);
	text_add(t, "CDEF:likely=fore,0,MAX,%.17g,*", scale);
}

static void format_hit(const char *bound, const struct forecast_hit *hit,
		       int64_t last, char *buf, size_t size)
{
	char at[32], early[32], late[32] = "later";

	*buf = '\0';
	if (hit->when == FORECAST_OVER)
		snprintf(buf, size, "  %s: now", bound);
	else if (hit->when == FORECAST_PERHAPS)
		snprintf(buf, size, "  %s: perhaps in %s", bound,
			 format_span(hit->earliest - last, at, sizeof(at)));
	if (hit->when != FORECAST_AT)
		return;
	if (hit->latest)
		format_span(hit->latest - last, late, sizeof(late));
	format_span(hit->at - last, at, sizeof(at));
	format_span(hit->earliest - last, early, sizeof(early));
	if (strcmp(early, late))
		snprintf(buf, size, "  %s in %s (%s to %s)", bound, at, early,
			 late);
	else
		snprintf(buf, size, "  %s in %s", bound, at);
}

static void forecast_words(const struct track *track, char *buf, size_t size)
{
	const struct forecast *f = &track->forecast;
	const struct meta_resource *r = track->resource;
	struct outlook outlook = { .resource = r, .forecast = *f };
	struct forecast_hit hit;
	char amount[32], barrier[96] = "", limit[96] = "";

	if (f->trend == FORECAST_TOO_LITTLE) {
		snprintf(buf, size, "too little data (%s)",
			 format_span(f->last - f->first, amount,
				     sizeof(amount)));
		return;
	}
	outlook.bounds = r->nr_changes ? r->change[r->nr_changes - 1].bounds :
					 (struct bounds){ RESCORE_UNLIMITED,
							  RESCORE_UNLIMITED };
	if (meta_bounds_met(r)) {
		hit = outlook_barrier(&outlook, f->reach);
		format_hit("barrier", &hit, f->last, barrier, sizeof(barrier));
		hit = outlook_limit(&outlook, f->reach);
		format_hit("limit", &hit, f->last, limit, sizeof(limit));
	}
	if (f->trend == FORECAST_FLAT)
		snprintf(buf, size, "no trend%s%s", barrier, limit);
	else
		snprintf(buf, size, "%c%s a day%s%s",
			 f->per_day < 0 ? '-' : '+',
			 unit_format(fabs(f->per_day), meta_shown_unit(r),
				     amount, sizeof(amount)),
			 barrier, limit);
}

static void add_forecast(const struct track *track,
			 const struct graph_theme *theme, struct graph_text *t)
{
	char words[256], line[64];

	if (track->forecast.trend != FORECAST_TOO_LITTLE &&
	    track->to > track->last) {
		text_add(t, "AREA:low#00000000");
		text_add(t, "AREA:band%s::STACK", theme->forecast_band);
		text_add(t, "LINE2:likely%s::dashes=6,4", theme->forecast);
		text_add(t, "VRULE:%" PRId64 "%s::dashes=2,3", track->last,
			 theme->axis);
	}
	forecast_words(track, words, sizeof(words));
	graph_legend(t, paint(line, "LINE2:none", theme->forecast), "forecast",
		     words);
}

/* --- the picture ---------------------------------------------------------------------- */

static void add_areas(const struct graph_theme *theme, struct graph_text *t)
{
	text_add(t, "AREA:gap%s", theme->gap);
	text_add(t, "AREA:peak%s", theme->peak_area);
	text_add(t, "AREA:held%s", theme->held_area);
}

static void add_lines(const struct track *track, const struct graph_summary *s,
		      const struct graph_axis *axis,
		      const struct graph_theme *theme, struct graph_text *t)
{
	unsigned int unit = meta_shown_unit(track->resource);
	char a[32], b[32], c[32], text[160], line[64];

	snprintf(text, sizeof(text), "last %-12s mean %-12s 95%% below %s",
		 unit_format(s->last, unit, a, sizeof(a)),
		 unit_format(s->mean, unit, b, sizeof(b)),
		 unit_format(s->p95, unit, c, sizeof(c)));
	graph_legend(t, paint(line, "LINE1.6:held", theme->held), "held", text);
	snprintf(text, sizeof(text), "highest %s",
		 unit_format(s->highest, unit, a, sizeof(a)));
	graph_legend(t, paint(line, "LINE1.2:peak", theme->peak), "peak", text);
	if (meta_bounds_shown(track->resource)) {
		format_bound(s->barrier, axis->barrier_above, unit, text);
		graph_legend(t, paint(line, "LINE2:bar", theme->barrier),
			     "barrier", text);
		/*
		 * Dashes: where both bounds are the same, both are seen. The
		 * legend belongs to a line of nothing, else its little box is
		 * dashed too.
		 */
		text_add(t, "LINE2:lim%s::dashes=7,5", theme->limit);
		format_bound(s->limit, axis->limit_above, unit, text);
		graph_legend(t, paint(line, "LINE2:none", theme->limit),
			     "limit", text);
	}
	if (track->forecasting)
		add_forecast(track, theme, t);
	/* librrd puts the words of a TICK two blanks further left. */
	snprintf(line, sizeof(line), "TICK:tick%s:-0.03", theme->failures);
	graph_legend(t, line, "  failures  ",
		     unit_format(s->failures, RESCORE_COUNT, a, sizeof(a)));
	if (s->gap)
		graph_legend(t, paint(line, "AREA:none", theme->gap),
			     "no samples", "");
}

void graph_arguments(const struct track *track,
		     const struct graph_summary *summary,
		     const struct graph_axis *axis,
		     const struct graph_look *look, struct graph_text *ret_text)
{
	struct graph_text text = {};
	char title[160];

	snprintf(title, sizeof(title), "%s · %s", track->meta.id.name,
		 track->resource->name);
	graph_frame(title, track->from, track->to, track->step, axis, look,
		    &text);
	add_defs(track, axis, &text);
	graph_bound(track, scale_of(axis), "bar", "held0", "bar0", false,
		    &text);
	graph_bound(track, scale_of(axis), "lim", "held0", "lim0", true, &text);
	if (track->forecasting && track->forecast.trend != FORECAST_TOO_LITTLE)
		add_future(track, scale_of(axis), &text);
	add_areas(look->theme, &text);
	add_lines(track, summary, axis, look->theme, &text);
	*ret_text = text;
}
