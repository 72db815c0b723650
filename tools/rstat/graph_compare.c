// SPDX-License-Identifier: GPL-2.0
/* Several containers, or resources of one, in one picture. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "graph.h"
#include "layout.h"
#include "say.h"

/* What a line of the legend says; in the unit of the picture. */
struct line {
	double last, mean, highest;
};

/* Of the bound that is met first: barrier, or limit where there is none. */
static double percent_of(const struct track_row *row)
{
	double bound = isnan(row->barrier) ? row->limit : row->barrier;

	return bound > 0 ? 100 * row->held / bound : NAN;
}

static struct line measure(const struct track *track, bool percent)
{
	struct line line = { NAN, NAN, NAN };
	double sum = 0;
	size_t n = 0;

	for (size_t i = 0; i < track->nr; i++) {
		const struct track_row *row = &track->row[i];
		double v = percent ? percent_of(row) : row->held;

		if (isnan(v))
			continue;
		line.last = v;
		line.highest = fmax(line.highest, v);
		sum += v;
		n++;
	}
	if (n)
		line.mean = sum / (double)n;

	return line;
}

static void add_def(const struct track *track, const char *stem,
		    const char *suffix, const char *cf, size_t i,
		    struct graph_text *t)
{
	char path[STORE_SERIES_LEN + LAYOUT_FILE_LEN],
		escaped[2 * sizeof(path)];
	enum layout_kind kind = LAYOUT_USE;
	char name[LAYOUT_FILE_LEN];

	for (int k = 0; k < LAYOUT_KINDS; k++)
		if (!strcmp(layout_files[k].stem, stem))
			kind = (enum layout_kind)k;
	snprintf(path, sizeof(path), "%s/%s", track->dir.path,
		 layout_file_name(kind, track->set, name));
	text_add(t, "DEF:%s%zu=%s:%s_%s:%s", suffix, i,
		 text_escape(path, escaped, sizeof(escaped)),
		 track->resource->name, suffix, cf);
}

static void add_line(const struct track *track, size_t i, bool percent,
		     double scale, struct graph_text *t)
{
	char held[32], bar[32], lim[32], name[32];

	snprintf(held, sizeof(held), "held%zu", i);
	add_def(track, "use", "held", "AVERAGE", i, t);
	if (meta_held_grows(track->resource))
		text_add(t,
			 "CDEF:own%zu=%s,PREV(%s),-,DUP,0,LT,UNKN,0,IF,+,"
			 "STEPWIDTH,/,1e-7,*,%.17g,*",
			 i, held, held, scale);
	else
		text_add(t, "CDEF:own%zu=%s,%.17g,*", i, held, scale);
	if (!percent)
		return;
	add_def(track, "cap", "bar", "LAST", i, t);
	add_def(track, "cap", "lim", "LAST", i, t);
	snprintf(bar, sizeof(bar), "bar%zu", i);
	snprintf(lim, sizeof(lim), "lim%zu", i);
	snprintf(name, sizeof(name), "b%zu", i);
	graph_bound(track, 1, name, held, bar, false, t);
	snprintf(name, sizeof(name), "l%zu", i);
	graph_bound(track, 1, name, held, lim, true, t);
	text_add(t, "CDEF:of%zu=b%zu,UN,l%zu,b%zu,IF", i, i, i, i);
	text_add(t, "CDEF:part%zu=of%zu,0,GT,own%zu,of%zu,/,100,*,UNKN,IF", i,
		 i, i, i);
}

static void add_legend(const struct track *track, size_t i, bool percent,
		       const struct line *line, int width,
		       const struct graph_look *look, struct graph_text *t)
{
	unsigned int unit = percent ? RESCORE_PERCENT :
				      meta_shown_unit(track->resource);
	const char *label = percent ? track->resource->name :
				      track->meta.id.name;
	char a[32], b[32], c[32], element[64], text[256], padded[80];

	/*
	 * Every second one is dashed: lines on top of each other are both
	 * seen. The legend belongs to a line of nothing; see graph_lines.c.
	 */
	text_add(t, "LINE2:%s%zu%s%s", percent ? "part" : "own", i,
		 look->theme->palette[i], i % 2 ? "::dashes=9,4" : "");
	text_add(t, "CDEF:none%zu=held%zu,POP,UNKN", i, i);
	snprintf(element, sizeof(element), "LINE2:none%zu%s", i,
		 look->theme->palette[i]);
	if (isnan(line->last))
		snprintf(text, sizeof(text), "  %s",
			 percent ? "no bound, or no samples" : "no samples");
	else
		snprintf(text, sizeof(text),
			 "  last %-10s mean %-10s highest %s",
			 unit_format(line->last, unit, a, sizeof(a)),
			 unit_format(line->mean, unit, b, sizeof(b)),
			 unit_format(line->highest, unit, c, sizeof(c)));
	snprintf(padded, sizeof(padded), "%-*s", width, label);
	graph_legend(t, element, padded, text);
}

void graph_compare(const struct track *track, size_t nr, bool percent,
		   const struct graph_look *look, struct graph_text *ret_text)
{
	struct graph_summary summary = { .barrier = NAN, .limit = NAN };
	struct line line[GRAPH_PALETTE];
	struct graph_text text = {};
	struct graph_axis axis;
	int width = 0;
	char title[160];

	summary.highest = percent ? 100 : NAN;
	for (size_t i = 0; i < nr; i++) {
		const char *label = percent ? track[i].resource->name :
					      track[i].meta.id.name;

		line[i] = measure(&track[i], percent);
		summary.highest = fmax(summary.highest, line[i].highest);
		if ((int)strlen(label) > width)
			width = (int)strlen(label);
	}
	graph_axis_of(percent ? RESCORE_PERCENT :
				meta_shown_unit(track->resource),
		      summary.highest, &axis);
	if (percent)
		snprintf(title, sizeof(title), "%s · percent of the bound",
			 track->meta.id.name);
	else
		snprintf(title, sizeof(title), "%s", track->resource->name);
	graph_frame(title, track->from, track->to, track->step, &axis, look,
		    &text);
	for (size_t i = 0; i < nr; i++)
		add_line(&track[i], i, percent,
			 percent ? 1 : axis.scale.factor / axis.scale.divisor,
			 &text);
	for (size_t i = 0; i < nr; i++)
		add_legend(&track[i], i, percent, &line[i], width, look, &text);
	*ret_text = text;
}

/* --- what is compared ----------------------------------------------------------------- */

/* Words between commas; -1: too many. Empty ones are left out. */
static int split(char *list, const char **word, int max)
{
	char *save = NULL;
	int n = 0;

	for (char *w = strtok_r(list, ",", &save); w;
	     w = strtok_r(NULL, ",", &save)) {
		if (n == max)
			return -1;
		word[n++] = w;
	}
	return n;
}

static int check_units(const struct track *track, size_t nr)
{
	for (size_t i = 1; i < nr; i++)
		if (meta_shown_unit(track[i].resource) !=
		    meta_shown_unit(track[0].resource))
			return fail(EINVAL,
				    "'%s' of '%s' is in another unit than that "
				    "of '%s'",
				    track[i].resource->name,
				    track[i].meta.id.name,
				    track[0].meta.id.name);
	return 0;
}

static int read_tracks(const struct store *store, const struct args *args,
		       const char *const *word, size_t nr, struct track *track)
{
	bool percent = !args->resource;
	struct track_query query = {
		.serial = args->serial,
		.from = args->from,
		.to = args->to,
	};
	int err = 0;

	for (size_t i = 0; !err && i < nr; i++) {
		query.container = percent ? args->container : word[i];
		query.resource = percent ? word[i] : args->resource;
		/* Serials are of the first one. */
		if (i && !percent)
			query.serial = NULL;
		err = track_read(store, &query, &track[i]);
	}
	/* All of them over the same time, if only some go so far. */
	for (size_t i = 0; !err && i < nr; i++) {
		if (track[i].from < track[0].from)
			track[0].from = track[i].from;
		if (track[i].to > track[0].to)
			track[0].to = track[i].to;
	}
	if (!err && !percent)
		err = check_units(track, nr);

	return err;
}

int graph_draw_compare(const struct store *store, const struct args *args,
		       const struct graph_look *look, FILE *out)
{
	const char *word[GRAPH_PALETTE + 1];
	struct track track[GRAPH_PALETTE] = {};
	bool percent = !args->resource;
	char *list = strdup(args->compare);
	struct graph_text text = {};
	char words[64];
	int nr, err;

	if (!list)
		return fail(ENOMEM, "no memory");
	word[0] = args->container;
	nr = split(list, word + !percent, GRAPH_PALETTE - !percent);
	if (nr < 1)
		err = fail(EINVAL, "--compare '%s': give one to %d names",
			   args->compare, GRAPH_PALETTE - !percent);
	else
		err = read_tracks(store, args, word, (size_t)nr + !percent,
				  track);
	nr += !percent;
	if (!err && fchdir(store->fd))
		err = fail(errno, "'%s': %s", store->path, strerror(errno));
	if (!err) {
		graph_compare(track, (size_t)nr, percent, look, &text);
		snprintf(words, sizeof(words), "%d lines", nr);
		err = graph_write(&text, look->format,
				  percent ? args->container : args->resource,
				  words, out);
	}
	for (int i = 0; i < GRAPH_PALETTE; i++)
		if (track[i].row)
			track_free(&track[i]);
	text_free(&text);
	free(list);

	return err;
}
