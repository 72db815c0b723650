// SPDX-License-Identifier: GPL-2.0
/* A picture as the arguments of rrdtool graph. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "graph.h"
#include "layout.h"

void text_add(struct graph_text *text, const char *fmt, ...)
{
	char *word = NULL;
	size_t len = 0;
	FILE *out;
	va_list args;

	if (text->nr + 1 >= text->room) {
		int room = text->room ? 2 * text->room : 64;
		char **v = realloc(text->v, (size_t)room * sizeof(*v));

		if (!v) {
			text->failed = true;
			return;
		}
		text->v = v;
		text->room = room;
	}
	out = open_memstream(&word, &len);
	if (out) {
		va_start(args, fmt);
		vfprintf(out, fmt, args);
		va_end(args);
	}
	if (!out || fclose(out)) {
		text->failed = true;
		free(word);
		return;
	}
	text->v[text->nr++] = word;
	text->v[text->nr] = NULL;
}

void text_free(struct graph_text *text)
{
	for (int i = 0; i < text->nr; i++)
		free(text->v[i]);
	free(text->v);
	*text = (struct graph_text){};
}

const char *text_escape(const char *word, char *buf, size_t size)
{
	size_t used = 0;

	for (; *word && used + 3 < size; word++) {
		if (*word == ':' || *word == '\\')
			buf[used++] = '\\';
		buf[used++] = *word;
	}
	buf[used] = '\0';

	return buf;
}

static void add_look(struct graph_text *t)
{
	/* clang-format off */
	static const char *const words[] = {
		"--border", "0", "--slope-mode", "--grid-dash", "1:0",
		"--disable-rrdtool-tag",
		"--color", "BACK#FFFFFF", "--color", "CANVAS#FAFBFC",
		"--color", "GRID#EDF0F3", "--color", "MGRID#D5DBE1",
		"--color", "FONT#1F2933", "--color", "AXIS#7B8794",
		"--color", "FRAME#FFFFFF", "--color", "ARROW#FFFFFF00",
		"--font", "DEFAULT:8:DejaVu Sans",
		"--font", "TITLE:12:DejaVu Sans",
		"--font", "LEGEND:8:DejaVu Sans Mono",
		"--font", "WATERMARK:7:DejaVu Sans",
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		text_add(t, "%s", words[i]);
}

static void format_time(int64_t stamp, const char *format, char buf[48])
{
	time_t when = (time_t)stamp;
	struct tm tm;

	if (!localtime_r(&when, &tm) || !strftime(buf, 48, format, &tm))
		*buf = '\0';
}

static void add_watermark(const struct track *track, struct graph_text *t)
{
	char from[48], to[48], row[32];

	format_time(track->from, "%Y-%m-%d %H:%M:%S", from);
	format_time(track->to, "%Y-%m-%d %H:%M:%S %Z", to);
	if (track->step % 3600 == 0)
		snprintf(row, sizeof(row), "%" PRId64 " h", track->step / 3600);
	else if (track->step % 60 == 0)
		snprintf(row, sizeof(row), "%" PRId64 " min", track->step / 60);
	else
		snprintf(row, sizeof(row), "%" PRId64 " s", track->step);
	text_add(t, "--watermark");
	text_add(t, "%s – %s  ·  a value per %s  ·  rstat", from, to, row);
}

static void add_frame(const struct track *track, const struct graph_axis *axis,
		      struct graph_size size, enum graph_format format,
		      struct graph_text *t)
{
	static const char *const formats[] = {
		[GRAPH_PNG] = "PNG",
		[GRAPH_SVG] = "SVG",
		[GRAPH_PDF] = "PDF",
	};
	char grid[96];

	text_add(t, "rstat");
	text_add(t, "-");
	text_add(t, "--imgformat=%s", formats[format]);
	text_add(t, "--start=%" PRId64, track->from);
	text_add(t, "--end=%" PRId64, track->to);
	text_add(t, "--width=%ld", size.width);
	text_add(t, "--height=%ld", size.height);
	text_add(t, "--title=%s · %s", track->meta.id.name,
		 track->resource->name);
	if (*axis->scale.label)
		text_add(t, "--vertical-label=%s", axis->scale.label);
	text_add(t, "--lower-limit=0");
	text_add(t, "--upper-limit=%.17g", axis->top);
	text_add(t, "--rigid");
	/* We scale; rrdtool must not put an "m" behind half a file. */
	text_add(t, "--units-exponent=0");
	text_add(t, "--y-grid=%.17g:1", axis->grid);
	text_add(t, "--left-axis-format=%%.%dlf", axis->decimals);
	/* What is newest stands at the right; and without an axis there, the
	 * last label of the time is cut in two.
	 */
	text_add(t, "--right-axis=1:0");
	text_add(t, "--right-axis-format=%%.%dlf", axis->decimals);
	if (graph_time_grid(track->to - track->from, size.width, grid,
			    sizeof(grid)))
		text_add(t, "--x-grid=%s", grid);
	add_look(t);
	add_watermark(track, t);
}

static void add_defs(const struct track *track, const struct graph_axis *axis,
		     struct graph_text *t)
{
	double scale = axis->scale.factor / axis->scale.divisor;
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
 * of them what cap.rrd has. "held0,POP" makes librrd evaluate it at every
 * sample and not only once per row of cap.rrd.
 */
static void add_bound(const struct track *track, const struct graph_axis *axis,
		      const char *name, const char *stored, bool limit,
		      struct graph_text *t)
{
	double scale = axis->scale.factor / axis->scale.divisor;
	const struct meta_resource *r = track->resource;
	char rpn[2048];
	size_t used;

	used = (size_t)snprintf(rpn, sizeof(rpn),
				"held0,POP,TIME,%" PRId64 ",GT,TIME,%" PRId64
				",LT,+,UNKN,",
				track->last, track->meta.first);
	for (unsigned int i = r->nr_changes; i-- > 0;) {
		const struct bounds *b = &r->change[i].bounds;
		int64_t bound = limit ? b->limit : b->barrier;
		char value[32] = "UNKN";

		if (bound != RESCORE_UNLIMITED)
			snprintf(value, sizeof(value), "%.17g",
				 (double)bound * scale);
		used += (size_t)snprintf(rpn + used, sizeof(rpn) - used,
					 "TIME,%" PRId64 ",GE,%s,",
					 r->change[i].stamp, value);
	}
	used += (size_t)snprintf(rpn + used, sizeof(rpn) - used, "%s,%.17g,*",
				 stored, scale);
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

/* Legends are padded to the same width, by characters and not by bytes. */
static void add_legend(struct graph_text *t, const char *element,
		       const char *label, const char *text)
{
	char escaped[256];

	text_add(t, "%s:%-10s%s\\l", element, label,
		 text_escape(text, escaped, sizeof(escaped)));
}

static void add_lines(const struct track *track, const struct graph_summary *s,
		      const struct graph_axis *axis, struct graph_text *t)
{
	unsigned int unit = track->resource->unit;
	char a[32], b[32], c[32], text[160];

	text_add(t, "AREA:gap#C3CDD566");
	text_add(t, "AREA:peak#7CB3E633");
	text_add(t, "AREA:held#7CB3E6AA");
	snprintf(text, sizeof(text), "last %-12s mean %-12s 95%% below %s",
		 unit_format(s->last, unit, a, sizeof(a)),
		 unit_format(s->mean, unit, b, sizeof(b)),
		 unit_format(s->p95, unit, c, sizeof(c)));
	add_legend(t, "LINE1.6:held#2B7BBA", "held", text);
	snprintf(text, sizeof(text), "highest %s",
		 unit_format(s->highest, unit, a, sizeof(a)));
	add_legend(t, "LINE1.2:peak#4A6E8C", "peak", text);
	format_bound(s->barrier, axis->barrier_above, unit, text);
	add_legend(t, "LINE2:bar#F2A73B", "barrier", text);
	/*
	 * Dashes: where both bounds are the same, both are seen. The legend
	 * belongs to a line of nothing, else its little box is dashed too.
	 */
	text_add(t, "LINE2:lim#D64545::dashes=7,5");
	format_bound(s->limit, axis->limit_above, unit, text);
	add_legend(t, "LINE2:none#D64545", "limit", text);
	/* librrd puts the words of a TICK two blanks further left. */
	add_legend(t, "TICK:tick#B83280:-0.03", "  failures  ",
		   unit_format(s->failures, RESCORE_COUNT, a, sizeof(a)));
	if (s->gap)
		add_legend(t, "AREA:none#C3CDD5", "no samples", "");
}

void graph_arguments(const struct track *track,
		     const struct graph_summary *summary,
		     const struct graph_axis *axis, struct graph_size size,
		     enum graph_format format, struct graph_text *ret_text)
{
	struct graph_text text = {};

	add_frame(track, axis, size, format, &text);
	add_defs(track, axis, &text);
	add_bound(track, axis, "bar", "bar0", false, &text);
	add_bound(track, axis, "lim", "lim0", true, &text);
	add_lines(track, summary, axis, &text);
	*ret_text = text;
}
