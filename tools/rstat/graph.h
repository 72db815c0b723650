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

struct graph_size {
	long width;
	long height;
};

void graph_arguments(const struct track *track,
		     const struct graph_summary *summary,
		     const struct graph_axis *axis, struct graph_size size,
		     enum graph_format format, struct graph_text *ret_text);

/* The labels of the time axis, for --x-grid; false: librrd's own are good. */
bool graph_time_grid(int64_t span, long width, char *buf, size_t size);

/* By the ending of a file name. -EINVAL */
int graph_format_of(const char *path, enum graph_format *ret_format);

/* The verb. */
int graph_run(const struct args *args);

#endif /* RSTAT_GRAPH_H */
