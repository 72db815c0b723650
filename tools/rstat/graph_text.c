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

static void add_look(const struct graph_theme *theme, struct graph_text *t)
{
	/* clang-format off */
	static const char *const words[] = {
		"--border", "0", "--slope-mode", "--grid-dash", "1:0",
		"--disable-rrdtool-tag",
		"--font", "DEFAULT:8:DejaVu Sans",
		"--font", "TITLE:12:DejaVu Sans",
		"--font", "LEGEND:8:DejaVu Sans Mono",
		"--font", "WATERMARK:7:DejaVu Sans",
	};
	const struct { const char *part, *colour; } colours[] = {
		{ "BACK", theme->back }, { "CANVAS", theme->canvas },
		{ "GRID", theme->grid }, { "MGRID", theme->major_grid },
		{ "FONT", theme->font }, { "AXIS", theme->axis },
		{ "FRAME", theme->back }, { "ARROW", "#FFFFFF00" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		text_add(t, "%s", words[i]);
	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		text_add(t, "--color=%s%s", colours[i].part, colours[i].colour);
}

static void format_time(int64_t stamp, const char *format, char buf[48])
{
	time_t when = (time_t)stamp;
	struct tm tm;

	if (!localtime_r(&when, &tm) || !strftime(buf, 48, format, &tm))
		*buf = '\0';
}

static void add_watermark(int64_t start, int64_t end, int64_t step,
			  struct graph_text *t)
{
	char from[48], to[48], row[32];

	format_time(start, "%Y-%m-%d %H:%M:%S", from);
	format_time(end, "%Y-%m-%d %H:%M:%S %Z", to);
	if (step % 3600 == 0)
		snprintf(row, sizeof(row), "%" PRId64 " h", step / 3600);
	else if (step % 60 == 0)
		snprintf(row, sizeof(row), "%" PRId64 " min", step / 60);
	else
		snprintf(row, sizeof(row), "%" PRId64 " s", step);
	text_add(t, "--watermark");
	text_add(t, "%s – %s  ·  a value per %s  ·  rstat", from, to, row);
}

void graph_frame(const char *title, int64_t from, int64_t to, int64_t step,
		 const struct graph_axis *axis, const struct graph_look *look,
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
	text_add(t, "--imgformat=%s", formats[look->format]);
	text_add(t, "--start=%" PRId64, from);
	text_add(t, "--end=%" PRId64, to);
	text_add(t, "--width=%ld", look->width);
	text_add(t, "--height=%ld", look->height);
	text_add(t, "--title=%s", title);
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
	if (graph_time_grid(to - from, look->width, grid, sizeof(grid)))
		text_add(t, "--x-grid=%s", grid);
	add_look(look->theme, t);
	add_watermark(from, to, step, t);
}
