/* SPDX-License-Identifier: GPL-2.0 */
/* A picture of one resource of one container. */
#ifndef RSTAT_GRAPH_H
#define RSTAT_GRAPH_H

#include <stdbool.h>
#include <stdio.h>

#include "track.h"
#include "unit.h"
#include "verb.h"

enum graph_format { GRAPH_PNG, GRAPH_SVG, GRAPH_PDF };

#define GRAPH_PALETTE	8	/* colours of lines that are compared */

/* Colours as "#RRGGBB" or "#RRGGBBAA". */
struct graph_theme {
	const char *name;
	const char *back, *canvas, *grid, *major_grid, *font, *axis;
	const char *held_area, *held, *peak_area, *peak;
	const char *barrier, *limit, *failures, *gap;
	const char *forecast, *forecast_band;
	const char *palette[GRAPH_PALETTE];
};

/* "light", "dark"; NULL: there is no such theme. */
const struct graph_theme *graph_theme_find(const char *name);

/* What is decided before anything is drawn. Lengths in scaled units. */
struct graph_axis {
	struct unit_scale scale;
	double top;		/* upper end of the picture */
	double grid;		/* between two labelled lines */
	int decimals;		/* of the labels */
	bool barrier_above;	/* too far up to be in the picture */
	bool limit_above;
};

/* What the legend says; NAN: nothing known. As stored, not scaled. */
struct graph_summary {
	double last, mean, p95;	/* of held */
	double highest;		/* of peak and held */
	double barrier, limit;	/* at the end; NAN: unlimited */
	double failures;	/* sum */
	double bound_top;	/* highest barrier or limit in the range */
	size_t known;		/* rows with a value */
	bool gap;		/* rows without one between samples */
};

void graph_summarize(const struct track *track, struct graph_summary *ret);
void graph_axis(const struct track *track, const struct graph_summary *summary,
		struct graph_axis *ret_axis);
/* For values up to @top, as stored. */
void graph_axis_of(unsigned int unit, double top, struct graph_axis *ret_axis);

/* Arguments of rrdtool graph; text in rrdtool's own syntax. */
struct graph_text {
	char **v;
	int nr;
	int room;
	bool failed;		/* no memory */
};

void text_add(struct graph_text *text, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void text_free(struct graph_text *text);
/* ':' and '\' in words of others must not end or change an element. */
const char *text_escape(const char *word, char *buf, size_t size);

/* How it shall look. */
struct graph_look {
	long width, height;	/* of the plot */
	enum graph_format format;
	const struct graph_theme *theme;
};

void graph_arguments(const struct track *track,
		     const struct graph_summary *summary,
		     const struct graph_axis *axis,
		     const struct graph_look *look,
		     struct graph_text *ret_text);

/* The parts of it. @title: of the picture, not escaped. */
void graph_frame(const char *title, int64_t from, int64_t to, int64_t step,
		 const struct graph_axis *axis, const struct graph_look *look,
		 struct graph_text *text);
/*
 * CDEF @name: a bound of the track over time. @base: a DEF at whose rows it is
 * evaluated; @stored: the DEF of the bound.
 */
void graph_bound(const struct track *track, double scale, const char *name,
		 const char *base, const char *stored, bool limit,
		 struct graph_text *text);
/* Legends are padded to the same width, by characters and not by bytes. */
void graph_legend(struct graph_text *text, const char *element,
		  const char *label, const char *words);

/*
 * The picture of several tracks, as lines: held of each, in one unit, or, where
 * they are of different resources, in percent of the bound that is met first.
 * Files are named
 * from the store on.
 */
void graph_compare(const struct track *track, size_t nr, bool percent,
		   const struct graph_look *look, struct graph_text *ret_text);

/* The labels of the time axis, for --x-grid; false: librrd's own are good. */
bool graph_time_grid(int64_t span, long width, char *buf, size_t size);

/* By the ending of a file name. -EINVAL */
int graph_format_of(const char *path, enum graph_format *ret_format);

/* Draw it with librrd. @title, @words: what it says, for who cannot see it. */
int graph_write(const struct graph_text *text, enum graph_format format,
		const char *title, const char *words, FILE *out);

/* A picture that is drawn already; SVG gets its words. */
void graph_put(const struct blob *image, enum graph_format format,
	       const char *title, const char *words, FILE *out);

/* Draw one picture, with names of the store's root; in a child. */
int graph_draw_compare(const struct store *store, const struct args *args,
		       const struct graph_look *look, FILE *out);
/* Many small ones: all resources of a container, or all containers. */
int graph_draw_sheet(const struct store *store, const struct args *args,
		     const struct graph_look *look, FILE *out);

struct graph_job {
	const struct args *args;
	struct graph_look look;
};

/* Of what stands on the command line, @args. -EINVAL: it makes no sense. */
int graph_make_job(const struct args *args, struct graph_job *ret);

/* In a child: the picture that the struct graph_job @job asks for. */
int graph_draw(void *job, FILE *out);

/* The verb. */
int graph_run(const struct args *args);

#endif /* RSTAT_GRAPH_H */
