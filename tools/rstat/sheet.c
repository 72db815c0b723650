// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cairo_shim.h"
#include "png.h"
#include "say.h"
#include "sheet.h"

#define MARGIN		16.0
#define GAP		18.0	/* between cells */
#define TITLE_HEIGHT	44.0
#define LABEL_HEIGHT	18.0	/* above a plot */
#define FOOT_HEIGHT	22.0
#define NAME_WIDTH	150.0	/* of the names of rows */
#define HEAD_HEIGHT	20.0	/* of the names of columns */
#define FONT		"DejaVu Sans"

struct box {
	double x, y, width, height;
};

struct canvas {
	const struct cairo_calls *c;
	cairo_t *cr;
	const struct graph_theme *theme;
	struct blob image;
	size_t room;
	bool failed;
};

static cairo_status_t collect_bytes(void *closure, const unsigned char *data,
				    unsigned int len)
{
	struct canvas *canvas = closure;

	if (canvas->image.len + len + 1 > canvas->room) {
		size_t room = 2 * (canvas->image.len + len) + 65536;
		char *more = realloc(canvas->image.data, room);

		if (!more)
			return CAIRO_STATUS_NO_MEMORY;
		canvas->image.data = more;
		canvas->room = room;
	}
	memcpy(canvas->image.data + canvas->image.len, data, len);
	canvas->image.len += len;
	canvas->image.data[canvas->image.len] = '\0';

	return CAIRO_STATUS_SUCCESS;
}

/* "#RRGGBB" or "#RRGGBBAA" */
static void ink(struct canvas *canvas, const char *colour)
{
	unsigned int rgba[4] = { 0, 0, 0, 255 };

	sscanf(colour, "#%2x%2x%2x%2x", &rgba[0], &rgba[1], &rgba[2], &rgba[3]);
	canvas->c->set_source_rgba(canvas->cr, rgba[0] / 255.0, rgba[1] / 255.0,
				   rgba[2] / 255.0, rgba[3] / 255.0);
}

enum align { LEFT, RIGHT };

/* @y: of the baseline. Returns how wide it is. Names come from files: ASCII only is safe to show. */
static double write_text(struct canvas *canvas, double x, double y, double size,
			 bool bold, enum align align, const char *text)
{
	cairo_text_extents_t extents;
	char clean[160];

	snprintf(clean, sizeof(clean), "%s", text);
	for (char *c = clean; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
	canvas->c->select_font_face(canvas->cr, FONT, CAIRO_FONT_SLANT_NORMAL,
				    bold ? CAIRO_FONT_WEIGHT_BOLD :
					   CAIRO_FONT_WEIGHT_NORMAL);
	canvas->c->set_font_size(canvas->cr, size);
	canvas->c->text_extents(canvas->cr, clean, &extents);
	if (align == RIGHT)
		x -= extents.x_advance;
	canvas->c->move_to(canvas->cr, x, y);
	canvas->c->show_text(canvas->cr, clean);

	return extents.x_advance;
}

/* --- one plot ------------------------------------------------------------------------ */

struct plot {
	const struct track *track;
	struct box box;
	double top;		/* value at the upper edge */
};

static double x_of(const struct plot *p, int64_t stamp)
{
	double part = (double)(stamp - p->track->from) /
		      (double)(p->track->to - p->track->from);

	return p->box.x + p->box.width * fmin(fmax(part, 0), 1);
}

static double y_of(const struct plot *p, double value)
{
	return p->box.y + p->box.height * (1 - fmin(value / p->top, 1));
}

static double figure(const struct track_row *row, size_t offset)
{
	double value;

	memcpy(&value, (const char *)row + offset, sizeof(value));

	return value;
}

#define HELD	offsetof(struct track_row, held)
#define PEAK	offsetof(struct track_row, peak)
#define BARRIER	offsetof(struct track_row, barrier)
#define LIMIT	offsetof(struct track_row, limit)

/* Steps: a row's value holds for the whole of it. */
static void draw_area(struct canvas *canvas, const struct plot *p, size_t what,
		      const char *colour)
{
	double bottom = p->box.y + p->box.height;

	ink(canvas, colour);
	for (size_t i = 0; i < p->track->nr; i++) {
		const struct track_row *row = &p->track->row[i];
		double value = figure(row, what);
		double left = x_of(p, row->stamp - p->track->step);

		if (isnan(value))
			continue;
		canvas->c->rectangle(canvas->cr, left, y_of(p, value),
				     x_of(p, row->stamp) - left,
				     bottom - y_of(p, value));
	}
	canvas->c->fill(canvas->cr);
}

static void draw_line(struct canvas *canvas, const struct plot *p, size_t what,
		      const char *colour, double width, bool dashed)
{
	static const double dash[] = { 4, 3 };
	bool drawing = false;

	ink(canvas, colour);
	canvas->c->set_line_width(canvas->cr, width);
	canvas->c->set_dash(canvas->cr, dash, dashed ? 2 : 0, 0);
	canvas->c->new_path(canvas->cr);
	for (size_t i = 0; i < p->track->nr; i++) {
		const struct track_row *row = &p->track->row[i];
		double value = figure(row, what);
		double left = x_of(p, row->stamp - p->track->step);

		if (isnan(value) || value > p->top) {
			drawing = false;
			continue;
		}
		if (drawing)
			canvas->c->line_to(canvas->cr, left, y_of(p, value));
		else
			canvas->c->move_to(canvas->cr, left, y_of(p, value));
		canvas->c->line_to(canvas->cr, x_of(p, row->stamp),
				   y_of(p, value));
		drawing = true;
	}
	canvas->c->stroke(canvas->cr);
	canvas->c->set_dash(canvas->cr, dash, 0, 0);
}

/* Rows with nothing known, and rows with refusals. */
static void draw_marks(struct canvas *canvas, const struct plot *p, bool gaps)
{
	const struct track *track = p->track;

	ink(canvas, gaps ? canvas->theme->gap : canvas->theme->failures);
	for (size_t i = 0; i < track->nr; i++) {
		const struct track_row *row = &track->row[i];
		double left = x_of(p, row->stamp - track->step);
		bool gap = isnan(row->held) && isnan(row->peak) &&
			   row->stamp > track->meta.first &&
			   row->stamp - track->step < track->last;

		if (gaps ? !gap : !(row->failures > 0))
			continue;
		canvas->c->rectangle(canvas->cr, left, p->box.y,
				     fmax(x_of(p, row->stamp) - left, 1),
				     gaps ? p->box.height : 3);
	}
	canvas->c->fill(canvas->cr);
}

static void draw_plot(struct canvas *canvas, const struct sheet_cell *cell,
		      struct box box)
{
	const struct graph_theme *theme = canvas->theme;
	struct graph_axis axis;
	struct plot p = { .track = &cell->track, .box = box };

	graph_axis(&cell->track, &cell->summary, &axis);
	p.top = axis.top * axis.scale.divisor / axis.scale.factor;
	canvas->c->save(canvas->cr);
	canvas->c->rectangle(canvas->cr, box.x, box.y, box.width, box.height);
	canvas->c->clip(canvas->cr);
	draw_marks(canvas, &p, true);
	draw_area(canvas, &p, PEAK, theme->peak_area);
	draw_area(canvas, &p, HELD, theme->held_area);
	draw_line(canvas, &p, HELD, theme->held, 1.4, false);
	draw_line(canvas, &p, PEAK, theme->peak, 0.8, false);
	draw_line(canvas, &p, BARRIER, theme->barrier, 1.4, false);
	draw_line(canvas, &p, LIMIT, theme->limit, 1.4, true);
	draw_marks(canvas, &p, false);
	canvas->c->restore(canvas->cr);
}

/* "123 of 200 (62 %)"; how close it is shows in its colour, too. */
static void write_state(struct canvas *canvas, const struct sheet_cell *cell,
			double x, double y)
{
	const struct graph_summary *s = &cell->summary;
	unsigned int unit = meta_shown_unit(cell->track.resource);
	double bound = isnan(s->barrier) ? s->limit : s->barrier;
	char held[32], of[32], text[128];
	const char *colour = canvas->theme->font;

	if (isnan(s->last)) {
		snprintf(text, sizeof(text), "no samples");
	} else if (bound > 0) {
		snprintf(text, sizeof(text), "%s of %s (%.0f %%)",
			 unit_format(s->last, unit, held, sizeof(held)),
			 unit_format(bound, unit, of, sizeof(of)),
			 100 * s->last / bound);
		if (s->highest >= bound || s->failures > 0)
			colour = canvas->theme->limit;
	} else {
		snprintf(text, sizeof(text), "%s",
			 unit_format(s->last, unit, held, sizeof(held)));
	}
	ink(canvas, colour);
	write_text(canvas, x, y, 9, false, RIGHT, text);
}

/* Up to where the plot goes. */
static void write_top(struct canvas *canvas, const struct sheet_cell *cell,
		      double x, double y)
{
	char number[32], text[64];
	struct graph_axis axis;

	if (!(cell->summary.highest > 0) && !(cell->summary.bound_top > 0))
		return;
	graph_axis(&cell->track, &cell->summary, &axis);
	snprintf(text, sizeof(text), "0..%s",
		 unit_format(axis.top * axis.scale.divisor / axis.scale.factor,
			     meta_shown_unit(cell->track.resource), number,
			     sizeof(number)));
	ink(canvas, canvas->theme->axis);
	write_text(canvas, x, y, 7.5, false, LEFT, text);
}

static void draw_cell(struct canvas *canvas, const struct sheet_cell *cell,
		      struct box plot)
{
	double x = plot.x;

	if (!cell->filled)
		return;
	ink(canvas, canvas->theme->canvas);
	canvas->c->rectangle(canvas->cr, plot.x, plot.y, plot.width,
			     plot.height);
	canvas->c->fill(canvas->cr);
	ink(canvas, canvas->theme->font);
	if (*cell->label)
		x += 6 + write_text(canvas, x, plot.y - 5, 9.5, true, LEFT,
				    cell->label);
	write_top(canvas, cell, x, plot.y - 5);
	write_state(canvas, cell, plot.x + plot.width, plot.y - 5);
	draw_plot(canvas, cell, plot);
}

/* --- the sheet ------------------------------------------------------------------------ */

static void sheet_size(const struct sheet *s, double *width, double *height)
{
	*width = 2 * MARGIN + (s->row_name ? NAME_WIDTH : 0) +
		 (double)s->columns * ((double)s->cell_width + GAP) - GAP;
	*height = MARGIN + TITLE_HEIGHT + (s->column_name ? HEAD_HEIGHT : 0) +
		  (double)s->rows *
			  ((double)s->cell_height + LABEL_HEIGHT + GAP) +
		  FOOT_HEIGHT;
}

static struct box cell_box(const struct sheet *s, size_t row, size_t column)
{
	struct box box = { .width = (double)s->cell_width,
			   .height = (double)s->cell_height };

	box.x = MARGIN + (s->row_name ? NAME_WIDTH : 0) +
		(double)column * (box.width + GAP);
	box.y = MARGIN + TITLE_HEIGHT + (s->column_name ? HEAD_HEIGHT : 0) +
		(double)row * (box.height + LABEL_HEIGHT + GAP) + LABEL_HEIGHT;

	return box;
}

static void draw_names(struct canvas *canvas, const struct sheet *s)
{
	ink(canvas, canvas->theme->font);
	for (size_t r = 0; s->row_name && r < s->rows; r++) {
		struct box box = cell_box(s, r, 0);

		write_text(canvas, MARGIN, box.y + box.height / 2 + 4, 11, true,
			   LEFT, s->row_name[r]);
	}
	for (size_t c = 0; s->column_name && c < s->columns; c++)
		write_text(canvas, cell_box(s, 0, c).x,
			   MARGIN + TITLE_HEIGHT + 10, 11, true, LEFT,
			   s->column_name[c]);
}

static void draw_foot(struct canvas *canvas, const struct sheet *s,
		      double width, double height)
{
	char from[48] = "", to[48] = "", text[128];
	time_t start = (time_t)s->from, end = (time_t)s->to;
	struct tm tm;

	if (localtime_r(&start, &tm))
		strftime(from, sizeof(from), "%Y-%m-%d %H:%M:%S", &tm);
	if (localtime_r(&end, &tm))
		strftime(to, sizeof(to), "%Y-%m-%d %H:%M:%S %Z", &tm);
	snprintf(text, sizeof(text), "%s to %s - rstat", from, to);
	ink(canvas, canvas->theme->axis);
	write_text(canvas, width - MARGIN, height - 8, 8, false, RIGHT, text);
	write_text(canvas, MARGIN, height - 8, 8, false, LEFT,
		   "area: held; line above: peak; solid: barrier; dashed: "
		   "limit; marks at the top: refusals");
}

static void draw_sheet(struct canvas *canvas, const struct sheet *s,
		       double width, double height)
{
	ink(canvas, canvas->theme->back);
	canvas->c->rectangle(canvas->cr, 0, 0, width, height);
	canvas->c->fill(canvas->cr);
	ink(canvas, canvas->theme->font);
	write_text(canvas, MARGIN, MARGIN + 14, 15, true, LEFT, s->title);
	ink(canvas, canvas->theme->axis);
	write_text(canvas, MARGIN, MARGIN + 30, 9, false, LEFT, s->note);
	draw_names(canvas, s);
	for (size_t r = 0; r < s->rows; r++)
		for (size_t c = 0; c < s->columns; c++)
			draw_cell(canvas, &s->cell[r * s->columns + c],
				  cell_box(s, r, c));
	draw_foot(canvas, s, width, height);
}

static cairo_surface_t *make_surface(struct canvas *canvas,
				     enum graph_format format, double width,
				     double height)
{
	switch (format) {
	case GRAPH_SVG:
		return canvas->c->svg_surface_create_for_stream(collect_bytes,
								canvas, width,
								height);
	case GRAPH_PDF:
		return canvas->c->pdf_surface_create_for_stream(collect_bytes,
								canvas, width,
								height);
	case GRAPH_PNG:
		break;
	}
	return canvas->c->image_surface_create(CAIRO_FORMAT_RGB24,
					       (int)ceil(width),
					       (int)ceil(height));
}

int sheet_draw(const struct sheet *sheet, const struct graph_look *look,
	       struct blob *ret_image)
{
	struct canvas canvas = { .theme = look->theme };
	cairo_surface_t *surface;
	double width, height;
	bool bad;

	canvas.c = cairo_shim_load();
	if (!canvas.c)
		return -ENOENT;
	sheet_size(sheet, &width, &height);
	surface = make_surface(&canvas, look->format, width, height);
	canvas.cr = canvas.c->create(surface);
	draw_sheet(&canvas, sheet, width, height);
	bad = canvas.c->status(canvas.cr);
	canvas.c->destroy(canvas.cr);
	if (!bad && look->format == GRAPH_PNG)
		bad = cairo_surface_write_to_png_stream(surface, collect_bytes,
							&canvas);
	canvas.c->surface_finish(surface);
	bad |= canvas.c->surface_status(surface) != CAIRO_STATUS_SUCCESS;
	canvas.c->surface_destroy(surface);
	if (bad || !canvas.image.data) {
		blob_free(&canvas.image);
		return fail(EIO, "cairo could not draw the sheet");
	}
	*ret_image = canvas.image;

	return 0;
}
